"""The way of one joint over time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.project.packing import records_of
from app.project.records import Layer
from app.project.store import Store
from dcpose_core.types import FloatArray, IntArray, Visibility

#: Frames read at once; bounds memory to some megabytes.
_FRAMES = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """One joint of one track over the K frames where the track is.

    frames: int64 `[K]`, ascending. xy: float64 `[K, 2]`, image pixels, nan where the joint is absent. scores: float64
    `[K]`. sources: uint8 `[K]`, `JointSource`. visibility: uint8 `[K]`, `Visibility`.
    """

    frames: IntArray
    xy: FloatArray
    scores: FloatArray
    sources: NDArray[np.uint8]
    visibility: NDArray[np.uint8]


def read_trajectory(
    store: Store, *, track_id: int, joint: int, first: int, last: int, layers: Iterable[Layer]
) -> Trajectory:
    """Frames `first` to `last` (included); of several layers the later one is seen where both are."""
    size = max(last - first + 1, 0)
    has = np.zeros(size, np.bool_)
    xy, scores = np.zeros((size, 2)), np.zeros(size)
    sources, visibility = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    for layer in layers:
        for start in range(first, last + 1, _FRAMES):
            frames, records = records_of(store.persons_between(layer, start, min(start + _FRAMES - 1, last)))
            mine = records["track_id"] == track_id
            at = frames[mine] - first
            has[at] = True
            xy[at] = records["keypoints"][mine, joint]
            scores[at] = records["scores"][mine, joint]
            sources[at] = records["sources"][mine, joint]
            visibility[at] = records["visibility"][mine, joint]
    xy[visibility == Visibility.ABSENT] = np.nan
    return Trajectory(np.flatnonzero(has) + first, xy[has], scores[has], sources[has], visibility[has])
