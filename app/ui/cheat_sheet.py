"""F1: all keys and mouse gestures on one page, as they are in force."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QTextBrowser, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.actions import ActionTable

MOUSE = (
    ("Drag a joint", "Move it; release keeps it, Esc gives it up"),
    ("Right-click a joint", "Occluded, or visible again"),
    ("Double-click a person", "The model's pose is right: it counts as made by hand"),
    ("Double-click a ghost's joint", "Accept what is proposed for it"),
    ("Right-click a ghost's joint", "Reject it"),
    ("Shift+drag", "Select the joints in a rectangle"),
    ("Shift+click a joint", "Add it to the selection, or take it out"),
    ("Ctrl+click", "Place the selected joint where it is absent"),
    ("Alt+drag a joint", "Move the whole person"),
    ("Alt+wheel over a person", "Rotate it"),
    ("Drag a handle of the box", "Scale the person"),
    ("Drag the picture, or middle-drag", "Move the picture"),
    ("Wheel", "Zoom at the cursor"),
    ("Alt+drag the picture", "Zoom to a rectangle"),
)


class CheatSheet(QDialog):
    """Can be searched by typing."""

    def __init__(self, table: ActionTable, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and Mouse")
        self.resize(640, 620)
        self._table = table
        self.field = QLineEdit(self)
        self.field.setPlaceholderText("Search")
        self.field.setAccessibleName("Search keys")
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._fill)
        self.page = QTextBrowser(self)
        self.page.setAccessibleName("Keys and mouse gestures")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        for widget in (self.field, self.page, buttons):
            column.addWidget(widget)
        self._fill("")

    def _fill(self, wanted: str) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for spec in self._table.specs.values():
            keys = self._table.keys_of(spec.name)
            if keys:
                shown = ", ".join(_native(key) for key in keys)
                groups.setdefault(spec.menu.partition("/")[0] or "Other", []).append(
                    (shown, spec.plain_text.removesuffix("..."))
                )
        self.page.setHtml(_page([("Mouse on the canvas", MOUSE), *groups.items()], wanted.lower()))


def _native(key: str) -> str:
    return QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)


def _page(groups: Iterable[tuple[str, Iterable[tuple[str, str]]]], wanted: str) -> str:
    muted, border = theme.colour("muted").name(), theme.colour("border").name()
    parts = []
    for title, rows in groups:
        shown = [(keys, text) for keys, text in rows if wanted in keys.lower() or wanted in text.lower()]
        if shown:
            parts.append(f"<h3>{escape(title)}</h3><table width='100%' cellspacing='0' cellpadding='4'>")
            parts += [
                f"<tr><td width='40%' style='color:{muted}; border-bottom:1px solid {border}'>{escape(keys)}</td>"
                f"<td style='border-bottom:1px solid {border}'>{escape(text)}</td></tr>"
                for keys, text in shown
            ]
            parts.append("</table>")
    return "".join(parts) or "<p>Nothing found.</p>"
