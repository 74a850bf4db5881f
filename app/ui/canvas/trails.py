"""Where joints came from: lines over the last frames that fade backwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QLineF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.project.document import Document, DocumentChange
from app.project.trails import Trail
from app.ui.session import Session

if TYPE_CHECKING:
    from app.ui.canvas.layers import CanvasView

#: Shades from the oldest to the newest line; one call of the painter for each.
_SHADES = 8
_FAINTEST, _STRONGEST = 0.15, 0.8


class TrailLayer:
    """Reads the trails of a frame once, until the frame, its persons or the wished length change."""

    def __init__(self, session: Session) -> None:
        self._read: tuple[Document, int, int] | None = None
        self._trails: Mapping[int, Trail] = {}
        session.frames_changed.connect(self._forget)

    def _forget(self, _change: DocumentChange) -> None:
        self._read = None

    def paint(self, painter: QPainter, view: CanvasView) -> None:
        """Draw the trails of the persons in view."""
        back = view.session.view.trail_frames
        if not back or view.document is None or view.frame is None or view.is_hidden:
            return
        wanted = (view.document, view.frame, back)
        if self._read != wanted:
            self._trails, self._read = view.document.trails(view.frame, back), wanted
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tracks = view.document.tracks()
        for track_id in view.persons:
            if track_id in self._trails and track_id in tracks:
                _paint(painter, self._trails[track_id], tracks[track_id].colour, view)


def _paint(painter: QPainter, trail: Trail, colour: str, view: CanvasView) -> None:
    shown = trail.located & (trail.scores >= view.session.view.min_score)
    starts, ends = shown[:-1] & shown[1:], view.transform.to_canvas(trail.keypoints)
    shades = np.arange(1, len(starts) + 1) * _SHADES // len(starts) - 1
    for shade in range(_SHADES):
        at, joints = np.nonzero(starts & (shades == shade)[:, None])
        if not len(at):
            continue
        faded = QColor(colour)
        faded.setAlphaF(_FAINTEST + (_STRONGEST - _FAINTEST) * shade / (_SHADES - 1))
        painter.setPen(QPen(faded, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
        lines = np.concatenate([ends[at, joints], ends[at + 1, joints]], axis=1)
        painter.drawLines([QLineF(*line) for line in lines.tolist()])
