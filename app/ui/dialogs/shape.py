"""The shape that all dialogs share: margins, the buttons with the one that leads on, and their end."""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QPushButton, QVBoxLayout, QWidget

from app.ui import theme

_Dialog = TypeVar("_Dialog", bound=QDialog)


def form_layout() -> QFormLayout:
    """Labels to the right of their column, fields as wide as there is room."""
    form = QFormLayout()
    form.setContentsMargins(0, 0, 0, 0)
    form.setSpacing(theme.GRID_PX)
    form.setLabelAlignment(theme.LABEL_ALIGNMENT)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def dialog_column(dialog: QWidget) -> QVBoxLayout:
    """The layout of a whole dialog, from top to bottom."""
    column = QVBoxLayout(dialog)
    column.setContentsMargins(16, 16, 16, 16)
    column.setSpacing(16)
    return column


def go_and_cancel(dialog: QDialog, verb: str) -> tuple[QDialogButtonBox, QPushButton]:
    """The buttons of a dialog that asks: one that does it, which Enter means, and Cancel."""
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, dialog)
    go = buttons.addButton(verb, QDialogButtonBox.ButtonRole.AcceptRole)
    theme.make_primary(go)
    go.setDefault(True)
    buttons.accepted.connect(dialog.accept)
    buttons.rejected.connect(dialog.reject)
    return buttons, go


def open_dialog(dialog: _Dialog) -> _Dialog:
    """Show a dialog over its window, and let go of it when it is closed."""
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog
