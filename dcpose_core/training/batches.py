"""Samples in batches, prepared ahead by worker processes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dcpose_core.errors import DCPoseError, TrainingError
from dcpose_core.training.samples import HeatmapTriple, ImageTriple, TripleDataset
from dcpose_core.training.sampling import visit

VALIDATION_SEED = 1_000_003


class Batch(NamedTuple):
    """Samples of both kinds; those with heatmaps come first. None where there are none of a kind.

    heatmaps: floating `[B1, 3, 17, h, w]`. images: uint8 `[B2, 3, H, W, 3]`. Both in the order of time.
    margin: int64 `[B, 2]`. joints: float32 `[B, 17, 2]`, crop pixels. weights: float32 `[B, 17]`. B = B1 + B2.
    """

    heatmaps: Tensor | None
    images: Tensor | None
    margin: Tensor
    joints: Tensor
    weights: Tensor

    def to(self, device: torch.device) -> Batch:
        def moved(part: Tensor) -> Tensor:
            return part.to(device, non_blocking=True)

        heatmaps = None if self.heatmaps is None else moved(self.heatmaps)
        images = None if self.images is None else moved(self.images)
        return Batch(heatmaps, images, moved(self.margin), moved(self.joints), moved(self.weights))


@dataclass(frozen=True, slots=True)
class Visit:
    """One sample to be had: `dataset.sample(index, epoch=epoch, seed=seed)`."""

    index: int
    epoch: int
    seed: int


def training_visits(
    length: int, steps: range, *, seed: int, batch_size: int, rank: int, world_size: int
) -> Iterator[list[Visit]]:
    """The samples, of `length`, of every step of `steps` that process `rank` of `world_size` has to do."""
    share = batch_size // world_size
    for step in steps:
        first = step * batch_size + rank * share
        at = (visit(position, length=length, seed=seed) for position in range(first, first + share))
        yield [Visit(index, pass_number, seed) for pass_number, index in at]


def validation_visits(
    length: int, *, seed: int, batch_size: int, at_most: int | None, rank: int, world_size: int
) -> Iterator[list[Visit]]:
    """The same samples every time, evenly spread over the data set, in batches.

    Their seed is not that of training: a source that makes its samples up shall not show the same ones in both.
    """
    count = length if at_most is None else min(at_most, length)
    indices = np.linspace(0, length, count, endpoint=False).astype(int).tolist()[rank::world_size]
    for start in range(0, len(indices), batch_size):
        yield [Visit(index, 0, seed + VALIDATION_SEED) for index in indices[start : start + batch_size]]


def load_batches(
    dataset: TripleDataset, visits: Iterator[list[Visit]], *, workers: int, pin_memory: bool
) -> Generator[Batch]:
    """One batch for each list of `visits`, in their order.

    Raises what a sample raises, also where a worker process drew it, and `TrainingError` if a worker dies.
    """
    loader: DataLoader[Any] = DataLoader(  # of what `_collate` returns, which torch's types cannot say
        _Samples(dataset),
        batch_sampler=_Once(visits),
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=pin_memory,
        worker_init_fn=_keep_to_one_thread,
        generator=torch.Generator(),  # the loader draws a number; the program's own generator shall not notice
    )
    try:
        with _without_opencv_threads():
            batches = iter(loader)  # starts the workers
        for batch in batches:
            if isinstance(batch, DCPoseError):
                raise batch
            yield batch
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise TrainingError(
            "a process that prepares samples died, perhaps for want of memory; use fewer --workers"
        ) from error


class _Samples(Dataset["HeatmapTriple | ImageTriple | DCPoseError"]):
    """What torch's loader wants. Errors travel as values: raised in a worker, they would arrive as its traceback."""

    def __init__(self, dataset: TripleDataset) -> None:
        self._dataset = dataset

    def __getitem__(self, visit: Visit) -> HeatmapTriple | ImageTriple | DCPoseError:
        try:
            return self._dataset.sample(visit.index, epoch=visit.epoch, seed=visit.seed)
        except DCPoseError as error:
            return error


class _Once:
    """An iterator as the batch sampler, which torch asks for its iterator once a loop."""

    def __init__(self, visits: Iterator[list[Visit]]) -> None:
        self._visits = visits

    def __iter__(self) -> Iterator[list[Visit]]:
        return self._visits


def _collate(samples: Sequence[HeatmapTriple | ImageTriple | DCPoseError]) -> Batch | DCPoseError:
    with_heatmaps: list[HeatmapTriple] = []
    with_images: list[ImageTriple] = []
    for sample in samples:
        if isinstance(sample, DCPoseError):
            return sample
        if isinstance(sample, HeatmapTriple):
            with_heatmaps.append(sample)
        else:
            with_images.append(sample)
    sizes = {sample.heatmaps.shape for sample in with_heatmaps} | {sample.images.shape for sample in with_images}
    if len(sizes) > bool(with_heatmaps) + bool(with_images):
        shapes = " and ".join(str(tuple(size)) for size in sorted(sizes))
        return TrainingError(f"samples of different sizes cannot be mixed: {shapes}; make them with the same crop")
    both: list[HeatmapTriple | ImageTriple] = [*with_heatmaps, *with_images]
    return Batch(
        heatmaps=torch.stack([sample.heatmaps for sample in with_heatmaps]) if with_heatmaps else None,
        images=torch.stack([sample.images for sample in with_images]) if with_images else None,
        margin=torch.tensor([sample.margin for sample in both]),
        joints=torch.from_numpy(np.stack([sample.joints for sample in both]).astype(np.float32)),
        weights=torch.from_numpy(np.stack([sample.weights for sample in both]).astype(np.float32)),
    )


@contextmanager
def _without_opencv_threads() -> Iterator[None]:
    """OpenCV's threads do not come along when a process forks, and a worker that stops them hangs or crashes (seen)."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _keep_to_one_thread(_: int) -> None:
    cv2.setNumThreads(1)
