"""A review of a project: its queue and the walk through it, worked on in slices. For one thread: `review_thread`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterator
from dataclasses import dataclass

import numpy as np

from app.jobs.review_order import Order
from dcpose_core.review.block import REACH, Float32
from dcpose_core.review.findings import Finding
from dcpose_core.review.queue import Progress, QueueItem, ReviewQueue
from dcpose_core.review.source import ReviewSource
from dcpose_core.review.walk import Place, ReviewWalk

#: Frames looked at in one go.
_SLICE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFilter:
    """What a list shows and a walk visits. check, track_id, joint: only what this check found, on this person, on this
    joint; None: any. minimum: least number of joints that are probably wrong."""

    check: str | None = None
    track_id: int | None = None
    joint: int | None = None
    minimum: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReviewState:
    """Where a review is. order: what `wanted` leaves, but for its minimum. hidden: the same of persons who are hidden:
    neither list nor walk have them, while counts and progress do. counts: items by check, of the whole video.
    expected: float32 `[N]`, probably wrong joints on each frame that has items, 0 on the others. looked_at: frames, of
    all, that the checks have seen.
    item_at: what is known of a place now; for any thread."""

    wanted: ReviewFilter
    order: Order
    hidden: Order
    counts: dict[str, int]
    progress: Progress
    expected: Float32
    looked_at: int
    item_at: Callable[[int, int], QueueItem | None]

    @property
    def is_complete(self) -> bool:
        """Whether all frames were looked at."""
        return self.looked_at == len(self.expected)


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What is found at a place now, the strongest first."""

    place: Place
    findings: tuple[Finding, ...]


class Arrived(Looked):
    """The walk came to this place."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """The walk came to its end, or to its beginning."""

    forward: bool


class Review:
    """What it answers is right for the frames that it has looked at; `work` looks at more, while `has_work`."""

    def __init__(self, source: ReviewSource) -> None:
        self._n_frames = len(source.times_s)
        self.queue = ReviewQueue(source)
        self._wanted = ReviewFilter()
        self._walk = ReviewWalk(self.queue, worst_first=self._worst_first)
        self._hidden: frozenset[int] = frozenset()
        self._order, self._hidden_order = Order(), Order()
        self._stale: tuple[int, int] | None = None  # frames whose places in the order are out of date
        self._looked_at = 0
        self._first_look: Generator[tuple[int, int], None, None] | None = self.queue.compute()
        self._late = np.zeros(self._n_frames, np.bool_)  # changed frames that are not looked at yet

    # work

    @property
    def has_work(self) -> bool:
        return self._first_look is not None or bool(self._late.any()) or self.queue.is_behind

    def work(self) -> None:
        """One slice of what is to be done, some 0.1 s."""
        if self._late.any():
            start = int(self._late.argmax())
            frames = start + np.flatnonzero(self._late[start : start + _SLICE])
            self._look_at(frames.tolist())
        elif self._first_look is not None:
            done, _ = next(self._first_look, (None, None))
            if done is None:
                self._first_look, self._looked_at = None, self._n_frames
            elif done > self._looked_at:
                self._note_stale(self._looked_at, done)
                self._looked_at = done
        else:
            next(self.queue.catch_up(), None)
            self._note_stale(0, self._n_frames)

    def changed(self, frames: Collection[int]) -> None:
        """Poses or marks on these frames are new. Few of them are looked at at once, of many some at every `work`."""
        if not frames:
            return
        indices = np.fromiter(frames, np.int64)
        self._late[indices] = True
        if indices.max() - indices.min() < _SLICE:
            self._look_at(indices.tolist())

    def _look_at(self, frames: list[int]) -> None:
        self.queue.changed(frames)
        self._late[frames] = False
        self._note_stale(min(frames) - REACH, max(frames) + 1 + REACH)

    def _note_stale(self, first: int, stop: int) -> None:
        known = self._stale or (first, stop)
        self._stale = max(min(known[0], first), 0), min(max(known[1], stop), self._n_frames)

    # the list

    def show(self, wanted: ReviewFilter) -> None:
        """Filter list and walk; another walk begins."""
        self._wanted = wanted
        self._order_anew()
        self.start_over()

    def hide(self, track_ids: Collection[int]) -> None:
        """Leave these persons out of list and walk, and no others; the walk goes on."""
        if self._hidden != frozenset(track_ids):
            self._hidden = frozenset(track_ids)
            self._order_anew()

    def _order_anew(self) -> None:
        self._order, self._hidden_order, self._stale = Order(), Order(), (0, self._n_frames)

    def state(self) -> ReviewState:
        """As of now; what it holds does not change any more."""
        return ReviewState(
            wanted=self._wanted,
            order=self._current_order(),
            hidden=self._hidden_order,
            counts=self.queue.counts(),
            progress=self.queue.progress(),
            expected=np.where(self.queue.items_per_frame() > 0, self.queue.expected_per_frame(), np.float32(0)),
            looked_at=self._looked_at,
            item_at=self.queue.item,
        )

    def _current_order(self) -> Order:
        """Brings the order of who is hidden up to date, too."""
        if self._stale is not None:
            (first, stop), self._stale = self._stale, None
            wanted = self._wanted
            ranks, rows = self.queue.found(
                first, stop, check=wanted.check, track_id=wanted.track_id, joint=wanted.joint
            )
            out = np.isin(rows["track_id"], list(self._hidden))
            self._order = self._order.with_frames(first, stop, ranks[~out], rows[~out])
            self._hidden_order = self._hidden_order.with_frames(first, stop, ranks[out], rows[out])
        return self._order

    # the walk

    def next(self) -> Arrived | Ended:
        return self._arrive(self._walk.next, forward=True)

    def previous(self) -> Arrived | Ended:
        return self._arrive(self._walk.previous, forward=False)

    def _arrive(self, step: Callable[[], Place | None], *, forward: bool) -> Arrived | Ended:
        """Where the walk leads; it was on persons who have been hidden since."""
        place = step()
        while place is not None and place.track_id in self._hidden:
            place = step()
        return Ended(forward=forward) if place is None else self._arrived(place)

    def visit(self, place: Place) -> Arrived:
        """Go to a place that somebody chose."""
        self._walk.visit(place)
        return self._arrived(place)

    def start_over(self) -> None:
        """Forget what the walk has shown."""
        self._walk = ReviewWalk(self.queue, worst_first=self._worst_first)

    def look(self, place: Place) -> Looked:
        return Looked(place, tuple(self.queue.findings(*place)))

    def _arrived(self, place: Place) -> Arrived:
        return Arrived(place, tuple(self.queue.findings(*place)))

    def _worst_first(self) -> Iterator[Place]:
        order = self._current_order()
        return map(order.place, range(order.count(self._wanted.minimum)))
