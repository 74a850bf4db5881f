"""Which finds are the same person, when several views of an image found them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dcpose_core.geometry import iou
from dcpose_core.types import FloatArray, IntArray

# A find that lies in another one's box is the same person if most joints that both are sure of agree: a fine view
# sees the upper half of someone large as a whole person. Measured on labelled stills, as the median distance of those
# joints over the square root of the smaller box's area: 0.02 to 0.06 for such halves, above 0.15 for two people.
_INSIDE = 0.7
_SURE_SCORE = 0.2
_MIN_JOINTS = 2
_SAME_DISTANCE = 0.1


def suppress(
    boxes_xyxy: FloatArray, scores: FloatArray, keypoints: FloatArray, keypoint_scores: FloatArray, *, max_iou: float
) -> IntArray:
    """Indices of the finds that stay, best score first: none is the same person as a better one.

    boxes_xyxy: `[N, 4]`. scores: `[N]`. keypoints: `[N, J, 2]`, in the frame of the boxes. keypoint_scores: `[N, J]`.
    max_iou: overlap above which two boxes are one person, whatever their joints.
    """
    same = (iou(boxes_xyxy, boxes_xyxy) > max_iou) | _joints_agree(boxes_xyxy, keypoints, keypoint_scores)
    kept: list[int] = []
    for index in np.argsort(-scores, kind="stable").tolist():
        if not same[index, kept].any():
            kept.append(index)
    return np.array(kept, dtype=np.int64)


def _joints_agree(boxes_xyxy: FloatArray, keypoints: FloatArray, keypoint_scores: FloatArray) -> NDArray[np.bool_]:
    """bool `[N, N]`: one box lies in the other and most joints that both are sure of are in the same places."""
    first, second = boxes_xyxy[:, None], boxes_xyxy[None, :]
    overlap = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    areas = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1)
    smaller = np.minimum(areas[:, None], areas[None, :])
    inside = np.clip(overlap, 0.0, None).prod(axis=2) >= _INSIDE * smaller
    sure = keypoint_scores >= _SURE_SCORE
    both_sure = sure[:, None] & sure[None, :]  # [N, N, J]
    distance = np.linalg.norm(keypoints[:, None] - keypoints[None, :], axis=3)
    agree = both_sure & (distance <= _SAME_DISTANCE * np.sqrt(smaller)[..., None])
    n_sure = both_sure.sum(axis=2)
    return np.asarray(inside & (n_sure >= _MIN_JOINTS) & (2 * agree.sum(axis=2) > n_sure))
