"""The job that backs a project up."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from app.jobs.worker import Step
from app.project.backups import back_up


def backup_job(project: Path) -> Generator[Step, None, Path | None]:
    """Back the project up if it changed since the last time; returns the new backup. Raises `ProjectError`."""
    yield Step(0, 1, f"Backing up {project.name}")
    return back_up(project)
