"""Backups while a project is open, on a thread of their own: they must not wait behind an annotation run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from app.project.backups import back_up
from app.project.errors import DamagedProjectError
from app.project.sqlite_file import checkpoint
from dcpose_core.errors import ProjectError

_T = TypeVar("_T")


class BackupThread:
    """Backs projects up, one after the other. Called on that thread with one sentence: on_failure; on_damage, where
    the reason is that the project itself cannot be read any more."""

    def __init__(self, on_failure: Callable[[str], None], on_damage: Callable[[str], None]) -> None:
        self._on_failure, self._on_damage = on_failure, on_damage
        self._pool = ThreadPoolExecutor(1, "backup")

    def back_up(self, project: Path) -> Future[None]:
        """Copy the project if it changed since the last time."""
        return self._pool.submit(self._run, project)

    def run(self, work: Callable[[], _T]) -> Future[_T]:
        """Do something else with backups, after the copies that were asked for."""
        return self._pool.submit(work)

    def close(self) -> None:
        """Wait for the copies that were asked for."""
        self._pool.shutdown()

    def _run(self, project: Path) -> None:
        try:
            if back_up(project) is not None:
                # The copy only read; of a project that is closed it leaves an empty log behind, which a writer removes.
                checkpoint(project)
        except DamagedProjectError:
            self._on_damage(f"{project}: damaged: a part of it cannot be read")
        except (ProjectError, OSError) as error:
            self._on_failure(f"No backup could be made: {error}")
