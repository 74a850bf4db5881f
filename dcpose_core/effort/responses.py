"""What follows from a corrected pose, and how the annotator deals with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from dcpose_core.effort.desk import Desk
from dcpose_core.effort.truth import BoolArray, Truth, Visit
from dcpose_core.propagation.proposals import Footage, PersonTrack, Propagator, ProposedPose
from dcpose_core.propagation.reinference import reinfer
from dcpose_core.propagation.spans import Direction, span


class Acceptance(StrEnum):
    """How the annotator takes what is proposed."""

    THRESHOLD = "threshold"  #: all that is sure (`ProposedPose.sure`), without a look: one gesture
    PREVIEW = (
        "preview"  #: each joint up to the first frame where the preview shows it wrong: a gesture a joint and side
    )


@dataclass(frozen=True, slots=True)
class Propagating:
    """The touched joints are carried to the frames around, up to the next frame where one of them is human.

    reach: so many frames at most, on either side. threshold: the least confidence of what is accepted without a look.
    """

    propagator: Propagator
    reach: int
    threshold: float
    acceptance: Acceptance = Acceptance.THRESHOLD

    def __call__(self, desk: Desk, visit: Visit, touched: BoolArray) -> None:
        track = desk.track(visit.track_id)
        chosen = self._confident if self.acceptance is Acceptance.THRESHOLD else self._seen_right
        # All are made before the first is accepted: a propagator looks at the poses as they were.
        sides = [
            list(chosen(desk, self.propagator.propagate(track, frames, touched), touched))
            for frames in spans(track, visit.frame, touched, reach=self.reach)
            if frames
        ]
        accepted = [desk.accept(visit, side) for side in sides]
        by_one = self.acceptance is Acceptance.THRESHOLD
        desk.count_gestures(int(np.any(accepted)) if by_one else int(np.sum(accepted)))

    def _confident(
        self, _desk: Desk, proposals: Iterable[ProposedPose], touched: BoolArray
    ) -> Iterator[tuple[ProposedPose, BoolArray]]:
        return ((one, touched & one.sure(self.threshold)) for one in proposals)

    def _seen_right(
        self, desk: Desk, proposals: Iterable[ProposedPose], touched: BoolArray
    ) -> Iterator[tuple[ProposedPose, BoolArray]]:
        right_so_far = touched
        for proposed in proposals:
            right_so_far = right_so_far & ~desk.sees_wrong(proposed)
            if not right_so_far.any():
                return
            yield proposed, right_so_far


@dataclass(frozen=True, slots=True)
class PerfectPropagator:
    """Proposes the truth: what no propagator can beat, for the annotator goes on as with any other."""

    truth: Truth

    def propagate(self, track: PersonTrack, frames: Sequence[int], joints: BoolArray) -> Iterator[ProposedPose]:
        for frame in frames:
            true, proposed = self.truth[track.track_id][frame], joints & ~track.poses[frame].human
            proposed = proposed & true.labelled
            reasons = tuple("the truth" if one else "" for one in proposed)
            sure = np.ones(len(proposed))
            yield ProposedPose(frame, track.track_id, "perfect", true.keypoints, sure, proposed, reasons)


@dataclass(frozen=True, slots=True)
class Reinferring:
    """The model looks once more at the frames around, with what is human as neighbours; nobody is asked.

    The touched joints are replaced where the new answer is sure (`ProposedPose.sure`). reach: so many frames either
    way, to the next one where one of the joints is human.
    """

    footage: Footage
    reach: int
    threshold: float

    def __call__(self, desk: Desk, visit: Visit, touched: BoolArray) -> None:
        track = desk.track(visit.track_id)
        frames = sorted(frame for side in spans(track, visit.frame, touched, reach=self.reach) for frame in side)
        found = list(reinfer(track, self.footage, frames, joints=touched)) if frames else []
        desk.accept(
            visit,
            ((one, touched & one.sure(self.threshold)) for one in found),
        )


def spans(track: PersonTrack, frame: int, joints: BoolArray, *, reach: int) -> Iterator[list[int]]:
    """Frames of the track after `frame` and those before it, nearest first, as far as no person has decided there."""
    n_frames = max(track.poses) + 1
    for step in Direction.BOTH.steps:
        # Labels may leave out frames: the track goes on behind such a gap.
        found = span(track, frame, step, n_video_frames=n_frames, joints=joints, count=reach, past_gaps=True)
        yield [at for at in found if at in track.poses]
