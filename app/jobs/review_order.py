"""The order of a review's list: two arrays, so that 100,000s of items cost nothing to show."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dcpose_core.review.block import Float32
from dcpose_core.review.findings import Rows
from dcpose_core.review.walk import Place

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """Places by rank, the highest first, of equal ones the earliest frame and then the lowest track id.

    keys: uint64 `[K]`, ascending: the bits of the rank, inverted, above the frame. track_ids: int32 `[K]`.
    """

    keys: NDArray[np.uint64] = field(default_factory=lambda: np.zeros(0, np.uint64))
    track_ids: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))

    def __len__(self) -> int:
        return len(self.keys)

    def with_frames(self, first: int, stop: int, ranks: Float32, rows: Rows) -> Order:
        """The same with other places on frames `first` to `stop`, `stop` excluded: `ranks`, from 0, of `rows`, by frame
        and track id."""
        frames = self.keys & _LOW
        kept = (frames < np.uint64(first)) | (frames >= np.uint64(stop))
        keys = np.concatenate([self.keys[kept], _keys(ranks, rows["frame"])])
        track_ids = np.concatenate([self.track_ids[kept], rows["track_id"]])
        order = np.argsort(keys, kind="stable")
        return Order(keys[order], track_ids[order])

    def place(self, row: int) -> Place:
        return Place(int(self.keys[row] & _LOW), int(self.track_ids[row]))

    def rank(self, row: int) -> float:
        return float((_LOW - (self.keys[row] >> _HALF)).astype(np.uint32).view(np.float32))

    def row_of(self, place: Place) -> int | None:
        """Where a place stands, None if it does not."""
        here = (self.keys & _LOW == np.uint64(place.frame)) & (self.track_ids == place.track_id)
        rows = np.flatnonzero(here)
        return int(rows[0]) if len(rows) else None

    def count(self, minimum: float) -> int:
        """How many places have at least this rank: they are the first ones."""
        if minimum <= 0:
            return len(self)
        (last,) = _keys(np.array([minimum], np.float32), np.array([-1], np.int32))  # behind every frame
        return int(np.searchsorted(self.keys, last, side="right"))


def _keys(ranks: Float32, frames: NDArray[np.int32]) -> NDArray[np.uint64]:
    # Floats from 0 on lie in the order of their bits.
    inverted = _LOW - np.ascontiguousarray(ranks, np.float32).view(np.uint32).astype(np.uint64)
    return (inverted << _HALF) | frames.astype(np.uint32).astype(np.uint64)
