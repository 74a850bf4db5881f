"""What lies beside the video when the window is closed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from app.project import edits
from app.project.backups import backups
from app.project.document import Document
from app.ui.main_window import MainWindow


def _open(open_window: Callable[..., MainWindow], video: Path, qtbot: QtBot) -> MainWindow:
    window = open_window(video)
    qtbot.waitUntil(lambda: window.session.document is not None, timeout=30_000)
    return window


def test_a_closed_project_is_one_whole_file_with_a_backup(
    open_window: Callable[..., MainWindow], video: Path, qtbot: QtBot
) -> None:
    window = _open(open_window, video, qtbot)
    document = window.session.document
    assert document is not None
    assert window.session.submit(edits.set_verified(document, [3], verified=True))
    window.close()
    assert not list(video.parent.glob("*-wal"))
    with Document.open(document.path, read_only=True) as reopened:
        assert reopened.is_verified(3)
    assert len(backups(document.path)) == 1


def test_a_project_without_an_edit_leaves_no_backup(
    open_window: Callable[..., MainWindow], video: Path, qtbot: QtBot
) -> None:
    window = _open(open_window, video, qtbot)
    document = window.session.document
    assert document is not None
    window.close()
    assert not backups(document.path)


def test_the_window_is_gone_before_anything_is_waited_for(
    open_window: Callable[..., MainWindow], video: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window = _open(open_window, video, qtbot)
    close, seen = window.jobs.close, []

    def note_and_close() -> None:
        seen.append(window.isVisible())
        close()

    monkeypatch.setattr(window.jobs, "close", note_and_close)
    window.close()
    assert seen == [False]


def test_a_project_whose_place_another_takes_is_backed_up(
    open_window: Callable[..., MainWindow], video: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    window = _open(open_window, video, qtbot)
    document = window.session.document
    assert document is not None
    assert window.session.submit(edits.set_verified(document, [3], verified=True))
    other = tmp_path / "other" / video.name
    other.parent.mkdir()
    shutil.copy(video, other)
    window.opener.open(other)
    qtbot.waitUntil(lambda: window.session.document not in (None, document), timeout=30_000)
    qtbot.waitUntil(lambda: len(backups(document.path)) == 1, timeout=30_000)
