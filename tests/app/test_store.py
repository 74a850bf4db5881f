"""The project file: damaged, foreign, newer, older, read-only and full are one clear error each; nothing is lost."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from app.project import disk_thread, edits, network_drives, sqlite_file, store
from app.project.document import Document
from app.project.errors import NewerProjectError, ProjectLockedError
from app.project.records import Edit, Layer, PersonChange
from dcpose_core.errors import ProjectError
from dcpose_core.skeletons import POSETRACK_17
from tests.app.projects import annotate, content, new_document, person, predict, summary, video_facts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A closed project with predictions on frames 0 to 29."""
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, range(30))
    return tmp_path / "clip.dcpose"


def test_a_closed_project_is_one_file_that_says_what_it_is(path: Path) -> None:
    header = path.read_bytes()[:100]
    assert header.startswith(b"SQLite format 3")
    assert header[68:72] == b"DCPA"
    assert int.from_bytes(header[60:64], "big") == store.VERSION
    assert [file.name for file in path.parent.iterdir() if not file.name.startswith(".")] == ["clip.dcpose"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "not a project"),
        (lambda data: b"not a database at all" * 100, "damaged, or not a project"),
        (lambda data: data[: len(data) // 3], "damaged"),
        (lambda data: data[:100] + os.urandom(8000) + data[8100:], "damaged"),
    ],
)
def test_a_damaged_file_is_one_clear_error(path: Path, damage: object, message: str) -> None:
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    for read_only in (False, True):
        with pytest.raises(ProjectError, match=message) as error, Document.open(path, read_only=read_only) as document:
            content(document)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_another_program_s_database_is_no_project(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(ProjectError, match=r"not a project; choose a \.dcpose file"):
        Document.open(tmp_path / "other.db")
    with pytest.raises(ProjectError, match="no such file"):
        Document.open(tmp_path / "missing.dcpose")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM video", "does not say which video"),
        ("DELETE FROM tracks", "persons without a track"),
        ("UPDATE predictions SET frame = 99 WHERE frame = 29", "frames that the video has not"),
        ("INSERT INTO marks VALUES (-1, 1)", "frames that the video has not"),
        ("INSERT INTO notes VALUES (0, 99, x'90')", "frames that the video has not"),
        ("UPDATE predictions SET persons = x'00', heads = x'00' WHERE frame = 3", "cut off"),
        ("UPDATE history SET kind = 'other'", "damaged"),
        ("DROP TABLE history", "cannot be read"),
    ],
)
def test_a_file_that_contradicts_itself_is_one_clear_error(path: Path, statement: str, message: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
    with pytest.raises(ProjectError, match=message):
        Document.open(path)


def test_a_newer_major_version_is_refused_and_a_newer_minor_one_opens(path: Path) -> None:
    before = path.read_bytes()
    for version, is_refused in ((store.VERSION + 1000, True), (store.VERSION + 1, False)):
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA user_version = {version}")
        if is_refused:
            changed = path.read_bytes()
            for read_only in (False, True):
                with pytest.raises(NewerProjectError, match=r"newer version.*update the program"):
                    Document.open(path, read_only=read_only)
            assert path.read_bytes() == changed != before
        else:
            Document.open(path).close()


def test_an_older_version_is_migrated_and_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = path.read_bytes()
    monkeypatch.setattr(store, "VERSION", store.VERSION + 2)

    def add_column(connection: sqlite3.Connection) -> None:
        connection.execute("ALTER TABLE video ADD COLUMN note TEXT")

    def rename(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE tracks SET name = 'Migrated'")

    steps = {store.VERSION: rename, store.VERSION - 1: add_column}
    monkeypatch.setattr(store, "MIGRATIONS", steps)
    with pytest.raises(ProjectError, match="older version; open it for writing once"):
        Document.open(path, read_only=True)
    with Document.open(path) as document:
        assert document.tracks()[0].name == "Migrated"
        assert document.spans(0) == [(0, 29)]
    assert path.with_name("clip.v2.1.dcpose").is_file()
    assert path.read_bytes() != old


def test_a_project_of_the_first_version_opens_with_all_persons_and_history(path: Path) -> None:
    with Document.open(path) as document:
        annotate(document, 0, [3])
        now = content(document)
        document.undo()
        before = content(document)
    _as_format_1_0(path)
    with Document.open(path) as document:
        assert content(document) == before
        document.redo()
        assert content(document) == now
    with closing(sqlite3.connect(path.with_name("clip.v1.0.dcpose"))) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1000,)


def test_a_damaged_project_of_the_first_version_is_one_clear_error_and_stays(path: Path) -> None:
    _as_format_1_0(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE predictions SET persons = substr(persons, 1, 100) WHERE frame = 3")
        connection.commit()
    old = path.read_bytes()
    with pytest.raises(ProjectError, match=r"clip.dcpose: damaged.*cut off"):
        Document.open(path)
    assert path.read_bytes() == old


def test_how_far_joints_were_refined_is_kept(tmp_path: Path) -> None:
    moved_px = np.linspace(0, 30, 17)
    with new_document(tmp_path, n_tracks=1) as document:
        change = PersonChange(Layer.PREDICTION, 4, 0, None, person(1, refinement_px=moved_px))
        document.apply(Edit("Predict", (change,)))
    with Document.open(tmp_path / "clip.dcpose") as document:
        stored = document.person(4, 0)
        assert stored == person(1, refinement_px=moved_px) != person(1)
        document.apply(edits.swap_left_right(document, [4], [0]))
        swapped = document.person(4, 0)
        assert swapped is not None
        assert swapped.refinement_px is not None
        np.testing.assert_allclose(swapped.refinement_px, moved_px[POSETRACK_17.flip_order], rtol=1e-6)


def _as_format_1_0(path: Path) -> None:
    """Write the project as the first version of the program did: records of 528 bytes, without refinement."""

    def narrowed(records: bytes) -> bytes:
        return b"".join(records[start : start + 523] + bytes(5) for start in range(0, len(records), 592))

    with closing(sqlite3.connect(path)) as connection:
        for table in ("predictions", "annotations"):
            for frame, records in connection.execute(f"SELECT frame, persons FROM {table}").fetchall():
                connection.execute(f"UPDATE {table} SET persons = ? WHERE frame = ?", (narrowed(records), frame))
        for row, data in connection.execute("SELECT rowid, data FROM history_parts").fetchall():
            keys, records, *rest = msgspec.msgpack.decode(data)
            part = msgspec.msgpack.encode([keys, narrowed(records), *rest])
            connection.execute("UPDATE history_parts SET data = ? WHERE rowid = ?", (part, row))
        connection.execute("DROP TABLE notes")
        connection.execute("ALTER TABLE tracks DROP COLUMN person_id")
        connection.execute("PRAGMA user_version = 1000")
        connection.commit()


def test_a_closed_project_leaves_no_lock_behind_and_a_taken_one_stays_taken(path: Path) -> None:
    lock = path.with_name(f".{path.name}.lock")
    with Document.open(path):
        with pytest.raises(ProjectLockedError):
            Document.open(path)
        if os.name == "posix":
            lock.unlink()  # as if another program tidied up: whoever comes then has a file of its own
            lock.touch()
    assert not lock.exists() or os.name != "posix"
    with Document.open(path), pytest.raises(ProjectLockedError):
        Document.open(path)


def test_a_migration_that_fails_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = path.read_bytes()

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE tracks SET name = 'Half'")
        connection.execute("SELECT * FROM nowhere")

    monkeypatch.setattr(store, "VERSION", store.VERSION + 1)
    monkeypatch.setattr(store, "MIGRATIONS", {store.VERSION: fail})
    with pytest.raises(ProjectError, match="nowhere"):
        Document.open(path)
    assert path.read_bytes() == old


def test_a_drive_that_is_gone_is_a_message_that_says_what_is_kept(path: Path) -> None:
    gone = sqlite3.OperationalError("disk I/O error")
    kept = r"its drive fails or is gone .* what was done before is kept"
    with pytest.raises(ProjectError, match=kept), sqlite_file.told_as_project_errors(path):
        raise gone


def test_a_full_disk_is_a_message_and_changes_nothing(path: Path) -> None:
    with Document.open(path) as document:
        before, summary_before = content(document), summary(document)
        connection = document._store._connection
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
        for name in ("first", "second"):
            with pytest.raises(ProjectError, match="disk is full; nothing was changed"):
                document.checkpoint(name * 50_000)
        assert content(document) == before
        assert summary(document) == summary_before
        connection.execute("PRAGMA max_page_count = 1000000")
        document.checkpoint("There is room again")
    with Document.open(path) as document:
        assert content(document) == before
        assert document.history()[-1].label == "There is room again"


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_read_only_folder_is_a_message_and_can_be_read(path: Path) -> None:
    path.parent.chmod(0o500)
    try:
        with pytest.raises(ProjectError, match="read-only"):
            Document.open(path)
        with Document.open(path, read_only=True) as document:
            assert document.person(3, 0) == person(3)
    finally:
        path.parent.chmod(0o700)


def test_a_project_whose_log_cannot_be_made_is_read_without_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The superuser of a test machine may write everywhere, so SQLite's refusal is played.
    connect, check = sqlite_file._connect, sqlite_file._checked_version
    modes: list[str] = []

    def connect_and_note(file: Path, mode: str) -> sqlite3.Connection:
        modes.append(mode)
        return connect(file, mode)

    def refused(file: Path, connection: sqlite3.Connection, version: int) -> int:
        if modes[-1] == "ro":
            raise sqlite3.OperationalError("unable to open database file")
        return check(file, connection, version)

    monkeypatch.setattr(sqlite_file, "_connect", connect_and_note)
    monkeypatch.setattr(sqlite_file, "_checked_version", refused)
    with Document.open(path, read_only=True) as document:
        assert document.person(3, 0) == person(3)
    assert modes == ["ro", "ro&immutable=1"]


def test_on_a_network_drive_the_classic_journal_is_used(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Document.open(path) as document:
        assert document._store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    monkeypatch.setattr(sqlite_file, "is_on_network", lambda path: True)
    with Document.open(path) as document:
        assert document._store._connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert document._store._connection.execute("PRAGMA synchronous").fetchone() == (2,)
        with Document.open(path, read_only=True) as other:
            document.undo()
            assert other.person(3, 0) is None
    monkeypatch.undo()
    with Document.open(path) as document:
        assert document._store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_every_edit_is_made_sure_of_on_the_disk_soon_after(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(sqlite_file, "sync_log", synced.append)
    with Document.open(path) as document:
        document.undo()
        document.redo()
    assert set(synced) == {path}


def test_a_disk_that_does_not_take_an_edit_is_told_before_the_next_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    with Document.open(path) as document:
        monkeypatch.setattr(os, "fsync", fail)
        document.undo()
        syncing = document._store._disk._syncing
        assert syncing is not None
        syncing.result()
        with pytest.raises(ProjectError, match="Input/output error"):
            document.redo()
        assert document.redo_label is not None
        monkeypatch.undo()
        document.redo()
        assert document.redo_label is None


def test_the_log_is_moved_into_the_file_beside_the_edits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_thread, "_MOVE_BYTES", 1)
    with new_document(tmp_path, n_tracks=1) as document:
        for i in range(30):
            annotate(document, 0, [i])
            moving = document._store._disk._moving
            assert moving is not None
            moving.result()
        # 30 commits of some 10 pages of 8 kB each: without moving, the log would hold them all.
        assert (tmp_path / "clip.dcpose-wal").stat().st_size < 500_000
        before = content(document)
    assert not any(thread.name.startswith("checkpoint") for thread in threading.enumerate())
    with Document.open(tmp_path / "clip.dcpose") as document:
        assert content(document) == before


def test_network_drives_are_known_by_their_mounts() -> None:
    mounts = "\n".join(
        (
            "/dev/sda1 / ext4 rw 0 0",
            "server:/data /mnt/data nfs4 rw 0 0",
            "/dev/sdb1 /mnt/data/local ext4 rw 0 0",
            r"//server/share /mnt/my\040share cifs rw 0 0",
        )
    )
    kinds = {
        "/home/me/a.dcpose": "ext4",
        "/mnt/data/a.dcpose": "nfs4",
        "/mnt/data/local/a.dcpose": "ext4",
        "/mnt/my share/a.dcpose": "cifs",
        "/mnt/database/a.dcpose": "ext4",
    }
    assert {path: network_drives._file_system(Path(path), mounts) for path in kinds} == kinds


def test_a_project_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="there is no folder"):
        Document.create(tmp_path / "nowhere" / "clip.dcpose", video_facts(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_predictions_and_annotations_stand_in_tables_of_their_own(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("predictions", "annotations")
        ]
    assert counts == [30, 0]
    assert len(Layer) == 2
