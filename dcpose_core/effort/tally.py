"""What an annotation has cost and what is left to do: sums that can be added up over sequences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple

import numpy as np

from dcpose_core.effort.truth import TruePose, Truth
from dcpose_core.types import FloatArray

#: A joint is right within this many head lengths, whatever the annotator's own tolerance is.
RIGHT_HEAD_LENGTHS = 0.2
#: Errors beyond this are gross, head lengths.
GROSS_HEAD_LENGTHS = 0.5
#: Courses are kept at these shares of the visits: 0, 1, ... 100 %.
COURSE = np.linspace(0.0, 1.0, 101)


class Accepted(NamedTuple):
    """A proposal that was accepted: frames from the corrected one, and whether the joint was and is wrong.

    was_gross: it was farther off than 0.5 head lengths, or missing.
    """

    distance: int
    was_wrong: bool
    was_gross: bool
    is_wrong: bool


@dataclass(frozen=True, slots=True, eq=False)
class Effort:
    """Of one annotated sequence, or of several together.

    joint_frames: joints that are asked for, of everyone on all frames. wrong_at_start: those farther from the truth
    than the annotator tolerates, before anything is done. touched: joints placed by hand, each as often as it is.
    visits: persons looked at, on one frame each; visits_touched: those with a joint to touch. acceptances: gestures
    that accepted proposals. previewed: proposed poses that were looked at for it. accepted: joints that came with it.

    At the end: wrong_at_end, as at the start; errors_sum and errors_counted, of the distances in head lengths of joints
    that are there; far: joints farther off than 0.2 head lengths, or missing.

    wrong_course, touched_course: `[101]`, joints that are wrong, and touched so far, after each percent of the visits.
    """

    joint_frames: int
    wrong_at_start: int
    touched: int
    visits: int
    visits_touched: int
    wrong_at_end: int
    errors_sum: float
    errors_counted: int
    far: int
    acceptances: int = 0
    previewed: int = 0
    accepted: Counter[Accepted] = field(default_factory=Counter)
    wrong_course: FloatArray | None = None
    touched_course: FloatArray | None = None

    @property
    def per_100(self) -> float:
        """Joints touched per 100 joint-frames."""
        return 100 * self.touched / self.joint_frames

    @property
    def error(self) -> float:
        """Mean distance to the truth in head lengths."""
        return self.errors_sum / self.errors_counted if self.errors_counted else float("nan")

    @property
    def far_share(self) -> float:
        """Percentage of joints farther off than 0.2 head lengths."""
        return 100 * self.far / self.joint_frames

    @property
    def repaired(self) -> int:
        """Joints that a proposal set right."""
        return sum(times for one, times in self.accepted.items() if one.was_wrong and not one.is_wrong)

    @property
    def spoiled(self) -> int:
        """Joints that were right before a proposal was accepted."""
        return sum(times for one, times in self.accepted.items() if one.is_wrong and not one.was_wrong)

    def found_after(self, share: float) -> float:
        """Percentage of the wrong joints that are wrong no more after this share, 0 to 1, of the visits."""
        if self.wrong_course is None or not self.wrong_at_start:
            return float("nan")
        return 100 * (1 - float(np.interp(share, COURSE, self.wrong_course)) / self.wrong_at_start)


def course_of(values: Sequence[float]) -> FloatArray:
    """Values before the first visit and after each one, at the shares `COURSE`: of whole visits, the last one made."""
    at = np.floor(COURSE * (len(values) - 1) + 1e-9).astype(np.int64)
    return np.asarray(values, dtype=np.float64)[at]


def together(efforts: Sequence[Effort]) -> Effort:
    """The sum over sequences; courses add up as if all were walked at the same pace."""
    sums = {each.name: getattr(efforts[0], each.name) for each in fields(Effort)}
    for effort in efforts[1:]:
        for name, total in sums.items():
            value = getattr(effort, name)
            sums[name] = None if value is None or total is None else total + value
    return Effort(**sums)


class ErrorSums(NamedTuple):
    """See `Effort`."""

    wrong_at_end: int
    errors_sum: float
    errors_counted: int
    far: int

    @classmethod
    def of(cls, errors: FloatArray, *, tolerance: float) -> ErrorSums:
        """errors: of any shape, as `TruePose.errors` gives them. tolerance: of the annotator, head lengths."""
        there = errors[np.isfinite(errors)]
        # NaN, a joint that is not asked for, compares as False.
        wrong, far = (int(np.count_nonzero(errors > limit)) for limit in (tolerance, RIGHT_HEAD_LENGTHS))
        return cls(wrong, float(there.sum()), there.size, far)


def joint_frames_of(truth: Truth) -> int:
    """How many joints are asked for."""
    poses: list[TruePose] = [pose for track in truth.values() for pose in track.values()]
    return sum(int(pose.labelled.sum()) for pose in poses)
