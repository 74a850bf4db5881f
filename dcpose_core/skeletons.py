"""Joint sets of the field and the conversions between them.

Left and right are the person's own. `POSETRACK_17` is the order of the DCPose networks and of PoseTrack18/21 files
and the order in which the engine keeps every pose; its two ears are never annotated in PoseTrack.
OKS sigmas: PoseTrack18 as in its evaluation tools, COCO-17 as in the COCO keypoint evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A named joint set.

    joints: names, index = channel. limbs: pairs of joint indices to draw. flip_pairs: (left, right) indices.
    oks_sigmas: per-joint OKS fall-off, in units of sqrt(person area).
    """

    name: str
    joints: tuple[str, ...]
    limbs: tuple[tuple[int, int], ...]
    flip_pairs: tuple[tuple[int, int], ...]
    oks_sigmas: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        return self.joints.index(joint)

    @property
    def flip_order(self) -> NDArray[np.int64]:
        """int64 `[J]`: `values[flip_order]` swaps left and right."""
        order = np.arange(len(self.joints))
        for left, right in self.flip_pairs:
            order[[left, right]] = right, left
        return order


def _pairs(joints: tuple[str, ...], named: tuple[tuple[str, str], ...]) -> tuple[tuple[int, int], ...]:
    return tuple((joints.index(a), joints.index(b)) for a, b in named)


def _flip_pairs(joints: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    left = [joint for joint in joints if joint.startswith("left_")]
    return _pairs(joints, tuple((joint, joint.replace("left_", "right_")) for joint in left))


_BODY = (
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
_BODY_LIMBS = (
    ("left_shoulder", "left_elbow"), ("left_elbow", "left_wrist"),
    ("right_shoulder", "right_elbow"), ("right_elbow", "right_wrist"),
    ("left_shoulder", "left_hip"), ("right_shoulder", "right_hip"), ("left_hip", "right_hip"),
    ("left_hip", "left_knee"), ("left_knee", "left_ankle"), ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
)  # fmt: skip
# The skeleton list inside PoseTrack files is COCO's and draws nonsense on these joints; these limbs are for drawing.
_POSETRACK_LIMBS = (
    ("head_top", "nose"), ("nose", "head_bottom"),
    ("head_bottom", "left_shoulder"), ("head_bottom", "right_shoulder"), *_BODY_LIMBS,
)  # fmt: skip
_COCO_LIMBS = (
    ("nose", "left_eye"), ("nose", "right_eye"), ("left_eye", "left_ear"), ("right_eye", "right_ear"),
    ("left_shoulder", "right_shoulder"), *_BODY_LIMBS,
)  # fmt: skip

_POSETRACK_17_JOINTS = ("nose", "head_bottom", "head_top", "left_ear", "right_ear", *_BODY)
_POSETRACK_15_JOINTS = (
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "right_wrist", "right_elbow",
    "right_shoulder", "left_shoulder", "left_elbow", "left_wrist", "head_bottom", "nose", "head_top",
)  # fmt: skip
_COCO_17_JOINTS = ("nose", "left_eye", "right_eye", "left_ear", "right_ear", *_BODY)

_BODY_SIGMAS = (0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089)
_POSETRACK_17_SIGMAS = (0.026, 0.025, 0.025, 0.035, 0.035, *_BODY_SIGMAS)

POSETRACK_17 = Skeleton(
    name="posetrack_17",
    joints=_POSETRACK_17_JOINTS,
    limbs=_pairs(_POSETRACK_17_JOINTS, _POSETRACK_LIMBS),
    flip_pairs=_flip_pairs(_POSETRACK_17_JOINTS),
    oks_sigmas=_POSETRACK_17_SIGMAS,
)
#: The joints of PoseTrack17 files and of the official evaluation, in its order.
POSETRACK_15 = Skeleton(
    name="posetrack_15",
    joints=_POSETRACK_15_JOINTS,
    limbs=_pairs(_POSETRACK_15_JOINTS, _POSETRACK_LIMBS),
    flip_pairs=_flip_pairs(_POSETRACK_15_JOINTS),
    oks_sigmas=tuple(_POSETRACK_17_SIGMAS[_POSETRACK_17_JOINTS.index(joint)] for joint in _POSETRACK_15_JOINTS),
)
COCO_17 = Skeleton(
    name="coco_17",
    joints=_COCO_17_JOINTS,
    limbs=_pairs(_COCO_17_JOINTS, _COCO_LIMBS),
    flip_pairs=_flip_pairs(_COCO_17_JOINTS),
    oks_sigmas=(0.026, 0.025, 0.025, 0.035, 0.035, *_BODY_SIGMAS),
)
SKELETONS = {skeleton.name: skeleton for skeleton in (POSETRACK_17, POSETRACK_15, COCO_17)}


def joint_selection(source: Skeleton, target: Skeleton) -> NDArray[np.int64]:
    """int64 `[len(target)]`: index in `source` of every joint of `target` by name, -1 where `source` lacks it."""
    return np.array([source.joints.index(joint) if joint in source.joints else -1 for joint in target.joints])
