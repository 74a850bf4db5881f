"""How the canvas draws, from one day to the next."""

from __future__ import annotations

from dataclasses import fields
from typing import get_args

from app.ui.session import ColourMode, Session
from app.ui.settings import Settings

#: Fields of `ViewSettings` that belong to one video, not to the user.
_NOT_KEPT = frozenset({"brightness", "contrast", "show_skeletons"})


def remember_view(session: Session, settings: Settings) -> None:
    """Restore what `session` showed last, and keep what it shows from now on."""
    view = session.view
    names = [one.name for one in fields(view) if one.name not in _NOT_KEPT]
    stored = {name: settings.view_value(name, getattr(view, name)) for name in names}
    if stored.get("colour_mode") not in get_args(ColourMode):
        stored.pop("colour_mode", None)
    session.set_view(**stored)

    def keep() -> None:
        for name in names:
            settings.set_view_value(name, getattr(session.view, name))

    session.view_changed.connect(keep)
