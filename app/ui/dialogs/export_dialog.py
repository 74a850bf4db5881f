"""Export: what, as which format and where; what to look at before; and afterwards proof that the file is right."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.jobs.bridge import JobFeed
from app.project.document import Document
from app.project.records import FrameState
from app.ui import theme
from app.ui.dialogs.shape import dialog_column, form_layout
from app.ui.job_runner import JobRunner
from app.ui.opening import plain_name
from app.ui.session import Session
from dcpose_core.formats import FORMATS

if TYPE_CHECKING:
    from app.jobs.export import ExportRequest, ExportResult
    from app.project.export_checks import Problem

_WHAT = (
    ("view", "All: corrected by hand, else by the model"),
    ("human", "Only what was corrected or accepted by hand"),
    ("verified", "Only frames marked verified"),
)
_MOST_PROBLEMS_SHOWN = 500
_PROBLEM = Qt.ItemDataRole.UserRole


class ExportDialog(QDialog):
    """Not modal: problems in its list jump to their place in the window. `crashed(text, report)`: a bug in a job."""

    crashed = Signal(str, str)

    def __init__(self, session: Session, jobs: JobFeed, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Export")
        self.setMinimumWidth(560)
        document = session.document
        if document is None:
            raise ValueError("no project is open")
        self._session = session
        self._document: Document = document
        self._range = session.frame_range
        self._checked: ExportRequest | None = None
        self._blocked = False
        self._runner = JobRunner(jobs, self)
        self._runner.progressed.connect(self._on_progress)
        self._runner.failed.connect(lambda text: self._say(text, "error"))
        self._runner.crashed.connect(self._on_crash)
        self._runner.stopped.connect(lambda: self._say("Stopped. What was finished before is kept.", "warning"))
        self._runner.busy_changed.connect(self._on_busy)
        self.format = QComboBox(self)
        for name, form in FORMATS.items():
            self.format.addItem(form.title, name)
        self.what = QComboBox(self)
        for what, text in _WHAT:
            self.what.addItem(text, what)
        self.frames = QComboBox(self)
        self.frames.addItem(f"All {document.n_frames} frames", (0, document.n_frames - 1))
        if self._range is not None:
            self.frames.addItem(f"Selected frames, {self._range[0]} to {self._range[1]}", self._range)
        self.tracks = QComboBox(self)
        self._fill_tracks()
        self.sequence = QLineEdit(self)
        self.sequence.setPlaceholderText("as the format wants it")
        self.sequence.setToolTip("What the sequence is called inside the file")
        self._name = plain_name(document.path)
        stem = document.path.with_name(f"{self._name}_posetrack18.json")
        self.file = _PathField("Annotation file", stem, "JSON (*.json)", self)
        self.with_images = QCheckBox("the frame &images, in this folder", self)
        self.images = _PathField("Folder of the frame images", document.path.parent, "", self, is_folder=True)
        self.with_overlay = QCheckBox("a &video with the skeletons drawn in", self)
        overlay = document.path.with_name(f"{self._name}_overlay.mp4")
        self.overlay = _PathField("Overlay video", overlay, "Video (*.mp4)", self)
        self._form = QWidget(self)
        rows = form_layout()
        self._form.setLayout(rows)
        rows.addRow("&Format", self.format)
        rows.addRow("&What", self.what)
        rows.addRow("F&rames", self.frames)
        rows.addRow("&Persons", self.tracks)
        rows.addRow("&Sequence", self.sequence)
        rows.addRow("F&ile", self.file)
        rows.addRow("Also", _below_each_other(self.with_images, self.images, self.with_overlay, self.overlay))
        self._scope = QLabel(self)
        self._scope.setProperty("muted", True)
        self.problems = QListWidget(self)
        self.problems.setAccessibleName("Problems")
        self.problems.setMinimumHeight(120)
        self.problems.itemActivated.connect(self._on_problem)
        self.problems.itemClicked.connect(self._on_problem)
        self.problems.hide()
        self._progress = QProgressBar(self)
        self._progress.setTextVisible(False)
        self._progress.hide()
        self.message = QLabel(self)
        self.message.setWordWrap(True)
        self.message.setTextFormat(Qt.TextFormat.PlainText)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.message.hide()
        self.go = QPushButton("Export", self)
        self.go.setProperty("primary", True)
        self.go.setDefault(True)
        self.go.clicked.connect(self._on_go)
        self.check = QPushButton("Check Only", self)
        self.check.clicked.connect(lambda: self._check(then_export=False))
        self.close_button = QPushButton("Close", self)
        self.close_button.clicked.connect(self._on_close)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.check)
        buttons.addStretch(1)
        buttons.addWidget(self.go)
        buttons.addWidget(self.close_button)
        column = dialog_column(self)
        column.addWidget(self._form)
        column.addWidget(self._scope)
        column.addWidget(self.problems, 1)
        column.addWidget(self.message)
        column.addWidget(self._progress)
        column.addStretch(0)
        column.addLayout(buttons)
        for box in (self.format, self.what, self.frames, self.tracks):
            box.currentIndexChanged.connect(self._on_choice)
        self.format.currentIndexChanged.connect(self._name_file)
        for line in (self.sequence, self.file.text, self.images.text, self.overlay.text):
            line.textChanged.connect(self._on_choice)
        for switch, field in ((self.with_images, self.images), (self.with_overlay, self.overlay)):
            switch.toggled.connect(field.setVisible)
            switch.toggled.connect(self._on_choice)
            field.hide()
        session.document_changed.connect(self.close)
        session.frames_changed.connect(self._on_choice)
        self._on_choice()

    def request(self) -> ExportRequest:
        """What the fields say now. Imports the engine."""
        first, last = self.frames.currentData()
        made: ExportRequest = import_module("app.jobs.export").ExportRequest(
            project=self._document.path,
            video=Path(self._document.video.path),
            fingerprint=self._document.video.fingerprint,
            output=self.file.path,
            format=str(self.format.currentData()),
            what=self.what.currentData(),
            first=first,
            last=last,
            track_ids=self.tracks.currentData(),
            sequence_name=self.sequence.text().strip(),
            images=self.images.path if self.with_images.isChecked() else None,
            overlay=self.overlay.path if self.with_overlay.isChecked() else None,
        )
        return made

    def done(self, result: int) -> None:
        self._runner.cancel()
        super().done(result)

    def _fill_tracks(self) -> None:
        tracks = self._document.tracks()
        self.tracks.addItem(f"All {len(tracks)} tracks", None)
        shown = frozenset(track_id for track_id, track in tracks.items() if track.visible)
        if len(shown) < len(tracks):
            self.tracks.addItem(f"The {len(shown)} tracks that are not hidden", shown)
        selected = self._session.selected_track
        if selected is not None and selected in tracks:
            self.tracks.addItem(f"Only {tracks[selected].name}", frozenset({selected}))

    @Slot()
    def _on_choice(self) -> None:
        """Another choice: what was found out about the last one says nothing any more."""
        if self._runner.is_busy:
            return
        self._checked = None
        self._blocked = False
        self.problems.hide()
        self.go.setText("Export")
        first, last = self.frames.currentData()
        least = {"view": FrameState.MODEL, "human": FrameState.HUMAN, "verified": FrameState.VERIFIED}
        said = self._document.frame_states()[first : last + 1] >= least[self.what.currentData()]
        count = int(said.sum())
        self._scope.setText(f"{count} of {last - first + 1} frames have something to export.")
        if count == 0:
            self._say("Nothing to export: choose other frames, or annotate first.", "warning")
        else:
            self.message.hide()
        self.go.setEnabled(count > 0)
        self.check.setEnabled(count > 0)

    @Slot()
    def _name_file(self) -> None:
        """The suggested name follows the format until somebody writes another one."""
        suggested = {f"{self._name}_{name}.json" for name in FORMATS}
        if self.file.path.name in suggested:
            name = f"{self._name}_{self.format.currentData()}.json"
            self.file.text.setText(str(self.file.path.with_name(name)))

    @Slot()
    def _on_go(self) -> None:
        if self._checked is not None and not self._blocked:
            self._export(self._checked)
        else:
            self._check(then_export=True)

    def _check(self, *, then_export: bool) -> None:
        self._say("", "info")

        def show(result: object) -> None:
            problems: Sequence[Problem] = result if isinstance(result, list) else []
            self._checked = request
            self._show_problems(problems)
            if then_export and not problems:
                self._export(request)

        request = self.request()
        self._runner.start("Check before exporting", lambda: import_module("app.jobs.export").check_job(request), show)

    def _show_problems(self, problems: Sequence[Problem]) -> None:
        self.problems.clear()
        self._blocked = any(problem.blocks for problem in problems)
        for problem in sorted(problems, key=lambda problem: not problem.blocks)[:_MOST_PROBLEMS_SHOWN]:
            item = QListWidgetItem(self._sentence(problem))
            icon, role = (
                ("mdi6.alert-circle-outline", "on_error") if problem.blocks else ("mdi6.alert-outline", "muted")
            )
            item.setIcon(theme.icon(icon, role=role))
            item.setData(_PROBLEM, (problem.frame, problem.track_id))
            item.setToolTip("Click to go there" if problem.frame is not None else "")
            self.problems.addItem(item)
        self.problems.setVisible(bool(problems))
        if not problems:
            self._say("Checked: there is nothing to look at.", "info")
            self.go.setFocus()
            return
        more = len(problems) - _MOST_PROBLEMS_SHOWN
        shown = f" (the first {_MOST_PROBLEMS_SHOWN} are listed)" if more > 0 else ""
        count = f"{len(problems)} {'thing' if len(problems) == 1 else 'things'} to look at{shown}"
        if self._blocked:
            self._say(f"{count}; those marked in red cannot be written.", "error")
            self.go.setEnabled(False)
            self.problems.setFocus()
        else:
            self._say(f"{count}; the file can be written all the same.", "warning")
            self.go.setText("Export anyway")
            self.problems.setFocus()  # to be looked at first; Enter on one of them goes there

    def _sentence(self, problem: Problem) -> str:
        place = ""
        if problem.frame is not None:
            place = f"Frame {problem.frame}"
            track = None if problem.track_id is None else self._document.tracks().get(problem.track_id)
            place += f", {track.name}: " if track is not None else ": "
        return f"{place}{problem.sentence}"

    @Slot(QListWidgetItem)
    def _on_problem(self, item: QListWidgetItem) -> None:
        frame, track_id = item.data(_PROBLEM)
        if frame is not None:
            self._session.go_to(frame)
            self._session.select(track_id)

    def _export(self, request: ExportRequest) -> None:
        self._say("", "info")
        self._runner.start(
            f"Export {request.output.name}",
            lambda: import_module("app.jobs.export").export_job(request),
            self._on_exported,
        )

    def _on_exported(self, result: Any) -> None:
        self._checked = None
        self.go.setText("Export")
        self._say(report(result), "info" if result.check.is_right else "error")
        self.close_button.setFocus()
        self._session.tell(f"Exported to {result.files[0]}")

    @Slot(int, int, str)
    def _on_progress(self, done: int, total: int, message: str) -> None:
        self._progress.setRange(0, total)
        self._progress.setValue(done)
        if message:
            self._say(f"{message} ({done} of {total})" if total > 2 else f"{message}...", "info")

    @Slot(bool)
    def _on_busy(self, busy: bool) -> None:
        self._form.setEnabled(not busy)
        self._progress.setVisible(busy)
        self.go.setEnabled(not busy and not self._blocked)
        self.check.setEnabled(not busy)
        self.close_button.setText("Cancel" if busy else "Close")

    @Slot(str, str)
    def _on_crash(self, error: str, report_text: str) -> None:
        self._say(f"Stopped by a bug: {error}", "error")
        self.crashed.emit(f"Export stopped: {error}", report_text)

    @Slot()
    def _on_close(self) -> None:
        if self._runner.is_busy:
            self._runner.cancel()
            self._say("Stopped. Files that were finished before are kept.", "warning")
        else:
            self.close()

    def _say(self, text: str, kind: str) -> None:
        colour = theme.colour({"info": "text", "warning": "on_warning", "error": "on_error"}[kind]).name()
        self.message.setStyleSheet(f"color: {colour};")
        self.message.setText(text)
        self.message.setVisible(bool(text))


def _below_each_other(*widgets: QWidget) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(theme.GRID_PX // 2)
    for widget in widgets:
        column.addWidget(widget)
    return column


class _PathField(QWidget):
    """A path to write to, typed or chosen."""

    def __init__(self, title: str, path: Path, kinds: str, parent: QWidget, *, is_folder: bool = False) -> None:
        super().__init__(parent)
        self._title, self._kinds, self._is_folder = title, kinds, is_folder
        self.text = QLineEdit(str(path), self)
        self.text.setAccessibleName(title)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button = QPushButton("Choose...", self)
        button.setAutoDefault(False)
        button.setAccessibleName(f"Choose: {title}")
        button.clicked.connect(self._choose)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.text, 1)
        row.addWidget(button)

    @property
    def path(self) -> Path:
        return Path(self.text.text().strip()).expanduser()

    @Slot()
    def _choose(self) -> None:
        if self._is_folder:
            chosen = QFileDialog.getExistingDirectory(self, self._title, str(self.path))
        else:
            chosen, _ = QFileDialog.getSaveFileName(self, self._title, str(self.path), self._kinds)
        if chosen:
            self.text.setText(chosen)


def report(result: ExportResult) -> str:
    """What was written, and what reading it back showed, for people."""
    persons = f"{result.n_persons} poses of {result.n_tracks} {'person' if result.n_tracks == 1 else 'persons'}"
    lines = [f"Written: {persons} on {result.n_frames} frames."]
    lines += [str(path) for path in result.files]
    if result.n_images:
        lines.append(f"{result.n_images} frame images.")
    if result.overlay is not None:
        lines.append(f"Overlay video: {result.overlay}")
    lines += [f"Left out: {message}" for message in result.damaged[:3]]
    check = result.check
    if check.differences:
        count = "1 difference" if len(check.differences) == 1 else f"{len(check.differences)} differences"
        lines.append(f"Read back from the file: {count} to the project. {check.differences[0].capitalize()}.")
    else:
        lines.append("Read back from the file: the same poses as in the project.")
    scores = [f"{name} {value:.1f}" for name, value in (("AP", check.ap), ("MOTA", check.mota)) if value is not None]
    if scores:
        lines.append(f"Scored against itself, as a test of the file: {', '.join(scores)}.")
    return "\n".join(lines)
