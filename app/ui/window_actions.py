"""The actions of the window as a whole: the picture alone, the way from part to part, the theme."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from app.ui.actions import ActionSpec
from app.ui.full_canvas import FullCanvas
from app.ui.session import Session
from app.ui.settings import Settings
from app.ui.theme import Wish
from app.ui.when import When

_THEMES: dict[Wish, str] = {"system": "As the System", "light": "Light", "dark": "Dark"}


def actions(
    session: Session,
    settings: Settings,
    full_canvas: FullCanvas,
    *,
    next_pane: Callable[[int], object],
    set_theme: Callable[[Wish], object],
) -> list[ActionSpec]:
    """All specs of this part."""

    def has_theme(wish: Wish) -> bool:
        return settings.theme == wish

    return [
        ActionSpec(
            name="window.full_canvas",
            text="Only the Picture",
            handler=lambda: full_canvas.set_on(not full_canvas.is_on),
            shortcuts={"default": ["F11"]},
            menu="View",
            enabled_when=When(session).has_document,
            checked_when=lambda: full_canvas.is_on,
            tooltip="The picture on the whole screen",
            icon="mdi6.fullscreen",
        ),
        ActionSpec(
            name="window.next_pane",
            text="Next Part of the Window",
            handler=partial(next_pane, 1),
            shortcuts={"default": ["F6"]},
            menu="View/Panels",
        ),
        ActionSpec(
            name="window.previous_pane",
            text="Previous Part of the Window",
            handler=partial(next_pane, -1),
            shortcuts={"default": ["Shift+F6"]},
            menu="View/Panels",
        ),
        *(
            ActionSpec(
                name=f"theme.{wish}",
                text=text,
                handler=partial(set_theme, wish),
                menu="View/Theme",
                checked_when=partial(has_theme, wish),
            )
            for wish, text in _THEMES.items()
        ),
    ]
