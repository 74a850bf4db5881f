"""The person dock: who is selected, what the model sees of it, and its joints to correct by number and state."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QSize, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QMenu,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.project import edits
from app.project.records import Layer
from app.ui import theme
from app.ui.canvas.marks import joint_title
from app.ui.panels.joint_table import NAME, PROPOSED, SCORE, SOURCE, STATE, JointTableModel, StateDelegate, X, Y
from app.ui.panels.track_list_model import swatch
from app.ui.propagation.deciding import Deciding, one_joint
from app.ui.propagation.person_proposals import PersonProposals
from app.ui.propagation.proposals import Proposals
from app.ui.session import Session
from app.ui.tables import plain_table

_ROW_PX = 22
_ICON_COLUMN_PX = 32
_NARROW_PX = 340
_CELL_PADDING_PX, _HEADER_PADDING_PX = 20, 18
_LAYER_TEXT = {
    Layer.PREDICTION: "as the model sees it",
    Layer.ANNOTATION: "edited by hand",
    None: "not on this frame",
}
_SWAPS: tuple[tuple[edits.Part, str], ...] = (("whole", "Whole person"), ("arms", "Arms"), ("legs", "Legs"))


class PersonPanel(QWidget):
    """Shows the selected person. `rerun_requested(frame, track_id)`: look at this person with the model again.

    evidence: a widget to show above the joints, such as the evidence strip. deciding: about what `proposals` have for
    the person.
    """

    rerun_requested = Signal(int, int)

    def __init__(
        self,
        session: Session,
        proposals: Proposals,
        deciding: Deciding,
        evidence: QWidget | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("personPanel")
        self._session = session
        self._selecting = False
        self._swatch = QLabel(self)
        self._name = QLabel(self)
        self._name.setTextFormat(Qt.TextFormat.PlainText)
        self._state = QLabel(self)
        self._state.setProperty("muted", True)
        self._deciding = deciding
        self._has_proposals = False
        self._model = JointTableModel(session, proposals, self)
        self.proposals = PersonProposals(session, proposals, deciding, self)
        self.joints = self._table()
        self.setFocusProxy(self.joints)
        title = QHBoxLayout()
        title.setContentsMargins(8, 8, 8, 4)
        title.setSpacing(8)
        title.addWidget(self._swatch)
        title.addWidget(self._name)
        title.addWidget(self._state, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(title)
        if evidence is not None:
            column.addWidget(evidence)
        column.addWidget(self.joints, 1)
        column.addWidget(self.proposals)
        column.addStretch(0)
        column.addLayout(self._buttons())
        for signal in (
            session.document_changed,
            session.frame_changed,
            session.selection_changed,
            session.frames_changed,
        ):
            signal.connect(self._update)
        self._model.dataChanged.connect(self._on_data_changed)
        self._update()

    def refresh_theme(self) -> None:
        self.joints.viewport().update()

    def _table(self) -> QTableView:
        table = plain_table("Joints", self._model, self, row_px=_ROW_PX)
        table.setItemDelegateForColumn(STATE, StateDelegate(table))
        table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        table.setIconSize(QSize(20, 20))
        header = table.horizontalHeader()
        header.setMinimumSectionSize(32)
        header.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        font = table.font()
        font.setPointSizeF(font.pointSizeF() * 0.92)
        table.setFont(font)
        table.selectionModel().selectionChanged.connect(self._on_rows_selected)
        table.activated.connect(self._on_activated)
        table.verticalScrollBar().rangeChanged.connect(self._show_current)
        return table

    @Slot()
    def _on_data_changed(self) -> None:
        if bool(self._model.waiting) != self._has_proposals:
            self._fit_columns()

    def _fit_columns(self) -> None:
        """Names get what the figures leave; in a narrow dock states are symbols and scores have to go. What is proposed
        has a column while something is; scores, and in a narrow dock sources, make room for it."""
        has_proposals = self._has_proposals = bool(self._model.waiting)
        narrow = self.width() < _NARROW_PX
        table, header = self.joints, self.joints.horizontalHeader()
        self._model.is_narrow = narrow
        table.setColumnHidden(SCORE, narrow or has_proposals)
        table.setColumnHidden(SOURCE, narrow and has_proposals)
        table.setColumnHidden(PROPOSED, not has_proposals)
        widest = {X: "0000.0", Y: "0000.0", SCORE: "0.00", STATE: "●" if narrow else "○ occluded", PROPOSED: "> 99 %"}
        for column, text in widest.items():
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            title = str(self._model.headerData(column, Qt.Orientation.Horizontal))
            cell_px = table.fontMetrics().horizontalAdvance(text) + _CELL_PADDING_PX
            title_px = header.fontMetrics().horizontalAdvance(title) + _HEADER_PADDING_PX
            table.setColumnWidth(column, max(cell_px, title_px))
        header.setSectionResizeMode(SOURCE, QHeaderView.ResizeMode.Fixed)
        table.setColumnWidth(SOURCE, _ICON_COLUMN_PX)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()
        self._show_current()

    @Slot()
    def _show_current(self) -> None:
        """The table may have less room than before."""
        self.joints.scrollTo(self.joints.currentIndex())

    def _buttons(self) -> QHBoxLayout:
        self._swap = QPushButton("L⇄R", self)
        self._swap.setToolTip("Exchange left and right on this frame")
        self._swap.setAccessibleName("Exchange left and right")
        menu = QMenu(self._swap)
        for part, text in _SWAPS:
            menu.addAction(text, partial(self._swap_left_right, part))
        self._pair = menu.addAction("Only this pair", self._swap_pair)
        menu.aboutToShow.connect(self._name_pair)
        self._swap.setMenu(menu)
        self._rerun = QPushButton("Re-run", self)
        self._rerun.setToolTip("Look at this person with the model again")
        again = QMenu(self._rerun)
        again.addAction("In its box", self._on_rerun)
        again.addAction("In a box that I draw", lambda: self._session.set_tool("rerun_box"))
        self._rerun.setMenu(again)
        self._copy = QPushButton("Previous", self)
        self._copy.setAccessibleName("Copy previous")
        self._copy.setToolTip("Put this person's pose of the previous frame here")
        self._copy.clicked.connect(self._copy_previous)
        theme.set_icon(self._rerun, "mdi6.refresh")
        theme.set_icon(self._copy, "mdi6.content-copy")
        row = QHBoxLayout()
        row.setContentsMargins(8, 8, 8, 8)
        row.setSpacing(4)
        for button in (self._swap, self._rerun, self._copy):
            row.addWidget(button)
        row.addStretch(1)
        return row

    @Slot()
    def _update(self) -> None:
        session = self._session
        document, track_id = session.document, session.selected_track
        track = None if document is None or track_id is None else document.tracks().get(track_id)
        if document is None or track is None:
            self._swatch.clear()
            self._name.setText("")
            self._state.setText("No person selected. Click on one, or press Tab.")
        else:
            self._swatch.setPixmap(swatch(track.colour, filled=track.visible).pixmap(12, 12))
            self._name.setText(track.name)
            text = _LAYER_TEXT[document.layer_of(session.frame, track.track_id)]
            self._state.setText(f"{text}, locked" if track.locked else text)
        self._swatch.setVisible(track is not None)
        self._name.setVisible(track is not None)
        self.joints.setVisible(track is not None)
        can_edit = session.can_edit and track is not None and not track.locked
        is_here = session.selected_person is not None
        self._swap.setEnabled(can_edit and is_here)
        self._rerun.setEnabled(can_edit and is_here)
        self._copy.setEnabled(can_edit and self._previous_has_person())
        self._show_selection()

    def _previous_has_person(self) -> bool:
        document, track_id, frame = self._session.document, self._session.selected_track, self._session.frame
        return (
            document is not None
            and track_id is not None
            and frame > 0
            and document.person(frame - 1, track_id) is not None
        )

    def _show_selection(self) -> None:
        wanted = self._session.selected_joints
        rows = {index.row() for index in self.joints.selectionModel().selectedRows()}
        if rows == wanted:
            return
        selection = QItemSelection()
        for joint in wanted:
            selection.select(self._model.index(joint, NAME), self._model.index(joint, PROPOSED))
        self._selecting = True
        self.joints.selectionModel().select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        if len(wanted) == 1:
            index = self._model.index(next(iter(wanted)), 0)
            self.joints.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.NoUpdate)
            self.joints.scrollTo(index)
        self._selecting = False

    @Slot()
    def _on_rows_selected(self) -> None:
        if self._selecting or self._session.selected_track is None:
            return
        rows = {index.row() for index in self.joints.selectionModel().selectedRows()}
        self._session.select(self._session.selected_track, rows)

    @Slot(QModelIndex)
    def _on_activated(self, index: QModelIndex) -> None:
        """Return on a joint, or a double click on its name, accepts what is proposed for it."""
        place = self.proposals.place
        if place is not None and index.row() in self._model.waiting:
            joints = self._session.selected_joints | {index.row()}
            self._deciding.accept([place], joints=one_joint(*joints))

    def _swap_left_right(self, part: edits.Part | tuple[int, int]) -> None:
        document, track_id = self._session.document, self._session.selected_track
        if document is not None and track_id is not None:
            self._session.submit(edits.swap_left_right(document, [self._session.frame], [track_id], part))

    @Slot()
    def _name_pair(self) -> None:
        pair = self._selected_pair()
        self._pair.setEnabled(pair is not None)
        self._pair.setText("Only the selected pair" if pair is None else f"Only the {_pair_title(pair)}")

    def _selected_pair(self) -> tuple[int, int] | None:
        joints = self._session.selected_joints
        return next((pair for pair in edits.PARTS["whole"] if joints and joints <= set(pair)), None)

    def _swap_pair(self) -> None:
        pair = self._selected_pair()
        if pair is not None:
            self._swap_left_right(pair)

    @Slot()
    def _on_rerun(self) -> None:
        if self._session.selected_track is not None:
            self.rerun_requested.emit(self._session.frame, self._session.selected_track)

    @Slot()
    def _copy_previous(self) -> None:
        document, track_id, frame = self._session.document, self._session.selected_track, self._session.frame
        if document is not None and track_id is not None and self._previous_has_person():
            self._session.submit(edits.copy_pose_from(document, frame - 1, frame, track_id))


def _pair_title(pair: tuple[int, int]) -> str:
    return joint_title(pair[0]).removeprefix("left ") + "s"
