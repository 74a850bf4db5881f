"""What is proposed, drawn on the canvas: dotted limbs and rings, or as if it was accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QObject, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPen

from app.project.records import Person
from app.ui import theme
from app.ui.canvas.coordinates import ViewTransform
from app.ui.canvas.layers import CanvasView, paint_persons
from app.ui.canvas.marks import LIMBS, joint_title
from app.ui.canvas.skeleton_painter import joint_colours, limb_colours
from app.ui.certainty import sure_text
from app.ui.propagation.choices import Choices
from app.ui.propagation.proposals import Place, Proposals
from app.ui.session import Session

_RING_PX, _LINE_PX = 17.0, 3.4
_DOTS_APART_PX = 9.0
_DARK = QColor(0, 0, 0, 150)
_FAINT = 0.45
#: So few joints are named with their confidence; more would hide the picture.
_MOST_NAMED = 2
#: Of the mouse from a ghost's joint.
REACH_PX = 11.0


class Ghosts(QObject):
    """Layers of the canvas. shows_after: the persons as they would be, in place of the ghosts."""

    changed = Signal()

    def __init__(self, session: Session, proposals: Proposals, choices: Choices, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._proposals = proposals
        self._choices = choices
        self.shows_after = False
        proposals.changed.connect(self.changed)
        choices.changed.connect(self.changed)

    def set_after(self, after: bool) -> None:
        """Show what the frame would be with what is proposed, or what it is."""
        if after != self.shows_after:
            self.shows_after = after
            self.changed.emit()

    def paint_persons(self, painter: QPainter, view: CanvasView) -> None:
        """The canvas's own layer of persons, with proposals in it where that is wished."""
        if self.shows_after and view.frame is not None and not view.is_hidden and view.is_current:
            view = replace(view, persons={**view.persons, **dict(self._after(view.frame))})
        paint_persons(painter, view)

    def paint(self, painter: QPainter, view: CanvasView) -> None:
        """The ghosts of a frame."""
        if self.shows_after or view.frame is None or view.is_hidden or not view.is_current or view.document is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        mode, least = self._session.view.colour_mode, self._choices.value.least
        for track_id, after in self._after(view.frame):
            place = Place(view.frame, track_id)
            one, joints = self._proposals.at(place), self._proposals.open(place)
            if one is None:
                continue
            sure = one.pose.sure(least)
            track = view.document.tracks()[track_id]
            before = view.persons.get(track_id)
            if before is not None:
                _paint_ways(painter, before, after, joints, view.transform)
            limbs, colours = limb_colours(after, mode, track.colour), joint_colours(after, mode, track.colour)
            _paint_limbs(painter, after, joints, limbs, view.transform)
            _paint_rings(painter, after, joints, colours, view.transform, sure=sure)
            if joints.sum() <= _MOST_NAMED:
                _paint_names(painter, after, joints, one.pose.confidence.tolist(), view.transform)

    def joint_at(self, transform: ViewTransform, frame: int, x_px: float, y_px: float) -> tuple[Place, int] | None:
        """The ghost's joint under a point of the canvas, if no joint of a person lies nearer."""
        if self.shows_after:
            return None
        point, nearest, found = np.array([x_px, y_px]), REACH_PX, None
        for track_id, after in self._after(frame):
            place = Place(frame, track_id)
            apart = np.linalg.norm(transform.to_canvas(after.keypoints) - point, axis=-1)
            apart[~self._proposals.open(place)] = np.inf
            if apart.min() < nearest:
                nearest, found = float(apart.min()), (place, int(apart.argmin()))
        document = self._session.document
        if found is None or document is None:
            return None
        for person in document.persons(frame).values():
            apart = np.linalg.norm(transform.to_canvas(person.keypoints[person.located]) - point, axis=-1)
            if len(apart) and apart.min() < nearest:
                return None
        return found

    def describe(self, place: Place, joint: int) -> str:
        """`Left wrist, 82 %: followed from the human frame 12`."""
        one = self._proposals.at(place)
        if one is None:
            return ""
        pose = one.pose
        return f"{joint_title(joint).capitalize()}, {sure_text(pose.confidence[joint])}: {pose.reasons[joint]}"

    def _after(self, frame: int) -> list[tuple[int, Person]]:
        """Track id and person as it would be, of those who are visible and have something undecided."""
        found = []
        for track_id, _ in self._proposals.on_frame(frame):
            after = self._proposals.after(Place(frame, track_id)) if self._session.is_visible(track_id) else None
            if after is not None:
                found.append((track_id, after))
        return found


def _paint_ways(
    painter: QPainter, before: Person, after: Person, joints: NDArray[np.bool_], transform: ViewTransform
) -> None:
    """A thin line from where a joint is to where it would go."""
    both = joints & before.located
    starts, ends = transform.to_canvas(before.keypoints[both]), transform.to_canvas(after.keypoints[both])
    painter.setPen(QPen(QColor(255, 255, 255, 170), 1))
    painter.drawLines([QLineF(*start, *end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)])


def _paint_limbs(
    painter: QPainter, person: Person, joints: NDArray[np.bool_], colours: Sequence[str], transform: ViewTransform
) -> None:
    """The limbs that end at a proposed joint, dotted."""
    points = transform.to_canvas(person.keypoints)
    for limb, (start, end) in enumerate(LIMBS.tolist()):
        if (joints[start] or joints[end]) and person.located[start] and person.located[end]:
            line = QLineF(*points[start].tolist(), *points[end].tolist())
            for colour, width in ((_DARK, _LINE_PX + 2.0), (QColor(colours[limb]), _LINE_PX)):
                pen = QPen(colour, width, Qt.PenStyle.CustomDashLine, Qt.PenCapStyle.RoundCap)
                # In units of the width: the dots of both lines lie over each other.
                pen.setDashPattern([0.1 / width, _DOTS_APART_PX / width])
                painter.setPen(pen)
                painter.drawLine(line)


def _paint_rings(
    painter: QPainter,
    person: Person,
    joints: NDArray[np.bool_],
    colours: Sequence[str],
    transform: ViewTransform,
    *,
    sure: NDArray[np.bool_],
) -> None:
    """A dotted ring around each proposed joint; filled in the middle where it is sure."""
    points = transform.to_canvas(person.keypoints)
    for joint in np.flatnonzero(joints).tolist():
        centre, colour = QPointF(*points[joint].tolist()), QColor(colours[joint])
        painter.setOpacity(1.0 if sure[joint] else _FAINT)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen in (QPen(_DARK, 4.0), QPen(colour, 2.2, Qt.PenStyle.DotLine)):
            painter.setPen(pen)
            painter.drawEllipse(centre, _RING_PX / 2, _RING_PX / 2)
        painter.setPen(QPen(_DARK, 1.5))
        painter.setBrush(colour if sure[joint] else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(centre, 3.0, 3.0)
        painter.setOpacity(1.0)


def _paint_names(
    painter: QPainter,
    after: Person,
    joints: NDArray[np.bool_],
    confidence: Sequence[float],
    transform: ViewTransform,
) -> None:
    """`left wrist 82 %` at the upper left of each ghost's joint: joints as they are have their names on the right."""
    metrics = painter.fontMetrics()
    for joint in np.flatnonzero(joints).tolist():
        text = f"{joint_title(joint)} {sure_text(confidence[joint])}"
        x, y = transform.to_canvas(after.keypoints[joint]).tolist()
        width, height = metrics.horizontalAdvance(text) + 10, metrics.height() + 2
        rect = QRectF(x - _RING_PX * 0.6 - width, y - _RING_PX * 0.6 - height, width, height)
        painter.setPen(QPen(theme.colour("on_canvas"), 1, Qt.PenStyle.DotLine))
        painter.setBrush(QColor(20, 21, 23, 215))
        painter.drawRoundedRect(rect, 3, 3)
        painter.setPen(QColor("#ffffff"))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
