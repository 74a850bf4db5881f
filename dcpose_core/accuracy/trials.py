"""The run of a study: every method on every trial, each crop looked at once, a block of key frames at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from dcpose_core.accuracy.conditions import ALL_CONDITIONS, Condition
from dcpose_core.accuracy.crops import CropLooker, Trial, window_crops
from dcpose_core.accuracy.labels import LabelledSequence, LabelledSet
from dcpose_core.accuracy.methods import Method, Window
from dcpose_core.errors import UsageError
from dcpose_core.estimation import Estimates, PoseEstimator
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.views import check_views

#: Persons times frames of a block: what bounds the memory. A look takes 1.4 MB with the embedded backbone, and a block
#: keeps up to 18 looks a person and frame.
_BLOCK_PERSON_FRAMES = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySettings:
    """What to measure. seeds: how many, of the degradations. intervals: distances T to the neighbours in frames.

    views: looks at every crop, for all methods alike.
    """

    conditions: tuple[Condition, ...] = ALL_CONDITIONS
    seeds: int = 3
    intervals: tuple[int, ...] = (1, 2, 3, 4)
    batch_size: int = 8
    views: int = 1

    def __post_init__(self) -> None:
        if self.seeds < 1 or self.batch_size < 1:
            raise UsageError("the number of seeds and the batch size must be at least 1")
        if not self.intervals or not all(1 <= interval <= 4 for interval in self.intervals):
            raise UsageError("the intervals to the neighbouring frames must be 1 to 4")
        check_views(self.views)

    def trials(self) -> list[Trial]:
        """Everything to try; trials of one degradation and seed, which share looks, one after the other."""
        degradations = list(dict.fromkeys(condition.degradation for condition in self.conditions))
        trials = [
            Trial(condition, seed, interval)
            for condition in self.conditions
            for seed in range(self.seeds if condition.is_random else 1)
            for interval in (self.intervals if condition.intervals_matter else self.intervals[:1])
        ]
        return sorted(trials, key=lambda trial: (degradations.index(trial.condition.degradation), trial.seed))


class Progress(NamedTuple):
    """`done` of `total` person-frames times trials; passes: of the backbone, so far."""

    done: int
    total: int
    passes: int


class Cell(NamedTuple):
    """A place in the table. interval: T, None where the method looks at the key frame only."""

    condition: Condition
    interval: int | None
    method: str


#: By seed; rows of the estimates as those of the labels.
Results = dict[Cell, dict[int, Estimates]]


class _Key(NamedTuple):
    """A person in a key frame."""

    frame: int
    identity: int
    row: int


def run_trials(
    labelled: LabelledSet, *, estimator: PoseEstimator, methods: Sequence[Method], settings: StudySettings
) -> Generator[Progress, None, tuple[Results, int]]:
    """Run all methods on all trials; returns the results and the number of backbone passes.

    estimator: its backbone says what there is to see, for all methods.
    """
    results: Results = {}
    trials, n_rows = settings.trials(), len(labelled.persons)
    done, passes = 0, 0
    for sequence in labelled.sequences:
        for keys in _blocks(sequence):
            looker = CropLooker(sequence, estimator)
            rows = [key.row for key in keys]
            for _, together in groupby(trials, key=lambda trial: (trial.condition.degradation, trial.seed)):
                for trial in together:
                    for method in methods:
                        if not method.looks_around and trial.interval != settings.intervals[0]:
                            continue
                        cell = Cell(trial.condition, trial.interval if method.looks_around else None, method.name)
                        whole = results.setdefault(cell, {}).setdefault(trial.seed, _unknown(n_rows))
                        found = method.estimate(_windows(keys, sequence, trial, method, looker))
                        whole.keypoints[rows], whole.scores[rows] = found.keypoints, found.scores
                    done += len(keys)
                    yield Progress(done, n_rows * len(trials), passes + looker.passes)
                looker.forget_spoiled()
            passes += looker.passes
    return results, passes


def _windows(
    keys: Sequence[_Key], sequence: LabelledSequence, trial: Trial, method: Method, looker: CropLooker
) -> list[Window]:
    crops = [
        window_crops(
            sequence,
            key.frame,
            key.identity,
            trial=trial,
            own_boxes=method.own_boxes,
            border_margin=method.border_margin,
        )
        for key in keys
    ]
    looks = iter(looker.look(crop for window in crops for crop in window[:3]))
    return [Window(next(looks), next(looks), next(looks), window.margin) for window in crops]


def _unknown(n_rows: int) -> Estimates:
    joints = len(POSETRACK_17)
    return Estimates(np.full((n_rows, joints, 2), np.nan), np.full((n_rows, joints), np.nan))


def _blocks(sequence: LabelledSequence) -> Iterator[list[_Key]]:
    """Everybody in the sequence, whole frames at a time."""
    block: list[_Key] = []
    for index, frame in sequence.frames.items():
        block += [_Key(index, identity, person.row) for identity, person in frame.persons.items()]
        if len(block) >= _BLOCK_PERSON_FRAMES:
            yield block
            block = []
    if block:
        yield block
