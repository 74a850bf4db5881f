"""What the canvas draws, from bottom to top: one table of layers, each a function of the same description of the view.

Another layer is one function and one line in `LAYERS`, or, for a part that comes with state of its own,
`canvas.add_layer(name, layer, below="...")`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from app.project.document import Document
from app.project.records import Person
from app.ui import theme
from app.ui.canvas import labels
from app.ui.canvas.coordinates import ViewTransform
from app.ui.canvas.hit_testing import Hit
from app.ui.canvas.loupe import paint_loupe
from app.ui.canvas.person_layer import PersonLayer
from app.ui.canvas.picture import PictureLayer
from app.ui.canvas.tools import Pointer, Tool
from app.ui.canvas.trails import TrailLayer
from app.ui.session import Session
from dcpose_core.types import ImageArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CanvasView:
    """All that a layer may want to know.

    image: uint8 `[H, W, 3]` of frame `frame`, or None; frame: None where the picture's index is not known yet.
    persons: those to see, by track, as the tool in use would have them; empty where they are hidden. is_hidden:
    everything over the picture is out of sight. hover: what is under the mouse. rect: of the canvas. pixel_ratio:
    device pixels per canvas pixel.
    """

    session: Session
    document: Document | None
    image: ImageArray | None
    frame: int | None
    is_current: bool
    problem: str
    persons: Mapping[int, Person]
    is_hidden: bool
    transform: ViewTransform
    image_size: tuple[int, int]
    hover: Hit
    tool: Tool
    pointer: Pointer | None
    rect: QRect
    pixel_ratio: float
    has_focus: bool


Layer: TypeAlias = Callable[[QPainter, CanvasView], object]


def make_layers(session: Session) -> dict[str, Layer]:
    """The layers by name, from bottom to top; those with state are new ones."""
    return {
        "picture": PictureLayer().paint,
        "trails": TrailLayer(session).paint,
        "persons": paint_persons,
        "band": paint_band,
        "loupe": paint_loupe_layer,
        "notice": paint_notice,
        "focus": paint_focus,
    }


def paint_persons(painter: QPainter, view: CanvasView) -> None:
    """Ghosts, skeletons, boxes and names."""
    if view.document is None or view.frame is None or view.is_hidden:
        return
    PersonLayer(
        session=view.session,
        document=view.document,
        frame=view.frame,
        persons=view.persons,
        transform=view.transform,
        image_size=view.image_size,
        hover=view.hover,
        names_joint=view.tool.loupe_at is None,
    ).paint(painter, pixel_ratio=view.pixel_ratio)


def paint_band(painter: QPainter, view: CanvasView) -> None:
    """The rectangle that is being drawn."""
    band = view.tool.band
    if band is not None:
        painter.setPen(QPen(QColor("#ffffff"), 1, Qt.PenStyle.DashLine))
        painter.setBrush(QColor(255, 255, 255, 30))
        painter.drawRect(QRectF(QPointF(*band[:2].tolist()), QPointF(*band[2:].tolist())))


def paint_loupe_layer(painter: QPainter, view: CanvasView) -> None:
    """The magnified point under the mouse while something is dragged."""
    if view.tool.loupe_at is not None and view.image is not None and view.pointer is not None:
        paint_loupe(
            painter,
            view.image,
            view.tool.loupe_at,
            brightness=view.session.view.brightness,
            contrast=view.session.view.contrast,
            mouse_px=view.pointer.canvas_point,
            scale=view.transform.scale,
            view_width_px=view.rect.width(),
            view_height_px=view.rect.height(),
        )


def paint_notice(painter: QPainter, view: CanvasView) -> None:
    """Why there is no picture, or what to do first."""
    if view.problem:
        labels.paint_notice(painter, view.rect, view.problem)
    elif view.is_current and view.document is not None and not view.document.tracks() and view.session.tool == "select":
        labels.paint_notice(painter, view.rect, labels.EMPTY_PROJECT)


def paint_focus(painter: QPainter, view: CanvasView) -> None:
    """A frame around the canvas while it has the keys."""
    if view.has_focus:
        painter.setPen(QPen(theme.colour("accent"), 1))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(view.rect.adjusted(0, 0, -1, -1))
