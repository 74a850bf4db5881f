"""Keys that go on while they are held, faster and faster. One tap is exactly one time."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QKeyEvent

#: Milliseconds to the second time, and then from each time to the next one.
FIRST_MS = 400
STEPS_MS = (180, 180, 140, 100, 100, 70, 40)


class HeldKey(QObject):
    """Knows the key that is down, and repeats what it triggered.

    The system's own repetition is left out: its rate differs from machine to machine, and repetitions that queue up
    while a frame is decoded would overshoot after the key is released.
    """

    def __init__(self, window: QObject) -> None:
        super().__init__(window)
        self._down: int | None = None
        self._handler: Callable[[], object] | None = None
        self._released: Callable[[float], object] | None = None
        self._since_s = 0.0
        self._times = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        # The turn comes when nothing else waits: a release that came in while the handler worked is heard first.
        self._turn = QTimer(self)
        self._turn.setSingleShot(True)
        self._turn.setInterval(0)
        self._timer.timeout.connect(self._turn.start)
        self._turn.timeout.connect(self._again)
        # Keys reach the window from whichever of its widgets has no use for them; a filter on the application would
        # run Python for every event there is.
        window.installEventFilter(self)

    def trigger(
        self,
        handler: Callable[[], object],
        *,
        repeats: bool = True,
        released: Callable[[float], object] | None = None,
    ) -> None:
        """Do it and, if a key asked for it, again until that key is up.

        released: called when the key comes up, with the seconds it was held; not if no key asked.
        """
        if self._down is not None:
            self._times = 0
            self._since_s = time.monotonic()
            self._released = released
            if repeats:
                self._handler = handler
                self._timer.start(FIRST_MS)
        handler()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if not event.isAutoRepeat():
                self._stop()
                self._down = event.key()
        elif kind == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent):
            if not event.isAutoRepeat():
                self._stop()
        elif kind == QEvent.Type.WindowDeactivate:
            self._stop()
        return False

    def _again(self) -> None:
        if self._handler is None:
            return
        self._timer.start(STEPS_MS[min(self._times, len(STEPS_MS) - 1)])
        self._times += 1
        self._handler()

    def _stop(self) -> None:
        released, self._released = self._released, None
        self._down = None
        self._handler = None
        self._timer.stop()
        self._turn.stop()
        if released is not None:
            released(time.monotonic() - self._since_s)
