"""Checks of whether somebody is there at all, and inside the picture."""

from __future__ import annotations

import numpy as np

from dcpose_core.review.block import Block, Float32, on_all_joints, shifted
from dcpose_core.review.check import Measured
from dcpose_core.review.source import BoolArray

#: Nobody comes or goes at the edge of the picture: within this share of its shorter side, or half a head length.
_EDGE = 0.03
#: Share of a person's joints outside its own box that is worth a look.
_OUTSIDE_BOX = 0.25
#: Pixels outside the picture that rounding explains.
_ROUNDING_PX = 1.0


def born_or_lost(block: Block) -> Measured:
    """A track that begins or ends here, though the person is inside the picture and the next frame was looked at."""
    begins = block.present & ~shifted(block.present, -1) & shifted(block.examined, -1)[:, None]
    ends = block.present & ~shifted(block.present, 1) & shifted(block.examined, 1)[:, None]
    inside = ~_at_the_edge(block)
    found = (begins | ends) & inside
    amount = np.where(begins & ends, 0, np.where(begins, -1, 1))
    return Measured(on_all_joints(found.astype(np.float32)), on_all_joints(amount.astype(np.float32)))


def born_or_lost_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    if amount == 0:
        return "is here on this frame only, inside the picture"
    return f"the track {'begins' if amount < 0 else 'ends'} here, inside the picture"


def no_box(block: Block) -> Measured:
    """Joints that lie outside the box in which the person was looked for."""
    x, y = block.keypoints[..., 0], block.keypoints[..., 1]
    x1, y1, x2, y2 = (block.boxes_xyxy[..., side, None] for side in range(4))
    with np.errstate(invalid="ignore"):
        outside = (x < x1) | (x > x2) | (y < y1) | (y > y2)  # nan, no box or joint, is not
    share = (outside.sum(axis=2) / np.maximum(block.located.sum(axis=2), 1)).astype(np.float32)
    return Measured(on_all_joints(share / np.float32(_OUTSIDE_BOX)), on_all_joints(share))


def no_box_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    return f"{100 * amount:.0f} % of the joints lie outside the person's box"


def outside_image(block: Block) -> Measured:
    """Joints outside the picture."""
    if block.size_px is None:
        nothing = np.zeros(block.located.shape, np.float32)
        return Measured(nothing, nothing)
    last = np.array(block.size_px, np.float32) - 1
    beyond = np.nan_to_num(np.fmax(-block.keypoints, block.keypoints - last).max(axis=-1))
    amount = np.where(beyond > _ROUNDING_PX, beyond, 0).astype(np.float32)
    return Measured(np.where(amount > 0, 1 + np.nan_to_num(amount / block.head_px[..., None]), 0), amount)


def outside_image_words(joint: str, amount: float, other: int | None) -> str:  # noqa: ARG001
    return f"{joint} lies {amount:.0f} pixels outside the picture"


def _at_the_edge(block: Block) -> BoolArray:
    """bool `[F, P]`: somebody who touches the edge of the picture, or may."""
    if block.size_px is None:
        return np.zeros(block.present.shape, np.bool_)
    width, height = block.size_px
    margin: Float32 = np.fmax(np.float32(_EDGE * min(width, height)), block.head_px / 2)
    low, high = np.fmin.reduce(block.keypoints, axis=2), np.fmax.reduce(block.keypoints, axis=2)
    low = np.fmin(low, block.boxes_xyxy[..., :2])
    high = np.fmax(high, block.boxes_xyxy[..., 2:])
    with np.errstate(invalid="ignore"):
        edge = (low <= margin[..., None]) | (high >= np.array([width - 1, height - 1]) - margin[..., None])
    return np.asarray(edge.any(axis=-1))
