"""A magnified look at the point that is being dragged, beside the mouse."""

from __future__ import annotations

import cv2
import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

from app.ui.canvas.picture import toned
from dcpose_core.types import FloatArray, ImageArray

RADIUS_PX = 72.0
_AWAY_PX = 28.0  # gap between the mouse and the loupe


def paint_loupe(
    painter: QPainter,
    image: ImageArray,
    at: FloatArray,
    *,
    brightness: float,
    contrast: float,
    mouse_px: FloatArray,
    scale: float,
    view_width_px: float,
    view_height_px: float,
) -> None:
    """Draw a circle with the image around image point `at`, magnified, and a cross on the point.

    brightness, contrast: as for the picture. mouse_px: where the mouse is on the canvas. scale: canvas pixels per
    image pixel there; the loupe shows three times as much, and at least four.
    """
    zoom = max(scale * 3, 4.0)
    size = int(RADIUS_PX * 2)
    # warpAffine counts from pixel centres on both sides: the point comes to the centre of the loupe.
    middle = (size - 1) / 2
    x, y = float(at[0]), float(at[1])
    to_loupe = np.array([[zoom, 0, middle - x * zoom], [0, zoom, middle - y * zoom]])
    pixels = cv2.warpAffine(
        image, to_loupe, (size, size), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=(20, 20, 20)
    )
    pixels = toned(pixels, brightness=brightness, contrast=contrast)
    bgra = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGRA)
    shown = QImage(bgra.data, size, size, bgra.strides[0], QImage.Format.Format_RGB32)

    centre = _beside(mouse_px, view_width_px, view_height_px)
    rect = QRectF(centre.x() - RADIUS_PX, centre.y() - RADIUS_PX, size, size)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    circle = QPainterPath()
    circle.addEllipse(rect)
    painter.setClipPath(circle)
    painter.drawImage(rect, shown)
    painter.setClipping(False)
    for colour, width in (("#000000", 3.0), ("#ffffff", 1.2)):
        painter.setPen(QPen(QColor(colour), width))
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):  # a gap in the middle leaves the point itself in sight
            painter.drawLine(centre + QPointF(dx, dy) * 5, centre + QPointF(dx, dy) * 16)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(rect)
    painter.restore()


def _beside(mouse_px: FloatArray, view_width_px: float, view_height_px: float) -> QPointF:
    """Up and to the right of the mouse, or on the other side where there is no room."""
    away = RADIUS_PX + _AWAY_PX
    x = mouse_px[0] + away if mouse_px[0] + away + RADIUS_PX < view_width_px else mouse_px[0] - away
    y = mouse_px[1] - away if mouse_px[1] - away - RADIUS_PX > 0 else mouse_px[1] + away
    return QPointF(
        min(max(x, RADIUS_PX), view_width_px - RADIUS_PX), min(max(y, RADIUS_PX), view_height_px - RADIUS_PX)
    )
