"""One convention for person boxes, whatever their source, so that a model's crop means the same on all of them.

The convention is PoseTrack's: the extent of the person's located joints, enlarged by 1.3 about its centre. A source
that draws its boxes otherwise is scaled about the box centre by its `BoxSource.to_convention` before anything else
sees it; how much of that box a model wants in its crop is the model's own (`CropSpec.enlargement`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dcpose_core.types import FloatArray, PersonPose

#: Width and height of a PoseTrack box over the extent of its joints.
POSETRACK_ENLARGEMENT = 1.3


@dataclass(frozen=True, slots=True)
class BoxSource:
    """Where boxes come from. to_convention: factor on width and height that makes them PoseTrack boxes."""

    name: str
    to_convention: float


#: Boxes of PoseTrack files and boxes made by `box_of_joints`, track predictions among them.
POSETRACK_BOXES = BoxSource("posetrack", 1.0)
#: Boxes of COCO files, drawn around the visible body, and of detectors trained on them. Measured as
#: sqrt(area of joint extent x 1.3 / area of box) on persons with at least 12 labelled COCO joints: median 1.05 on 12
#: COCO persons, 1.04 on 40 frames of a handball player (mean 1.06 and 1.04, standard deviation 0.07 and 0.05).
COCO_BOXES = BoxSource("coco", 1.05)
#: Boxes of MoveNet MultiPose, measured in the same way: median 1.06 on 11 COCO persons, 1.13 on 2 of CrowdPose, 1.10 on
#: 39 frames of a handball player, 1.12 to 1.17 on 15 poses of four clips (middle 80 %: 1.0 to 1.2).
MULTIPOSE_BOXES = BoxSource("multipose", 1.1)


def scale_box(box_xyxy: FloatArray, factor: float) -> FloatArray:
    """Scale `xyxy` boxes `[..., 4]` about their centres by `factor`."""
    box = np.asarray(box_xyxy, dtype=np.float64)
    centre = (box[..., :2] + box[..., 2:]) / 2
    half = (box[..., 2:] - box[..., :2]) / 2 * factor
    return np.concatenate([centre - half, centre + half], axis=-1)


def to_convention(box_xyxy: FloatArray, source: BoxSource) -> FloatArray:
    """Boxes `[..., 4]` of `source` in the one convention of the engine."""
    return scale_box(box_xyxy, source.to_convention)


def box_of_joints(pose: PersonPose, min_score: float = 0.0) -> FloatArray | None:
    """The PoseTrack box of a pose: extent of its located joints x 1.3; None when fewer than two joints count."""
    counts = pose.located if pose.scores is None else pose.located & (pose.scores >= min_score)
    if counts.sum() < 2:
        return None
    points = pose.keypoints[counts]
    return scale_box(np.concatenate([points.min(axis=0), points.max(axis=0)]), POSETRACK_ENLARGEMENT)
