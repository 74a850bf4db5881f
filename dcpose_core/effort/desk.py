"""The annotator's desk: the poses as they stand, the hand that corrects them, and the count of what it does.

The truth is used for two things only: to say whether a joint is off by more than the annotator tolerates, and where
the hand puts it then. What is counted for the report beside that never comes back into the annotation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from dcpose_core.effort.tally import GROSS_HEAD_LENGTHS, Accepted, Effort, ErrorSums, course_of, joint_frames_of
from dcpose_core.effort.truth import BoolArray, Truth, Visit, visits_of
from dcpose_core.propagation.proposals import JOINTS, PersonTrack, ProposedPose, TrackPose
from dcpose_core.types import FloatArray

#: Standard deviation of x and of y of joints placed by hand, head lengths.
HAND_NOISE = 0.02

#: Track id -> frame index -> pose.
Poses = Mapping[int, Mapping[int, TrackPose]]


class Desk:
    """One sequence being annotated.

    Args:
        truth: what the annotator sees in the picture.
        poses: what the model said, of the same persons on the same frames.
        tolerance: joints farther off are corrected, head lengths.
        seed: of the hand, which sets a pose in the same way whenever it comes to it.
    """

    def __init__(self, truth: Truth, poses: Poses, *, tolerance: float, seed: int) -> None:
        self._truth = truth
        self._tolerance = tolerance
        self._seed = seed
        self._poses = {track_id: dict(poses[track_id]) for track_id in truth}
        self._errors: dict[Visit, FloatArray] = {}
        for visit in visits_of(truth):
            self._errors[visit] = self._errors_of(visit, self.pose(visit))
        self._visited: set[Visit] = set()
        self._visits_touched = self._touched = self._acceptances = self._previewed = 0
        self._accepted: Counter[Accepted] = Counter()
        self._n_wrong = sum(int(np.count_nonzero(self.wrong(visit))) for visit in self._errors)
        self._wrong_course, self._touched_course = [self._n_wrong], [0]

    @property
    def visits(self) -> list[Visit]:
        """Everything there is to look at: person by person, frames in order."""
        return list(self._errors)

    def pose(self, visit: Visit) -> TrackPose:
        return self._poses[visit.track_id][visit.frame]

    def track(self, track_id: int) -> PersonTrack:
        """A person as the annotation stands; it changes with the annotation."""
        return PersonTrack(track_id, self._poses[track_id])

    def was_visited(self, visit: Visit) -> bool:
        return visit in self._visited

    def wrong(self, visit: Visit) -> BoolArray:
        """bool `[17]`: the joints that the annotator would correct."""
        return np.asarray(self._errors[visit] > self._tolerance) & ~self.pose(visit).human

    def look(self, visit: Visit) -> BoolArray:
        """Look at one pose: set wrong joints right, confirm the others; returns which were touched, `[17]`.

        The joints that are asked for are human from here on.
        """
        true, pose, touched = self._truth[visit.track_id][visit.frame], self.pose(visit), self.wrong(visit)
        # Negative track ids are no seeds.
        rng = np.random.default_rng((self._seed, visit.track_id % 2**32, visit.frame))
        placed = true.by_hand(rng, noise=HAND_NOISE)
        self._set(
            visit,
            replace(
                pose,
                keypoints=np.where(touched[:, None], placed, pose.keypoints),
                scores=np.where(true.labelled, 1.0, pose.scores),
                located=pose.located | touched,
                human=pose.human | true.labelled,
            ),
        )
        self._visited.add(visit)
        self._visits_touched += bool(touched.any())
        self._touched += int(touched.sum())
        return touched

    def accept(self, corrected: Visit, proposals: Iterable[tuple[ProposedPose, BoolArray]]) -> BoolArray:
        """Accept joints `[17]` of proposals that followed from the corrected pose; returns those accepted anywhere.

        The gestures for it are counted by `count_gestures`.
        """
        accepted = np.zeros(JOINTS, np.bool_)
        for proposed, chosen in proposals:
            visit = Visit(proposed.track_id, proposed.frame)
            chosen = chosen & proposed.proposed & ~self.pose(visit).human
            was_wrong, was_gross = self.wrong(visit), self._errors[visit] > GROSS_HEAD_LENGTHS
            self._put(visit, proposed.keypoints, proposed.confidence, chosen)
            distance, is_wrong = abs(visit.frame - corrected.frame), self.wrong(visit)
            asked_for = chosen & self._truth[visit.track_id][visit.frame].labelled
            for joint in np.flatnonzero(asked_for).tolist():
                fate = bool(was_wrong[joint]), bool(was_gross[joint]), bool(is_wrong[joint])
                self._accepted[Accepted(distance, *fate)] += 1
            accepted |= chosen
        return accepted

    def count_gestures(self, gestures: int) -> None:
        """Gestures that accepted proposals."""
        self._acceptances += gestures

    def sees_wrong(self, proposed: ProposedPose) -> BoolArray:
        """bool `[17]`: the proposed joints that the annotator, looking at the preview, would not accept."""
        self._previewed += 1
        true = self._truth[proposed.track_id][proposed.frame]
        errors = true.errors(proposed.keypoints, proposed.proposed)
        return proposed.proposed & np.asarray(errors > self._tolerance)

    def note_progress(self) -> None:
        """After each visit and all that followed from it: a step of the courses."""
        self._wrong_course.append(self._n_wrong)
        self._touched_course.append(self._touched)

    def effort(self) -> Effort:
        """What it has cost so far and how it stands."""
        return Effort(
            joint_frames=joint_frames_of(self._truth),
            wrong_at_start=self._wrong_course[0],
            touched=self._touched,
            visits=len(self._visited),
            visits_touched=self._visits_touched,
            **ErrorSums.of(np.array(list(self._errors.values())), tolerance=self._tolerance)._asdict(),
            acceptances=self._acceptances,
            previewed=self._previewed,
            accepted=Counter(self._accepted),
            wrong_course=course_of(self._wrong_course),
            touched_course=course_of(self._touched_course),
        )

    def _put(self, visit: Visit, keypoints: FloatArray, scores: FloatArray, joints: BoolArray) -> None:
        pose = self.pose(visit)
        self._set(
            visit,
            replace(
                pose,
                keypoints=np.where(joints[:, None], keypoints, pose.keypoints),
                scores=np.where(joints, scores, pose.scores),
                located=pose.located | joints,
            ),
        )

    def _set(self, visit: Visit, pose: TrackPose) -> None:
        before = np.count_nonzero(self.wrong(visit))
        self._poses[visit.track_id][visit.frame] = pose
        self._errors[visit] = self._errors_of(visit, pose)
        self._n_wrong += int(np.count_nonzero(self.wrong(visit)) - before)

    def _errors_of(self, visit: Visit, pose: TrackPose) -> FloatArray:
        return self._truth[visit.track_id][visit.frame].errors(pose.keypoints, pose.located)
