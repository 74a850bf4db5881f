"""One writer a project: a lock file beside it, held by the operating system and gone with the process."""

from __future__ import annotations

from pathlib import Path

import filelock

from app.project.errors import ProjectLockedError
from dcpose_core.errors import ProjectError


class WriterLock:
    """The right to write a project."""

    def __init__(self, lock: filelock.BaseFileLock) -> None:
        self._lock = lock

    @classmethod
    def take(cls, project: Path) -> WriterLock:
        """Raises `ProjectLockedError` if another window has it, `ProjectError` if the folder cannot be written."""
        if not project.parent.is_dir():
            raise ProjectError(f"{project}: there is no folder {project.parent}")
        lock = filelock.FileLock(project.with_name(f".{project.name}.lock"), timeout=0, is_singleton=False)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            raise ProjectLockedError(
                f"{project}: open in another window; close it there, or open it read-only here"
            ) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise ProjectError(
                f"{project}: its folder cannot be written ({reason}); open it read-only or save a copy elsewhere"
            ) from error
        return cls(lock)

    def release(self) -> None:
        self._lock.release()
