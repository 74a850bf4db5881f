"""What works on this machine: devices, detector, decoders, models, folders, and the video that is open."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QWidget

from app.jobs.bridge import JobFeed
from app.ui.dialogs.shape import dialog_column
from app.ui.job_runner import JobRunner

if TYPE_CHECKING:
    from app.jobs.worker import Job

_MARKS = {True: "✓", False: "✕", None: "·"}


class ExamineDialog(QDialog):
    """Begins at once; every finding appears when it is made, as `dcpose doctor` prints it."""

    #: A bug: (what, report).
    crashed = Signal(str, str)

    def __init__(self, jobs: JobFeed, video: Path | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Check This Machine")
        self.resize(720, 420)
        self._n_bad = 0
        self.state = QLabel("Trying what annotating needs...", self)
        self.report = QPlainTextEdit(self)
        self.report.setReadOnly(True)
        self.report.setAccessibleName("Findings")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.report.toPlainText()))
        buttons.rejected.connect(self.reject)
        column = dialog_column(self)
        for widget in (self.state, self.report, buttons):
            column.addWidget(widget)
        self._runner = JobRunner(jobs, self)
        self._runner.produced.connect(self._on_finding)
        self._runner.failed.connect(self.state.setText)
        self._runner.crashed.connect(self.crashed)
        self.finished.connect(self._runner.cancel)

        def make() -> Job:
            job: Job = import_module("app.jobs.examine").examine_job(video)
            return job

        self._runner.start("Check this machine", make, self._on_end)

    @Slot(object)
    def _on_finding(self, finding: Any) -> None:
        self._n_bad += finding.ok is False
        self.report.appendPlainText(f"{_MARKS[finding.ok]}  {finding.what}: {finding.detail}")

    def _on_end(self, _result: object) -> None:
        wrong = f"{self._n_bad} thing{'s do' if self._n_bad != 1 else ' does'} not work: marked with {_MARKS[False]}."
        self.state.setText(wrong if self._n_bad else "Everything that annotating needs works.")
