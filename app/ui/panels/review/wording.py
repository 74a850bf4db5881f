"""What the review says."""

from __future__ import annotations

from app.jobs.review import ReviewState

_NOBODY = (
    "Nothing to review yet.\n\nAnnotate with Ctrl+R: what looks wrong then stands here, the worst first, "
    "and N goes from one to the next."
)
_LOOKING = "Looking for what is wrong..."
_NOTHING = (
    "Nothing looks wrong.\n\nChecks do not see everything: play the video once, "
    "and press K on every frame that is right."
)
_HIDDEN = "What is left is of hidden persons."
_NO_MATCH = "Nothing matches the filters."
_REASONS_SHOWN = 2


def grouped(number: int) -> str:
    """`12 480`."""
    return f"{number:,}".replace(",", " ")


def summary(state: ReviewState | None, n_shown: int | None) -> str:
    """`37 to review, about 52 joints wrong`. n_shown: what a filter leaves; None: there is no filter."""
    if state is None:
        return ""
    if not state.is_complete:
        return f"Looking for what is wrong: {100 * state.looked_at // max(len(state.expected), 1)} %"
    shown = "" if n_shown is None else f"{grouped(n_shown)} of "
    n_wrong = round(float(state.expected.sum()))
    return f"{shown}{grouped(state.progress.items)} to review, about {grouped(n_wrong)} joints wrong"


def hidden_text(n_items: int) -> str:
    """`12 of them of hidden persons`."""
    return f"{grouped(n_items)} of them of hidden persons"


def pace_text(seconds: float | None) -> str:
    """`about 25 min at your pace`, no more exact than such a guess can be; nothing where there is none."""
    if seconds is None:
        return ""
    minutes = seconds / 60
    if minutes < 1.5:
        amount = "1 min"
    elif minutes < 10:
        amount = f"{minutes:.0f} min"
    elif minutes < 120:
        amount = f"{5 * round(minutes / 5)} min"
    else:
        amount = f"{minutes / 60:.0f} h"
    return f"about {amount} at your pace"


def why_empty(state: ReviewState | None, *, has_persons: bool, is_filtered: bool, has_hidden: bool) -> str:
    """What stands in place of an empty list."""
    if not has_persons:
        return _NOBODY
    if state is None or not state.is_complete:
        return _LOOKING
    if has_hidden:
        return _HIDDEN
    return _NO_MATCH if is_filtered and state.progress.items else _NOTHING


def caption(name: str, reasons: list[str]) -> str:
    """`Person 2`, and why."""
    if not reasons:
        return f"{name}: nothing looks wrong here any more"
    more = len(reasons) - _REASONS_SHOWN
    first, *rest = reasons[:_REASONS_SHOWN]
    return "\n".join([f"{name}: {first}", *rest, *([f"and {more} more"] if more > 0 else [])])
