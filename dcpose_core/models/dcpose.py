"""DCPose: a backbone on three frames, then temporal modules that correct the key frame's heatmaps.

Liu et al., "Deep Dual Consecutive Network for Human Pose Estimation", CVPR 2021. Where the paper and the published
implementation differ, the implementation is the default (`DCPoseSettings`).
"""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor, nn

from dcpose_core.models.backbones.base import JOINTS, Backbone
from dcpose_core.models.initialisation import start_as_identity
from dcpose_core.models.pcn import PoseCorrectionNetwork
from dcpose_core.models.prf import FUSIONS
from dcpose_core.models.ptm import MERGERS
from dcpose_core.models.settings import REFERENCE, DCPoseSettings
from dcpose_core.models.weighting import neighbour_weights


class TemporalHead(nn.Module):
    """PTM, PRF and PCN: heatmaps of previous, key and next frame -> corrected heatmaps of the key frame."""

    def __init__(self, settings: DCPoseSettings = REFERENCE, *, joints: int = JOINTS) -> None:
        super().__init__()
        self.settings = settings
        self.ptm = MERGERS[settings.merger](joints, settings)
        self.prf = FUSIONS[settings.fusion](joints, settings)
        self.pcn = PoseCorrectionNetwork(joints, settings)
        if settings.start == "identity":
            start_as_identity(self.ptm, self.pcn, settings, joints=joints)

    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, margin: Tensor) -> Tensor:
        """The key frame's heatmaps, corrected.

        Args:
            current, previous, next_: `[B, J, h, w]` of the three frames, cropped with the key frame's box.
            margin: `[B, 2]`, distance in frames from previous to key and from key to next frame.

        Returns:
            `[B, J, h, w]`, linear, at least float32.
        """
        weights = neighbour_weights(margin, current.dtype)
        merged = self.ptm(current, previous, next_, weights)
        residuals = self.prf(current, previous, next_, weights)
        corrected: Tensor = self.pcn(merged, residuals)
        return corrected


class DCPose(nn.Module):
    """The whole network. `backbone` and `temporal` are callable on their own, so that crops of a frame are shared."""

    def __init__(self, backbone: Backbone, temporal: TemporalHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.temporal = temporal
        self._keeps_backbone_statistics = False

    def forward(self, frames: Tensor, margin: Tensor) -> Tensor:
        """Heatmaps of the key frame.

        Args:
            frames: float32 `[B, 9, H, W]`: RGB of current, previous and next frame, in this order, normalised; H and W
                multiples of 32.
            margin: `[B, 2]`, distance in frames from previous to key and from key to next frame.

        Returns:
            float32 `[B, 17, H/4, W/4]`, linear.
        """
        # One backbone call, all current frames first: in training mode its batch statistics span the three frames.
        images = torch.cat(frames.chunk(3, dim=1))
        current, previous, next_ = self.backbone(images).chunk(3)
        corrected: Tensor = self.temporal(current, previous, next_, margin)
        return corrected

    def freeze_backbone(self, *, keep_statistics: bool = False) -> Self:
        """Take the backbone out of training.

        As in the reference its parameters get no gradient, but in training mode its batch normalisations still use the
        batch and move their running statistics. `keep_statistics` leaves these alone too: the backbone then behaves in
        training as it does in evaluation.
        """
        self.backbone.requires_grad_(requires_grad=False)
        self._keeps_backbone_statistics = keep_statistics
        return self.train(self.training)

    def train(self, mode: bool = True) -> Self:
        """Switch between training and evaluation, respecting `freeze_backbone(keep_statistics=True)`."""
        super().train(mode)
        if self._keeps_backbone_statistics:
            self.backbone.eval()
        return self
