"""A small residual network that says what to change in one map of a joint, given several."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dcpose_core.models.joint_batches import JointMaps, ResidualBlock, conv3x3


class MapCorrection(nn.Module):
    """Residual blocks over the maps of some frames that say what to change in c -> c (1 + gain) + addition.

    frames: how many maps there are to see. size: of the blocks of cells that the maps come in (`to_blocks`).
    """

    def __init__(self, frames: int, *, size: int, width: int, block_dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.stem = conv3x3(frames * size**2, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width, dilation=dilation) for dilation in block_dilations))
        self.change = conv3x3(width, 2 * size**2, start="zero")

    def forward(self, current: Tensor, frames: Tensor) -> Tensor:
        """current `[N, C, h, w]` and all frames `[N, frames x C, h, w]`, in blocks -> `[N, C, h, w]`, at first c."""
        gain, addition = self.change(self.blocks(self.stem(frames)).relu_()).chunk(2, dim=1)
        corrected: Tensor = torch.addcmul(current + addition, current, gain)
        return corrected


def weighted_frames(joints: JointMaps, *, previous: bool, next_: bool, opposite: bool) -> Tensor:
    """The paper's equation 2 for single joints: c, w_p p and w_n n side by side, and c of the other side."""
    frames = [joints.current]
    if previous:
        frames.append(joints.weights.previous * joints.previous)
    if next_:
        frames.append(joints.weights.next * joints.next)
    if opposite:
        frames.append(joints.opposite)
    return torch.cat(frames, dim=1)
