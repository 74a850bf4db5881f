"""The training loop, a generator: any head on any samples, with checkpoints to go on from."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import torch
from torch import nn

from dcpose_core.errors import TrainingError
from dcpose_core.models.description import DecodeRule
from dcpose_core.training import checkpoints
from dcpose_core.training.batches import Batch, load_batches, training_visits, validation_visits
from dcpose_core.training.checkpoints import CheckpointKeeper
from dcpose_core.training.distributed import joined, world_from_environment
from dcpose_core.training.events import CheckpointSaved, EpochStarted, Finished, Stepped, TrainingEvent, Validated
from dcpose_core.training.frozen_backbone import FrozenBackbone
from dcpose_core.training.learner import Learner
from dcpose_core.training.samples import TripleDataset
from dcpose_core.training.schedules import learning_rate
from dcpose_core.training.settings import TrainingSettings


def train(
    head: nn.Module,
    data: TripleDataset,
    settings: TrainingSettings,
    *,
    device: torch.device,
    backbone: FrozenBackbone | None = None,
    validation: TripleDataset | None = None,
    rule: DecodeRule = DecodeRule.DARK,
    folder: Path | None = None,
    resume: bool = False,
) -> Generator[TrainingEvent]:
    """Train `head`, step by step; asking for the next event is progress, closing is stopping.

    A run that is stopped at any point and resumed ends with the same weights as one that was not, on the CPU bit by
    bit. Where the generator is closed, the checkpoint holds every step that was done.

    Args:
        head: (current, previous, next heatmaps `[B, 17, h, w]`, margin `[B, 2]`) -> heatmaps `[B, 17, h, w]` of the key
            frame. It is trained in place, as it is given; after `Finished` it holds the final weights.
        data: where samples come from; a mixture of several is one too (`sampling.Mixture`).
        settings: everything else.
        device: where the networks run. Under `torchrun` this process's own device; there every process calls this
            function with the same arguments, and gets the same events but for `CheckpointSaved`.
        backbone: looks at samples that are images; not needed where all are heatmaps.
        validation: samples to measure on, never trained on; None for no validation.
        rule: how refined heatmaps are decoded in validation.
        folder: where the checkpoint is kept, an existing folder; None for none.
        resume: go on from the folder's checkpoint; without one the run begins at the start.

    Raises:
        TrainingError: settings that contradict each other or the data, a checkpoint that cannot be used, a loss that
            is no number, memory that does not suffice; and whatever error a sample raises.
    """
    world = world_from_environment()
    if settings.batch_size % world.size:
        raise TrainingError(f"training.batch_size = {settings.batch_size} cannot be shared by {world.size} processes")
    if len(data) == 0:
        raise TrainingError("there are no samples to train on")
    started_s = time.perf_counter()
    with joined(world, device):
        learner = Learner(head, settings, backbone=backbone, device=device, world=world)
        path = None if folder is None else folder / checkpoints.FILE_NAME
        keeper = CheckpointKeeper(path, learner, n_samples=len(data))
        if resume:
            keeper.restore()
        try:
            yield from _epochs(learner, keeper, data, validation, rule)
        except GeneratorExit:
            keeper.save()
            raise
        learner.finish()
        yield Finished(learner.steps_done, time.perf_counter() - started_s)


def _epochs(
    learner: Learner,
    keeper: CheckpointKeeper,
    data: TripleDataset,
    validation: TripleDataset | None,
    rule: DecodeRule,
) -> Generator[TrainingEvent]:
    """All that a run has left to do. Between two events every step is whole."""
    settings = learner.settings
    steps_per_epoch = settings.steps_per_epoch or max(1, len(data) // settings.batch_size)
    total_steps = settings.epochs * steps_per_epoch
    if learner.steps_done < total_steps:
        yield EpochStarted(learner.steps_done // steps_per_epoch, settings.epochs, learner.steps_done, total_steps)
    with closing(_training_batches(data, learner, range(learner.steps_done, total_steps))) as batches:
        resumed_s = time.perf_counter()
        for batch in batches:
            epoch = learner.steps_done // steps_per_epoch
            rate = learning_rate(
                settings.optimiser.rate,
                settings.schedule,
                step=learner.steps_done,
                steps_per_epoch=steps_per_epoch,
                total_steps=total_steps,
            )
            loss = learner.learn(batch, rate=rate)
            speed = settings.batch_size / (time.perf_counter() - resumed_s)
            yield Stepped(epoch, learner.steps_done, loss, rate, samples_per_s=speed)
            ends_epoch, is_last = learner.steps_done % steps_per_epoch == 0, learner.steps_done == total_steps
            if validation is not None and ends_epoch and (is_last or (epoch + 1) % settings.validate_every == 0):
                measured = learner.evaluate(_validation_batches(validation, learner), rule=rule)
                yield Validated(epoch, learner.steps_done, *measured)
            if (ends_epoch or keeper.is_due()) and keeper.save() and keeper.path is not None:
                yield CheckpointSaved(epoch, learner.steps_done, keeper.path)
            if ends_epoch and not is_last:
                yield EpochStarted(epoch + 1, settings.epochs, learner.steps_done, total_steps)
            resumed_s = time.perf_counter()


def _training_batches(data: TripleDataset, learner: Learner, steps: range) -> Generator[Batch]:
    settings, world = learner.settings, learner.world
    visits = training_visits(
        len(data),
        steps,
        seed=settings.seed,
        batch_size=settings.batch_size,
        rank=world.rank,
        world_size=world.size,
    )
    return load_batches(data, visits, workers=settings.workers, pin_memory=learner.device.type == "cuda")


def _validation_batches(data: TripleDataset, learner: Learner) -> Generator[Batch]:
    settings, world = learner.settings, learner.world
    visits = validation_visits(
        len(data),
        seed=settings.seed,
        batch_size=settings.batch_size,
        at_most=settings.validation_samples,
        rank=world.rank,
        world_size=world.size,
    )
    return load_batches(data, visits, workers=settings.workers, pin_memory=learner.device.type == "cuda")
