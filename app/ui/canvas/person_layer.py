"""All that is drawn of persons on the canvas: ghosts, skeletons, boxes, handles and names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.project.document import Document
from app.project.records import Person
from app.ui.canvas import labels
from app.ui.canvas.coordinates import ViewTransform
from app.ui.canvas.hit_testing import Hit, frame_box, handle_points
from app.ui.canvas.marks import shown_joints
from app.ui.canvas.skeleton_painter import Drawn, paint_persons
from app.ui.session import Session
from dcpose_core.types import FloatArray, Visibility

_NO_TRACK = "#ffffff"
_HANDLE_PX = 7.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PersonLayer:
    """What to draw of `frame`. persons: those to see, by track, as the tool in use would have them. hover: what is
    under the mouse. names_joint: whether the joint under the mouse, or the selected one, is named."""

    session: Session
    document: Document
    frame: int
    persons: Mapping[int, Person]
    transform: ViewTransform
    image_size: tuple[int, int]
    hover: Hit
    names_joint: bool

    def paint(self, painter: QPainter, *, pixel_ratio: float) -> None:
        """Draw it all. pixel_ratio: device pixels per canvas pixel."""
        view = self.session.view
        width_px, height_px = self.image_size
        paint_persons(
            painter,
            [*(self._ghosts() if view.show_previous else ()), *self._drawn()],
            self.transform,
            view=view,
            image_width_px=width_px,
            image_height_px=height_px,
            pixel_ratio=pixel_ratio,
        )
        # Upright lines are sharp without it, and dashed ones ten times faster.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        if view.show_boxes:
            self._paint_boxes(painter)
        self._paint_selection(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_names(painter)

    def _colour(self, track_id: int) -> str:
        track = self.document.tracks().get(track_id)
        return _NO_TRACK if track is None else track.colour

    def _drawn(self) -> list[Drawn]:
        session, drawn = self.session, []
        for track_id, person in self.persons.items():
            selected = track_id == session.selected_track
            joints = session.selected_joints if selected else frozenset()
            drawn.append(Drawn(person, self._colour(track_id), selected, joints))
        return drawn

    def _ghosts(self) -> list[Drawn]:
        """The persons of the frame before."""
        if self.frame == 0:
            return []
        return [
            Drawn(person, self._colour(track_id), ghost=True)
            for track_id, person in self.document.persons(self.frame - 1).items()
            if self.session.is_visible(track_id)
        ]

    def _paint_boxes(self, painter: QPainter) -> None:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for track_id, person in self.persons.items():
            for box, line in ((person.box_xyxy, Qt.PenStyle.SolidLine), (person.head_box_xyxy, Qt.PenStyle.DotLine)):
                if box is not None:
                    painter.setPen(QPen(QColor(self._colour(track_id)), 1, line))
                    painter.drawRect(self._canvas_rect(box))

    def _paint_selection(self, painter: QPainter) -> None:
        """Box and handles of the selected person."""
        session = self.session
        person = None if session.selected_track is None else self.persons.get(session.selected_track)
        if person is None:
            return
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if person.head_box_xyxy is not None and not session.view.show_boxes:
            painter.setPen(QPen(QColor("#ffffff"), 1, Qt.PenStyle.DotLine))
            painter.drawRect(self._canvas_rect(person.head_box_xyxy))
        box = frame_box(person, self.transform, session.view.min_score)
        if box is None:
            return
        painter.setPen(QPen(QColor(255, 255, 255, 170), 1, Qt.PenStyle.DashLine))
        painter.drawRect(QRectF(QPointF(*box[:2].tolist()), QPointF(*box[2:].tolist())))
        painter.setPen(QPen(QColor("#1c1c1e"), 1))
        painter.setBrush(QColor("#ffffff"))
        for x, y in handle_points(box).tolist():
            painter.drawRect(QRectF(x - _HANDLE_PX / 2, y - _HANDLE_PX / 2, _HANDLE_PX, _HANDLE_PX))

    def _paint_names(self, painter: QPainter) -> None:
        """Of all persons if wished, else of the one under the mouse and the selected one; and of one joint."""
        session, tracks = self.session, self.document.tracks()
        for track_id, person in self.persons.items():
            if track_id in tracks and (
                session.view.show_names or track_id in (session.selected_track, self.hover.track_id)
            ):
                box = frame_box(person, self.transform, session.view.min_score)
                if box is not None:
                    track = tracks[track_id]
                    labels.paint_tag(painter, track.name, track.colour, x_px=float(box[0]), y_px=float(box[1]))
        named = self._named_joint() if self.names_joint else None
        if named is not None:
            track_id, joint = named
            person = self.persons[track_id]
            x, y = self.transform.to_canvas(person.keypoints[joint]).tolist()
            text = labels.joint_text(person, joint, self.document.layer_of(self.frame, track_id))
            labels.paint_joint_label(painter, text, x_px=x, y_px=y)

    def _named_joint(self) -> tuple[int, int] | None:
        """The joint under the mouse, or else the one that is selected."""
        session, hover = self.session, self.hover
        if hover.joint is not None and hover.track_id is not None and hover.track_id in self.persons:
            return hover.track_id, hover.joint
        track_id = session.selected_track
        person = None if track_id is None else self.persons.get(track_id)
        if track_id is not None and person is not None and len(session.selected_joints) == 1:
            (joint,) = session.selected_joints
            located = person.visibility[joint] != Visibility.ABSENT
            if located and shown_joints(person, session.view.min_score)[joint]:
                return track_id, joint
        return None

    def _canvas_rect(self, box_xyxy: FloatArray) -> QRectF:
        corners = self.transform.to_canvas(np.asarray(box_xyxy).reshape(2, 2))
        return QRectF(QPointF(*corners[0].tolist()), QPointF(*corners[1].tolist()))
