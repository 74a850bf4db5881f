"""The joint score that is fitted to a head: what it reads, and that it means what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dcpose_core.errors import TrainingError
from dcpose_core.models.description import DecodeRule
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.training.calibration import Readings, fit_score, read_samples
from dcpose_core.training.samples import HeatmapTriple

_HEAD = [POSETRACK_17.index(joint) for joint in ("head_bottom", "head_top")]


class _CopiesTheKeyFrame(nn.Module):
    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, margin: Tensor) -> Tensor:
        return current


class _Triples:
    """Peaks at the truth where they are high, 40 px beside it where they are low; head length 40 px."""

    def __init__(self, weights: float = 1.0) -> None:
        self._weights = weights

    def __len__(self) -> int:
        return 60

    def sample(self, index: int, *, epoch: int, seed: int) -> HeatmapTriple:
        rng = np.random.default_rng((seed, epoch, index))
        joints = rng.uniform(60, 220, (17, 2))
        joints[_HEAD[1]] = joints[_HEAD[0]] + [0, 40]
        heights = rng.uniform(0.05, 1.0, 17)
        right = rng.random(17) < heights
        shown = np.where(right[:, None], joints, joints + np.array([40.0, 0.0])) / 4 - 0.5
        x, y = np.arange(72), np.arange(96)[:, None]
        squared = (x - shown[:, 0, None, None]) ** 2 + (y - shown[:, 1, None, None]) ** 2
        maps = torch.from_numpy(heights[:, None, None] * np.exp(-squared / 8)).float()
        return HeatmapTriple(torch.stack([maps] * 3), (1, 1), joints, np.full(17, self._weights))


def _readings(weights: float = 1.0) -> Readings:
    return read_samples(_CopiesTheKeyFrame(), _Triples(weights), rule=DecodeRule.DARK)


def test_a_joint_is_right_within_a_fifth_of_the_head() -> None:
    readings = _readings()
    assert readings.values.shape[:3] == readings.correct.shape == (60, 17, 2)
    heights = readings.values[:, :, 0, 0]
    assert readings.correct[:, :, 0][heights > 0.8].mean() > 0.8
    assert readings.correct[:, :, 0][heights < 0.2].mean() < 0.3
    assert not readings.known[:, :, 1].any(), "there is one peak in each map"


def test_the_fitted_score_is_the_share_that_is_right() -> None:
    readings = _readings()
    probability = fit_score(readings).probability(torch.from_numpy(readings.values)).numpy()[readings.known]
    for low, high in ((0.0, 0.4), (0.4, 0.7), (0.7, 1.0)):
        chosen = (probability >= low) & (probability < high)
        assert abs(probability[chosen].mean() - readings.correct[readings.known][chosen].mean()) < 0.06


def test_samples_without_a_known_joint_cannot_be_fitted() -> None:
    with pytest.raises(TrainingError, match="cannot be fitted"):
        _readings(weights=0.0)
