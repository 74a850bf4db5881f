"""Which frames serve as previous and next of a key frame, and how far away they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Neighbours(NamedTuple):
    """Frame indices of the previous and next frame, and their distances from the key frame in frames.

    Where the clip has no frame on a side, the key frame itself stands in.
    """

    previous: int
    next: int
    margin_left: int
    margin_right: int


def choose_neighbours(
    index: int,
    n_frames: int,
    *,
    interval: int,
    border_margin: int = 1,
    available: Callable[[int], bool] | None = None,
) -> Neighbours:
    """The frames farthest from key frame `index`, up to `interval`, that the clip has on either side.

    index: 0-based. interval: the largest distance T, at least 1. available: says of a frame of the clip whether it
    can be had (a damaged one cannot); without it all can. Raises `ValueError` outside these ranges.
    """
    left, right = _reach(index, n_frames, interval)
    if available is not None:
        left = next((distance for distance in range(left, 0, -1) if available(index - distance)), 0)
        right = next((distance for distance in range(right, 0, -1) if available(index + distance)), 0)
    return _neighbours(index, left, right, border_margin)


def draw_neighbours(
    index: int, n_frames: int, *, interval: int, rng: np.random.Generator, border_margin: int = 1
) -> Neighbours:
    """As `choose_neighbours`, but either distance is drawn evenly from 1 to the farthest: for training."""
    left, right = _reach(index, n_frames, interval)
    return _neighbours(
        index,
        int(rng.integers(1, left, endpoint=True)) if left else 0,
        int(rng.integers(1, right, endpoint=True)) if right else 0,
        border_margin,
    )


def _reach(index: int, n_frames: int, interval: int) -> tuple[int, int]:
    """The largest distance that is possible to the left and to the right; 0 at a border of the clip."""
    if not 0 <= index < n_frames:
        raise ValueError(f"frame {index} is not in a clip of {n_frames} frames")
    if interval < 1:
        raise ValueError(f"the interval between key frame and neighbours must be at least 1, not {interval}")
    return min(interval, index), min(interval, n_frames - 1 - index)


def _neighbours(index: int, left: int, right: int, border_margin: int = 1) -> Neighbours:
    return Neighbours(index - left, index + right, left or border_margin, right or border_margin)
