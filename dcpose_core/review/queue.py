"""The queue: everybody on every frame whom a check found something wrong with, the most wrong joints first."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dcpose_core.review import CHECKS
from dcpose_core.review.assess import assess, block_around
from dcpose_core.review.block import REACH, Float32, load_block
from dcpose_core.review.findings import (
    NO_REASON,
    ROW,
    Finding,
    Rows,
    checks_of,
    findings_of,
    reason_of,
    rows_of,
)
from dcpose_core.review.limb_reference import LimbReference
from dcpose_core.review.ranking import Ranking, load_ranking
from dcpose_core.review.source import ReviewSource
from dcpose_core.types import IntArray

#: Frames in a page, the unit in which findings are kept.
_PAGE = 256
_SAMPLES_A_STEP = 32
_PAGES_AT_ONCE = 32
_BITS = {name: np.uint16(1 << bit) for bit, name in enumerate(CHECKS)}
_NAMES = tuple(CHECKS)


class Progress(NamedTuple):
    """verified, total: frames. items: persons on frames that wait in the queue. expected_wrong: joints, as far as the
    checks can tell, on all frames that are not verified."""

    verified: int
    total: int
    items: int
    expected_wrong: float


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One person on one frame. expected_wrong: the rank: how many of its joints are probably wrong; of a queue that is
    filtered by check or joint, of those joints. checks: that found something. joints: on which, ascending. reason: the
    main one in words, empty where no check found anything; main_check: whose it is."""

    frame: int
    track_id: int
    expected_wrong: float
    checks: tuple[str, ...]
    joints: tuple[int, ...]
    reason: str
    main_check: str | None = None


class _Page:
    """The records of some frames, and what can be said of all of them."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        bits = np.bitwise_or.reduce(rows["flags"], axis=1)
        #: Where in the rows items stand: persons with whom a check found something.
        self.found: IntArray = np.flatnonzero(bits)
        self.counts = np.array([np.count_nonzero(bits & bit) for bit in _BITS.values()], np.int64)
        self.n_items = len(self.found)
        #: No item of any filter ranks higher than this.
        self.highest = float(rows["expected"].max(initial=0.0))


class ReviewQueue:
    """The findings of a whole video. Not for two threads at once: hand it over, and `source` with it.

    Make it, exhaust `compute()`, then tell it of every edit by `changed`. In between it speaks about what it has seen.
    """

    def __init__(self, source: ReviewSource, *, ranking: Ranking | None = None) -> None:
        #: Where the poses come from; another view of the same poses may take its place.
        self.source = source
        self._ranking = load_ranking() if ranking is None else ranking
        self._n_frames = len(source.times_s)
        n_pages = -(-self._n_frames // _PAGE)
        self._pages = [_Page(np.zeros(0, ROW)) for _ in range(n_pages)]
        self._limbs = LimbReference(self._n_frames)
        self._outdated: set[int] = set()  # pages on which a track's usual limbs are no longer what they were
        self._expected = np.zeros(self._n_frames, np.float32)
        self._items = np.zeros(self._n_frames, np.uint16)
        self._verified = np.zeros(self._n_frames, np.bool_)

    # computing

    def compute(self) -> Generator[tuple[int, int], None, None]:
        """Look at the whole video; yields (frames done, frames in all)."""
        sampled = self._limbs.sampled(0, self._n_frames)
        for number, frame in enumerate(sampled):
            self._limbs.note(load_block(self.source, frame, frame + 1), frame, frame + 1)
            if number % _SAMPLES_A_STEP == 0:
                yield 0, self._n_frames
        self._limbs.settle()
        for page in range(len(self._pages)):
            self._look_at(page * _PAGE, min((page + 1) * _PAGE, self._n_frames))
            yield min((page + 1) * _PAGE, self._n_frames), self._n_frames

    def changed(self, frames: Iterable[int]) -> None:
        """Poses or marks on these frames are new: look again, at them and at the frames around them.

        Where an edit changes what is usual for a track, far frames follow by `catch_up`.
        """
        for first, stop in _runs(frames, self._n_frames):
            self._limbs.note(load_block(self.source, first, stop), first, stop)
        self._outdated |= self._pages_of(self._limbs.settle())
        for first, stop in _runs(frames, self._n_frames, grow=REACH):
            self._look_at(first, stop)

    def catch_up(self) -> Generator[tuple[int, int], None, None]:
        """What `changed` left for later, a page a step; yields (done, in all). For a moment when nobody waits."""
        total = len(self._outdated)
        while self._outdated:
            page = self._outdated.pop()
            self._look_at(page * _PAGE, min((page + 1) * _PAGE, self._n_frames))
            yield max(total - len(self._outdated), 0), total

    @property
    def is_behind(self) -> bool:
        """Whether `catch_up` has anything to do."""
        return bool(self._outdated)

    # reading

    def items(
        self,
        limit: int | None = None,
        *,
        check: str | None = None,
        track_id: int | None = None,
        joint: int | None = None,
        everyone: bool = False,
    ) -> list[QueueItem]:
        """The first `limit` items (None: all), the highest rank first, of equal ones the earliest.

        check, track_id, joint: only what this check, on this person, on this joint found. everyone: also persons with
        whom no check found anything.
        """
        bit = None if check is None else _BITS[check]
        limit = sum(len(page.rows) for page in self._pages) if limit is None else limit
        if limit == 0:
            return []
        found: list[tuple[_Page, Float32, IntArray]] = []
        best = np.zeros(0, np.float32)  # the `limit` highest ranks so far
        pages = sorted(self._pages, key=lambda page: -page.highest)
        for start in range(0, len(pages), _PAGES_AT_ONCE):
            if len(best) == limit and pages[start].highest < best.min():
                break
            part = [
                (page, *_matching(page, bit=bit, track_id=track_id, joint=joint, everyone=everyone))
                for page in pages[start : start + _PAGES_AT_ONCE]
            ]
            found += part
            best = np.concatenate([best, *(rank for _, rank, _ in part)])
            if len(best) > limit:
                best = np.partition(best, -limit)[-limit:]
        if not len(best):
            return []
        least = best.min()
        kept = [(rank[rank >= least], page.rows[at[rank >= least]]) for page, rank, at in found]
        rank, rows = np.concatenate([rank for rank, _ in kept]), np.concatenate([rows for _, rows in kept])
        order = np.lexsort((rows["track_id"], rows["frame"], -rank))[:limit]
        return [_item(row, float(one)) for row, one in zip(rows[order], rank[order], strict=True)]

    def found(
        self,
        first: int,
        stop: int,
        *,
        check: str | None = None,
        track_id: int | None = None,
        joint: int | None = None,
    ) -> tuple[Float32, Rows]:
        """Ranks and records (`findings.ROW`) of the items on frames `first` to `stop`, `stop` excluded, by frame and
        track id, filtered as in `items`: for views that keep an order of their own."""
        bit = None if check is None else _BITS[check]
        ranks, records = [np.zeros(0, np.float32)], [np.zeros(0, ROW)]
        for page in self._pages[first // _PAGE : -(-stop // _PAGE)]:
            rank, at = _matching(page, bit=bit, track_id=track_id, joint=joint, everyone=False)
            rows = page.rows[at]
            inside = (rows["frame"] >= first) & (rows["frame"] < stop)
            ranks.append(rank[inside])
            records.append(rows[inside])
        return np.concatenate(ranks), np.concatenate(records)

    def item(self, frame: int, track_id: int) -> QueueItem | None:
        """One person on one frame, whether or not a check found anything; None if nobody is there or it is verified.

        This one may be asked on any thread: pages are replaced, never changed.
        """
        rows = self._pages[frame // _PAGE].rows
        for row in rows[(rows["frame"] == frame) & (rows["track_id"] == track_id)]:
            return _item(row, float(row["expected"]))
        return None

    def findings(self, frame: int, track_id: int) -> list[Finding]:
        """All that the checks find on one person, with reasons, the strongest first."""
        return next(self.findings_on([(frame, track_id)]))[2]

    def findings_on(self, places: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, list[Finding]]]:
        """(frame, track id, findings) of many (frame, track id), in the order of frames: faster than one by one."""
        ordered = sorted(places)
        for first, stop in _runs((frame for frame, _ in ordered), self._n_frames, grow=REACH // 2):
            assessment = assess(block_around(self.source, first, stop, self._limbs), self._ranking)
            for frame, track_id in ordered[bisect_left(ordered, (first,)) : bisect_left(ordered, (stop,))]:
                yield frame, track_id, findings_of(assessment, frame, track_id)

    def probability(self, frame: int, track_id: int) -> Float32:
        """`[17]`: of each joint to be wrong, to 1/255; 0 where nobody is, a human was, or the frame is verified."""
        rows = self._pages[frame // _PAGE].rows
        mine = rows[(rows["frame"] == frame) & (rows["track_id"] == track_id)]
        return np.asarray(mine["probability"].sum(axis=0) / np.float32(255), np.float32)

    def counts(self) -> dict[str, int]:
        """How many items each check has."""
        total = sum((page.counts for page in self._pages), np.zeros(len(_BITS), np.int64))
        return dict(zip(_BITS, total.tolist(), strict=True))

    def progress(self) -> Progress:
        return Progress(
            verified=int(self._verified.sum()),
            total=self._n_frames,
            items=sum(page.n_items for page in self._pages),
            expected_wrong=float(self._expected.sum()),
        )

    def expected_per_frame(self) -> Float32:
        """float32 `[N]`: the expected number of wrong joints on each frame, 0 on verified ones; a read-only view."""
        view = self._expected.view()
        view.setflags(write=False)
        return view

    def items_per_frame(self) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
        """uint16 `[N]`: how many items each frame has; a read-only view that follows every edit."""
        view = self._items.view()
        view.setflags(write=False)
        return view

    # inside

    def _look_at(self, first: int, stop: int) -> None:
        verified = self.source.verified(first, stop)
        self._verified[first:stop] = verified
        rows = np.zeros(0, ROW)
        if not verified.all():
            block = block_around(self.source, first, stop, self._limbs)
            rows = rows_of(assess(block, self._ranking), first, stop, verified)
        self._expected[first:stop] = np.bincount(rows["frame"] - first, rows["expected"], stop - first)
        found = rows["flags"].any(axis=1)
        self._items[first:stop] = np.bincount(rows["frame"][found] - first, minlength=stop - first)
        for page in range(first // _PAGE, -(-stop // _PAGE)):
            old = self._pages[page].rows
            kept = old[(old["frame"] < first) | (old["frame"] >= stop)]
            new = rows[rows["frame"] // _PAGE == page]
            joined = np.concatenate([kept, new])
            self._pages[page] = _Page(joined[np.lexsort((joined["track_id"], joined["frame"]))] if len(kept) else new)

    def _pages_of(self, track_ids: set[int]) -> set[int]:
        if not track_ids:
            return set()
        wanted = np.array(sorted(track_ids))
        return {i for i, page in enumerate(self._pages) if np.isin(page.rows["track_id"], wanted).any()}


def _matching(
    page: _Page, *, bit: np.uint16 | None, track_id: int | None, joint: int | None, everyone: bool
) -> tuple[Float32, IntArray]:
    """Ranks of a page's items that a filter lets through, and where they stand in its rows."""
    rows = page.rows
    at: IntArray = np.arange(len(rows)) if everyone else page.found
    if track_id is not None:
        at = at[rows["track_id"][at] == track_id]
    if bit is None and joint is None:
        return rows["expected"][at], at
    flags = rows["flags"][at]
    counts = flags > 0 if bit is None else flags & bit > 0
    if joint is not None:
        counts = counts & (np.arange(counts.shape[1]) == joint)
    matches = counts.any(axis=1)
    at, counts = at[matches], counts[matches]
    rank = (rows["probability"][at] * counts).sum(axis=1, dtype=np.float32) / np.float32(255)
    return rank, at


def _item(row: np.void, rank: float) -> QueueItem:
    return QueueItem(
        frame=int(row["frame"]),
        track_id=int(row["track_id"]),
        expected_wrong=rank,
        checks=checks_of(row["flags"]),
        joints=tuple(np.flatnonzero(row["flags"]).tolist()),
        reason=reason_of(row),
        main_check=None if row["check"] == NO_REASON else _NAMES[row["check"]],
    )


def _runs(frames: Iterable[int], n_frames: int, grow: int = 0) -> Iterator[tuple[int, int]]:
    """Runs (first, stop) of frames, each grown by `grow` either way, joined where they touch, in pieces of a page."""
    wanted = np.array(sorted(set(frames)), np.int64)
    wanted = wanted[(wanted >= 0) & (wanted < n_frames)]
    if not len(wanted):
        return
    apart = np.flatnonzero(np.diff(wanted) > 2 * grow + 1)
    firsts = wanted[np.concatenate([[0], apart + 1])]
    lasts = wanted[np.concatenate([apart, [len(wanted) - 1]])]
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        first, stop = max(first - grow, 0), min(last + 1 + grow, n_frames)
        for start in range(first, stop, _PAGE):
            yield start, min(start + _PAGE, stop)
