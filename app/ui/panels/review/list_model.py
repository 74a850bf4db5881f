"""The review's queue as a model of one column. What a row says is worked out when it is shown, not before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Slot

from app.ui.panels.review.reviewing import Reviewing
from app.ui.session import Session
from app.ui.timeline.time_text import time_text
from dcpose_core.review import CHECKS
from dcpose_core.review.walk import Place

ITEM = int(Qt.ItemDataRole.UserRole)
_NO_TRACK = "#808080"

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class ShownItem:
    """What a row shows. expected_wrong: joints."""

    frame: int
    time: str
    name: str
    colour: str
    expected_wrong: float
    reason: str

    @property
    def spoken(self) -> str:
        return (
            f"Frame {self.frame}, {self.time}, {self.name}: {self.reason}. "
            f"About {self.expected_wrong:.1f} joints are wrong."
        )


class ReviewListModel(QAbstractListModel):
    """Rows are what the filter leaves, the worst first."""

    def __init__(self, session: Session, reviewing: Reviewing, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._reviewing = reviewing
        self._n_rows = 0
        self._state = reviewing.state
        reviewing.state_changed.connect(self._reload)
        self._reload()

    def place_at(self, row: int) -> Place | None:
        return self._state.order.place(row) if self._state is not None and 0 <= row < self._n_rows else None

    def row_of(self, place: Place | None) -> int | None:
        row = None if place is None or self._state is None else self._state.order.row_of(place)
        return row if row is not None and row < self._n_rows else None

    @Slot()
    def _reload(self) -> None:
        self.beginResetModel()
        self._state = self._reviewing.state
        self._n_rows = 0 if self._state is None else self._state.order.count(self._reviewing.wanted.minimum)
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else self._n_rows

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == ITEM:
            return self._shown(index.row())
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            shown = self._shown(index.row())
            return None if shown is None else "\n".join([shown.spoken, *self._all_reasons(index.row(), role)])
        return None

    def _all_reasons(self, row: int, role: int) -> list[str]:
        """Of the item where the walk is everything is known, and the tooltip tells it."""
        current = self._reviewing.current
        is_current = current is not None and current.place == self.place_at(row)
        return self._reviewing.reasons if is_current and role == Qt.ItemDataRole.ToolTipRole else []

    def _shown(self, row: int) -> ShownItem | None:
        """None for an item that an edit has just taken away; the next state will not have it."""
        state, document, place = self._state, self._session.document, self.place_at(row)
        if state is None or document is None or place is None:
            return None
        item = state.item_at(*place)
        if item is None:
            return None
        track = document.tracks().get(place.track_id)
        check, reason = state.wanted.check, item.reason
        if check is not None and item.main_check != check:
            reason = f"{CHECKS[check].title}; {reason}"
        return ShownItem(
            frame=place.frame,
            time=time_text(float(document.times_s[place.frame])),
            name=f"track {place.track_id}" if track is None else track.name,
            colour=_NO_TRACK if track is None else track.colour,
            expected_wrong=state.order.rank(row),
            reason=reason,
        )
