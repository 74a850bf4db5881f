"""Propagators at work on `propagation_worlds`, to fit what their confidences mean and to measure them.

On frames here and there "a person" sets the joints that the model has wrong, and a few others: they are what is carried
on in practice, and harder than the rest. They are carried from one side for 8 frames, and between two such frames.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dcpose_core.files import replacing
from dcpose_core.propagation import BLENDED, CARRIERS, PersonTrack, Propagator, ProposedPose
from dcpose_core.propagation.blend import Blend
from dcpose_core.propagation.calibration import (
    RIGHT_HEAD_LENGTHS,
    Calibration,
    Claim,
    Listener,
    confidence,
    fit,
    listening,
    using,
)
from dcpose_core.propagation.corrections import MODEL, JudgedPropagator
from dcpose_core.propagation.proposals import JOINTS
from dcpose_core.training.propagation_worlds import World
from dcpose_core.types import FloatArray, IntArray

#: From one side so many frames; between two human frames so far apart; a task of both kinds every so many frames.
_STEPS = 8
_GAPS = (4, 8, 14)
_EVERY = 9
#: Of the joints that the model has right, the share that is set too.
_ALSO_RIGHT = 0.12
_LEAST_IN_CLASS = 20
#: They take a hundred times as long as the others: what they said is kept. Propagator -> voice.
NETWORKS = {"dcpose": "dcpose", "warp": "label_warp"}


class Stage(NamedTuple):
    """A part of calibrating: propagators to run, and their voices to fit."""

    methods: tuple[str, ...]
    voices: tuple[str, ...]


#: One after the other: each stage builds on the confidences of those before.
STAGES = (
    Stage(
        ("flow", "flow_dis", "interpolate", "linear", "dcpose", "warp"),
        ("flow", "flow_dis", "interpolate", "linear", "dcpose", "label_warp"),
    ),
    Stage(("blend",), ("flow, both sides", "flow_dis, both sides", MODEL)),
    Stage(("blend",), tuple(f"blend: {source}" for source in (*BLENDED, MODEL))),
)


class Task(NamedTuple):
    """Human frames, and the frames to carry their `joints`, bool `[17]`, to. gap: frames between two human ones, 0 for
    one side."""

    human: tuple[int, ...]
    targets: tuple[int, ...]
    gap: int
    joints: NDArray[np.bool_]


class Outcome(NamedTuple):
    """One proposed joint. steps: frames from the nearest human one. error, stays: head lengths from the truth of what
    is proposed and of the model's own answer; confidence and as_is: what is said about these, as in `ProposedPose`."""

    method: str
    world: str
    gap: int
    steps: int
    joint: int
    error: float
    confidence: float
    stays: float
    as_is: float


class ReliabilityClass(NamedTuple):
    """Joints of about the same confidence: its mean, the share of them that is right, and their number."""

    said: float
    was_right: float
    joints: int


@dataclass
class Samples:
    """What one voice claimed about joints whose truth is known."""

    readings: dict[str, list[FloatArray]] = field(default_factory=lambda: defaultdict(list))
    correct: list[NDArray[np.bool_]] = field(default_factory=list)
    joints: list[IntArray] = field(default_factory=list)

    def add(self, readings: Mapping[str, FloatArray], correct: NDArray[np.bool_], counts: NDArray[np.bool_]) -> None:
        """readings: `[17]` each. correct, counts: bool `[17]`, whether joints are right, and are known at all."""
        for name, values in readings.items():
            self.readings[name].append(values[counts])
        self.correct.append(correct[counts])
        self.joints.append(np.flatnonzero(counts))

    def __len__(self) -> int:
        return sum(map(len, self.joints))

    def fit(self) -> Calibration:
        """Raises `ValueError` if nothing or everything is right."""
        return fit(
            {name: np.concatenate(values) for name, values in self.readings.items()},
            correct=np.concatenate(self.correct),
            joints=np.concatenate(self.joints),
        )


@dataclass
class Trial:
    """A world and what is propagated in it; what its carriers have found once they do not look for again.

    cache: folder where `NETWORKS` are kept.
    """

    world: World
    seed: int
    cache: Path | None = None
    todo: list[tuple[Task, PersonTrack]] = field(init=False)
    _carriers: dict[str, Propagator] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        rng = np.random.default_rng((self.seed, zlib.crc32(self.world.name.encode())))
        self.todo = [(task, self.world.track(task.human, rng)) for task in tasks(self.world, rng)]

    def carrier(self, name: str, number: int) -> Propagator:
        """One of `CARRIERS` for the task of a number."""
        if name not in self._carriers:
            self._carriers[name] = (
                _network(self.world, self.todo, name, seed=self.seed, cache=self.cache)
                if name in NETWORKS
                else CARRIERS[name](self.world.footage)
            )
        found = self._carriers[name]
        return found.of_task(number) if isinstance(found, Said) else found

    def propagator(self, name: str, number: int) -> Propagator:
        """One of `PROPAGATORS` for the task of a number."""
        if name == "blend":
            return Blend(self.world.footage, {source: self.carrier(source, number) for source in BLENDED})
        return JudgedPropagator(self.carrier(name, number), self.world.footage)


def tasks(world: World, rng: np.random.Generator) -> Iterator[Task]:
    """What is propagated in a world: every few frames from one frame, in either direction, and between two of them."""
    present = set(world.frames.tolist())
    unset = world.track((), rng)
    for number, start in enumerate(world.frames[_EVERY // 4 :: _EVERY].tolist()):
        errors, known = world.errors(start, world.answers[world.row(start)], unset)
        joints = known & ((errors > RIGHT_HEAD_LENGTHS) | (rng.random(JOINTS) < _ALSO_RIGHT))
        if not joints.any():
            continue
        step = 1 if rng.random() < 0.5 else -1
        targets = tuple(frame for frame in range(start + step, start + step * (_STEPS + 1), step) if frame in present)
        if targets:
            yield Task((start,), targets, 0, joints)
        gap = _GAPS[number % len(_GAPS)]
        if start + gap in present:
            between = tuple(frame for frame in range(start + 1, start + gap) if frame in present)
            yield Task((start, start + gap), between, gap, joints)


def run(trials: Sequence[Trial], methods: Sequence[str], *, samples: dict[str, Samples] | None = None) -> list[Outcome]:
    """Every method on every task; fills `samples` by voice."""
    outcomes: list[Outcome] = []
    for trial in trials:
        for number, (task, track) in enumerate(trial.todo):
            for method in methods:
                propagator = trial.propagator(method, number)
                with nullcontext() if samples is None else listening(_listener(trial.world, track, samples)):
                    for pose in propagator.propagate(track, task.targets, task.joints):
                        outcomes += _outcomes(trial.world, track, task, pose)
    return outcomes


def calibrate(trials: Sequence[Trial]) -> Iterator[tuple[str, Calibration, int]]:
    """Fit all voices of `STAGES`; yields voice, regression and number of joints."""
    table: dict[str, Calibration] = {}
    for stage in STAGES:
        samples: dict[str, Samples] = {}
        with using(table):
            run(trials, stage.methods, samples=samples)
        for voice in stage.voices:
            table[voice] = samples[voice].fit()
            yield voice, table[voice], len(samples[voice])


def reliability(outcomes: Sequence[Outcome]) -> dict[str, list[ReliabilityClass]]:
    """By method, for ten classes of confidence; those of a few joints are left out."""
    curves = {}
    for method in dict.fromkeys(outcome.method for outcome in outcomes):
        said = np.array([outcome.confidence for outcome in outcomes if outcome.method == method])
        right = np.array([outcome.error <= RIGHT_HEAD_LENGTHS for outcome in outcomes if outcome.method == method])
        class_of = np.minimum((said * 10).astype(int), 9)
        members = [class_of == one for one in range(10)]
        curves[method] = [
            ReliabilityClass(float(said[of_class].mean()), float(right[of_class].mean()), int(of_class.sum()))
            for of_class in members
            if of_class.sum() >= _LEAST_IN_CLASS
        ]
    return curves


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a network claimed on all tasks of a world, N frames of them: task, frame: `[N]`; points `[N, 17, 2]`, given
    `[N, 17]` and readings `[N, 17]` as of `Claim`. A propagator that says it again, calibrated as things stand now."""

    method: str
    task: IntArray
    frame: IntArray
    points: FloatArray
    given: NDArray[np.bool_]
    readings: Mapping[str, FloatArray]

    def of_task(self, task: int) -> Said:
        of = self.task == task
        readings = {name: values[of] for name, values in self.readings.items()}
        return Said(self.method, self.task[of], self.frame[of], self.points[of], self.given[of], readings)

    def propagate(self, track: PersonTrack, frames: Sequence[int], joints: NDArray[np.bool_]) -> Iterator[ProposedPose]:
        """See `Propagator`: what was said about these joints then."""
        del frames, joints
        for row, frame in enumerate(self.frame.tolist()):
            readings = {name: values[row] for name, values in self.readings.items()}
            points, given = self.points[row], self.given[row]
            sure = confidence(Claim(NETWORKS[self.method], frame, points, given, readings))
            reasons = tuple("kept" if one else "" for one in given)
            yield ProposedPose(frame, track.track_id, self.method, points, sure, given, reasons)


def _network(
    world: World, todo: Sequence[tuple[Task, PersonTrack]], method: str, *, seed: int, cache: Path | None
) -> Said:
    """What a network says on the tasks of a world, from the cache if it is there."""
    file = None if cache is None else cache / f"{world.name}, {method}, seed {seed}.said.npz"
    if file is not None and file.exists():
        with np.load(file) as stored:
            columns = dict(stored)
    else:
        columns = _asked(world, todo, method)
        if file is not None:
            with replacing(file) as temporary, temporary.open("wb") as stream:
                np.savez(stream, **columns)  # type: ignore[arg-type]  # numpy's stub mistakes names for allow_pickle
    named = {name: columns.pop(name) for name in ("task", "frame", "points", "given")}
    return Said(method, readings=columns, **named)


def _asked(world: World, todo: Sequence[tuple[Task, PersonTrack]], method: str) -> dict[str, NDArray[np.generic]]:
    claims: list[tuple[int, Claim]] = []
    for number, (task, track) in enumerate(todo):
        found: list[Claim] = []
        with listening(found.append):
            for _ in CARRIERS[method](world.footage).propagate(track, task.targets, task.joints):
                pass
        claims += [(number, claim) for claim in found]
    names = claims[0][1].readings if claims else ()
    return {
        "task": np.array([number for number, _ in claims], np.int64),
        "frame": np.array([claim.frame for _, claim in claims], np.int64),
        "points": np.array([claim.points for _, claim in claims], np.float64).reshape(-1, JOINTS, 2),
        "given": np.array([claim.given for _, claim in claims], np.bool_).reshape(-1, JOINTS),
        **{name: np.array([claim.readings[name] for _, claim in claims], np.float64) for name in names},
    }


def _listener(world: World, track: PersonTrack, samples: dict[str, Samples]) -> Listener:
    def listen(claim: Claim) -> None:
        errors, counts = world.errors(claim.frame, claim.points, track)
        counts &= claim.given
        if counts.any():
            samples.setdefault(claim.voice, Samples()).add(claim.readings, errors <= RIGHT_HEAD_LENGTHS, counts)

    return listen


def _outcomes(world: World, track: PersonTrack, task: Task, pose: ProposedPose) -> Iterator[Outcome]:
    errors, known = world.errors(pose.frame, pose.keypoints, track)
    stays, _ = world.errors(pose.frame, world.answers[world.row(pose.frame)], track)
    steps = min(abs(pose.frame - human) for human in task.human)
    for joint in np.flatnonzero(known & pose.proposed).tolist():
        yield Outcome(
            method=pose.method,
            world=world.name,
            gap=task.gap,
            steps=steps,
            joint=joint,
            error=float(errors[joint]),
            confidence=float(pose.confidence[joint]),
            stays=float(stays[joint]),
            as_is=float(pose.as_is[joint]),
        )
