"""What a project holds: persons on frames in two layers, tracks, and verified frames.

Frame of reference: image pixels, (0, 0) is the centre of the top-left pixel; joints in PoseTrack-17 order. Records are
frozen with read-only arrays, so that an edit can keep the ones before and after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, Visibility, read_only

JOINTS = len(POSETRACK_17)
_ABSENT = int(Visibility.ABSENT)  # members of an enum take long to find, and this is asked for every person


class Layer(IntEnum):
    """Who speaks. A view shows the annotation where there is one, else the prediction."""

    PREDICTION = 0  #: what models said; analysis replaces it freely
    ANNOTATION = 1  #: what a person made or accepted; only edits that a person asked for write it


class JointSource(IntEnum):
    """Where a joint's position comes from."""

    MODEL = 0
    PROPAGATED = 1
    HUMAN = 2


class FrameState(IntEnum):
    """The most that has happened to a frame."""

    NONE = 0  #: nobody looked at it
    MODEL = 1  #: a model looked at it; predictions only, or nobody found
    HUMAN = 2  #: at least one person made or corrected by hand
    VERIFIED = 3  #: a person said that it is right, be it empty


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One person on one frame.

    keypoints: float64 `[17, 2]`, exactly 0 where absent. scores: float64 `[17]`, 0..1. visibility: uint8 `[17]`,
    `Visibility`. sources: uint8 `[17]`, `JointSource`. box_xyxy, head_box_xyxy: float64 `[4]` or None.
    score: confidence of the person or None. refinement_px: float32 `[17]`, how far the model's temporal modules moved
    each joint from the backbone's own answer, None where nobody knows.
    """

    keypoints: FloatArray
    scores: FloatArray
    visibility: NDArray[np.uint8]
    sources: NDArray[np.uint8]
    box_xyxy: FloatArray | None = None
    head_box_xyxy: FloatArray | None = None
    score: float | None = None
    refinement_px: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        visibility = read_only(self.visibility, np.uint8, (JOINTS,), "visibility")
        keypoints = np.array(self.keypoints, dtype=np.float64)
        keypoints[visibility == Visibility.ABSENT] = 0.0
        set_(self, "keypoints", read_only(keypoints, np.float64, (JOINTS, 2), "keypoints"))
        set_(self, "scores", read_only(self.scores, np.float64, (JOINTS,), "scores"))
        set_(self, "visibility", visibility)
        set_(self, "sources", read_only(self.sources, np.uint8, (JOINTS,), "sources"))
        for name in ("box_xyxy", "head_box_xyxy"):
            if getattr(self, name) is not None:
                set_(self, name, read_only(getattr(self, name), np.float64, (4,), name))
        if self.refinement_px is not None:
            set_(self, "refinement_px", read_only(self.refinement_px, np.float32, (JOINTS,), "refinement_px"))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Person):
            return NotImplemented
        arrays = ("keypoints", "scores", "visibility", "sources")
        optional = ("box_xyxy", "head_box_xyxy", "refinement_px")
        return (
            self.score == other.score
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in arrays)
            and all(_same(getattr(self, name), getattr(other, name)) for name in optional)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays inside: compared by value, never a key

    @property
    def located(self) -> NDArray[np.bool_]:
        """bool `[17]`: the joints that have coordinates, visible or occluded."""
        return np.not_equal(self.visibility, _ABSENT)


def _same(one: NDArray[np.floating] | None, other: NDArray[np.floating] | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


@dataclass(frozen=True, slots=True)
class Track:
    """An identity. name: shown to people. colour: `#rrggbb`. visible, locked: view state that is worth keeping.
    person_id: identity beyond this video, from imported files."""

    track_id: int
    name: str
    colour: str
    visible: bool = True
    locked: bool = False
    person_id: int | None = None


@dataclass(frozen=True, slots=True)
class PersonChange:
    """Person `track_id` on frame `frame` in one layer, before and after; None where there is nobody."""

    layer: Layer
    frame: int
    track_id: int
    before: Person | None
    after: Person | None


@dataclass(frozen=True, slots=True)
class TrackChange:
    """A track, before and after; None where it does not exist."""

    before: Track | None
    after: Track | None


@dataclass(frozen=True, slots=True)
class VerifiedChange:
    """Whether a frame is verified, before and after."""

    frame: int
    before: bool
    after: bool


@dataclass(frozen=True, slots=True)
class AnalysedChange:
    """Whether a model or an imported file spoke about a frame, be it that nobody is there, before and after."""

    frame: int
    before: bool
    after: bool


class NoteKind(IntEnum):
    """What a frame keeps beside its persons; see `frame_notes`."""

    IGNORE_REGIONS = 0  #: polygons that an evaluation leaves out, from imported files
    REJECTED = 1  #: predictions that a person deleted


@dataclass(frozen=True, slots=True)
class NoteChange:
    """A note of a frame, before and after; no bytes where there is none."""

    kind: NoteKind
    frame: int
    before: bytes
    after: bytes


Change = PersonChange | TrackChange | VerifiedChange | AnalysedChange | NoteChange


@dataclass(frozen=True, slots=True)
class Edit:
    """The one way to change a project: pairs of before and after, with the words that undo shows."""

    label: str
    changes: tuple[Change, ...]

    def inverse(self) -> Edit:
        """The edit that takes this one back."""
        return Edit(self.label, tuple(_inverse(change) for change in reversed(self.changes)))


def _inverse(change: Change) -> Change:
    if isinstance(change, PersonChange):
        return PersonChange(change.layer, change.frame, change.track_id, change.after, change.before)
    if isinstance(change, TrackChange):
        return TrackChange(change.after, change.before)
    if isinstance(change, NoteChange):
        return NoteChange(change.kind, change.frame, change.after, change.before)
    return type(change)(change.frame, change.after, change.before)
