"""Trying what annotating needs on this machine, off the UI thread; a job, see `app.jobs.worker`."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from app.jobs.worker import Step


def examine_job(video: Path | None) -> Generator[Step, None, None]:
    """Yields a `Finding` as payload for everything that was tried; video: look at it too."""
    from dcpose_core.doctor import examine  # takes seconds, on the worker's thread here

    for finding in examine(video):
        yield Step(payload=finding)
