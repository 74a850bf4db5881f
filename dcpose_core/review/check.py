"""What a check is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dcpose_core.review.block import Block, Float32
from dcpose_core.types import IntArray


class Measured(NamedTuple):
    """What a check says about a block of F frames and P persons.

    strength: `[F, P, 17]`, from 0; from 1 on it is worth a look. amount: the number that the reason tells, in the same
    shape. other: int64 in the same shape, the track id of the person whom the reason names; None if it names nobody.
    """

    strength: Float32
    amount: Float32
    other: IntArray | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """title: what people choose it by. measure: the check itself; it looks at most `REACH` frames either way, and what
    it says about joints that are not located or that a human set counts for nothing. words: the reason, from the name
    of the joint, the amount and the other person's track id. whole_person: it speaks of the person.
    """

    title: str
    measure: Callable[[Block], Measured]
    words: Callable[[str, float, int | None], str]
    whole_person: bool = False
