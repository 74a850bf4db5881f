"""`measure_effort`: every method on every sequence, and the bars that the figures have to pass."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import NamedTuple

from dcpose_core.accuracy.conditions import CLEAN
from dcpose_core.accuracy.labels import LabelledSet
from dcpose_core.accuracy.study import Spread
from dcpose_core.effort.methods import (
    REINFERENCE,
    Family,
    Method,
    PropagationSettings,
    Session,
    by_hand_methods,
    model_methods,
    order_methods,
    propagation_methods,
)
from dcpose_core.effort.tally import Effort, together
from dcpose_core.effort.worlds import MIXED, World, check_condition, labelled_worlds, synthetic_worlds
from dcpose_core.errors import UsageError
from dcpose_core.estimation import PoseEstimator
from dcpose_core.models.description import CropSpec
from dcpose_core.propagation import DEFAULT_PROPAGATOR, PROPAGATORS
from dcpose_core.propagation.networks import Remembered, remembering
from dcpose_core.synthesis.motion import Motion


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortSettings:
    """What to measure.

    seeds: how many, of hand, episodes and synthetic sequences together. tolerances: of the annotator, head lengths.
    conditions: of labelled sets. frames, persons: of a synthetic sequence. propagators: keys of `PROPAGATORS`, and
    `re-inference`. default: the one whose figures count for the bars and that the orders are tried with.
    """

    default: str = DEFAULT_PROPAGATOR
    seeds: int = 2
    tolerances: tuple[float, ...] = (0.2, 0.5)
    conditions: tuple[str, ...] = (CLEAN, MIXED)
    frames: int = 60
    persons: int = 2
    propagators: tuple[str, ...] = (*PROPAGATORS, REINFERENCE)
    propagation: PropagationSettings = field(default_factory=PropagationSettings)

    def __post_init__(self) -> None:
        if self.seeds < 1 or self.frames < 2 or self.persons < 1:
            raise UsageError("bench effort needs at least one seed, and two frames and one person in a sequence")
        if not self.tolerances or not all(0 < tolerance < 5 for tolerance in self.tolerances):
            raise UsageError("the tolerances are head lengths, above 0 and below 5")
        if self.propagation.reach < 1 or not 0 <= self.propagation.threshold <= 1:
            raise UsageError("the reach of a propagation is 1 frame or more, its threshold a probability, 0 to 1")
        for name in self.conditions:
            check_condition(name)
        if self.default not in PROPAGATORS or not set(self.propagators) <= {*PROPAGATORS, REINFERENCE}:
            unknown = {self.default, *self.propagators} - PROPAGATORS.keys() - {REINFERENCE} or {self.default}
            raise UsageError(f"unknown propagator {min(unknown)!r}; there are {', '.join(PROPAGATORS)}")
        if self.default not in self.propagators:
            object.__setattr__(self, "propagators", (*self.propagators, self.default))


class Progress(NamedTuple):
    """`done` of `total` worlds times tolerances times methods; now: what is at work, in words."""

    done: int
    total: int
    now: str


class Group(NamedTuple):
    """Worlds that make a table together, made when they are asked for."""

    name: str
    n_worlds: int
    worlds: Callable[[PoseEstimator], Iterator[World]]


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One method in one group. efforts: by seed, sums over the sequences of the group; none where `why_not` says why it
    could not run. seconds: that all its runs took."""

    group: str
    tolerance: float
    method: str
    family: Family
    efforts: Sequence[Effort]
    seconds: float
    why_not: str = ""

    def spread(self, figure: Callable[[Effort], float]) -> Spread:
        """A figure over the seeds."""
        values = [figure(effort) for effort in self.efforts]
        several = [value for value in values if not isnan(value)]
        deviation = statistics.stdev(several) if len(several) > 1 else float("nan")
        return Spread(statistics.fmean(several) if several else float("nan"), deviation, values)


@dataclass(frozen=True, slots=True, eq=False)
class EffortStudy:
    """All tables. model: its name. seconds_at_first: to look at everything and to get the model's poses."""

    settings: EffortSettings
    model: str
    rows: list[Row]
    seconds_at_first: float

    @property
    def groups(self) -> list[tuple[str, float]]:
        """Names and tolerances of the tables."""
        return list(dict.fromkeys((row.group, row.tolerance) for row in self.rows))

    def table(self, group: str, tolerance: float) -> dict[str, Row]:
        """Method -> row."""
        return {row.method: row for row in self.rows if (row.group, row.tolerance) == (group, tolerance)}


def labelled_groups(labelled: LabelledSet, settings: EffortSettings) -> list[Group]:
    """One group a condition."""

    def group(condition: str) -> Group:
        def worlds(estimator: PoseEstimator) -> Iterator[World]:
            return labelled_worlds(labelled, estimator, condition=condition, seeds=settings.seeds)

        n_worlds = len(labelled.sequences) * (1 if condition == CLEAN else settings.seeds)
        return Group(f"{labelled.name}, {condition}", n_worlds, worlds)

    return [group(condition) for condition in settings.conditions]


def synthetic_group(motions: Sequence[Motion], crop: CropSpec, settings: EffortSettings) -> Group:
    """One sequence a seed."""

    def worlds(estimator: PoseEstimator) -> Iterator[World]:
        return synthetic_worlds(
            motions,
            estimator,
            crop=crop,
            n_frames=settings.frames,
            n_persons=settings.persons,
            seeds=settings.seeds,
        )

    return Group("synthetic", settings.seeds, worlds)


def measure_effort(
    groups: Iterable[Group], *, estimator: PoseEstimator, model: str, settings: EffortSettings
) -> Generator[Progress, None, EffortStudy]:
    """Run every method on every world of every group; yields progress and returns the study.

    estimator: of a model with temporal modules, `model` its name in the table.
    """
    groups = list(groups)
    methods = [
        *by_hand_methods(),
        *model_methods(model),
        *propagation_methods(model, settings.propagators, settings.propagation),
        *order_methods(model, settings.propagation, default=settings.default),
    ]
    total = sum(group.n_worlds for group in groups) * len(methods) * len(settings.tolerances)
    rows: list[Row] = []
    done, at_first = 0, 0.0
    for group in groups:
        found: dict[tuple[float, Method], _Found] = defaultdict(_Found)
        for world in group.worlds(estimator):
            yield Progress(done, total, f"{group.name}: looking at {world.name}")
            started = time.perf_counter()
            session = Session(world, estimator)
            _ = session.single_frame, session.refined
            at_first += time.perf_counter() - started
            remembered = Remembered()
            for tolerance in settings.tolerances:
                for method in methods:
                    # The methods correct the same joints, and propagate from them over the same frames.
                    with remembering(remembered):
                        found[tolerance, method].run(session, method, tolerance)
                    done += 1
                    yield Progress(done, total, f"{group.name}: {method.name}")
        rows += [one.row(group.name, tolerance, method) for (tolerance, method), one in found.items()]
    return EffortStudy(settings, model, rows, at_first)


class _Found:
    """What one method cost so far, in one group."""

    def __init__(self) -> None:
        self._by_seed: dict[int, list[Effort]] = defaultdict(list)
        self._seconds = 0.0
        self._refusals = 0

    def run(self, session: Session, method: Method, tolerance: float) -> None:
        footage = session.world.footage
        refused, started = footage.refusals, time.perf_counter()
        for seed in session.world.seeds:
            self._by_seed[seed].append(method.run(session, tolerance, seed))
        self._seconds += time.perf_counter() - started
        self._refusals += footage.refusals - refused

    def row(self, group: str, tolerance: float, method: Method) -> Row:
        efforts = [together(self._by_seed[seed]) for seed in sorted(self._by_seed)]
        why_not = ""
        if self._refusals and not any(effort.accepted for effort in efforts):
            efforts, why_not = [], "not applicable: needs images"
        elif self._refusals:
            why_not = "without images"
        return Row(group, tolerance, method.name, method.family, efforts, self._seconds, why_not)
