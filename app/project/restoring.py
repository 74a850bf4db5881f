"""A backup made a project again: as a copy of its own, or in the place of a project that is damaged or gone.

Nothing is ever overwritten: what stood in the place is kept beside it under another name.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from app.project import sqlite_file
from app.project.backups import FOLDER_SUFFIX, time_of
from app.project.overview import VERIFIED
from app.project.store import SUFFIX
from app.project.writer_lock import WriterLock
from dcpose_core.errors import ProjectError
from dcpose_core.files import replacing

#: What SQLite keeps beside a file.
LOG_SUFFIXES = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupContents:
    """What tells one backup from another. last_step: label of the last edit in it; n_annotated, n_verified: frames with
    a pose, and verified ones."""

    last_step: str
    n_annotated: int
    n_verified: int


def contents(backup: Path) -> BackupContents:
    """Look into a backup, of this version or an older one. Raises `ProjectError`."""
    with sqlite_file.told_as_project_errors(backup), closing(sqlite_file.open_beside(backup)) as connection:
        step = connection.execute("SELECT label FROM history WHERE NOT undone ORDER BY number DESC LIMIT 1").fetchone()
        (n_annotated,) = connection.execute(
            "SELECT count(*) FROM (SELECT frame FROM annotations UNION SELECT frame FROM predictions)"
        ).fetchone()
        (n_verified,) = connection.execute("SELECT count(*) FROM marks WHERE marks & ?", (VERIFIED,)).fetchone()
    return BackupContents(last_step=step[0] if step else "", n_annotated=n_annotated, n_verified=n_verified)


def project_of(backup: Path) -> Path | None:
    """The project that a file is a backup of, by where it lies and what it is called; None if it is none."""
    folder = backup.parent
    if time_of(backup) is None or not folder.name.endswith(FOLDER_SUFFIX):
        return None
    return folder.with_name(folder.name.removesuffix(FOLDER_SUFFIX) + SUFFIX)


def copy_path(backup: Path, project: Path) -> Path:
    """Where a copy of a backup goes: beside the project, under a name that is free."""
    time = time_of(backup) or datetime.now()
    return _free(project, f"{time:%Y-%m-%d %H.%M}")


def kept_path(project: Path) -> Path:
    """Where a project goes whose place a backup takes."""
    return _free(project, "damaged")


def copy_backup(backup: Path, target: Path) -> None:
    """Make a copy of a backup that is a project of its own. Raises `ProjectError`: damaged, a file there, no room."""
    sqlite_file.check(backup)
    with sqlite_file.told_as_project_errors(target):
        if target.exists():
            raise ProjectError(f"{target}: exists already; choose another name")
        with replacing(target) as temporary:
            _copy_file(backup, temporary)


def put_back(backup: Path, project: Path) -> Path | None:
    """Put a copy of a backup in the place of its project. Returns where what was there is kept, None if nothing was.

    Raises `ProjectLockedError` if the project is open, `ProjectError` if the backup is damaged or nothing can be
    written; then everything is as it was.
    """
    sqlite_file.check(backup)
    lock = WriterLock.take(project)
    try:
        with sqlite_file.told_as_project_errors(project), replacing(project) as temporary:
            _copy_file(backup, temporary)
            return _set_aside(project) if project.exists() else None
    finally:
        lock.release()


def _set_aside(project: Path) -> Path:
    """Rename a project with its log, the log first: a log that stayed would be taken for that of the next project."""
    kept = kept_path(project)
    for suffix in LOG_SUFFIXES:
        log = project.with_name(f"{project.name}{suffix}")
        if log.exists():
            log.rename(kept.with_name(f"{kept.name}{suffix}"))
    project.rename(kept)
    return kept


def _copy_file(source: Path, target: Path) -> None:
    """A backup is one file without a log, so that its bytes are all of it."""
    shutil.copyfile(source, target)
    with target.open("rb+") as stream:
        os.fsync(stream.fileno())


def _free(project: Path, addition: str) -> Path:
    names = (f"{project.stem} {addition}{'' if i == 1 else f' {i}'}{project.suffix}" for i in count(1))
    return next(path for name in names if not (path := project.with_name(name)).exists())
