"""Undo and redo: what stands on the other side of every step, so that undoing is swapping.

A done step keeps what was there before it; an undone one keeps what was there after it. So a step costs the size of
one side only, and an analysis run, which put persons where nobody was, next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

import msgspec
import numpy as np

from app.project.errors import DamagedProjectError
from app.project.packing import RECORD
from app.project.records import Layer, NoteKind, Track

#: What an edit can change: a person, a mark or a note of a frame, a track.
PersonKey = tuple[Layer, int, int]  # layer, frame, track id
MarkKey = tuple[int, int]  # frame, bit
NoteKey = tuple[NoteKind, int]  # kind, frame


class StepKind(StrEnum):
    EDIT = "edit"
    RUN = "run"  #: grew while results streamed in
    CHECKPOINT = "checkpoint"  #: a name for a moment; nothing to undo


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One step. number: grows with every step. time_s: seconds since 1970 (UTC). n_changes: persons, tracks and marks
    that it changed. undone: it lies ahead, redo would bring it back."""

    number: int
    label: str
    time_s: float
    n_changes: int
    undone: bool
    kind: StepKind


@dataclass(slots=True)
class Values:
    """What persons, marks and tracks are, or are to become; None where there is nobody or no such track."""

    persons: dict[PersonKey, bytes | None]
    marks: dict[MarkKey, bool]
    tracks: dict[int, Track | None]
    notes: dict[NoteKey, bytes]

    @classmethod
    def none(cls) -> Values:
        return cls({}, {}, {}, {})

    def __len__(self) -> int:
        return len(self.persons) + len(self.marks) + len(self.tracks) + len(self.notes)

    def update(self, later: Values) -> None:
        """Add those of another one; what both know stays as it is here, which was first."""
        self.persons = {**later.persons, **self.persons}
        self.marks = {**later.marks, **self.marks}
        self.tracks = {**later.tracks, **self.tracks}
        self.notes = {**later.notes, **self.notes}

    def pieces(self, size: int) -> Iterator[Values]:
        """The same in pieces of at most so many."""
        rest = iter(self.persons.items())
        while persons := dict(islice(rest, size)):
            yield Values(persons, {}, {}, {})
        rest_of_marks = iter(self.marks.items())
        while marks := dict(islice(rest_of_marks, size)):
            yield Values({}, marks, {}, {})
        if self.tracks or self.notes:
            yield Values({}, {}, self.tracks, self.notes)


_KEY = np.dtype([("layer", "u1"), ("exists", "u1"), ("frame", "<i4"), ("track_id", "<i4")])


class _Part(msgspec.Struct, array_like=True):
    keys: bytes
    records: bytes
    marks: list[tuple[int, int, bool]]
    tracks: list[tuple[int, list[Any] | None]]  # the fields of a `Track` behind its id; early ones lack the last
    notes: list[tuple[int, int, bytes]] = []


def encode(values: Values) -> bytes:
    """One side of a part of a step, for the store."""
    keys = [
        (int(layer), record is not None, frame, track_id) for (layer, frame, track_id), record in values.persons.items()
    ]
    tracks: list[tuple[int, list[Any] | None]] = [
        (track_id, None if track is None else [track.name, track.colour, track.visible, track.locked, track.person_id])
        for track_id, track in values.tracks.items()
    ]
    part = _Part(
        keys=np.array(keys, _KEY).tobytes(),
        records=b"".join([record for record in values.persons.values() if record is not None]),
        marks=[(frame, bit, value) for (frame, bit), value in values.marks.items()],
        tracks=tracks,
        notes=[(int(kind), frame, data) for (kind, frame), data in values.notes.items()],
    )
    return msgspec.msgpack.encode(part)


def decode(data: bytes) -> Values:
    """What `encode` made. Raises `ProjectError` if it is damaged."""
    try:
        part = msgspec.msgpack.decode(data, type=_Part)
    except msgspec.MsgspecError as error:
        raise DamagedProjectError(f"the history is damaged ({error})") from error
    values = Values.none()
    start = 0
    layers = tuple(Layer)
    for layer, exists, frame, track_id in np.frombuffer(part.keys, _KEY).tolist():
        end = start + RECORD.itemsize * exists
        values.persons[layers[layer], frame, track_id] = part.records[start:end] if exists else None
        start = end
    values.marks = {(frame, bit): value for frame, bit, value in part.marks}
    values.tracks = {track_id: None if track is None else Track(track_id, *track) for track_id, track in part.tracks}
    values.notes = {(NoteKind(kind), frame): note for kind, frame, note in part.notes}
    return values
