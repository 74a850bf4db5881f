"""Rolling backups of the open project: soon after it was opened, then every ten minutes, and when it is closed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from app.jobs.backups import BackupThread
from app.project.document import Document
from app.ui.session import Session

#: After opening: the first frame and the timeline come first.
_FIRST_MS = 10_000
_EVERY_MS = 10 * 60_000


_T = TypeVar("_T")


class BackingUp(QObject):
    """Watches which project the session shows; a read-only one is left alone."""

    #: The project turned out damaged when it was to be copied: the sentence that says so.
    damage_found = Signal(str)
    _failed = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._thread = BackupThread(self._failed.emit, self.damage_found.emit)
        self._document: Document | None = None
        self._left: Path | None = None
        self._running: Future[None] | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_time)
        self._failed.connect(self._on_failed)
        session.document_changed.connect(self._on_document_changed)

    def settle(self) -> None:
        """Wait for a copy that is being made: a project that is closed last by a reader keeps its edits in a `-wal`."""
        if self._running is not None:
            self._running.result()

    @Slot()
    def back_up_closed(self) -> None:
        """Make the last backup of the document that was closed."""
        if self._left is not None:
            self._running = self._thread.back_up(self._left)
            self._left = None

    def run(self, work: Callable[[], _T]) -> Future[_T]:
        """Do something else with backups on their thread, where nothing waits for it."""
        return self._thread.run(work)

    def close(self) -> None:
        """Wait for the last backup."""
        self._timer.stop()
        self._thread.close()

    @Slot()
    def _on_document_changed(self) -> None:
        # The document before is still open here, and closed next.
        self._left = self._path_to_back_up()
        document = self._session.document
        self._document = None if document is None or document.read_only else document
        if self._document is None:
            self._timer.stop()
        else:
            self._timer.start(_FIRST_MS)

    @Slot()
    def _on_time(self) -> None:
        self._timer.start(_EVERY_MS)
        path = self._path_to_back_up()
        if path is not None:
            self._running = self._thread.back_up(path)

    def _path_to_back_up(self) -> Path | None:
        """None where there is nothing to lose: a project without a single edit leaves its folder tidy."""
        return self._document.path if self._document is not None and self._document.history() else None

    @Slot(str)
    def _on_failed(self, text: str) -> None:
        self._session.tell(text, kind="warning")
