"""Predictions once more, with a person's corrections as neighbours: the frames between and around human frames.

Joints come to every frame from the nearest human frames on both sides, by DCPose step by step, and what both sides say
is put together. For work in the background: a whole span is looked at, not a preview.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dcpose_core.propagation.calibration import RIGHT_HEAD_LENGTHS, Claim, confidence
from dcpose_core.propagation.corrections import ModelJudge
from dcpose_core.propagation.dcpose import NETWORK
from dcpose_core.propagation.human_frames import HumanFrames, head_length_px, open_joints
from dcpose_core.propagation.label_walk import LabelWalk, Standing, why
from dcpose_core.propagation.networks import LabelNetwork, load_network
from dcpose_core.propagation.proposals import JOINTS, Footage, PersonTrack, ProposedPose
from dcpose_core.types import FloatArray

#: The method of these proposals.
METHOD = "reinference"
#: Frames beyond the last human frame that are looked at, and the longest span between two that is.
_AROUND = 15
_BETWEEN = 60
#: Two sides that are wrong say the same this often.
_WRONG_TOGETHER = 0.5


def frames_to_reinfer(track: PersonTrack, *, n_frames: int) -> list[int]:
    """The frames of a track on which corrections may say something new, in order.

    Those between two human frames that are at most 60 apart, and up to 15 before and after each; not those on which a
    person decided every joint.
    """
    human = sorted(frame for frame, pose in track.poses.items() if pose.human.any())
    near = {at for frame in human for at in range(frame - _AROUND, frame + _AROUND + 1)}
    for first, second in pairwise(human):
        if second - first <= _BETWEEN:
            near.update(range(first, second))
    everything = np.ones(JOINTS, np.bool_)
    return [frame for frame in sorted(near) if 0 <= frame < n_frames and open_joints(track, frame, everything).any()]


def reinfer(
    track: PersonTrack,
    footage: Footage,
    frames: Sequence[int],
    *,
    joints: NDArray[np.bool_] | None = None,
    network: LabelNetwork | None = None,
) -> Iterator[ProposedPose]:
    """Proposals with the method `reinference` for `frames`, lazily, in their order; frames with none are left out.

    What comes for a frame does not depend on which others are asked for, so a job that was stopped goes on with the
    rest. joints: bool `[17]`, those to look at, by default all that a person set somewhere near.
    network: by default that of the propagator `dcpose`.
    Raises `WeightsError` if the network's files are damaged, and what the footage raises.
    """
    network = network or load_network(NETWORK)
    joints = np.ones(JOINTS, np.bool_) if joints is None else joints
    humans, judge = HumanFrames(track, frames), ModelJudge(footage, track, frames)
    forward, backward = (LabelWalk(track, footage, network, humans, joints, direction) for direction in (1, -1))
    for frame in frames:
        wanted = open_joints(track, frame, joints)
        sides = [(walk.at(frame), _confidence(network, walk, frame)) for walk in (forward, backward)]
        proposed = wanted & (sides[0][0].known | sides[1][0].known)
        if proposed.any():
            pose = _fused(track, frame, proposed, sides)
            yield replace(pose, as_is=judge.as_is(frame, proposed))


def _confidence(network: LabelNetwork, walk: LabelWalk, frame: int) -> FloatArray:
    standing = walk.at(frame)
    claim = Claim(network.description.name, frame, standing.keypoints, standing.known, walk.readings(frame))
    return confidence(claim)


def _fused(
    track: PersonTrack, frame: int, proposed: NDArray[np.bool_], sides: Sequence[tuple[Standing, FloatArray]]
) -> ProposedPose:
    """What both sides say together, joint by joint."""
    keypoints, probability, reasons = np.zeros((JOINTS, 2)), np.zeros(JOINTS), [""] * JOINTS
    same_px = RIGHT_HEAD_LENGTHS * (head_length_px(track, frame) or 0.0)
    for joint in np.flatnonzero(proposed).tolist():
        known = [(one, float(sure[joint])) for one, sure in sides if one.known[joint]]
        known.sort(key=lambda side: -side[1])
        best, sure = known[0]
        keypoints[joint], probability[joint] = best.keypoints[joint], sure
        reasons[joint] = why(best, joint, frame=frame)
        if len(known) == 2:
            other, less_sure = known[1]
            agree = bool(np.linalg.norm(best.keypoints[joint] - other.keypoints[joint]) <= same_px)
            if agree and sure + less_sure > 0:
                share = sure / (sure + less_sure)
                keypoints[joint] = share * best.keypoints[joint] + (1 - share) * other.keypoints[joint]
            probability[joint] = together(sure, less_sure, agree=agree)
            reasons[joint] += f"; frame {other.origin[joint]} on the other side says {'the same' if agree else 'other'}"
    return ProposedPose(frame, track.track_id, METHOD, keypoints, probability, proposed, tuple(reasons))


def together(sure: float, less_sure: float, *, agree: bool) -> float:
    """Probability that the surer of two answers is right, given what the other one says; Bayes with even odds.

    Two wrong answers agree in a share of the cases, for they look at the same image.
    """
    neither = (1 - sure) * (1 - less_sure)
    if agree:
        likely, unlikely = sure * less_sure, neither * _WRONG_TOGETHER
    else:
        likely, unlikely = sure * (1 - less_sure), less_sure * (1 - sure) + neither * (1 - _WRONG_TOGETHER)
    return likely / max(likely + unlikely, 1e-9)
