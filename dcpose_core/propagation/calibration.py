"""How certain a proposal is: the probability that it lies within 0.2 head lengths of the truth.

What a propagator notices about its own work (how far it has come, how well two ways agree, ...) becomes a probability
by a logistic regression, p = 1 / (1 + exp(-(bias_j + weights . readings))). `packaging/models/calibrate_propagation.py`
fits them on footage that is not part of any benchmark and writes `calibration.json`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from dcpose_core.errors import FormatError
from dcpose_core.propagation.proposals import JOINTS
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray

#: A joint is right within this many head lengths.
RIGHT_HEAD_LENGTHS = 0.2
#: Of a distance in head lengths of which the logarithm is taken: less is no better.
LEAST_HEAD_LENGTHS = 0.02

#: What a reading can say: 1 only for a joint, -1 only against it; others are free. There are few clips to fit on, and
#: a weight of the other sign holds for these alone: of faint maps, say, it would make the faintest the surest.
SIGNS = {
    **dict.fromkeys(("steps", "round trip", "path", "longest step", "apart"), -1),
    **dict.fromkeys(("gap", "near", "moved", "bent"), -1),
    **dict.fromkeys(("log cells from backbone", "log cells from label", "log speed", "log steps"), -1),
    **dict.fromkeys(("correction", "as before", "against"), -1),
    **dict.fromkeys(("texture", "better", "worse", "score", "own", "for", "labels on both sides"), 1),
    **dict.fromkeys(("peak", "log peak", "least peak"), 1),
    **dict.fromkeys(("log backbone there", "log backbone peak", "least log backbone there"), 1),
}

_FILE = "calibration.json"
#: Frames in a row are hardly more than one sample: fits need more of it than their number tells.
_RIDGE = 100.0
_LIMITS = {1: (0.0, None), -1: (None, 0.0), 0: (None, None)}


class Calibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One regression. weights: by reading. biases: one per joint of `POSETRACK_17`, left and right alike."""

    weights: dict[str, float]
    biases: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.biases) != JOINTS:
            raise ValueError(f"{len(self.biases)} biases for {JOINTS} joints")

    def probability(self, readings: Mapping[str, FloatArray]) -> FloatArray:
        """Readings, each `[17]`, by the names of the weights -> probability `[17]`. Raises `KeyError` if one lacks."""
        logit = np.array(self.biases)
        for name, weight in self.weights.items():
            logit = logit + weight * readings[name]
        return sigmoid(logit)


class Claim(NamedTuple):
    """What one voice says about a person on one frame, and what speaks for it.

    voice: a propagator, or a part of one. points: `[17, 2]`, image pixels. given: bool `[17]`, the joints that it
    speaks about. readings: `[17]` each.
    """

    voice: str
    frame: int
    points: FloatArray
    given: NDArray[np.bool_]
    readings: Mapping[str, FloatArray]


#: Hears of every claim whose confidence is asked for; how calibrating listens.
Listener = Callable[[Claim], None]
_listeners: list[Listener] = []
#: Tables that stand in for `calibration.json`, the last one counts.
_stand_ins: list[Mapping[str, Calibration]] = []


def confidence(claim: Claim) -> FloatArray:
    """Probability `[17]` that a claim is right, 0 where it makes none. A voice never calibrated is half right."""
    for listener in _listeners:
        listener(claim)
    known = (_stand_ins[-1] if _stand_ins else _table()).get(claim.voice)
    return (np.full(JOINTS, 0.5) if known is None else known.probability(claim.readings)) * claim.given


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Within, `listener` hears of every claim."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def using(table: Mapping[str, Calibration]) -> Iterator[None]:
    """Within, `table` counts in place of the one that comes with the program."""
    _stand_ins.append(table)
    try:
        yield
    finally:
        _stand_ins.pop()


def fit(readings: Mapping[str, FloatArray], *, correct: NDArray[np.bool_], joints: NDArray[np.integer]) -> Calibration:
    """The regression that makes `correct` `[N]` most likely, with a ridge, and no weight against its sign in `SIGNS`.

    readings: `[N]` each. joints: int `[N]`, the joint of each sample; a joint without any gets the mean bias.
    Raises `ValueError` if all the samples are right or all are wrong.
    """
    if correct.all() or not correct.any():
        raise ValueError("a calibration needs samples that are right and samples that are wrong")
    x = np.stack([np.asarray(values, np.float64) for values in readings.values()], axis=1)
    mean, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    groups, group = np.unique(np.minimum(np.arange(JOINTS), POSETRACK_17.flip_order), return_inverse=True)
    design = np.concatenate([(x - mean) / spread, np.eye(len(groups))[group[joints]], np.ones((len(x), 1))], axis=1)
    # The common bias is free; what a joint adds to it is drawn to 0.
    ridge = np.full(design.shape[1], _RIDGE)
    ridge[-1] = 0.0
    sides = np.where(correct, 1.0, -1.0)

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        margins = sides * (design @ parameters)
        slope = design.T @ (-sides * sigmoid(-margins)) + ridge * parameters
        return float(np.logaddexp(0.0, -margins).sum() + (ridge * parameters**2).sum() / 2), slope

    limits = [_LIMITS[SIGNS.get(name, 0)] for name in readings] + [_LIMITS[0]] * (len(groups) + 1)
    found = minimize(loss, np.zeros(len(limits)), jac=True, method="L-BFGS-B", bounds=limits)
    parameters = np.asarray(found.x, np.float64)
    weights = parameters[: len(mean)] / spread
    biases = parameters[-1] + parameters[len(mean) : -1][group] - weights @ mean
    return Calibration(
        {name: round(float(weight), 4) for name, weight in zip(readings, weights, strict=True)},
        tuple(round(float(bias), 4) for bias in biases),
    )


def log_head_lengths(distances: FloatArray) -> FloatArray:
    """The logarithm of distances in head lengths, from `LEAST_HEAD_LENGTHS` on."""
    return np.log(np.maximum(distances, LEAST_HEAD_LENGTHS))


def sigmoid(logit: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1.0 + np.tanh(np.asarray(logit) / 2)))


def logit(probability: FloatArray) -> FloatArray:
    """The inverse of `sigmoid`, of probabilities kept 0.001 away from 0 and 1."""
    kept = np.clip(probability, 1e-3, 1 - 1e-3)
    return np.log(kept / (1 - kept))


def precision(probability: FloatArray) -> FloatArray:
    """1 / variance, up to a factor, of a joint that lies within a radius with this probability (Rayleigh)."""
    return np.asarray(-np.log1p(-np.clip(probability, 1e-6, 1 - 1e-3)))


def encode(table: Mapping[str, Calibration]) -> bytes:
    """The content of `calibration.json`."""
    return msgspec.json.format(msgspec.json.encode(table), indent=1) + b"\n"


@cache
def _table() -> dict[str, Calibration]:
    raw = resources.files("dcpose_core.propagation").joinpath(_FILE).read_bytes()
    try:
        return msgspec.json.decode(raw, type=dict[str, Calibration])
    except msgspec.DecodeError as error:
        raise FormatError(f"{_FILE}: {error}; install dcpose-annotator again") from error
