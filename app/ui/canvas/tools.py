"""What every tool of the canvas is: a small state machine fed with the mouse.

A tool changes nothing while it is busy: it keeps the edit that would be made (`pending`), which the canvas draws as if
it were. It is submitted, once, when the mouse button is released.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from app.project.records import Edit, PersonChange
from app.ui.canvas.coordinates import ViewTransform
from app.ui.canvas.hit_testing import Scene
from app.ui.session import Session
from dcpose_core.types import FloatArray

#: The mouse has to move this far, in canvas pixels, before a click becomes a drag.
DRAG_FROM_PX = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointer:
    """Where the mouse is, on the canvas and in the image, and which keys are held."""

    x_px: float
    y_px: float
    x: float
    y: float
    shift: bool = False
    alt: bool = False
    ctrl: bool = False

    @property
    def image_point(self) -> FloatArray:
        return np.array([self.x, self.y])

    @property
    def canvas_point(self) -> FloatArray:
        return np.array([self.x_px, self.y_px])

    @classmethod
    def of(cls, event: QMouseEvent | QWheelEvent, transform: ViewTransform) -> Pointer:
        position = event.position()
        x, y = transform.to_image([position.x(), position.y()]).tolist()
        held = event.modifiers()
        return cls(
            x_px=position.x(),
            y_px=position.y(),
            x=x,
            y=y,
            shift=bool(held & Qt.KeyboardModifier.ShiftModifier),
            alt=bool(held & Qt.KeyboardModifier.AltModifier),
            ctrl=bool(held & Qt.KeyboardModifier.ControlModifier),
        )


class Stage(Protocol):
    """What a tool sees of the canvas."""

    @property
    def session(self) -> Session: ...
    @property
    def transform(self) -> ViewTransform: ...
    @property
    def scene(self) -> Scene: ...
    def pan(self, dx_px: float, dy_px: float) -> None: ...
    def show_box(self, box_xyxy: FloatArray) -> None:
        """Zoom to a box of the image."""
        ...

    def propose_person(self, box_xyxy: FloatArray) -> None:
        """Have a person found in a box of the image and added."""
        ...

    def rerun_person(self, box_xyxy: FloatArray) -> None:
        """Have the model look at the selected person again, in a box of the image."""
        ...


class Tool(Protocol):
    """One way to use the mouse. The left button presses and releases; between them the mouse is dragged."""

    @property
    def pending(self) -> Edit | None:
        """The edit under way, to be drawn as if it were made."""
        ...

    @property
    def band(self) -> FloatArray | None:
        """A rectangle to draw, canvas pixels `[4]`."""
        ...

    @property
    def loupe_at(self) -> FloatArray | None:
        """The image point `[2]` to look at closely, while something is dragged."""
        ...

    @property
    def own_keys(self) -> frozenset[Qt.Key]:
        """Keys that are no shortcuts while the tool is in use."""
        ...

    def hint(self) -> str:
        """What the next click does."""
        ...

    def cursor(self, pointer: Pointer) -> Qt.CursorShape: ...
    def press(self, pointer: Pointer) -> None: ...
    def move(self, pointer: Pointer) -> None: ...
    def release(self, pointer: Pointer) -> None: ...
    def double_click(self, pointer: Pointer) -> None: ...
    def right_click(self, pointer: Pointer) -> None: ...
    def cancel(self) -> bool:
        """Give up what is under way; False if nothing was."""
        ...

    def leave(self) -> None:
        """The frame is about to change: give up or, where much work would be lost, finish."""
        ...

    def key(self, key: Qt.Key) -> bool:
        """A key that the tool has a use for; False if it has none."""
        ...


def person_of(edit: Edit) -> int | None:
    """The track of the first person that an edit changes."""
    return next((change.track_id for change in edit.changes if isinstance(change, PersonChange)), None)


def band_box(start: FloatArray, end: FloatArray) -> FloatArray:
    """`xyxy` of the rectangle between two corners."""
    return np.concatenate([np.minimum(start, end), np.maximum(start, end)])


class IdleTool:
    """The answers of a tool that has nothing to say; tools derive from it and override what they need."""

    pending: Edit | None = None
    band: FloatArray | None = None
    loupe_at: FloatArray | None = None
    own_keys: frozenset[Qt.Key] = frozenset()

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    @property
    def session(self) -> Session:
        return self.stage.session

    def hint(self) -> str:
        return ""

    def cursor(self, _pointer: Pointer) -> Qt.CursorShape:
        return Qt.CursorShape.ArrowCursor

    def press(self, pointer: Pointer) -> None: ...
    def move(self, pointer: Pointer) -> None: ...
    def release(self, pointer: Pointer) -> None: ...
    def double_click(self, pointer: Pointer) -> None: ...
    def right_click(self, pointer: Pointer) -> None: ...

    def cancel(self) -> bool:
        return False

    def leave(self) -> None:
        self.cancel()

    def key(self, _key: Qt.Key) -> bool:
        return False
