"""Moving what SQLite's log has gathered into the project file, off the thread that edits.

SQLite does it within some commit, as a rule every 1,000 pages; with a file of 560 MB on a busy disk that commit took
up to 4 s. A thread of its own may do it at any time, beside the writer.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from app.project import sqlite_file

#: Bytes in the log from which on it is moved, and pages at which a commit does it after all.
_MOVE_BYTES, LAST_RESORT_PAGES = 4_000_000, 16_384
#: What a commit writes beside its data: pages of index, history and tracks.
_COMMIT_BYTES = 50_000


class WalCheckpoints:
    """One thread at most, which starts when there is something to do."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting_bytes = 0
        self._pool = ThreadPoolExecutor(1, "checkpoint")
        self._running: Future[None] | None = None

    def note_commit(self, n_bytes: int) -> None:
        """A commit put `n_bytes` of data into the log."""
        self._waiting_bytes += n_bytes + _COMMIT_BYTES
        if self._waiting_bytes < _MOVE_BYTES or (self._running is not None and not self._running.done()):
            return
        self._waiting_bytes = 0
        self._running = self._pool.submit(sqlite_file.checkpoint, self._path)

    def close(self) -> None:
        self._pool.shutdown(wait=True)
