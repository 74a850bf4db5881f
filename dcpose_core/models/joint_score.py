"""How certain a refined joint is: the probability that it lies within 0.2 head lengths of the truth.

The height of a refined peak says how sure the temporal modules are of the shape of the map, not of the joint: it was
trained towards 1 everywhere. A logistic regression on a few readings of the maps gives a number that means the same for
every joint and clip. It is fitted on samples whose truth is known (`fit_joint_score`) and travels in the model's
description.

It also chooses. Where the key frame is sure of one place and its neighbours of another, far away, the refined map may
have a peak at both, and their heights say little: the score of each says which to believe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

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
# Another peak lies farther from the highest than this (the targets' sigma is 2) and is at least so high, relatively.
_APART_CELLS = 6
_OTHER_HEIGHT = 0.5
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
        """Readings `[N, 17, K, 9]` of K peaks -> probability `[N, 17, K]`, 0 where there is no peak."""
        weights, biases = readings.new_tensor(self.weights), readings.new_tensor(self.biases)
        # No matrix product: under autocast that would be in half precision.
        return ((readings * weights).sum(dim=-1) + biases[:, None]).sigmoid() * (readings[..., 0] > 0)


class Peaks(NamedTuple):
    """The highest peak of every map and another one. heights `[N, J, 2]`, 0 or less where there is none, and cells
    `[N, J, 2, 2]` (x, y)."""

    heights: Tensor
    cells: Tensor


def two_peaks(maps: Tensor) -> Peaks:
    """The highest cell of maps `[N, J, h, w]`, and the highest one farther than 6 cells from it, if half as high."""
    height, cell = _peak(maps)
    rows, columns = (torch.arange(size, device=maps.device, dtype=maps.dtype) for size in maps.shape[-2:])
    # A square, because that is a mask of rows and one of columns.
    near_rows = (rows - cell[..., 1:]).abs() <= _APART_CELLS
    near_columns = (columns - cell[..., :1]).abs() <= _APART_CELLS
    other, other_cell = _peak(maps.masked_fill(near_rows[..., :, None] & near_columns[..., None, :], 0.0))
    other = torch.where(other >= _OTHER_HEIGHT * height, other, torch.zeros_like(other))
    return Peaks(torch.stack([height, other], dim=-1), torch.stack([cell, other_cell], dim=-2))


def read_maps(peaks: Peaks, current: Tensor, previous: Tensor, next_: Tensor) -> Tensor:
    """The readings `[N, J, 2, 9]` at peaks of the refined maps. Heatmaps `[N, J, h, w]`, in the key frame's crop."""
    heights, cells = peaks
    current_height, current_cell = _peak(current)
    previous_height, previous_cell = _peak(previous)
    next_height, next_cell = _peak(next_)
    middle = (previous_cell + next_cell) / 2
    readings = [
        heights,
        _log(heights),
        _log(_highest_near(current, cells)),
        _log(current_height)[..., None],
        _log(torch.minimum(previous_height, next_height))[..., None],
        _log(torch.maximum(previous_height, next_height))[..., None],
        _log_distance(cells, current_cell[..., None, :]),
        _log_distance(cells, middle[..., None, :]),
        _log_distance(previous_cell, next_cell)[..., None],
    ]
    return torch.stack([reading.expand_as(heights) for reading in readings], dim=-1)


def fit_joint_score(readings: FloatArray, correct: NDArray[np.bool_], known: NDArray[np.bool_]) -> JointScore:
    """The regression that makes `correct` most likely, by Newton's method with a small ridge.

    readings: `[N, 17, K, 9]`, at K peaks. correct: `[N, 17, K]`, whether the peak lay within 0.2 head lengths of the
    joint. known: `[N, 17, K]`, where there is a peak and the truth is known; joints without any get the mean bias.
    Raises `UsageError` if all the samples are right or all are wrong.
    """
    group_of_joint = np.minimum(np.arange(len(POSETRACK_17)), POSETRACK_17.flip_order)
    groups, group = np.unique(group_of_joint, return_inverse=True)
    x = np.asarray(readings, dtype=np.float64)[known]
    y = np.asarray(correct, dtype=np.float64)[known]
    if not 0 < y.sum() < len(y):
        raise UsageError("a joint score needs samples with joints that are right and with joints that are wrong")
    mean, spread = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    of_group = np.eye(len(groups))[np.broadcast_to(group[:, None], known.shape)[known]]
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
    """The highest value `[N, J, K]` of maps in the squares of 5 x 5 cells around K places `[N, J, K, 2]` (x, y)."""
    height, width = maps.shape[-2:]
    steps = torch.arange(-_NEAR_CELLS, _NEAR_CELLS + 1, device=maps.device)
    x = (place[..., 0, None].long() + steps).clamp(0, width - 1)  # [N, J, K, 5]
    y = (place[..., 1, None].long() + steps).clamp(0, height - 1)
    cells = (y[..., :, None] * width + x[..., None, :]).flatten(3)
    values = torch.unflatten(maps.flatten(2).gather(2, cells.flatten(2)), 2, cells.shape[2:])
    highest: Tensor = values.amax(dim=3)
    return highest


def _log(height: Tensor) -> Tensor:
    return height.clamp_min(_LOWEST).log()


def _log_distance(a: Tensor, b: Tensor) -> Tensor:
    apart: Tensor = torch.linalg.vector_norm(a - b, dim=-1)
    return apart.log1p()


def _sigmoid(x: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(x / 2)))
