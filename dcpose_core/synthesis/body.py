"""The body of a synthetic person: from the joints that motion capture has to PoseTrack's, and other proportions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dcpose_core.head_joints import HEAD_JOINTS
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray

_INDEX = POSETRACK_17.index
#: Where parts of the head are from the base of the skull, metres (left, up, forward), of an adult.
_HEAD_M = {
    "nose": (0.0, 0.035, 0.115),
    "head_top": (0.0, 0.185, 0.010),
    "left_ear": (0.072, 0.055, 0.010),
    "right_ear": (-0.072, 0.055, 0.010),
}
_HEAD = [_INDEX(joint) for joint in ("nose", "head_top", "left_ear", "right_ear")]
#: (joint, the joint that it hangs on), nearer to the trunk first; they get longer and shorter.
_LIMBS = tuple(
    (_INDEX(f"{side}_{joint}"), _INDEX(f"{side}_{parent}"))
    for joint, parent in (("elbow", "shoulder"), ("wrist", "elbow"), ("knee", "hip"), ("ankle", "knee"))
    for side in ("left", "right")
)
_SHOULDERS = [_INDEX("left_shoulder"), _INDEX("right_shoulder")]
_HIPS = [_INDEX("left_hip"), _INDEX("right_hip")]
_BELOW = {
    _INDEX(f"{side}_{joint}"): [_INDEX(f"{side}_{lower}") for lower in lowers]
    for side in ("left", "right")
    for joint, lowers in {
        "shoulder": ("shoulder", "elbow", "wrist"),
        "elbow": ("elbow", "wrist"),
        "wrist": ("wrist",),
        "hip": ("hip", "knee", "ankle"),
        "knee": ("knee", "ankle"),
        "ankle": ("ankle",),
    }.items()
}
_UPPER_BODY = [joint for joint in range(len(POSETRACK_17)) if joint not in _BELOW[_HIPS[0]] + _BELOW[_HIPS[1]]]


@dataclass(frozen=True, slots=True, eq=False)
class Rig:
    """What a source of motion knows of a body, metres, y up, over T frames.

    joints: name -> `[T, 3]`, shoulders to ankles, both sides. skull: `[T, 3]`, its base, where the neck ends.
    skull_axes: `[T, 3, 3]`, columns left, up, forward of the head.
    """

    joints: Mapping[str, FloatArray]
    skull: FloatArray
    skull_axes: FloatArray

    def posetrack_joints(self) -> FloatArray:
        """float64 `[T, 17, 3]` in PoseTrack-17 order; head_bottom is where `dcpose_core.head_joints` puts it."""
        points = np.empty((len(self.skull), len(POSETRACK_17), 3))
        for joint, positions in self.joints.items():
            points[:, _INDEX(joint)] = positions
        points[:, _HEAD] = self.skull[:, None] + np.array(list(_HEAD_M.values())) @ self.skull_axes.swapaxes(1, 2)
        return with_head_bottom(points)


def with_head_bottom(points: FloatArray) -> FloatArray:
    """`points` `[..., 17, D]`, changed in place: head_bottom between mid-shoulder and mid-ear."""
    of_shoulders, of_ears = HEAD_JOINTS["head_bottom"]
    ears = [_INDEX("left_ear"), _INDEX("right_ear")]
    points[..., _INDEX("head_bottom"), :] = of_shoulders * points[..., _SHOULDERS, :].mean(axis=-2) + of_ears * points[
        ..., ears, :
    ].mean(axis=-2)
    return points


@dataclass(frozen=True, slots=True)
class Proportions:
    """Factors on the lengths of a body. limbs: upper arm, forearm, thigh, shin."""

    stature: float
    trunk: float
    shoulders: float
    hips: float
    head: float
    limbs: tuple[float, float, float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Proportions:
        """An adult; one in eight a child, with a larger head."""
        child = rng.random() < 0.125
        factors = np.exp(rng.normal(scale=0.06, size=8))
        return cls(
            stature=float(rng.uniform(0.6, 0.85) if child else rng.uniform(0.9, 1.1)),
            trunk=float(factors[0]),
            shoulders=float(factors[1]),
            # Labelled hips lie a little farther apart than the hip joints.
            hips=float(1.1 * factors[2]),
            head=float(factors[3] * (1.25 if child else 1.0)),
            limbs=(float(factors[4]), float(factors[5]), float(factors[6]), float(factors[7])),
        )


def with_proportions(points: FloatArray, proportions: Proportions) -> FloatArray:
    """Joints `[..., 17, 3]`, metres, of a body of other proportions in the same pose, standing on the same ground.

    Height above the ground (y) and the way on it grow with the body, so that feet do not slide.
    """
    body = np.array(points, dtype=np.float64)
    mid_hip = body[..., _HIPS, :].mean(axis=-2, keepdims=True)
    body[..., _UPPER_BODY, :] += (proportions.trunk - 1) * (
        body[..., _SHOULDERS, :].mean(axis=-2, keepdims=True) - mid_hip
    )
    for pair, factor in ((_SHOULDERS, proportions.shoulders), (_HIPS, proportions.hips)):
        middle = body[..., pair, :].mean(axis=-2)
        for joint in pair:
            move = (factor - 1) * (body[..., joint, :] - middle)
            body[..., _BELOW[joint], :] += move[..., None, :]
    for number, (joint, parent) in enumerate(_LIMBS):
        move = (proportions.limbs[number // 2] - 1) * (body[..., joint, :] - body[..., parent, :])
        body[..., _BELOW[joint], :] += move[..., None, :]
    neck = body[..., [_INDEX("head_bottom")], :]
    body[..., _HEAD, :] += (proportions.head - 1) * (body[..., _HEAD, :] - neck)
    return with_head_bottom(body) * proportions.stature
