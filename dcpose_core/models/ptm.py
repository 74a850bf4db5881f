"""Pose Temporal Merger: heatmaps of three frames -> one map per joint that bounds where to search (paper, 3.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dcpose_core.models.residual_chain import ResidualChain
from dcpose_core.models.settings import DCPoseSettings
from dcpose_core.models.weighting import NeighbourWeights


class PoseTemporalMerger(nn.Module):
    """PTM: a residual chain over c, w_p p and w_n n of every joint (equations 2 and 3)."""

    def __init__(self, joints: int, settings: DCPoseSettings) -> None:
        super().__init__()
        self.settings = settings
        frames = 1 + settings.use_previous + settings.use_next
        groups = joints if settings.convolutions == "per_joint" else 1
        self.chain = ResidualChain(frames * joints, joints, blocks=1, groups=groups)

    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, weights: NeighbourWeights) -> Tensor:
        """Heatmaps `[B, J, h, w]` of the three frames -> merged maps of the same shape, never negative."""
        before = [weights.previous * previous] if self.settings.use_previous else []
        after = [weights.next * next_] if self.settings.use_next else []
        in_time = self.settings.frame_order == "in_time"
        frames = [*before, current, *after] if in_time else [current, *before, *after]
        merged: Tensor = self.chain(torch.stack(frames, dim=2).flatten(1, 2))  # joint-major, [B, J x frames, h, w]
        return merged


class SummedMerger(nn.Module):
    """Ablation without PTM (i): one 3x3 convolution of h(p) + h(c) + h(n)."""

    def __init__(self, joints: int, settings: DCPoseSettings) -> None:
        super().__init__()
        self.settings = settings
        self.conv = nn.Conv2d(joints, joints, 3, padding=1)

    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, weights: NeighbourWeights) -> Tensor:  # noqa: ARG002
        """As `PoseTemporalMerger.forward`; the weights are not used."""
        total = current
        if self.settings.use_previous:
            total = total + previous
        if self.settings.use_next:
            total = total + next_
        merged: Tensor = self.conv(total)
        return merged


class KeyFrameMerger(nn.Module):
    """Ablation without PTM (ii): the key frame's heatmaps as they are."""

    def __init__(self, joints: int, settings: DCPoseSettings) -> None:  # noqa: ARG002
        super().__init__()

    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, weights: NeighbourWeights) -> Tensor:  # noqa: ARG002
        """As `PoseTemporalMerger.forward`; only the key frame is used."""
        return current


MERGERS = {"ptm": PoseTemporalMerger, "sum": SummedMerger, "key_frame": KeyFrameMerger}
