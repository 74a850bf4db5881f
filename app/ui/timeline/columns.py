"""From one value a frame to one value a pixel column, so that painting hardly depends on the length of the video."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from app.project.records import FrameState
from app.ui.timeline.time_axis import TimeAxis

#: Runs of frames, first and last both included, as `Document.spans` gives them.
Spans = Sequence[tuple[int, int]]


def state_shares(states: NDArray[np.uint8], axis: TimeAxis, columns: int) -> NDArray[np.float32]:
    """For MODEL, HUMAN and VERIFIED the share of a column's frames that got at least that far, float32 `[3, columns]`.

    states: uint8 `[N]`, `FrameState` values.
    """
    starts, stop = axis.column_starts(columns)
    counts = np.maximum(np.diff(starts, append=stop), 1)
    levels = (FrameState.MODEL, FrameState.HUMAN, FrameState.VERIFIED)
    reached = [np.add.reduceat((states[:stop] >= level).view(np.uint8), starts, dtype=np.int32) for level in levels]
    return (np.stack(reached) / counts).astype(np.float32)


def lowest_values(values: NDArray[np.float32], axis: TimeAxis, columns: int) -> NDArray[np.float32]:
    """The lowest value of each column's frames, float32 `[columns]`; nan where none of them has one."""
    starts, stop = axis.column_starts(columns)
    return np.asarray(np.fmin.reduceat(values[:stop], starts), dtype=np.float32)


def highest_values(values: NDArray[np.float32], axis: TimeAxis, columns: int) -> NDArray[np.float32]:
    """The highest value of each column's frames, float32 `[columns]`."""
    starts, stop = axis.column_starts(columns)
    return np.asarray(np.maximum.reduceat(values[:stop], starts), dtype=np.float32)


def covered_columns(spans: Spans | NDArray[np.int64], axis: TimeAxis, columns: int) -> NDArray[np.bool_]:
    """bool `[columns]`: the pixel columns in which a track has at least one frame. spans: also as int64 `[S, 2]`."""
    ends = np.asarray(spans, dtype=np.int64).reshape(-1, 2)
    scale = columns / axis.span
    left = np.floor((ends[:, 0] - axis.start) * scale + 1e-9)
    right = np.maximum(np.ceil((ends[:, 1] + 1 - axis.start) * scale - 1e-9), left + 1)
    seen = (right > 0) & (left < columns)
    steps = np.bincount(np.clip(left[seen], 0, columns).astype(np.int64), minlength=columns + 1)
    steps -= np.bincount(np.clip(right[seen], 0, columns).astype(np.int64), minlength=columns + 1)
    return np.asarray(np.cumsum(steps[:-1]) > 0)
