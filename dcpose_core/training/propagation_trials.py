"""Propagators at work on `propagation_worlds`, to fit what their confidences mean and to measure them.

On frames here and there "a person" sets all known joints; every propagator carries them on, from one side for 10 frames
and between two such frames.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dcpose_core.propagation import BLENDED, PROPAGATORS, PersonTrack, ProposedPose
from dcpose_core.propagation.blend import MODEL
from dcpose_core.propagation.calibration import RIGHT_HEAD_LENGTHS, Calibration, Claim, Listener, fit, listening, using
from dcpose_core.propagation.proposals import JOINTS
from dcpose_core.training.propagation_worlds import World
from dcpose_core.types import FloatArray, IntArray

#: From one side so many frames; between two human frames so far apart; a task every so many frames.
_STEPS = 10
_GAPS = (3, 6, 12, 20)
_EVERY = 9
_LEAST_IN_CLASS = 20
#: Propagators that look at no image: they learn from captured motion too, and speak only between human frames.
_IMAGELESS = ("interpolate", "linear")


class Stage(NamedTuple):
    """A part of calibrating: propagators to run, and their voices to fit. every: only each so manieth task."""

    methods: tuple[str, ...]
    voices: tuple[str, ...]
    every: int = 1


#: One after the other: each stage builds on the confidences of those before. The networks' own come with them.
STAGES = (
    Stage(("flow", "flow_dis", "offset", *_IMAGELESS), ("flow", "flow_dis", "offset", *_IMAGELESS)),
    Stage(("flow", "flow_dis", "blend_fast"), ("flow, both sides", "flow_dis, both sides", MODEL)),
    Stage(("blend_fast",), tuple(f"blend_fast: {source}" for source in (*BLENDED["blend_fast"], MODEL))),
    # A look by the model takes ten times as long as all else.
    Stage(("blend",), tuple(f"blend: {source}" for source in (*BLENDED["blend"], MODEL)), every=5),
)


class Task(NamedTuple):
    """Human frames, and the frames to carry their joints to. gap: frames between two human ones, 0 for one side."""

    human: tuple[int, ...]
    targets: tuple[int, ...]
    gap: int


class Outcome(NamedTuple):
    """One proposed joint. steps: frames from the nearest human one. error, stays: head lengths from the truth of what
    is proposed and of the model's own answer."""

    method: str
    world: str
    gap: int
    steps: int
    joint: int
    error: float
    confidence: float
    stays: float


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


def tasks(world: World) -> Iterator[Task]:
    """What is propagated in a world: every few frames both ways from one frame, and between two or four of them."""
    present = set(world.frames.tolist())
    for number, start in enumerate(world.frames[::_EVERY].tolist()):
        gap = _GAPS[number % len(_GAPS)]
        knots = tuple(start + i * gap for i in (-1, 0, 1, 2))
        human = knots if number % 2 and present.issuperset(knots) else knots[1:3]
        if present.issuperset(human):
            yield Task(human, tuple(frame for frame in range(start + 1, start + gap) if frame in present), gap)
        if world.boxes is None:
            continue
        for direction in (1, -1):
            targets = tuple(frame for step in range(_STEPS) if (frame := start + direction * (step + 1)) in present)
            if targets:
                yield Task((start,), targets, 0)


def run(
    worlds: Sequence[World],
    methods: Sequence[str],
    *,
    seed: int,
    every: int = 1,
    samples: dict[str, Samples] | None = None,
) -> tuple[list[Outcome], dict[str, float]]:
    """Every method on each `every`th task; fills `samples` by voice.

    Returns what came out, and CPU ms a person-frame.
    """
    outcomes: list[Outcome] = []
    spent_s: dict[str, list[float]] = defaultdict(list)
    for number, world in enumerate(worlds):
        rng = np.random.default_rng((seed, number))
        for task in islice(tasks(world), 0, None, every):
            track = world.track(task.human, rng)
            for method in methods:
                if (method in _IMAGELESS and not task.gap) or (method not in _IMAGELESS and world.boxes is None):
                    continue
                propagator = PROPAGATORS[method](world.footage)
                with nullcontext() if samples is None else listening(_listener(world, track, samples)):
                    start_s = time.process_time()
                    for pose in propagator.propagate(track, task.targets, np.ones(JOINTS, np.bool_)):
                        spent_s[method].append(time.process_time() - start_s)
                        outcomes += _outcomes(world, track, task, pose)
                        start_s = time.process_time()
    return outcomes, {method: 1e3 * float(np.mean(seconds)) for method, seconds in spent_s.items()}


def calibrate(worlds: Sequence[World], *, seed: int) -> Iterator[tuple[str, Calibration, int]]:
    """Fit all voices of `STAGES`; yields voice, regression and number of joints."""
    table: dict[str, Calibration] = {}
    for number, stage in enumerate(STAGES):
        samples: dict[str, Samples] = {}
        with using(table):
            run(worlds, stage.methods, every=stage.every, samples=samples, seed=seed + number)
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
        )
