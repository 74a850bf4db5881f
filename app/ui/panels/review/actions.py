"""The actions of the review."""

from __future__ import annotations

from collections.abc import Callable

from app.ui.actions import ActionSpec
from app.ui.panels.review.reviewing import Reviewing
from app.ui.session import Session
from app.ui.when import When

#: Those with a button in the panel.
BUTTONS = ("review.previous", "review.next", "frame.verify_and_next", "review.accept")


def actions(session: Session, reviewing: Reviewing, *, show_panel: Callable[[], object]) -> list[ActionSpec]:
    """All specs of this part. show_panel: bring the panel to the front."""
    has_document = When(session).has_document

    def begin() -> None:
        show_panel()
        if reviewing.n_items:
            reviewing.next()

    def has_items() -> bool:
        return has_document() and reviewing.n_items > 0

    return [
        ActionSpec(
            name="review.begin",
            text="Review",
            handler=begin,
            menu="Review",
            enabled_when=has_document,
            tooltip="Show what looks wrong, and go to the worst of it",
            icon="mdi6.eye-check-outline",
        ),
        ActionSpec(
            name="review.next",
            text="Next to Review",
            handler=reviewing.next,
            shortcuts={"default": ["N"], "cvat": ["Ctrl+N"], "sleap": ["Space", "N"]},
            menu="Review",
            enabled_when=has_items,
            tooltip="Go to the next person who looks wrong, the worst first",
            icon="mdi6.chevron-right-circle-outline",
        ),
        ActionSpec(
            name="review.previous",
            text="Back to the One before",
            handler=reviewing.previous,
            shortcuts={"default": ["Shift+N"], "cvat": ["Ctrl+Alt+N"], "sleap": ["Shift+Space", "Shift+N"]},
            menu="Review",
            enabled_when=lambda: has_document() and reviewing.current is not None,
            tooltip="Go back the way that the review came",
            icon="mdi6.chevron-left-circle-outline",
        ),
        ActionSpec(
            name="review.accept",
            text="Person Is Right, Next to Review",
            handler=reviewing.accept,
            shortcuts={"default": ["Ctrl+K"]},
            menu="Review",
            enabled_when=When(session).can_correct,
            tooltip="The selected person is right as it is on this frame: it counts as made by hand. "
            "In a review, on to the next",
            icon="mdi6.account-check-outline",
        ),
        ActionSpec(
            name="review.start_over",
            text="Review from the Start",
            handler=reviewing.start_over,
            menu="Review",
            enabled_when=has_items,
            tooltip="Begin another round over what still looks wrong",
        ),
        ActionSpec(
            name="review.show_hidden",
            text="Show Hidden Persons to Review",
            handler=reviewing.show_hidden,
            menu="Review",
            enabled_when=lambda: When(session).can_edit() and reviewing.n_hidden > 0,
            tooltip="Those who are hidden and of whom something looks wrong; list and walk have them again",
        ),
        ActionSpec(
            name="review.clear_filter",
            text="Review without Filters",
            handler=reviewing.clear_filter,
            menu="Review",
            enabled_when=has_document,
        ),
    ]
