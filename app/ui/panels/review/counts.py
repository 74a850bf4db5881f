"""How much there is to review, beside the panel: a strip of the timeline, the window's title, the toolbar."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtGui import QAction, QImage
from PySide6.QtWidgets import QMainWindow

from app.project.document import Document
from app.ui.panels.review.reviewing import Reviewing
from app.ui.panels.review.wording import grouped
from app.ui.session import Session
from app.ui.timeline.columns import highest_values
from app.ui.timeline.rows import Row, StripRoom
from app.ui.timeline.strips import bar_strip
from app.ui.timeline.timeline_widget import Timeline

#: So many wrong joints on a frame fill the strip.
_FULL = 8.0
_HEIGHT_PX = 12
#: The timeline is drawn again at every edit anyhow; the strip need not be a step ahead of it.
_DELAY_MS = 100


class ReviewCounts(QObject):
    """Adds the strip, and keeps strip, title and `action` current."""

    def __init__(
        self, session: Session, reviewing: Reviewing, timeline: Timeline, action: QAction, window: QMainWindow
    ) -> None:
        super().__init__(window)
        self._session = session
        self._reviewing = reviewing
        self._timeline = timeline
        self._action = action
        self._window = window
        self._row = Row(title="Review", height_px=_HEIGHT_PX, image=self._image, tooltip=self._tooltip)
        timeline.add_row(self._row)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(self._draw)
        reviewing.state_changed.connect(self._on_state_changed)
        session.document_changed.connect(self._on_state_changed)
        self._on_state_changed()

    def _expected(self, document: Document) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        state = self._reviewing.state
        return np.zeros(document.n_frames, np.float32) if state is None else state.expected

    def _image(self, document: Document, room: StripRoom) -> QImage:
        shares = highest_values(self._expected(document), room.axis, room.columns) / np.float32(_FULL)
        shares[room.frame_ends] = 0.0
        return bar_strip(shares, "playhead", room.height_px)

    def _tooltip(self, document: Document, frame: int) -> str:
        expected = float(self._expected(document)[frame])
        return f"about {expected:.1f} joints wrong" if expected else ""

    @Slot()
    def _draw(self) -> None:
        self._timeline.refresh_row(self._row)

    @Slot()
    def _on_state_changed(self) -> None:
        document, n_items = self._session.document, self._reviewing.n_items
        count = grouped(n_items)
        self._action.setIconText(f"Review ● {count}" if n_items else "Review")
        if document is not None:
            to_review = f" ({count} to review)" if n_items else ""
            self._window.setWindowTitle(f"{document.path.name}{to_review} - DCPose Annotator")
        if not self._timer.isActive():
            self._timer.start()
