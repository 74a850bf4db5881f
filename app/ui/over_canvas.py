"""What floats over the window: progress of what everybody waits for over the canvas, messages over the status bar."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer, Slot
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.ui.long_edit import LongEdit
from app.ui.messages import MessageBar

_MARGIN_PX, _BOTTOM_PX = 12, 32
_LEAST_PX, _CARD_PX = 200, 360
_SHOWN_AFTER_MS = 250


class ProgressCard(QWidget):
    """What goes on, how far it is and, where it can be, a button that stops it."""

    def __init__(self, name: str, parent: QWidget, *, can_stop: bool = False) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.text = QLabel(self)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        self.bar = QProgressBar(self)
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(name)
        self.stop = QPushButton("Cancel", self)
        self.stop.setVisible(can_stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.text)
        column.addWidget(self.bar)
        column.addWidget(self.stop, 0, Qt.AlignmentFlag.AlignRight)
        self.hide()

    def set_part(self, part: float) -> None:
        """part: 0..1 of it is done."""
        self.bar.setValue(round(part * 1000))


class LongEditCard(ProgressCard):
    """Comes when a long edit goes on for more than a moment."""

    def __init__(self, edit: LongEdit, parent: QWidget) -> None:
        super().__init__("Progress of the edit", parent, can_stop=True)
        self._edit = edit
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_SHOWN_AFTER_MS)
        self._later.timeout.connect(self.show)
        self.stop.clicked.connect(edit.cancel)
        edit.busy_changed.connect(self._on_busy)
        edit.progressed.connect(lambda: self.set_part(edit.part))

    @Slot(bool)
    def _on_busy(self, busy: bool) -> None:
        if busy:
            self.text.setText(f"{self._edit.text}...")
            self.set_part(0.0)
            self._later.start()
        else:
            self._later.stop()
            self.hide()


class OverCanvas(QObject):
    """Keeps cards in their places over `area`, and messages in the place of `hint`, the longest text of the status bar:
    over the picture, they would hide joints that somebody is about to drag."""

    def __init__(self, area: QWidget, messages: MessageBar, cards: list[ProgressCard], hint: QWidget) -> None:
        super().__init__(area)
        self._area, self._messages, self._cards, self._hint = area, messages, cards, hint
        for watched in (area, hint, messages, *cards):
            watched.installEventFilter(self)
        messages.changed.connect(self.place)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        moved = event.type() in (QEvent.Type.Resize, QEvent.Type.Move) and watched in (self._area, self._hint)
        if moved or event.type() == QEvent.Type.Show:
            self.place()
        return False

    @Slot()
    def place(self) -> None:
        """Put everything where it belongs, over what is beside it."""
        self._place_messages()
        area = self._area.geometry()
        for card in self._cards:
            card.setFixedWidth(max(200, min(_CARD_PX, area.width() - 40)))
            card.adjustSize()
            card.move(
                area.x() + (area.width() - card.width()) // 2,
                area.y() + area.height() - card.height() - _BOTTOM_PX,
            )
            card.raise_()

    def _place_messages(self) -> None:
        """As high as the text: a long one grows upwards, over the timeline."""
        if not self._messages.isVisible():
            return
        window = self._messages.window()
        line = QRect(self._hint.mapTo(window, QPoint(0, 0)), self._hint.size())
        if not self._hint.isVisible():  # only the picture is shown
            line = self._area.geometry().adjusted(_MARGIN_PX, 0, -_MARGIN_PX, -_MARGIN_PX)
        width = max(_LEAST_PX, line.width())
        height = self._messages.heightForWidth(width)
        self._messages.setGeometry(line.x(), line.y() + line.height() - height, width, height)
        self._messages.raise_()
