"""Menus made of the table of actions."""

from __future__ import annotations

from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from app.ui.actions import ActionTable

#: The order of the menus; what a part contributes under another name comes before Help.
ORDER = ("File", "Edit", "Select", "Person", "Tracks", "Go", "View", "Help")
#: What ends its menu, whichever part brings it.
LAST = ("file.close", "file.preferences", "file.quit")
_CONTEXT = (
    "joint.occluded",
    "joint.absent",
    None,
    "person.accept",
    "person.swap_sides",
    "person.swap_arms",
    "person.swap_legs",
    "person.copy_previous",
    None,
    "track.swap",
    "track.merge",
    "track.split",
    "track.reassign",
    None,
    "view.zoom_person",
    "person.add",
    "edit.delete",
)


def fill_menu_bar(bar: QMenuBar, table: ActionTable) -> None:
    """Every action where its spec says. A line divides switches from commands, and what comes from different parts."""
    menus: dict[str, QMenu] = {}
    others = [path.partition("/")[0] for spec in table.specs.values() if (path := spec.menu)]
    for title in dict.fromkeys([*ORDER[:-1], *(one for one in others if one != "Help"), "Help"]):
        menus[title] = bar.addMenu(f"&{title}")
    kinds: dict[str, tuple[str, bool]] = {}
    for spec in sorted(table.specs.values(), key=lambda spec: LAST.index(spec.name) if spec.name in LAST else -1):
        if not spec.menu:
            continue
        menu = _menu_at(spec.menu, menus)
        kind = ("last" if spec.name in LAST else spec.name.partition(".")[0], spec.checked_when is not None)
        if not menu.isEmpty() and kinds.get(spec.menu, kind) != kind:
            menu.addSeparator()
        kinds[spec.menu] = kind
        menu.addAction(table.action(spec.name))


def _menu_at(path: str, menus: dict[str, QMenu]) -> QMenu:
    if path not in menus:
        above, _, title = path.rpartition("/")
        menus[path] = _menu_at(above, menus).addMenu(title)
    return menus[path]


def context_menu(table: ActionTable, parent: QWidget) -> QMenu:
    """For a right click on the canvas."""
    menu = QMenu(parent)
    for name in _CONTEXT:
        if name is None:
            menu.addSeparator()
        elif name in table.specs:
            menu.addAction(table.action(name))
    return menu
