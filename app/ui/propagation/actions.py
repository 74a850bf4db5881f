"""The actions of propagation, and what Return and Esc mean while something is proposed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from app.ui.actions import ActionSpec
from app.ui.propagation.deciding import Deciding
from app.ui.propagation.ghosts import Ghosts
from app.ui.propagation.propagating import Propagating
from app.ui.session import Session
from app.ui.when import When

#: A key held longer than this shows what would be only while it is held.
_PEEK_S = 0.3
_MENU = "Propagate"


def actions(
    session: Session, propagating: Propagating, deciding: Deciding, ghosts: Ghosts, *, open_panel: Callable[[], object]
) -> list[ActionSpec]:
    """All specs of this part."""
    when, choices = When(session), propagating.choices

    def switch(field: str) -> None:
        choices.set(**{field: not getattr(choices.value, field)})

    def is_on(field: str) -> bool:
        return bool(getattr(choices.value, field))

    def end_peek(held_s: float) -> None:
        if held_s > _PEEK_S:
            ghosts.set_after(False)

    def has_any() -> bool:
        return len(propagating.proposals) > 0

    specs = [
        ActionSpec(
            name="propagate.open",
            text="Propagate",
            handler=open_panel,
            shortcuts={"default": ["Ctrl+B"]},
            menu=_MENU,
            enabled_when=when.can_edit,
            tooltip="Carry what you corrected to the frames around, as proposals",
            icon="mdi6.content-duplicate",
        ),
        ActionSpec(
            name="propagate.stop",
            text="Stop Propagating",
            handler=propagating.stop,
            menu=_MENU,
            enabled_when=lambda: propagating.is_busy,
            tooltip="What is proposed already stays",
        ),
        ActionSpec(
            name="propagate.accept_range",
            text="Accept Proposals on All or the Selected Frames",
            handler=partial(deciding.accept_reach, "range"),
            shortcuts={"default": ["Shift+Return", "Shift+Enter"]},
            menu=_MENU,
            enabled_when=deciding.has_open,
            tooltip="Of the selected person, if anything is proposed of it; one undo step",
            icon="mdi6.check-all",
            context="canvas",
        ),
        ActionSpec(
            name="propagate.accept_joints",
            text="Accept Proposal of the Selected Joints",
            handler=deciding.accept_selected_joints,
            shortcuts={"default": ["Ctrl+Return", "Ctrl+Enter"]},
            menu=_MENU,
            enabled_when=deciding.may_decide_joints,
            tooltip="Of the selected joints on this frame; or double-click the ghost's joint",
        ),
        ActionSpec(
            name="propagate.accept_sure",
            text="Accept All Sure Proposals",
            handler=lambda: deciding.accept_sure(choices.value.least),
            shortcuts={"default": ["Ctrl+Shift+Return", "Ctrl+Shift+Enter"]},
            menu=_MENU,
            enabled_when=deciding.has_open,
            tooltip="All on all frames whose confidence is what the panel says, or more",
        ),
        ActionSpec(
            name="propagate.reject",
            text="Reject Proposals on This Frame",
            handler=partial(deciding.reject_reach, "here"),
            shortcuts={"default": ["X"]},
            menu=_MENU,
            enabled_when=deciding.has_open,  # on which frame, its handler sees
            tooltip="Of the selected person, if anything is proposed of it",
            icon="mdi6.close-circle-outline",
        ),
        ActionSpec(
            name="propagate.reject_range",
            text="Reject Proposals on All or the Selected Frames",
            handler=partial(deciding.reject_reach, "range"),
            shortcuts={"default": ["Shift+X"]},
            menu=_MENU,
            enabled_when=deciding.has_open,
        ),
        ActionSpec(
            name="propagate.reject_joints",
            text="Reject Proposal of the Selected Joints",
            handler=deciding.reject_selected_joints,
            shortcuts={"default": ["Alt+X"]},
            menu=_MENU,
            enabled_when=deciding.may_decide_joints,
            tooltip="Of the selected joints on this frame; or right-click the ghost's joint",
        ),
        ActionSpec(
            name="propagate.after",
            text="Before or After",
            handler=lambda: ghosts.set_after(not ghosts.shows_after),
            released=end_peek,
            shortcuts={"default": ["B"]},
            menu=_MENU,
            enabled_when=has_any,
            checked_when=lambda: ghosts.shows_after,
            tooltip="Show the persons as they would be with what is proposed; held, only for a look",
            icon="mdi6.compare",
        ),
    ]
    for field, text, tooltip in (
        ("previews", "Preview after Each Correction", "Propose the next five frames by itself"),
        ("reinfers", "Model Looks Again after Corrections", "Predictions around corrected frames are made anew"),
    ):
        specs.append(
            ActionSpec(
                name=f"propagate.{field}",
                text=text,
                handler=partial(switch, field),
                menu=_MENU,
                checked_when=partial(is_on, field),
                tooltip=tooltip,
            )
        )
    return specs


def deciding_first(
    specs: Iterable[ActionSpec], deciding: Deciding, *, drop: Callable[[], bool], is_busy: Callable[[], bool]
) -> list[ActionSpec]:
    """The canvas's actions, where Return accepts what is proposed on the frame, and Esc forgets all proposals.

    is_busy: whether the mouse is at work, which Esc gives up first.
    """
    changed = []
    for spec in specs:
        if spec.name == "person.accept":
            changed.append(_accept(spec, deciding))
        elif spec.name == "select.escape":
            changed.append(_escape(spec, drop, is_busy))
        else:
            changed.append(spec)
    return changed


def _accept(spec: ActionSpec, deciding: Deciding) -> ActionSpec:
    can_accept = spec.enabled_when or (lambda: True)

    def accept() -> None:
        if deciding.has_open("here"):
            deciding.accept_reach("here")
        elif can_accept():
            spec.handler()

    return replace(
        spec,
        handler=accept,
        enabled_when=lambda: deciding.has_open() or can_accept(),
        text="Accept Proposal or Pose",
        tooltip="What is proposed on this frame; without proposals, the person as it is: it counts as made by hand",
    )


def _escape(spec: ActionSpec, drop: Callable[[], bool], is_busy: Callable[[], bool]) -> ActionSpec:
    def escape() -> None:
        if is_busy() or not drop():
            spec.handler()

    return replace(spec, handler=escape, tooltip=f"{spec.tooltip}; forget what is proposed")
