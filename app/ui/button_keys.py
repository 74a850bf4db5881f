"""Space on a button presses it: as a key of the window, such as play and pause, it would never get there."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QComboBox, QWidget

_PRESSED_BY_SPACE = (QAbstractButton, QComboBox)


class ButtonKeys(QObject):
    """Watches a window: Qt asks the focused widget first, and then those that hold it, whether a key is theirs."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        window.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
            return False
        is_space = event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.NoModifier
        if is_space and isinstance(self._window.focusWidget(), _PRESSED_BY_SPACE):
            event.accept()
            return True
        return False
