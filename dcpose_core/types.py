"""The data that flows through the engine: frozen dataclasses with read-only arrays.

Frame of reference everywhere: image pixels, (0, 0) is the centre of the top-left pixel; boxes are `xyxy` in the
same frame with width = x2 - x1. Frame indices are 0-based. Coordinates of poses are float64, so that a file read
and written again, or evaluated, loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcpose_core.skeletons import POSETRACK_17, Skeleton

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
ImageArray = NDArray[np.uint8]


class Visibility(IntEnum):
    """State of one joint slot of one person."""

    ABSENT = 0  #: not annotated or not predicted; its coordinates are 0, 0 and mean nothing
    OCCLUDED = 1  #: located, but hidden in the image
    VISIBLE = 2


def read_only(values: Any, dtype: Any, shape: tuple[int | None, ...], name: str) -> NDArray[Any]:
    """A C-contiguous, read-only copy of `values`; `None` in `shape` allows any length. Raises `ValueError`."""
    array: NDArray[Any] = np.array(values, dtype=dtype)
    if array.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{name} has shape {array.shape}, expected {shape}")
    array.setflags(write=False)
    return array


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded video frame.

    image: uint8 `[H, W, 3]`, RGB. index: 0-based. time_s: presentation time in seconds as the file states it.
    """

    image: ImageArray
    index: int
    time_s: float

    @property
    def height_px(self) -> int:
        return int(self.image.shape[0])

    @property
    def width_px(self) -> int:
        return int(self.image.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """A person box found in one frame, already normalised to the box convention of `dcpose_core.boxes`.

    box_xyxy: float64 `[4]`. score: 0..1. keypoints: float64 `[17, 2]` rough joints in PoseTrack-17 order with
    `keypoint_scores` `[17]` (0 where the detector says nothing), or None where the source has none.
    track_id: an identity given by the source (a file), else None.
    """

    box_xyxy: FloatArray
    score: float
    keypoints: FloatArray | None = None
    keypoint_scores: FloatArray | None = None
    track_id: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "box_xyxy", read_only(self.box_xyxy, np.float64, (4,), "box_xyxy"))
        if self.keypoints is not None:
            object.__setattr__(self, "keypoints", read_only(self.keypoints, np.float64, (None, 2), "keypoints"))
        if self.keypoint_scores is not None:
            scores = read_only(self.keypoint_scores, np.float64, (None,), "keypoint_scores")
            object.__setattr__(self, "keypoint_scores", scores)


@dataclass(frozen=True, slots=True, eq=False)
class TrackedBox:
    """A person box with an identity, in one frame.

    interpolated: a bridged gap, no detection supports it. confirmed: False while the tracker still doubts that the
    track is a person (`bridge_tracks` settles it with hindsight).
    """

    track_id: int
    box_xyxy: FloatArray
    score: float
    interpolated: bool = False
    confirmed: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "box_xyxy", read_only(self.box_xyxy, np.float64, (4,), "box_xyxy"))


@dataclass(frozen=True, slots=True, eq=False)
class PersonPose:
    """One person in one frame.

    keypoints: float64 `[J, 2]` (x, y) image pixels, exactly 0 where `ABSENT`.
    visibility: uint8 `[J]`, `Visibility` values.
    scores: float64 `[J]`, or None for ground truth (no confidence known).
    box_xyxy, head_box_xyxy: float64 `[4]` or None. score: the person's confidence or None.
    track_id: identity inside the sequence; person_id: identity across sequences (PoseTrack21).
    refinement_px: float64 `[J]`, how far the temporal modules moved each joint from the backbone's own answer, image
    pixels; None where nothing was refined. Files do not hold it.
    """

    keypoints: FloatArray
    visibility: NDArray[np.uint8]
    scores: FloatArray | None = None
    track_id: int | None = None
    box_xyxy: FloatArray | None = None
    head_box_xyxy: FloatArray | None = None
    score: float | None = None
    person_id: int | None = None
    refinement_px: FloatArray | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        keypoints = np.array(self.keypoints, dtype=np.float64)
        visibility = read_only(self.visibility, np.uint8, (keypoints.shape[0],), "visibility")
        keypoints[visibility == Visibility.ABSENT] = 0.0
        set_(self, "keypoints", read_only(keypoints, np.float64, (None, 2), "keypoints"))
        set_(self, "visibility", visibility)
        if self.scores is not None:
            set_(self, "scores", read_only(self.scores, np.float64, (keypoints.shape[0],), "scores"))
        if self.refinement_px is not None:
            moved = read_only(self.refinement_px, np.float64, (keypoints.shape[0],), "refinement_px")
            set_(self, "refinement_px", moved)
        if self.box_xyxy is not None:
            set_(self, "box_xyxy", read_only(self.box_xyxy, np.float64, (4,), "box_xyxy"))
        if self.head_box_xyxy is not None:
            set_(self, "head_box_xyxy", read_only(self.head_box_xyxy, np.float64, (4,), "head_box_xyxy"))

    @property
    def located(self) -> NDArray[np.bool_]:
        """bool `[J]`: the joints that have coordinates, visible or occluded."""
        return np.not_equal(self.visibility, Visibility.ABSENT)


@dataclass(frozen=True, slots=True, eq=False)
class FramePoses:
    """All persons of one frame.

    index: 0-based frame index. time_s: presentation time or None if unknown. is_labeled: False for a frame that
    nobody annotated (it is listed in the file, but says nothing about who is there).
    ignore_regions: polygons float64 `[K, 2]` that an evaluation leaves out. file_name: as in the file it came from.
    """

    index: int
    persons: tuple[PersonPose, ...] = ()
    time_s: float | None = None
    is_labeled: bool = True
    ignore_regions: tuple[FloatArray, ...] = ()
    file_name: str | None = None

    def __post_init__(self) -> None:
        regions = tuple(read_only(r, np.float64, (None, 2), "ignore region") for r in self.ignore_regions)
        object.__setattr__(self, "ignore_regions", regions)


@dataclass(frozen=True, slots=True, eq=False)
class PoseSequence:
    """The poses of one video, in one skeleton: what files hold and evaluations compare.

    name: e.g. `000001_mpii_test`. frames: in order of `index`, one entry for every frame of the video, also empty
    ones. width_px, height_px: image size, or None if the file does not say.
    """

    name: str
    frames: tuple[FramePoses, ...]
    width_px: int | None = None
    height_px: int | None = None
    skeleton: Skeleton = field(default=POSETRACK_17)

    def with_frames(self, frames: Iterable[FramePoses]) -> PoseSequence:
        return replace(self, frames=tuple(frames))
