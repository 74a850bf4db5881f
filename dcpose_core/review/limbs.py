"""The check of limbs against what they usually are."""

from __future__ import annotations

import numpy as np

from dcpose_core.review.block import Block
from dcpose_core.review.body import FAR, LIMBS, NEAR, limb_lengths
from dcpose_core.review.check import Measured

#: A limb so many times as long as usual is worth a look. Shorter ones are not: they point at the camera.
_TOO_LONG = 1.5


def limb_length(block: Block) -> Measured:
    """Limbs that are longer than the person's usually are, in head lengths, so that nearness to the camera cancels.

    Of the two ends the outer joint is the likelier culprit: the inner one counts half.
    """
    ratio = limb_lengths(block.keypoints) / (block.usual_limbs * block.head_px[..., None])
    excess = np.nan_to_num((ratio - 1) / (_TOO_LONG - 1), nan=0.0)
    strength = np.zeros(block.located.shape, np.float32)
    amount = np.ones(block.located.shape, np.float32)
    for limb in range(len(LIMBS)):
        for joint, share in ((NEAR[limb], 0.5), (FAR[limb], 1.0)):
            worse = share * excess[..., limb] > strength[..., joint]
            strength[..., joint] = np.where(worse, share * excess[..., limb], strength[..., joint])
            amount[..., joint] = np.where(worse, ratio[..., limb], amount[..., joint])
    return Measured(strength, amount)


def limb_length_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    return f"{joint}: its limb is {amount:.1f} times as long as this person's usually is"
