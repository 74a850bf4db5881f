"""A small residual network that says what to change in one map of a joint, given several."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dcpose_core.models.joint_batches import JointMaps, ResidualBlock, conv3x3, to_blocks


class MapCorrection(nn.Module):
    """Residual blocks over the maps of some frames that say what to change in c -> c (1 + gain) + addition.

    frames: how many maps there are to see, c first. size: of the blocks of cells to work on (`to_blocks`).
    """

    def __init__(self, frames: int, *, size: int, width: int, block_dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.size = size
        self.stem = conv3x3(frames * size**2, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width, dilation=dilation) for dilation in block_dilations))
        self.change = conv3x3(width, 2 * size**2, start="zero")

    def forward(self, frames: Tensor) -> Tensor:
        """Maps `[N, frames, h, w]` -> the corrected one in blocks, `[N, s^2, h / s, w / s]`, at first c."""
        frames = to_blocks(frames, self.size)
        current = frames[:, : self.size**2]
        gain, addition = self.change(self.blocks(self.stem(frames)).relu_()).chunk(2, dim=1)
        corrected: Tensor = torch.addcmul(current + addition, current, gain)
        return corrected


def weighted_frames(joints: JointMaps, *, previous: bool, next_: bool, opposite: bool) -> Tensor:
    """The paper's equation 2 for single joints: c, w_p p and w_n n side by side, and c of the other side.

    -> `[N, 2 to 4, h, w]`
    """
    frames = [joints.current]
    if previous:
        frames.append(joints.weights.previous * joints.previous)
    if next_:
        frames.append(joints.weights.next * joints.next)
    if opposite:
        frames.append(joints.opposite)
    return torch.cat(frames, dim=1)
