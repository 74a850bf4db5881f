"""The joints of the selected person as a table, in which states and coordinates can be edited."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Slot,
)
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import QComboBox, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.project import edits
from app.project.document import DocumentChange
from app.project.records import JOINTS, JointSource, Person
from app.ui import theme
from app.ui.canvas.joint_marks import MARK_PX, joint_mark
from app.ui.canvas.labels import source_text
from app.ui.canvas.marks import joint_title
from app.ui.certainty import score_text, sure_text
from app.ui.propagation.proposals import Place, Proposals
from app.ui.session import Session
from dcpose_core.render import side_colour
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import Visibility

NAME, X, Y, SCORE, STATE, SOURCE, PROPOSED = range(7)
_HEADERS = ("Joint", "x", "y", "Score", "State", "", "Proposed")
_TITLES = {
    SOURCE: "Source: model, propagated or by hand",
    PROPOSED: "How sure the proposal is that waits for the joint",
}
STATE_TEXT = {
    Visibility.VISIBLE: "● visible",
    Visibility.OCCLUDED: "○ occluded",
    Visibility.ABSENT: "– absent",
}
_SOURCE_ICONS = {
    JointSource.MODEL: "mdi6.robot-outline",
    JointSource.PROPAGATED: "mdi6.content-copy",
    JointSource.HUMAN: "mdi6.account-edit-outline",
}

_FIGURES = (X, Y, SCORE, PROPOSED)
#: From so many changed joints on the whole table is painted again.
_MANY = 6

Index = QModelIndex | QPersistentModelIndex


class JointTableModel(QAbstractTableModel):
    """Row = joint, of the session's selected person on the current frame, and what `proposals` have for it."""

    def __init__(self, session: Session, proposals: Proposals, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._proposals = proposals
        #: States as symbols alone, where there is no room for words; they are in the tooltip then.
        self.is_narrow = False
        self._shown: Person | None = None
        self._waiting: dict[int, tuple[float, str]] = {}
        session.document_changed.connect(self._refresh)
        session.frame_changed.connect(self._refresh)
        session.selection_changed.connect(self._refresh)
        session.frames_changed.connect(self._on_frames_changed)
        proposals.changed.connect(self._refresh)

    @property
    def person(self) -> Person | None:
        return self._session.selected_person

    @property
    def waiting(self) -> Mapping[int, tuple[float, str]]:
        """Joints with a proposal to decide: how sure it is, 0..1, and why it is there."""
        return self._waiting

    @Slot(object)
    def _on_frames_changed(self, change: DocumentChange) -> None:
        if self._session.frame in change.frames:
            self._refresh()

    @Slot()
    def _refresh(self) -> None:
        """Tell of the joints that look different now, cell by cell: of a range, views paint everything."""
        before, self._shown = self._shown, self.person
        waited, self._waiting = self._waiting, self._find_waiting()
        changed = set(_changed_joints(before, self._shown))
        changed |= {joint for joint in range(JOINTS) if waited.get(joint) != self._waiting.get(joint)}
        if len(changed) > _MANY:
            self.dataChanged.emit(self.index(0, 0), self.index(JOINTS - 1, PROPOSED))
        else:
            for joint in sorted(changed):
                for column in range(len(_HEADERS)):
                    index = self.index(joint, column)
                    self.dataChanged.emit(index, index)

    def _find_waiting(self) -> dict[int, tuple[float, str]]:
        track = self._session.selected_track
        if track is None:
            return {}
        place = Place(self._session.frame, track)
        one = self._proposals.at(place)
        if one is None:
            return {}
        joints = np.flatnonzero(self._proposals.open(place)).tolist()
        return {joint: (float(one.pose.confidence[joint]), one.pose.reasons[joint]) for joint in joints}

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else JOINTS

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(_HEADERS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return "" if section == STATE and self.is_narrow else _HEADERS[section]
            if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
                return _TITLES.get(section, _HEADERS[section])
            if role == Qt.ItemDataRole.TextAlignmentRole and section in _FIGURES:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        person, joint, column = self.person, index.row(), index.column()
        if column == PROPOSED:
            return self._proposed(joint, role)
        if role == Qt.ItemDataRole.DisplayRole:
            text = _short_title(joint) if column == NAME else _text(person, joint, column)
            return text[:1] if column == STATE and self.is_narrow else text
        if person is None:
            return theme.colour("disabled") if role == Qt.ItemDataRole.ForegroundRole else None
        if role == Qt.ItemDataRole.EditRole:
            if column == STATE:
                return int(person.visibility[joint])
            return f"{person.keypoints[joint, column - X]:.2f}" if column in (X, Y) else None
        if role == Qt.ItemDataRole.TextAlignmentRole and column == STATE and self.is_narrow:
            return Qt.AlignmentFlag.AlignCenter
        if role == Qt.ItemDataRole.TextAlignmentRole and column in _FIGURES:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole:
            if not person.located[joint]:
                return theme.colour("disabled")
            return theme.colour("text" if column in (NAME, X, Y, STATE) else "muted")
        if role == Qt.ItemDataRole.DecorationRole:
            if column == NAME:
                return _mark(person, joint)
            if column == SOURCE and person.located[joint]:
                return theme.icon(_SOURCE_ICONS[JointSource(int(person.sources[joint]))], role="muted")
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return "\n".join(filter(None, [self._spoken(person, joint), self._proposed(joint, role)]))
        return None

    def _spoken(self, person: Person, joint: int) -> str:
        """All that the row says, in words."""
        state = STATE_TEXT[Visibility(int(person.visibility[joint]))][2:]
        if not person.located[joint]:
            return f"{joint_title(joint)}, {state}"
        session, (x, y) = self._session, person.keypoints[joint]
        document, track = session.document, session.selected_track
        layer = None if document is None or track is None else document.layer_of(session.frame, track)
        source = source_text(person, joint, layer)
        return f"{joint_title(joint)} at {x:.1f}, {y:.1f}, {state}, score {_score(person, joint)}, {source}"

    def _proposed(self, joint: int, role: int) -> Any:
        """What the last column says."""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if joint not in self._waiting:
            return None
        confidence, reason = self._waiting[joint]
        if role == Qt.ItemDataRole.DisplayRole:
            return sure_text(confidence)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"Proposed, {sure_text(confidence)} sure: {reason}"
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        flags = super().flags(index)
        person, track = self.person, self._session.selected_track
        if person is None or track is None or not self._session.can_edit or self._session.is_locked(track):
            return flags
        if index.column() == STATE or (index.column() in (X, Y) and person.located[index.row()]):
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or not self.flags(index) & Qt.ItemFlag.ItemIsEditable:
            return False
        if index.column() == STATE:
            return self._set_state(index.row(), Visibility(int(value)))
        return self._set_coordinate(index.row(), index.column() - X, str(value))

    def _set_state(self, joint: int, state: Visibility) -> bool:
        session = self._session
        document, track, person = session.document, session.selected_track, self.person
        if document is None or track is None or person is None or person.visibility[joint] == state:
            return False
        # The state of one of several selected joints is that of all of them.
        joints = session.selected_joints if joint in session.selected_joints else frozenset({joint})
        edit = edits.set_visibility(document, session.frame, track, joints, state)
        if not edit.changes:
            session.tell(f"Nobody knows where the {joint_title(joint)} is: put it on the picture first.")
        return session.submit(edit)

    def _set_coordinate(self, joint: int, axis: int, text: str) -> bool:
        session = self._session
        document, track, person = session.document, session.selected_track, self.person
        try:
            value = float(text.replace(",", "."))
        except ValueError:
            return False
        if document is None or track is None or person is None or not math.isfinite(value):
            return False
        xy = np.array(person.keypoints[joint])
        if f"{xy[axis]:.2f}" == f"{value:.2f}":
            return False
        xy[axis] = value
        return session.submit(edits.move_joint(document, session.frame, track, joint, xy))


class StateDelegate(QStyledItemDelegate):
    """The three states as a list to choose from."""

    def createEditor(self, parent: QWidget, _option: QStyleOptionViewItem, _index: Index) -> QWidget:
        box = QComboBox(parent)
        box.setAccessibleName("State of the joint")
        for state, text in STATE_TEXT.items():
            box.addItem(text, int(state))

        def commit() -> None:
            self.commitData.emit(box)
            self.closeEditor.emit(box)

        box.activated.connect(commit)
        return box

    def setEditorData(self, editor: QWidget, index: Index) -> None:
        if isinstance(editor, QComboBox):
            editor.setCurrentIndex(editor.findData(index.data(Qt.ItemDataRole.EditRole)))
            editor.showPopup()

    def setModelData(self, editor: QWidget, model: QAbstractItemModel, index: Index) -> None:
        if isinstance(editor, QComboBox):
            model.setData(index, editor.currentData())


def _changed_joints(before: Person | None, after: Person | None) -> list[int]:
    if before is None or after is None:
        return [] if before is after else list(range(JOINTS))
    same = (before.keypoints == after.keypoints).all(axis=1)
    for name in ("scores", "visibility", "sources"):
        same &= getattr(before, name) == getattr(after, name)
    return np.flatnonzero(~same).tolist()


def _short_title(joint: int) -> str:
    """`L wrist`: the table has to fit beside the picture."""
    return joint_title(joint).replace("left ", "L ").replace("right ", "R ")


def _text(person: Person | None, joint: int, column: int) -> str:
    if person is None:
        return ""
    if column == STATE:
        return STATE_TEXT[Visibility(int(person.visibility[joint]))]
    if not person.located[joint]:
        return ""
    if column in (X, Y):
        return f"{person.keypoints[joint, column - X]:.1f}"
    return _score(person, joint) if column == SCORE else ""


def _score(person: Person, joint: int) -> str:
    is_certain = person.sources[joint] == JointSource.HUMAN
    return f"{person.scores[joint]:.2f}" if is_certain else score_text(person.scores[joint])


def _mark(person: Person, joint: int) -> QIcon:
    """The joint as the canvas draws it; as much room for one that is absent."""
    if not person.located[joint]:
        nothing = QPixmap(MARK_PX, MARK_PX)
        nothing.fill(Qt.GlobalColor.transparent)
        return QIcon(nothing)
    image = joint_mark(
        QColor(*side_colour(POSETRACK_17.joints[joint])).name(),
        source=JointSource(int(person.sources[joint])),
        occluded=bool(person.visibility[joint] == Visibility.OCCLUDED),
    )
    pixmap = QPixmap.fromImage(image)
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon
