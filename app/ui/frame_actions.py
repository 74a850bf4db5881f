"""The actions that go from frame to frame, and those that mark frames."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice

import numpy as np

from app.project.records import FrameState
from app.ui.actions import ActionSpec
from app.ui.canvas import corrections
from app.ui.session import Session
from app.ui.when import When

_LEAP = 100
#: Frames, or None for as many as the preferences say -> the arrow that stands for them.
_HOW_FAR = {1: "", None: "double-", _LEAP: "triple-"}
#: Steps of the history that are looked at for frames edited last.
_LOOKED_AT = 200


def actions(session: Session, *, go_on: Callable[[], object]) -> list[ActionSpec]:
    """All specs of this part. go_on: leads on from a frame that is right."""

    when = When(session)
    has_frames = when.has_frames
    steps: tuple[tuple[str, str, int | None, int, list[str], dict[str, list[str]]], ...] = (
        ("next", "Next Frame", 1, 1, ["Right", "."], {"cvat": ["F", "Right"], "labelme": ["D", "Right"]}),
        ("previous", "Previous Frame", 1, -1, ["Left", ","], {"cvat": ["D", "Left"], "labelme": ["A", "Left"]}),
        ("step_forward", "Several Frames Forward", None, 1, ["Ctrl+Right"], {"cvat": ["V", "Ctrl+Right"]}),
        ("step_back", "Several Frames Back", None, -1, ["Ctrl+Left"], {"cvat": ["C", "Ctrl+Left"]}),
        ("leap_forward", f"{_LEAP} Frames Forward", _LEAP, 1, ["Ctrl+PgDown", "Ctrl+Alt+Right"], {}),
        ("leap_back", f"{_LEAP} Frames Back", _LEAP, -1, ["Ctrl+PgUp", "Ctrl+Alt+Left"], {}),
    )

    def step(count: int | None, direction: int) -> None:
        session.step(direction * (session.view.step_frames if count is None else count))

    specs = [
        ActionSpec(
            name=f"frame.{name}",
            text=text,
            handler=partial(step, count, direction),
            shortcuts={"default": keys, **others},
            menu="Go",
            tooltip="As many frames as the preferences say, 10 unless changed" if count is None else "",
            enabled_when=has_frames,
            icon=f"mdi6.chevron-{_HOW_FAR[count]}{'right' if direction > 0 else 'left'}",
            repeats=True,
        )
        for name, text, count, direction, keys, others in steps
    ]
    specs += [
        ActionSpec(
            name="frame.first",
            text="First Frame",
            handler=lambda: session.go_to(0),
            shortcuts={"default": ["Home"]},
            menu="Go",
            enabled_when=has_frames,
            icon="mdi6.page-first",
        ),
        ActionSpec(
            name="frame.last",
            text="Last Frame",
            handler=lambda: session.go_to(session.n_frames - 1),
            shortcuts={"default": ["End"]},
            menu="Go",
            enabled_when=has_frames,
            icon="mdi6.page-last",
        ),
        ActionSpec(
            name="frame.next_human",
            text="Next Frame Edited by Hand",
            handler=partial(_go_to_human, session, 1),
            shortcuts={"default": ["R"]},
            menu="Go",
            enabled_when=has_frames,
            icon="mdi6.skip-next-outline",
        ),
        ActionSpec(
            name="frame.previous_human",
            text="Previous Frame Edited by Hand",
            handler=partial(_go_to_human, session, -1),
            shortcuts={"default": ["E"]},
            menu="Go",
            enabled_when=has_frames,
            icon="mdi6.skip-previous-outline",
        ),
        ActionSpec(
            name="frame.last_edited",
            text="Last Edited Frame",
            handler=partial(_go_to_last_edited, session),
            shortcuts={"default": ["Ctrl+L"], "sleap": ["Ctrl+L", "Ctrl+A"]},
            menu="Go",
            enabled_when=has_frames,
            tooltip="Where the last edit was made; again: the one before",
            icon="mdi6.history",
        ),
        ActionSpec(
            name="frame.verify_and_next",
            text="Frame Is Right, Next",
            handler=partial(corrections.verify_and_next, session, go_on),
            shortcuts={"default": ["K"]},
            menu="Go",
            enabled_when=when.can_edit,
            tooltip="Mark this frame as verified and go on: in a review to the next item, else to the next frame",
            icon="mdi6.check-decagram-outline",
            repeats=False,
        ),
        ActionSpec(
            name="frame.verified",
            text="Verified",
            handler=partial(corrections.toggle_verified, session),
            shortcuts={"default": ["Shift+K"]},
            menu="Go",
            enabled_when=when.can_edit,
            checked_when=lambda: session.document is not None and session.document.is_verified(session.frame),
            tooltip="Mark the selected frames, or this one, as verified, or no longer",
        ),
    ]
    return specs


def _go_to_last_edited(session: Session) -> None:
    """The frame of the last edit by hand; from there on, of the one before, and so on."""
    document = session.document
    if document is None:
        return
    frames = list(dict.fromkeys(islice(document.steps.edited_by_hand(), _LOOKED_AT)))
    if not frames:
        session.tell("Nothing has been edited by hand yet.")
        return
    at = frames.index(session.frame) + 1 if session.frame in frames else 0
    session.go_to(frames[at % len(frames)])


def _go_to_human(session: Session, direction: int) -> None:
    """The next frame in a direction that a person edited or verified."""
    document = session.document
    if document is None:
        return
    found = np.flatnonzero(document.frame_states() >= FrameState.HUMAN)
    ahead = found[found > session.frame] if direction > 0 else found[found < session.frame][::-1]
    if len(ahead):
        session.go_to(int(ahead[0]))
    else:
        session.tell(f"No frame {'after' if direction > 0 else 'before'} this one was edited by hand.")
