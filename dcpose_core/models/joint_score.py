"""How certain a refined joint is: the probability that it lies within 0.2 head lengths of the truth.

The height of a refined peak says how sure the temporal modules are of the shape of the map, not of the joint: it was
trained towards 1 everywhere. A logistic regression on a few readings of the maps gives a number that means the same for
every joint and clip. It is fitted on samples that the modules were not trained on (`fit_joint_score`) and travels in
the model's description.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dcpose_core.errors import UsageError
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray

#: The readings, in the order of the weights. None depends on the direction of time. log: of a height, from 0.003 on.
READINGS = (
    "refined peak",
    "log refined peak",
    "log key frame there",
    "log key frame's peak",
    "log lower neighbour peak",
    "log higher neighbour peak",
    "log(1 + cells from key frame's peak)",
    "log(1 + cells from middle of neighbours' peaks)",
    "log(1 + cells between neighbours' peaks)",
)
_LOWEST = 0.003
# The key frame's value "there" is the highest this many cells around.
_NEAR_CELLS = 2
_RIDGE = 1.0
_STEPS = 50


@dataclass(frozen=True, slots=True)
class JointScore:
    """Parameters of the regression: p = 1 / (1 + exp(-(bias_j + weights . readings))).

    weights: one per reading. biases: one per joint of `POSETRACK_17`, left and right alike.
    """

    weights: tuple[float, ...]
    biases: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.weights) != len(READINGS) or len(self.biases) != len(POSETRACK_17):
            raise UsageError(
                f"a joint score has {len(READINGS)} weights and {len(POSETRACK_17)} biases, "
                f"not {len(self.weights)} and {len(self.biases)}"
            )

    def probability(self, readings: Tensor) -> Tensor:
        """Readings `[N, 17, 9]` -> probability `[N, 17]`, 0 for a joint whose refined map has no positive cell."""
        weights, biases = readings.new_tensor(self.weights), readings.new_tensor(self.biases)
        # No matrix product: under autocast that would be in half precision.
        return ((readings * weights).sum(dim=-1) + biases).sigmoid() * (readings[..., 0] > 0)


def read_maps(refined: Tensor, current: Tensor, previous: Tensor, next_: Tensor) -> Tensor:
    """The readings `[N, J, 9]` of heatmaps `[N, J, h, w]`, all in the key frame's crop."""
    height, place = _peak(refined)
    current_height, current_place = _peak(current)
    previous_height, previous_place = _peak(previous)
    next_height, next_place = _peak(next_)
    there = _highest_near(current, place)
    return torch.stack(
        [
            height,
            _log(height),
            _log(there),
            _log(current_height),
            _log(torch.minimum(previous_height, next_height)),
            _log(torch.maximum(previous_height, next_height)),
            _log_distance(place, current_place),
            _log_distance(place, (previous_place + next_place) / 2),
            _log_distance(previous_place, next_place),
        ],
        dim=-1,
    )


def fit_joint_score(readings: FloatArray, correct: NDArray[np.bool_], known: NDArray[np.bool_]) -> JointScore:
    """The regression that makes `correct` most likely, by Newton's method with a small ridge.

    readings: `[N, 17, 9]` of `read_maps`. correct: `[N, 17]`, whether the joint lay within 0.2 head lengths. known:
    `[N, 17]`, where the truth is known; joints without any sample get the mean bias.
    Raises `UsageError` if all the samples are right or all are wrong.
    """
    group_of_joint = np.minimum(np.arange(len(POSETRACK_17)), POSETRACK_17.flip_order)
    groups, group = np.unique(group_of_joint, return_inverse=True)
    x = np.asarray(readings, dtype=np.float64)[known]
    y = np.asarray(correct, dtype=np.float64)[known]
    if not 0 < y.sum() < len(y):
        raise UsageError("a joint score needs samples with joints that are right and with joints that are wrong")
    mean, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    of_group = np.eye(len(groups))[np.broadcast_to(group, known.shape)[known]]
    design = np.concatenate([(x - mean) / spread, of_group, np.ones((len(x), 1))], axis=1)
    # The common bias is free; what a joint adds to it is drawn to 0.
    ridge = np.full(design.shape[1], _RIDGE)
    ridge[-1] = 1e-6
    parameters = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        probability = _sigmoid(design @ parameters)
        gradient = design.T @ (y - probability) - ridge * parameters
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        # Newton may overshoot far from the optimum, where the curvature is flat.
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        parameters += step
        if np.abs(step).max() < 1e-8:
            break
    weights = parameters[: len(mean)] / spread
    biases = parameters[-1] + parameters[len(mean) : -1][group] - weights @ mean
    return JointScore(tuple(weights.tolist()), tuple(biases.tolist()))


def _peak(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Height `[N, J]` and cell `[N, J, 2]` (x, y) of the highest cell."""
    # The first of the highest rows, then the cell in it: on a CPU half the time of `argmax` over the whole map.
    rows = maps.amax(dim=3)
    height, y = rows.amax(dim=2), rows.argmax(dim=2)
    row = maps.gather(2, y[..., None, None].expand(-1, -1, 1, maps.shape[3]))[:, :, 0]
    return height, torch.stack([row.argmax(dim=2), y], dim=-1).to(maps.dtype)


def _highest_near(maps: Tensor, place: Tensor) -> Tensor:
    """The highest value `[N, J]` of the maps in the square of 5 x 5 cells around a place `[N, J, 2]` (x, y)."""
    height, width = maps.shape[-2:]
    steps = torch.arange(-_NEAR_CELLS, _NEAR_CELLS + 1, device=maps.device)
    x = (place[..., 0, None].long() + steps).clamp(0, width - 1)  # [N, J, 5]
    y = (place[..., 1, None].long() + steps).clamp(0, height - 1)
    cells = y[..., :, None] * width + x[..., None, :]
    highest: Tensor = maps.flatten(2).gather(2, cells.flatten(2)).amax(dim=2)
    return highest


def _log(height: Tensor) -> Tensor:
    return height.clamp_min(_LOWEST).log()


def _log_distance(a: Tensor, b: Tensor) -> Tensor:
    apart: Tensor = torch.linalg.vector_norm(a - b, dim=-1)
    return apart.log1p()


def _sigmoid(x: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(x / 2)))
