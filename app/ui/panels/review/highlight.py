"""Where the walk is, on the canvas: the person close up, rings around the joints in doubt, and the reason in words."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QObject, QPointF, QRect, QRectF, Qt, Slot
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from app.project.records import Person
from app.ui import theme
from app.ui.canvas.canvas import Canvas
from app.ui.canvas.layers import CanvasView
from app.ui.canvas.marks import person_extent
from app.ui.panels.review.reviewing import Reviewing
from app.ui.panels.review.wording import caption
from app.ui.session import Session
from dcpose_core.boxes import POSETRACK_ENLARGEMENT, scale_box
from dcpose_core.types import FloatArray

_RING_PX = 13.0
_RING, _SHADOW = QColor("#ffd23f"), QColor(20, 20, 22, 200)
_CAPTION_PX, _PAD_PX = 340.0, 10.0


class ReviewHighlight(QObject):
    """Adds a layer to the canvas, and zooms when the walk arrives and the picture of its frame is there."""

    def __init__(self, session: Session, reviewing: Reviewing, canvas: Canvas) -> None:
        super().__init__(canvas)
        self._session = session
        self._reviewing = reviewing
        self._canvas = canvas
        self._is_to_zoom = False
        canvas.add_layer("review", self.paint, below="band")
        reviewing.current_changed.connect(canvas.update)
        reviewing.arrived.connect(self._on_arrived)
        session.frame_shown.connect(self._zoom)

    @Slot()
    def _on_arrived(self) -> None:
        self._is_to_zoom = True
        if self._session.shown_frame == self._session.frame:
            self._zoom()

    @Slot()
    def _zoom(self) -> None:
        """Before that the person would be looked for in another picture."""
        if self._is_to_zoom and self._session.shown_frame == self._session.frame:
            self._is_to_zoom = False
            person = self._session.selected_person
            room = None if person is None else _room_of(person)
            if self._reviewing.is_here and room is not None:
                self._canvas.show_box(room)

    def paint(self, painter: QPainter, view: CanvasView) -> None:
        """The layer."""
        current, document = self._reviewing.current, view.document
        if current is None or document is None or view.is_hidden or view.frame != current.place.frame:
            return
        if not self._reviewing.is_here:
            return  # somebody goes on, and this picture is about to change
        person = view.persons.get(current.place.track_id)
        if person is not None:
            joints = [joint for joint in sorted(self._reviewing.suspects) if person.located[joint]]
            for x, y in view.transform.to_canvas(person.keypoints[joints]).tolist():
                _paint_ring(painter, QPointF(x, y))
        if view.tool.loupe_at is None and view.session.tool == "select":
            track = document.tracks().get(current.place.track_id)
            name = f"track {current.place.track_id}" if track is None else track.name
            _paint_caption(painter, view.rect, caption(name, self._reviewing.reasons))


def _room_of(person: Person) -> FloatArray | None:
    """`xyxy` around all joints, the faint ones that are not drawn too, and around the box that the model looked at: of
    a pose that has collapsed the joints alone are a speck. None if there is neither."""
    boxes = [box for box in (person_extent(person), person.box_xyxy) if box is not None]
    if not boxes:
        return None
    both = np.array(boxes)
    return scale_box(np.concatenate([both[:, :2].min(axis=0), both[:, 2:].max(axis=0)]), POSETRACK_ENLARGEMENT)


def _paint_ring(painter: QPainter, centre: QPointF) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for colour, width_px in ((_SHADOW, 5.0), (_RING, 2.5)):
        painter.setPen(QPen(colour, width_px))
        painter.drawEllipse(centre, _RING_PX, _RING_PX)


def _paint_caption(painter: QPainter, view: QRect, text: str) -> None:
    """In the upper left corner: the person is in the middle, and proposals have their bar at the lower edge."""
    wrapped = Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap
    width = min(_CAPTION_PX, view.width() - 4 * _PAD_PX)
    bounds = QFontMetricsF(painter.font()).boundingRect(QRectF(0, 0, width, 400), wrapped, text)
    lines = QRectF(2 * _PAD_PX, 2 * _PAD_PX, bounds.width(), bounds.height())
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_SHADOW)
    painter.drawRoundedRect(lines.adjusted(-_PAD_PX, -_PAD_PX, _PAD_PX, _PAD_PX), 6, 6)
    painter.setPen(theme.colour("on_canvas"))
    painter.drawText(lines.adjusted(0, 0, 1, 1), wrapped, text)
