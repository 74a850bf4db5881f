"""The window without a screen, opened by the same function as `main`, on a small video."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before Qt is asked for a screen

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.__main__ import start
from app.project import edits
from app.project.records import Person
from app.ui.main_window import MainWindow
from dcpose_core.skeletons import POSETRACK_17
from tests.app.projects import person
from tests.videos import VIDEO_KINDS, write_numbered_video

_LEFT, _NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
WRIST = POSETRACK_17.index("left_wrist")


def standing_person(x: float, y: float, **changes: object) -> Person:
    """A model's person of 40 x 70 pixels about (x, y), its joints far enough from each other to be told apart."""
    offsets = np.array(
        [
            [0, -28], [0, -20], [0, -35], [0, 0], [0, 0], [10, -18], [-10, -18], [15, -6], [-15, -6], [20, 6],
            [-20, 6], [6, 6], [-6, 6], [7, 20], [-7, 20], [8, 35], [-8, 35],
        ]
    )  # fmt: skip
    box = np.array([x - 26, y - 45, x + 26, y + 45])
    return person(0, **{"keypoints": offsets + np.array([x, y]), "box_xyxy": box, **changes})


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """96 frames of 160 x 96 pixels that carry their numbers."""
    return write_numbered_video(tmp_path_factory.mktemp("clip") / "clip.mp4", VIDEO_KINDS["H.264, mp4"])


@pytest.fixture
def video(clip: Path, tmp_path: Path) -> Path:
    """The clip in a folder of its own, where its project will lie."""
    copy = tmp_path / "clip.mp4"
    copy.write_bytes(clip.read_bytes())
    return copy


@pytest.fixture
def open_window(qapp: QApplication) -> Iterator[Callable[..., MainWindow]]:
    """Opens windows as `main` does, and closes them; a crash dialog or a thread left behind fails the test."""
    windows: list[MainWindow] = []
    before = set(threading.enumerate())

    def open_(path: Path | None = None) -> MainWindow:
        _, window = start(path)
        window.resize(1280, 720)
        window.evidence.hide()  # it would load the networks
        window.propagation.propagating.choices.set(previews=False, reinfers=False)  # so would a correction
        windows.append(window)
        return window

    yield open_
    crashes = [window.crash.dialog.report.toPlainText() for window in windows if window.crash.dialog is not None]
    for window in windows:
        window.close()
        window.crash.uninstall()
        window.deleteLater()
    qapp.processEvents()
    assert not crashes
    left = [thread.name for thread in set(threading.enumerate()) - before if "loader" in thread.name]
    assert not left


@pytest.fixture
def window(open_window: Callable[..., MainWindow], video: Path, qtbot: QtBot) -> MainWindow:
    """A window with the clip open and its first frame on the screen."""
    opened = open_window(video)
    wait_for_frame(qtbot, opened, 0)
    return opened


@pytest.fixture
def track(window: MainWindow) -> int:
    """A person on frame 0; its track."""
    return add(window, standing_person(60, 48))


def add(window: MainWindow, one: Person) -> int:
    document = window.session.document
    assert document is not None
    track_id = document.next_free_track_id()
    assert window.session.submit(edits.add_person(document, window.session.frame, one))
    return track_id


def wait_for_frame(qtbot: QtBot, window: MainWindow, frame: int) -> None:
    """Until the picture of a frame is on the screen; what the window has to say instead is the failure."""

    def is_shown() -> None:
        assert window.session.shown_frame == frame, window.messages.message

    qtbot.waitUntil(is_shown, timeout=20_000)


def shown(window: MainWindow, track_id: int, frame: int = 0) -> Person:
    """A person as the document has it."""
    document = window.session.document
    assert document is not None
    found = document.person(frame, track_id)
    assert found is not None
    return found


class Mouse:
    """Moves over the canvas in image pixels."""

    def __init__(self, window: MainWindow) -> None:
        self._canvas = window.canvas

    def at(self, point: object) -> QPointF:
        x, y = self._canvas.transform.to_canvas(point).tolist()  # type: ignore[arg-type]  # any pair of numbers
        return QPointF(x, y)

    def send(
        self,
        kind: QEvent.Type,
        point: object,
        button: Qt.MouseButton = _LEFT,
        keys: Qt.KeyboardModifier = _NONE,
    ) -> None:
        position = self.at(point)
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
        event = QMouseEvent(kind, position, self._canvas.mapToGlobal(position), button, held, keys)
        QApplication.sendEvent(self._canvas, event)

    def press(self, point: object, **how: object) -> None:
        self.send(QEvent.Type.MouseButtonPress, point, **how)  # type: ignore[arg-type]  # button and keys

    def move(self, point: object, **how: object) -> None:
        self.send(QEvent.Type.MouseMove, point, **how)  # type: ignore[arg-type]

    def release(self, point: object, **how: object) -> None:
        self.send(QEvent.Type.MouseButtonRelease, point, **how)  # type: ignore[arg-type]

    def click(self, point: object, **how: object) -> None:
        self.press(point, **how)
        self.release(point, **how)

    def double_click(self, point: object) -> None:
        self.click(point)
        self.send(QEvent.Type.MouseButtonDblClick, point)
        self.release(point)

    def drag(self, start: object, end: object, **how: object) -> None:
        """Press, move in three steps, release."""
        first, last = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
        self.press(first, **how)
        for share in (0.3, 0.7, 1.0):
            self.move(first + (last - first) * share, **how)
        self.release(last, **how)

    def wheel(self, point: object, notches: float, keys: Qt.KeyboardModifier = _NONE) -> None:
        position = self.at(point)
        delta = QPointF(0, 120 * notches).toPoint()
        event = QWheelEvent(
            position,
            self._canvas.mapToGlobal(position),
            QPointF().toPoint(),
            delta,
            Qt.MouseButton.NoButton,
            keys,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(self._canvas, event)


@pytest.fixture
def mouse(window: MainWindow) -> Mouse:
    return Mouse(window)


def press_key(window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier = _NONE) -> None:
    """A tap on a key, with the focus on the canvas."""
    window.activateWindow()
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, key, modifiers)
