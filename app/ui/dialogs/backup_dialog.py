"""Open Backup: which backup of a project, and what opening it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QAbstractItemView, QDialog, QHeaderView, QLabel, QTreeWidget, QTreeWidgetItem, QWidget

from app.project.backups import time_of
from app.project.restoring import contents
from app.ui import theme
from app.ui.dialogs.shape import dialog_column, go_and_cancel
from dcpose_core.errors import ProjectError
from dcpose_core.wording import counted

_WIDTH_PX, _ROWS = 600, 9
_COLUMNS = ("Saved", "Last step", "Annotated", "Size")


class BackupDialog(QDialog):
    """Newest first. text: what opening one does.

    open_backup(path): begins to open one, and gives what will be the path of the project; None if the user thought
    better of it. It is waited for; what goes wrong is told in the dialog, where another one can be chosen.
    """

    #: The path of the project that was made of a backup.
    made = Signal(object)
    _finished = Signal(object)

    def __init__(
        self,
        backups: Sequence[Path],
        text: str,
        open_backup: Callable[[Path], Future[Path] | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Open Backup")
        self.setMinimumWidth(_WIDTH_PX)
        self._open_backup = open_backup
        self._running: Future[Path] | None = None
        self.list = QTreeWidget(self)
        self.list.setAccessibleName("Backups")
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setFont(theme.tabular(self.list.font()))
        self.list.setHeaderLabels(list(_COLUMNS))
        header = self.list.header()
        header.setStretchLastSection(False)
        for i in range(len(_COLUMNS)):
            header.setSectionResizeMode(i, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.list.setAllColumnsShowFocus(True)
        self.list.setMinimumHeight(self.list.fontMetrics().lineSpacing() * 2 * (min(_ROWS, len(backups)) + 1))
        self._rows = [self._add(path) for path in backups]
        self._to_describe = iter(list(zip(backups, self._rows, strict=True)))
        explanation = _wrapping(text, self)
        self.problem = _wrapping("", self)
        self.problem.setAccessibleName("Problem")
        self.problem.hide()
        buttons, self.go = go_and_cancel(self, "Open Backup")
        column = dialog_column(self)
        for widget in (self.list, explanation, self.problem, buttons):
            column.addWidget(widget)
        self._backups = list(backups)
        self.list.itemActivated.connect(self.accept)
        self._finished.connect(self._on_finished)
        if self._rows:
            self.list.setCurrentItem(self._rows[0])
        self._soon = QTimer(self)  # one backup at a time, so that a dialog with forty of them is there at once
        self._soon.timeout.connect(self._describe_next)
        self._soon.start(0)

    @property
    def chosen(self) -> Path | None:
        """The backup that is selected."""
        row = self.list.currentItem()
        return self._backups[self._rows.index(row)] if row is not None and not row.isDisabled() else None

    def select(self, backup: Path) -> None:
        """Choose a backup of the list."""
        if backup in self._backups:
            self.list.setCurrentItem(self._rows[self._backups.index(backup)])

    @Slot()
    def accept(self) -> None:
        """Open what is chosen; the dialog leaves when that has worked."""
        backup = self.chosen
        if backup is None or self._running is not None:
            return
        self.problem.hide()
        self._running = self._open_backup(backup)
        if self._running is not None:
            self._set_busy(True)
            self._running.add_done_callback(self._finished.emit)

    def reject(self) -> None:
        if self._running is None:  # a copy under way is a moment, and has nobody to tell its end otherwise
            super().reject()

    @Slot(object)
    def _on_finished(self, running: Future[Path]) -> None:
        self._running = None
        self._set_busy(False)
        error = running.exception()
        if error is None:
            super().accept()
            self.made.emit(running.result())
        elif isinstance(error, ProjectError | OSError):
            self.problem.setText(f"{error}.")
            self.problem.show()
        else:
            raise error

    def _set_busy(self, busy: bool) -> None:
        self.go.setText("Opening..." if busy else "Open Backup")
        for widget in (self.go, self.list):
            widget.setEnabled(not busy)

    def _add(self, backup: Path) -> QTreeWidgetItem:
        time = time_of(backup)
        row = QTreeWidgetItem(self.list, [f"{time:%Y-%m-%d %H:%M:%S}" if time else backup.stem, "", "", _size(backup)])
        row.setToolTip(0, str(backup))
        return row

    @Slot()
    def _describe_next(self) -> None:
        backup, row = next(self._to_describe, (None, None))
        if backup is None or row is None:
            self._soon.stop()
            return
        try:
            found = contents(backup)
        except ProjectError as error:
            row.setText(1, "damaged itself")
            row.setToolTip(1, str(error))
            row.setDisabled(True)
            if self.list.currentItem() is row:
                self._choose_first()
            return
        verified = f", {found.n_verified} verified" if found.n_verified else ""
        row.setText(1, found.last_step)
        row.setToolTip(1, found.last_step)
        row.setText(2, f"{counted(found.n_annotated, 'frame')}{verified}")

    def _choose_first(self) -> None:
        usable = next((row for row in self._rows if not row.isDisabled()), None)
        if usable is not None:
            self.list.setCurrentItem(usable)
        self.go.setEnabled(usable is not None)


def _wrapping(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setWordWrap(True)
    return label


def _size(backup: Path) -> str:
    try:
        n_bytes = backup.stat().st_size
    except OSError:
        return ""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e6 else f"{max(1, round(n_bytes / 1e3))} kB"
