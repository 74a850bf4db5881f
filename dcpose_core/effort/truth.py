"""What the simulated annotator knows about a video: where the joints that are asked for really are.

Frame of reference: image pixels; joints in PoseTrack-17 order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dcpose_core.propagation.proposals import JOINTS
from dcpose_core.types import FloatArray, read_only

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class TruePose:
    """One person on one frame.

    keypoints: float64 `[17, 2]`, anything where not labelled. labelled: bool `[17]`, the joints that are asked for.
    head_length_px: from head_bottom to head_top, the unit of all distances. box_xyxy: float64 `[4]`, in the convention
    of `dcpose_core.boxes`.
    """

    keypoints: FloatArray
    labelled: BoolArray
    head_length_px: float
    box_xyxy: FloatArray

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "keypoints", read_only(self.keypoints, np.float64, (JOINTS, 2), "keypoints"))
        set_(self, "labelled", read_only(self.labelled, np.bool_, (JOINTS,), "labelled"))
        set_(self, "box_xyxy", read_only(self.box_xyxy, np.float64, (4,), "box_xyxy"))
        if not self.head_length_px > 0:
            raise ValueError(f"a head is {self.head_length_px} pixels long")

    def errors(self, keypoints: FloatArray, located: BoolArray) -> FloatArray:
        """Distances `[17]` in head lengths; infinite for a joint that is missing, NaN for one that is not asked for."""
        distances = np.linalg.norm(keypoints - self.keypoints, axis=1) / self.head_length_px
        return np.where(self.labelled, np.where(located, distances, np.inf), np.nan)

    def by_hand(self, rng: np.random.Generator, *, noise: float) -> FloatArray:
        """Where a hand puts the joints `[17, 2]`: off by `noise` head lengths (standard deviation of x and of y)."""
        return self.keypoints + rng.normal(scale=noise * self.head_length_px, size=(JOINTS, 2))


#: Track id -> frame index -> pose.
Truth = Mapping[int, Mapping[int, TruePose]]


class Visit(NamedTuple):
    """One person on one frame, as the annotator looks at it."""

    track_id: int
    frame: int


def visits_of(truth: Truth) -> Iterator[Visit]:
    """Everybody on all frames, person by person, frames in order."""
    for track_id, poses in truth.items():
        for frame in sorted(poses):
            yield Visit(track_id, frame)
