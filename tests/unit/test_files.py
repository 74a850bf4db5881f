"""Files that are whole or not there."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from dcpose_core.files import asked_for, replacing, write_files


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text("old")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half of the n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_replaces_the_file_and_has_the_usual_rights(tmp_path: Path) -> None:
    path, plain = tmp_path / "out.json", tmp_path / "plain"
    plain.write_text("")
    write_files({path: b"one"})
    write_files({path: b"two"})
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)
    assert sorted(tmp_path.iterdir()) == [path, plain]


def test_an_unwritable_place_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "no such folder" / "second"
    with pytest.raises(FileNotFoundError) as raised:
        write_files({first: b"x", second: b"y"})
    assert raised.value.filename == str(second)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "no such folder" / "out.json"
    with pytest.raises(FileNotFoundError) as raised, replacing(path) as temporary:
        temporary.write_text("new")
    assert raised.value.filename == str(path)
    beside = tmp_path / "no such folder" / "out.json.partial"
    with pytest.raises(FileNotFoundError, match="another") as raised, asked_for(path, instead_of=beside):
        (tmp_path / "no such folder" / "another").write_text("new")  # an error about something else stays as it is
