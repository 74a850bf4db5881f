"""Frames that the file has lost: their places in a video of constant frame rate, and where a cut-off file ends."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from dcpose_core.types import FloatArray, IntArray
from dcpose_core.video.presentation_order import REORDER_DEPTH


def constant_step_s(times_s: FloatArray, time_base: Fraction) -> float | None:
    """The time from frame to frame if nine of ten steps are the same (up to the clock's resolution), else None."""
    if len(times_s) < 8:
        return None
    steps = np.diff(times_s)
    typical = float(np.median(steps))
    same = np.abs(steps - typical) <= max(0.02 * typical, 1.01 * float(time_base))
    return typical if steps.min() > 0 and same.mean() >= 0.9 else None


def cut_at_first_hole(
    frames: IntArray, times_s: FloatArray, *, step_s: float, packets: int
) -> tuple[IntArray, FloatArray]:
    """End a cut-off video before frames that are shown later than some that were stored behind the cut.

    frames: packet number of each frame, int64 `[N]`. packets: how many packets the file has.
    """
    for frame, _ in _holes(times_s, step_s):
        if frames[frame : frame + 2].max() >= packets - REORDER_DEPTH:
            return frames[: frame + 1], times_s[: frame + 1]
    return frames, times_s


def fill_holes(
    frames: IntArray, times_s: FloatArray, *, step_s: float, jumps: frozenset[int], bad: frozenset[int]
) -> tuple[IntArray, FloatArray, frozenset[int]]:
    """Put frames without a packet (-1) into the holes in time that lie where the container lost packets.

    Neither sign counts alone: frames that a camera dropped leave holes in time, and padding leaves bytes that
    belong to nothing. jumps, bad: see `PacketTable`. Returns frames, times and the damaged packets.
    """
    lost_before = np.array(sorted(jumps | {b + 1 for b in bad}), dtype=np.int64)
    damaged = set(bad)
    insert_at: list[int] = []
    insert_s: list[float] = []
    for frame, count in _holes(times_s, step_s):
        around = frames[frame : frame + 2]
        near = (lost_before >= around.min() - REORDER_DEPTH) & (lost_before <= around.max() + REORDER_DEPTH)
        if near.any():
            # The packet before the loss ends in foreign bytes, more often than not.
            damaged |= {int(n) - 1 for n in lost_before[near] if n > 0}
            insert_at += [frame + 1] * count
            insert_s += np.linspace(times_s[frame], times_s[frame + 1], count + 2)[1:-1].tolist()
    return np.insert(frames, insert_at, -1), np.insert(times_s, insert_at, insert_s), frozenset(damaged)


def _holes(times_s: FloatArray, step_s: float) -> list[tuple[int, int]]:
    """(frame before the hole, number of frames that fit into it)."""
    sizes = np.round(np.diff(times_s) / step_s).astype(np.int64) - 1
    return [(int(frame), int(sizes[frame])) for frame in np.flatnonzero(sizes > 0)]
