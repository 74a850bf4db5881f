"""Edits of all 200,000 frames of a project, while somebody steps through it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from app.benchmarks import Figures
from app.benchmarks.project import fill_project
from app.benchmarks.stalls import beats
from app.benchmarks.world import opened_window, settle
from app.project import edits
from app.project.document import Document
from app.ui.main_window import MainWindow

_N_FRAMES, _N_TRACKS = 200_000, 5


def wide_benchmark(folder: Path) -> Figures:
    """swap_*: two tracks exchange their persons on all frames; undo_*: and back. _s: how long it takes; worst_ms: how
    long the window did not answer at a time, worst_cpu_ms: what it computed meanwhile."""
    path = folder / "long.dcpose"
    fill_project(path, _N_FRAMES, _N_TRACKS)
    with opened_window() as window, Document.open(path) as document:
        window.session.set_document(document)
        settle(1.0)
        swap = edits.swapping(document, 0, 1, 0, _N_FRAMES - 1)
        figures = _measured("swap", window, lambda: window.session.submit_wide(swap))
        figures |= _measured("undo", window, window.session.undo)
        window.session.set_document(None)
    return figures


def _measured(name: str, window: MainWindow, begin: Callable[[], object]) -> Figures:
    start_s = time.perf_counter()
    begin()
    found = beats(window, lambda: not window.session.long_edit.is_busy, seconds=600.0)
    return {
        f"{name}_s": time.perf_counter() - start_s,
        f"{name}_worst_ms": found["worst_ms"],
        f"{name}_worst_cpu_ms": found["worst_cpu_ms"],
    }
