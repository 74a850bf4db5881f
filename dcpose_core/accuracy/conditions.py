"""What a method is tried on: clean frames, spoiled ones, and frames that lack a neighbour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dcpose_core.degradations import DEGRADATIONS
from dcpose_core.errors import UsageError

CLEAN, FROZEN = "clean", "frozen"
#: The degradations of the published table.
STANDARD = ("motion_blur", "defocus", "limb_occluder", "torso_occluder", "jpeg", "low_light", FROZEN)


class Situation(StrEnum):
    """Which of the three frames are spoiled, and which are there at all."""

    MIDDLE = "middle"  #: only the key frame is spoiled
    ALL = "all"  #: all three are, each in its own way; of a frozen clip every third frame
    NO_PREVIOUS = "no_previous"  #: only the key frame is spoiled, and it is the first of its clip
    NO_NEXT = "no_next"  #: only the key frame is spoiled, and it is the last of its clip
    ALONE = "alone"  #: only the key frame is spoiled, and there is no other


@dataclass(frozen=True, slots=True)
class Condition:
    """degradation: `CLEAN`, `FROZEN` or a key of `DEGRADATIONS`."""

    degradation: str
    situation: Situation = Situation.MIDDLE

    def __str__(self) -> str:
        return self.degradation if self.situation is Situation.MIDDLE else f"{self.degradation}/{self.situation}"

    @property
    def is_random(self) -> bool:
        """Whether the seed makes a difference. A frozen clip's seed says which of every three frames is frozen."""
        if self.degradation == FROZEN:
            return self.situation is Situation.ALL
        return self.degradation != CLEAN

    @property
    def intervals_matter(self) -> bool:
        """Whether another distance to the neighbours gives other frames."""
        return self.situation is not Situation.ALONE


_WITHOUT = (Situation.NO_PREVIOUS, Situation.NO_NEXT, Situation.ALONE)
#: What is measured unless the user chooses.
ALL_CONDITIONS = (
    Condition(CLEAN),
    *(Condition(name) for name in STANDARD),
    *(Condition(name, Situation.ALL) for name in STANDARD),
    *(Condition(name, situation) for name in (CLEAN, "motion_blur") for situation in _WITHOUT),
)
#: A first impression.
QUICK_CONDITIONS = (Condition(CLEAN), Condition("motion_blur"), Condition("limb_occluder"))


def conditions_of(names: Sequence[str]) -> tuple[Condition, ...]:
    """Conditions by name, `motion_blur` or `motion_blur/all`; clean frames come first and always.

    Raises `UsageError` for a name that is none.
    """
    chosen = [Condition(CLEAN)]
    for name in names:
        degradation, _, situation = name.partition("/")
        if degradation not in (CLEAN, FROZEN, *DEGRADATIONS) or situation not in ("", *Situation):
            raise UsageError(
                f"unknown condition {name!r}; it is one of {', '.join((CLEAN, *DEGRADATIONS, FROZEN))}, "
                f"alone or followed by one of {', '.join(f'/{one}' for one in Situation if one != Situation.MIDDLE)}"
            )
        condition = Condition(degradation, Situation(situation or Situation.MIDDLE))
        if degradation == FROZEN and condition.situation in (Situation.NO_PREVIOUS, Situation.ALONE):
            raise UsageError(f"condition {name!r}: a frozen frame repeats the one before, so it cannot be the first")
        if condition not in (*chosen, Condition(CLEAN, Situation.ALL)):
            chosen.append(condition)
    return tuple(chosen)
