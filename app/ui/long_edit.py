"""Edits that take long, a slice at a time between what else the window has to do; one at a time."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from dcpose_core.errors import DCPoseError

#: Of computing before the window has its turn.
_SLICE_S = 0.008


class LongEdit(QObject):
    """Goes on with what `Document.applying` or `travelling` gives. `progressed()`: `part` is another one;
    `busy_changed(bool)`: one begins, or is over; `failed(text)`: it could not be made, and nothing has changed."""

    progressed = Signal()
    busy_changed = Signal(bool)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        #: What goes on, for people, and how much of it is done, 0..1.
        self.text = ""
        self.part = 0.0
        self._work: Generator[int, None, None] | None = None
        self._total = 1
        self._on_done: Callable[[], object] | None = None
        self._turn = QTimer(self)
        self._turn.setInterval(0)
        self._turn.timeout.connect(self._go_on)

    @property
    def is_busy(self) -> bool:
        return self._work is not None

    def start(
        self, text: str, work: Generator[int, None, None], total: int, on_done: Callable[[], object] | None = None
    ) -> None:
        """Begin. total: about how many changes will be written. Raises `ValueError` while another one goes on."""
        if self._work is not None:
            raise ValueError("another long edit is under way")
        self.text, self.part = text, 0.0
        self._work, self._total, self._on_done = work, max(1, total), on_done
        self._turn.start()
        self.busy_changed.emit(True)

    @Slot()
    def cancel(self) -> None:
        """Give it up: nothing has changed."""
        work = self._work
        if work is not None:
            self._end()
            work.close()
            self.busy_changed.emit(False)

    @Slot()
    def _go_on(self) -> None:
        work, end_s = self._work, time.perf_counter() + _SLICE_S
        if work is None:
            return
        try:
            self.part = min(1.0, next(work) / self._total)
            while time.perf_counter() < end_s:
                self.part = min(1.0, next(work) / self._total)
        except StopIteration:
            on_done = self._end()
            self.busy_changed.emit(False)
            if on_done is not None:
                on_done()
            return
        except Exception as error:
            self._end()
            self.busy_changed.emit(False)
            if not isinstance(error, DCPoseError):
                raise  # a bug, for the crash report
            self.failed.emit(str(error))
            return
        self.progressed.emit()

    def _end(self) -> Callable[[], object] | None:
        on_done, self._on_done, self._work = self._on_done, None, None
        self._turn.stop()
        return on_done
