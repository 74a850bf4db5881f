"""The open project: what a view shows of every frame, and the one door through which it changes.

`Document` is used on one thread. Every change is an `Edit`: checked against what is there, written in one
transaction, and only then seen.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.project import history
from app.project.edit_group import EditGroup
from app.project.history import HistoryEntry, StepKind
from app.project.overview import ANALYSED, VERIFIED, Overview
from app.project.packing import unpack
from app.project.records import Change, Edit, FrameState, Layer, Person, Track
from app.project.store import Store
from app.project.trajectory import Trajectory, read_trajectory
from app.project.video_facts import VideoFacts
from app.project.writer_lock import WriterLock
from app.project.writing import Writing
from dcpose_core.errors import ProjectError
from dcpose_core.types import FloatArray

#: Frames whose persons are kept unpacked; 5 persons take about 12 kB.
_CACHED_FRAMES = 2048
#: Changes in one part of a step; bounds the memory that undoing it takes.
_PART = 4096


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """What an edit, undo or redo changed. frames: those whose persons or marks changed."""

    frames: frozenset[int] | range
    tracks_changed: bool
    history_changed: bool


_Number = TypeVar("_Number", bound=np.generic)
Listener = Callable[[DocumentChange], None]


@dataclass(slots=True)
class _FramePersons:
    layers: dict[Layer, dict[int, Person]]
    view: Mapping[int, Person]


class Document:
    """An open project; see the module. Made by `create` and `open`."""

    def __init__(self, path: Path, store: Store, lock: WriterLock | None) -> None:
        self.path = path
        self.read_only = lock is None
        self._store = store
        self._lock = lock
        self.video: VideoFacts = store.video()
        self._tracks = {track.track_id: track for track in store.tracks()}
        self._highest_track_id = max(self._tracks, default=-1)
        self._overview = Overview(
            self.video.n_frames,
            predictions=store.heads(Layer.PREDICTION, self.n_frames),
            annotations=store.heads(Layer.ANNOTATION, self.n_frames),
            marks=store.marks(self.n_frames),
        )
        if not self._overview.persons_of_track.keys() <= self._tracks.keys():
            raise ProjectError(f"{path}: damaged: it has persons without a track; open one of its backups")
        self._entries = store.history()
        self._n_done = sum(not entry.undone for entry in self._entries)
        self._cache: OrderedDict[int, _FramePersons] = OrderedDict()
        self._listeners: list[Listener] = []
        self._groups: list[EditGroup] = []

    @classmethod
    def create(cls, path: Path, video: VideoFacts) -> Document:
        """Make an empty project and open it. Raises `ProjectError` if there is a file or it cannot be written."""
        path = Path(path)
        with ExitStack() as on_failure:
            lock = WriterLock.take(path)
            on_failure.callback(lock.release)
            if path.exists():
                raise ProjectError(f"{path}: exists already; open it, or choose another name")
            Store.create(path, video)
            document = cls._opened(path, lock)
            on_failure.pop_all()
        return document

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> Document:
        """Open a project; read-only, it stays as it is now, whatever another window does to it.

        Raises `ProjectLockedError` if it is open elsewhere, `NewerProjectError` if it is too new, `ProjectError` if
        it is damaged, no project, or cannot be read.
        """
        path = Path(path)
        if not path.is_file():
            raise ProjectError(f"{path}: there is no such file")
        if read_only:
            return cls._opened(path, None)
        with ExitStack() as on_failure:
            lock = WriterLock.take(path)
            on_failure.callback(lock.release)
            document = cls._opened(path, lock)
            on_failure.pop_all()
        return document

    @classmethod
    def _opened(cls, path: Path, lock: WriterLock | None) -> Document:
        with ExitStack() as on_failure:
            store = Store.open(path, read_only=lock is None)
            on_failure.callback(store.close)
            if lock is not None:
                store.drop_empty_runs()  # a crash may leave the step of a run that had no results yet
            document = cls(path, store, lock)
            on_failure.pop_all()
        return document

    def close(self) -> None:
        """Let go of the file; open groups end with what they have."""
        with ExitStack() as in_the_end:
            if self._lock is not None:
                in_the_end.callback(self._lock.release)
            in_the_end.callback(self._store.close)
            for group in list(self._groups):
                group.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # reading

    @property
    def n_frames(self) -> int:
        return self.video.n_frames

    @property
    def times_s(self) -> FloatArray:
        """Presentation times, float64 `[N]`, as the video states them."""
        return self.video.times_s

    def persons(self, frame: int) -> Mapping[int, Person]:
        """What a view shows of a frame, by track id: the annotation where there is one, else the prediction."""
        return self._frame(frame).view

    def person(self, frame: int, track_id: int, layer: Layer | None = None) -> Person | None:
        """One person on a frame, in one layer or (None) as the view shows it; None if there is nobody."""
        persons = self._frame(frame)
        return (persons.view if layer is None else persons.layers[layer]).get(track_id)

    def layer_persons(self, frame: int, layer: Layer) -> Mapping[int, Person]:
        """Everybody on a frame in one layer, by track id."""
        return MappingProxyType(self._frame(frame).layers[layer])

    def layer_of(self, frame: int, track_id: int) -> Layer | None:
        """The layer that the view takes this person from."""
        layers = self._frame(frame).layers
        return next((layer for layer in (Layer.ANNOTATION, Layer.PREDICTION) if track_id in layers[layer]), None)

    def tracks(self) -> Mapping[int, Track]:
        return MappingProxyType(self._tracks)

    def spans(self, track_id: int) -> list[tuple[int, int]]:
        """Runs of frames where the view has the track: (first, last), both included, ascending."""
        return self._overview.spans(track_id)

    def annotated_spans(self, track_id: int) -> list[tuple[int, int]]:
        """As `spans`, of the annotation layer only."""
        return self._overview.annotated_spans(track_id)

    def n_persons(self, track_id: int) -> int:
        """How many persons a track has, all frames and both layers together."""
        return self._overview.persons_of_track[track_id]

    def frame_state(self, frame: int) -> FrameState:
        return FrameState(int(self._overview.states[frame]))

    def frame_states(self) -> NDArray[np.uint8]:
        """uint8 `[N]`, `FrameState` values; a read-only view that follows every edit."""
        return _read_only_view(self._overview.states)

    def is_verified(self, frame: int) -> bool:
        return bool(self._overview.marks[frame] & VERIFIED)

    def is_analysed(self, frame: int) -> bool:
        """Whether a model looked at the frame, be it that it found nobody."""
        return bool(self._overview.marks[frame] & ANALYSED)

    def confidence(self) -> NDArray[np.float32]:
        """float32 `[N]`: lowest score of a located joint in view, nan where there is nobody; a read-only view."""
        return _read_only_view(self._overview.confidence)

    def trajectory(self, track_id: int, joint: int, first: int, last: int, *, layer: Layer | None = None) -> Trajectory:
        """One joint of a track on frames `first` to `last` (included), of one layer or (None) of the view."""
        layers = Layer if layer is None else (layer,)  # the annotation comes last and wins
        return read_trajectory(self._store, track_id=track_id, joint=joint, first=first, last=last, layers=layers)

    def next_free_track_id(self) -> int:
        """An id that no track has, nor had since the project was opened."""
        return self._highest_track_id + 1

    # changing

    def apply(self, edit: Edit) -> None:
        """Carry out an edit: on disk when this returns.

        Raises `EditConflictError` if the document is not in the state that the edit was built on, `ProjectError` if
        it cannot be written; then nothing has changed.
        """
        if not edit.changes:
            return
        entry = self._new_entry(edit.label, StepKind.EDIT, n_changes=len(edit.changes))
        with self._transaction():
            writing = self._begin(entry)
            self._write_parts(writing, entry.number, 0, edit.changes)
        self._append(entry)
        self._show(writing)

    def undo(self) -> HistoryEntry | None:
        """Take the last step back; None if there is none."""
        at = next((i for i in reversed(range(self._n_done)) if self._entries[i].kind != StepKind.CHECKPOINT), None)
        if at is None:
            return None
        self._travel(at)
        return self._entries[at]

    def redo(self) -> HistoryEntry | None:
        """Do the last undone step again; None if there is none."""
        n = len(self._entries)
        at = next((i for i in range(self._n_done, n) if self._entries[i].kind != StepKind.CHECKPOINT), None)
        if at is None:
            return None
        end = at + 1
        while end < n and self._entries[end].kind == StepKind.CHECKPOINT:
            end += 1
        self._travel(end)
        return self._entries[at]

    def go_to(self, number: int) -> None:
        """Undo or redo until step `number` is the last one done; 0: as the project began."""
        self._travel(sum(entry.number <= number for entry in self._entries))

    @property
    def undo_label(self) -> str | None:
        done = reversed(self._entries[: self._n_done])
        return next((entry.label for entry in done if entry.kind != StepKind.CHECKPOINT), None)

    @property
    def redo_label(self) -> str | None:
        undone = self._entries[self._n_done :]
        return next((entry.label for entry in undone if entry.kind != StepKind.CHECKPOINT), None)

    def history(self) -> Sequence[HistoryEntry]:
        """All steps, oldest first; the undone ones are the last."""
        return tuple(self._entries)

    def checkpoint(self, name: str) -> HistoryEntry:
        """Give this moment a name in the history, to go back to."""
        entry = self._new_entry(name, StepKind.CHECKPOINT)
        with self._transaction():
            writing = self._begin(entry)
        self._append(entry)
        self._show(writing)
        return entry

    def group(self, label: str) -> EditGroup:
        """A step that grows while results stream in, for an analysis run."""
        entry = self._new_entry(label, StepKind.RUN)
        with self._transaction():
            writing = self._begin(entry)
        self._append(entry)
        group = EditGroup(entry.number, grow=self._grow, end=self._end)
        self._groups.append(group)
        self._show(writing, by=group)
        return group

    def save_copy(self, path: Path) -> None:
        """The project with all its history as another file, in place of one that is there. Raises `ProjectError`, also
        where that file is open."""
        path = Path(path)
        if path.exists() and path.samefile(self.path):
            raise ProjectError(f"{path}: is this project itself; choose another name for the copy")
        lock = WriterLock.take(path)
        try:
            self._store.copy(path)
        finally:
            lock.release()

    def relink(self, video: VideoFacts) -> None:
        """Use another file as the video. Raises `ProjectError` if its frames cannot be the same ones."""
        if (video.n_frames, video.width_px, video.height_px) != (
            self.video.n_frames,
            self.video.width_px,
            self.video.height_px,
        ):
            mine, other = (f"{v.n_frames} frames of {v.width_px} x {v.height_px}" for v in (self.video, video))
            raise ProjectError(f"{video.path}: has {other}, but the project was made on {mine}; choose its own video")
        with self._transaction():
            self._store.put_video(video)
        self.video = video

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called after every change, on the thread that made it; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # inside

    def _frame(self, frame: int) -> _FramePersons:
        if not 0 <= frame < self.n_frames:
            raise IndexError(f"{self.path}: there is no frame {frame}, only 0 to {self.n_frames - 1}")
        known = self._cache.get(frame)
        if known is not None:
            self._cache.move_to_end(frame)
            return known
        layers = {layer: unpack(self._packed(layer, frame)) for layer in Layer}
        view = {**layers[Layer.PREDICTION], **layers[Layer.ANNOTATION]}
        known = _FramePersons(layers, MappingProxyType(dict(sorted(view.items()))))
        self._cache[frame] = known
        if len(self._cache) > _CACHED_FRAMES:
            self._cache.popitem(last=False)
        return known

    def _packed(self, layer: Layer, frame: int) -> bytes:
        return self._store.persons(layer, frame) if self._overview.has_persons(layer, frame) else b""

    def _transaction(self) -> AbstractContextManager[None]:
        if self.read_only:
            raise ProjectError(f"{self.path}: opened read-only; save a copy to change it")
        return self._store.transaction()

    def _new_entry(self, label: str, kind: StepKind, n_changes: int = 0) -> HistoryEntry:
        number = self._entries[self._n_done - 1].number + 1 if self._n_done else 1
        return HistoryEntry(number, label, time.time(), n_changes, False, kind)

    def _begin(self, entry: HistoryEntry) -> Writing:
        """In a transaction: a new step takes the place of those that were undone."""
        if self._n_done < len(self._entries):
            self._store.drop_history_from(self._entries[self._n_done].number)
        self._store.put_history(entry)
        return self._writing()

    def _append(self, entry: HistoryEntry) -> None:
        self._entries = [*self._entries[: self._n_done], entry]
        self._n_done = len(self._entries)

    def _writing(self) -> Writing:
        return Writing(self._store, self._tracks, self._overview)

    def _write_parts(self, writing: Writing, number: int, first_part: int, changes: Iterable[Change]) -> int:
        """Write `changes` as parts of step `number`, `first_part` and following; returns the number after the last."""
        rest, part = iter(changes), first_part
        while of_part := list(islice(rest, _PART)):
            before = writing.change(of_part)
            self._store.put_history_part(number, part, history.encode(before))
            part += 1
        writing.check_tracks()
        return part

    def _travel(self, n_done: int) -> None:
        """Undo or redo until the first `n_done` steps are done."""
        if n_done == self._n_done:
            return
        undoing = n_done < self._n_done
        steps = range(self._n_done - 1, n_done - 1, -1) if undoing else range(self._n_done, n_done)
        entries = list(self._entries)
        with self._transaction():
            writing = self._writing()
            for i in steps:
                number = entries[i].number
                parts = self._store.history_parts(number)
                for part in reversed(parts) if undoing else parts:
                    this_side = writing.swap(history.decode(self._store.history_part(number, part)))
                    self._store.put_history_part(number, part, history.encode(this_side))
                entries[i] = replace(entries[i], undone=undoing)
                self._store.put_history(entries[i])
        self._entries, self._n_done = entries, n_done
        undone = {entry.number for entry in entries[n_done:]}
        for group in [group for group in self._groups if group.number in undone]:
            group.cancelled = True
            self._groups.remove(group)
        self._show(writing)

    def _grow(self, group: EditGroup, changes: Sequence[Change]) -> None:
        """Add to the step of an open group."""
        at = next(i for i, entry in enumerate(self._entries) if entry.number == group.number)
        entry = replace(self._entries[at], n_changes=self._entries[at].n_changes + len(changes))
        with self._transaction():
            writing = self._writing()
            self._store.put_history(entry)
            n_parts = self._write_parts(writing, group.number, group.n_parts, changes)
        group.n_parts = n_parts
        self._entries[at] = entry
        self._show(writing, by=group)

    def _end(self, group: EditGroup) -> None:
        self._groups.remove(group)
        if group.n_parts:
            return
        with self._transaction():
            self._store.drop_history(group.number)
            writing = self._writing()
        self._entries = [entry for entry in self._entries if entry.number != group.number]
        self._n_done -= 1
        self._show(writing)

    def _show(self, writing: Writing, by: EditGroup | None = None) -> None:
        """Let memory follow what is on disk, and tell everyone."""
        frames = writing.frames
        for group in self._groups:
            if group is not by:
                group.note(frames, tracks=writing.tracks, come_or_gone=writing.come_or_gone)
        for (layer, frame), heads in writing.heads.items():
            self._overview.set_heads(layer, frame, heads)
        for frame, marks in writing.marks.items():
            self._overview.set_marks(frame, marks)
        for frame in frames:
            self._cache.pop(frame, None)
        for track_id, track in writing.tracks.items():
            if track is None:
                self._tracks.pop(track_id, None)
            else:
                self._tracks[track_id] = track
                self._highest_track_id = max(self._highest_track_id, track_id)
        change = DocumentChange(_as_range(frames), tracks_changed=bool(writing.tracks), history_changed=True)
        for listener in tuple(self._listeners):
            listener(change)


def _read_only_view(array: NDArray[_Number]) -> NDArray[_Number]:
    view = array.view()
    view.setflags(write=False)
    return view


def _as_range(frames: set[int]) -> frozenset[int] | range:
    if frames and max(frames) - min(frames) + 1 == len(frames):
        return range(min(frames), max(frames) + 1)
    return frozenset(frames)
