"""The timeline: every frame's state and confidence and one lane a track, to look at, seek in and select from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QScrollBar, QSizePolicy, QToolTip, QWidget

from app.project.records import FrameState
from app.ui import theme
from app.ui.session import Session
from app.ui.timeline import painting
from app.ui.timeline.painting import HEADER_PX, Lane, TimelinePainter
from app.ui.timeline.preview import LanePreviews
from app.ui.timeline.rows import LANE_PX, ROWS, Row, RowLayout, row_layout
from app.ui.timeline.time_axis import TimeAxis
from app.ui.timeline.time_text import time_text

STATE_TEXT = {
    FrameState.NONE: "not annotated",
    FrameState.MODEL: "by the model",
    FrameState.HUMAN: "edited by hand",
    FrameState.VERIFIED: "verified",
}
_ZOOM_PER_NOTCH = 1.25
_NOTCH = 120.0
_LEAST_DRAG_PX = 4
_SCROLL_BAR_PX = 10
#: After an edit.
_SOON_MS = 30


class _Drag(Enum):
    SCRUB = auto()
    RANGE = auto()
    ZOOM = auto()
    PAN = auto()


class Timeline(QWidget):
    """Draws itself from the document; nothing is kept per frame.

    Click: seek. Drag: scrub. Shift-drag: select frames. Alt-drag: zoom to the dragged frames. Alt-click: show all.
    Wheel: zoom at the cursor; with Shift, or sideways: move. Middle drag: move. Keys: + and - zoom at the current
    frame, 0 shows all, Page Up and Page Down move by a page.
    """

    #: Frames in view, first and last; for docks that show the same stretch.
    view_changed = Signal(int, int)

    def __init__(self, session: Session, previews: LanePreviews, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline")
        self.setAccessibleName("Timeline")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self._session = session
        self._previews = previews
        self._axis = TimeAxis.whole(0, 1)
        self._rows: list[Row] = list(ROWS)
        self._picture: QPixmap | None = None
        self._outdated_rows: list[Row] = []
        self._lanes: list[Lane] | None = None
        self._spans: dict[int, NDArray[np.int64]] = {}
        self._drag: _Drag | None = None
        self._drag_from = QPoint()
        self._drag_to = QPoint()
        self._range_anchor = 0
        self._drawn_playhead = 0
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self.update)
        self._scroll = QScrollBar(Qt.Orientation.Vertical, self)
        self._scroll.setAccessibleName("Scroll tracks")
        self._scroll.valueChanged.connect(self._forget_picture)
        session.document_changed.connect(self._on_document_changed)
        session.frames_changed.connect(self._on_frames_changed)
        session.frame_changed.connect(self._on_frame_changed)
        session.range_changed.connect(self.update)
        session.selection_changed.connect(self._forget_lanes)
        previews.changed.connect(self._forget_lanes)
        previews.is_visible = self.isVisible
        self._on_document_changed()

    # -- what is shown

    def add_row(self, row: Row) -> None:
        """Show one more strip below the others; its owner calls `refresh` when it changes."""
        self._rows.append(row)
        self.updateGeometry()
        self._forget_lanes()

    def remove_row(self, row: Row) -> None:
        """Show a strip that was added no longer."""
        self._rows.remove(row)
        self.updateGeometry()
        self._forget_lanes()

    @property
    def layout_px(self) -> RowLayout:
        """Where rows and lanes lie."""
        return row_layout(self._rows, self.height())

    @Slot()
    def refresh(self) -> None:
        """Draw everything again."""
        self._forget_lanes()

    def refresh_row(self, row: Row) -> None:
        """Draw one strip again."""
        if row in self._rows and row not in self._outdated_rows:
            self._outdated_rows.append(row)
            self.update()

    def refresh_theme(self) -> None:
        self._forget_picture()

    @property
    def axis(self) -> TimeAxis:
        return self._axis

    def set_axis(self, axis: TimeAxis) -> None:
        """Show another stretch of the video."""
        if axis != self._axis:
            self._axis = axis
            self._forget_picture()
            self.view_changed.emit(axis.first_frame, axis.last_frame)

    def show_all(self) -> None:
        """Zoom out to the whole video."""
        self.set_axis(TimeAxis.whole(self._axis.n_frames, self._axis.width_px))

    def zoom(self, factor: float) -> None:
        """`factor` times closer, around the current frame."""
        x = min(max(painting.playhead_x(self._axis, self._session.frame) - HEADER_PX, 0.0), self._axis.width_px)
        self.set_axis(self._axis.zoomed(x, factor))

    def zoom_to_range(self) -> None:
        """Show the selected frames over the whole width."""
        if self._session.frame_range is not None:
            self.set_axis(self._axis.showing(*self._session.frame_range))

    def sizeHint(self) -> QSize:
        return QSize(640, row_layout(self._rows, self.maximumHeight()).lanes_top + 4 * LANE_PX)

    def minimumSizeHint(self) -> QSize:
        low = row_layout(self._rows, 0)
        return QSize(HEADER_PX + 160, low.lanes_top + low.lane_px)

    @Slot()
    def _on_document_changed(self) -> None:
        self._spans.clear()
        self.set_axis(TimeAxis.whole(self._session.n_frames, self._strip_width()))
        self._scroll.setValue(0)
        self._drawn_playhead = self._session.frame
        self._forget_lanes()

    @Slot(object)
    def _on_frames_changed(self, _change: object) -> None:
        self._spans.clear()
        self._lanes, self._picture = None, None
        if not self._soon.isActive():
            self._soon.start()  # the picture comes first, and runs that stream results change much

    @Slot(int)
    def _on_frame_changed(self, frame: int) -> None:
        self.set_axis(self._axis.revealing(frame))
        if self._picture is not None:
            for shown in (self._drawn_playhead, frame):
                self.update(self._playhead_rect(shown))
        self._drawn_playhead = frame
        self.setAccessibleDescription(self._description(frame))

    @Slot()
    def _forget_lanes(self) -> None:
        self._lanes = None
        self._forget_picture()

    @Slot()
    def _forget_picture(self) -> None:
        self._picture = None
        self.update()

    def _current_lanes(self) -> list[Lane]:
        document = self._session.document
        if document is None:
            return []
        if self._lanes is None:
            self._lanes = painting.lanes_of(document.tracks(), self._session.selected_track, self._previews.shown)
            self._update_scroll_bar()
        return self._lanes

    def _spans_of(self, track_id: int) -> NDArray[np.int64]:
        document = self._session.document
        if track_id not in self._spans:
            spans = [] if document is None else document.spans(track_id)
            self._spans[track_id] = np.array(spans, dtype=np.int64).reshape(-1, 2)
        return self._spans[track_id]

    def _strip_width(self) -> int:
        return max(1, self.width() - HEADER_PX - _SCROLL_BAR_PX)

    def _update_scroll_bar(self) -> None:
        room = max(0, self.height() - self.layout_px.lanes_top)
        needed = len(self._lanes or ()) * self.layout_px.lane_px
        self._scroll.setGeometry(self.width() - _SCROLL_BAR_PX, self.layout_px.lanes_top, _SCROLL_BAR_PX, room)
        self._scroll.setSingleStep(self.layout_px.lane_px)
        self._scroll.setPageStep(max(room, self.layout_px.lane_px))
        self._scroll.setRange(0, max(0, needed - room))
        self._scroll.setVisible(needed > room)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.set_axis(self._axis.resized(self._strip_width()))
        self._update_scroll_bar()
        self._forget_picture()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange, QEvent.Type.FontChange):
            self._forget_picture()

    # -- painting

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._picture is None or self._picture.devicePixelRatio() != self.devicePixelRatioF():
            self._picture = self._paint_picture()
        elif self._outdated_rows:
            self._paint_strips_on(self._picture, self._outdated_rows)
        self._outdated_rows = []
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        if self._session.document is not None:
            painter.setClipRect(QRect(HEADER_PX, 0, self._axis.width_px, self.height()))
            if self._session.frame_range is not None:
                painting.paint_range(painter, self._axis, self._session.frame_range, self.height())
            if self._drag is _Drag.ZOOM:
                self._paint_zoom(painter)
            painting.paint_playhead(painter, self._axis, self._session.frame, self.height())
            painter.setClipping(False)
        if self.hasFocus():
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
            painter.setPen(QPen(theme.colour("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _paint_picture(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        painter = QPainter(picture)
        rows = self._painter_on(painter, ratio)
        rows.background()
        document = self._session.document
        if document is not None and document.n_frames:
            rows.ruler()
            rows.strips(document)
            lanes = self._current_lanes()
            if lanes:
                rows.lanes(lanes, self._spans_of, scroll_px=self._scroll.value(), preview=self._previews.shown)
            else:
                rows.no_tracks("No persons yet: annotate, or press Insert and draw a box")
        painter.end()
        return picture

    def _paint_strips_on(self, picture: QPixmap, rows: Sequence[Row]) -> None:
        document = self._session.document
        if document is not None and document.n_frames:
            painter = QPainter(picture)
            self._painter_on(painter, picture.devicePixelRatio()).strips(document, only=rows)
            painter.end()

    def _painter_on(self, painter: QPainter, ratio: float) -> TimelinePainter:
        painter.setFont(self.font())
        return TimelinePainter(
            painter, self._axis, self._rows, width_px=self.width(), height_px=self.height(), scale=ratio
        )

    def _paint_zoom(self, painter: QPainter) -> None:
        left, right = sorted((self._drag_from.x(), self._drag_to.x()))
        painter.setPen(QPen(theme.colour("text"), 1, Qt.PenStyle.DashLine))
        painter.drawRect(QRectF(left + 0.5, 1.5, right - left, self.height() - 3))

    def _playhead_rect(self, frame: int) -> QRect:
        left = HEADER_PX + self._axis.x_of(frame)
        right = left + self._axis.px_per_frame
        middle = (left + right) / 2
        return QRect(
            QPoint(math.floor(min(left, middle - 8)), 0), QPoint(math.ceil(max(right, middle + 8)), self.height())
        )

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        position = event.position().toPoint()
        if self._session.document is None:
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._drag_from = self._drag_to = position
        if event.button() == Qt.MouseButton.MiddleButton:
            self._drag = _Drag.PAN
        elif event.button() == Qt.MouseButton.LeftButton:
            modifiers = event.modifiers()
            if position.x() < HEADER_PX:
                self._select_lane(position)
            elif modifiers & Qt.KeyboardModifier.AltModifier:
                self._drag = _Drag.ZOOM
            elif modifiers & Qt.KeyboardModifier.ShiftModifier:
                self._drag = _Drag.RANGE
                self._range_anchor = self._frame_at(position)
            else:
                self._drag = _Drag.SCRUB
                self._session.go_to(self._frame_at(position))
                self._select_lane(position)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position().toPoint()
        if self._drag is _Drag.SCRUB:
            self._session.go_to(self._frame_at(position))
        elif self._drag is _Drag.RANGE:
            self._session.set_range(self._range_anchor, self._frame_at(position))
        elif self._drag is _Drag.PAN:
            self.set_axis(self._axis.panned(self._drag_to.x() - position.x()))
        elif self._drag is _Drag.ZOOM:
            self.update()
        self._drag_to = position

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        moved = abs(event.position().x() - self._drag_from.x()) >= _LEAST_DRAG_PX
        drag, self._drag = self._drag, None
        if drag is _Drag.ZOOM and moved:
            frames = sorted(self._frame_at(point) for point in (self._drag_from, event.position().toPoint()))
            self.set_axis(self._axis.showing(*frames))
        elif drag is _Drag.ZOOM:
            self.show_all()
        elif drag is _Drag.RANGE and not moved:
            # Shift-click: up to here, from the end of the range that is farther away, or from the current frame.
            self._extend_range_to(self._range_anchor)
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta()
        x = event.position().x()
        event.accept()
        if x < HEADER_PX and self._scroll.isVisible():
            self._scroll.setValue(self._scroll.value() - round(delta.y() / _NOTCH * self.layout_px.lane_px))
        elif event.modifiers() & Qt.KeyboardModifier.ShiftModifier or abs(delta.x()) > abs(delta.y()):
            notches = (delta.x() or delta.y()) / _NOTCH
            self.set_axis(self._axis.panned(-notches * self._axis.width_px / 10))
        else:
            self.set_axis(self._axis.zoomed(x - HEADER_PX, _ZOOM_PER_NOTCH ** (delta.y() / _NOTCH)))

    def _frame_at(self, position: QPoint) -> int:
        return self._axis.frame_at(position.x() - HEADER_PX)

    def _select_lane(self, position: QPoint) -> None:
        lane = self._lane_at(position)
        if lane is not None and not lane.is_new and lane.track.track_id != self._session.selected_track:
            self._session.select(lane.track.track_id)

    def _lane_at(self, position: QPoint) -> Lane | None:
        lanes = self._current_lanes()
        index = (position.y() - self.layout_px.lanes_top + self._scroll.value()) // self.layout_px.lane_px
        return lanes[index] if position.y() >= self.layout_px.lanes_top and 0 <= index < len(lanes) else None

    def _extend_range_to(self, frame: int) -> None:
        chosen = self._session.frame_range
        if chosen is None:
            self._session.set_range(self._session.frame, frame)
        else:
            self._session.set_range(max(chosen, key=lambda end: abs(end - frame)), frame)

    # -- keys, tooltips, screen readers

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(_ZOOM_PER_NOTCH**2)
        elif key == Qt.Key.Key_Minus:
            self.zoom(_ZOOM_PER_NOTCH**-2)
        elif key == Qt.Key.Key_0:
            self.show_all()
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            direction = 1 if key == Qt.Key.Key_PageDown else -1
            self.set_axis(self._axis.panned(direction * self._axis.width_px * 0.9))
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = self.tooltip_at(event.pos())
            if text:
                QToolTip.showText(event.globalPos(), text, self)
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def tooltip_at(self, position: QPoint) -> str:
        """What there is to say about the frame, and the track, at `position`."""
        document = self._session.document
        if document is None or document.n_frames == 0:
            return ""
        lane = self._lane_at(position)
        lines = []
        if lane is not None:
            lines.append(lane.track.name)
        if position.x() >= HEADER_PX:
            frame = self._frame_at(position)
            lines.append(self._description(frame))
            lines += filter(None, (row.tooltip(document, frame) for row in self._rows))
        return "\n".join(lines)

    def _description(self, frame: int) -> str:
        document = self._session.document
        if document is None:
            return ""
        state = STATE_TEXT[document.frame_state(frame)]
        return f"Frame {frame}, {time_text(float(document.times_s[frame]))}, {state}"
