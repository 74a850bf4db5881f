"""How fast the window is on this machine: `python -m app.benchmarks [NAME ...] [--json FILE]`.

Each benchmark runs in a process of its own, with settings and caches in a folder that is removed afterwards, on the
display there is or without one (`QT_QPA_PLATFORM=offscreen`). Figures only: nothing here passes or fails.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

Figures = dict[str, float]


def _named(module: str, function: str) -> Callable[[Path], Figures]:
    def run(folder: Path) -> Figures:
        figures: Figures = getattr(import_module(f"app.benchmarks.{module}"), function)(folder)
        return figures

    return run


#: Name -> what measures it, given an empty folder. Imported when it runs, for the sake of those that measure starting.
BENCHMARKS: dict[str, Callable[[Path], Figures]] = {
    "start": _named("starting", "start_benchmark"),
    "first-picture": _named("starting", "first_picture_benchmark"),
    "frames": _named("stepping", "frames_benchmark"),
    "seek": _named("stepping", "seek_benchmark"),
    "paint": _named("painting", "paint_benchmark"),
    "edit": _named("painting", "edit_benchmark"),
    "project": _named("project", "project_benchmark"),
    "memory": _named("memory", "memory_benchmark"),
    "stall": _named("stalls", "stall_benchmark"),
    "wide": _named("wide", "wide_benchmark"),
    "review": _named("review", "review_benchmark"),
    "preview": _named("previews", "preview_benchmark"),
}
#: Figure -> what it should not exceed.
TARGETS = {
    "first-picture": {"picture_s": 1.0, "command_s": 1.0},
    "frames": {"next_ms_p95": 33.0},
    "seek": {"seek_ms_p95": 250.0},
    "paint": {"persons_20_ms_p95": 8.0},
    "edit": {"edit_ms_p95": 16.0, "open_s": 2.0},
    "memory": {"resident_mb": 1000.0},
    "stall": {"worst_ms": 50.0},
    "wide": {"swap_worst_ms": 50.0, "undo_worst_ms": 50.0},
    "preview": {"flow_dis_first_ms_p50": 200.0, "flow_dis_five_ms_p50": 200.0},
}
