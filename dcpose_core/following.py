"""Persons whom the detector misses are looked for by the pose network, where their track expects them.

A detector judges each frame anew; blur, backlight or an odd posture hide a person from it whom the network, shown
the right place, still finds. What it finds counts as a (modest) detection, so the tracker needs to know nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dcpose_core.boxes import POSETRACK_ENLARGEMENT, scale_box
from dcpose_core.estimation import CropRequest, PoseEstimator
from dcpose_core.geometry import iou
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import Detection, FloatArray, ImageArray, TrackedBox

#: A person is there if half the joints are at least this confident: on background the median was below 0.1, on
#: persons whom the detector missed 0.2 to 0.5 (bundled clip); single joints above 0.2 are right in 88 % and more.
_MIN_MEDIAN_SCORE = 0.2
#: Joints from this confidence on span the box.
_MIN_JOINT_SCORE = 0.1
#: An expected person whom a detection overlaps this much is not missed, or hidden behind someone else.
_MAX_OVERLAP = 0.3
#: The pose must be about as large as the box it was looked for in, as a ratio of their longer sides.
_MIN_SIZE_RATIO = 0.4
#: Ears and the two head joints are computed from, or close to, other joints: they are no further evidence.
_JUDGED = [POSETRACK_17.index(j) for j in POSETRACK_17.joints if not j.endswith("_ear") and not j.startswith("head")]


def look_for_missed(
    image: ImageArray,
    expected: Sequence[TrackedBox],
    detections: Sequence[Detection],
    estimator: PoseEstimator,
) -> list[Detection]:
    """Detections for those of the `expected` persons that `detections` misses and the network finds.

    image: uint8 `[H, W, 3]` RGB. expected: where tracks expect their persons in it. One backbone pass for each that
    no detection overlaps.
    """
    known = _boxes([detection.box_xyxy for detection in detections])
    missed = [box for box in expected if iou(box.box_xyxy[None], known).max(initial=0.0) < _MAX_OVERLAP]
    if not missed:
        return []
    seen = estimator.evidence([CropRequest(image, estimator.crop_matrix(box.box_xyxy)) for box in missed])
    poses = estimator.estimate_single(seen)
    found: list[Detection] = []
    for box, keypoints, scores in zip(missed, poses.keypoints, poses.scores, strict=True):
        person = _person(box, keypoints, scores)
        if person is not None and iou(person.box_xyxy[None], known).max(initial=0.0) < _MAX_OVERLAP:
            found.append(person)
            known = np.concatenate([known, person.box_xyxy[None]])
    return found


def _person(expected: TrackedBox, keypoints: FloatArray, scores: FloatArray) -> Detection | None:
    """The detection that a pose amounts to, or None if nobody is there."""
    confidence = float(np.median(scores[_JUDGED]))
    if confidence < _MIN_MEDIAN_SCORE:
        return None
    points = keypoints[scores >= _MIN_JOINT_SCORE]
    box_xyxy = scale_box(np.concatenate([points.min(axis=0), points.max(axis=0)]), POSETRACK_ENLARGEMENT)
    if _longer_side(box_xyxy) < _MIN_SIZE_RATIO * _longer_side(expected.box_xyxy):
        return None
    return Detection(box_xyxy, confidence, keypoints, scores)


def _longer_side(box_xyxy: FloatArray) -> float:
    return float((box_xyxy[2:] - box_xyxy[:2]).max())


def _boxes(boxes_xyxy: Sequence[FloatArray]) -> FloatArray:
    return np.array(boxes_xyxy, dtype=np.float64).reshape(-1, 4)
