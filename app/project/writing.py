"""Changes on their way into the store: checked against what is there, written inside one transaction, seen later."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from app.project.errors import EditConflictError
from app.project.history import NoteKey, Values
from app.project.overview import ANALYSED, VERIFIED, Overview
from app.project.packing import Packed, heads_of, join, pack, split
from app.project.records import (
    AnalysedChange,
    Change,
    Layer,
    NoteChange,
    NoteKind,
    PersonChange,
    Track,
    TrackChange,
    VerifiedChange,
)
from app.project.store import Store

_BITS = {VerifiedChange: VERIFIED, AnalysedChange: ANALYSED}


class Writing:
    """What one running transaction has written so far, beside what memory still shows."""

    def __init__(self, store: Store, tracks: Mapping[int, Track], overview: Overview) -> None:
        self._store = store
        self._known_tracks = tracks
        self._overview = overview
        self._more_persons: Counter[int] = Counter()
        #: The new state of what was written.
        self.heads: dict[Layer, dict[int, bytes]] = {layer: {} for layer in Layer}
        self.marks: dict[int, int] = {}
        self.tracks: dict[int, Track | None] = {}
        self.notes: dict[NoteKey, bytes] = {}
        #: The frames of these, and the first and last of them.
        self.frames: set[int] = set()
        self._first, self._last = overview.n_frames, -1
        #: Whether it is no longer to be given up, and how many changes it made then.
        self.is_committed = False
        self.n_changes = 0

    @property
    def come_or_gone(self) -> set[int]:
        """Tracks that exist now and did not, or the other way round."""
        return {id_ for id_, new in self.tracks.items() if (new is None) != (id_ not in self._known_tracks)}

    def frames_as_told(self) -> frozenset[int] | range:
        """The frames for others; of an edit of many frames, which mostly follow each other, at once."""
        if self._last - self._first + 1 == len(self.frames):
            return range(self._first, self._last + 1)
        return frozenset(self.frames)

    def change(self, changes: Iterable[Change]) -> Values:
        """Write `changes`; returns what was there. Raises `EditConflictError` where a `before` is not what is there,
        `ValueError` for a frame that does not exist or a number that is not finite."""
        before = Values.none()
        persons: defaultdict[tuple[Layer, int], list[PersonChange]] = defaultdict(list)
        for change in changes:
            if isinstance(change, TrackChange):
                self._change_track(change, before)
                continue
            if not 0 <= change.frame < self._overview.n_frames:
                raise ValueError(f"there is no frame {change.frame}, only 0 to {self._overview.n_frames - 1}")
            if isinstance(change, PersonChange):
                persons[change.layer, change.frame].append(change)
            elif isinstance(change, NoteChange):
                self._change_note(change, before)
            else:
                self._change_mark(change, before)
        for (layer, frame), of_frame in persons.items():
            packed = split(self._store.persons(layer, frame))
            for one in of_frame:
                now = packed.get(one.track_id)
                expected = None if one.before is None else pack(one.track_id, one.before)
                if now != expected:
                    raise _conflict(f"person {one.track_id} on frame {frame} is no longer as it was")
                before.persons.setdefault((layer, frame, one.track_id), now)
                self._set(packed, one.track_id, None if one.after is None else pack(one.track_id, one.after))
            self._put(layer, frame, packed)
        return before

    def swap(self, values: Values) -> Values:
        """Write `values`, which fit, as they come from the history; returns what was there."""
        before = Values.none()
        persons: defaultdict[tuple[Layer, int], list[tuple[int, bytes | None]]] = defaultdict(list)
        for (layer, frame, track_id), record in values.persons.items():
            persons[layer, frame].append((track_id, record))
        for (layer, frame), of_frame in persons.items():
            packed = split(self._store.persons(layer, frame))
            for track_id, record in of_frame:
                before.persons[layer, frame, track_id] = packed.get(track_id)
                self._set(packed, track_id, record)
            self._put(layer, frame, packed)
        for (frame, bit), value in values.marks.items():
            before.marks[frame, bit] = self._set_mark(frame, bit, value)
        for (kind, frame), note in values.notes.items():
            before.notes[kind, frame] = self._set_note(kind, frame, note)
        for track_id, track in values.tracks.items():
            before.tracks[track_id] = self._track(track_id)
            self._set_track(track_id, track)
        return before

    def check_tracks(self) -> None:
        """Every person has to belong to a track that exists. Raises `EditConflictError`."""
        for track_id in self._more_persons.keys() | self.tracks.keys():
            n_persons = self._overview.persons_of_track[track_id] + self._more_persons[track_id]
            if n_persons and self._track(track_id) is None:
                raise _conflict(f"track {track_id} does not exist, or has persons on other frames")

    def _change_track(self, change: TrackChange, before: Values) -> None:
        one = change.before if change.before is not None else change.after
        if one is None:
            return
        now = self._track(one.track_id)
        if now != change.before:
            raise _conflict(f"track {one.track_id} is no longer as it was")
        before.tracks.setdefault(one.track_id, now)
        self._set_track(one.track_id, change.after)

    def _change_mark(self, change: VerifiedChange | AnalysedChange, before: Values) -> None:
        bit = _BITS[type(change)]
        was = self._set_mark(change.frame, bit, change.after)
        if was != change.before:
            raise _conflict(f"frame {change.frame} is no longer as it was")
        before.marks.setdefault((change.frame, bit), was)

    def _change_note(self, change: NoteChange, before: Values) -> None:
        was = self._set_note(change.kind, change.frame, change.after)
        if was != change.before:
            raise _conflict(f"frame {change.frame} is no longer as it was")
        before.notes.setdefault((change.kind, change.frame), was)

    def _set_note(self, kind: NoteKind, frame: int, note: bytes) -> bytes:
        """Returns what it was."""
        was = self.notes[kind, frame] if (kind, frame) in self.notes else self._store.note(kind, frame)
        self.notes[kind, frame] = note
        self._store.put_note(kind, frame, note)
        self._note_frame(frame)
        return was

    def _track(self, track_id: int) -> Track | None:
        return self.tracks[track_id] if track_id in self.tracks else self._known_tracks.get(track_id)

    def _set_track(self, track_id: int, track: Track | None) -> None:
        self.tracks[track_id] = track
        self._store.put_track(track_id, track)

    def _set_mark(self, frame: int, bit: int, value: bool) -> bool:
        """Returns what it was."""
        marks = self.marks.get(frame)
        if marks is None:
            marks = int(self._overview.marks[frame])
        self.marks[frame] = marks | bit if value else marks & ~bit
        self._store.put_marks(frame, self.marks[frame])
        self._note_frame(frame)
        return bool(marks & bit)

    def _set(self, packed: Packed, track_id: int, record: bytes | None) -> None:
        self._more_persons[track_id] += (record is not None) - (track_id in packed)
        if record is None:
            packed.pop(track_id, None)
        else:
            packed[track_id] = record

    def _put(self, layer: Layer, frame: int, packed: Packed) -> None:
        data = join(packed)
        heads = heads_of(data)
        self._store.put_persons(layer, frame, heads, data)
        self.heads[layer][frame] = heads
        self._note_frame(frame)

    def _note_frame(self, frame: int) -> None:
        self.frames.add(frame)
        self._first, self._last = min(self._first, frame), max(self._last, frame)


def _conflict(what: str) -> EditConflictError:
    return EditConflictError(f"nothing was changed: {what}; look again and repeat it")
