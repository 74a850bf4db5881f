"""Pose Residual Fusion: how the heatmaps changed towards the key frame, in both directions (paper, 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dcpose_core.models.residual_chain import ResidualChain
from dcpose_core.models.settings import DCPoseSettings
from dcpose_core.models.weighting import NeighbourWeights

#: Channels per joint that PRF gives.
FEATURES_PER_JOINT = 2


class PoseResidualFusion(nn.Module):
    """PRF: a residual chain over c - p and c - n of every joint, as they are and weighted (equations 4 and 5)."""

    def __init__(self, joints: int, settings: DCPoseSettings) -> None:
        super().__init__()
        self.settings = settings
        neighbours = settings.use_previous + settings.use_next
        groups = joints if settings.convolutions == "per_joint" else 1
        self.chain = ResidualChain(2 * neighbours * joints, FEATURES_PER_JOINT * joints, blocks=2, groups=groups)

    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, weights: NeighbourWeights) -> Tensor:
        """Heatmaps `[B, J, h, w]` of the three frames -> residual features `[B, 2 J, h, w]`, never negative."""
        in_time = self.settings.residuals == "in_time"
        plain, weighted = [], []
        if self.settings.use_previous:
            plain.append(current - previous)
            weighted.append(weights.previous * plain[-1])
        if self.settings.use_next:
            plain.append(next_ - current if in_time else current - next_)
            weighted.append(weights.next * plain[-1])
        if in_time:
            channels = [*plain, *weighted]
        else:
            channels = [values for pair in zip(plain, weighted, strict=True) for values in pair]
        features: Tensor = self.chain(torch.stack(channels, dim=2).flatten(1, 2))  # joint-major
        return features


class SummedFusion(nn.Module):
    """Ablation without PRF: one 3x3 convolution of h(c) - h(p) + h(n) - h(c)."""

    def __init__(self, joints: int, settings: DCPoseSettings) -> None:
        super().__init__()
        self.settings = settings
        self.conv = nn.Conv2d(joints, FEATURES_PER_JOINT * joints, 3, padding=1)

    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, weights: NeighbourWeights) -> Tensor:  # noqa: ARG002
        """As `PoseResidualFusion.forward`, but of any sign; the weights are not used."""
        total = torch.zeros_like(current)
        if self.settings.use_previous:
            total = total + (current - previous)
        if self.settings.use_next:
            total = total + (next_ - current)
        features: Tensor = self.conv(total)
        return features


FUSIONS = {"prf": PoseResidualFusion, "sum": SummedFusion}
