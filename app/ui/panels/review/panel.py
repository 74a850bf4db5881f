"""The review dock: how far the work is, what looks wrong, the worst first, and why."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QSize, Qt, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.jobs.review import ReviewFilter
from app.ui import theme
from app.ui.panels.review.filters import ReviewFilters
from app.ui.panels.review.item_delegate import ReviewItemDelegate, row_height
from app.ui.panels.review.list_model import ReviewListModel
from app.ui.panels.review.reviewing import Reviewing
from app.ui.panels.review.wording import grouped, hidden_text, pace_text, summary, why_empty
from app.ui.session import Session
from app.ui.tables import plain_table


class ReviewPanel(QWidget):
    """Progress, filters, list, and buttons for some actions. A click on an item goes there."""

    def __init__(self, session: Session, reviewing: Reviewing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reviewPanel")
        self._session = session
        self._reviewing = reviewing
        self.model = ReviewListModel(session, reviewing, self)
        self.filters = ReviewFilters(session, reviewing, self)
        self.list = plain_table("To review, the worst first", self.model, self, row_px=row_height(self))
        self.list.setItemDelegate(ReviewItemDelegate(self.list))
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setAutoScroll(False)  # every new state would take the list away from who scrolls in it
        self.list.horizontalHeader().hide()
        self.list.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        self.setFocusProxy(self.list)
        self.list.clicked.connect(self._visit)
        self.list.activated.connect(self._visit)
        self.summary = self._label()
        self.verified = QProgressBar(self)
        self.verified.setTextVisible(False)
        self.verified.setMinimumWidth(40)  # else it takes the room of its text in a narrow dock
        self.verified.setAccessibleName("Verified frames")
        self.verified_text = self._label()
        self.verified_text.setProperty("muted", True)
        self.pace = self._label()
        self.pace.setProperty("muted", True)
        self.pace.setToolTip("From what your last edits settled, a median; pauses are left out")
        self.hidden_text = self._label()
        self.show_hidden = QPushButton("Show", self)
        self.show_hidden.setToolTip("Show these persons again, on the picture and in the list")
        self.show_hidden.setAccessibleName("Show hidden persons")
        self.show_hidden.clicked.connect(reviewing.show_hidden)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._head())
        column.addWidget(self.filters)
        column.addLayout(self._pages(), 1)
        self._buttons = QHBoxLayout()
        self._buttons.setContentsMargins(8, 4, 8, 4)
        self._buttons.setSpacing(2)
        self._buttons.addStretch(1)
        column.addLayout(self._buttons)
        reviewing.state_changed.connect(self._refresh)
        reviewing.current_changed.connect(self._on_current_changed)
        session.document_changed.connect(self._refresh)
        self._refresh()
        self._on_current_changed()

    def refresh_theme(self) -> None:
        self.list.viewport().update()

    def add_buttons(self, actions: Iterable[QAction]) -> None:
        """Buttons below the list."""
        for action in actions:
            button = QToolButton(self)
            button.setDefaultAction(action)
            button.setAccessibleName(action.text())
            button.setIconSize(QSize(20, 20))
            self._buttons.insertWidget(self._buttons.count() - 1, button)

    # -- parts

    def _label(self) -> QLabel:
        label = QLabel(self)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setFont(theme.tabular(self.font()))
        return label

    def _head(self) -> QVBoxLayout:
        head = QVBoxLayout()
        head.setContentsMargins(8, 8, 8, 4)
        head.setSpacing(4)
        row = QHBoxLayout()
        row.addWidget(self.verified, 1)
        row.addWidget(self.verified_text)
        hidden = QHBoxLayout()
        hidden.addWidget(self.hidden_text, 1)
        hidden.addWidget(self.show_hidden)
        head.addWidget(self.summary)
        head.addLayout(hidden)
        head.addWidget(self.pace)
        head.addLayout(row)
        return head

    def _pages(self) -> QStackedLayout:
        """The list, or what to say in its place."""
        page = QWidget(self)
        self.empty = QLabel(page)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setProperty("muted", True)
        self.empty.setWordWrap(True)
        self.show_all = QPushButton("Show Everything", page)
        self.show_all.clicked.connect(self._reviewing.clear_filter)
        column = QVBoxLayout(page)
        column.setContentsMargins(16, 8, 16, 8)
        column.addStretch(1)
        column.addWidget(self.empty)
        column.addWidget(self.show_all, 0, Qt.AlignmentFlag.AlignCenter)
        column.addStretch(1)
        self._stack = QStackedLayout()
        self._stack.addWidget(page)
        self._stack.addWidget(self.list)
        return self._stack

    # -- what happens

    @Slot(QModelIndex)
    def _visit(self, index: QModelIndex) -> None:
        place, current = self.model.place_at(index.row()), self._reviewing.current
        # A double click is a click and an activation.
        is_there = self._reviewing.is_here and current is not None and current.place == place
        if place is not None and not is_there:
            self._reviewing.visit(place)

    @Slot()
    def _refresh(self) -> None:
        state, document = self._reviewing.state, self._session.document
        n_rows, n_hidden = self.model.rowCount(), self._reviewing.n_hidden
        self._stack.setCurrentIndex(1 if n_rows else 0)
        is_filtered = self._reviewing.wanted != ReviewFilter()
        if not n_rows:
            has_persons = document is not None and bool(document.tracks())
            self.empty.setText(
                self._reviewing.problem
                or why_empty(state, has_persons=has_persons, is_filtered=is_filtered, has_hidden=n_hidden > 0)
            )
            self.show_all.setVisible(is_filtered and self._reviewing.n_items > 0)
        self.summary.setText(summary(state, n_rows if is_filtered else None))
        n_verified, n_frames = (0, 0) if state is None else (state.progress.verified, state.progress.total)
        self.verified.setRange(0, max(n_frames, 1))
        self.verified.setValue(n_verified)
        self.verified_text.setText(f"{grouped(n_verified)} of {grouped(n_frames)} verified" if n_frames else "")
        left_s = self._reviewing.items_left_s if self._reviewing.n_items else self._reviewing.frames_left_s
        self.pace.setText(pace_text(left_s if n_verified < n_frames else None))
        self.pace.setVisible(bool(self.pace.text()))
        if n_hidden:
            self.hidden_text.setText(hidden_text(n_hidden))
        self.hidden_text.setVisible(n_hidden > 0)
        self.show_hidden.setVisible(n_hidden > 0)
        self._mark_current()

    @Slot()
    def _on_current_changed(self) -> None:
        self.list.setAccessibleDescription(". ".join(self._reviewing.reasons))
        self._mark_current()
        self.list.scrollTo(self.list.currentIndex())

    def _mark_current(self) -> None:
        """The row where the walk is. A model that was reset keeps where the list was scrolled to."""
        current = self._reviewing.current
        row = self.model.row_of(None if current is None else current.place)
        if row is None:
            self.list.clearSelection()
            return
        index = self.model.index(row, 0)
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.list.selectionModel().setCurrentIndex(index, flags)
