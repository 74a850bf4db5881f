"""How to propagate: what a person chose, kept from one day to the next."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, NamedTuple, get_args, get_type_hints

from PySide6.QtCore import QObject, Signal

from app.ui.settings import Settings

Direction = Literal["forward", "backward", "both"]
Until = Literal["count", "human", "unsure", "cut"]
Joints = Literal["corrected", "selected", "all"]
Persons = Literal["selected", "all"]

#: Frames that are proposed by themselves after a correction.
PREVIEW_FRAMES = 5
MOST_COUNT = 250


class Method(NamedTuple):
    """How people call a propagator, in a list and within a sentence, and what there is to know about it."""

    title: str
    phrase: str
    note: str


#: By the names of `dcpose_core.propagation.PROPAGATORS` (a test compares), which takes seconds to import.
METHODS: dict[str, Method] = {
    "blend": Method(
        "Best of all", "all methods together", "Per joint the surest of the others and of the model's own answer"
    ),
    "dcpose": Method("DCPose", "DCPose", "The network looks at each frame with the corrected one as its neighbour"),
    "warp": Method("Warped heatmaps", "warped heatmaps", "A network moves the corrected joints from frame to frame"),
    "flow": Method("Optical flow", "optical flow", "Follows the picture around each joint, there and back; quick"),
    "flow_dis": Method("Dense flow", "dense optical flow", "Follows all of the picture; steadier on smooth skin"),
    "interpolate": Method("Curve between frames", "a curve", "Only between two frames on which you set the joint"),
    "linear": Method("Line between frames", "a line", "Only between two frames on which you set the joint"),
}
#: Where somebody looks at proposals as they come: five frames take 84 ms of CPU (`python -m app.benchmarks preview`),
#: and by `dcpose bench effort` few joints are left to touch. The engine's own default, for proposals that nobody looks
#: at, leaves fewer on spoiled footage, but takes a second and more.
DEFAULT_METHOD = "flow_dis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """until: see `PropagateRequest`; least: confidence, 0..1, of what counts as sure. joints: `corrected` are those
    that a person moved on the current frame. previews: after each correction by itself; reinfers: predictions between
    corrected frames are made anew with the corrections as neighbours."""

    method: str = DEFAULT_METHOD
    direction: Direction = "forward"
    until: Until = "count"
    count: int = PREVIEW_FRAMES
    joints: Joints = "corrected"
    persons: Persons = "selected"
    least: float = 0.5
    previews: bool = True
    reinfers: bool = True


class Choices(QObject):
    """The choice in force."""

    changed = Signal()

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._value = _restored(settings)

    @property
    def value(self) -> Choice:
        return self._value

    def set(self, **changes: Any) -> None:
        """Change fields of `Choice`, by name."""
        value = replace(self._value, **changes)
        if value != self._value:
            self._value = value
            for name in changes:
                self._settings.set_view_value(_key(name), getattr(value, name))
            self.changed.emit()


def _restored(settings: Settings) -> Choice:
    """What was chosen last, as far as it makes sense still."""
    default, hints = Choice(), get_type_hints(Choice)
    stored: dict[str, Any] = {}
    for one in fields(Choice):
        value = settings.view_value(_key(one.name), getattr(default, one.name))
        allowed = METHODS if one.name == "method" else get_args(hints[one.name])
        if not allowed or value in allowed:
            stored[one.name] = value
    choice = replace(default, **stored)
    return replace(choice, count=min(max(choice.count, 1), MOST_COUNT), least=min(max(choice.least, 0.0), 1.0))


def _key(name: str) -> str:
    return f"propagate_{name}"
