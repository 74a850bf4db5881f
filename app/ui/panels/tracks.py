"""The tracks dock: who there is, what can be done with them, and where they begin, end and have gaps."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QMenu,
    QStackedLayout,
    QTabWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.ui import theme
from app.ui.dialogs.track_operations import Operation
from app.ui.panels.track_commands import TrackCommands
from app.ui.panels.track_events_model import TrackEventsModel
from app.ui.panels.track_list_model import COUNT, FRAMES, LOCKED, NAME, VISIBLE, TrackListModel
from app.ui.session import Session
from app.ui.tables import plain_table, set_widths

_ROW_PX = 26
_ICON_COLUMN_PX = 30
_NARROW_PX = 300
_EVENTS_DELAY_MS = 250
_BUTTONS = (
    ("mdi6.swap-horizontal", "Swap tracks", Operation.SWAP),
    ("mdi6.call-merge", "Merge tracks", Operation.MERGE),
    ("mdi6.call-split", "Split track here", Operation.SPLIT),
    ("mdi6.account-switch-outline", "Assign to another track", Operation.REASSIGN),
    ("mdi6.delete-outline", "Delete track", Operation.DELETE),
)


class TracksPanel(QWidget):
    """List of tracks, with the selected one being the session's, and list of events."""

    def __init__(self, session: Session, commands: TrackCommands, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tracksPanel")
        self._session = session
        self._commands = commands
        commands.second_track = self._second_track
        self._model = TrackListModel(session, self)
        self._events = TrackEventsModel(session, self)
        self.list = plain_table("Tracks", self._model, self, row_px=_ROW_PX)
        self.list.setIconSize(QSize(16, 16))
        self.list.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._on_menu)
        self.list.clicked.connect(self._on_clicked)
        self.list.selectionModel().currentRowChanged.connect(self._on_row_changed)
        set_widths(
            self.list, {VISIBLE: _ICON_COLUMN_PX, LOCKED: _ICON_COLUMN_PX}, stretch=NAME, fitting=(FRAMES, COUNT)
        )
        self.events = plain_table("Begins, ends and gaps of tracks", self._events, self, row_px=_ROW_PX)
        self.events.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.events.selectionModel().currentRowChanged.connect(self._on_event_chosen)
        self.events.clicked.connect(self._on_event_chosen)
        set_widths(self.events, {}, stretch=1, fitting=(0, 2))
        self._tabs = QTabWidget(self)
        self._tabs.setDocumentMode(True)
        self._tabs.addTab(self._list_page(), "All")
        self._tabs.addTab(self.events, "Begins, ends, gaps")
        self._tabs.currentChanged.connect(self._reload_events)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._tabs)
        # Runs that stream results change tracks many times a second; nobody reads a list that fast.
        self._events_timer = QTimer(self)
        self._events_timer.setSingleShot(True)
        self._events_timer.setInterval(_EVENTS_DELAY_MS)
        self._events_timer.timeout.connect(self._reload_events)
        session.document_changed.connect(self._on_changed)
        session.frames_changed.connect(self._on_changed)
        session.selection_changed.connect(self._on_selection_changed)
        self._on_changed()

    def refresh_theme(self) -> None:
        self.list.viewport().update()
        self.events.viewport().update()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # In a narrow dock names matter more than spans, which the tooltips and the lanes tell as well.
        self.list.setColumnHidden(FRAMES, self.width() < _NARROW_PX)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._reload_events()

    def _list_page(self) -> QWidget:
        page = QWidget(self)
        self._empty = QLabel("No persons yet.\nAnnotate, or press Insert and draw a box.", page)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("muted", True)
        self._empty.setWordWrap(True)
        self._stack = QStackedLayout()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.list)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(8, 4, 8, 4)
        buttons.setSpacing(2)
        self._buttons: list[tuple[QToolButton, Operation]] = []
        for icon, text, kind in _BUTTONS:
            button = QToolButton(page)
            theme.set_icon(button, icon)
            button.setIconSize(QSize(20, 20))
            button.setToolTip(text)
            button.setAccessibleName(text)
            button.clicked.connect(self._asking(kind))
            self._buttons.append((button, kind))
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._stack, 1)
        column.addLayout(buttons)
        return page

    def _asking(self, kind: Operation) -> Callable[[], object]:
        return lambda: self._commands.ask(kind)

    @Slot()
    def _on_changed(self) -> None:
        self._stack.setCurrentIndex(1 if self._model.rowCount() else 0)
        self._on_selection_changed()
        if not self._events_timer.isActive():
            self._events_timer.start()

    @Slot()
    def _reload_events(self) -> None:
        if self.isVisible() and self._tabs.currentWidget() is self.events:
            self._events.reload()

    @Slot()
    def _on_selection_changed(self) -> None:
        can_edit = self._session.can_edit and self._session.selected_track is not None
        for button, kind in self._buttons:
            needs_two = kind in (Operation.SWAP, Operation.MERGE, Operation.REASSIGN)
            button.setEnabled(can_edit and (self._model.rowCount() > 1 or not needs_two))
        row = self._model.row_of(self._session.selected_track)
        selection = self.list.selectionModel()
        if row == selection.currentIndex().row() or (row < 0 and not selection.hasSelection()):
            return
        if row < 0:
            selection.clear()
        else:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            selection.setCurrentIndex(self._model.index(row, NAME), flags)

    @Slot(QModelIndex, QModelIndex)
    def _on_row_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        track = self._model.track_at(current.row()) if current.isValid() else None
        if track is not None and track.track_id != self._session.selected_track:
            self._session.select(track.track_id)

    @Slot(QModelIndex)
    def _on_clicked(self, index: QModelIndex) -> None:
        track = self._model.track_at(index.row())
        if track is not None and index.column() == VISIBLE:
            self._commands.toggle_visible(track.track_id)
        elif track is not None and index.column() == LOCKED:
            self._commands.toggle_locked(track.track_id)

    @Slot(QModelIndex)
    def _on_event_chosen(self, index: QModelIndex) -> None:
        event = self._events.event_at(index.row()) if index.isValid() else None
        if event is not None:
            self._session.go_to(event.frame)
            self._session.select(event.track_id)

    def _second_track(self) -> int | None:
        """The other of exactly two selected rows."""
        rows = [index.row() for index in self.list.selectionModel().selectedRows()]
        ids = [track.track_id for row in rows if (track := self._model.track_at(row)) is not None]
        others = [track_id for track_id in ids if track_id != self._session.selected_track]
        return others[0] if len(ids) == 2 and len(others) == 1 else None

    @Slot(QPoint)
    def _on_menu(self, position: QPoint) -> None:
        track = self._model.track_at(self.list.indexAt(position).row())
        if track is None or not self._session.can_edit:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Rename...", lambda: self._commands.rename(track.track_id))
        menu.addAction("Colour...", lambda: self._commands.choose_colour(track.track_id))
        menu.addAction("Hide" if track.visible else "Show", lambda: self._commands.toggle_visible(track.track_id))
        menu.addAction("Unlock" if track.locked else "Lock", lambda: self._commands.toggle_locked(track.track_id))
        menu.addSeparator()
        spans = self._model.spans_of(track.track_id)
        if spans:
            menu.addAction(f"Go to first frame ({spans[0][0]})", lambda: self._session.go_to(spans[0][0]))
            menu.addAction(f"Go to last frame ({spans[-1][1]})", lambda: self._session.go_to(spans[-1][1]))
            menu.addAction("Select its frames", lambda: self._session.set_range(spans[0][0], spans[-1][1]))
            menu.addSeparator()
        for _, text, kind in _BUTTONS:
            menu.addAction(f"{text}...", self._asking(kind))
        menu.popup(self.list.viewport().mapToGlobal(position))
