"""What goes out of a project and comes into it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.jobs.bridge import JobFeed
from app.ui.actions import ActionSpec
from app.ui.crash import CrashReporter
from app.ui.dialogs.export_dialog import ExportDialog
from app.ui.dialogs.import_dialog import ImportDialog
from app.ui.session import Session
from app.ui.when import When


def actions(session: Session, jobs: JobFeed, crash: CrashReporter, parent: QWidget) -> list[ActionSpec]:
    """The specs of export and import."""

    when = When(session)

    def export() -> ExportDialog:
        dialog = ExportDialog(session, jobs, parent)
        dialog.crashed.connect(crash.show_report)
        dialog.show()
        return dialog

    def import_() -> None:
        document = session.document
        if document is None:
            return
        chooser = QFileDialog(parent, "Import Poses", str(document.path.parent), "PoseTrack or COCO (*.json)")
        chooser.setFileMode(QFileDialog.FileMode.ExistingFile)
        chooser.fileSelected.connect(lambda path: import_file(session, jobs, crash, Path(path), parent))
        chooser.finished.connect(chooser.deleteLater)
        chooser.open()

    return [
        ActionSpec(
            name="file.export",
            text="Export...",
            handler=export,
            shortcuts={"default": ["Ctrl+E"], "sleap": ["Ctrl+Alt+E"]},
            menu="File",
            enabled_when=when.has_document,
            tooltip="Write PoseTrack or COCO files, frame images, an overlay video",
            icon="mdi6.export-variant",
        ),
        ActionSpec(
            name="file.import",
            text="Import Poses...",
            handler=import_,
            shortcuts={"default": ["Ctrl+Alt+I"]},
            menu="File",
            enabled_when=when.can_edit,
            tooltip="Poses of a PoseTrack or COCO file into this project",
            icon="mdi6.import",
        ),
    ]


def import_file(
    session: Session, jobs: JobFeed, crash: CrashReporter, path: Path, parent: QWidget | None
) -> ImportDialog:
    """Open the import dialog on a file."""
    dialog = ImportDialog(session, jobs, path, parent)
    dialog.crashed.connect(crash.show_report)
    dialog.open()
    return dialog
