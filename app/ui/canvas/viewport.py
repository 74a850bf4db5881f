"""Which part of the picture the canvas shows: zoom and pan, that stay when the frame changes."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QSize, Signal

from app.ui.canvas.coordinates import ViewTransform, showing, whole_image
from dcpose_core.types import FloatArray

_PERSON_MARGIN = 0.12
#: So much of the picture stays in sight, whatever is asked for.
_LEAST_PX = 48.0


class Viewport(QObject):
    """The transform from image to canvas. A fitted picture stays fitted when the canvas grows; else its middle stays.

    image_size: asked for (width, height) of the picture in pixels, (0, 0) before there is one.
    """

    changed = Signal()

    def __init__(self, image_size: Callable[[], tuple[int, int]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._image_size = image_size
        self._view = QSize()
        self._transform = ViewTransform()
        self.is_fitted = True

    @property
    def transform(self) -> ViewTransform:
        return self._transform

    def resize(self, view: QSize) -> None:
        """The canvas has another size."""
        old, self._view = self._view, view
        if self.is_fitted:
            self.fit()
        elif old.isValid():
            self.pan((view.width() - old.width()) / 2, (view.height() - old.height()) / 2)

    def fit(self) -> None:
        """Show the whole picture."""
        self.is_fitted = True
        width_px, height_px = self._image_size()
        if width_px and not self._view.isEmpty():
            self._show(whole_image(width_px, height_px), margin=0.0)

    def show_box(self, box_xyxy: FloatArray) -> None:
        """Show a box of the image, with some room around it."""
        self.is_fitted = False
        self._show(box_xyxy, margin=_PERSON_MARGIN)

    def one_to_one(self, pixel_ratio: float) -> None:
        """One image pixel on one pixel of the screen, about the middle of the canvas."""
        self.zoom(1 / (self._transform.scale * pixel_ratio))

    def zoom(self, factor: float) -> None:
        """Closer by `factor`, about the middle of the canvas."""
        self.zoom_at(factor, self._view.width() / 2, self._view.height() / 2)

    def zoom_at(self, factor: float, x_px: float, y_px: float) -> None:
        """Closer by `factor`; what lies under canvas point (x, y) stays there."""
        self.is_fitted = False
        self._set(self._transform.zoomed(factor, x_px, y_px))

    def pan(self, dx_px: float, dy_px: float) -> None:
        self.is_fitted = False
        self._set(self._transform.panned(dx_px, dy_px))

    def _show(self, box_xyxy: FloatArray, *, margin: float) -> None:
        size = {"view_width_px": self._view.width(), "view_height_px": self._view.height()}
        self._set(showing(box_xyxy, **size, margin=margin))

    def _set(self, transform: ViewTransform) -> None:
        width_px, height_px = self._image_size()
        left = max(transform.left_px, _LEAST_PX - width_px * transform.scale)
        top = max(transform.top_px, _LEAST_PX - height_px * transform.scale)
        left, top = min(left, self._view.width() - _LEAST_PX), min(top, self._view.height() - _LEAST_PX)
        self._transform = ViewTransform(transform.scale, left, top)
        self.changed.emit()
