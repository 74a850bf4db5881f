"""What the commands share: where messages go, the progress bar, files written whole."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

#: Results go to standard output; messages and progress to standard error, so that results can be piped.


class _Output(Console):
    """Standard output; a reader who has seen enough (`dcpose ... | head`) is no failure."""

    def on_broken_pipe(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0)


# Markup is off: file names may hold square brackets.
out = _Output(highlight=False, markup=False, soft_wrap=True)
messages = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def announce(text: str) -> None:
    """Tell the user something that is not an error."""
    messages.print(Text.assemble(("note:", "yellow"), " ", _one_line(text)))


def report_error(text: str) -> None:
    messages.print(Text.assemble(("error:", "red"), " ", _one_line(text)))


def print_json(value: Any) -> None:
    """One JSON document on standard output; NaN becomes null."""
    out.file.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode() + "\n")


def _one_line(text: str) -> str:
    return " ".join(text.split())


class _RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s")


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar on standard error with count, rate, elapsed and remaining time; nothing when it is not a terminal."""
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
        console=messages,
        disable=not messages.is_terminal,
    )
    with progress:
        yield progress
