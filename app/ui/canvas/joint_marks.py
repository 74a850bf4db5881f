"""The mark of a joint, told by shape as well as by colour.

Made or moved by a person: a disc with a white outline. By the model: a smaller disc without one. Propagated: a diamond.
Occluded: a ring in place of the disc. Outside the image: a triangle on the edge that points there. Of a ghost: a dot.
"""

from __future__ import annotations

import math
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from app.project.records import JointSource

#: Edge length of the image of a mark, in device-independent pixels; the joint is in its middle.
MARK_PX = 28
_HUMAN_PX, _MODEL_PX, _GHOST_PX, _TRIANGLE_PX, _SELECTION_PX = 9.0, 6.5, 4.0, 12.0, 20.0
_OUTLINE, _SHADOW = QColor("#ffffff"), QColor(0, 0, 0, 150)


@lru_cache(maxsize=2048)
def joint_mark(
    colour: str,
    *,
    source: int,
    occluded: bool = False,
    ghost: bool = False,
    selected: bool = False,
    outside_deg: int | None = None,
    pixel_ratio: float = 1.0,
) -> QImage:
    """The image of a mark, drawn once for each kind.

    source: `JointSource`. outside_deg: the direction to a joint outside the image, clockwise from right, or None.
    """
    size = round(MARK_PX * pixel_ratio)
    image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(pixel_ratio)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(MARK_PX / 2, MARK_PX / 2)
    fill = QColor(colour)
    human = source == JointSource.HUMAN
    if ghost:
        fill.setAlphaF(0.6)
        _disc(painter, fill, _GHOST_PX)
    elif outside_deg is not None:
        _polygon(painter, fill, [(0.0, 0.0), *(_polar(_TRIANGLE_PX, outside_deg + turn) for turn in (150, 210))])
    elif occluded:
        ring_px = _HUMAN_PX if human else _MODEL_PX
        _ring(painter, _OUTLINE if human else _SHADOW, ring_px, 5.0)
        _ring(painter, fill, ring_px, 2.0)
    elif human:
        _disc(painter, _SHADOW, _HUMAN_PX + 5)
        _disc(painter, _OUTLINE, _HUMAN_PX + 3.5)
        _disc(painter, fill, _HUMAN_PX)
    elif source == JointSource.PROPAGATED:
        _polygon(painter, fill, [_polar(_MODEL_PX, turn) for turn in (0, 90, 180, 270)])
    else:
        _disc(painter, _SHADOW, _MODEL_PX + 2)
        _disc(painter, fill, _MODEL_PX)
    if selected:
        _ring(painter, _SHADOW, _SELECTION_PX, 4.0)
        _ring(painter, _OUTLINE, _SELECTION_PX, 2.0)
    painter.end()
    return image


def _polar(radius: float, degrees: float) -> tuple[float, float]:
    return radius * math.cos(math.radians(degrees)), radius * math.sin(math.radians(degrees))


def _disc(painter: QPainter, colour: QColor, diameter: float) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(QRectF(-diameter / 2, -diameter / 2, diameter, diameter))


def _ring(painter: QPainter, colour: QColor, diameter: float, width: float) -> None:
    painter.setPen(QPen(colour, width))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(QRectF(-diameter / 2, -diameter / 2, diameter, diameter))


def _polygon(painter: QPainter, colour: QColor, corners: list[tuple[float, float]]) -> None:
    painter.setPen(QPen(_OUTLINE, 1.5))
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([QPointF(x, y) for x, y in corners]))
