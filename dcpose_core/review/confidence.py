"""Checks of what the model itself says."""

from __future__ import annotations

import numpy as np

from dcpose_core.review.block import Block
from dcpose_core.review.check import Measured

#: A joint that is as likely wrong as right.
_DOUBTFUL = 0.5
#: Head lengths between the answers of the backbone and of the temporal modules.
_FAR_APART = 0.5


def low_confidence(block: Block) -> Measured:
    """The model's own score of the joint."""
    scores = np.nan_to_num(block.scores, nan=1.0)
    return Measured((1 - scores) / (1 - _DOUBTFUL), scores)


def low_confidence_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    return f"{joint}: the model is only {100 * amount:.0f} % sure"


def refinement(block: Block) -> Measured:
    """How far the temporal modules moved the joint from where the backbone alone sees it."""
    moved = np.nan_to_num(block.refinement_px / block.head_px[..., None])
    return Measured(moved / _FAR_APART, moved)


def refinement_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    return f"{joint}: the frame alone says {amount:.1f} head lengths from where the neighbours moved it"
