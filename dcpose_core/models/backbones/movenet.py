"""MoveNet Thunder as a backbone: the crop's own person, in PoseTrack's joints.

The published network is a CenterNet: its keypoint heatmaps show everyone in the crop, and a centre heatmap with a
regression from the centre tells whose joints they are. `MoveNetThunder` weights the heatmaps to the person at the
crop's centre and adds the two joints of PoseTrack that COCO lacks.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dcpose_core.head_joints import HEAD_EVIDENCE, HEAD_JOINTS, posetrack_order
from dcpose_core.models.backbones.base import Backbone, BackboneOutput
from dcpose_core.models.backbones.movenet_graph import MoveNetGraph

_WIDTH = 1.75
_HEADS = {"keypoint_heatmap": 17, "centre": 1, "keypoint_regression": 34, "keypoint_offset": 34}
# Cells over which a weight falls to one half, around the crop's centre and around the regressed joints; the graph's.
HALF_WEIGHT_CELLS = 1.8
# As the peaks of the other joints: median sigma 1.2 cells on labelled stills, centre half a cell before the joint.
PEAK_SIGMA_CELLS = 1.2
PEAK_SHIFT_CELLS = 0.5


class MoveNetHeads(NamedTuple):
    """The four raw outputs, in COCO-17 order; float32 `[N, C, h, w]`.

    keypoint_heatmap: `[N, 17, h, w]` 0..1, of every person. centre: `[N, 1, h, w]` 0..1.
    keypoint_regression: `[N, 34, h, w]` (dy, dx) x 17 in cells, from a person's centre to its joints.
    keypoint_offset: `[N, 34, h, w]` (dy, dx) x 17 in cells, from a heatmap cell to the joint.
    """

    keypoint_heatmap: Tensor
    centre: Tensor
    keypoint_regression: Tensor
    keypoint_offset: Tensor


class MoveNetThunder(Backbone):
    """MoveNet SinglePose Thunder, cut at its heads. See the module's text; input is RGB, (x / 255 - 0.5) / 0.5."""

    def __init__(self) -> None:
        super().__init__()
        self.graph = MoveNetGraph(width=_WIDTH, heads=_HEADS)

    def forward(self, images: Tensor) -> Tensor:
        """Heatmaps of the crop's own person.

        Args:
            images: `[N, 3, H, W]` in -1..1, RGB; H and W multiples of 32.

        Returns:
            float32 `[N, 17, H/4, W/4]`, 0..1, PoseTrack-17 order.
        """
        return self.evidence(images).heatmaps

    def evidence(self, images: Tensor) -> BackboneOutput:
        """Heatmaps as `forward` gives them, and the offsets that make a peak exact.

        For every joint, peak cell + offset at the peak, times 4, is the joint's crop pixel: for the two regressed
        joints the offset at every cell points to the regressed position.
        """
        heads = self.raw_heads(images)
        heatmaps = weight_to_own_person(heads)
        # (dy, dx) pairs -> [N, 17, 2, h, w] as (dx, dy)
        offsets = _joint_pairs(heads.keypoint_offset).flip(2)
        head_heatmaps, head_offsets = _regress_head_joints(heatmaps, offsets)
        order = torch.from_numpy(posetrack_order()).to(heatmaps.device)
        return BackboneOutput(
            heatmaps=torch.cat([heatmaps, head_heatmaps], dim=1)[:, order],
            offsets=torch.cat([offsets, head_offsets], dim=1)[:, order],
        )

    def raw_heads(self, images: Tensor) -> MoveNetHeads:
        """The network's own outputs, float32 whatever precision autocast computed them in."""
        # Channels last is the faster layout on CPUs too (71 against 117 ms a crop on one thread). There crops also go
        # one by one: the activations of several are larger than what the C library keeps for reuse, and getting fresh
        # memory from the system every time costs a third of the pass (106 against 74 ms a crop in batches of 8).
        images = images.contiguous(memory_format=torch.channels_last)
        parts = images.chunk(max(1, images.shape[0])) if images.device.type == "cpu" else (images,)
        outputs = [self.graph(part) for part in parts]
        maps = {name: torch.cat([output[name] for output in outputs]).float().contiguous() for name in _HEADS}
        return MoveNetHeads(
            keypoint_heatmap=maps["keypoint_heatmap"].sigmoid(),
            centre=maps["centre"].sigmoid(),
            keypoint_regression=maps["keypoint_regression"],
            keypoint_offset=maps["keypoint_offset"],
        )


def weight_to_own_person(heads: MoveNetHeads) -> Tensor:
    """Keypoint heatmaps `[N, 17, h, w]` with the joints of other persons in the crop pushed down.

    c* = argmax(centre x f(distance to the crop's centre)), k_j = c* + regression_j[c*],
    result_j = heatmap_j x f(distance to k_j), with f(d) = 1.8 / (d + 1.8), d in cells.
    """
    rows, columns = _cells(heads.centre)
    joint_row, joint_column = regressed_joints(heads).unbind(dim=2)  # each [N, 17]
    to_joint = torch.hypot(rows - joint_row[..., None, None], columns - joint_column[..., None, None])
    return heads.keypoint_heatmap * _falloff(to_joint)


def regressed_joints(heads: MoveNetHeads) -> Tensor:
    """Where the regression puts the joints k_j of the crop's own person: `[N, 17, 2]` (row, column), cells."""
    height, width = heads.centre.shape[-2:]
    rows, columns = _cells(heads.centre)
    to_middle = torch.hypot(rows - height // 2, columns - width // 2)
    at = (heads.centre * _falloff(to_middle)).flatten(1).argmax(dim=1)  # [N]
    regression = heads.keypoint_regression.flatten(2)  # [N, 34, hw]
    reach = _joint_pairs(regression.gather(2, at[:, None, None].expand(-1, regression.shape[1], 1)))[..., 0]
    return torch.stack([(at // width)[:, None] + reach[:, :, 0], (at % width)[:, None] + reach[:, :, 1]], dim=2)


def _regress_head_joints(heatmaps: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor]:
    """Heatmaps `[N, 2, h, w]` and offsets `[N, 2, 2, h, w]` of head_bottom and head_top, from shoulders and ears."""
    width = heatmaps.shape[-1]
    maps = heatmaps[:, HEAD_EVIDENCE].flatten(2)
    at = maps.argmax(dim=2)  # [N, 4]
    peaks = maps.gather(2, at[..., None])[..., 0]
    at_peak = offsets[:, HEAD_EVIDENCE].flatten(3).gather(3, at[:, :, None, None].expand(-1, -1, 2, 1))[..., 0]
    positions = torch.stack([at % width, at // width], dim=-1) + at_peak  # [N, 4, 2] (x, y) in cells
    middles = torch.stack([positions[:, :2].mean(dim=1), positions[:, 2:].mean(dim=1)], dim=1)  # mid-shoulder, mid-ear
    shares = torch.tensor(list(HEAD_JOINTS.values()), dtype=middles.dtype, device=middles.device)
    # Not a matrix product: autocast would compute it in float16, with steps of 0.06 cells.
    joints = (shares[None, :, :, None] * middles[:, None]).sum(dim=2)  # [N, 2, 2] (x, y) in cells
    rows, columns = _cells(heatmaps)
    cells = torch.stack([columns.expand(rows.shape[0], -1), rows.expand(-1, width)])  # [2, h, w] (x, y)
    offsets_to_joint = joints[..., None, None] - cells
    distance_sq = (offsets_to_joint - PEAK_SHIFT_CELLS).square().sum(dim=2)
    height = peaks.amin(dim=1)[:, None, None, None]
    return height * torch.exp(-distance_sq / (2 * PEAK_SIGMA_CELLS**2)), offsets_to_joint


def _joint_pairs(maps: Tensor) -> Tensor:
    """`[N, 34, ...]` -> `[N, 17, 2, ...]`."""
    return maps.reshape(maps.shape[0], -1, 2, *maps.shape[2:])


def _cells(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Row `[h, 1]` and column `[1, w]` indices of a map, in its own dtype and on its device."""
    height, width = maps.shape[-2:]
    rows = torch.arange(height, dtype=maps.dtype, device=maps.device)
    columns = torch.arange(width, dtype=maps.dtype, device=maps.device)
    return rows[:, None], columns[None, :]


def _falloff(distance_cells: Tensor) -> Tensor:
    return HALF_WEIGHT_CELLS / (distance_cells + HALF_WEIGHT_CELLS)
