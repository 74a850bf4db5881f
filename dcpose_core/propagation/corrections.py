"""What a correction says about the model's own answers nearby: is it still wrong in the same way, or right again?

A person who moved a joint showed by how much the model was off. Where the model goes on being wrong in that way it is
near to what it said there; where it has recovered, near to what the person said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dcpose_core.errors import VideoError
from dcpose_core.estimation import WindowEvidence
from dcpose_core.neighbours import choose_neighbours
from dcpose_core.propagation.calibration import log_head_lengths, logit
from dcpose_core.propagation.human_frames import NOWHERE, HumanFrames, open_joints
from dcpose_core.propagation.proposals import JOINTS, Footage, PersonTrack, TrackPose
from dcpose_core.types import FloatArray, IntArray


class Corrections(NamedTuple):
    """The nearest correction of each joint, as a target frame sees it; all `[17]`.

    known: bool, whether there is one and the model speaks about the joint on both frames. origin: its frame, `NOWHERE`
    without any. human: `[17, 2]`, image pixels, what the person said there. model: `[17, 2]`, the model's answer on the
    target frame. readings: what speaks for and against the model there.
    """

    known: NDArray[np.bool_]
    origin: IntArray
    human: FloatArray
    model: FloatArray
    readings: dict[str, FloatArray]


class CorrectionReader:
    """Reads corrections off a track. Asks the model about a corrected frame whose track no longer has its answer."""

    def __init__(self, footage: Footage, track: PersonTrack, frames: Sequence[int]) -> None:
        self._footage = footage
        self._track = track
        self._human = HumanFrames(track, frames)
        self._predicted: dict[int, FloatArray | None] = {}

    def read(self, frame: int, joints: NDArray[np.bool_], head_px: float) -> Corrections:
        """The corrections of `joints` next to `frame`. head_px: the person's head length there."""
        wanted = open_joints(self._track, frame, joints)
        pose = self._track.poses.get(frame)
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
        known = np.isfinite(predicted).all(axis=-1) & (origin != NOWHERE)
        known &= np.zeros(JOINTS, np.bool_) if pose is None else pose.located
        model = np.zeros((JOINTS, 2)) if pose is None else pose.keypoints
        by = np.where(known[:, None], human - predicted, 0.0)
        from_human = _distances(model, human, known) / head_px
        from_predicted = _distances(model, predicted, known) / head_px
        readings = {
            "score": logit(np.zeros(JOINTS) if pose is None else pose.scores),
            "steps": np.log(np.maximum(np.abs(frame - origin), 1)),
            "correction": log_head_lengths(np.linalg.norm(by, axis=-1) / head_px),
            # As far from both: 0. Near to what the model said there, and still wrong: positive.
            "as before": log_head_lengths(from_human) - log_head_lengths(from_predicted),
        }
        return Corrections(known, origin, human, model, readings)

    def _model_at(self, frame: int) -> FloatArray | None:
        """What the model said on a corrected frame, `[17, 2]`; None if that cannot be known."""
        pose = self._track.poses[frame]
        if pose.predicted is not None:
            return pose.predicted
        if frame not in self._predicted:
            self._predicted[frame] = self._ask_model(frame, pose)
        return self._predicted[frame]

    def _ask_model(self, frame: int, pose: TrackPose) -> FloatArray | None:
        if pose.box_xyxy is None:
            return None
        around = choose_neighbours(frame, self._footage.n_frames, interval=1)
        try:
            current, previous, following = (
                self._footage.evidence(index, pose.box_xyxy) for index in (frame, around.previous, around.next)
            )
        except VideoError:
            return None
        window = WindowEvidence(current, previous, following, (around.margin_left, around.margin_right))
        keypoints: FloatArray = self._footage.estimate([window]).keypoints[0]
        return keypoints


def _distances(a: FloatArray, b: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    return np.where(known, np.linalg.norm(np.where(known[:, None], a - b, 0.0), axis=-1), 0.0)
