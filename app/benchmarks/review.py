"""The review of a project of 200,000 frames with five persons each, all of whom jump about: a million items."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import numpy as np
from PySide6.QtWidgets import QApplication

from app.benchmarks import Figures
from app.benchmarks.memory import resident_mb
from app.benchmarks.project import fill_project
from app.benchmarks.stalls import Heartbeat
from app.benchmarks.world import opened_window, percentiles, settle, timed, until
from app.project import edits
from app.project.document import Document
from app.project.records import Edit
from app.ui.main_window import MainWindow

_N_FRAMES, _N_TRACKS = 200_000, 5


def review_benchmark(folder: Path, *, n_frames: int = _N_FRAMES) -> Figures:
    """first_look_s: until all frames were looked at; stall_*_ms: how long the window did not answer meanwhile.
    resident_mb: what the review added. edit_ms: a joint moved and everything painted again, followed_ms: until list and
    strip know. next_ms: from the key to the item. scroll_ms: the list painted at another place."""
    path = folder / "long.dcpose"
    fill_project(path, n_frames, _N_TRACKS)
    with opened_window() as window, Document.open(path) as document:
        window.session.set_document(document)
        window.docks.open("review")
        settle(0.1)
        before_mb, heart, begun_s = resident_mb(), Heartbeat(window), time.perf_counter()
        reviewing = window.reviewing
        until(lambda: reviewing.state is not None and reviewing.state.is_complete)
        figures = {
            "first_look_s": time.perf_counter() - begun_s,
            "stall_worst_ms": max(heart.gaps_ms),
            "stall_p99_ms": float(np.percentile(heart.gaps_ms, 99)),
            "stall_worst_cpu_ms": max(heart.cpu_ms),
            "n_items": float(reviewing.n_items),
            "added_mb": resident_mb() - before_mb,
        }
        heart.deleteLater()
        random = np.random.default_rng(0)
        edited, followed = [], []
        for frame in random.integers(0, n_frames, 40).tolist():
            edit = edits.move_joint(document, frame, 0, 9, random.uniform(100, 900, 2))
            state = reviewing.state
            edited.append(timed(lambda edit=edit: _apply(window, edit)))  # type: ignore[misc]  # now, not later
            followed.append(timed(lambda state=state: until(lambda: reviewing.state is not state)))  # type: ignore[misc]
            settle(0.35)
        bar = window.review.list.verticalScrollBar()
        scrolled = []
        for value in random.integers(0, bar.maximum(), 40).tolist():
            bar.setValue(value)
            scrolled.append(timed(window.review.list.viewport().repaint))
        walked = [timed(partial(_next, window)) for _ in range(40)]
        window.session.set_document(None)
    return {
        **figures,
        **percentiles("edit_ms", edited),
        **percentiles("followed_ms", followed),
        **percentiles("scroll_ms", scrolled),
        **percentiles("next_ms", walked),
    }


def _apply(window: MainWindow, edit: Edit) -> None:
    window.session.submit(edit)
    QApplication.processEvents()


def _next(window: MainWindow) -> None:
    before = window.reviewing.current
    window.table.action("review.next").trigger()
    until(lambda: window.reviewing.current is not before)
