"""The history dock: every step, oldest first; a click goes to the state after it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Slot
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QVBoxLayout, QWidget

from app.project.history import HistoryEntry, StepKind
from app.ui import theme
from app.ui.session import Session
from app.ui.tables import plain_table

_ROW_PX = 24
_ICONS = {
    StepKind.EDIT: "mdi6.circle-small",
    StepKind.RUN: "mdi6.run",
    StepKind.CHECKPOINT: "mdi6.flag-outline",
}

Index = QModelIndex | QPersistentModelIndex


class HistoryModel(QAbstractTableModel):
    """Row 0 is the project as it began, row i the state after step i."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._entries: Sequence[HistoryEntry] = ()
        session.document_changed.connect(self._reset)
        session.frames_changed.connect(self._follow)
        self._reset()

    @property
    def current_row(self) -> int:
        """The row of the state that is shown."""
        return sum(not entry.undone for entry in self._entries)

    def number_at(self, row: int) -> int:
        """What `Document.go_to` wants for this row."""
        return self._entries[row - 1].number if row > 0 else 0

    @Slot()
    def _reset(self) -> None:
        document = self._session.document
        self.beginResetModel()
        self._entries = () if document is None else document.history()
        self.endResetModel()

    @Slot()
    def _follow(self) -> None:
        """Add or take rows at the end, where all changes are; a reset would lose the place of the reader."""
        document = self._session.document
        if document is None:
            return
        old, new = len(self._entries), document.history()
        if len(new) > old:
            self.beginInsertRows(QModelIndex(), old + 1, len(new))
            self._entries = new
            self.endInsertRows()
        elif len(new) < old:
            self.beginRemoveRows(QModelIndex(), len(new) + 1, old)
            self._entries = new
            self.endRemoveRows()
        self._entries = new
        self.dataChanged.emit(self.index(0, 0), self.index(len(new), 1))

    def rowCount(self, parent: Index | None = None) -> int:
        if (parent is not None and parent.isValid()) or self._session.document is None:
            return 0
        return len(self._entries) + 1

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 2

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = index.row(), index.column()
        entry = self._entries[row - 1] if row else None
        if role == Qt.ItemDataRole.DisplayRole:
            if entry is None:
                return "Project begun" if column == 0 else ""
            return entry.label if column == 0 else _time_text(entry.time_s)
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            icon = "mdi6.flag-checkered" if entry is None else _ICONS[entry.kind]
            return theme.icon(icon, role="disabled" if entry is not None and entry.undone else "muted")
        if role == Qt.ItemDataRole.ForegroundRole:
            if entry is not None and entry.undone:
                return theme.colour("disabled")
            return theme.colour("text" if column == 0 else "muted")
        if role == Qt.ItemDataRole.FontRole and row == self.current_row and column == 0:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.TextAlignmentRole and column == 1:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return "Everything undone" if entry is None else _spoken(entry, is_current=row == self.current_row)
        return None


class HistoryPanel(QWidget):
    """The list; clicking a step, or Enter on it, undoes or redoes up to there."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("historyPanel")
        self._session = session
        self._model = HistoryModel(session, self)
        self.list = plain_table("History", self._model, self, row_px=_ROW_PX)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.horizontalHeader().hide()
        self.list.horizontalHeader().setResizeContentsPrecision(0)
        self.list.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.list.clicked.connect(self.go_to)
        self.list.activated.connect(self.go_to)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.list)
        self._model.modelReset.connect(self._show_current)
        self._model.dataChanged.connect(self._show_current)
        self._show_current()

    def refresh_theme(self) -> None:
        self.list.viewport().update()

    @Slot(QModelIndex)
    def go_to(self, index: QModelIndex) -> None:
        """Undo or redo until the state of this row is the one shown."""
        document = self._session.document
        if document is None or not index.isValid() or index.row() == self._model.current_row:
            return
        self._session.go_to_step(self._model.number_at(index.row()))

    @Slot()
    def _show_current(self) -> None:
        row = self._model.current_row
        if row < self._model.rowCount():
            index = self._model.index(row, 0)
            self.list.setCurrentIndex(index)
            self.list.scrollTo(index)


def _time_text(time_s: float) -> str:
    """The time of day, or the date where it was another day: short, as the label wants the room; a tooltip says all."""
    local, now = time.localtime(time_s), time.localtime()
    if (local.tm_year, local.tm_yday) == (now.tm_year, now.tm_yday):
        return time.strftime("%H:%M", local)
    return time.strftime("%d %b" if local.tm_year == now.tm_year else "%Y-%m-%d", local)


def _spoken(entry: HistoryEntry, *, is_current: bool) -> str:
    changes = "" if entry.kind is StepKind.CHECKPOINT else f", {entry.n_changes} changes"
    state = ", undone" if entry.undone else ", shown now" if is_current else ""
    return f"{entry.label}{changes}, {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(entry.time_s))}{state}"
