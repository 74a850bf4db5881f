"""Average precision per joint by the rules of the PoseTrack evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dcpose_core.metrics.scored_frames import JOINT_COUNT, BoolArray, ScoredFrame
from dcpose_core.types import FloatArray, IntArray

#: A predicted joint is right within this many head sizes of the annotated one (inclusive).
MATCH_HEAD_SIZES = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class AveragePrecision:
    """Percentages per joint, 15 in the order of `POSETRACK_15` and the mean of them last: float64 `[16]`.

    ap: area under the interpolated precision-recall curve. precision, recall: with all predictions, whatever their
    score. NaN for a joint that is predicted, but never annotated; the mean leaves NaN out.
    annotated_counts, predicted_counts, correct_counts: int64 `[15]`, joints behind these figures.
    """

    ap: FloatArray
    precision: FloatArray
    recall: FloatArray
    annotated_counts: IntArray
    predicted_counts: IntArray
    correct_counts: IntArray


def average_precision(frames: Iterable[ScoredFrame]) -> AveragePrecision:
    """AP over all frames of all sequences. Order among equal scores: the order of the files, so a fixed one."""
    annotated_counts = np.zeros(JOINT_COUNT, dtype=np.int64)
    correct: list[BoolArray] = [np.zeros((0, JOINT_COUNT), dtype=np.bool_)]
    predicted: list[BoolArray] = [np.zeros((0, JOINT_COUNT), dtype=np.bool_)]
    scores: list[FloatArray] = [np.zeros((0, JOINT_COUNT))]
    for frame in frames:
        annotated_counts += frame.annotated.located.sum(axis=0)
        correct.append(correct_joints(frame))
        predicted.append(frame.predicted.located)
        scores.append(frame.predicted.joint_scores)
    all_correct, all_predicted = np.concatenate(correct), np.concatenate(predicted)
    all_scores = np.concatenate(scores)

    ap, precision, recall = np.zeros((3, JOINT_COUNT))
    for joint in range(JOINT_COUNT):
        counts = all_predicted[:, joint]
        ranking = np.argsort(-all_scores[counts, joint], kind="stable")
        ranked = all_correct[counts, joint][ranking]
        if len(ranked):
            ap[joint], precision[joint], recall[joint] = _area(ranked, int(annotated_counts[joint]))
    return AveragePrecision(
        ap=with_mean(100 * ap),
        precision=with_mean(100 * precision),
        recall=with_mean(100 * recall),
        annotated_counts=annotated_counts,
        predicted_counts=all_predicted.sum(axis=0),
        correct_counts=all_correct.sum(axis=0),
    )


def correct_joints(frame: ScoredFrame) -> BoolArray:
    """bool `[P, 15]`: the predicted joints that match the annotated person to whom the prediction is assigned.

    A prediction goes for the annotated person of whom it has the largest share of joints right (the first of
    equals), and each annotated person takes the best of those that go for him (again the first of equals).
    """
    correct = np.zeros(frame.predicted.located.shape, dtype=np.bool_)
    if not len(frame.annotated) or not len(frame.predicted):
        return correct
    matches = frame.joint_distances() <= MATCH_HEAD_SIZES  # [15, G, P]
    # A person without any annotated joint has nothing to match; 1 only avoids the division by zero.
    share = matches.sum(axis=0) / np.maximum(frame.annotated.located.sum(axis=1), 1)[:, None]  # [G, P]
    wanted = np.zeros_like(share)
    columns = np.arange(share.shape[1])
    favourite = share.argmax(axis=0)
    wanted[favourite, columns] = share[favourite, columns]
    best = wanted.argmax(axis=1)  # [G]
    for person in np.flatnonzero(wanted.max(axis=1) > 0):
        correct[best[person]] = matches[:, person, best[person]]
    return correct


def _area(ranked: BoolArray, annotated: int) -> tuple[float, float, float]:
    """AP, final precision and final recall, 0..1, of detections in order of falling score."""
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    if annotated == 0:
        return float("nan"), float(precision[-1]), float("nan")
    # Interpolated precision: the best that is reached at this recall or a higher one. Recall rises by 1 / annotated
    # at every correct detection, so the area under the steps is a sum over these.
    interpolated = np.maximum.accumulate(precision[::-1])[::-1]
    area = interpolated[ranked].sum() / annotated
    return float(area), float(precision[-1]), float(ranked.sum() / annotated)


def with_mean(per_joint: FloatArray) -> FloatArray:
    """`[15]` -> `[16]`: the mean over the joints that are not NaN appended, NaN if all are."""
    known = per_joint[~np.isnan(per_joint)]
    return np.append(per_joint, known.mean() if len(known) else np.nan)
