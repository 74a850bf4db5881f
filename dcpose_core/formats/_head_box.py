"""A head box for poses that have none. PoseTrack's evaluation takes its distance scale (PCKh) from the head box."""

from __future__ import annotations

import math

from dcpose_core.boxes import POSETRACK_ENLARGEMENT
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import PersonPose, Visibility

_NOSE, _HEAD_BOTTOM, _HEAD_TOP = (POSETRACK_17.index(joint) for joint in ("nose", "head_bottom", "head_top"))
_ABSENT = int(Visibility.ABSENT)

# Measured on the drawn head boxes of 30 PoseTrack videos with joints (1,150 and 1,179 person-frames): the diagonal is
# 1.26 times the distance head_top to head_bottom (10 to 90 %: 1.25 to 1.39), about whose middle the box lies, and
# 0.24 times the longer side of the joints' extent (10 to 90 %: 0.19 to 0.33).
_DIAGONAL_OVER_HEAD = 1.26
_DIAGONAL_OVER_EXTENT = 0.24


def derive_head_box(pose: PersonPose, box_xyxy: list[float]) -> list[float]:
    """A square head box `[x1, y1, x2, y2]` for a `POSETRACK_17` pose with the body box `box_xyxy`.

    From head_top and head_bottom where both are located; else its size follows from the body box, and it lies about
    the nose, another located head joint, or the middle of the body box's upper edge.
    """
    points: list[list[float]] = pose.keypoints.tolist()
    states = pose.visibility.tolist()
    located = [joint for joint in (_NOSE, _HEAD_TOP, _HEAD_BOTTOM) if states[joint] != _ABSENT]
    if _HEAD_TOP in located and _HEAD_BOTTOM in located and points[_HEAD_TOP] != points[_HEAD_BOTTOM]:
        (x_top, y_top), (x_bottom, y_bottom) = points[_HEAD_TOP], points[_HEAD_BOTTOM]
        x, y = (x_top + x_bottom) / 2, (y_top + y_bottom) / 2
        diagonal = _DIAGONAL_OVER_HEAD * math.hypot(x_top - x_bottom, y_top - y_bottom)
    else:
        x1, y1, x2, y2 = box_xyxy
        x, y = points[located[0]] if located else ((x1 + x2) / 2, y1)
        diagonal = _DIAGONAL_OVER_EXTENT * max(x2 - x1, y2 - y1) / POSETRACK_ENLARGEMENT
    half = max(diagonal / math.sqrt(2), 1.0) / 2
    return [x - half, y - half, x + half, y + half]
