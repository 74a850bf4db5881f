"""Which sample comes when: every index once a pass, in an order that depends on seed and pass alone.

So the sample at any position of a run is known without having drawn those before it, and a resumed run goes on exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from dcpose_core.errors import TrainingError
from dcpose_core.training.samples import HeatmapTriple, ImageTriple, TripleDataset
from dcpose_core.types import IntArray


def visit(position: int, *, length: int, seed: int) -> tuple[int, int]:
    """(pass, index) at `position` of the endless stream of shuffled passes over `length` samples."""
    pass_number, place = divmod(position, length)
    return pass_number, int(_order(length, seed, pass_number)[place])


@lru_cache(maxsize=16)
def _order(length: int, seed: int, pass_number: int) -> IntArray:
    return np.random.default_rng((seed, pass_number)).permutation(length)


class Mixture:
    """Several sources as one `TripleDataset`, each with its share of the samples.

    An epoch of the mixture is as long as all sources together. Every source is gone through pass by pass, a small one
    with a large share more often than a large one with a small share; its own epoch number is that of the pass.
    """

    def __init__(self, sources: Sequence[tuple[TripleDataset, float]]) -> None:
        """sources: datasets with their shares, which need not sum to 1. Raises `TrainingError` for an empty one."""
        self._datasets = [dataset for dataset, _ in sources]
        lengths = [len(dataset) for dataset in self._datasets]
        exact = np.array([share for _, share in sources]) / sum(share for _, share in sources) * sum(lengths)
        quotas = np.floor(exact).astype(int)
        # What rounding down left over goes to those that lost most by it.
        left_over = sum(lengths) - int(quotas.sum())
        quotas[np.argsort(quotas - exact, kind="stable")[:left_over]] += 1
        for number, (length, quota) in enumerate(zip(lengths, quotas, strict=True)):
            if length == 0 or quota == 0:
                what = "has no samples" if length == 0 else "has too small a share for a single sample"
                raise TrainingError(f"data source {number + 1} of {len(lengths)} {what}; leave it out or mend it")
        self._quotas = [int(quota) for quota in quotas]

    def __len__(self) -> int:
        return sum(self._quotas)

    def sample(self, index: int, *, epoch: int, seed: int) -> HeatmapTriple | ImageTriple:
        """Sample `index` of an epoch; see `TripleDataset`."""
        place = index
        for number, (dataset, quota) in enumerate(zip(self._datasets, self._quotas, strict=True)):
            if place < quota:
                own_seed = seed + number
                own_pass, own_index = visit(epoch * quota + place, length=len(dataset), seed=own_seed)
                return dataset.sample(own_index, epoch=own_pass, seed=own_seed)
            place -= quota
        raise IndexError(f"sample {index} of {len(self)}")
