"""A small network that moves a label from one frame to the next, as PoseWarper's warping does (Bertasius et al., 2019).

Offsets computed from a joint's heatmaps in both frames move the label of the first frame to the second: a deformable
convolution of the label, with five dilations. As in the slim DCPose every joint is an item of its own and all share the
weights, and the network works on blocks of 2 x 2 cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from dcpose_core.models.joint_batches import ResidualBlock, conv3x3, to_blocks
from dcpose_core.models.settings import SlimSettings, TemporalSettings, check_sizes
from dcpose_core.models.slim_correction import SlimCorrection


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelWarpSettings(TemporalSettings):
    """dilations: of the sampling grids, heatmap cells. blocks: dilations of the residual blocks over both frames' maps.

    width, offset_width: channels of these blocks, and of what offsets are made of. downscale: cells per block.
    """

    dilations: tuple[int, ...] = (3, 6, 9, 12, 15)
    blocks: tuple[int, ...] = (1, 2, 4)
    width: int = 16
    offset_width: int = 12
    downscale: Literal[1, 2, 4] = 2

    def __post_init__(self) -> None:
        check_sizes(widths=(self.width, self.offset_width, self.downscale), block_dilations=self.blocks)


class LabelWarp(nn.Module):
    """Label of one frame -> heatmap of the other; before training the label as it is.

    Called in the way of temporal modules, so that they are trained alike: the label is `previous`, and the backbone's
    own map of the labelled frame stands where the next frame would.
    """

    def __init__(self, settings: LabelWarpSettings | None = None) -> None:
        super().__init__()
        self.settings = settings = settings or LabelWarpSettings()
        self.stem = conv3x3(3 * settings.downscale**2, settings.width)
        self.blocks = nn.Sequential(*(ResidualBlock(settings.width, dilation=dilation) for dilation in settings.blocks))
        self.move = SlimCorrection(
            SlimSettings(
                dilations=settings.dilations,
                downscale=settings.downscale,
                prf_width=settings.width,
                pcn_width=settings.offset_width,
            )
        )

    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, margin: Tensor) -> Tensor:  # noqa: ARG002
        """Heatmaps `[B, J, h, w]`: the other frame's, the label and the labelled frame's -> `[B, J, h, w]`."""
        target, label, source = (
            to_blocks(maps.flatten(0, 1).unsqueeze(1), self.settings.downscale) for maps in (current, previous, next_)
        )
        features = self.blocks(self.stem(torch.cat([source, target, target - source], dim=1)))
        moved: Tensor = self.move(label, features)
        return moved.reshape(current.shape)
