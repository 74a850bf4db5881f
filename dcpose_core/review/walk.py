"""Walking the queue with two keys: on to the worst that was not yet looked at, and back the way one came.

The queue ranks itself anew with every edit; who walks it is not to be thrown around by that. So a walk remembers where
it was: going back leads along its own path, and going on leads to the end of that path first, and then to whatever is
worst by then among all that it has not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from dcpose_core.review.queue import ReviewQueue

#: Items are asked for so many at a time.
_FIRST_BATCH = 64


class Place(NamedTuple):
    """A person on a frame."""

    frame: int
    track_id: int


class ReviewWalk:
    """One walk through a queue, or through what a filter leaves of it. `check`, `track_id`, `joint` as in `items`.

    worst_first: for who keeps an order of its own: gives the places that wait, filtered, in that order.
    """

    def __init__(
        self,
        queue: ReviewQueue,
        *,
        check: str | None = None,
        track_id: int | None = None,
        joint: int | None = None,
        worst_first: Callable[[], Iterable[Place]] | None = None,
    ) -> None:
        self._queue = queue
        self._worst_first = worst_first
        self._check, self._track_id, self._joint = check, track_id, joint
        self._path: list[Place] = []
        self._shown: set[Place] = set()
        self._at = -1  # in `_path`

    def next(self) -> Place | None:
        """Along the path if somebody went back on it, as far as that is still in the queue; else the worst item that
        was not shown yet. None when there is none; `start_over` begins another round over what is left."""
        while self._at + 1 < len(self._path):
            self._at += 1
            item = self._queue.item(*self._path[self._at])
            if item is not None and item.checks:
                return self._path[self._at]
        place = self._worst_not_shown()
        if place is not None:
            self.visit(place)
        return place

    def previous(self) -> Place | None:
        """The place before on the path, also where all is right by now; None at its beginning."""
        if self._at <= 0:
            return None
        self._at -= 1
        return self._path[self._at]

    def visit(self, place: Place) -> None:
        """Somebody went there, by other means too; the path goes on from here."""
        del self._path[self._at + 1 :]
        self._path.append(place)
        self._shown.add(place)
        self._at = len(self._path) - 1

    def start_over(self) -> None:
        """Forget what was shown."""
        self._path, self._shown, self._at = [], set(), -1

    def _worst_not_shown(self) -> Place | None:
        if self._worst_first is not None:
            return next((place for place in self._worst_first() if place not in self._shown), None)
        limit = _FIRST_BATCH
        while True:
            items = self._queue.items(limit, check=self._check, track_id=self._track_id, joint=self._joint)
            for item in items:
                place = Place(item.frame, item.track_id)
                if place not in self._shown:
                    return place
            if len(items) < limit:
                return None
            limit *= 4
