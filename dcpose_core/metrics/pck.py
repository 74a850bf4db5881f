"""PCK: the percentage of correct keypoints, those within a fraction of a reference length of the annotation.

PCKh takes the person's head size as the reference (Andriluka et al., "2D Human Pose Estimation: New Benchmark and
State of the Art Analysis", CVPR 2014), as the PoseTrack evaluation does for its matching.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dcpose_core.types import FloatArray

#: Head size over the diagonal of the annotated head box.
HEAD_SIZE_OF_DIAGONAL = 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Pck:
    """Percentages of correct keypoints.

    per_joint: float64 `[J]`, NaN for a joint that nobody has annotated. total: over all annotated joints together.
    """

    per_joint: FloatArray
    total: float


def head_size_px(head_box_xyxy: FloatArray) -> FloatArray:
    """Head sizes `[...]` of head boxes `[..., 4]`: 0.6 times the diagonal."""
    box = np.asarray(head_box_xyxy, dtype=np.float64)
    diagonal = np.sqrt(((box[..., 2:] - box[..., :2]) ** 2).sum(axis=-1))
    return np.asarray(HEAD_SIZE_OF_DIAGONAL * diagonal, dtype=np.float64)


def pck(
    *,
    predicted: FloatArray,
    annotated: FloatArray,
    located: NDArray[np.bool_],
    reference_px: FloatArray,
    threshold: float,
    predicted_located: NDArray[np.bool_] | None = None,
) -> Pck:
    """PCK at `threshold` times a reference length, over persons whose prediction and annotation are already paired.

    Args:
        predicted, annotated: `[N, J, 2]` image pixels, row n of both being the same person.
        located: bool `[N, J]`, the joints that are annotated; only these count.
        reference_px: `[N]` length of each person, e.g. the torso or the longer side of the box, > 0.
        threshold: fraction of the reference length up to which (inclusive) a keypoint is correct.
        predicted_located: bool `[N, J]`, the joints that are predicted (default all); an annotated joint without
            prediction is wrong.
    """
    distances_px = np.sqrt(((np.asarray(predicted) - np.asarray(annotated)) ** 2).sum(axis=-1))
    correct = located & (distances_px <= threshold * np.asarray(reference_px)[:, None])
    if predicted_located is not None:
        correct &= predicted_located
    counts = np.asarray(located).sum(axis=0)
    with np.errstate(invalid="ignore"):
        per_joint = 100.0 * correct.sum(axis=0) / counts
        total = 100.0 * np.float64(correct.sum()) / np.float64(counts.sum())
    return Pck(per_joint=per_joint, total=float(total))


def pckh(
    *,
    predicted: FloatArray,
    annotated: FloatArray,
    located: NDArray[np.bool_],
    head_box_xyxy: FloatArray,
    threshold: float = 0.5,
    predicted_located: NDArray[np.bool_] | None = None,
) -> Pck:
    """PCKh: as `pck`, with the head size of every person's head box `[N, 4]` as the reference."""
    return pck(
        predicted=predicted,
        annotated=annotated,
        located=located,
        reference_px=head_size_px(head_box_xyxy),
        threshold=threshold,
        predicted_located=predicted_located,
    )
