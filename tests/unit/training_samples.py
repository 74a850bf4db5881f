"""Small heads and samples to train them on, within milliseconds a step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from dcpose_core.models.backbones.base import JOINTS
from dcpose_core.training.samples import HeatmapTriple, ImageTriple
from dcpose_core.training.settings import SubcellTargets
from dcpose_core.training.targets import draw_targets

HEIGHT, WIDTH = 16, 12


class TinyHead(nn.Module):
    """One convolution over the three frames, with random dropout: what depends on random numbers shows."""

    def __init__(self, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.mix = nn.Conv2d(3 * JOINTS, JOINTS, 3, padding=1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, margin: Tensor) -> Tensor:
        maps = self.mix(self.dropout(torch.cat([current, previous, next_], dim=1)))
        corrected: Tensor = current + maps / margin.sum(dim=1).view(-1, 1, 1, 1)
        return corrected


def tiny_head(*, dropout: float = 0.1) -> TinyHead:
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return TinyHead(dropout=dropout)


class MovingPeaks:
    """A `TripleDataset`: peaks at the joints in the neighbours, and nothing but noise in the key frame."""

    def __init__(self, length: int = 24) -> None:
        self.length = length
        self.asked: list[tuple[int, int, int]] = []

    def __len__(self) -> int:
        return self.length

    def sample(self, index: int, *, epoch: int, seed: int) -> HeatmapTriple:
        self.asked.append((index, epoch, seed))
        rng = np.random.default_rng((seed, epoch, index))
        joints = rng.uniform(8, (4 * WIDTH - 8, 4 * HEIGHT - 8), size=(JOINTS, 2))
        weights = (rng.random(JOINTS) > 0.2).astype(np.float64)
        peaks, _ = draw_targets(
            torch.tensor(joints)[None], torch.ones(1, JOINTS), SubcellTargets(), height=HEIGHT, width=WIDTH
        )
        noise = torch.tensor(0.05 * rng.random((JOINTS, HEIGHT, WIDTH)), dtype=torch.float32)
        return HeatmapTriple(torch.stack([peaks[0], noise, peaks[0]]), (1, 1), joints, weights)


class NoisyImages:
    """A `TripleDataset` of random crops of 32 x 64 pixels."""

    def __len__(self) -> int:
        return 8

    def sample(self, index: int, *, epoch: int, seed: int) -> ImageTriple:
        rng = np.random.default_rng((seed, epoch, index))
        images = torch.tensor(rng.integers(0, 256, size=(3, 64, 32, 3)), dtype=torch.uint8)
        return ImageTriple(images, (1, 1), rng.uniform(4, 28, size=(JOINTS, 2)), np.ones(JOINTS))
