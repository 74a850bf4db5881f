"""The toolbar: which actions it has, and how much of each."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QMainWindow, QSizePolicy, QToolBar, QToolButton, QWidget

from app.ui.actions import ActionTable

_ICON_PX = 20
#: Names of actions; None: a line; `ROOM`: what follows lies at the right end.
ROOM = ""
_ITEMS: tuple[str | None, ...] = (
    "file.open",
    "annotate.run",
    "propagate.open",
    "review.begin",
    None,
    "person.add",
    "person.swap_sides",
    None,
    "edit.undo",
    "edit.redo",
    None,
    "file.export",
    ROOM,
    "view.fit",
    "view.zoom_person",
    "view.hide",
    "window.full_canvas",
    None,
    "help.palette",
)
#: Everybody knows these by their icon.
_ICON_ONLY = frozenset(
    (
        "person.swap_sides",
        "edit.undo",
        "edit.redo",
        "view.fit",
        "view.zoom_person",
        "view.hide",
        "window.full_canvas",
    )
)


def make_toolbar(table: ActionTable, window: QMainWindow) -> QToolBar:
    """The toolbar of `window`, added to it."""
    bar = QToolBar("Toolbar", window)
    bar.setObjectName("toolbar")
    bar.setMovable(False)
    bar.setIconSize(QSize(_ICON_PX, _ICON_PX))
    bar.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    for name in _ITEMS:
        if name is None:
            bar.addSeparator()
        elif name == ROOM:
            room = QWidget(bar)
            room.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
            bar.addWidget(room)
        else:
            bar.addAction(table.action(name))
            button = bar.widgetForAction(table.action(name))
            if name in _ICON_ONLY and isinstance(button, QToolButton):
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    window.addToolBar(bar)
    return bar
