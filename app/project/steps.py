"""The steps of a project: each written in one transaction, undone and redone in order, kept for ever.

Writing many changes takes time. What does it is a generator, so that a window can go on in between: a yield says how
many changes are written, and closing it early gives all of it up. Nothing of it is seen before its end. SQLite may have
to wait for the disk in every single statement, so with pieces to go on between, a thread of its own does the writing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Protocol, TypeVar

from app.project import history
from app.project.history import HistoryEntry, StepKind, Values
from app.project.overview import VERIFIED
from app.project.records import Change, Layer
from app.project.store import Store
from app.project.writing import Writing

#: Changes in one part of a step; bounds the memory that undoing it takes.
_PART = 1024
#: Changes between two yields: some 5 ms.
_PIECE = 96
#: How long to wait for the disk between two yields.
_PATIENCE_S = 0.004

#: Yields how many changes are written; its result is what was written, for memory to follow.
Written = Generator[int, None, Writing]


@dataclass(frozen=True, slots=True, eq=False)
class _Done:
    """What a transaction wrote, and the history with it."""

    writing: Writing
    entries: Sequence[HistoryEntry]
    n_done: int
    n_changes: int


_Work = Generator[int, None, _Done]
_T = TypeVar("_T")


class NewWriting(Protocol):
    """Begins to write in the transaction under way."""

    def __call__(self) -> Writing: ...


class Steps:
    """The history of one open project: all steps, oldest first, of which the first `n_done` are done."""

    def __init__(self, store: Store, new_writing: NewWriting) -> None:
        self._store = store
        self._new_writing = new_writing
        self.entries: Sequence[HistoryEntry] = tuple(store.history())
        self.n_done = sum(not entry.undone for entry in self.entries)

    # what can be undone

    def before_last(self) -> int | None:
        """How many steps are done once the last one is undone; None if there is none to undo."""
        kinds = [entry.kind for entry in self.entries[: self.n_done]]
        return next((i for i in reversed(range(self.n_done)) if kinds[i] != StepKind.CHECKPOINT), None)

    def after_next(self) -> int | None:
        """How many steps are done once the next one is done again, with the names given behind it."""
        kinds = [entry.kind for entry in self.entries]
        at = next((i for i in range(self.n_done, len(kinds)) if kinds[i] != StepKind.CHECKPOINT), None)
        if at is None:
            return None
        return next((i for i in range(at + 1, len(kinds)) if kinds[i] != StepKind.CHECKPOINT), len(kinds))

    def up_to(self, number: int) -> int:
        """How many steps are done when step `number` is the last one; 0: as the project began."""
        return sum(entry.number <= number for entry in self.entries)

    def n_changes_to(self, n_done: int) -> int:
        """How many changes are written on the way there."""
        first, last = sorted((n_done, self.n_done))
        return sum(entry.n_changes for entry in self.entries[first:last])

    def n_parts(self, number: int) -> int:
        """How many parts a step has."""
        return len(self._store.history_parts(number))

    def last_frame(self, number: int) -> int | None:
        """The highest frame among the last changes of a step; None if it changed none."""
        for part in reversed(self._store.history_parts(number)):
            values = self._part(number, part)
            frames = [frame for _, frame, _ in values.persons] + [frame for frame, _ in values.marks]
            if frames:
                return max(frames)
        return None

    def edited_by_hand(self) -> Iterator[int]:
        """The first frame of each done step in which somebody made, changed or verified persons, newest step first."""
        for entry in reversed(self.entries[: self.n_done]):
            for part in self._store.history_parts(entry.number)[:1]:
                values = self._part(entry.number, part)
                frames = [frame for layer, frame, _ in values.persons if layer is Layer.ANNOTATION]
                frames += [frame for frame, bit in values.marks if bit == VERIFIED]
                if frames:
                    yield min(frames)

    # writing

    def add(self, label: str, changes: Iterable[Change], *, in_pieces: bool) -> Written:
        """A new step in place of those that were undone; without any change there is none.

        in_pieces: the caller goes on from yield to yield.
        """
        rest = iter(changes)
        piece = list(islice(rest, _PIECE))
        if not piece:
            return self._new_writing()
        return (yield from self._carry_out(self._adding(label, piece, rest, in_pieces=in_pieces), in_pieces=in_pieces))

    def _adding(self, label: str, piece: Sequence[Change], rest: Iterator[Change], *, in_pieces: bool) -> _Work:
        entry, part, n_changes = self._new_entry(label, StepKind.EDIT), 0, 0
        before = Values.none()
        writing = self._begin(entry)
        while piece:
            before.update((yield from self._beside(partial(writing.change, piece), n_changes, in_pieces=in_pieces)))
            n_changes += len(piece)
            yield n_changes
            piece = list(islice(rest, _PIECE))
            if len(before) >= _PART or not piece:
                put = partial(self._put_part, entry.number, part, before)
                yield from self._beside(put, n_changes, in_pieces=in_pieces)
                before, part = Values.none(), part + 1
        writing.check_tracks()
        entry = replace(entry, n_changes=n_changes)
        self._store.put_history(entry)
        return _Done(writing, (*self.entries[: self.n_done], entry), self.n_done + 1, n_changes)

    def add_at_once(self, label: str, kind: StepKind) -> tuple[HistoryEntry, Writing]:
        """A new step without changes, so far."""
        entry = self._new_entry(label, kind)
        with self._store.transaction():
            writing = self._begin(entry)
        self._append(entry)
        return entry, writing

    def grow(self, number: int, first_part: int, changes: Sequence[Change]) -> tuple[int, Writing]:
        """Add to a step; returns the number of the part after the last one."""
        at = self._place(number)
        entry = replace(self.entries[at], n_changes=self.entries[at].n_changes + len(changes))
        part = first_part
        with self._store.transaction():
            writing = self._new_writing()
            self._store.put_history(entry)
            for start in range(0, len(changes), _PART):
                before = writing.change(changes[start : start + _PART])
                self._store.put_history_part(number, part, history.encode(before))
                part += 1
            writing.check_tracks()
        self.entries = (*self.entries[:at], entry, *self.entries[at + 1 :])
        return part, writing

    def drop(self, number: int) -> Writing:
        """A step that came to nothing leaves no trace."""
        at = self._place(number)
        with self._store.transaction():
            self._store.drop_history(number)
            writing = self._new_writing()
        self.n_done -= at < self.n_done
        self.entries = (*self.entries[:at], *self.entries[at + 1 :])
        return writing

    def travel(self, n_done: int, *, in_pieces: bool) -> Written:
        """Undo or redo until the first `n_done` steps are done; in_pieces: as for `add`."""
        return self._carry_out(self._travelling(n_done, in_pieces=in_pieces), in_pieces=in_pieces)

    def _travelling(self, n_done: int, *, in_pieces: bool) -> _Work:
        undoing = n_done < self.n_done
        on_the_way = range(self.n_done - 1, n_done - 1, -1) if undoing else range(self.n_done, n_done)
        entries = list(self.entries)
        n_changes = 0
        writing = self._new_writing()
        for i in on_the_way:
            number = entries[i].number
            parts = self._store.history_parts(number)
            for part in reversed(parts) if undoing else parts:
                this_side = Values.none()
                values = yield from self._beside(partial(self._part, number, part), n_changes, in_pieces=in_pieces)
                for piece in values.pieces(_PIECE):
                    swap = partial(writing.swap, piece)
                    this_side.update((yield from self._beside(swap, n_changes, in_pieces=in_pieces)))
                    n_changes += len(piece)
                    yield n_changes
                put = partial(self._put_part, number, part, this_side)
                yield from self._beside(put, n_changes, in_pieces=in_pieces)
            entries[i] = replace(entries[i], undone=undoing)
            self._store.put_history(entries[i])
        return _Done(writing, tuple(entries), n_done, n_changes)

    def _carry_out(self, work: _Work, *, in_pieces: bool) -> Written:
        """Do `work` in one transaction. Closing this gives it up, unless the commit has begun: then it is made."""
        given_up: GeneratorExit | None = None
        with self._store.transaction():
            done = yield from work
            try:
                yield from self._beside(self._store.commit, done.n_changes, in_pieces=in_pieces)
            except GeneratorExit as too_late:
                if self._store.is_writing:  # it failed
                    raise
                given_up = too_late
        self.entries, self.n_done = done.entries, done.n_done
        done.writing.is_committed, done.writing.n_changes = True, done.n_changes
        if given_up is not None:
            raise given_up
        return done.writing

    def _beside(self, work: Callable[[], _T], n_changes: int, *, in_pieces: bool) -> Generator[int, None, _T]:
        """Have `work` done; in pieces, on the thread of the disk where that can be, whose time the caller has."""
        if not (in_pieces and self._store.has_log):
            return work()
        doing = self._store.beside(work)
        try:
            while not wait([doing], _PATIENCE_S).done:
                yield n_changes
        finally:
            wait([doing])  # before anybody else uses the store
        return doing.result()

    def _part(self, number: int, part: int) -> Values:
        return history.decode(self._store.history_part(number, part))

    def _put_part(self, number: int, part: int, values: Values) -> None:
        self._store.put_history_part(number, part, history.encode(values))

    def _new_entry(self, label: str, kind: StepKind) -> HistoryEntry:
        number = self.entries[self.n_done - 1].number + 1 if self.n_done else 1
        return HistoryEntry(number, label, time.time(), 0, False, kind)

    def _begin(self, entry: HistoryEntry) -> Writing:
        if self.n_done < len(self.entries):
            self._store.drop_history_from(self.entries[self.n_done].number)
        self._store.put_history(entry)
        return self._new_writing()

    def _append(self, entry: HistoryEntry) -> None:
        self.entries = (*self.entries[: self.n_done], entry)
        self.n_done = len(self.entries)

    def _place(self, number: int) -> int:
        return next(i for i, entry in enumerate(self.entries) if entry.number == number)
