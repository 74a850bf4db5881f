"""Checks for left and right: exchanged, or both in one place."""

from __future__ import annotations

import numpy as np

from dcpose_core.review.block import Block, Float32, shifted
from dcpose_core.review.body import distance
from dcpose_core.review.check import Measured
from dcpose_core.skeletons import POSETRACK_17

_FLIP = POSETRACK_17.flip_order
_INDEX = POSETRACK_17.index
#: What is exchanged together: the whole body, the arms, the legs.
_PARTS = tuple(
    [_INDEX(f"{side}_{name}") for name in names for side in ("left", "right")]
    for names in (("shoulder", "elbow", "wrist", "hip", "knee", "ankle"), ("elbow", "wrist"), ("knee", "ankle"))
)
#: Head lengths by which the other way round fits better that are worth a look.
_GAIN = 0.2
#: (root, middle, end) of each limb that may be seen twice.
_LIMBS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))
#: Head lengths between left and right: one place, and roots that are clearly two.
_ONE_PLACE, _TWO_PLACES = 0.25, 0.4


def left_right(block: Block) -> Measured:
    """Left and right, exchanged, continue the frames around better: of the whole body, the arms or the legs.

    The amount is how much nearer, in head lengths and as a mean over the part, the joints are to where the frames
    around have the other side. Where only the frame before or the one after says so, as at both ends of a stretch that
    is the wrong way round, it counts half. A part of which a human set a joint is taken to be right.
    """
    gains = [_gain(block, *pair) for pair in ((-1, 1), (-2, 2), (-1, -1), (1, 1))]
    amount = np.zeros(block.located.shape, np.float32)
    for joints in _PARTS:
        around, farther, before, after = (_mean(gain, joints) for gain in gains)
        # Two frames away from an exchange, a line through it leads between left and right: no clear answer.
        farther_counts = np.where(around < 0, farther / 2, farther)
        # The frame beside a single wrong one fits those around both.
        one_way = np.where(farther < -_GAIN / 2, np.float32(0), np.fmax(before, after) / 2)
        gain = np.nan_to_num(np.fmax(np.fmax(around, farther_counts), one_way))
        gain = np.where(block.human[:, :, joints].any(axis=2), np.float32(0), gain)
        amount[:, :, joints] = np.maximum(amount[:, :, joints], gain[..., None])
    return Measured(amount / _GAIN, amount)


def left_right_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    return f"{joint}: left and right look exchanged, the other way round fits {amount:.1f} head lengths better"


def same_place(block: Block) -> Measured:
    """Both forearms, or both lower legs, in one place though shoulders or hips are apart: one limb seen twice."""
    strength = np.zeros(block.located.shape, np.float32)
    amount = np.zeros(block.located.shape, np.float32)
    for names in _LIMBS:
        root, middle, end = (_between_sides(block, name) for name in names)
        apart = np.fmax(middle, end)  # nan only where both are
        worth = np.where((root > _TWO_PLACES) & np.isfinite(middle + end), _ONE_PLACE / np.maximum(apart, 0.05), 0)
        joints = [_INDEX(f"{side}_{name}") for name in names[1:] for side in ("left", "right")]
        strength[:, :, joints] = worth[..., None]
        amount[:, :, joints] = np.nan_to_num(apart)[..., None]
    return Measured(strength, amount)


def same_place_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    return f"{joint} lies where that of the other side is ({amount:.2f} head lengths apart)"


def _gain(block: Block, a: int, b: int) -> Float32:
    """By how many head lengths `[F, P, 17]` each joint is nearer to where the frames `a` and `b` away foretell that of
    the other side than to where they foretell itself; nan where nothing is known."""
    foretold = shifted(block.keypoints, a)
    if a != b:
        times, times_a, times_b = block.times_s, shifted(block.times_s, a), shifted(block.times_s, b)
        share = ((times - times_a) / (times_b - times_a)).astype(np.float32)[:, None, None, None]
        foretold = foretold + share * (shifted(block.keypoints, b) - foretold)
    itself, other = distance(block.keypoints, foretold), distance(block.keypoints, foretold[:, :, _FLIP])
    return np.asarray(np.clip((itself - other) / block.head_px[..., None], -1, 1))


def _mean(gain: Float32, joints: list[int]) -> Float32:
    """Mean `[F, P]` over joints that are known, nan where fewer than half are."""
    of_part = gain[:, :, joints]
    known = np.isfinite(of_part)
    count = known.sum(axis=2)
    mean = np.where(known, of_part, 0).sum(axis=2) / np.maximum(count, 1)
    return np.where(2 * count >= len(joints), mean, np.nan).astype(np.float32)


def _between_sides(block: Block, name: str) -> Float32:
    """Head lengths `[F, P]` between a left and a right joint."""
    left, right = (block.keypoints[:, :, _INDEX(f"{side}_{name}")] for side in ("left", "right"))
    return np.asarray(distance(left, right) / block.head_px)
