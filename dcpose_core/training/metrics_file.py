"""The events of a run as JSON lines, and what to draw from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from dcpose_core.errors import TrainingError
from dcpose_core.files import write_files
from dcpose_core.training.events import Finished, Stepped, TrainingEvent, Validated

FILE_NAME = "metrics.jsonl"


def append_event(path: Path, event: TrainingEvent) -> None:
    """One line with the event's name and fields, if it has figures."""
    if not isinstance(event, Stepped | Validated | Finished):
        return
    line = msgspec.json.encode({"event": type(event).__name__, **asdict(event)})
    with path.open("ab") as file:
        file.write(line + b"\n")


def read_events(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a metrics file; a last one that a killed run left unfinished is passed over."""
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    for number, line in enumerate(lines[:-1]):
        try:
            yield msgspec.json.decode(line, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise TrainingError(f"{path}: line {number + 1} is no metric ({error}); delete the file") from error


def drop_later(path: Path, step: int) -> None:
    """Take out what a resumed run will say again: everything after `step`."""
    kept = [event for event in read_events(path) if event["step"] <= step and event["event"] != "Finished"]
    write_files({path: b"".join(msgspec.json.encode(event) + b"\n" for event in kept)})
