"""Checks of a joint against itself on the frames around."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from dcpose_core.review.block import Block, Float32, nanmedian, on_all_joints, shifted
from dcpose_core.review.body import length
from dcpose_core.review.check import Measured

#: What joints may be off by without moving, head lengths: the noise of good answers.
_NOISE = 0.15
#: Head lengths a second squared: 60 is some 15 m/s^2, what hands and feet of people in action do.
_ACCELERATION = 60.0
#: Two other frames each, through which a line foretells a joint. Of six lines at most three look at one frame, so that
#: a single wrong neighbour leaves the lower median right.
_NEAR = ((-1, 1), (-2, 2), (-2, -1), (1, 2), (-1, 2), (-2, 1))
_FAR = ((-4, 4), (-3, 5), (-5, 3), (-4, 6), (-6, 4), (-6, 6))
#: Joints that have to move alike for the movement to be the person's or the camera's.
_ENOUGH_JOINTS = 6
#: A leap is worth a look from so many times what is allowed of a joint: cameras are shaken.
_LEAP = 4.0
#: Head lengths of trembling that is worth a look.
_TREMBLING = 0.08


class _OffLines(NamedTuple):
    """How a block lies off K lines. residual: `[K, F, P, 17, 2]`, pixels. common: `[K, F, P, 2]`, what all joints do
    alike, the camera's or the person's movement; nan where there are too few joints to tell. allowed: `[K, F, 1]`, head
    lengths that noise and acceleration explain."""

    residual: Float32
    common: Float32
    allowed: Float32


def jump(block: Block) -> Measured:
    """Off the lines through the two nearest frames either way, by more than noise and acceleration explain."""
    return _own_movement(block, _NEAR)


def jump_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    return f"{joint} {amount:.1f} head lengths from where its neighbours put it"


def detour(block: Block) -> Measured:
    """As `jump`, by the frames 3 to 6 away: what is wrong for some frames in a row."""
    return _own_movement(block, _FAR)


def detour_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    return f"{joint} {amount:.1f} head lengths off its way for some frames"


def leap(block: Block) -> Measured:
    """The whole person off the lines through its neighbours, as when a track changes over to somebody else."""
    off = _off_lines(block, _NEAR)
    lengths = length(off.common) / block.head_px
    strength, amount = nanmedian(lengths / (_LEAP * off.allowed)), nanmedian(lengths)
    return Measured(on_all_joints(np.nan_to_num(strength)), on_all_joints(np.nan_to_num(amount)))


def leap_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    return f"the whole person {amount:.1f} head lengths from where its neighbours put it"


def jitter(block: Block) -> Measured:
    """Trembling: how much a joint's bend differs from those before and after, in the median over eleven frames, of
    which a single wrong one spoils five."""
    bend = _own(_off_lines(block, _NEAR))[0]
    change = length(bend - (shifted(bend, -1) + shifted(bend, 1)) / 2)
    # Of noise of 1 in x and y, the median length of this fourth difference is 2.5.
    amount = nanmedian(np.stack([shifted(change, by) for by in range(-5, 6)])) / np.float32(2.5)
    amount = np.nan_to_num(amount / block.head_px[..., None])
    return Measured(amount / _TREMBLING, amount)


def jitter_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    return f"{joint} trembles by {amount:.2f} head lengths"


def _own_movement(block: Block, pairs: tuple[tuple[int, int], ...]) -> Measured:
    off = _off_lines(block, pairs)
    lengths = length(_own(off)) / block.head_px[..., None]
    strength = nanmedian(lengths / off.allowed[..., None])
    return Measured(np.nan_to_num(strength), np.nan_to_num(nanmedian(lengths)))


def _own(off: _OffLines) -> Float32:
    """The residuals without what all joints do alike."""
    return off.residual - np.nan_to_num(off.common)[:, :, :, None]


@lru_cache(maxsize=2)  # jumps, leaps and jitter look at the same lines
def _off_lines(block: Block, pairs: tuple[tuple[int, int], ...]) -> _OffLines:
    times = block.times_s
    times_a, times_b = (np.stack([shifted(times, pair[end]) for pair in pairs]) for end in (0, 1))  # [K, F]
    at_a, at_b = (np.stack([shifted(block.keypoints, pair[end]) for pair in pairs]) for end in (0, 1))
    share = ((times - times_a) / (times_b - times_a)).astype(np.float32)
    line = at_a + share[..., None, None, None] * (at_b - at_a)
    residual = block.keypoints - line
    noise = _NOISE * np.sqrt((1 + share**2 + (1 - share) ** 2) / 1.5)
    bend = _ACCELERATION / 2 * np.abs((times - times_a) * (times - times_b))
    enough = np.isfinite(residual[..., 0]).sum(axis=3) >= _ENOUGH_JOINTS
    common = np.where(enough[..., None], nanmedian(np.moveaxis(residual, 3, 0)), np.float32(np.nan))
    return _OffLines(residual, common, (noise + bend).astype(np.float32)[..., None])
