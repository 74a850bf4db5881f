"""The tracks of a project as a table. A row's frames are counted when it is shown, not before."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QRectF, Qt, QTimer, Slot
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap

from app.project import edits
from app.project.document import DocumentChange
from app.project.records import Track
from app.ui import theme
from app.ui.session import Session
from app.ui.timeline import span_sets

VISIBLE, LOCKED, NAME, FRAMES, COUNT = range(5)
_HEADERS = ("", "", "Name", "Frames", "Count")
_TITLES = ("Visible", "Locked", "Name", "First and last frame", "Frames with this person")
_SWATCH_PX = 12
#: After an edit, until the frames of tracks are counted again: nobody reads faster than results stream in.
_SOON_MS = 100

Index = QModelIndex | QPersistentModelIndex


class TrackListModel(QAbstractTableModel):
    """Rows are tracks by id. Changes go out as edits."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._track_ids: list[int] = []
        self._spans: dict[int, span_sets.Spans] = {}
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_SOON_MS)
        self._soon.timeout.connect(self._tell)
        session.document_changed.connect(self._reload)
        session.frames_changed.connect(self._on_frames_changed)
        self._reload()

    def track_at(self, row: int) -> Track | None:
        """The track of a row."""
        document = self._session.document
        if document is None or not 0 <= row < len(self._track_ids):
            return None
        return document.tracks().get(self._track_ids[row])

    def row_of(self, track_id: int | None) -> int:
        """The row of a track, -1 if it has none."""
        return self._track_ids.index(track_id) if track_id in self._track_ids else -1

    @Slot()
    def _reload(self) -> None:
        document = self._session.document
        self.beginResetModel()
        self._track_ids = [] if document is None else sorted(document.tracks())
        self._spans.clear()
        self.endResetModel()

    @Slot(object)
    def _on_frames_changed(self, change: DocumentChange) -> None:
        document = self._session.document
        if document is None:
            return
        self._spans.clear()
        if change.tracks_changed and self._track_ids != sorted(document.tracks()):
            self._update_rows(sorted(document.tracks()))
        if change.tracks_changed:
            self._tell()
        elif not self._soon.isActive():
            self._soon.start()

    @Slot()
    def _tell(self) -> None:
        if self._track_ids:
            # Views ask again for the rows that they show, and for no others.
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._track_ids) - 1, COUNT))

    def _update_rows(self, wanted: list[int]) -> None:
        """Take out and put in single rows, so that selection and scroll position stay."""
        for row in reversed(range(len(self._track_ids))):
            if self._track_ids[row] not in wanted:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._track_ids[row]
                self.endRemoveRows()
        for row, track_id in enumerate(wanted):
            if row >= len(self._track_ids) or self._track_ids[row] != track_id:
                self.beginInsertRows(QModelIndex(), row, row)
                self._track_ids.insert(row, track_id)
                self.endInsertRows()

    def spans_of(self, track_id: int) -> span_sets.Spans:
        """The track's runs of frames, asked for once between changes."""
        document = self._session.document
        if document is None:
            return []
        if track_id not in self._spans:
            self._spans[track_id] = document.spans(track_id)
        return self._spans[track_id]

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._track_ids)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(_HEADERS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return _HEADERS[section]
            if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
                return _TITLES[section]
            if role == Qt.ItemDataRole.TextAlignmentRole and section in (FRAMES, COUNT):
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        track = self.track_at(index.row())
        if track is None:
            return None
        column = index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self._text(track, column)
        if role == Qt.ItemDataRole.DecorationRole:
            return _decoration(track, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in (FRAMES, COUNT):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole:
            return theme.colour("text" if track.visible and column == NAME else "muted")
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._spoken(track, column)
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.column() == NAME and self._session.can_edit:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        track, document = self.track_at(index.row()), self._session.document
        name = str(value).strip()
        if track is None or document is None or role != Qt.ItemDataRole.EditRole or index.column() != NAME:
            return False
        if not name or name == track.name:
            return False
        return self._session.submit(edits.rename_track(document, track.track_id, name))

    def _text(self, track: Track, column: int) -> str | None:
        if column == NAME:
            return track.name
        if column not in (FRAMES, COUNT):
            return None
        spans = self.spans_of(track.track_id)
        if not spans:
            return "–"
        return f"{spans[0][0]}–{spans[-1][1]}" if column == FRAMES else f"{span_sets.count(spans):,}".replace(",", " ")

    def _spoken(self, track: Track, column: int) -> str:
        if column == VISIBLE:
            return f"{track.name} is {'visible; click to hide it' if track.visible else 'hidden; click to show it'}"
        if column == LOCKED:
            return f"{track.name} is {'locked; click to unlock it' if track.locked else 'not locked; click to lock it'}"
        if column == NAME:
            return f"{track.name} (track {track.track_id}); double-click to rename"
        spans = self.spans_of(track.track_id)
        gaps = max(0, len(spans) - 1)
        with_gaps = f", {gaps} {'gap' if gaps == 1 else 'gaps'}" if gaps else ""
        return f"on {span_sets.count(spans)} frames, {spans[0][0]} to {spans[-1][1]}{with_gaps}" if spans else "nowhere"


def _decoration(track: Track, column: int) -> QIcon | None:
    if column == VISIBLE:
        return (
            theme.icon("mdi6.eye-outline", role="muted")
            if track.visible
            else theme.icon("mdi6.eye-off-outline", role="disabled")
        )
    if column == LOCKED:
        return (
            theme.icon("mdi6.lock-outline", role="text")
            if track.locked
            else theme.icon("mdi6.lock-open-variant-outline", role="disabled")
        )
    return swatch(track.colour, filled=track.visible) if column == NAME else None


@lru_cache(maxsize=256)
def swatch(colour: str, *, filled: bool = True) -> QIcon:
    """A small rounded square; hollow for what is hidden."""
    pixmap = QPixmap(_SWATCH_PX * 2, _SWATCH_PX * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(QColor(colour), 1.5))
    painter.setBrush(QColor(colour) if filled else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(1, 1, _SWATCH_PX - 2, _SWATCH_PX - 2), 2.5, 2.5)
    painter.end()
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)  # Qt would tint it on selected rows
    return icon
