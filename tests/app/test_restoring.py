"""A backup that becomes a project again, with nothing lost on the way."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from app.project.backups import back_up
from app.project.document import Document
from app.project.errors import DamagedProjectError, ProjectLockedError
from app.project.restoring import BackupContents, contents, copy_backup, copy_path, project_of, put_back
from dcpose_core.errors import ProjectError
from tests.app.projects import annotate, content, new_document, predict

_NOW = datetime(2026, 5, 20, 12, 0).astimezone()
_GARBAGE = b"no project at all"


def _backed_up(folder: Path) -> tuple[Path, Path, object]:
    """A closed project, its backup, and what is in both."""
    with new_document(folder, n_tracks=1) as document:
        predict(document, 0, [1, 2])
        annotate(document, 0, [2], label="Move joint")
        backup = back_up(document.path, _NOW)
        assert backup is not None
        return document.path, backup, content(document)


def test_a_backup_tells_what_is_in_it_and_whose_it_is(tmp_path: Path) -> None:
    project, backup, _ = _backed_up(tmp_path)
    assert contents(backup) == BackupContents(last_step="Move joint", n_annotated=2, n_verified=0)
    assert project_of(backup) == project
    assert project_of(project) is None


def test_a_backup_takes_the_place_of_a_damaged_project_which_is_kept_with_its_log(tmp_path: Path) -> None:
    project, backup, before = _backed_up(tmp_path)
    log = project.with_name(f"{project.name}-wal")
    project.write_bytes(_GARBAGE)
    log.write_bytes(b"its log")
    kept = put_back(backup, project)
    assert kept == tmp_path / "clip damaged.dcpose"
    assert kept.read_bytes() == _GARBAGE
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == b"its log"
    assert not log.exists()
    with Document.open(project) as restored:
        assert content(restored) == before
    project.write_bytes(_GARBAGE)
    assert put_back(backup, project) == tmp_path / "clip damaged 2.dcpose"
    project.unlink()
    assert put_back(backup, project) is None
    assert project.exists()


def test_a_project_that_is_open_or_a_damaged_backup_changes_nothing(tmp_path: Path) -> None:
    project, backup, before = _backed_up(tmp_path)
    with Document.open(project) as document:
        with pytest.raises(ProjectLockedError):
            put_back(backup, project)
        assert content(document) == before
    backup.write_bytes(_GARBAGE)
    files = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for restore in (put_back, copy_backup):
        with pytest.raises(DamagedProjectError):
            restore(backup, project)
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == files


def test_a_copy_goes_beside_the_project_under_a_free_name(tmp_path: Path) -> None:
    project, backup, before = _backed_up(tmp_path)
    target = copy_path(backup, project)
    assert target == tmp_path / "clip 2026-05-20 12.00.dcpose"
    copy_backup(backup, target)
    with Document.open(target) as copy:
        assert content(copy) == before
    assert copy_path(backup, project).name == "clip 2026-05-20 12.00 2.dcpose"
    with pytest.raises(ProjectError, match="exists already"):
        copy_backup(backup, target)
