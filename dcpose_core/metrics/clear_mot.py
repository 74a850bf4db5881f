"""CLEAR-MOT tracking metrics per joint by the rules of the PoseTrack evaluation.

Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance: The CLEAR MOT Metrics", 2008. Every
joint is a tracking problem of its own; whom a prediction was assigned to for the average precision plays no part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from dcpose_core.metrics.average_precision import MATCH_HEAD_SIZES, with_mean
from dcpose_core.metrics.scored_frames import JOINT_COUNT, BoolArray, ScoredFrame
from dcpose_core.types import FloatArray, IntArray

#: Cost of a pair that must not be: more than all the pairs of a frame that may, at MATCH_HEAD_SIZES each.
_FORBIDDEN = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class ClearMot:
    """Percentages per joint, 15 in the order of `POSETRACK_15` and the mean of them last: float64 `[16]`.

    mota: 1 - (misses + switches + false positives) / objects; below 0 when there are more errors than objects.
    motp: 1 - mean distance of the matches in head sizes; 0 for a joint without a match.
    precision: matches / predictions. recall: matches / objects. NaN where the denominator is 0; means leave NaN out.
    """

    mota: FloatArray
    motp: FloatArray
    precision: FloatArray
    recall: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class MotCounts:
    """Events per joint, `[15]` each; they add up over sequences. distances: sum over the matches, in head sizes.

    matches: predictions on an object, switches among them. switches: those of another track than the object's last.
    """

    objects: IntArray
    predictions: IntArray
    matches: IntArray
    switches: IntArray
    distances: FloatArray

    def __add__(self, other: MotCounts) -> MotCounts:
        return MotCounts(
            objects=self.objects + other.objects,
            predictions=self.predictions + other.predictions,
            matches=self.matches + other.matches,
            switches=self.switches + other.switches,
            distances=self.distances + other.distances,
        )

    @classmethod
    def none(cls) -> MotCounts:
        nothing = np.zeros(JOINT_COUNT, dtype=np.int64)
        return cls(nothing, nothing, nothing, nothing, np.zeros(JOINT_COUNT))


def clear_mot(counts: MotCounts) -> ClearMot:
    """The metrics of one sequence's events, or of the sum over several."""
    misses = counts.objects - counts.matches
    false_positives = counts.predictions - counts.matches
    objects = np.where(counts.objects > 0, counts.objects, np.nan)
    predictions = np.where(counts.predictions > 0, counts.predictions, np.nan)
    matched = counts.matches > 0
    mean_distance = np.divide(counts.distances, counts.matches, out=np.ones(JOINT_COUNT), where=matched)
    return ClearMot(
        mota=with_mean(100 * (1 - (misses + counts.switches + false_positives) / objects)),
        motp=with_mean(100 * (1 - mean_distance)),
        precision=with_mean(100 * counts.matches / predictions),
        recall=with_mean(100 * counts.matches / objects),
    )


def count_events(frames: Sequence[ScoredFrame]) -> MotCounts:
    """Follow every joint through the frames of one sequence and count.

    The official evaluation leaves out the last scored frame of each sequence, and takes a frame in which one side
    has no person for a single missed object and a single false positive of every joint.
    """
    objects, predictions, matches, switches = np.zeros((4, JOINT_COUNT), dtype=np.int64)
    distance_sums = np.zeros(JOINT_COUNT)
    tracks = _tracks(frame.annotated.track_ids for frame in frames)
    predicted_tracks = _tracks(frame.predicted.track_ids for frame in frames)
    # last[joint, track]: index of the predicted track it was matched with last, however long ago; -1: never.
    last = np.full((JOINT_COUNT, len(tracks)), -1)
    for frame in frames[:-1]:
        if not len(frame.annotated) or not len(frame.predicted):
            objects += 1
            predictions += 1
            continue
        annotated = np.searchsorted(tracks, frame.annotated.track_ids)
        predicted = np.searchsorted(predicted_tracks, frame.predicted.track_ids)
        before = last[:, annotated]  # [15, G]
        distances = frame.joint_distances()
        kept, fresh = _match(frame, distances, before, predicted)
        pairs = kept | fresh
        objects += frame.annotated.located.sum(axis=0)
        predictions += frame.predicted.located.sum(axis=0)
        matches += pairs.sum(axis=(1, 2))
        switches += (fresh & (before >= 0)[:, :, None]).sum(axis=(1, 2))
        distance_sums += np.where(pairs, distances, 0).sum(axis=(1, 2))
        joint, person, prediction = np.nonzero(pairs)
        last[joint, annotated[person]] = predicted[prediction]
    return MotCounts(objects, predictions, matches, switches, distance_sums)


def _tracks(track_ids: Iterable[IntArray]) -> IntArray:
    """The different ids of a sequence, in order."""
    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *track_ids]))


def _match(
    frame: ScoredFrame, distances: FloatArray, before: IntArray, predicted: IntArray
) -> tuple[BoolArray, BoolArray]:
    """Matches of one frame, two masks `[15, G, P]`: those kept from before, and new ones.

    distances: `[15, G, P]`. before: `[15, G]` last matched track of each object. predicted: `[P]` tracks.
    """
    valid = distances <= MATCH_HEAD_SIZES
    kept = valid & (before[:, :, None] == predicted)
    # Two objects can have the same last track; the first of them in the file keeps it.
    kept &= np.cumsum(kept, axis=1) == 1
    free = valid & ~kept.any(axis=2, keepdims=True) & ~kept.any(axis=1, keepdims=True)
    fresh = np.zeros_like(kept)
    for joint in np.flatnonzero(free.any(axis=(1, 2))):
        # As many pairs as possible, then the smallest sum of distances. All objects and predictions go in, in the
        # order of the files: among equally good pairings the solver then finds the one the official tool reports.
        objects = np.flatnonzero(frame.annotated.located[:, joint])
        predictions = np.flatnonzero(frame.predicted.located[:, joint])
        block = np.ix_(objects, predictions)
        row, column = linear_sum_assignment(np.where(free[joint][block], distances[joint][block], _FORBIDDEN))
        person, prediction = objects[row], predictions[column]
        allowed = free[joint, person, prediction]
        fresh[joint, person[allowed], prediction[allowed]] = True
    return kept, fresh
