"""Checks of persons against each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dcpose_core.review.block import Block, Float32, on_all_joints, shifted
from dcpose_core.review.body import distance
from dcpose_core.review.check import Measured

#: Head lengths between the same joint of two persons that are worth a look.
_TOO_CLOSE = 0.2
#: Head lengths, per person, by which two tracks fit better the other way round.
_GAIN = 0.5


def too_close(block: Block) -> Measured:
    """The same joint of two persons in one place: one of them has the other's."""
    shape = block.located.shape
    nearest = np.full(shape, np.inf, np.float32)
    other = np.full(shape, -1, np.int64)
    for a, b in _pairs_that_meet(block):
        apart = distance(block.keypoints[:, a], block.keypoints[:, b])
        unit = np.fmin(block.head_px[:, a], block.head_px[:, b])[:, None]
        apart = np.nan_to_num(apart / unit, nan=np.inf)
        for mine, theirs in ((a, b), (b, a)):
            closer = apart < nearest[:, mine]
            nearest[:, mine] = np.where(closer, apart, nearest[:, mine])
            other[:, mine] = np.where(closer, block.track_ids[theirs], other[:, mine])
    strength = np.clip(2 - nearest / _TOO_CLOSE, 0, None)
    return Measured(strength, np.where(np.isfinite(nearest), nearest, 0).astype(np.float32), other)


def too_close_words(joint: str, amount: float, other: int | None) -> str:
    return f"{joint} lies on that of person {other} ({amount:.2f} head lengths apart)"


def swapped_identity(block: Block) -> Measured:
    """Two tracks that continue each other better than themselves, seen from the frame before or the frame after."""
    gain = np.zeros(block.present.shape, np.float32)
    other = np.full(block.present.shape, -1, np.int64)
    for a, b in _pairs_that_meet(block):
        of_pair = np.nan_to_num(np.fmax(_exchange_gain(block, a, b, -1), _exchange_gain(block, a, b, 1)))
        for mine, theirs in ((a, b), (b, a)):
            better = of_pair > gain[:, mine]
            gain[:, mine] = np.where(better, of_pair, gain[:, mine])
            other[:, mine] = np.where(better, block.track_ids[theirs], other[:, mine])
    return Measured(on_all_joints(gain / _GAIN), on_all_joints(gain), on_all_joints(other))


def swapped_identity_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    return f"changes places with person {other} here: the other way round fits {amount:.1f} head lengths better"


def _exchange_gain(block: Block, a: int, b: int, by: int) -> Float32:
    """Head lengths `[F]`, the median over joints, that the frame `by` away fits better with a and b exchanged."""
    then = shifted(block.keypoints, by)
    now = block.keypoints
    kept = distance(now[:, a], then[:, a]) + distance(now[:, b], then[:, b])
    exchanged = distance(now[:, a], then[:, b]) + distance(now[:, b], then[:, a])
    unit = np.fmin(block.head_px[:, a], block.head_px[:, b])[:, None]
    gain = (kept - exchanged) / (2 * unit)
    known = np.isfinite(gain)
    ordered = np.sort(gain, axis=1)
    middle = np.take_along_axis(ordered, np.maximum(known.sum(axis=1) - 1, 0)[:, None] // 2, axis=1)[:, 0]
    return np.where(known.sum(axis=1) >= 4, middle, np.float32(np.nan))


def _pairs_that_meet(block: Block) -> Iterator[tuple[int, int]]:
    """Index pairs of persons whose joints' extents, grown by a head length, touch on one of the frames."""
    with np.errstate(invalid="ignore"):
        low = np.fmin.reduce(block.keypoints, axis=2) - block.head_px[..., None]
        high = np.fmax.reduce(block.keypoints, axis=2) + block.head_px[..., None]
        for a in range(block.n_tracks):
            touch = ((low[:, a, None] <= high) & (high[:, a, None] >= low)).all(axis=-1).any(axis=0)  # [P]
            for b in np.flatnonzero(touch[a + 1 :]).tolist():
                yield a, a + 1 + b
