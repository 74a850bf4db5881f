"""Asks how far an operation on a track reaches, and shows on the lanes what it will do, before it is done."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QIntValidator
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.project.document import Document
from app.ui.dialogs.shape import dialog_column, form_layout, go_and_cancel
from app.ui.dialogs.track_operations import (
    WITH_OTHER,
    Operation,
    TrackOperation,
    build,
    describe,
    preview,
    problem,
)
from app.ui.panels.track_list_model import swatch
from app.ui.session import Session
from app.ui.timeline.preview import LanePreviews

_TITLES = {
    Operation.SWAP: "Swap Tracks",
    Operation.MERGE: "Merge Tracks",
    Operation.SPLIT: "Split Track",
    Operation.REASSIGN: "Assign to Another Track",
    Operation.DELETE: "Delete Track",
}
_VERBS = {
    Operation.SWAP: "Swap",
    Operation.MERGE: "Merge",
    Operation.SPLIT: "Split",
    Operation.REASSIGN: "Assign",
    Operation.DELETE: "Delete",
}
_OTHER_LABELS = {Operation.SWAP: "With", Operation.MERGE: "Takes over", Operation.REASSIGN: "To"}
_THIS_FRAME, _TO_END, _ALL, _FRAMES = range(4)
_DEFAULT_SCOPE = {
    Operation.SWAP: _TO_END,
    Operation.MERGE: _ALL,
    Operation.SPLIT: _TO_END,
    Operation.REASSIGN: _TO_END,
    Operation.DELETE: _THIS_FRAME,
}


class TrackScopeDialog(QDialog):
    """Open it with `open()`; accepting it submits the edit."""

    def __init__(
        self,
        session: Session,
        previews: LanePreviews,
        kind: Operation,
        *,
        track_id: int,
        other_id: int | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(_TITLES[kind])
        self.setMinimumWidth(420)
        self._session = session
        self._previews = previews
        self._kind = kind
        document = session.document
        if document is None:
            raise ValueError("no project is open")
        self._document: Document = document
        self._frame = session.frame
        form = form_layout()
        self._track = self._track_field(track_id)
        form.addRow("&Track", self._track)
        self._other = self._track_field(other_id)
        if kind in WITH_OTHER:
            form.addRow(f"{_OTHER_LABELS[kind]}", self._other)
        else:
            self._other.hide()
        self._scopes = QButtonGroup(self)
        self._first = self._frame_field("First frame")
        self._last = self._frame_field("Last frame")
        if kind is Operation.SPLIT:
            form.addRow("From", QLabel(f"Frame {self._frame} on", self))
            self._first.hide()
            self._last.hide()
        else:
            form.addRow("On", self._scope_fields())
        self._choose_default_scope()
        self._summary = QLabel(self)
        self._summary.setWordWrap(True)
        self._summary.setMinimumHeight(self._summary.fontMetrics().lineSpacing() * 3)
        self._summary.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._summary.setAccessibleName("What will happen")
        seen = "The lanes of the timeline show the result. " if previews.is_visible() else ""
        self._hint = QLabel(f"{seen}Undo takes it back.", self)
        self._hint.setProperty("muted", True)
        self._buttons, self._do = go_and_cancel(self, _VERBS[kind])
        column = dialog_column(self)
        column.addLayout(form)
        column.addWidget(self._summary)
        column.addWidget(self._hint)
        column.addWidget(self._buttons)
        for box in (self._track, self._other):
            box.currentIndexChanged.connect(self._update)
        self._scopes.idToggled.connect(self._update)
        session.frames_changed.connect(self._update)
        session.document_changed.connect(self.reject)
        self._update()

    def operation(self) -> TrackOperation:
        """What the fields say now."""
        first, last = self._reach()
        return TrackOperation(
            kind=self._kind,
            track_id=int(self._track.currentData()),
            other_id=self._other.currentData() if self._kind in WITH_OTHER else None,
            first=first,
            last=last,
        )

    def accept(self) -> None:
        operation = self.operation()
        if problem(self._document, operation) is None:
            edit = build(self._document, operation)
            super().accept()
            self._session.submit_wide(edit, lambda: self._session.tell_done(f"{edit.label}."))

    def done(self, result: int) -> None:
        # First, so that what the edit changes is not previewed again.
        self._session.frames_changed.disconnect(self._update)
        self._session.document_changed.disconnect(self.reject)
        self._previews.show(None)
        super().done(result)

    def _track_field(self, chosen: int | None) -> QComboBox:
        box = QComboBox(self)
        for track_id, track in sorted(self._document.tracks().items()):
            box.addItem(swatch(track.colour), track.name, track_id)
        box.setCurrentIndex(box.findData(chosen) if chosen is not None else -1)
        return box

    def _frame_field(self, name: str) -> QLineEdit:
        field = QLineEdit(self)
        field.setAccessibleName(name)
        field.setValidator(QIntValidator(0, self._document.n_frames - 1, field))
        field.setFixedWidth(80)
        field.textEdited.connect(self._on_frames_edited)
        return field

    def _scope_fields(self) -> QWidget:
        last = self._document.n_frames - 1
        texts = {
            _THIS_FRAME: f"This &frame, {self._frame}",
            _TO_END: f"From here to the &end, {self._frame} to {last}",
            _ALL: "&All frames",
            _FRAMES: "F&rames",
        }
        area = QWidget(self)
        column = QVBoxLayout(area)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        for number, text in texts.items():
            button = QRadioButton(text, area)
            self._scopes.addButton(button, number)
            if number == _FRAMES:
                row = QHBoxLayout()
                row.addWidget(button)
                row.addWidget(self._first)
                row.addWidget(QLabel("to", area))
                row.addWidget(self._last)
                row.addStretch(1)
                column.addLayout(row)
            else:
                column.addWidget(button)
        return area

    def _choose_default_scope(self) -> None:
        chosen = self._session.frame_range
        first, last = chosen or (self._frame, self._document.n_frames - 1)
        self._first.setText(str(first))
        self._last.setText(str(last))
        button = self._scopes.button(_FRAMES if chosen is not None else _DEFAULT_SCOPE[self._kind])
        if button is not None:
            button.setChecked(True)

    def _reach(self) -> tuple[int, int]:
        end = self._document.n_frames - 1
        match self._scopes.checkedId():
            case number if number == _THIS_FRAME:
                return self._frame, self._frame
            case number if number == _ALL:
                return 0, end
            case number if number == _FRAMES:
                first, last = sorted(_number(field, default=0) for field in (self._first, self._last))
                return min(first, end), min(last, end)
        return self._frame, end

    @Slot()
    def _on_frames_edited(self) -> None:
        self._scopes.button(_FRAMES).setChecked(True)
        self._update()

    @Slot()
    def _update(self) -> None:
        if self._track.currentData() not in self._document.tracks():
            self.reject()
            return
        operation = self.operation()
        trouble = problem(self._document, operation)
        self._summary.setText(trouble or describe(self._document, operation))
        self._do.setEnabled(trouble is None)
        self._previews.show(preview(self._document, operation) if trouble is None else None)


def _number(field: QLineEdit, *, default: int) -> int:
    return int(field.text()) if field.hasAcceptableInput() else default
