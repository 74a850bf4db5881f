"""The Propagate panel: how to propagate, the film strip of what is proposed, and deciding all of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PySide6.QtCore import QPoint, QSignalBlocker, Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.ui import theme
from app.ui.canvas.marks import joint_title
from app.ui.certainty import sure_text
from app.ui.propagation.choices import METHODS, MOST_COUNT
from app.ui.propagation.deciding import Deciding, one_joint
from app.ui.propagation.film_strip import FilmStrip
from app.ui.propagation.propagating import Propagating
from app.ui.propagation.proposals import JointState, Place
from app.ui.session import Session
from dcpose_core.wording import counted

_DIRECTIONS = {"forward": "Forwards", "backward": "Backwards", "both": "Both ways"}
_UNTIL = {
    "count": "So many frames",
    "human": "To frame set by hand",
    "unsure": "Until unsure",
    "cut": "To end of scene",
}
_JOINTS = {"corrected": "Corrected", "selected": "Selected", "all": "All joints"}
_PERSONS = {"selected": "This person", "all": "Everybody"}
_NOTHING = "Correct a joint: what it would be on the next frames appears here and on the picture."


class PropagationPanel(QWidget):
    """While it can be seen, its choice counts for what is proposed after a correction."""

    def __init__(
        self, session: Session, propagating: Propagating, deciding: Deciding, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("propagationPanel")
        self._session, self._propagating, self._deciding = session, propagating, deciding
        self._choices, self._proposals = propagating.choices, propagating.proposals
        self.method = self._combo("method", "Method", {name: one.title for name, one in METHODS.items()})
        for row, one in enumerate(METHODS.values()):
            self.method.setItemData(row, one.note, Qt.ItemDataRole.ToolTipRole)
        self.direction = self._combo("direction", "Direction", _DIRECTIONS)
        self.until = self._combo("until", "Until", _UNTIL)
        self.joints = self._combo("joints", "Joints", _JOINTS)
        self.persons = self._combo("persons", "Persons", _PERSONS)
        self.count = self._spin("count", "Number of frames", 1, MOST_COUNT, " frames")
        self.least = self._spin("least", "Least confidence", 0, 100, " % sure", factor=0.01)
        self.least.setToolTip("What is less sure is drawn faint, and ends the way with “Until unsure”")
        self.previews = self._check(
            "previews", "Previews", "After each correction, of five frames, without this panel too"
        )
        self.reinfers = self._check(
            "reinfers", "Model looks again",
            "In the background, predictions around corrected frames are made anew with the corrections as neighbours",
        )  # fmt: skip
        self.go = QPushButton("Propagate", self)
        theme.make_primary(self.go)
        self.go.clicked.connect(self._on_go)
        self.bar = QProgressBar(self)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of propagating")
        self.note = QLabel(_NOTHING, self)
        self.note.setProperty("muted", True)
        self.note.setWordWrap(True)
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.strip = FilmStrip(session, self._proposals, self)
        self.strip.menu_wanted.connect(self._on_menu)
        self.accept_sure = self._button("Accept Sure", lambda: deciding.accept_sure(self._choices.value.least))
        self.accept_all = self._button("Accept All", lambda: deciding.accept_reach("all"))
        self.reject_all = self._button("Reject All", lambda: deciding.reject_reach("all"))
        self._lay_out()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._update)
        propagating.progressed.connect(self._on_progressed)
        for signal in (
            self._proposals.changed,
            self._choices.changed,
            session.selection_changed,
            session.document_changed,
        ):
            signal.connect(self._soon.start)
        self._on_progressed(None)
        self._update()

    # -- parts

    def _combo(self, field: str, name: str, texts: Mapping[str, str]) -> QComboBox:
        combo = QComboBox(self)
        combo.setAccessibleName(name)
        combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        combo.setMinimumContentsLength(8)
        for value, text in texts.items():
            combo.addItem(text, value)
        combo.currentIndexChanged.connect(lambda _: self._choices.set(**{field: combo.currentData()}))
        return combo

    def _spin(self, field: str, name: str, least: int, most: int, suffix: str, *, factor: float = 1) -> QSpinBox:
        spin = QSpinBox(self)
        spin.setAccessibleName(name)
        spin.setRange(least, most)
        spin.setSuffix(suffix)
        spin.setKeyboardTracking(False)
        spin.valueChanged.connect(lambda value: self._choices.set(**{field: value * factor}))
        return spin

    def _check(self, field: str, text: str, tooltip: str) -> QCheckBox:
        box = QCheckBox(text, self)
        box.setToolTip(tooltip)
        box.toggled.connect(lambda on: self._choices.set(**{field: on}))
        return box

    def _button(self, text: str, do: object) -> QPushButton:
        button = QPushButton(text, self)
        button.clicked.connect(do)
        return button

    def _lay_out(self) -> None:
        grid = QGridLayout()
        grid.setSpacing(theme.GRID_PX)
        grid.setColumnStretch(1, 1)
        rows: list[tuple[str, list[QWidget]]] = [
            ("By", [self.method, self.go]),
            ("Carry", [self.joints, self.persons]),
            ("Go", [self.direction, self.until]),
            ("Reach", [self.count, self.least]),
        ]
        for row, (text, widgets) in enumerate(rows):
            label = QLabel(text, self)
            label.setProperty("muted", True)
            label.setBuddy(widgets[0])
            grid.addWidget(label, row, 0, theme.LABEL_ALIGNMENT)
            line = QHBoxLayout()
            line.setSpacing(theme.GRID_PX)
            for widget in widgets:
                line.addWidget(widget, 1)
            grid.addLayout(line, row, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(theme.GRID_PX)
        column.addLayout(grid)
        column.addWidget(self.bar)
        column.addWidget(self.strip, 1)
        column.addWidget(self.note)
        line = QHBoxLayout()
        line.setSpacing(4)
        for button in (self.accept_sure, self.accept_all, self.reject_all):
            line.addWidget(button, 1)
        column.addLayout(line)
        line = QHBoxLayout()
        line.setSpacing(theme.GRID_PX)
        for box in (self.previews, self.reinfers):
            line.addWidget(box, 1)
        column.addLayout(line)

    # -- what happens

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._propagating.is_open = True

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._propagating.is_open = False

    @Slot()
    def _on_go(self) -> None:
        if self._propagating.is_busy:
            self._propagating.stop()
        else:
            self._propagating.propagate()

    @Slot(object)
    def _on_progressed(self, progress: tuple[int, int] | None) -> None:
        # It keeps its room: a strip that jumps cannot be clicked.
        busy = progress is not None
        self.bar.setRange(0, progress[1] if progress is not None else 1)
        self.bar.setValue(progress[0] if progress is not None else 0)
        self.go.setText("Stop" if busy else "Propagate")

    @Slot()
    def _update(self) -> None:
        choice, proposals = self._choices.value, self._proposals
        for combo, value in (
            (self.method, choice.method),
            (self.direction, choice.direction),
            (self.until, choice.until),
            (self.joints, choice.joints),
            (self.persons, choice.persons),
        ):
            with QSignalBlocker(combo):
                combo.setCurrentIndex(combo.findData(value))
        self.method.setToolTip(METHODS[choice.method].note)
        for spin, number in ((self.count, choice.count), (self.least, round(choice.least * 100))):
            with QSignalBlocker(spin):
                spin.setValue(number)
        for box, on in ((self.previews, choice.previews), (self.reinfers, choice.reinfers)):
            with QSignalBlocker(box):
                box.setChecked(on)
        self.count.setEnabled(choice.until == "count")
        self.go.setEnabled(self._session.can_edit)
        states = [state for place in proposals.places() for state in proposals.states(place).tolist()]
        n_open, n_accepted = states.count(JointState.OPEN), states.count(JointState.ACCEPTED)
        n_sure = sum(int(one.joints.sum()) for one in proposals.placements(proposals.open_places(), least=choice.least))
        self.accept_sure.setText(f"Accept ≥ {round(100 * choice.least)} %")
        self.accept_sure.setToolTip(f"Accept {counted(n_sure, 'joint')} on all frames that are at least so sure")
        self.accept_sure.setEnabled(n_sure > 0)
        self.accept_all.setEnabled(n_open > 0)
        self.reject_all.setEnabled(n_open > 0)
        n_rejected = states.count(JointState.REJECTED)
        text = f"{counted(n_open, 'joint')} undecided, {n_accepted} accepted, {n_rejected} rejected."
        self.note.setText(text if len(proposals) else _NOTHING)

    @Slot(object, QPoint)
    def _on_menu(self, place: Place, where: QPoint) -> None:
        menu = self.menu_of(place)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(where)

    def menu_of(self, place: Place) -> QMenu:
        """What can be decided about one frame: all of it, or joint by joint."""
        deciding, menu = self._deciding, QMenu(self)
        joints = self._proposals.open(place)
        one = self._proposals.at(place)
        accept, reject = menu.addAction("Accept This Frame"), menu.addAction("Reject This Frame")
        accept.triggered.connect(lambda: deciding.accept([place]))
        reject.triggered.connect(lambda: deciding.reject([place]))
        for action in (accept, reject):
            action.setEnabled(bool(joints.any()))
        for verb, do in (("Accept", deciding.accept), ("Reject", deciding.reject)):
            below = menu.addMenu(f"{verb} Joint")
            below.setEnabled(bool(joints.any()))
            for joint in np.flatnonzero(joints).tolist() if one is not None else ():
                text = f"{joint_title(joint).capitalize()}, {sure_text(one.pose.confidence[joint])}" if one else ""
                action = below.addAction(text)
                action.triggered.connect(lambda _=False, joint=joint, do=do: do([place], joints=one_joint(joint)))
        return menu
