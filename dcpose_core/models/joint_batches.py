"""Every joint as a batch item of its own, so that one small network serves them all and no joints mix."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from dcpose_core.models.weighting import NeighbourWeights, neighbour_weights
from dcpose_core.skeletons import POSETRACK_17

#: Per joint of `POSETRACK_17` the same joint of the other side, or itself where there is none.
_OPPOSITE = torch.from_numpy(POSETRACK_17.flip_order)
_HAS_OPPOSITE = torch.arange(len(_OPPOSITE)) != _OPPOSITE


class JointMaps(NamedTuple):
    """The maps of single joints, each `[B * 17, 1, h, w]`, joint by joint.

    opposite: the key frame's map of the same joint of the other side, zero for joints that have none.
    weights: those of the neighbours, each `[B * 17, 1, 1, 1]`.
    """

    current: Tensor
    previous: Tensor
    next: Tensor
    opposite: Tensor
    weights: NeighbourWeights


def split_joints(current: Tensor, previous: Tensor, next_: Tensor, margin: Tensor) -> JointMaps:
    """Heatmaps `[B, 17, h, w]` of three frames and the margin `[B, 2]` -> maps of single joints."""
    return join_frames(current, previous, next_, opposite_maps(current), margin)


def opposite_maps(heatmaps: Tensor) -> Tensor:
    """Heatmaps `[B, 17, h, w]` -> those of the same joint of the other side, zero for joints that have none."""
    return heatmaps[:, _OPPOSITE.to(heatmaps.device)] * _HAS_OPPOSITE.to(heatmaps)[:, None, None]


def join_frames(current: Tensor, previous: Tensor, next_: Tensor, opposite: Tensor, margin: Tensor) -> JointMaps:
    """Maps `[B, J, h, w]` of any J joints in three frames, and of the joints opposite -> maps of single joints."""
    joints = current.shape[1]
    c, p, n, o = (frame.flatten(0, 1).unsqueeze(1) for frame in (current, previous, next_, opposite))
    weights = NeighbourWeights(*(w.repeat_interleave(joints, 0) for w in neighbour_weights(margin, current.dtype)))
    return JointMaps(c, p, n, o, weights)


def join_joints(maps: Tensor, like: Tensor) -> Tensor:
    """Maps of single joints `[B * J, 1, h, w]` -> heatmaps of the shape of `like`, `[B, J, h, w]`."""
    return maps.reshape(like.shape)


def to_blocks(maps: Tensor, size: int) -> Tensor:
    """Maps `[N, F, h, w]` -> `[N, F size^2, h / size, w / size]`: the values of a block of cells as channels.

    As `pixel_unshuffle`, but channels last in memory, which is the faster layout for few channels (50 against 34
    GMAC/s at 16 channels); on a CPU also the faster way there (0.3 against 1.0 ms for 4 maps of 17 joints).
    """
    cells = [maps[..., a::size, b::size].permute(0, 2, 3, 1) for a in range(size) for b in range(size)]
    return torch.stack(cells, dim=-1).flatten(3).permute(0, 3, 1, 2)


def to_maps(blocks: Tensor, size: int) -> Tensor:
    """The way back from `to_blocks`, for one map: `[N, size^2, h / size, w / size]` -> `[N, 1, h, w]`."""
    cells = torch.unflatten(blocks, 1, (size, size))
    rows = [torch.stack(row.unbind(dim=1), dim=-1).flatten(2) for row in cells.unbind(dim=1)]
    return torch.stack(rows, dim=2).flatten(1, 2).unsqueeze(1)


def conv3x3(
    channels_in: int, channels_out: int, *, dilation: int = 1, start: Literal["active", "zero"] = "active"
) -> nn.Conv2d:
    """A 3x3 convolution that keeps the resolution. start: `active` (He) or `zero`, its output at first."""
    conv = nn.Conv2d(channels_in, channels_out, 3, padding=dilation, dilation=dilation)
    with torch.no_grad():
        if start == "zero":
            conv.weight.zero_()
        else:
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        if conv.bias is not None:
            conv.bias.zero_()
    return conv


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut, with ReLU before each; it starts as the identity.

    No normalisation: most maps are empty but for a peak, so the statistics of a batch say little about a joint.
    """

    def __init__(self, channels: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.first = conv3x3(channels, channels, dilation=dilation)
        self.second = conv3x3(channels, channels, dilation=dilation, start="zero")

    def forward(self, features: Tensor) -> Tensor:
        changed: Tensor = self.second(self.first(features.relu()).relu_())
        return features + changed
