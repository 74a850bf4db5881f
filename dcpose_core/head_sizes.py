"""The units of distance in the accuracy figures, from whatever the labels have.

PCKh's head size is 0.6 times the diagonal of the head box. Labels without one are brought to the same unit by ratios
measured on 1,160 person-frames, 21 tracks, of PoseTrack videos with drawn head boxes. Given are medians; the spread is
the standard deviation of the logarithm over tracks. A head length, from head_bottom to head_top, is a third longer.
"""

from __future__ import annotations

import numpy as np

from dcpose_core.metrics.pck import HEAD_SIZE_OF_DIAGONAL, head_size_px
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, PersonPose

#: Head size over head length, the distance from head_bottom to head_top; spread 0.04.
HEAD_SIZE_OF_LENGTH = 0.755
#: Head size over the trunk, the longer of the two lines from a shoulder to the opposite hip, and over the longest of
#: upper arm, forearm, thigh and lower leg: the larger of the two holds also for those who bend or turn their trunk
#: towards the camera. Spread 0.14; of the trunk alone 0.19, of the line from mid-shoulder to mid-hip 0.38.
_OVER_TRUNK = 0.35
_OVER_LIMB = 0.45
#: Head size over the diagonal of the joints' extent; spread 0.17, but for persons of whom most joints are labelled.
_OVER_EXTENT = 0.133

_HEAD = [POSETRACK_17.index(joint) for joint in ("head_bottom", "head_top")]
_PARTS = [
    *((_OVER_TRUNK, pair) for pair in (("left_shoulder", "right_hip"), ("right_shoulder", "left_hip"))),
    *(
        (_OVER_LIMB, (f"{side}_{a}", f"{side}_{b}"))
        for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
        for side in ("left", "right")
    ),
]
_BODY = [(factor, [POSETRACK_17.index(joint) for joint in pair]) for factor, pair in _PARTS]


def head_size_of(pose: PersonPose) -> tuple[float, str] | None:
    """Head size of a labelled `POSETRACK_17` person in pixels, and what it was taken from.

    From the head box; else from head_bottom and head_top; else from trunk and limbs, which is what COCO's labels
    allow; else from the extent of the joints. None for a person with fewer than two joints apart and no head box.
    """
    if pose.head_box_xyxy is not None and (size := float(head_size_px(pose.head_box_xyxy))) > 0:
        return size, "head box"
    if size := HEAD_SIZE_OF_LENGTH * _length(pose, _HEAD):
        return size, "head joints"
    if size := max(factor * _length(pose, ends) for factor, ends in _BODY):
        return size, "trunk and limbs"
    points = pose.keypoints[pose.located]
    if len(points) and (size := _OVER_EXTENT * float(np.hypot(*(points.max(axis=0) - points.min(axis=0))))):
        return size, "extent of the joints"
    return None


def square_head_box(centre: FloatArray, size_px: float) -> FloatArray:
    """A head box `[4]` of a given head size, for the evaluations that take the size from the box."""
    half = size_px / HEAD_SIZE_OF_DIAGONAL / np.sqrt(8.0)
    return np.concatenate([centre - half, centre + half])


def _length(pose: PersonPose, ends: list[int]) -> float:
    """Distance between two joints, 0 where one of them is not labelled."""
    if not pose.located[ends].all():
        return 0.0
    return float(np.linalg.norm(pose.keypoints[ends[0]] - pose.keypoints[ends[1]]))
