"""Only the picture on the whole screen, and back; and the way of the keyboard from part to part of the window."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QByteArray, Qt
from PySide6.QtWidgets import QMainWindow, QWidget


class FullCanvas:
    """Hides `parts` of `window` and everything in its docks while `canvas` has the screen to itself."""

    def __init__(self, window: QMainWindow, canvas: QWidget, bars: Sequence[QWidget], docks: Sequence[QWidget]) -> None:
        self._window, self._canvas, self._bars, self._docks = window, canvas, bars, docks
        self._before: tuple[QByteArray, Qt.WindowState] | None = None

    @property
    def is_on(self) -> bool:
        return self._before is not None

    def set_on(self, on: bool) -> None:
        """Only the picture, or everything again."""
        if on == self.is_on:
            return
        if self._before is None:
            self._before = (self._window.saveState(), self._window.windowState())
            for widget in (*self._docks, *self._bars):
                widget.hide()
            self._window.showFullScreen()
            self._canvas.setFocus()
        else:
            state, window_state = self._before
            self._before = None
            self._window.setWindowState(window_state)
            for bar in self._bars:
                bar.show()
            self._window.restoreState(state)


def next_pane(panes: Sequence[QWidget], focus: QWidget | None, step: int) -> None:
    """Move the keyboard to the next (1) or previous (-1) of the parts of a window."""
    at = next((i for i, pane in enumerate(panes) if focus is not None and _holds(pane, focus)), 0)
    for offset in range(1, len(panes) + 1):
        target = _first_for_keys(panes[(at + step * offset) % len(panes)])
        if target is not None:
            target.setFocus(Qt.FocusReason.TabFocusReason)
            return


def _holds(pane: QWidget, widget: QWidget) -> bool:
    return pane is widget or pane.isAncestorOf(widget)


def _first_for_keys(pane: QWidget) -> QWidget | None:
    """What the pane gives the keyboard to (`focusProxy`), itself, or its first part, that takes it by Tab."""
    for widget in (pane.focusProxy() or pane, *pane.findChildren(QWidget)):
        takes = Qt.FocusPolicy.TabFocus.value & widget.focusPolicy().value
        if takes and widget.isVisible() and widget.isEnabled():
            return widget
    return None
