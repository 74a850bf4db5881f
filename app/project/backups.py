"""Copies of a project in a folder beside it: the last ten, and one of every day for a month.

SQLite does not lose acknowledged edits; backups are against what people and disks do.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

from app.project import sqlite_file
from app.project.store import SUFFIX, VERSION
from dcpose_core import paths
from dcpose_core.errors import ProjectError

LAST_KEPT = 10
DAYS_KEPT = 30
FOLDER_SUFFIX = ".backups"
_STAMP = "%Y-%m-%d_%H%M%S"


def backup_folder(project: Path) -> Path:
    """Beside the project, or among the user's data where that folder cannot be written."""
    beside = project.with_name(f"{project.stem}{FOLDER_SUFFIX}")
    if os.access(beside if beside.exists() else project.parent, os.W_OK):
        return beside
    name = hashlib.sha256(str(project.absolute()).encode(errors="surrogateescape")).hexdigest()[:12]
    return paths.data_dir() / "backups" / f"{project.stem}-{name}"


def backups(project: Path) -> list[Path]:
    """The backups of a project, newest first."""
    found = [path for path in backup_folder(project).glob(f"*{SUFFIX}") if time_of(path) is not None]
    return sorted(found, reverse=True)


def back_up(project: Path, now: datetime | None = None) -> Path | None:
    """Copy the project as it is, check the copy, and let go of old ones; None if nothing changed since the last one.

    To be called from any thread, also while the project is open and written. Raises `ProjectError`; then the older
    backups are all still there.
    """
    if not project.is_file():
        raise ProjectError(f"{project}: is no longer there")
    now = now or datetime.now().astimezone()
    newest = next(iter(backups(project)), None)
    if newest is not None and newest.stat().st_mtime >= _changed_at(project):
        return None
    folder = backup_folder(project)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProjectError(f"{folder}: backups cannot be kept here: {error.strerror or error}") from error
    target = folder / f"{now.strftime(_STAMP)}{SUFFIX}"
    changed_at = _changed_at(project)
    with closing(sqlite_file.open_for_reading(project, version=VERSION)) as connection:
        sqlite_file.copy(connection, target)
    try:
        sqlite_file.check(target)
    except ProjectError:
        target.unlink()
        raise
    os.utime(target, (changed_at, changed_at))
    for old in _superseded(backups(project), now):
        old.unlink(missing_ok=True)
    return target


def _changed_at(project: Path) -> float:
    files = (project, project.with_name(f"{project.name}-wal"))
    return max(file.stat().st_mtime for file in files if file.exists())


def time_of(backup: Path) -> datetime | None:
    """When a backup was made, by its name; None for a file that is none."""
    try:
        return datetime.strptime(backup.stem, _STAMP).astimezone()
    except ValueError:
        return None


def _superseded(newest_first: Iterable[Path], now: datetime) -> list[Path]:
    days: set[str] = set()
    superseded = []
    for i, backup in enumerate(newest_first):
        time = time_of(backup)
        assert time is not None
        day = time.strftime("%Y-%m-%d")
        keep = i < LAST_KEPT or (day not in days and now - time <= timedelta(days=DAYS_KEPT))
        days.add(day)
        if not keep:
            superseded.append(backup)
    return superseded
