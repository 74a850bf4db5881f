"""The project file: what stands in which table. SQLite keeps every acknowledged transaction through a crash.

`user_version` is major * 1000 + minor: a newer major is refused, an older version is migrated on a copy.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import numpy as np

from app.project import sqlite_file
from app.project.disk_thread import LAST_RESORT_PAGES, DiskThread
from app.project.errors import DamagedProjectError
from app.project.history import HistoryEntry, StepKind
from app.project.migrations import NOTES_TABLE, add_notes, add_refinement
from app.project.packing import HEAD, RECORD
from app.project.records import Layer, NoteKind, Track
from app.project.sqlite_file import told_as_project_errors
from app.project.video_facts import VideoFacts

SUFFIX = ".dcpose"
VERSION = 2001
#: Version -> what makes a file of the version before it one of this.
MIGRATIONS: sqlite_file.Migrations = {2000: add_refinement, 2001: add_notes}

_T = TypeVar("_T")

_PERSON_TABLES = {Layer.PREDICTION: "predictions", Layer.ANNOTATION: "annotations"}

# `heads` stands in an index of its own, so that opening a project reads 8 bytes a person and not 592.
_SCHEMA = f"""
CREATE TABLE video (
    id INTEGER PRIMARY KEY CHECK (id = 1), path TEXT NOT NULL, relative_path TEXT NOT NULL,
    fingerprint TEXT NOT NULL, width_px INTEGER NOT NULL, height_px INTEGER NOT NULL, frame_rate REAL NOT NULL,
    times_s BLOB NOT NULL
) STRICT;
CREATE TABLE predictions (frame INTEGER PRIMARY KEY, heads BLOB NOT NULL, persons BLOB NOT NULL) STRICT;
CREATE INDEX prediction_heads ON predictions (frame, heads);
CREATE TABLE annotations (frame INTEGER PRIMARY KEY, heads BLOB NOT NULL, persons BLOB NOT NULL) STRICT;
CREATE INDEX annotation_heads ON annotations (frame, heads);
CREATE TABLE marks (frame INTEGER PRIMARY KEY, marks INTEGER NOT NULL) STRICT;
CREATE TABLE tracks (
    track_id INTEGER PRIMARY KEY, name TEXT NOT NULL, colour TEXT NOT NULL,
    visible INTEGER NOT NULL, locked INTEGER NOT NULL, person_id INTEGER
) STRICT;
CREATE TABLE history (
    number INTEGER PRIMARY KEY, label TEXT NOT NULL, time REAL NOT NULL, n_changes INTEGER NOT NULL,
    undone INTEGER NOT NULL, kind TEXT NOT NULL
) STRICT;
CREATE TABLE history_parts (
    number INTEGER NOT NULL REFERENCES history ON DELETE CASCADE, part INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (number, part)
) STRICT;
{NOTES_TABLE};
PRAGMA user_version = {VERSION};
"""


class Store:
    """One connection to a project file. Every method raises `ProjectError` with the file's name where SQLite fails."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, has_log: bool = False) -> None:
        self.path = path
        self._connection = connection
        #: Whether it writes to a log, so that a `reader` reads meanwhile.
        self.has_log = has_log
        self._disk = DiskThread(path)
        self._n_bytes = 0  # written in this transaction

    @classmethod
    def create(cls, path: Path, video: VideoFacts) -> None:
        """Write an empty project, whole or not at all. The caller made sure that there is no file."""

        def fill(connection: sqlite3.Connection) -> None:
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            _write_video(connection, path, video)

        sqlite_file.create(path, fill)

    @classmethod
    def open(cls, path: Path, *, read_only: bool) -> Store:
        """read_only: as the project is now, whatever a writer does meanwhile."""
        if read_only:
            return cls(path, sqlite_file.open_for_reading(path, version=VERSION))
        connection = sqlite_file.open_for_writing(path, version=VERSION, migrations=MIGRATIONS)
        connection.execute(f"PRAGMA wal_autocheckpoint = {LAST_RESORT_PAGES}")
        return cls(path, connection, has_log=sqlite_file.has_log(connection))

    def reader(self) -> Store:
        """What reads the project as it is committed, also while this one writes; itself where that cannot be."""
        return Store(self.path, sqlite_file.open_beside(self.path)) if self.has_log else self

    def close(self) -> None:
        self._disk.close()
        with told_as_project_errors(self.path):
            self._connection.close()

    def copy(self, target: Path) -> None:
        """The project as a file of its own."""
        sqlite_file.copy(self._connection, target)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside outlasts the process when this returns, and the machine a moment later; or
        nothing of it is written."""
        with told_as_project_errors(self.path):
            self._disk.check()
            self._n_bytes = 0
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                if self.is_writing:  # else it was committed inside
                    self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
            if self.has_log:
                self._disk.note_commit(self._n_bytes)

    @property
    def is_writing(self) -> bool:
        """Whether a transaction is under way."""
        return self._connection.in_transaction

    def commit(self) -> None:
        """Commit the transaction under way before it is left."""
        with told_as_project_errors(self.path):
            self._connection.execute("COMMIT")

    def beside(self, work: Callable[[], _T]) -> Future[_T]:
        """Have `work` use this store on the thread of the disk, while nobody else does but its `reader`.

        A statement that writes may have to wait for the disk; a COMMIT after much was written takes SQLite seconds, as
        it reads its log again (1 GB: 0.8 s) and moves it (3 s). Only for a store that `has_log`: another has no reader.
        """
        return self._disk.run(work)

    def _damaged(self, what: str) -> DamagedProjectError:
        return DamagedProjectError(f"{self.path}: damaged: {what}")

    # video

    def video(self) -> VideoFacts:
        with told_as_project_errors(self.path):
            row = self._connection.execute(
                "SELECT path, relative_path, fingerprint, width_px, height_px, frame_rate, times_s FROM video"
            ).fetchone()
            if row is None:
                raise self._damaged("it does not say which video it is about")
        return VideoFacts(
            path=Path(row[0]),
            relative_path=Path(row[1]) if row[1] else None,
            fingerprint=row[2],
            width_px=row[3],
            height_px=row[4],
            frame_rate=row[5],
            times_s=np.frombuffer(row[6], "<f8"),
        )

    def put_video(self, video: VideoFacts) -> None:
        _write_video(self._connection, self.path, video)

    # persons

    def heads(self, layer: Layer, n_frames: int) -> list[tuple[int, bytes]]:
        """(frame, heads of its persons) of every frame that has some, ascending."""
        with told_as_project_errors(self.path):
            rows: list[tuple[int, bytes]] = self._connection.execute(
                f"SELECT frame, heads FROM {_PERSON_TABLES[layer]} ORDER BY frame"
            ).fetchall()
        if rows and not (rows[0][0] >= 0 and rows[-1][0] < n_frames):
            raise self._damaged("it has persons on frames that the video has not")
        if any(len(heads) % HEAD.itemsize for _, heads in rows):
            raise self._damaged("persons in it are cut off")
        return rows

    def persons(self, layer: Layer, frame: int) -> bytes:
        """The records of the persons on a frame; empty if there is nobody."""
        rows = self.persons_between(layer, frame, frame)
        return rows[0][1] if rows else b""

    def persons_between(self, layer: Layer, first: int, last: int) -> list[tuple[int, bytes]]:
        """(frame, records) of the frames `first` to `last` (included) that have persons, ascending."""
        return self._persons_where(layer, "BETWEEN ? AND ?", (first, last))

    def persons_on(self, layer: Layer, frames: Sequence[int]) -> list[tuple[int, bytes]]:
        """The same of single frames, some hundreds at most."""
        return self._persons_where(layer, f"IN ({', '.join('?' * len(frames))})", frames)

    def _persons_where(self, layer: Layer, condition: str, values: Sequence[int]) -> list[tuple[int, bytes]]:
        with told_as_project_errors(self.path):
            rows: list[tuple[int, bytes]] = self._connection.execute(
                f"SELECT frame, persons FROM {_PERSON_TABLES[layer]} WHERE frame {condition} ORDER BY frame", values
            ).fetchall()
        if any(len(persons) % RECORD.itemsize for _, persons in rows):
            raise self._damaged("persons in it are cut off")
        return rows

    def put_persons(self, layer: Layer, frame: int, heads: bytes, persons: bytes) -> None:
        """The records of the persons on a frame, and their heads."""
        self._n_bytes += len(persons)
        table = _PERSON_TABLES[layer]
        if persons:
            self._connection.execute(
                f"INSERT INTO {table} VALUES (?, ?, ?) "
                "ON CONFLICT (frame) DO UPDATE SET heads = excluded.heads, persons = excluded.persons",
                (frame, heads, persons),
            )
        else:
            self._connection.execute(f"DELETE FROM {table} WHERE frame = ?", (frame,))

    # marks and tracks

    def marks(self, n_frames: int) -> list[tuple[int, int]]:
        """(frame, marks) of every frame that has some, ascending."""
        with told_as_project_errors(self.path):
            rows: list[tuple[int, int]] = self._connection.execute(
                "SELECT frame, marks FROM marks ORDER BY frame"
            ).fetchall()
        if rows and not (rows[0][0] >= 0 and rows[-1][0] < n_frames):
            raise self._damaged("it has marks on frames that the video has not")
        return rows

    def put_marks(self, frame: int, marks: int) -> None:
        if marks:
            self._connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (frame, marks))
        else:
            self._connection.execute("DELETE FROM marks WHERE frame = ?", (frame,))

    def noted(self, n_frames: int) -> list[tuple[int, int]]:
        """(kind, frame) of every note."""
        with told_as_project_errors(self.path):
            rows: list[tuple[int, int]] = self._connection.execute("SELECT kind, frame FROM notes").fetchall()
        if any(not 0 <= frame < n_frames for _, frame in rows):
            raise self._damaged("it has notes on frames that the video has not")
        return rows

    def note(self, kind: NoteKind, frame: int) -> bytes:
        """What is noted; empty if nothing is."""
        with told_as_project_errors(self.path):
            row: tuple[bytes] | None = self._connection.execute(
                "SELECT data FROM notes WHERE kind = ? AND frame = ?", (int(kind), frame)
            ).fetchone()
        return b"" if row is None else row[0]

    def put_note(self, kind: NoteKind, frame: int, data: bytes) -> None:
        self._n_bytes += len(data)
        if data:
            self._connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?)", (int(kind), frame, data))
        else:
            self._connection.execute("DELETE FROM notes WHERE kind = ? AND frame = ?", (int(kind), frame))

    def tracks(self) -> list[Track]:
        with told_as_project_errors(self.path):
            rows = self._connection.execute("SELECT * FROM tracks ORDER BY track_id").fetchall()
        return [Track(row[0], row[1], row[2], bool(row[3]), bool(row[4]), row[5]) for row in rows]

    def put_track(self, track_id: int, track: Track | None) -> None:
        if track is None:
            self._connection.execute("DELETE FROM tracks WHERE track_id = ?", (track_id,))
        else:
            values = (track.track_id, track.name, track.colour, track.visible, track.locked, track.person_id)
            self._connection.execute("INSERT OR REPLACE INTO tracks VALUES (?, ?, ?, ?, ?, ?)", values)

    # history

    def history(self) -> list[HistoryEntry]:
        with told_as_project_errors(self.path):
            rows = self._connection.execute(
                "SELECT number, label, time, n_changes, undone, kind FROM history ORDER BY number"
            ).fetchall()
        try:
            return [
                HistoryEntry(number, label, time_s, n_changes, bool(undone), StepKind(kind))
                for number, label, time_s, n_changes, undone, kind in rows
            ]
        except ValueError as error:
            raise self._damaged(str(error)) from error

    def put_history(self, entry: HistoryEntry) -> None:
        row = (entry.number, entry.label, entry.time_s, entry.n_changes, entry.undone, entry.kind.value)
        self._connection.execute(
            "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET "
            "label = excluded.label, n_changes = excluded.n_changes, undone = excluded.undone",
            row,
        )

    def drop_empty_runs(self) -> None:
        with told_as_project_errors(self.path):
            self._connection.execute("DELETE FROM history WHERE n_changes = 0 AND kind = ?", (StepKind.RUN.value,))

    def drop_history_from(self, number: int) -> None:
        self._connection.execute("DELETE FROM history WHERE number >= ?", (number,))

    def drop_history(self, number: int) -> None:
        self._connection.execute("DELETE FROM history WHERE number = ?", (number,))

    def history_parts(self, number: int) -> list[int]:
        rows = self._connection.execute("SELECT part FROM history_parts WHERE number = ? ORDER BY part", (number,))
        return [row[0] for row in rows]

    def history_part(self, number: int, part: int) -> bytes:
        row: tuple[bytes] = self._connection.execute(
            "SELECT data FROM history_parts WHERE number = ? AND part = ?", (number, part)
        ).fetchone()
        return row[0]

    def put_history_part(self, number: int, part: int, data: bytes) -> None:
        self._n_bytes += len(data)
        self._connection.execute("INSERT OR REPLACE INTO history_parts VALUES (?, ?, ?)", (number, part, data))


def _write_video(connection: sqlite3.Connection, project: Path, video: VideoFacts) -> None:
    # Project and video often travel together; on another Windows drive there is no relative path.
    relative = ""
    with suppress(ValueError):
        relative = os.path.relpath(video.path.absolute(), project.absolute().parent)
    times_s = video.times_s.astype("<f8").tobytes()
    values = (str(video.path.absolute()), relative, video.fingerprint, video.width_px, video.height_px)
    connection.execute(
        "INSERT OR REPLACE INTO video VALUES (1, ?, ?, ?, ?, ?, ?, ?)", (*values, video.frame_rate, times_s)
    )
