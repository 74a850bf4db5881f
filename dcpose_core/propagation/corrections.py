"""What a correction says about the model's own answers nearby: is it still wrong in the same way, or right again?

A person who moved a joint showed by how much the model was off. Where the model goes on being wrong in that way it is
near to what it said there; where it has recovered, near to what the person said.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dcpose_core.errors import VideoError
from dcpose_core.estimation import WindowEvidence
from dcpose_core.neighbours import choose_neighbours
from dcpose_core.propagation.calibration import Claim, confidence, log_head_lengths, logit
from dcpose_core.propagation.human_frames import NOWHERE, HumanFrames, head_length_px, open_joints
from dcpose_core.propagation.proposals import JOINTS, Footage, PersonTrack, Propagator, ProposedPose, TrackPose
from dcpose_core.types import FloatArray

#: The name of the model's own answer among those who answer, and of its voice.
MODEL = "model"
#: A joint that stands so near to what the model said has not been moved.
_SAME_PX = 0.01


class ModelAnswer(NamedTuple):
    """What the model says about a person on one frame, judged by the nearest correction of each joint; all `[17]`.

    judged: bool, whether there is a correction, and the model speaks about the joint on both frames. keypoints:
    `[17, 2]`, image pixels. confidence: probability to be right, 0 where not judged.
    """

    judged: NDArray[np.bool_]
    keypoints: FloatArray
    confidence: FloatArray


class JudgedPropagator:
    """`propagator`, with what its proposals say of the joints as they stand judged by the corrections around.

    footage: to ask the model about corrected frames whose track no longer has its answer. None: those judge nothing.
    """

    def __init__(self, propagator: Propagator, footage: Footage | None) -> None:
        self._propagator = propagator
        self._footage = footage

    def propagate(self, track: PersonTrack, frames: Sequence[int], joints: NDArray[np.bool_]) -> Iterator[ProposedPose]:
        judge = ModelJudge(self._footage, track, frames)
        proposals = self._propagator.propagate(track, frames, joints)
        try:
            for pose in proposals:
                yield replace(pose, as_is=judge.as_is(pose.frame, pose.proposed))
        finally:
            if isinstance(proposals, Generator):
                proposals.close()


class ModelJudge:
    """Judges the model's answers about a track. footage: as in `JudgedPropagator`."""

    def __init__(self, footage: Footage | None, track: PersonTrack, frames: Sequence[int]) -> None:
        self._footage = footage
        self._track = track
        self._human = HumanFrames(track, frames)
        self._predicted: dict[int, FloatArray | None] = {}

    def as_is(self, frame: int, joints: NDArray[np.bool_]) -> FloatArray:
        """`ProposedPose.as_is`: joints that are not judged are as sure as their scores say."""
        answer = self.answer(frame, joints)
        return np.where(answer.judged, answer.confidence, self._track.scores_at(frame))

    def answer(self, frame: int, joints: NDArray[np.bool_]) -> ModelAnswer:
        """What the model says about `joints`, bool `[17]`, on `frame`, where they stand as it said."""
        pose, head_px = self._track.poses.get(frame), head_length_px(self._track, frame)
        if pose is None or head_px is None:
            return ModelAnswer(np.zeros(JOINTS, np.bool_), np.zeros((JOINTS, 2)), np.zeros(JOINTS))
        wanted = open_joints(self._track, frame, joints & _as_the_model_said(pose))
        before, after = self._human.nearest(frame, wanted)
        use_before = (before != NOWHERE) & ((after == NOWHERE) | (frame - before <= after - frame))
        origin = np.where(use_before, before, after)
        human, predicted = np.zeros((JOINTS, 2)), np.full((JOINTS, 2), np.nan)
        for anchor in np.unique(origin[origin != NOWHERE]).tolist():
            of_anchor = origin == anchor
            human[of_anchor] = self._track.poses[anchor].keypoints[of_anchor]
            said = self._model_at(anchor)
            if said is not None:
                predicted[of_anchor] = said[of_anchor]
        judged = np.isfinite(predicted).all(axis=-1) & (origin != NOWHERE)
        from_human = _distances(pose.keypoints, human, judged) / head_px
        from_predicted = _distances(pose.keypoints, predicted, judged) / head_px
        readings = {
            "score": logit(pose.scores),
            "correction": log_head_lengths(_distances(human, predicted, judged) / head_px),
            # As far from both: 0. Near to what the model said there, and still wrong: positive.
            "as before": log_head_lengths(from_human) - log_head_lengths(from_predicted),
        }
        claim = Claim(MODEL, frame, pose.keypoints, judged, readings)
        return ModelAnswer(judged, pose.keypoints, confidence(claim))

    def _model_at(self, frame: int) -> FloatArray | None:
        """What the model said on a corrected frame, `[17, 2]`; None if that cannot be known."""
        pose = self._track.poses[frame]
        if pose.predicted is not None:
            return pose.predicted
        if self._footage is not None and frame not in self._predicted:
            self._predicted[frame] = _ask_model(self._footage, frame, pose)
        return self._predicted.get(frame)


def _as_the_model_said(pose: TrackPose) -> NDArray[np.bool_]:
    """bool `[17]`: located joints, without those that are known to be accepted proposals by now. How sure these are
    was said with the proposal, and how the model errs elsewhere does not tell."""
    if pose.predicted is None:
        return pose.located
    return np.asarray(pose.located & (np.linalg.norm(pose.keypoints - pose.predicted, axis=-1) <= _SAME_PX))


def _ask_model(footage: Footage, frame: int, pose: TrackPose) -> FloatArray | None:
    if pose.box_xyxy is None:
        return None
    around = choose_neighbours(frame, footage.n_frames, interval=1)
    try:
        current, previous, following = (
            footage.evidence(index, pose.box_xyxy) for index in (frame, around.previous, around.next)
        )
    except VideoError:
        return None
    window = WindowEvidence(current, previous, following, (around.margin_left, around.margin_right))
    keypoints: FloatArray = footage.estimate([window]).keypoints[0]
    return keypoints


def _distances(a: FloatArray, b: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    return np.where(known, np.linalg.norm(np.where(known[:, None], a - b, 0.0), axis=-1), 0.0)
