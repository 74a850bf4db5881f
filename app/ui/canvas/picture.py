"""The frame as it appears on the canvas: scaled once, then copied until frame, zoom or brightness change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage, QPainter

from app.ui.canvas.coordinates import ViewTransform
from app.ui.canvas.heat import brightened, heat_bgra
from app.ui.session import HeatmapOverlay
from dcpose_core.types import ImageArray

if TYPE_CHECKING:
    from app.ui.canvas.layers import CanvasView

_SHOW_PIXELS_FROM = 4.0  # above this scale pixels are squares, so that sub-pixel corrections can be judged


@dataclass(frozen=True, slots=True, eq=False)
class ScaledPicture:
    """An image for the screen. x_px, y_px: device pixel of the canvas where its top-left corner belongs."""

    image: QImage
    x_px: int
    y_px: int


def scaled_picture(
    image: ImageArray,
    transform: ViewTransform,
    *,
    view_width_px: int,
    view_height_px: int,
    brightness: float = 0.0,
    contrast: float = 1.0,
) -> ScaledPicture | None:
    """The visible part of a frame; None if all of it is out of sight.

    transform and view size are in device pixels here. brightness: added, -1..1; contrast: factor about middle grey.
    """
    height_px, width_px = image.shape[:2]
    scale = transform.scale
    if scale < 1:
        size = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
        pixels: MatLike = image
        while scale < 0.5 and min(pixels.shape[:2]) > 1:
            # Halving and then interpolating looks like INTER_AREA in one step, at a tenth of its time.
            half = (max(1, pixels.shape[1] // 2), max(1, pixels.shape[0] // 2))
            pixels = cv2.resize(pixels, half, interpolation=cv2.INTER_AREA)
            scale *= 2
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)
        x_px, y_px = round(transform.left_px), round(transform.top_px)
    else:
        x_px, y_px = max(0, int(transform.left_px)), max(0, int(transform.top_px))
        right_px = min(view_width_px, int(np.ceil(transform.left_px + width_px * scale)))
        bottom_px = min(view_height_px, int(np.ceil(transform.top_px + height_px * scale)))
        if right_px <= x_px or bottom_px <= y_px:
            return None
        # Both sides of warpAffine count from pixel centres, so the centre of the target's pixel 0 is taken off.
        zero_x, zero_y = transform.pixel_zero()
        to_target = np.array([[scale, 0, zero_x - x_px - 0.5], [0, scale, zero_y - y_px - 0.5]])
        pixels = cv2.warpAffine(
            image,
            to_target,
            (right_px - x_px, bottom_px - y_px),
            flags=cv2.INTER_NEAREST if scale >= _SHOW_PIXELS_FROM else cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    pixels = toned(pixels, brightness=brightness, contrast=contrast)
    return ScaledPicture(_to_qimage(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGRA)), x_px, y_px)


def toned(pixels: MatLike, *, brightness: float, contrast: float) -> MatLike:
    """uint8 pixels as the user wants to see them; see `scaled_picture`."""
    if (brightness, contrast) == (0.0, 1.0):
        return pixels
    return cv2.LUT(pixels, _tone_curve(brightness, contrast))


def _tone_curve(brightness: float, contrast: float) -> NDArray[np.uint8]:
    values = (np.arange(256) / 255 - 0.5) * contrast + 0.5 + brightness
    return np.asarray(np.clip(values * 255, 0, 255).round(), dtype=np.uint8)


def _to_qimage(bgra: MatLike) -> QImage:
    height_px, width_px = bgra.shape[:2]
    # copy(): QImage does not keep the array alive.
    return QImage(bgra.data, width_px, height_px, bgra.strides[0], QImage.Format.Format_RGB32).copy()


def heatmap_picture(
    overlay: HeatmapOverlay, transform: ViewTransform, *, view_width_px: int, view_height_px: int
) -> QImage:
    """A heatmap over the whole canvas, transparent where it says nothing; sizes and transform in device pixels."""
    zero_x, zero_y = transform.pixel_zero()
    to_target = overlay.cell_to_image * transform.scale + np.array([[0, 0, zero_x - 0.5], [0, 0, zero_y - 0.5]])
    coloured = heat_bgra(brightened(overlay.values))
    bgra = cv2.warpAffine(coloured, to_target, (view_width_px, view_height_px), flags=cv2.INTER_LINEAR)
    height_px, width_px = bgra.shape[:2]
    format_ = QImage.Format.Format_ARGB32_Premultiplied
    return QImage(bgra.data, width_px, height_px, bgra.strides[0], format_).copy()


class PictureLayer:
    """Paints frame and heatmap, keeping what was scaled for the last picture."""

    def __init__(self) -> None:
        self._picture: tuple[object, ScaledPicture | None] | None = None
        self._heatmap: tuple[object, QImage] | None = None

    def paint(self, painter: QPainter, view: CanvasView) -> None:
        """Draw the frame, and the heatmap if it belongs to it."""
        if view.image is None:
            return
        transform, pixel_ratio = view.transform, view.pixel_ratio
        device = ViewTransform(
            transform.scale * pixel_ratio, transform.left_px * pixel_ratio, transform.top_px * pixel_ratio
        )
        width_px, height_px = round(view.rect.width() * pixel_ratio), round(view.rect.height() * pixel_ratio)
        tones = (view.session.view.brightness, view.session.view.contrast)
        wanted = (id(view.image), view.frame, device, width_px, height_px, tones)
        if self._picture is None or self._picture[0] != wanted:
            scaled = scaled_picture(
                view.image,
                device,
                view_width_px=width_px,
                view_height_px=height_px,
                brightness=tones[0],
                contrast=tones[1],
            )
            if scaled is not None:
                scaled.image.setDevicePixelRatio(pixel_ratio)
            self._picture = (wanted, scaled)
        picture = self._picture[1]
        if picture is not None:
            painter.drawImage(QPointF(picture.x_px / pixel_ratio, picture.y_px / pixel_ratio), picture.image)
        heatmap = view.session.heatmap
        if heatmap is not None and heatmap.frame == view.frame and not view.is_hidden:
            shown = (id(heatmap), device, width_px, height_px)
            if self._heatmap is None or self._heatmap[0] != shown:
                overlay = heatmap_picture(heatmap, device, view_width_px=width_px, view_height_px=height_px)
                overlay.setDevicePixelRatio(pixel_ratio)
                self._heatmap = (shown, overlay)
            painter.drawImage(QPointF(0, 0), self._heatmap[1])
