"""Space presses the button that has the keyboard, and plays everywhere else."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.ui.main_window import MainWindow
from tests.app.ui.conftest import press_key


def test_space_presses_a_focused_button_and_does_not_play(window: MainWindow, qtbot: QtBot) -> None:
    window.docks.open("propagation")
    box = window.propagation.panel.previews
    qtbot.waitUntil(box.isVisible)
    window.activateWindow()
    was_on = box.isChecked()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    QTest.keyClick(box, Qt.Key.Key_Space)
    assert box.isChecked() is not was_on
    assert not window.playback.is_playing


def test_space_plays_while_the_picture_has_the_keyboard(window: MainWindow) -> None:
    press_key(window, Qt.Key.Key_Space)
    assert window.playback.is_playing
    press_key(window, Qt.Key.Key_Space)
