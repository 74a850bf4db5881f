"""The row above the timeline: step, play, go to a frame by number, speed and loop."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QLineEdit, QToolButton, QWidget

from app.ui import theme
from app.ui.playback import SPEEDS, Playback
from app.ui.session import Session
from app.ui.timeline.time_text import time_text

_ICON_PX = 20


class Transport(QWidget):
    """Buttons and fields over `Playback` and the session's frame."""

    #: A frame was entered by number: the keys can go back to the canvas.
    frame_entered = Signal()

    def __init__(self, session: Session, playback: Playback, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("transport")
        self._session = session
        self._playback = playback
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 8, 2)
        row.setSpacing(2)
        first = self._button("mdi6.skip-backward", "First frame", lambda: session.go_to(0))
        back = self._button("mdi6.step-backward", "Previous frame", lambda: session.step(-1))
        self._play = self._button("mdi6.play", "Play", playback.toggle)
        forward = self._button("mdi6.step-forward", "Next frame", lambda: session.step(1))
        last = self._button("mdi6.skip-forward", "Last frame", lambda: session.go_to(session.n_frames - 1))
        self._frame = QLineEdit(self)
        self._frame.setAccessibleName("Frame")
        self._frame.setToolTip("Frame, counted from 0")
        self._frame.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._frame.setFont(theme.tabular(self.font()))
        self._frame.editingFinished.connect(self._on_frame_entered)
        self._frame.returnPressed.connect(self.frame_entered)
        self._total = QLabel(self)
        self._total.setProperty("muted", True)
        self._total.setFont(theme.tabular(self.font()))
        self._time = QLabel(self)
        self._time.setFont(theme.tabular(self.font()))
        self._time.setAccessibleName("Time")
        self._range = QLabel(self)
        self._range.setProperty("muted", True)
        self._range.setFont(theme.tabular(self.font()))
        self._speed = QComboBox(self)
        self._speed.setAccessibleName("Speed")
        self._speed.setToolTip("Speed of playing")
        for speed in SPEEDS:
            self._speed.addItem(f"{speed:g}×", speed)
        self._speed.currentIndexChanged.connect(lambda index: playback.set_speed(SPEEDS[index]))
        self._loop = self._button("mdi6.repeat", "Play the selected range, or all, again and again", None)
        self._loop.setAccessibleName("Loop")
        self._loop.setCheckable(True)
        self._loop.toggled.connect(playback.set_loop)
        for widget in (first, back, self._play, forward, last):
            row.addWidget(widget)
        row.addSpacing(8)
        row.addWidget(self._frame)
        row.addWidget(self._total)
        row.addSpacing(16)
        row.addWidget(self._time)
        row.addSpacing(16)
        row.addWidget(self._range)
        row.addStretch(1)
        row.addWidget(self._loop)
        row.addWidget(self._speed)
        session.document_changed.connect(self._on_document_changed)
        session.frame_changed.connect(self._on_frame_changed)
        session.range_changed.connect(self._on_range_changed)
        session.view_changed.connect(self._tell_place)
        playback.playing_changed.connect(self._on_playing_changed)
        playback.speed_changed.connect(lambda speed: self._speed.setCurrentIndex(SPEEDS.index(speed)))
        playback.loop_changed.connect(self._loop.setChecked)
        self._on_document_changed()
        self._speed.setCurrentIndex(SPEEDS.index(playback.speed))

    def edit_frame(self) -> None:
        """Put the cursor into the frame field: go to a frame by number."""
        self._frame.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._frame.selectAll()

    def _button(self, icon: str, text: str, handler: object) -> QToolButton:
        button = QToolButton(self)
        theme.set_icon(button, icon)
        button.setIconSize(QSize(_ICON_PX, _ICON_PX))
        button.setToolTip(text)
        button.setAccessibleName(text)
        if callable(handler):
            button.clicked.connect(lambda: handler())
        return button

    @Slot()
    def _on_document_changed(self) -> None:
        n_frames = self._session.n_frames
        self.setEnabled(n_frames > 0)
        self._frame.setValidator(QIntValidator(0, max(0, n_frames - 1), self._frame))
        digits = len(str(max(0, n_frames - 1)))
        self._frame.setFixedWidth(self._frame.fontMetrics().horizontalAdvance("0" * max(4, digits)) + 20)
        self._on_frame_changed(self._session.frame)
        self._on_range_changed()

    @Slot()
    def _on_frame_entered(self) -> None:
        if self._frame.hasAcceptableInput() and self._frame.isModified():
            self._session.go_to(int(self._frame.text()))
            self._frame.setModified(False)

    @Slot(int)
    def _on_frame_changed(self, frame: int) -> None:
        document = self._session.document
        self._frame.setText("" if document is None else str(frame))
        self._tell_place()
        self._time.setText("" if document is None else time_text(float(document.times_s[frame])))

    @Slot()
    def _tell_place(self) -> None:
        n_frames = self._session.n_frames
        place = f"  ({self._session.frame + 1} of {n_frames})" if self._session.view.counts_from_one else ""
        self._total.setText(f"/ {n_frames - 1}{place}" if n_frames else "")

    @Slot()
    def _on_range_changed(self) -> None:
        document, chosen = self._session.document, self._session.frame_range
        if document is None or chosen is None:
            self._range.clear()
            return
        first, last = chosen
        seconds = float(document.times_s[last] - document.times_s[first])
        self._range.setText(f"{last - first + 1} frames selected: {first} to {last}, {seconds:.2f} s")

    @Slot(bool)
    def _on_playing_changed(self, playing: bool) -> None:
        text = "Pause" if playing else "Play"
        theme.set_icon(self._play, "mdi6.pause" if playing else "mdi6.play")
        self._play.setToolTip(text)
        self._play.setAccessibleName(text)
