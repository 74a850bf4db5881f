"""What a review looks at: the poses of a stretch of frames as arrays, from a project, a file or a simulation.

Frame of reference: image pixels, (0, 0) is the centre of the top-left pixel; joints in PoseTrack-17 order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, IntArray

JOINTS = len(POSETRACK_17)
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class PoseRows:
    """The persons of a stretch of frames, one row a person and frame, in the order of frames and then track ids.

    frames, track_ids: int64 `[R]`; nobody stands twice on a frame. keypoints: `[R, 17, 2]`, anything where not located.
    located: bool `[R, 17]`, joints that have coordinates. human: bool `[R, 17]`, joints that a person set or confirmed.
    scores: `[R, 17]`, probability that a joint is right, nan where no model said one. refinement_px: `[R, 17]`, how far
    the temporal modules moved the joint from the backbone's own answer, nan where unknown. boxes_xyxy: `[R, 4]`, in the
    convention of `dcpose_core.boxes`, nan where there is none. All float arrays may be float32 or float64.
    """

    frames: IntArray
    track_ids: IntArray
    keypoints: NDArray[np.floating]
    located: BoolArray
    human: BoolArray
    scores: NDArray[np.floating]
    refinement_px: NDArray[np.floating]
    boxes_xyxy: NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.frames)


class ReviewSource(Protocol):
    """Poses as they stand now. Frames are numbered 0 to `len(times_s)` - 1.

    A source that is used on another thread than the one that changes the poses has to see to it that every answer is
    whole; the queue asks it again about every frame that it is told has changed.
    """

    @property
    def times_s(self) -> FloatArray:
        """Presentation times float64 `[N]`, ascending."""
        ...

    @property
    def size_px(self) -> tuple[int, int] | None:
        """Width and height of the picture, None where nobody knows."""
        ...

    def rows(self, first: int, stop: int) -> PoseRows:
        """The persons on frames `first` to `stop`, `stop` excluded."""
        ...

    def verified(self, first: int, stop: int) -> BoolArray:
        """bool `[stop - first]`: frames of which a person said that they are right."""
        ...

    def examined(self, first: int, stop: int) -> BoolArray:
        """bool `[stop - first]`: frames that somebody looked at, be it that nobody is there."""
        ...
