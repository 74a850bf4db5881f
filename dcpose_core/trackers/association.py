"""Which detection continues which track: costs between what is expected and what is seen, and the best assignment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dcpose_core.geometry import iou, oks
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.trackers.kalman import BoxMotion, longer_side, measurement
from dcpose_core.types import Detection, FloatArray

#: Squared Mahalanobis distance of the centre (two degrees of freedom) beyond which a detection is somebody else.
_GATE = 16.0
#: IoU of expectation and detection that makes up for a place beyond the gate.
_SUPPORTING_OVERLAP = 0.2
_MAX_MOTION_COST = 1.5
#: Largest ratio between the expected and the detected longer side of the box.
_MAX_SIZE_RATIO = 2.5
_OVERLAP_WEIGHT, _MOTION_WEIGHT, _POSE_WEIGHT = 1.0, 1.0, 2.0
#: Rough poses are compared on twice the box area: they are rough, and limbs move between frames.
_OKS_AREA_FACTOR = 2.0
_MIN_COMMON_JOINTS = 4
_MIN_JOINT_SCORE = 0.1
_IMPOSSIBLE = 1e6


def return_cost(motions: Sequence[BoxMotion], detections: Sequence[Detection]) -> FloatArray:
    """`[T, D]`: how little each track's expectation explains the place of each detection.

    The negative log-likelihood of the centre, up to constants, in units of the gate: 0 where a detection is and was
    sure to be. A vague expectation explains no place well, so that a person who was lost does not take the detection
    of one in view. Pairs beyond the gate, or of very different size, are impossible (1e6).
    """
    cost, plausible = _motion_cost(motions, detections)
    return np.where(plausible & _alike_in_size(motions, detections), cost, _IMPOSSIBLE)


def continuation_cost(
    motions: Sequence[BoxMotion], seen_before: Sequence[Detection], detections: Sequence[Detection]
) -> FloatArray:
    """`[T, D]`: mean of motion cost, missing overlap and, where both have rough poses, their dissimilarity.

    Pairs that neither the motion explains nor an overlap supports are impossible (1e6).
    seen_before: the last detection of each track; its pose is moved along with the expected box.
    """
    motion, plausible = _motion_cost(motions, detections)
    overlap = iou(np.array([motion.box_xyxy for motion in motions]), boxes_of(detections))
    pose, has_pose = _pose_similarity(motions, seen_before, detections)
    pose_weight = np.where(has_pose, _POSE_WEIGHT, 0.0)
    weighted = _MOTION_WEIGHT * motion + _OVERLAP_WEIGHT * (1.0 - overlap) + pose_weight * (1.0 - pose)
    cost = weighted / (_MOTION_WEIGHT + _OVERLAP_WEIGHT + pose_weight)
    # A fall or a jump starts too suddenly for the motion model; at video rates the boxes still overlap.
    possible = (plausible | (overlap >= _SUPPORTING_OVERLAP)) & _alike_in_size(motions, detections)
    return np.where(possible, cost, _IMPOSSIBLE)


def assign(cost: FloatArray, *, max_cost: float) -> list[tuple[int, int]]:
    """The pairs (row, column) of least total cost, none of them above `max_cost` (Hungarian method)."""
    allowed = np.where(cost <= max_cost, cost, _IMPOSSIBLE)
    pairs = zip(*linear_sum_assignment(allowed), strict=True)
    return [(int(row), int(column)) for row, column in pairs if cost[row, column] <= max_cost]


def boxes_of(detections: Sequence[Detection]) -> FloatArray:
    """float64 `[D, 4]`, also for no detections."""
    return np.array([detection.box_xyxy for detection in detections]).reshape(-1, 4)


def _motion_cost(motions: Sequence[BoxMotion], detections: Sequence[Detection]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Motion cost `[T, D]`, at most `_MAX_MOTION_COST`, and which pairs lie within the gate."""
    expected = np.array([motion.mean[:2, 0] for motion in motions])  # [T, 2]
    variance = np.array([motion.measurement_variance[:2] for motion in motions])
    certain = np.array([motion.noise_variance[:2] for motion in motions])
    seen = measurement(boxes_of(detections))[:, :2]  # [D, 2]
    distance = (np.square(seen[None] - expected[:, None]) / variance[:, None]).sum(axis=-1)
    vagueness = np.log(variance / certain).sum(axis=-1)
    return np.minimum((distance + vagueness[:, None]) / _GATE, _MAX_MOTION_COST), distance <= _GATE


def _alike_in_size(motions: Sequence[BoxMotion], detections: Sequence[Detection]) -> NDArray[np.bool_]:
    expected = longer_side(np.array([motion.mean[:, 0] for motion in motions]))
    seen = longer_side(measurement(boxes_of(detections)))
    return np.asarray(np.abs(np.log(seen[None] / expected[:, None])) <= np.log(_MAX_SIZE_RATIO))


def _pose_similarity(
    motions: Sequence[BoxMotion], seen_before: Sequence[Detection], detections: Sequence[Detection]
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """OKS `[T, D]`, and where enough joints are known on both sides for it to mean something."""
    joints_before, known_before = _rough_poses(seen_before)
    joints, known = _rough_poses(detections)
    enough = known_before.astype(np.int64) @ known.T.astype(np.int64) >= _MIN_COMMON_JOINTS
    if not enough.any():
        return np.zeros(enough.shape), enough
    moved_by = np.array([motion.mean[:2, 0] for motion in motions]) - measurement(boxes_of(seen_before))[:, :2]
    similarity = oks(
        joints_before + moved_by[:, None],
        joints,
        areas=measurement(boxes_of(detections))[:, 2:].prod(axis=1) * _OKS_AREA_FACTOR,
        valid_a=known_before,
        valid_b=known,
    )
    return similarity, enough


def _rough_poses(detections: Sequence[Detection]) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Joints `[D, 17, 2]` and which of them are known `[D, 17]`."""
    joints = np.zeros((len(detections), len(POSETRACK_17), 2))
    known = np.zeros((len(detections), len(POSETRACK_17)), dtype=bool)
    for i, detection in enumerate(detections):
        if detection.keypoints is not None:
            joints[i] = detection.keypoints
            known[i] = True if detection.keypoint_scores is None else detection.keypoint_scores > _MIN_JOINT_SCORE
    return joints, known
