"""Distances between predicted and target heatmaps."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

#: Joints that PoseTrack annotates; the paper's N. The two ears of the 17 channels never are.
ANNOTATED_JOINTS = 15


def heatmap_loss(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """The reference's loss: the mean over batch, joints and pixels of (w predicted - w target)^2.

    Args:
        predicted, target: `[B, J, h, w]`.
        weight: `[B, J, 1]`, 0 for joints that are not annotated. These still count in the mean.

    Returns:
        A scalar tensor.
    """
    per_pixel = weight[..., None]  # [B, J, 1, 1]
    return F.mse_loss(per_pixel * predicted, per_pixel * target)


def paper_heatmap_loss(predicted: Tensor, target: Tensor, weight: Tensor, *, joints: int = ANNOTATED_JOINTS) -> Tensor:
    """The paper's loss (equation 10): 1/N sum_j v_j ||G(j) - P(j)||^2, the mean over the batch.

    As `heatmap_loss`, but summed over pixels, so larger by h x w x J / N for weights of 0 and 1. joints: N.
    """
    per_joint = (predicted - target).square().sum(dim=(2, 3))  # [B, J]
    return (weight[..., 0] * per_joint).sum(dim=1).mean() / joints


def peak_weighted_loss(predicted: Tensor, target: Tensor, weight: Tensor, *, peak: float) -> Tensor:
    """The mean over batch, joints and pixels of w (1 + peak x target) (predicted - target)^2.

    As `heatmap_loss`, but cells near the joint count up to 1 + `peak` times; almost all of a map is empty.
    """
    squared = (predicted - target).square() * (1 + peak * target)
    return (weight[..., None] * squared).mean()
