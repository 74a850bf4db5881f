"""What is drawn of a person, and where: shared by painting and hit testing, so that what is seen is what is hit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from app.project.records import JointSource, Person
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray

LIMBS = np.array(POSETRACK_17.limbs)
#: Per joint: 0 the person's left, 1 right, 2 centre. Per limb: that of its joints, centre where they differ.
SIDES = np.array(
    [0 if name.startswith("left_") else 1 if name.startswith("right_") else 2 for name in POSETRACK_17.joints]
)
_SIDE_PAIRS = SIDES[LIMBS]
# From the neck to a shoulder counts as that shoulder's side.
LIMB_SIDES = np.where(
    _SIDE_PAIRS[:, 0] == _SIDE_PAIRS[:, 1],
    _SIDE_PAIRS[:, 0],
    np.where((_SIDE_PAIRS == 2).any(axis=1), _SIDE_PAIRS.min(axis=1), 2),
)


def joint_title(joint: int) -> str:
    """`left wrist`, as people write it."""
    return POSETRACK_17.joints[joint].replace("_", " ")


def shown_joints(person: Person, min_score: float) -> NDArray[np.bool_]:
    """bool `[17]`: located, and either from a person or propagated, or with a score of at least `min_score`."""
    sure = (person.sources != JointSource.MODEL) | (person.scores >= min_score)
    return np.asarray(person.located & sure)


def anchored(points: FloatArray, *, width_px: int, height_px: int) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Image points `[J, 2]` brought to the nearest edge where they lie outside the image, and which ones those are."""
    held = np.clip(points, [-0.5, -0.5], [width_px - 0.5, height_px - 0.5])
    return held, np.asarray((held != points).any(axis=-1))


def person_extent(person: Person, min_score: float = 0.0) -> FloatArray | None:
    """`xyxy` around the joints that are shown, or the stored box where none is."""
    shown = shown_joints(person, min_score)
    if not shown.any():
        return person.box_xyxy
    points = person.keypoints[shown]
    return np.concatenate([points.min(axis=0), points.max(axis=0)])
