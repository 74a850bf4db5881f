"""From the command to the window, and from there to the first picture of a video that was never opened before.

The program was started once before, as it was on the machine of anyone who uses it: Python has compiled it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.benchmarks import Figures
from app.benchmarks.clips import write_long_clip, write_moving_clip

_PATIENCE_S = 120.0
_TIMES = 3


def start_benchmark(folder: Path) -> Figures:
    """window_s: from the command to the start page."""
    _start_once(folder)
    times = [_until(folder, [], lambda state: state["start_page"] is not None) for _ in range(_TIMES)]
    return {"window_s": min(times)[0], "window_s_worst": max(times)[0], "window_cpu_s": min(times)[1]}


def first_picture_benchmark(folder: Path) -> Figures:
    """picture_s: from opening a 1080p file in the window to its first picture. command_s: from the command with the
    file to the first picture. long_*: of a file of two hours."""
    from PySide6.QtWidgets import QApplication

    from app.benchmarks.world import opened_window, settle, until

    _start_once(folder)
    figures: Figures = {}
    clips = {
        "": write_moving_clip(folder / "clip.mp4", n_frames=250, gop=250),
        "long_": write_long_clip(folder / "long.mp4", hours=2.0),
    }
    for prefix, clip in clips.items():
        with opened_window() as window:
            start_s = time.perf_counter()
            window.opener.open(clip)
            until(lambda: window.canvas.image_size != (0, 0))
            window.canvas.repaint()
            figures[f"{prefix}picture_s"] = time.perf_counter() - start_s
            until(lambda: window.session.shown_frame == 0)
            QApplication.processEvents()
            figures[f"{prefix}indexed_s"] = time.perf_counter() - start_s
            settle(0.2)
        times = []
        for _ in range(_TIMES):
            _forget(clip)
            times.append(_until(folder, [str(clip)], lambda state: state["has_picture"]))
        figures |= {f"{prefix}command_s": min(times)[0], f"{prefix}command_s_worst": max(times)[0]}
        figures |= {f"{prefix}command_cpu_s": min(times)[1]}
    return figures


def _start_once(folder: Path) -> None:
    _until(folder, [], lambda state: state["start_page"] is not None)


def _forget(clip: Path) -> None:
    """As if it had never been opened."""
    cache = Path(os.environ["XDG_CACHE_HOME"])
    for file in cache.rglob("*"):
        if file.is_file():
            file.unlink()
    for file in clip.parent.glob(f"*{clip.name}.*"):
        file.unlink()


def _until(folder: Path, arguments: list[str], condition: Callable[[Mapping[str, Any]], object]) -> tuple[float, float]:
    """Seconds from the start of the program until a condition on its probe holds, and what it computed until its end
    soon after."""
    probe = folder / "probe.json"
    probe.unlink(missing_ok=True)
    environment = os.environ | {"DCPOSE_TEST_PROBE": str(probe), "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start_s = time.perf_counter()
    program = subprocess.Popen([sys.executable, "-m", "app", *arguments], env=environment)
    waited_s = _PATIENCE_S
    while time.perf_counter() - start_s < _PATIENCE_S:
        if probe.is_file() and condition(json.loads(probe.read_text())):
            waited_s = time.perf_counter() - start_s
            break
        time.sleep(0.005)
    program.kill()
    _, _, used = os.wait4(program.pid, 0)
    return waited_s, used.ru_utime + used.ru_stime
