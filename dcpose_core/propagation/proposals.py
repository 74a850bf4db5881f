"""What propagation starts from and what it says: a person's track with its corrected joints, and proposals.

Frame of reference: image pixels, (0, 0) is the centre of the top-left pixel; joints in PoseTrack-17 order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dcpose_core.estimation import Estimates, Evidence, WindowEvidence
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, ImageArray, read_only

JOINTS = len(POSETRACK_17)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class TrackPose:
    """One person on one frame, as it stands.

    keypoints: float64 `[17, 2]`. scores: float64 `[17]`, 0..1. located: bool `[17]`, joints that have coordinates.
    human: bool `[17]`, joints that a person set or confirmed, absent ones too; they are the truth and never change.
    box_xyxy: float64 `[4]` in the engine's convention, or None.
    predicted: float64 `[17, 2]`, what the model said before a person corrected it, not finite where it said nothing;
    None where that is not known.
    """

    keypoints: FloatArray
    scores: FloatArray
    located: NDArray[np.bool_]
    human: NDArray[np.bool_]
    box_xyxy: FloatArray | None = None
    predicted: FloatArray | None = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "keypoints", read_only(self.keypoints, np.float64, (JOINTS, 2), "keypoints"))
        set_(self, "scores", read_only(self.scores, np.float64, (JOINTS,), "scores"))
        set_(self, "located", read_only(self.located, np.bool_, (JOINTS,), "located"))
        set_(self, "human", read_only(self.human, np.bool_, (JOINTS,), "human"))
        if self.box_xyxy is not None:
            set_(self, "box_xyxy", read_only(self.box_xyxy, np.float64, (4,), "box_xyxy"))
        if self.predicted is not None:
            set_(self, "predicted", read_only(self.predicted, np.float64, (JOINTS, 2), "predicted"))


@dataclass(frozen=True, slots=True, eq=False)
class PersonTrack:
    """One person over time. poses: by frame index; a frame without the person is not in it."""

    track_id: int
    poses: Mapping[int, TrackPose]

    def scores_at(self, frame: int) -> FloatArray:
        """float64 `[17]`, how sure the joints on `frame` are as they stand; 0 where nothing is."""
        pose = self.poses.get(frame)
        return np.zeros(JOINTS) if pose is None else np.where(pose.located, pose.scores, 0.0)


class Proposal(NamedTuple):
    """One joint of one person on one frame, as a propagator would place it.

    position: (x, y). confidence: probability to lie within 0.2 head lengths of the truth. as_is: that of the joint as
    it stands. reason: why there, in words.
    """

    frame: int
    track_id: int
    joint: int
    position: tuple[float, float]
    confidence: float
    as_is: float
    reason: str

    def is_sure(self, least: float) -> bool:
        """As `ProposedPose.sure`."""
        return self.confidence >= max(least, self.as_is)


@dataclass(frozen=True, slots=True, eq=False)
class ProposedPose:
    """What a propagator proposes for one person on one frame.

    proposed: bool `[17]`, the joints it speaks about. keypoints: float64 `[17, 2]`. confidence: float64 `[17]`,
    probability to lie within 0.2 head lengths of the truth; both are 0 where nothing is proposed. reasons: per joint,
    empty where nothing is proposed. method: the propagator's name in `PROPAGATORS`. as_is: float64 `[17]`, probability
    that the joint is right as it stands, 0 where nothing does.
    """

    frame: int
    track_id: int
    method: str
    keypoints: FloatArray
    confidence: FloatArray
    proposed: NDArray[np.bool_]
    reasons: tuple[str, ...]
    as_is: FloatArray = field(default_factory=lambda: np.zeros(JOINTS))

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        proposed = read_only(self.proposed, np.bool_, (JOINTS,), "proposed")
        keypoints, confidence = np.array(self.keypoints, np.float64), np.array(self.confidence, np.float64)
        keypoints[~proposed], confidence[~proposed] = 0.0, 0.0
        set_(self, "proposed", proposed)
        set_(self, "keypoints", read_only(keypoints, np.float64, (JOINTS, 2), "keypoints"))
        set_(self, "confidence", read_only(confidence, np.float64, (JOINTS,), "confidence"))
        set_(self, "as_is", read_only(self.as_is, np.float64, (JOINTS,), "as_is"))
        if len(self.reasons) != JOINTS:
            raise ValueError(f"{len(self.reasons)} reasons for {JOINTS} joints")

    def sure(self, least: float) -> NDArray[np.bool_]:
        """bool `[17]`, what to accept without a look: at least so sure, and no less than what stands there.

        A joint that is spoiled costs a touch as one that is repaired saves it, so the likelier one is to be right.
        """
        return self.proposed & (self.confidence >= np.maximum(least, self.as_is))

    def joints(self) -> Iterator[Proposal]:
        """The proposals joint by joint."""
        for joint in np.flatnonzero(self.proposed).tolist():
            x, y = self.keypoints[joint].tolist()
            sure, as_is = float(self.confidence[joint]), float(self.as_is[joint])
            yield Proposal(self.frame, self.track_id, joint, (x, y), sure, as_is, self.reasons[joint])


class Footage(Protocol):
    """Where propagators look: the video's images, and what the model says about a crop. Both may be cached."""

    @property
    def n_frames(self) -> int: ...

    def image(self, frame: int) -> ImageArray:
        """uint8 `[H, W, 3]`, RGB. Raises `VideoError` where there is nothing to see: propagators go without it."""
        ...

    def evidence(self, frame: int, box_xyxy: FloatArray) -> Evidence:
        """What the backbone says about the crop of a box in the engine's convention. Raises as `image` does."""
        ...

    def estimate(self, windows: Sequence[WindowEvidence]) -> Estimates:
        """Refined poses of the current frames of `windows`."""
        ...


class Propagator(Protocol):
    """Carries the human joints of a person to other frames."""

    def propagate(self, track: PersonTrack, frames: Sequence[int], joints: NDArray[np.bool_]) -> Iterator[ProposedPose]:
        """Proposals for `frames`, in the order given (nearest to the corrected frame first), for `joints` `[17]`.

        Joints that are human on a target frame are not proposed. What a propagator cannot say it leaves out.
        Lazy: a caller that has seen enough closes the generator.
        """
        ...
