"""A rival to DCPose's design: one residual network per joint that corrects the key frame's map directly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from dcpose_core.models.joint_batches import join_joints, split_joints, to_maps
from dcpose_core.models.map_correction import MapCorrection, weighted_frames
from dcpose_core.models.settings import TemporalSettings, check_sizes


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidualCNNSettings(TemporalSettings):
    """width: channels. block_dilations: of the 3x3 convolutions of each residual block. downscale: see `to_cells`."""

    width: int = 24
    block_dilations: tuple[int, ...] = (1, 2, 4, 8)
    downscale: Literal[1, 2, 4] = 2

    def __post_init__(self) -> None:
        check_sizes(widths=(self.width,), block_dilations=self.block_dilations)


class ResidualCNN(nn.Module):
    """c, w_p p, w_n n and c of the other side -> corrected c, for every joint with the same weights."""

    def __init__(self, settings: ResidualCNNSettings | None = None) -> None:
        super().__init__()
        self.settings = settings = settings or ResidualCNNSettings()
        self.correct = MapCorrection(
            4, size=settings.downscale, width=settings.width, block_dilations=settings.block_dilations
        )

    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, margin: Tensor) -> Tensor:
        """As `TemporalHead.forward`; before training the result is `current`."""
        joints = split_joints(current, previous, next_, margin)
        corrected = self.correct(weighted_frames(joints, previous=True, next_=True, opposite=True))
        return join_joints(to_maps(corrected, self.settings.downscale), current)
