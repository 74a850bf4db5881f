"""A window to measure, and time as its user sees it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEventLoop, QTimer

from app.__main__ import start
from app.jobs.collecting import nothing_to_collect
from app.ui.main_window import MainWindow

_PATIENCE_S = 600.0
_SIZE = (1920, 1080)


@contextmanager
def opened_window(path: Path | None = None, *, size: tuple[int, int] = _SIZE) -> Iterator[MainWindow]:
    """The window as `main` makes it, with `path` open and its first picture on the screen."""
    with nothing_to_collect():
        application, window = start(None)
    window.resize(*size)
    window.evidence.hide()  # it would load the networks and compute beside what is measured
    if path is not None:
        window.opener.open(path)
        until(lambda: window.session.shown_frame is not None)
    settle(0.5)
    try:
        yield window
    finally:
        window.close()
        window.crash.uninstall()
        application.processEvents()


def until(condition: Callable[[], object], *, patience_s: float = _PATIENCE_S) -> bool:
    """Let the window go on until something is so, or the time is over; returns whether it came to be so."""
    loop, poll = QEventLoop(), QTimer()
    end_s = time.monotonic() + patience_s
    poll.timeout.connect(lambda: loop.quit() if condition() or time.monotonic() > end_s else None)
    poll.start(1)
    loop.exec()
    return bool(condition())


def settle(seconds: float) -> None:
    """Let the window go on for a while."""
    if seconds > 0:
        until(lambda: False, patience_s=seconds)


#: Milliseconds: wall, UI thread, process; see `Clock`.
Reading = tuple[float, float, float]


class Clock:
    """Milliseconds since it was made: on the wall, and what the UI thread and the whole process computed meanwhile,
    which a machine that does much else hardly changes."""

    def __init__(self) -> None:
        self._begun = self._now()

    def read(self) -> Reading:
        """(wall, UI thread, process)."""
        wall, thread, process = ((now - begun) * 1e3 for now, begun in zip(self._now(), self._begun, strict=True))
        return wall, thread, process

    def _now(self) -> tuple[float, float, float]:
        return time.perf_counter(), time.thread_time(), time.process_time()


def timed(action: Callable[[], object]) -> Reading:
    """What a clock reads after `action`."""
    clock = Clock()
    action()
    return clock.read()


def percentiles(name: str, readings: Sequence[Reading]) -> dict[str, float]:
    """`name_p50`, `name_p95` and `name_max`, and medians of what was computed meanwhile: `name_ui_cpu`, `name_cpu`."""
    wall, thread, process = np.array(readings).T
    return {
        f"{name}_p50": float(np.percentile(wall, 50)),
        f"{name}_p95": float(np.percentile(wall, 95)),
        f"{name}_max": float(wall.max()),
        f"{name}_ui_cpu": float(np.median(thread)),
        f"{name}_cpu": float(np.median(process)),
    }
