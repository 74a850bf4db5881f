"""One writer a project: a lock file beside it, held by the operating system and gone with the process."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import filelock

from app.project.errors import ProjectLockedError, UnwritableProjectError
from dcpose_core.errors import ProjectError


class WriterLock:
    """The right to write a project."""

    def __init__(self, lock: filelock.BaseFileLock) -> None:
        self._lock = lock

    @classmethod
    def take(cls, project: Path) -> WriterLock:
        """Raises `ProjectLockedError` if another window has it, `UnwritableProjectError` if the folder cannot be
        written, `ProjectError` if there is none."""
        if not project.parent.is_dir():
            raise ProjectError(f"{project}: there is no folder {project.parent}")
        path = project.with_name(f".{project.name}.lock")
        while True:
            lock = filelock.FileLock(path, timeout=0, is_singleton=False)
            try:
                lock.acquire()
            except filelock.Timeout as error:
                raise ProjectLockedError(
                    f"{project}: open in another window; close it there, or open it read-only here"
                ) from error
            except OSError as error:
                reason = error.strerror or str(error)
                raise UnwritableProjectError(
                    f"{project}: its folder cannot be written ({reason}); open it read-only or save a copy elsewhere"
                ) from error
            if _is_in_place(lock, path):
                return cls(lock)
            lock.release()  # whoever had it took the file away just now: another one may be there

    def release(self) -> None:
        """Let go, and take the file away.

        While the lock is held nobody else can have it. Who opened the same file before and locks it afterwards finds
        that it is no longer in its place (`take`), and begins anew.
        """
        if os.name == "posix":  # Windows removes no file that is open; there it stays
            with suppress(OSError):
                Path(self._lock.lock_file).unlink()
        self._lock.release()


def _is_in_place(lock: filelock.BaseFileLock, path: Path) -> bool:
    """Whether the file that is locked is the one that others find."""
    if os.name != "posix":
        return True
    held = lock._context.lock_file_fd
    try:
        return held is not None and os.path.samestat(os.fstat(held), path.stat())
    except OSError:
        return False
