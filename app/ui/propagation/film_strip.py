"""The film strip: the person on every frame that proposals reach, with what is proposed drawn on it."""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np
from PySide6.QtCore import (
    QAbstractListModel,
    QLineF,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.ui import theme
from app.ui.canvas.marks import LIMBS
from app.ui.canvas.skeleton_painter import limb_colours
from app.ui.certainty import sure_text
from app.ui.propagation.proposals import JointState, Place, Proposals
from app.ui.session import Session
from dcpose_core.types import FloatArray, ImageArray

_PICTURE = QSize(84, 112)
_CAPTION_PX, _GAP_PX = 18, 4
_Index = QModelIndex | QPersistentModelIndex


class CellState(IntEnum):
    """What became of a frame's proposal."""

    OPEN = 0
    ACCEPTED = 1
    REJECTED = 2
    PARTLY = 3
    KEPT = 4


#: Symbol in the caption, and words.
STATES = {
    CellState.OPEN: ("", "undecided"),
    CellState.ACCEPTED: ("✓", "accepted"),
    CellState.REJECTED: ("✕", "rejected"),
    CellState.PARTLY: ("◐", "partly decided"),
    CellState.KEPT: ("–", "set by hand meanwhile"),
}


def cell_state(proposals: Proposals, place: Place) -> CellState:
    """Of all joints of a proposal together."""
    there = {JointState(state) for state in proposals.states(place).tolist()} - {JointState.NONE}
    if not there:
        return CellState.KEPT
    if len(there) > 1:
        return CellState.PARTLY
    (only,) = there
    return CellState(int(only) - int(JointState.OPEN))


class StripModel(QAbstractListModel):
    """One row a place, by frame and track."""

    def __init__(self, session: Session, proposals: Proposals, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._proposals = proposals
        self._strip = parent
        self._places: list[Place] = []
        self._pictures: dict[Place, tuple[ImageArray, QPixmap]] = {}
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._update)
        proposals.changed.connect(self._soon.start)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self._places)

    def place(self, row: int) -> Place:
        return self._places[row]

    def row_of_frame(self, frame: int) -> int | None:
        """The first row of a frame, None if nothing is proposed there."""
        return next((row for row, place in enumerate(self._places) if place.frame == frame), None)

    def picture(self, place: Place) -> QPixmap | None:
        return self._pictures[place][1] if place in self._pictures else None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._places):
            return None
        place = self._places[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return caption(self._proposals, place)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._describe(place)
        return None

    def _describe(self, place: Place) -> str:
        document, one = self._session.document, self._proposals.at(place)
        if document is None or one is None:
            return ""
        track = document.tracks().get(place.track_id)
        words = STATES[cell_state(self._proposals, place)][1]
        sure = self._proposals.least_confidence(place)
        value = "" if math.isnan(sure) else f", {sure_text(sure)} sure"
        reasons = sorted({reason for reason in one.pose.reasons if reason})
        return "\n".join([f"Frame {place.frame}, {track.name if track else ''}: {words}{value}", *reasons[:3]])

    def _pixmap(self, crop: ImageArray) -> QPixmap:
        """A crop in the size that it is painted in: scaling it each time would take most of the painting."""
        pixels = np.ascontiguousarray(crop)
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, width * 3, QImage.Format.Format_RGB888)
        ratio = self._strip.devicePixelRatioF()
        smooth = Qt.TransformationMode.SmoothTransformation
        picture = QPixmap.fromImage(image.scaled(_PICTURE * ratio, Qt.AspectRatioMode.IgnoreAspectRatio, smooth))
        picture.setDevicePixelRatio(ratio)
        return picture

    @Slot()
    def _update(self) -> None:
        places = self._proposals.places()
        pictures = {}
        for place in places:
            one = self._proposals.at(place)
            if one is not None and one.crop is not None:
                known = self._pictures.get(place)
                same = known is not None and known[0] is one.crop
                pictures[place] = known if known is not None and same else (one.crop, self._pixmap(one.crop))
        self._pictures = pictures
        if places != self._places:
            self.beginResetModel()
            self._places = places
            self.endResetModel()
        elif places:
            self.dataChanged.emit(self.index(0), self.index(len(places) - 1))


def caption(proposals: Proposals, place: Place) -> str:
    """`✓ 31 · 82 %`."""
    symbol, value = STATES[cell_state(proposals, place)][0], proposals.least_confidence(place)
    return f"{symbol} {place.frame}".strip() + ("" if math.isnan(value) else f" · {sure_text(value)}")


class _Painter(QStyledItemDelegate):
    """Crop, skeleton, proposal, caption."""

    def __init__(self, session: Session, proposals: Proposals, model: StripModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._proposals, self._model = session, proposals, model

    def sizeHint(self, _option: QStyleOptionViewItem, _index: _Index) -> QSize:
        return QSize(_PICTURE.width() + 2 * _GAP_PX, _PICTURE.height() + _CAPTION_PX + 2 * _GAP_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        place = self._model.place(index.row())
        state = cell_state(self._proposals, place)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        rect, style = QRectF(option.rect), option.state
        area = QRectF(rect.x() + _GAP_PX, rect.y() + _GAP_PX, _PICTURE.width(), _PICTURE.height())
        here = place.frame == self._session.frame
        painter.fillRect(area, theme.colour("canvas"))
        picture = self._model.picture(place)
        painter.setOpacity(0.4 if state in (CellState.REJECTED, CellState.KEPT) else 1.0)
        if picture is not None:
            painter.drawPixmap(area.topLeft(), picture)
        painter.setClipRect(area)
        self._paint_persons(painter, place, area, state)
        painter.setClipping(False)
        painter.setOpacity(1.0)
        if here or style & QStyle.StateFlag.State_HasFocus:
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(area.adjusted(1, 1, -1, -1))
        painter.setFont(theme.tabular(painter.font()))
        painter.setPen(theme.colour("text" if here or state == CellState.OPEN else "muted"))
        below = QRectF(rect.x(), area.bottom(), rect.width(), _CAPTION_PX)
        painter.drawText(below, Qt.AlignmentFlag.AlignCenter, caption(self._proposals, place))
        painter.restore()

    def _paint_persons(self, painter: QPainter, place: Place, area: QRectF, state: CellState) -> None:
        """What is there thinly, what is proposed dotted on it, or drawn through where it was accepted."""
        document, one = self._session.document, self._proposals.at(place)
        if document is None or one is None or one.crop is None:
            return
        to_area = _crop_to_area(one.matrix, one.crop, area)
        person = document.person(*place)
        after = self._proposals.after(place) or person
        states = self._proposals.states(place)
        marked = (states == JointState.OPEN) | (states == JointState.ACCEPTED)
        track = document.tracks().get(place.track_id)
        if after is None or track is None:
            return
        colours = limb_colours(after, self._session.view.colour_mode, track.colour)
        if person is not None:
            points = person.keypoints @ to_area[:, :2].T + to_area[:, 2]
            painter.setPen(QPen(QColor(255, 255, 255, 110), 1))
            painter.drawLines([_line(points, a, b) for a, b in LIMBS.tolist() if person.located[[a, b]].all()])
        points = after.keypoints @ to_area[:, :2].T + to_area[:, 2]
        dotted = state != CellState.ACCEPTED
        for limb, (a, b) in enumerate(LIMBS.tolist()):
            if (marked[a] or marked[b]) and after.located[[a, b]].all():
                style = Qt.PenStyle.DotLine if dotted else Qt.PenStyle.SolidLine
                painter.setPen(QPen(QColor(colours[limb]), 2, style, Qt.PenCapStyle.FlatCap))
                painter.drawLine(_line(points, a, b))
        painter.setPen(QPen(QColor("#ffffff"), 1.2))
        painter.setBrush(theme.colour("accent"))
        for joint in np.flatnonzero(marked).tolist():
            painter.drawEllipse(QPointF(*points[joint].tolist()), 2.6, 2.6)


class FilmStrip(QListView):
    """A click goes to the frame. menu_wanted(place, where on the screen)."""

    menu_wanted = Signal(object, QPoint)

    def __init__(self, session: Session, proposals: Proposals, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("filmStrip")
        self.setAccessibleName("Film strip of the proposals")
        self._session = session
        self._strip = StripModel(session, proposals, self)
        self.setModel(self._strip)
        self.setItemDelegate(_Painter(session, proposals, self._strip, self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSpacing(0)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._on_menu)
        self.clicked.connect(self._go)
        self.activated.connect(self._go)
        session.frame_changed.connect(self._on_frame_changed)

    @property
    def strip(self) -> StripModel:
        return self._strip

    def refresh_theme(self) -> None:
        self.viewport().update()

    @Slot(QModelIndex)
    def _go(self, index: _Index) -> None:
        place = self._strip.place(index.row())
        self._session.go_to(place.frame)
        self._session.select(place.track_id, self._session.selected_joints)

    @Slot(int)
    def _on_frame_changed(self, frame: int) -> None:
        row = self._strip.row_of_frame(frame)
        if row is not None:
            self.scrollTo(self._strip.index(row))
        self.viewport().update()

    @Slot(QPoint)
    def _on_menu(self, where: QPoint) -> None:
        index = self.indexAt(where)
        if index.isValid():
            self.menu_wanted.emit(self._strip.place(index.row()), self.viewport().mapToGlobal(where))


def _crop_to_area(matrix: FloatArray, crop: ImageArray, area: QRectF) -> FloatArray:
    """Image pixels -> painted pixels, `[2, 3]`; the centre of crop pixel 0 lies half a pixel inside."""
    scale = np.array([area.width() / crop.shape[1], area.height() / crop.shape[0]])
    to_area = matrix * scale[:, None]
    to_area[:, 2] += 0.5 * scale + [area.x(), area.y()]
    return np.asarray(to_area)


def _line(points: FloatArray, a: int, b: int) -> QLineF:
    return QLineF(*points[a].tolist(), *points[b].tolist())
