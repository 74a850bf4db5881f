"""Keys that go on while they are held."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.ui.held_key import FIRST_MS, HeldKey

_SLOW_S = 1.2 * FIRST_MS / 1000


def key_event(kind: QEvent.Type) -> QKeyEvent:
    return QKeyEvent(kind, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)


def test_a_tap_is_one_time_however_long_what_it_does_takes(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    held = HeldKey(window)
    times: list[float] = []

    def undo() -> None:
        time.sleep(_SLOW_S)
        times.append(time.monotonic())

    up = QTimer()
    up.setSingleShot(True)
    up.setTimerType(Qt.TimerType.PreciseTimer)
    up.timeout.connect(lambda: QApplication.sendEvent(window, key_event(QEvent.Type.KeyRelease)))

    for tap in range(1, 4):
        QApplication.sendEvent(window, key_event(QEvent.Type.ShortcutOverride))
        up.start(round(1.1 * FIRST_MS))  # while the handler still works
        held.trigger(undo)
        qtbot.wait(50)
        assert len(times) == tap


def test_a_held_key_goes_on_until_it_comes_up(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    held = HeldKey(window)
    times: list[float] = []
    QApplication.sendEvent(window, key_event(QEvent.Type.ShortcutOverride))
    held.trigger(lambda: times.append(time.monotonic()))
    qtbot.waitUntil(lambda: len(times) >= 3, timeout=20_000)
    QApplication.sendEvent(window, key_event(QEvent.Type.KeyRelease))
    count = len(times)
    qtbot.wait(400)
    assert len(times) == count
