"""How good poses are: the columns of the accuracy table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from dcpose_core.accuracy.labels import LabelledSet
from dcpose_core.estimation import Estimates
from dcpose_core.head_sizes import HEAD_SIZE_OF_LENGTH
from dcpose_core.metrics.average_precision import average_precision
from dcpose_core.metrics.oks import oks_of
from dcpose_core.metrics.pck import pck
from dcpose_core.metrics.scored_frames import BoolArray, scored_sequences
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, FramePoses, IntArray, PersonPose, PoseSequence, Visibility

#: Bins of the reliability table.
_BINS = 10
#: A joint is right, for calibration, within this many head lengths.
_RIGHT_HEAD_LENGTHS = 0.2
#: A joint is fast that moves farther than this many head lengths a frame.
_FAST_HEAD_LENGTHS = 0.2


@dataclass(frozen=True, slots=True)
class Figures:
    """Percentages but for the last three; NaN where not defined. For head sizes and lengths see `head_sizes.py`.

    pckh_50, pckh_20: labelled joints within 0.5 and 0.2 head sizes; pckh_50_fast: of those that move by more than 0.2
    head lengths a frame. oks_ap: AP by OKS, persons ranked by the mean score of their evaluated joints. poseval_ap:
    mean AP by the PoseTrack rules, joints ranked by their scores. ranking: poseval_ap as a share of what the same
    positions reach with perfect scores (their recall). error: mean distance in head lengths. jitter: mean distance
    between predicted and labelled acceleration (second difference over consecutive frames), in head lengths per squared
    frame. calibration_error: expected calibration error, 0 to 1, of the joint score as the probability to be within 0.2
    head lengths.
    """

    pckh_50: float
    pckh_20: float
    pckh_50_fast: float
    oks_ap: float
    poseval_ap: float
    ranking: float
    error: float
    jitter: float
    calibration_error: float


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Joints whose score lies in `low` to `high`: their number, mean score, and share within 0.2 head lengths."""

    low: float
    high: float
    joints: int
    score: float
    right: float


class Truth:
    """The labels as arrays, one row a person and frame, in order of `LabelledPerson.row`."""

    def __init__(self, labelled: LabelledSet) -> None:
        self._labelled = labelled
        persons = labelled.persons
        self.keypoints: FloatArray = np.stack([person.pose.keypoints for person in persons])
        self.located: BoolArray = np.stack([person.pose.located for person in persons])
        self.head_sizes_px: FloatArray = np.array([person.head_size_px for person in persons])
        self.head_lengths_px: FloatArray = self.head_sizes_px / HEAD_SIZE_OF_LENGTH
        self._consecutive = _consecutive_rows(labelled)
        self._fast = self._fast_joints()
        self._evaluated = np.isin(POSETRACK_17.joints, labelled.joints)

    def __len__(self) -> int:
        return len(self.keypoints)

    def figures(self, estimates: Estimates) -> Figures:
        """Score estimates whose rows are those of the labels."""
        ranked, oks_ap = self._average_precision(estimates)
        ap, recall = ranked
        distances = self._distances(estimates)[self.located]
        bins = self.reliability([estimates])
        joints = sum(each.joints for each in bins)
        return Figures(
            pckh_50=self._pckh(estimates, 0.5, self.located),
            pckh_20=self._pckh(estimates, 0.2, self.located),
            pckh_50_fast=self._pckh(estimates, 0.5, self._fast),
            oks_ap=oks_ap,
            poseval_ap=ap,
            ranking=100 * ap / recall if recall > 0 else float("nan"),
            error=float(distances.mean()),
            jitter=self._jitter(estimates),
            calibration_error=sum(each.joints * abs(each.score - each.right) for each in bins if each.joints) / joints,
        )

    def reliability(self, estimates: Iterable[Estimates]) -> list[ReliabilityBin]:
        """Ten bins of equal width over the joint scores of all `estimates`; the outer ones are open to their sides."""
        several = list(estimates)
        scores = np.concatenate([each.scores[self.located] for each in several])
        right = np.concatenate([self._distances(each)[self.located] <= _RIGHT_HEAD_LENGTHS for each in several])
        bins = np.clip((scores * _BINS).astype(np.int64), 0, _BINS - 1)
        counts = np.bincount(bins, minlength=_BINS)
        with np.errstate(invalid="ignore"):
            means = np.bincount(bins, weights=scores, minlength=_BINS) / counts
            shares = np.bincount(bins, weights=right, minlength=_BINS) / counts
        return [
            ReliabilityBin(i / _BINS, (i + 1) / _BINS, int(counts[i]), float(means[i]), float(shares[i]))
            for i in range(_BINS)
        ]

    def _fast_joints(self) -> BoolArray:
        """bool `[N, 17]`: joints labelled in three consecutive frames that move fast over them."""
        before, at, after = self._consecutive.T
        path = np.linalg.norm(self.keypoints[after] - self.keypoints[before], axis=-1)
        fast = np.zeros_like(self.located)
        fast[at] = path / 2 > _FAST_HEAD_LENGTHS * self.head_lengths_px[at][:, None]
        fast[at] &= self.located[before] & self.located[at] & self.located[after]
        return fast

    def _distances(self, estimates: Estimates) -> FloatArray:
        """`[N, 17]`, in head lengths."""
        distances = np.linalg.norm(estimates.keypoints - self.keypoints, axis=-1) / self.head_lengths_px[:, None]
        return np.asarray(distances, dtype=np.float64)

    def _pckh(self, estimates: Estimates, threshold: float, counted: BoolArray) -> float:
        return pck(
            predicted=estimates.keypoints,
            annotated=self.keypoints,
            located=counted,
            reference_px=self.head_sizes_px,
            threshold=threshold,
            predicted_located=estimates.scores > 0,
        ).total

    def _jitter(self, estimates: Estimates) -> float:
        before, at, after = self._consecutive.T
        errors = estimates.keypoints - self.keypoints
        acceleration = np.linalg.norm(errors[before] - 2 * errors[at] + errors[after], axis=-1)
        acceleration = acceleration / self.head_lengths_px[at][:, None]
        counts = self.located[before] & self.located[at] & self.located[after]
        return float(acceleration[counts].mean()) if counts.any() else float("nan")

    def _average_precision(self, estimates: Estimates) -> tuple[tuple[float, float], float]:
        """Mean AP and mean recall by the PoseTrack rules, and OKS-AP."""
        pairs = []
        for sequence in self._labelled.sequences:
            truth, predicted = [], []
            for frame in sequence.frames.values():
                persons = frame.persons.values()
                truth.append(
                    FramePoses(
                        frame.index, tuple(person.pose for person in persons), ignore_regions=frame.ignore_regions
                    )
                )
                predicted.append(
                    FramePoses(frame.index, tuple(self._pose(estimates, person.row) for person in persons))
                )
            pairs.append((PoseSequence(sequence.name, tuple(truth)), PoseSequence(sequence.name, tuple(predicted))))
        scored = scored_sequences(pairs)
        found = average_precision(frame for sequence in scored for frame in sequence.frames)
        return (float(found.ap[-1]), float(found.recall[-1])), oks_of(scored).ap

    def _pose(self, estimates: Estimates, row: int) -> PersonPose:
        scores = estimates.scores[row]
        # Joints that the labels never have stay in: the PoseTrack rules leave these out of the mean by themselves.
        return PersonPose(
            keypoints=estimates.keypoints[row],
            visibility=np.where(scores > 0, Visibility.VISIBLE, Visibility.ABSENT).astype(np.uint8),
            scores=scores,
            score=float(scores[self._evaluated].mean()),
        )


def _consecutive_rows(labelled: LabelledSet) -> IntArray:
    """int64 `[M, 3]`: rows of the same person in three consecutive frames."""
    rows = [
        [sequence.frames[index + step].persons[identity].row for step in (-1, 0, 1)]
        for sequence in labelled.sequences
        for index, frame in sequence.frames.items()
        for identity in frame.persons
        if all(
            index + step in sequence.frames and identity in sequence.frames[index + step].persons for step in (-1, 1)
        )
    ]
    return np.array(rows, dtype=np.int64).reshape(-1, 3)
