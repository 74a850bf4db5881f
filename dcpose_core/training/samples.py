"""What the temporal modules learn from: three heatmaps of one person, and where the joints of the key frame are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch

from dcpose_core.models.backbones.base import JOINTS
from dcpose_core.types import FloatArray, read_only


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourTruth:
    """Where the joints are in the previous and in the next frame, as far as a source knows, in the key frame's crop.

    joints: float64 `[2, 17, 2]`, crop pixels. weights: float64 `[2, 17]`, 0 where the truth is not known.
    """

    joints: FloatArray
    weights: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "joints", read_only(self.joints, "float64", (2, JOINTS, 2), "joints"))
        object.__setattr__(self, "weights", read_only(self.weights, "float64", (2, JOINTS), "weights"))


@dataclass(frozen=True, slots=True, eq=False)
class HeatmapTriple:
    """One person in three frames, as the backbone sees them, all in the key frame's crop.

    heatmaps: floating `[3, 17, h, w]`, previous, current and next frame in the order of time; PoseTrack-17 joints.
    margin: (c - p, n - c) in frames.
    joints: float64 `[17, 2]`, truth of the key frame, crop pixels (heatmap cell = crop pixel / 4).
    weights: float64 `[17]`, how much a joint counts; 0 where the truth is not known.
    neighbours: the truth of the other two frames, from sources that know it.
    """

    heatmaps: torch.Tensor
    margin: tuple[int, int]
    joints: FloatArray
    weights: FloatArray
    neighbours: NeighbourTruth | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "joints", read_only(self.joints, "float64", (JOINTS, 2), "joints"))
        object.__setattr__(self, "weights", read_only(self.weights, "float64", (JOINTS,), "weights"))


@dataclass(frozen=True, slots=True, eq=False)
class ImageTriple:
    """One person in three frames, cropped with the key frame's box; the backbone has not looked yet.

    images: uint8 `[3, H, W, 3]`, RGB, previous, current and next frame. margin, joints, weights: as in `HeatmapTriple`.
    """

    images: torch.Tensor
    margin: tuple[int, int]
    joints: FloatArray
    weights: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "joints", read_only(self.joints, "float64", (JOINTS, 2), "joints"))
        object.__setattr__(self, "weights", read_only(self.weights, "float64", (JOINTS,), "weights"))


class TripleDataset(Protocol):
    """A source of training samples; the same (seed, epoch, index) gives the same sample, in any worker."""

    def __len__(self) -> int:
        """Samples in an epoch."""

    def sample(self, index: int, *, epoch: int, seed: int) -> HeatmapTriple | ImageTriple:
        """The sample `index` of an epoch; everything random in it is drawn from `(seed, epoch, index)`."""
