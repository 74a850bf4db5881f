"""Where tracks begin, end and have gaps, as a list; worked out when somebody looks."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.ui import theme
from app.ui.panels.track_list_model import swatch
from app.ui.session import Session
from app.ui.timeline.track_events import EventKind, TrackEvent, track_events

_HEADERS = ("Frame", "Track", "What")
_ICONS = {
    EventKind.BIRTH: "mdi6.ray-start-arrow",
    EventKind.GAP: "mdi6.dots-horizontal",
    EventKind.DEATH: "mdi6.ray-end",
}

Index = QModelIndex | QPersistentModelIndex


class TrackEventsModel(QAbstractTableModel):
    """Rows are events in order of frames."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._events: list[TrackEvent] = []

    def reload(self) -> None:
        """Work the events out again."""
        document = self._session.document
        events: list[TrackEvent] = []
        if document is not None:
            spans_of = {track_id: document.spans(track_id) for track_id in document.tracks()}
            events = track_events(spans_of, n_frames=document.n_frames)
        if events != self._events:
            self.beginResetModel()
            self._events = events
            self.endResetModel()

    def event_at(self, row: int) -> TrackEvent | None:
        return self._events[row] if 0 <= row < len(self._events) else None

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._events)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(_HEADERS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        event, document = self.event_at(index.row()), self._session.document
        if event is None or document is None or event.track_id not in document.tracks():
            return None
        column, track = index.column(), document.tracks()[event.track_id]
        if role == Qt.ItemDataRole.DisplayRole:
            what = f"gap of {event.n_missing}" if event.n_missing else event.kind.value
            return (str(event.frame), track.name, what)[column]
        if role == Qt.ItemDataRole.DecorationRole:
            if column == 1:
                return swatch(track.colour, filled=track.visible)
            return theme.icon(_ICONS[event.kind], role="muted") if column == 2 else None
        if role == Qt.ItemDataRole.TextAlignmentRole and column == 0:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None
