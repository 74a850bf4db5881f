"""Reading an annotation file off the UI thread; a job, see `app.jobs.worker`."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from app.jobs.worker import Step
from dcpose_core.formats import read_poses
from dcpose_core.types import PoseSequence


def import_job(path: Path) -> Generator[Step, None, list[PoseSequence]]:
    """The sequences of a file, or of all files of a folder. Raises `FormatError`."""
    yield Step(0, 0, "Reading")
    return read_poses(path)
