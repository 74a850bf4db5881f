"""How long the window does not answer while the model works on all cores."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer

from app.benchmarks import Figures
from app.benchmarks.world import opened_window, until
from app.ui.main_window import MainWindow
from app.ui.run_choice import RunChoice

_BEAT_MS = 4
_N_FRAMES = 120
_STEP_S = 0.1


class Heartbeat(QObject):
    """A timer of the UI thread; what lies between two beats beyond its interval is a stall."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.gaps_ms: list[float] = []
        self.cpu_ms: list[float] = []
        self._last: tuple[float, float] | None = None
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)
        self._timer.start(_BEAT_MS)

    def _beat(self) -> None:
        now = (time.perf_counter(), time.thread_time())
        if self._last is not None:
            self.gaps_ms.append(max(0.0, (now[0] - self._last[0]) * 1e3 - _BEAT_MS))
            self.cpu_ms.append((now[1] - self._last[1]) * 1e3)
        self._last = now


def stall_benchmark(folder: Path) -> Figures:
    """worst_ms, p99_ms: gaps between beats while 120 frames of the sample are annotated and somebody steps through
    others. worst_cpu_ms: the longest that the UI thread itself computed between two beats. idle_*: before the run;
    the machine's own share."""
    clip = folder / "sample.mp4"
    with resources.as_file(resources.files("dcpose_resources") / "clips" / "sample.mp4") as sample:
        shutil.copy(sample, clip)
    with opened_window(clip) as window:
        window.jobs.warm_up()
        until(lambda: window.jobs.is_ready)
        figures = {f"idle_{name}": value for name, value in beats(window, lambda: False, seconds=4.0).items()}
        choice = RunChoice(model=window.settings.model, device="cpu", first=0, last=_N_FRAMES - 1)
        window.annotating.start(choice)
        begun_s = time.perf_counter()
        figures |= beats(window, lambda: not window.annotating.is_busy, seconds=600.0)
        figures["frames_a_second"] = _N_FRAMES / (time.perf_counter() - begun_s)
    return figures


def beats(window: MainWindow, is_over: Callable[[], bool], *, seconds: float) -> Figures:
    """The gaps between beats of the UI thread until something is over, while somebody steps from frame to frame."""
    heart = Heartbeat(window)
    stepped_s = 0.0

    def done() -> bool:
        nonlocal stepped_s
        now = time.monotonic()
        if now - stepped_s > _STEP_S:
            stepped_s = now
            session = window.session
            session.go_to((session.frame + 1) % session.n_frames)
        return is_over()

    until(done, patience_s=seconds)
    heart.deleteLater()
    gaps, cpu = np.array(heart.gaps_ms), np.array(heart.cpu_ms)
    return {
        "worst_ms": float(gaps.max()),
        "p99_ms": float(np.percentile(gaps, 99)),
        "p50_ms": float(np.percentile(gaps, 50)),
        "worst_cpu_ms": float(cpu.max()),
    }
