"""What a training run reports while it goes on: plain data. Epochs count from 0; `step` is how many steps are done."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EpochStarted:
    """An epoch begins, or goes on in the middle where the run was resumed."""

    epoch: int
    epochs: int
    step: int
    total_steps: int


@dataclass(frozen=True, slots=True)
class Stepped:
    """One optimiser step. loss: of its samples. rate: learning rate. samples_per_s: over all processes."""

    epoch: int
    step: int
    loss: float
    rate: float
    samples_per_s: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How good heatmaps are. pck: percent, as the reference logs it. error_cells: mean distance of decoded joints."""

    pck: float
    error_cells: float


@dataclass(frozen=True, slots=True)
class Validated:
    """The validation samples. refined: of the head. single_frame: of the key frame's heatmaps, which the head got."""

    epoch: int
    step: int
    loss: float
    refined: Accuracy
    single_frame: Accuracy


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """The run can go on from here."""

    epoch: int
    step: int
    path: Path


@dataclass(frozen=True, slots=True)
class Finished:
    """The head now holds the final weights (their average, if one was kept), in eval mode."""

    step: int
    seconds: float


TrainingEvent = EpochStarted | Stepped | Validated | CheckpointSaved | Finished
