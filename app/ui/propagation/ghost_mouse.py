"""The mouse on ghosts: a click selects the joint, a double click accepts it, a right click rejects it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QHelpEvent, QMouseEvent
from PySide6.QtWidgets import QToolTip

from app.ui.canvas.canvas import Canvas
from app.ui.propagation.deciding import Deciding, one_joint
from app.ui.propagation.ghosts import Ghosts
from app.ui.propagation.proposals import Place
from app.ui.session import Session

_HELP = "Double-click accepts it, right-click rejects it."


class GhostMouse(QObject):
    """Sees the canvas's events before the canvas does, and keeps those that mean a ghost."""

    def __init__(self, session: Session, canvas: Canvas, ghosts: Ghosts, deciding: Deciding) -> None:
        super().__init__(canvas)
        self._session = session
        self._canvas = canvas
        self._ghosts = ghosts
        self._deciding = deciding
        self._holds_press = False
        canvas.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            return self._tell(event)
        if not isinstance(event, QMouseEvent) or kind == QEvent.Type.MouseMove:
            return self._holds_press and kind == QEvent.Type.MouseMove
        if kind == QEvent.Type.MouseButtonRelease:
            held, self._holds_press = self._holds_press, False
            return held
        found = self._at(event.position()) if self._session.tool == "select" else None
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        if found is None or not plain or event.button() == Qt.MouseButton.MiddleButton:
            return False
        place, joint = found
        self._holds_press = True
        if event.button() == Qt.MouseButton.RightButton:
            self._deciding.reject([place], joints=one_joint(joint))
        elif kind == QEvent.Type.MouseButtonDblClick:
            self._deciding.accept([place], joints=one_joint(joint))
        else:
            self._session.select(place.track_id, {joint})
        return True

    def _at(self, position: QPointF) -> tuple[Place, int] | None:
        canvas = self._canvas
        return self._ghosts.joint_at(canvas.transform, self._session.frame, position.x(), position.y())

    def _tell(self, event: QHelpEvent) -> bool:
        found = self._at(QPointF(event.pos()))
        if found is None:
            QToolTip.hideText()
            return False
        QToolTip.showText(event.globalPos(), f"{self._ghosts.describe(*found)}\n{_HELP}", self._canvas)
        return True
