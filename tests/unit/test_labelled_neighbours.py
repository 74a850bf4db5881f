"""Training samples for networks that spread labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dcpose_core.errors import TrainingError
from dcpose_core.heatmaps import CELL_PX, decode
from dcpose_core.models.backbones.base import JOINTS
from dcpose_core.models.description import DecodeRule
from dcpose_core.training.labelled_neighbours import LabelledNeighbours, with_lasting_mistakes
from dcpose_core.training.samples import HeatmapTriple, NeighbourTruth
from dcpose_core.training.settings import SubcellTargets
from dcpose_core.training.targets import draw_targets
from tests.unit.training_samples import MovingPeaks

_HEIGHT, _WIDTH = 96, 72


class _Peaks:
    """Three frames with a peak 0.6 high at every joint; joints move to the right by 2 cells a frame."""

    def __init__(self, *, unknown: int | None = None) -> None:
        self.unknown = unknown

    def __len__(self) -> int:
        return 50

    def sample(self, index: int, *, epoch: int, seed: int) -> HeatmapTriple:
        rng = np.random.default_rng((seed, epoch, index))
        key = rng.uniform((60, 60), (220, 320), size=(JOINTS, 2))
        joints = np.stack([key + np.array([CELL_PX * 2 * step, 0]) for step in (-2, 0, 1)])
        maps, _ = draw_targets(
            torch.from_numpy(joints), torch.ones(3, JOINTS), SubcellTargets(sigma=1.4), height=_HEIGHT, width=_WIDTH
        )
        weights = np.ones((2, JOINTS))
        if self.unknown is not None:
            weights[:, self.unknown] = 0
        return HeatmapTriple(0.6 * maps, (2, 1), key, np.ones(JOINTS), NeighbourTruth(joints[[0, 2]], weights))


def _offsets(maps: torch.Tensor, joints: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """How many cells to the right of the key frame's joints the peaks `[17, h, w]` lie."""
    positions, _ = decode(maps[None], rule=DecodeRule.DARK)
    return np.asarray(positions[0].double().numpy() - np.asarray(joints) / CELL_PX)


def test_the_first_map_is_the_label_of_a_neighbour_and_the_margin_is_its_distance() -> None:
    samples = LabelledNeighbours(_Peaks())
    seen = set()
    for index in range(20):
        sample = samples.sample(index, epoch=0, seed=5)
        label = sample.heatmaps[0]
        assert label.amax(dim=(1, 2)).min() > 0.9, "labels are higher than what a backbone says"
        gap = sample.margin[0]
        assert sample.margin == (gap, gap)
        moved = {2: -4.0, 1: 2.0}[gap]
        assert abs(float(np.median(_offsets(label, sample.joints)[:, 0])) - moved) < 0.5
        seen.add(gap)
    assert seen == {1, 2}, "either neighbour is the labelled one"


def test_joints_whose_neighbour_is_not_known_do_not_count() -> None:
    sample = LabelledNeighbours(_Peaks(unknown=7)).sample(0, epoch=0, seed=5)
    assert sample.weights[7] == 0
    assert sample.weights.sum() == JOINTS - 1


def test_the_same_visit_gives_the_same_sample() -> None:
    samples = LabelledNeighbours(_Peaks())
    first, second = (samples.sample(4, epoch=1, seed=2) for _ in range(2))
    assert torch.equal(first.heatmaps, second.heatmaps)
    assert not torch.equal(first.heatmaps, samples.sample(4, epoch=2, seed=2).heatmaps)


def test_a_mistake_that_lasts_is_the_same_in_all_frames() -> None:
    triple = _Peaks().sample(0, epoch=0, seed=1)
    wrong = 0
    for seed in range(8):
        spoiled = with_lasting_mistakes(triple.heatmaps, np.random.default_rng(seed))
        changed = (spoiled != triple.heatmaps).any(dim=3).any(dim=2)  # [3, 17]
        assert torch.equal(changed.any(dim=0), changed.all(dim=0))
        answers, _ = decode(spoiled, rule=DecodeRule.DARK)
        truth, _ = decode(triple.heatmaps, rule=DecodeRule.DARK)
        wrong += int(((answers - truth).norm(dim=-1) > 4).all(dim=0).sum())
    assert 0.15 < wrong / (8 * JOINTS) < 0.5


def test_a_source_that_does_not_know_the_neighbours_is_one_clear_error() -> None:
    with pytest.raises(TrainingError, match="knows where the neighbours' joints are"):
        LabelledNeighbours(MovingPeaks()).sample(0, epoch=0, seed=0)
