"""From a key to the picture on the screen, in a 1080p video with a random-access frame every 250 frames."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from app.benchmarks import Figures
from app.benchmarks.clips import mbit_s, write_moving_clip
from app.benchmarks.world import Clock, opened_window, percentiles, settle, until
from app.ui.main_window import MainWindow

_GOP = 250
_N_FRAMES = 500
#: As fast as a held key repeats in the end.
_HELD_KEY_S = 0.04


def frames_benchmark(folder: Path) -> Figures:
    """next_ms: one frame on, at the pace of a held key; in_a_row_ms: the next one as soon as the last is there."""
    clip = write_moving_clip(folder / "clip.mp4", n_frames=_N_FRAMES, gop=_GOP)
    with opened_window(clip) as window:
        paced = []
        for _ in range(200):
            begun_s = time.perf_counter()
            paced.append(_show(window, window.session.frame + 1))
            settle(max(0.0, _HELD_KEY_S - (time.perf_counter() - begun_s)))
        in_a_row = [_show(window, window.session.frame + 1) for _ in range(200)]
        return {
            "clip_mbit_s": mbit_s(clip, _N_FRAMES),
            **percentiles("next_ms", paced),
            **percentiles("in_a_row_ms", in_a_row),
        }


def seek_benchmark(folder: Path) -> Figures:
    """seek_ms: to frames here and there in two groups of pictures, a third of a second at each; near_ms: in one
    group, a second at each."""
    clip = write_moving_clip(folder / "clip.mp4", n_frames=_N_FRAMES, gop=_GOP)
    with opened_window(clip) as window:
        return {
            "clip_mbit_s": mbit_s(clip, _N_FRAMES),
            **percentiles("seek_ms", _seek(window, n_frames=_N_FRAMES, pause_s=0.3)),
            **percentiles("near_ms", _seek(window, n_frames=_GOP, pause_s=1.0)),
        }


def _seek(window: MainWindow, *, n_frames: int, pause_s: float) -> list[tuple[float, float, float]]:
    seeks = []
    for target in np.random.default_rng(1).permutation(n_frames)[:60].tolist():
        seeks.append(_show(window, target))
        settle(pause_s)
    return seeks


def _show(window: MainWindow, frame: int) -> tuple[float, float, float]:
    """What a clock reads when a frame is painted."""
    painted: list[tuple[float, float, float]] = []

    def paint(shown: int) -> None:
        if shown == frame:
            window.canvas.repaint()
            painted.append(clock.read())

    window.session.frame_shown.connect(paint)
    clock = Clock()
    window.session.go_to(frame)
    until(lambda: painted)
    window.session.frame_shown.disconnect(paint)
    return painted[0]
