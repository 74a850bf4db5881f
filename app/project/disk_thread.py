"""What the disk takes its time for, off the thread that edits: making sure of commits, and moving SQLite's log.

A commit in the log outlasts the process at once. That it outlasts the machine too takes an fsync, for which edits
waited 14 to 160 ms in the mean and up to 2.5 s on a disk that others use: it is made right after the commit. SQLite
moves the log into the file within some commit, as a rule every 1,000 pages; with a file of 560 MB on a busy disk that
commit took up to 4 s. A thread of its own may do both at any time, beside the writer.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from app.project import sqlite_file
from dcpose_core.errors import ProjectError

#: Bytes in the log from which on it is moved, and pages at which a commit does it after all.
_MOVE_BYTES, LAST_RESORT_PAGES = 4_000_000, 16_384
#: What a commit writes beside its data: pages of index, history and tracks.
_COMMIT_BYTES = 50_000


_T = TypeVar("_T")


class DiskThread:
    """One thread at most, which starts when there is something to do."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting_bytes = 0
        self._pool = ThreadPoolExecutor(1, "disk")
        self._moving: Future[None] | None = None
        self._syncing: Future[None] | None = None
        self._failed = False

    def note_commit(self, n_bytes: int) -> None:
        """A commit put `n_bytes` of data into the log."""
        if self._syncing is None or self._syncing.done() or self._syncing.running():  # else that one will do
            self._syncing = self._pool.submit(self._sync)
        self._waiting_bytes += n_bytes + _COMMIT_BYTES
        if self._waiting_bytes >= _MOVE_BYTES and (self._moving is None or self._moving.done()):
            self._waiting_bytes = 0
            self._moving = self._pool.submit(sqlite_file.checkpoint, self._path)

    def check(self) -> None:
        """Raises `ProjectError` if the disk did not take what was committed, and does not now."""
        if self._failed:
            sqlite_file.sync_log(self._path)
            self._failed = False

    def run(self, work: Callable[[], _T]) -> Future[_T]:
        """Have `work` done here."""
        return self._pool.submit(work)

    def close(self) -> None:
        """Returns when all is done."""
        self._pool.shutdown(wait=True)

    def _sync(self) -> None:
        try:
            sqlite_file.sync_log(self._path)
        except ProjectError:
            self._failed = True
