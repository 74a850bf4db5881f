"""The open project: what a view shows of every frame, and the one door through which it changes.

`Document` is used on one thread. Every change is an `Edit`: checked against what is there, written in one
transaction, and only then seen.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.project.edit_group import EditGroup
from app.project.errors import DamagedProjectError
from app.project.frame_notes import decode_regions, decode_rejected
from app.project.frame_persons import FramePersons
from app.project.history import HistoryEntry, StepKind
from app.project.overview import ANALYSED, VERIFIED, Overview
from app.project.records import Change, Edit, FrameState, Layer, NoteKind, Person, Track
from app.project.steps import Steps, Written
from app.project.store import Store
from app.project.trails import Trail, read_trails
from app.project.trajectory import Trajectory, read_trajectory
from app.project.video_facts import VideoFacts
from app.project.writer_lock import WriterLock
from app.project.writing import Writing
from dcpose_core.errors import ProjectError
from dcpose_core.types import FloatArray

#: Frames that memory follows in one piece of a long change: some 5 ms.
_PIECE_FRAMES = 256


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """What an edit, undo or redo changed. frames: those whose persons or marks changed."""

    frames: frozenset[int] | range
    tracks_changed: bool
    history_changed: bool


_Number = TypeVar("_Number", bound=np.generic)
Listener = Callable[[DocumentChange], None]


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
            raise DamagedProjectError(f"{path}: damaged: it has persons without a track")
        self._writing: Writing | None = None  # what the edit under way has written
        self._steps = Steps(store, self._new_writing)
        self._is_busy = False
        self._noted = {(NoteKind(kind), frame) for kind, frame in store.noted(self.n_frames)}
        self._reader = store.reader()
        self._frames = FramePersons(self._reader, self._overview)
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
            in_the_end.callback(self._store.close)  # the last one that closes moves the log
            in_the_end.callback(self._reader.close)
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
        return self._frames.view(frame)

    def person(self, frame: int, track_id: int, layer: Layer | None = None) -> Person | None:
        """One person on a frame, in one layer or (None) as the view shows it; None if there is nobody."""
        return (self._frames.view(frame) if layer is None else self._frames.layer(frame, layer)).get(track_id)

    def layer_persons(self, frame: int, layer: Layer) -> Mapping[int, Person]:
        """Everybody on a frame in one layer, by track id."""
        return self._frames.layer(frame, layer)

    def persons_of(self, track_id: int, frames: Sequence[int], layer: Layer) -> Mapping[int, Person]:
        """Frame -> a track's person in one layer, of some hundreds of frames in one go."""
        return self._frames.of_track(track_id, frames, layer)

    def layer_of(self, frame: int, track_id: int) -> Layer | None:
        """The layer that the view takes this person from."""
        layers = (Layer.ANNOTATION, Layer.PREDICTION)
        return next((layer for layer in layers if track_id in self._frames.layer(frame, layer)), None)

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

    def ignore_regions(self, frame: int) -> tuple[FloatArray, ...]:
        """Polygons float64 `[K, 2]` that an evaluation leaves out, as an imported file gave them."""
        return decode_regions(self._note(NoteKind.IGNORE_REGIONS, frame))

    def rejected(self, frame: int) -> tuple[Person, ...]:
        """Predictions on the frame that a person deleted."""
        return decode_rejected(self._note(NoteKind.REJECTED, frame))

    def _note(self, kind: NoteKind, frame: int) -> bytes:
        return self._reader.note(kind, frame) if (kind, frame) in self._noted else b""

    def confidence(self) -> NDArray[np.float32]:
        """float32 `[N]`: lowest score of a located joint in view, nan where there is nobody; a read-only view."""
        return _read_only_view(self._overview.confidence)

    def trajectory(self, track_id: int, joint: int, first: int, last: int, *, layer: Layer | None = None) -> Trajectory:
        """One joint of a track on frames `first` to `last` (included), of one layer or (None) of the view."""
        layers = Layer if layer is None else (layer,)  # the annotation comes last and wins
        return read_trajectory(self._reader, track_id=track_id, joint=joint, first=first, last=last, layers=layers)

    def trails(self, frame: int, back: int) -> Mapping[int, Trail]:
        """Track id -> where everybody in view on `frame` was on up to `back` frames before it."""
        return read_trails(self._reader, first=max(0, frame - back), last=frame)

    def next_free_track_id(self) -> int:
        """An id that no track has, nor had since the project was opened."""
        return self._highest_track_id + 1

    # changing

    def apply(self, edit: Edit) -> None:
        """Carry out an edit: it outlasts the process when this returns, and the machine a moment later.

        Raises `EditConflictError` if the document is not in the state that the edit was built on, `ProjectError` if
        it cannot be written; then nothing has changed.
        """
        if edit.changes:
            _finish(self._long(self._steps.add(edit.label, edit.changes, in_pieces=False)))

    def join(self, edit: Edit) -> None:
        """Carry out what follows from the last step as a part of it, so that undoing the step takes it back too.

        It is a step of its own where there is none to join: nothing is done yet, the last step was undone, was given
        as a name, or still grows. Raises as `apply` does.
        """
        last = self._steps.entries[-1] if self._steps.entries else None
        growing = {group.number for group in self._groups}
        if last is None or last.undone or last.kind == StepKind.CHECKPOINT or last.number in growing:
            self.apply(edit)
        elif edit.changes:
            self._check_changeable()
            self._show(self._steps.grow(last.number, self._steps.n_parts(last.number), edit.changes)[1])

    def applying(self, label: str, changes: Iterable[Change]) -> Generator[int, None, None]:
        """As `apply`, of many changes, which may be worked out while they are written: goes on from piece to piece, so
        that a window lives in between; yields how many changes are written. Meanwhile nothing else can be changed.
        Closing it early gives it up: nothing has changed."""
        yield from self._long(self._steps.add(label, changes, in_pieces=True))

    def undo(self) -> HistoryEntry | None:
        """Take the last step back; None if there is none."""
        n_done = self._steps.before_last()
        if n_done is None:
            return None
        self._travel(n_done)
        return self._steps.entries[n_done]

    def redo(self) -> HistoryEntry | None:
        """Do the last undone step again; None if there is none."""
        at, n_done = self._steps.n_done, self._steps.after_next()
        if n_done is None:
            return None
        self._travel(n_done)
        return next(entry for entry in self._steps.entries[at:] if entry.kind != StepKind.CHECKPOINT)

    def go_to(self, number: int) -> None:
        """Undo or redo until step `number` is the last one done; 0: as the project began."""
        self._travel(self._steps.up_to(number))

    def travelling(self, n_done: int) -> Generator[int, None, None]:
        """Undo or redo until the first `n_done` steps are done (see `steps`), in the manner of `applying`."""
        if n_done != self._steps.n_done:
            yield from self._long(self._steps.travel(n_done, in_pieces=True))

    @property
    def steps(self) -> Steps:
        """The history, to be asked what can be undone and how much that is."""
        return self._steps

    @property
    def is_busy(self) -> bool:
        """Whether something long is under way, during which nothing else can be changed."""
        return self._is_busy

    @property
    def undo_label(self) -> str | None:
        at = self._steps.before_last()
        return None if at is None else self._steps.entries[at].label

    @property
    def redo_label(self) -> str | None:
        undone = self._steps.entries[self._steps.n_done :]
        return next((entry.label for entry in undone if entry.kind != StepKind.CHECKPOINT), None)

    def history(self) -> Sequence[HistoryEntry]:
        """All steps, oldest first; the undone ones are the last."""
        return self._steps.entries

    def checkpoint(self, name: str) -> HistoryEntry:
        """Give this moment a name in the history, to go back to."""
        self._check_changeable()
        entry, writing = self._steps.add_at_once(name, StepKind.CHECKPOINT)
        self._show(writing)
        return entry

    def group(self, label: str) -> EditGroup:
        """A step that grows while results stream in."""
        self._check_changeable()
        entry, writing = self._steps.add_at_once(label, StepKind.RUN)
        group = EditGroup(entry.number, grow=self._grow, end=self._end)
        self._groups.append(group)
        self._show(writing, by=group)
        return group

    def save_copy(self, path: Path) -> None:
        """The project with all its history as another file, in place of one that is there. Raises `ProjectError`, also
        where that file is open."""
        path = Path(path)
        self._check_idle()
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
        self._check_changeable()
        with self._store.transaction():
            self._store.put_video(video)
        self.video = video

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener` called after every change, on the thread that made it; returns how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # inside

    def _travel(self, n_done: int) -> None:
        if n_done != self._steps.n_done:
            _finish(self._long(self._steps.travel(n_done, in_pieces=False)))

    def _check_changeable(self) -> None:
        if self.read_only:
            raise ProjectError(f"{self.path}: opened read-only; save a copy to change it")
        self._check_idle()

    def _check_idle(self) -> None:
        if self._is_busy:
            raise ProjectError(f"{self.path}: a long edit is being made; wait for it, or cancel it")

    def _new_writing(self) -> Writing:
        self._writing = writing = Writing(self._store, self._tracks, self._overview)
        return writing

    def _long(self, written: Written) -> Generator[int, None, None]:
        """Write, then show; whoever goes on in between finds the document as it was before."""
        self._check_changeable()
        self._is_busy = True
        try:
            writing = yield from written
            for _ in self._following(writing):
                yield writing.n_changes
        except GeneratorExit:
            if self._writing is not None and self._writing.is_committed:  # then all have to follow
                _finish(self._following(self._writing))
                self._is_busy = False
                self._tell(self._writing)
            raise
        finally:
            if self._writing is not None and not self._writing.is_committed:
                self._frames.forget(self._writing.frames)  # without a log, who looked meanwhile saw them
            self._is_busy, self._writing = False, None
        self._tell(writing)

    def _grow(self, group: EditGroup, changes: Sequence[Change]) -> None:
        """Add to the step of an open group."""
        self._check_changeable()
        group.n_parts, writing = self._steps.grow(group.number, group.n_parts, changes)
        self._show(writing, by=group)

    def _end(self, group: EditGroup) -> None:
        self._groups.remove(group)
        if not group.n_parts:
            self._show(self._steps.drop(group.number))

    def _show(self, writing: Writing, by: EditGroup | None = None) -> None:
        """Let memory follow what is on disk, and tell everyone."""
        _finish(self._following(writing, by))
        self._tell(writing)

    def _following(self, writing: Writing, by: EditGroup | None = None) -> Generator[None, None, None]:
        """Yields from piece to piece. May be begun again."""
        frames = writing.frames
        undone = {entry.number for entry in self._steps.entries[self._steps.n_done :]}
        for group in [group for group in self._groups if group.number in undone]:
            group.cancelled = True
            self._groups.remove(group)
        for group in self._groups:
            if group is not by:
                group.note(frames, tracks=writing.tracks, come_or_gone=writing.come_or_gone)
        for layer, of_layer in writing.heads.items():
            for number, (frame, heads) in enumerate(of_layer.items(), start=1):
                self._overview.set_heads(layer, frame, heads)
                if number % _PIECE_FRAMES == 0:
                    yield
        for number, (frame, marks) in enumerate(writing.marks.items(), start=1):
            self._overview.set_marks(frame, marks)
            if number % _PIECE_FRAMES == 0:
                yield
        for key, note in writing.notes.items():
            (self._noted.add if note else self._noted.discard)(key)
        self._frames.forget(frames)
        for track_id, track in writing.tracks.items():
            if track is None:
                self._tracks.pop(track_id, None)
            else:
                self._tracks[track_id] = track
                self._highest_track_id = max(self._highest_track_id, track_id)

    def _tell(self, writing: Writing) -> None:
        change = DocumentChange(writing.frames_as_told(), tracks_changed=bool(writing.tracks), history_changed=True)
        for listener in tuple(self._listeners):
            listener(change)


def _finish(work: Generator[object, None, object]) -> None:
    for _ in work:
        pass


def _read_only_view(array: NDArray[_Number]) -> NDArray[_Number]:
    view = array.view()
    view.setflags(write=False)
    return view
