"""The style: Fusion, with check boxes and radio buttons whose edge is seen on dark and light surfaces alike."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QProxyStyle, QStyle, QStyleOption, QWidget

from app.ui import theme

_BOXES = (QStyle.PrimitiveElement.PE_IndicatorCheckBox, QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck)
_RADIO = QStyle.PrimitiveElement.PE_IndicatorRadioButton


class Style(QProxyStyle):
    """See the module."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    def drawPrimitive(
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        if element in _BOXES or element == _RADIO:
            _paint_indicator(painter, option, is_round=element == _RADIO)
        else:
            super().drawPrimitive(element, option, painter, widget)


def _paint_indicator(painter: QPainter, option: QStyleOption, *, is_round: bool) -> None:
    state = option.state
    is_on = bool(state & QStyle.StateFlag.State_On)
    is_partly = bool(state & QStyle.StateFlag.State_NoChange)
    is_enabled = bool(state & QStyle.StateFlag.State_Enabled)
    has_focus = bool(state & QStyle.StateFlag.State_HasFocus)
    edge = QRectF(option.rect).adjusted(0.75, 0.75, -0.75, -0.75)
    side = min(edge.width(), edge.height())
    box = QRectF(edge.center().x() - side / 2, edge.center().y() - side / 2, side, side)
    filled = (is_on or is_partly) and is_enabled
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    line = "accent" if filled or has_focus else "muted" if is_enabled else "disabled"
    painter.setPen(QPen(theme.colour(line), 1.5))
    painter.setBrush(theme.colour("accent" if filled else "surface"))
    if is_round:
        painter.drawEllipse(box)
    else:
        painter.drawRoundedRect(box, 3, 3)
    mark = theme.colour("on_accent" if is_enabled else "disabled")
    if is_on and is_round:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(mark)
        painter.drawEllipse(box.center(), side * 0.22, side * 0.22)
    elif is_on or is_partly:
        painter.setPen(QPen(mark, 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        corners = [(0.25, 0.52), (0.43, 0.7), (0.76, 0.32)] if is_on else [(0.28, 0.5), (0.72, 0.5)]
        points = [box.topLeft() + QPointF(x * side, y * side) for x, y in corners]
        path = QPainterPath(points[0])
        for point in points[1:]:
            path.lineTo(point)
        painter.drawPath(path)
    painter.restore()
