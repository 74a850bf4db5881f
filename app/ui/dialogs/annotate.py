"""What to annotate, with which model, and where it runs."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Slot
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

from app.project import edits
from app.ui.dialogs.shape import dialog_column, form_layout, go_and_cancel
from app.ui.run_choice import RunChoice
from app.ui.session import Session
from app.ui.settings import Settings
from dcpose_core.wording import counted

_TILES = 2


class AnnotateDialog(QDialog):
    """`choice()` once it is accepted. models: (name, title, notes); devices: (name, title)."""

    def __init__(
        self,
        session: Session,
        settings: Settings,
        *,
        models: Sequence[tuple[str, str, str]],
        devices: Sequence[tuple[str, str]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Annotate")
        self._session = session
        self._settings = settings
        self.model = QComboBox(self)
        for name, title, notes in models:
            self.model.addItem(title, name)
            self.model.setItemData(self.model.count() - 1, notes, Qt.ItemDataRole.ToolTipRole)
        self.model.setCurrentIndex(max(0, self.model.findData(settings.model)))
        self.device = QComboBox(self)
        for name, title in devices:
            self.device.addItem(title, name)
        self.device.setCurrentIndex(max(0, self.device.findData(settings.device)))
        self.distant = QCheckBox("Look for distant people too (slower)", self)

        self.all_frames = QRadioButton("All frames", self)
        self.from_here = QRadioButton(f"From frame {session.frame} to the end", self)
        chosen = session.frame_range
        text = f"Selected frames, {chosen[0]} to {chosen[1]}" if chosen else "Selected frames (none)"
        self.selected_frames = QRadioButton(text, self)
        self.selected_frames.setEnabled(chosen is not None)
        self.this_frame = QRadioButton(f"This frame, {session.frame}", self)
        ranges = (self.all_frames, self.from_here, self.selected_frames, self.this_frame)
        self._ranges = _group(self, ranges)
        (self.selected_frames if chosen is not None else self.all_frames).setChecked(True)

        self.everybody = QRadioButton("Everybody", self)
        track = None
        if session.document is not None and session.selected_track is not None:
            track = session.document.tracks().get(session.selected_track)
        self.one_person = QRadioButton("The selected person" if track is None else f"Only {track.name}", self)
        self.one_person.setEnabled(track is not None)
        self.one_person.setToolTip("Locate the joints again in the boxes that this person has; nobody else changes")
        self._persons = _group(self, (self.everybody, self.one_person))
        self.everybody.setChecked(True)

        self._scope = QLabel(self)
        self._scope.setProperty("muted", True)
        self._scope.setWordWrap(True)
        form = form_layout()
        form.addRow("Model", self.model)
        form.addRow("Runs on", self.device)
        form.addRow("Frames", _column(ranges))
        form.addRow("Persons", _column((self.everybody, self.one_person)))
        form.addRow("", self.distant)
        buttons, self.go = go_and_cancel(self, "Annotate")
        column = dialog_column(self)
        column.addLayout(form)
        column.addWidget(self._scope)
        column.addWidget(buttons)
        for group in (self._ranges, self._persons):
            group.buttonToggled.connect(self._update)
        self._update()

    def choice(self) -> RunChoice:
        """What was chosen; also kept for the next time."""
        first, last = self._frames()
        model, device = str(self.model.currentData()), str(self.device.currentData())
        self._settings.model, self._settings.device = model, device
        track = self._session.selected_track
        return RunChoice(
            model=model,
            device=device,
            first=first,
            last=last,
            tracks=frozenset({track}) if self.one_person.isChecked() and track is not None else None,
            tiles=_TILES if self.distant.isChecked() else 1,
        )

    def _frames(self) -> tuple[int, int]:
        session = self._session
        if self.selected_frames.isChecked() and session.frame_range is not None:
            return session.frame_range
        if self.this_frame.isChecked():
            return session.frame, session.frame
        return (session.frame if self.from_here.isChecked() else 0), session.n_frames - 1

    @Slot()
    def _update(self) -> None:
        document, session = self._session.document, self._session
        if document is None:
            return
        first, last = self._frames()
        count = last - first + 1
        if self.one_person.isChecked() and session.selected_track is not None:
            count = sum(1 for _ in edits.frames_of(document, session.selected_track, first, last))
        verified = sum(map(document.is_verified, range(first, last + 1))) if count < 1_000_000 else 0
        if verified == 1:
            kept = " The verified frame stays as it is."
        else:
            kept = f" {verified} verified frames stay as they are." if verified else ""
        self._scope.setText(
            f"{counted(count, 'frame')} will be annotated. What was edited by hand is not touched.{kept}"
        )
        self.go.setEnabled(count > 0)


def _group(parent: QWidget, buttons: Sequence[QRadioButton]) -> QButtonGroup:
    group = QButtonGroup(parent)
    for button in buttons:
        group.addButton(button)
    return group


def _column(widgets: Sequence[QWidget]) -> QVBoxLayout:
    column = QVBoxLayout()
    column.setSpacing(4)
    for widget in widgets:
        column.addWidget(widget)
    return column


def models_and_devices() -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    """What there is to choose from; imports the engine. Raises `WeightsError` if a description cannot be read."""
    import torch

    from dcpose_core.models.catalogue import catalogue

    models = [(one.name, one.title, one.notes) for one in catalogue().values()]
    devices = [("auto", "The GPU if there is one, else the CPU"), ("cpu", "CPU")]
    if torch.cuda.is_available():
        devices += [
            (f"cuda:{index}", f"GPU {index}: {torch.cuda.get_device_name(index)}")
            for index in range(torch.cuda.device_count())
        ]
    return models, devices
