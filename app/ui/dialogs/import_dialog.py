"""Import: poses of a PoseTrack or COCO file into the project, as annotations or as predictions."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.jobs.bridge import JobFeed
from app.project.document import Document
from app.project.records import Layer, PersonChange
from app.ui.dialogs.job_runner import JobRunner
from app.ui.session import Session
from dcpose_core.errors import DCPoseError
from dcpose_core.types import PoseSequence

if TYPE_CHECKING:
    from app.project.convert import ImportPlan


class ImportDialog(QDialog):
    """Reads `path` when it opens, says what the file holds and what would happen, and imports it in one edit.

    `crashed(text, report)`: a bug while reading.
    """

    crashed = Signal(str, str)

    def __init__(self, session: Session, jobs: JobFeed, path: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Import Poses")
        self.setMinimumWidth(480)
        document = session.document
        if document is None:
            raise ValueError("no project is open")
        self._session = session
        self._document: Document = document
        self._path = path
        self._sequences: list[PoseSequence] = []
        self._plan: ImportPlan | None = None
        self.sequence = QComboBox(self)
        self.sequence.setAccessibleName("Sequence")
        self.as_annotations = QRadioButton("as &annotations, as if they were made by hand here", self)
        self.as_predictions = QRadioButton("as &predictions, below what is made by hand", self)
        self._layers = QButtonGroup(self)
        for button in (self.as_annotations, self.as_predictions):
            self._layers.addButton(button)
        self.as_annotations.setChecked(True)
        self.keep_ids = QCheckBox("&Track numbers of the file are those of the project", self)
        self.keep_ids.setToolTip("Otherwise every track of the file becomes a new one")
        self.keep_ids.setChecked(not document.tracks())
        kinds = QVBoxLayout()
        kinds.setSpacing(4)
        kinds.addWidget(self.as_annotations)
        kinds.addWidget(self.as_predictions)
        name = QLabel(path.name, self)
        name.setTextFormat(Qt.TextFormat.PlainText)
        name.setToolTip(str(path))
        form = QFormLayout()
        form.setSpacing(8)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignRight)
        form.addRow("File", name)
        form.addRow("Sequence", self.sequence)
        form.addRow("Import", kinds)
        form.addRow("", self.keep_ids)
        self.summary = QLabel("Reading...", self)
        self.summary.setWordWrap(True)
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.summary.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.summary.setMinimumHeight(self.summary.fontMetrics().lineSpacing() * 4)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self.go = buttons.addButton("Import", QDialogButtonBox.ButtonRole.AcceptRole)
        self.go.setProperty("primary", True)
        self.go.style().polish(self.go)
        self.go.setEnabled(False)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(16)
        column.addLayout(form)
        column.addWidget(self.summary, 1)
        column.addWidget(buttons)
        self._runner = JobRunner(jobs, self)
        self._runner.failed.connect(self.summary.setText)
        self._runner.crashed.connect(self.crashed)
        self._runner.crashed.connect(lambda error, _: self.summary.setText(f"Stopped by a bug: {error}"))
        self.sequence.currentIndexChanged.connect(self._update)
        self.as_annotations.toggled.connect(self._update)
        self.keep_ids.toggled.connect(self._update)
        session.document_changed.connect(self.reject)
        self._runner.start("Read poses", lambda: import_module("app.jobs.import_file").import_job(path), self._on_read)

    def accept(self) -> None:
        self._update()  # the project may have changed since
        plan = self._plan
        if plan is not None:
            super().accept()
            if self._session.submit(plan.edit):
                self._session.tell(
                    f"Imported {plan.n_persons} poses on {plan.n_frames} frames.",
                    action="Undo",
                    handler=self._session.undo,
                )

    def done(self, result: int) -> None:
        self._runner.cancel()
        super().done(result)

    def _on_read(self, result: object) -> None:
        self._sequences = result if isinstance(result, list) else []
        self.sequence.blockSignals(True)
        for sequence in self._sequences:
            self.sequence.addItem(f"{sequence.name or 'unnamed'}: {len(sequence.frames)} frames")
        self.sequence.blockSignals(False)
        self.sequence.setEnabled(len(self._sequences) > 1)
        self._update()

    @Slot()
    def _update(self) -> None:
        """Say what would happen; the edit is ready then, too."""
        self._plan = None
        self.go.setEnabled(False)
        if not self._sequences:
            return
        layer = Layer.ANNOTATION if self.as_annotations.isChecked() else Layer.PREDICTION
        sequence = self._sequences[max(0, self.sequence.currentIndex())]
        try:
            plan: ImportPlan = import_module("app.project.convert").import_sequence(
                self._document, sequence, layer=layer, keep_track_ids=self.keep_ids.isChecked()
            )
        except DCPoseError as error:
            self.summary.setText(str(error))
            return
        self.summary.setText(_summary(plan))
        if plan.edit.changes:
            self._plan = plan
            self.go.setEnabled(True)


def _summary(plan: ImportPlan) -> str:
    lines = [f"{plan.n_persons} poses on {plan.n_frames} frames, {plan.n_tracks} tracks."]
    replaced = sum(isinstance(change, PersonChange) and change.before is not None for change in plan.edit.changes)
    if replaced:
        are = "pose that is in the project now is" if replaced == 1 else "poses that are in the project now are"
        lines.append(f"{replaced} {are} replaced.")
    return "\n".join([*lines, *plan.notes])
