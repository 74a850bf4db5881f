"""A head that learns: one step from one batch, its running average, and how good it is."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dcpose_core.errors import TrainingError
from dcpose_core.models.description import DecodeRule
from dcpose_core.training.batches import Batch
from dcpose_core.training.distributed import World
from dcpose_core.training.events import Accuracy
from dcpose_core.training.frozen_backbone import FrozenBackbone
from dcpose_core.training.losses import heatmap_loss, paper_heatmap_loss, peak_weighted_loss
from dcpose_core.training.settings import PaperLoss, TrainingSettings, WeightedLoss
from dcpose_core.training.targets import draw_targets
from dcpose_core.training.validation import AccuracySum

_PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
# In its first steps the running average forgets faster, so that the start does not linger in it.
_AVERAGE_WARMUP = 10
#: Place of the key frame among the three.
_CURRENT = 1


class Evaluation(NamedTuple):
    """loss: mean over the samples. refined: of the head. single_frame: of the key frame's heatmaps that it got."""

    loss: float
    refined: Accuracy
    single_frame: Accuracy


class Learner:
    """The head with its optimiser, on one device.

    backbone: looks at samples that are images; not needed for heatmaps. Raises `TrainingError` for a precision that
    the device does not have.
    """

    def __init__(
        self,
        head: nn.Module,
        settings: TrainingSettings,
        *,
        backbone: FrozenBackbone | None,
        device: torch.device,
        world: World,
    ) -> None:
        if settings.precision == "float16" and device.type != "cuda":
            raise TrainingError("training in float16 needs CUDA; use precision bfloat16 or float32 on the CPU")
        self.head = head.to(device)
        self.averaged = copy.deepcopy(head).requires_grad_(requires_grad=False) if settings.average_decay else None
        self._replica = world.replicate(head, device)
        self.settings = settings
        self.steps_done = 0
        self._backbone = backbone
        if backbone is not None:
            backbone.backbone.to(device)
        self.device = device
        self.world = world
        parameters = [parameter for parameter in head.parameters() if parameter.requires_grad]
        kind = torch.optim.AdamW if settings.optimiser.kind == "adamw" else torch.optim.Adam
        self.optimiser: torch.optim.Optimizer = kind(
            parameters, lr=settings.optimiser.rate, weight_decay=settings.optimiser.weight_decay
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "float16")

    @property
    def networks(self) -> dict[str, nn.Module]:
        """All that changes in training, by the name it has in checkpoints."""
        networks = {"head": self.head}
        if self.averaged is not None:
            networks["averaged"] = self.averaged
        if self._backbone is not None and not self._backbone.keep_statistics:
            networks["backbone"] = self._backbone.backbone
        return networks

    def learn(self, batch: Batch, *, rate: float) -> float:
        """One step at learning rate `rate`; returns the loss.

        Raises `TrainingError` when the loss is no longer a number, or memory runs out.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        try:
            # Random layers draw from the step's own seed: nothing to store, and the program's generator is left alone.
            with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
                torch.manual_seed(self._seed())
                self.head.train()
                on_device = batch.to(self.device)
                predicted = self._predict(self._replica, self._see(on_device, training=True), on_device)
                loss = self._loss(predicted, *self._targets(on_device, predicted))
                self.optimiser.zero_grad(set_to_none=True)
                self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        except torch.OutOfMemoryError as error:
            raise TrainingError(
                f"{self.device}: out of memory with training.batch_size = {self.settings.batch_size}; use a smaller one"
            ) from error
        value = self.world.total(loss.detach()).item() / self.world.size
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss became {value} in step {self.steps_done + 1}; use a lower training.optimiser.rate"
            )
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.steps_done += 1
        if self.averaged is not None:
            self._average(self.averaged)
        return value

    def evaluate(self, batches: Iterable[Batch], *, rule: DecodeRule) -> Evaluation:
        """How good the head is (its running average, if there is one), over the batches of all processes."""
        head = self.averaged or self.head
        head.eval()
        losses = torch.zeros(2, dtype=torch.float64, device=self.device)  # sum over samples, number of samples
        refined = AccuracySum(rule=rule, device=self.device)
        single_frame = AccuracySum(rule=rule, device=self.device)
        with torch.no_grad():
            for batch in batches:
                on_device = batch.to(self.device)
                maps = self._see(on_device, training=False)
                predicted = self._predict(head, maps, on_device)
                target, weight = self._targets(on_device, predicted)
                count = len(on_device.margin)
                losses += torch.stack([self._loss(predicted, target, weight) * count, losses.new_tensor(count)])
                refined.add(predicted, target, weight, on_device.joints)
                single_frame.add(maps[:, _CURRENT].float(), target, weight, on_device.joints)
        for counts in (losses, refined.counts, single_frame.counts):
            self.world.total(counts)
        total, samples = losses.tolist()
        return Evaluation(total / samples if samples else math.nan, refined.accuracy(), single_frame.accuracy())

    def finish(self) -> None:
        """The head gets its final weights: the running average, if there is one."""
        if self.averaged is not None:
            self.head.load_state_dict(self.averaged.state_dict())
        self.head.eval()

    def _see(self, batch: Batch, *, training: bool) -> Tensor:
        """Heatmaps `[B, 3, 17, h, w]` of the three frames of every sample, in the order of time."""
        parts = [] if batch.heatmaps is None else [batch.heatmaps.float()]
        if batch.images is not None:
            if self._backbone is None:
                raise TrainingError("samples are images, and there is no backbone to look at them")
            with self._autocast():
                parts.append(self._backbone.heatmaps(batch.images, training=training).float())
        if len({part.shape[1:] for part in parts}) > 1:
            shapes = " and ".join(str(tuple(part.shape[3:])) for part in parts)
            raise TrainingError(f"cached heatmaps and those of the images differ in size: {shapes}; use one crop")
        return torch.cat(parts)

    def _predict(self, head: nn.Module, maps: Tensor, batch: Batch) -> Tensor:
        previous, current, next_ = maps.unbind(dim=1)
        with self._autocast():
            predicted: Tensor = head(current, previous, next_, batch.margin)
        return predicted.float()

    def _targets(self, batch: Batch, predicted: Tensor) -> tuple[Tensor, Tensor]:
        height, width = predicted.shape[-2:]
        return draw_targets(batch.joints, batch.weights, self.settings.targets, height=height, width=width)

    def _loss(self, predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        loss = self.settings.loss
        if isinstance(loss, WeightedLoss):
            return peak_weighted_loss(predicted, target, weight[..., None], peak=loss.peak)
        distance = paper_heatmap_loss if isinstance(loss, PaperLoss) else heatmap_loss
        return distance(predicted, target, weight[..., None])

    def _autocast(self) -> torch.autocast:
        dtype = _PRECISIONS[self.settings.precision]
        return torch.autocast(self.device.type, dtype, enabled=dtype is not torch.float32)

    def _average(self, averaged: nn.Module) -> None:
        decay = min(self.settings.average_decay, self.steps_done / (_AVERAGE_WARMUP + self.steps_done))
        for average, value in zip(averaged.state_dict().values(), self.head.state_dict().values(), strict=True):
            if average.is_floating_point():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)

    def _seed(self) -> int:
        sequence = np.random.SeedSequence((self.settings.seed, self.steps_done, self.world.rank))
        return int(sequence.generate_state(1)[0])
