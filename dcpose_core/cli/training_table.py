"""How a training run shows: a table that grows by a row an epoch, or a line an epoch where there is no terminal."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.live import Live
from rich.table import Table

from dcpose_core.cli.console import messages

if TYPE_CHECKING:
    from dcpose_core.training.events import Stepped, TrainingEvent, Validated

_SHOWN_EPOCHS = 20
_COLUMNS = ("epoch", "steps", "loss", "rate", "samples/s", "val. loss", "PCK", "error", "single-frame PCK", "error")


@dataclass(slots=True)
class _Epoch:
    """What this run did of one epoch; loss and speed are sums over its steps."""

    number: int
    steps: int = 0
    loss: float = 0.0
    rate: float = 0.0
    speed: float = 0.0
    validated: Validated | None = None

    def add(self, event: Stepped) -> None:
        self.steps += 1
        self.loss += event.loss
        self.rate = event.rate
        self.speed += event.samples_per_s

    def cells(self) -> list[str]:
        mean = 1 / max(self.steps, 1)
        row = [str(self.number + 1), str(self.steps), f"{self.loss * mean:.3g}", f"{self.rate:.2g}"]
        row.append(f"{self.speed * mean:.1f}")
        if self.validated is not None:
            row.append(f"{self.validated.loss:.3g}")
            for accuracy in (self.validated.refined, self.validated.single_frame):
                row += [f"{accuracy.pck:.2f} %", f"{accuracy.error_cells:.3f} cells"]
        return row


class TrainingTable:
    """Shows events on standard error; a context, because a live table has to be taken down. enabled: else silent."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._epochs: list[_Epoch] = []
        self._first_step = self._step = self._total_steps = 0
        self._started_s = time.monotonic()
        self._live = Live(get_renderable=self._table, console=messages)

    def __enter__(self) -> Self:
        if self._enabled and messages.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, event: TrainingEvent) -> None:
        from dcpose_core.training.events import EpochStarted, Finished, Stepped, Validated

        if isinstance(event, EpochStarted | Finished) and self._epochs:
            self._print_line()
        if isinstance(event, EpochStarted):
            if not self._epochs:
                self._first_step, self._started_s = event.step, time.monotonic()
            self._step, self._total_steps = event.step, event.total_steps
            self._epochs.append(_Epoch(event.epoch))
        elif isinstance(event, Stepped):
            self._step = event.step
            self._epochs[-1].add(event)
        elif isinstance(event, Validated):
            self._epochs[-1].validated = event

    def _print_line(self) -> None:
        if self._enabled and not messages.is_terminal:
            cells = zip(_COLUMNS, self._epochs[-1].cells(), strict=False)
            messages.print(", ".join(f"{name} {cell}" for name, cell in cells))

    def _table(self) -> Table:
        done, left = self._step - self._first_step, self._total_steps - self._step
        title = f"step {self._step} of {self._total_steps}"
        if done:
            remaining_s = (time.monotonic() - self._started_s) / done * left
            title += f", {timedelta(seconds=round(remaining_s))} to go"
        table = Table(*_COLUMNS, title=title, title_justify="left", box=None, pad_edge=False)
        for epoch in self._epochs[-_SHOWN_EPOCHS:]:
            table.add_row(*epoch.cells())
        return table
