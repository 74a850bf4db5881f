"""The docks: laid out for the window's size, reached by key, brought to the front before they are closed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from app.ui.main_window import MainWindow
from tests.app.ui.conftest import wait_for_frame


def _in_front(window: MainWindow) -> set[str]:
    return {name for name, dock in window.docks.items() if dock.isVisible() and not dock.visibleRegion().isEmpty()}


def _is_seen(widget: QWidget) -> bool:
    return not widget.visibleRegion().isEmpty()


def test_a_dock_behind_a_tab_comes_to_the_front_and_only_then_is_closed(window: MainWindow, qtbot: QtBot) -> None:
    assert "person" in _in_front(window)
    action = window.table.action("panel.review")
    action.trigger()
    qtbot.waitUntil(lambda: "review" in _in_front(window))
    assert "person" not in _in_front(window)
    window.table.refresh()
    assert action.isChecked()
    action.trigger()
    assert window.docks["review"].isHidden()


def test_f6_never_leads_to_what_cannot_be_seen(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    window.canvas.setFocus()
    visited = []
    for _ in range(5):
        QTest.keyClick(window.focusWidget() or window.canvas, Qt.Key.Key_F6)
        focus = QApplication.focusWidget()
        assert focus is not None
        qtbot.waitUntil(partial(_is_seen, focus))
        visited.append(next((name for name, dock in window.docks.items() if dock.isAncestorOf(focus)), "canvas"))
    assert {"tracks", "review", "history", "timeline", "canvas"} <= set(visited)


def test_the_first_layout_is_for_the_size_that_the_window_has_when_a_video_opens(
    open_window: Callable[..., MainWindow], video: Path, qtbot: QtBot
) -> None:
    window = open_window()
    window.resize(2000, 1200)
    window.opener.open(video)
    wait_for_frame(qtbot, window, 0)
    assert {"tracks", "review", "person"} <= _in_front(window)
    docks = window.docks  # which are as high as they are to be once the layout has settled
    qtbot.waitUntil(lambda: docks["review"].height() > 1.5 * docks["tracks"].height())


def test_the_docks_are_as_large_in_the_next_session_and_after_a_project_was_closed(
    open_window: Callable[..., MainWindow], video: Path, qtbot: QtBot
) -> None:
    def heights(window: MainWindow) -> dict[str, int]:
        window.resize(2000, 1200)
        window.opener.open(video)
        wait_for_frame(qtbot, window, 0)
        qtbot.wait(50)  # until the layout has settled
        return {name: window.docks[name].height() for name in ("tracks", "review", "person", "timeline")}

    first = open_window()
    left = heights(first)
    first.close_document()
    assert heights(first) == left
    first.close()
    assert heights(open_window()) == left
