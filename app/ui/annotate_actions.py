"""Letting the model annotate, and stopping it."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from app.ui.actions import ActionSpec
from app.ui.annotating import Annotating
from app.ui.dialogs.annotate import AnnotateDialog, models_and_devices
from app.ui.dialogs.shape import open_dialog
from app.ui.session import Session
from app.ui.settings import Settings
from dcpose_core.errors import DCPoseError


def actions(session: Session, annotating: Annotating, settings: Settings, parent: QWidget) -> list[ActionSpec]:
    """All specs of this part."""

    def can_run() -> bool:
        return session.can_edit and not annotating.is_running and not annotating.is_loading

    def ask() -> None:
        annotating.when_loaded(lambda: show_annotate(session, annotating, settings, parent))

    return [
        ActionSpec(
            name="annotate.run",
            text="Annotate...",
            handler=ask,
            shortcuts={"default": ["Ctrl+R"]},
            menu="Annotate",
            enabled_when=can_run,
            tooltip="Let the model find and annotate persons",
            icon="mdi6.auto-fix",
        ),
        ActionSpec(
            name="annotate.cancel",
            text="Stop Annotating",
            handler=annotating.cancel,
            menu="Annotate",
            enabled_when=lambda: annotating.is_busy,
            tooltip="Stop the run; what is done stays",
            icon="mdi6.stop-circle-outline",
        ),
    ]


def show_annotate(
    session: Session, annotating: Annotating, settings: Settings, parent: QWidget
) -> AnnotateDialog | None:
    """Ask what to annotate, and begin."""
    if session.document is None or annotating.is_running:
        return None
    try:
        models, devices = models_and_devices()
    except DCPoseError as error:
        session.tell(str(error), kind="error")
        return None
    dialog = AnnotateDialog(session, settings, models=models, devices=devices, parent=parent)
    dialog.accepted.connect(lambda: annotating.start(dialog.choice()))
    return open_dialog(dialog)
