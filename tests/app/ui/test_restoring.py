"""Backups in the window: offered where a project is damaged, and in the File menu."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.project import edits
from app.project.backups import back_up, backups
from app.project.errors import DamagedProjectError
from app.ui.dialogs.backup_dialog import BackupDialog
from app.ui.main_window import MainWindow
from app.ui.messages import Message
from tests.app.ui.conftest import wait_for_frame


def _project_with_backup(window: MainWindow) -> Path:
    """Frame 3 is verified in the project and in its backup."""
    document = window.session.document
    assert document is not None
    assert window.session.submit(edits.set_verified(document, [3], verified=True))
    back_up(document.path)
    return document.path


def _dialog(window: MainWindow) -> BackupDialog:
    (dialog,) = window.findChildren(BackupDialog)
    return dialog


def _cell(dialog: BackupDialog, column: int) -> str:
    """What stands in the first row."""
    row = dialog.list.topLevelItem(0)
    assert row is not None
    return row.text(column)


def _message(window: MainWindow) -> Message:
    message = window.messages.message
    assert message is not None
    return message


def test_a_damaged_project_offers_its_backups_and_opens_one_in_its_place(
    window: MainWindow, video: Path, open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    project = _project_with_backup(window)
    window.close()
    project.write_bytes(b"damaged")
    again = open_window(video)
    qtbot.waitUntil(lambda: again.messages.message is not None, timeout=20_000)
    message = _message(again)
    assert message.action == "Open Backup..."
    assert message.handler is not None
    message.handler()
    dialog = _dialog(again)
    qtbot.waitUntil(lambda: _cell(dialog, 2) == "0 frames, 1 verified")
    dialog.go.click()
    wait_for_frame(qtbot, again, 0)
    assert again.session.document is not None
    assert again.session.document.path == project
    assert again.session.document.is_verified(3)
    assert (video.parent / "clip.mp4 damaged.dcpose").read_bytes() == b"damaged"


def test_a_damaged_backup_cannot_be_chosen_and_without_one_the_message_says_so(
    window: MainWindow, open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    project = _project_with_backup(window)
    window.close()
    project.write_bytes(b"")
    for backup in backups(project):  # closing the window may have made another
        backup.write_bytes(b"damaged, too")
    again = open_window(project)
    handler = _message(again).handler
    assert handler is not None
    handler()
    dialog = _dialog(again)
    qtbot.waitUntil(lambda: _cell(dialog, 1) == "damaged itself")
    assert not dialog.go.isEnabled()
    dialog.reject()
    for backup in backups(project):
        backup.unlink()
    again.opener.open(project)
    assert _message(again).text.endswith("there is no backup of it")
    assert not _message(again).action


def test_the_menu_opens_a_copy_beside_a_healthy_project(window: MainWindow, qtbot: QtBot) -> None:
    window.table.action("file.open_backup").trigger()
    assert "no backup" in _message(window).text
    project = _project_with_backup(window)
    content = project.read_bytes()
    window.table.action("file.open_backup").trigger()
    _dialog(window).go.click()
    document = window.session.document
    qtbot.waitUntil(lambda: window.session.document is not document, timeout=20_000)
    wait_for_frame(qtbot, window, 0)
    assert window.session.document is not None
    assert window.session.document.path.parent == project.parent
    assert window.session.document.path != project
    assert window.session.document.is_verified(3)
    assert len(project.read_bytes()) >= len(content)


def test_a_backup_that_is_opened_as_a_file_is_not_written_itself(window: MainWindow) -> None:
    (backup,) = backups(_project_with_backup(window))
    window.opener.open(backup)
    assert _dialog(window).chosen == backup


def test_a_part_that_cannot_be_read_is_no_bug_but_damage_with_backups_to_open(
    window: MainWindow, qapp: QApplication
) -> None:
    _project_with_backup(window)
    note = "Error calling Python override of QWidget::paintEvent(): "
    error = DamagedProjectError(f"{note}clip.mp4.dcpose: damaged: persons in it are cut off")
    window.crash._on_exception(DamagedProjectError, error, None)
    assert window.crash.dialog is None
    assert _message(window).text.startswith("clip.mp4.dcpose: damaged")
    assert _message(window).action == "Open Backup..."


def test_files_that_are_no_videos_say_what_to_do_with_them(
    open_window: Callable[..., MainWindow], tmp_path: Path
) -> None:
    window = open_window()
    for name, told in (
        ("poses.json", "File > Import Poses"),
        ("clip.mp4.dcpose-wal", "belongs to clip.mp4.dcpose"),
        ("model.pth", "dcpose models import"),
    ):
        window.opener.open(tmp_path / name)
        assert told in _message(window).text


def test_poses_opened_over_a_project_are_imported(
    window: MainWindow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported: list[Path] = []
    monkeypatch.setattr(window.opener, "import_poses", imported.append)
    window.opener.open(tmp_path / "poses.json")
    assert imported == [tmp_path / "poses.json"]
    assert window.messages.message is None
