"""Undo, redo, and names for states to come back to."""

from __future__ import annotations

from PySide6.QtWidgets import QInputDialog, QWidget

from app.ui.actions import ActionSpec
from app.ui.session import Session
from app.ui.when import When
from dcpose_core.errors import DCPoseError


def actions(session: Session, parent: QWidget) -> list[ActionSpec]:
    """All specs of this part."""

    def can_undo() -> bool:
        return session.can_edit and session.document is not None and session.document.undo_label is not None

    def can_redo() -> bool:
        return session.can_edit and session.document is not None and session.document.redo_label is not None

    def checkpoint() -> None:
        document = session.document
        if document is None:
            return
        text = "Every edit is saved already. A name lets you come back to this moment in the history:"
        name, ok = QInputDialog.getText(parent, "Name This State", text)
        if ok and name.strip():
            try:
                document.checkpoint(name.strip())
            except DCPoseError as error:
                session.tell(str(error), kind="error")

    return [
        ActionSpec(
            name="edit.undo",
            text="Undo",
            handler=session.undo,
            shortcuts={"default": ["Ctrl+Z"]},
            menu="Edit",
            enabled_when=can_undo,
            icon="mdi6.undo",
            repeats=True,
        ),
        ActionSpec(
            name="edit.redo",
            text="Redo",
            handler=session.redo,
            shortcuts={"default": ["Ctrl+Shift+Z", "Ctrl+Y"]},
            menu="Edit",
            enabled_when=can_redo,
            icon="mdi6.redo",
            repeats=True,
        ),
        ActionSpec(
            name="file.checkpoint",
            text="Name This State...",
            handler=checkpoint,
            shortcuts={"default": ["Ctrl+S"]},
            menu="File",
            enabled_when=When(session).can_edit,
            tooltip="Everything is saved already; a name marks this moment in the history",
            icon="mdi6.bookmark-outline",
        ),
    ]
