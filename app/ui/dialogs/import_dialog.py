"""Import: poses of a PoseTrack or COCO file into the project, as annotations or as predictions."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDialog,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.jobs.bridge import JobFeed
from app.project.document import Document
from app.project.records import Layer
from app.ui.dialogs.shape import dialog_column, form_layout, go_and_cancel
from app.ui.job_runner import JobRunner
from app.ui.session import Session
from dcpose_core.types import PoseSequence

if TYPE_CHECKING:
    from app.project.convert import ImportPlan


class ImportDialog(QDialog):
    """Reads `path` when it opens, says what the file holds and what would happen, and imports it in one step.

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
        form = form_layout()
        form.addRow("File", name)
        form.addRow("Sequence", self.sequence)
        form.addRow("Import", kinds)
        form.addRow("", self.keep_ids)
        self.summary = QLabel("Reading...", self)
        self.summary.setWordWrap(True)
        self.summary.setTextFormat(Qt.TextFormat.PlainText)
        self.summary.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.summary.setMinimumHeight(self.summary.fontMetrics().lineSpacing() * 4)
        buttons, self.go = go_and_cancel(self, "Import")
        self.go.setEnabled(False)
        column = dialog_column(self)
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
        plan, session = self._plan, self._session
        if plan is None:
            return
        super().accept()

        def tell() -> None:
            session.tell_done(f"Imported {plan.n_persons} poses on {plan.n_frames} frames.")

        session.submit_wide(plan.edit(self._document), tell)

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
        """Have it worked out what would happen."""
        self._plan = None
        self.go.setEnabled(False)
        if not self._sequences:
            return
        layer = Layer.ANNOTATION if self.as_annotations.isChecked() else Layer.PREDICTION
        sequence = self._sequences[max(0, self.sequence.currentIndex())]
        self.summary.setText("Comparing with the project...")
        self._runner.start(
            "Plan the import",
            lambda: import_module("app.jobs.import_file").plan_job(
                self._document.path, sequence, layer=layer, keep_track_ids=self.keep_ids.isChecked()
            ),
            self._on_planned,
        )

    def _on_planned(self, result: Any) -> None:
        plan: ImportPlan = result
        self.summary.setText(_summary(plan))
        if plan.frames:
            self._plan = plan
            self.go.setEnabled(True)


def _summary(plan: ImportPlan) -> str:
    lines = [f"{plan.n_persons} poses on {plan.n_frames} frames, {plan.n_tracks} tracks."]
    if plan.n_replaced:
        are = "pose that is in the project now is" if plan.n_replaced == 1 else "poses that are in the project now are"
        lines.append(f"{plan.n_replaced} {are} replaced.")
    return "\n".join([*lines, *plan.notes])
