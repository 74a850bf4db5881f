"""All checks on a block of frames, and what they say together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dcpose_core.review import CHECKS
from dcpose_core.review.block import REACH, Block, Float32, load_block
from dcpose_core.review.check import Measured
from dcpose_core.review.limb_reference import LimbReference
from dcpose_core.review.ranking import Ranking
from dcpose_core.review.source import ReviewSource

#: From this strength on a check has found something.
WORTH_A_LOOK = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """A block and what is wrong in it.

    probability: float32 `[F, P, 17]`, of each joint to be wrong. flags: uint16 `[F, P, 17]`, bit i: the i-th of
    `CHECKS` found something. measured: by check.
    """

    block: Block
    probability: Float32
    flags: NDArray[np.uint16]
    measured: dict[str, Measured]


def assess(block: Block, ranking: Ranking) -> Assessment:
    """Run all checks. Of frames nearer than `REACH` to an end of the block that is not one of the video they know only
    the neighbours in the block."""
    measured = run_checks(block, CHECKS)
    probability = ranking.probability(block, {name: one.strength for name, one in measured.items()})
    counts = block.located & ~block.human
    flags = np.zeros(block.located.shape, np.uint16)
    for bit, one in enumerate(measured.values()):
        flags |= ((one.strength >= WORTH_A_LOOK) & counts).astype(np.uint16) << np.uint16(bit)
    return Assessment(block, probability, flags, measured)


def run_checks(block: Block, names: Iterable[str]) -> dict[str, Measured]:
    """What these checks measure, by name."""
    with np.errstate(invalid="ignore", divide="ignore"):  # what is unknown is nan on the way
        return {name: CHECKS[name].measure(block) for name in names}


def block_around(source: ReviewSource, first: int, stop: int, limbs: LimbReference) -> Block:
    """The frames `first` to `stop`, `stop` excluded, with those around that checks look at."""
    block = load_block(source, first - REACH, stop + REACH)
    return replace(block, usual_limbs=limbs.usual(block.track_ids))
