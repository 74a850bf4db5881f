"""How long the rest will take whoever works on it, from the pace of the last acts. Times in seconds of one clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

#: Without a sign of life for so long, somebody is away: that time does not count.
IDLE_S = 60.0
#: So many of the last acts are looked at, and so few of them say nothing.
RECENT, ENOUGH = 40, 8


class Act(NamedTuple):
    """One thing that somebody did. active_s: what it took, pauses left out. n_done: how much was settled by it, such as
    items of the queue by a propagation that was accepted."""

    active_s: float
    n_done: int


def seconds_each(acts: Sequence[Act]) -> float | None:
    """Seconds that settling one takes, the median of the recent acts; None where there are too few of them.

    The median, as one act that settles a hundred, or one that takes long, says little about the next one.
    """
    recent = acts[-RECENT:]
    return median(act.active_s / act.n_done for act in recent) if len(recent) >= ENOUGH else None


class Pace:
    """Watches how much is left, and the signs of life in between.

    before_s: what one took before all this, None if unknown; it counts until enough is known of the work at hand.
    """

    def __init__(self, before_s: float | None = None) -> None:
        self._before_s = before_s
        self._acts: deque[Act] = deque(maxlen=RECENT)
        self._n_left: int | None = None
        self._seen_s: float | None = None
        self._active_s = 0.0  # since the last act

    def see(self, now_s: float) -> None:
        """A sign of life."""
        if self._seen_s is not None and now_s - self._seen_s <= IDLE_S:
            self._active_s += now_s - self._seen_s
        self._seen_s = now_s

    def note(self, n_left: int) -> None:
        """So much is left now. More than before is no act, and what goes without a sign of life belongs to the last."""
        n_done = 0 if self._n_left is None else self._n_left - n_left
        self._n_left = n_left
        if n_done <= 0:
            return
        if self._active_s > 0:
            self._acts.append(Act(self._active_s, n_done))
            self._active_s = 0.0
        elif self._acts:
            last = self._acts.pop()
            self._acts.append(Act(last.active_s, last.n_done + n_done))

    def forget(self, n_left: int) -> None:
        """It became so much by other means."""
        self._n_left = n_left

    @property
    def each_s(self) -> float | None:
        """Seconds that one takes; None where not enough is known."""
        now_s = seconds_each(tuple(self._acts))
        return self._before_s if now_s is None else now_s

    def seconds_left(self) -> float | None:
        """How long the rest takes at that pace."""
        each_s = self.each_s
        return None if self._n_left is None or each_s is None else self._n_left * each_s
