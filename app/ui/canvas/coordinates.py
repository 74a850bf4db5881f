"""Image pixels and canvas pixels.

Image: (0, 0) is the centre of the top-left pixel. Canvas: device-independent pixels of the widget, where Qt paints
pixel 0 over [0, 1). The half pixel between the two is added in `ViewTransform.pixel_zero` and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from dcpose_core.types import FloatArray

MIN_SCALE, MAX_SCALE = 0.02, 64.0


@dataclass(frozen=True, slots=True)
class ViewTransform:
    """Where the picture lies on the canvas.

    scale: canvas pixels per image pixel. left_px, top_px: the picture's top-left corner, not the centre of a pixel.
    """

    scale: float = 1.0
    left_px: float = 0.0
    top_px: float = 0.0

    def pixel_zero(self) -> tuple[float, float]:
        """Canvas position of the centre of image pixel (0, 0)."""
        return self.left_px + 0.5 * self.scale, self.top_px + 0.5 * self.scale

    def to_canvas(self, points: ArrayLike) -> FloatArray:
        """Image points float64 `[..., 2]` -> canvas points."""
        canvas: FloatArray = np.asarray(points, dtype=np.float64) * self.scale + np.array(self.pixel_zero())
        return canvas

    def to_image(self, points: ArrayLike) -> FloatArray:
        """Canvas points float64 `[..., 2]` -> image points."""
        image: FloatArray = (np.asarray(points, dtype=np.float64) - np.array(self.pixel_zero())) / self.scale
        return image

    def zoomed(self, factor: float, x_px: float, y_px: float) -> ViewTransform:
        """Larger by `factor`; what lies under canvas point (x, y) stays there."""
        scale = min(max(self.scale * factor, MIN_SCALE), MAX_SCALE)
        factor = scale / self.scale
        return ViewTransform(scale, x_px + (self.left_px - x_px) * factor, y_px + (self.top_px - y_px) * factor)

    def panned(self, dx_px: float, dy_px: float) -> ViewTransform:
        return replace(self, left_px=self.left_px + dx_px, top_px=self.top_px + dy_px)


def showing(box_xyxy: ArrayLike, *, view_width_px: float, view_height_px: float, margin: float = 0.0) -> ViewTransform:
    """The transform that shows a box of the image as large as it goes, in the middle of the canvas.

    box_xyxy: `[4]`, outer edges in image pixels. margin: share of the canvas that stays free on every side.
    """
    x1, y1, x2, y2 = np.asarray(box_xyxy, dtype=np.float64)
    room = 1 - 2 * margin
    scale = min(view_width_px * room / max(x2 - x1, 1.0), view_height_px * room / max(y2 - y1, 1.0))
    scale = min(max(scale, MIN_SCALE), MAX_SCALE)
    # Outer edges: the box of a whole image of width w is (-0.5, -0.5, w - 0.5, ...).
    left = view_width_px / 2 - ((x1 + x2) / 2 + 0.5) * scale
    top = view_height_px / 2 - ((y1 + y2) / 2 + 0.5) * scale
    return ViewTransform(scale, left, top)


def whole_image(width_px: int, height_px: int) -> FloatArray:
    """The outer edges of an image, `[4]`, as `showing` wants them."""
    return np.array([-0.5, -0.5, width_px - 0.5, height_px - 0.5])
