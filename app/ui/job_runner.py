"""One job at a time for a dialog or panel: what it shows while the job runs, and who gets the result."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.jobs.bridge import JobFeed

if TYPE_CHECKING:
    from app.jobs.worker import Job


class JobRunner(QObject):
    """Submits jobs to the feed and listens to its own only. `make` runs once the engine is imported.

    Signals: `progressed(done, total, message)`; `produced(payload)` for parts that are ready early; `failed(text)`
    for what the user can act on; `crashed(text, report)` for bugs; `stopped()` after a cancel; `busy_changed(bool)`.
    """

    progressed = Signal(int, int, str)
    produced = Signal(object)
    failed = Signal(str)
    crashed = Signal(str, str)
    stopped = Signal()
    busy_changed = Signal(bool)

    def __init__(self, jobs: JobFeed, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs = jobs
        self._job_id: int | None = None
        self._waiting = 0
        self._message = ""
        self._on_result: Callable[[object], None] | None = None
        # Queued: of a job that is over before `submit` returns, the events come on this thread and before its id.
        jobs.posted.connect(self._on_event, Qt.ConnectionType.QueuedConnection)

    @property
    def is_busy(self) -> bool:
        return self._on_result is not None

    def start(self, title: str, make: Callable[[], Job], on_result: Callable[[object], None]) -> None:
        """Run a job in place of the one before, and hand its result on."""
        self.cancel()
        self._on_result = on_result
        self._message = "Waiting for the model that is being loaded" if not self._jobs.is_ready else ""
        self._waiting += 1
        ticket = self._waiting
        self.busy_changed.emit(True)
        self.progressed.emit(0, 0, self._message)

        def submit() -> None:
            if ticket == self._waiting and self._on_result is not None:
                self._job_id = self._jobs.submit(title, make())

        self._jobs.when_ready(submit)

    def cancel(self) -> None:
        """Stop what runs, if anything does."""
        if self._job_id is not None:
            self._jobs.cancel(self._job_id)
        self._end()

    def _end(self) -> Callable[[object], None] | None:
        on_result, was_busy = self._on_result, self.is_busy
        self._job_id, self._on_result = None, None
        self._waiting += 1
        if was_busy:
            self.busy_changed.emit(False)
        return on_result

    @Slot(object)
    def _on_event(self, event: object) -> None:
        worker = import_module("app.jobs.worker")  # imported already: an event came from there
        if self._job_id is None or getattr(event, "job_id", None) != self._job_id:
            return
        match event:
            case worker.Progressed(done=done, total=total, message=message):
                self._message = message or self._message
                self.progressed.emit(done, total, self._message)
            case worker.Produced(payload=payload):
                self.produced.emit(payload)
            case worker.Finished(result=result):
                on_result = self._end()
                if on_result is not None:
                    on_result(result)
            case worker.Failed(error=error, known=known, report=report):
                self._end()
                if known:
                    self.failed.emit(error)
                else:
                    self.crashed.emit(error, report)
            case worker.Cancelled():
                self._end()
                self.stopped.emit()
