"""How much memory the window takes with a video of two hours, without models."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from app.benchmarks import Figures
from app.benchmarks.clips import write_long_clip
from app.benchmarks.world import opened_window, settle, until

_HOURS = 2.0


def memory_benchmark(folder: Path) -> Figures:
    """resident_mb: after stepping and jumping until the cache of frames is full. empty_mb: of the start page.
    with_engine_mb: once the engine is imported, to annotate."""
    clip = write_long_clip(folder / "long.mp4", hours=_HOURS)
    with opened_window() as window:
        empty = resident_mb()
        window.opener.open(clip)
        until(lambda: window.session.shown_frame == 0)
        window.stop_warm_up()
        opened = resident_mb()
        for jump in np.linspace(0, window.session.n_frames - 40, 8).astype(int).tolist():
            for step in range(20):
                window.session.go_to(jump + step)
                until(lambda: window.session.shown_frame == window.session.frame)
            settle(0.1)
        settle(1.0)
        figures = {
            "frames": float(window.session.n_frames),
            "empty_mb": empty,
            "opened_mb": opened,
            "resident_mb": resident_mb(),
        }
        window.jobs.warm_up()
        until(lambda: window.jobs.is_ready)
        return {**figures, "with_engine_mb": resident_mb()}


def resident_mb() -> float:
    """What the process holds now. Linux only: elsewhere there is no such file, and this raises `OSError`."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmRSS:\s*(\d+) kB", status)
    return float(found.group(1)) / 1e3 if found else float("nan")
