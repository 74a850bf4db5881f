"""What the window has to say: a bar at the bottom of the window with one action, never a stack of dialogs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from app.ui import theme

#: A message that only informs leaves by itself after this time; a warning or an error stays until it is closed.
_INFO_MS = 6000
#: What can be undone is told for longer; `Ctrl+Z` stays.
_UNDO_MS = 12000
_ICONS = {"info": "mdi6.information-outline", "warning": "mdi6.alert-outline", "error": "mdi6.alert-circle-outline"}
_MOST_SHOWN = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One thing to tell. action: text of the one button, and what it does.

    n_done: how many steps of the history are done, where the button undoes the last of them: with any other number, it
    would undo something else.
    """

    text: str
    kind: Literal["info", "warning", "error"] = "info"
    action: str = ""
    handler: Callable[[], object] | None = None
    n_done: int | None = None


class MessageBar(QFrame):
    """Shows the newest message; as high as its text is at the width that it gets (`heightForWidth`)."""

    #: There is another text: another size is wanted.
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messageBar")
        self.setAccessibleName("Message")
        self.message: Message | None = None
        self._icon = QLabel(self)
        self._text = QLabel(self)
        self._text.setTextFormat(Qt.TextFormat.PlainText)  # file names are not markup
        self._text.setWordWrap(True)
        self._text.setContentsMargins(0, 3, 0, 3)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._button = QPushButton(self)
        self._button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._button.clicked.connect(self._on_action)
        self._close = QToolButton(self)
        self._close.setAutoRaise(True)
        self._close.setIconSize(QSize(16, 16))
        self._close.setAccessibleName("Close message")
        self._close.setToolTip("Close")
        self._close.clicked.connect(self.clear)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 1, 4, 1)  # so that a line of text is no higher than the status bar
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self._text, 1)
        row.addWidget(self._button)
        row.addWidget(self._close)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.clear)
        self.hide()

    @Slot(object)
    def show_message(self, message: Message) -> None:
        """Show `message` in place of the one before."""
        self.message = message
        text = message.text if len(message.text) <= _MOST_SHOWN else message.text[:_MOST_SHOWN] + " ..."
        self._text.setText(text)
        self._text.setToolTip("")
        self._button.setText(message.action)
        self._button.setVisible(bool(message.action))
        self.setProperty("kind", message.kind)
        self.refresh_theme()
        self.show()
        self.changed.emit()
        if message.n_done is not None:
            self._timer.start(_UNDO_MS)
        elif message.kind == "info" and not message.action:
            self._timer.start(_INFO_MS)
        else:
            self._timer.stop()

    def drop_outdated(self, n_done: int | None) -> None:
        """Take a message away whose button would undo something else by now. n_done: steps done; None: no project."""
        if self.message is not None and self.message.n_done not in (None, n_done):
            self.clear()

    def clear(self) -> None:
        self.message = None
        self._timer.stop()
        self.hide()

    def refresh_theme(self) -> None:
        """Icons and colours of the theme in force."""
        kind = "info" if self.message is None else self.message.kind
        self._icon.setPixmap(theme.icon(_ICONS[kind], role=f"on_{kind}").pixmap(20, 20))
        self._close.setIcon(theme.icon("mdi6.close", role=f"on_{kind}"))
        for widget in (self, self._text):  # the style sheet colours the text by the kind of the bar
            self.style().unpolish(widget)
            self.style().polish(widget)

    def _on_action(self) -> None:
        message = self.message
        self.clear()
        if message is not None and message.handler is not None:
            message.handler()
