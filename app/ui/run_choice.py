"""What to annotate, and where a run that was cut off goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from app.project.document import Document
from app.project.history import StepKind
from app.ui.settings import Settings

#: So many finished frames are annotated again, where the rest of a run learns who is who.
_OVERLAP_FRAMES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChoice:
    """What to annotate, as the dialog says. first, last: both included. tracks: only these persons; None: everybody.
    tiles: look for distant people in so many parts of the frame, along each side."""

    model: str
    device: str
    first: int
    last: int
    tracks: frozenset[int] | None = None
    tiles: int = 1


@dataclass(frozen=True, slots=True)
class UnfinishedRun:
    """A run that was cut off. reached: the last frame that is done; None: there is none."""

    choice: RunChoice
    reached: int | None

    def rest(self) -> RunChoice:
        """What is left of it."""
        if self.reached is None:
            return self.choice
        return replace(self.choice, first=max(self.choice.first, self.reached + 1 - _OVERLAP_FRAMES))


class _Begun(msgspec.Struct):
    """As the settings keep it. step: the number of its step in the history."""

    step: int
    choice: RunChoice


def remember_run(settings: Settings, document: Document, choice: RunChoice, *, step: int) -> None:
    """Note that a run has begun, so that it is known should it never end."""
    settings.set_begun_run(document.path, msgspec.json.encode(_Begun(step, choice)).decode())
    settings.sync()


def forget_run(settings: Settings, document: Document) -> None:
    """The run is over, one way or another, and somebody was told."""
    settings.set_begun_run(document.path, None)


def take_unfinished_run(settings: Settings, document: Document) -> UnfinishedRun | None:
    """The run that never ended, which is forgotten with this; None if there is none, or nothing is left of it to do."""
    text = settings.begun_run(document.path)
    if text is None:
        return None
    forget_run(settings, document)
    try:
        begun = msgspec.json.decode(text, type=_Begun)
    except msgspec.MsgspecError:  # somebody edited the settings
        return None
    entry = next((one for one in document.history() if one.number == begun.step), None)
    if entry is None:  # a step without results leaves no trace
        return UnfinishedRun(begun.choice, None)
    if entry.undone or entry.kind != StepKind.RUN:
        return None
    reached = document.steps.last_frame(begun.step)
    return None if reached is not None and reached >= begun.choice.last else UnfinishedRun(begun.choice, reached)
