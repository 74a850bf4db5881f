"""What waits for a decision about the selected person on this frame, for the Person panel: its joints, or all of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from app.ui import theme
from app.ui.certainty import sure_text
from app.ui.propagation.deciding import Deciding, joints_text, one_joint
from app.ui.propagation.proposals import Place, Proposals
from app.ui.session import Session


class PersonProposals(QWidget):
    """Two lines with buttons to accept and to reject: the selected joints, and the whole person here. Hidden where
    nothing waits; the first line also where that would be the same as the second."""

    def __init__(
        self, session: Session, proposals: Proposals, deciding: Deciding, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._proposals, self._deciding = session, proposals, deciding
        self.joints = _Line(
            "the selected joints", self._accept_joints, self._reject_joints, keys=("Ctrl+Return", "Alt+X")
        )
        self.person = _Line("this person on this frame", self._accept_person, self._reject_person, keys=("Return", "X"))
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 0)
        column.setSpacing(2)
        column.addWidget(self.joints)
        column.addWidget(self.person)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._update)
        for signal in (proposals.changed, session.frame_changed, session.selection_changed, session.document_changed):
            signal.connect(self._soon.start)
        self._update()

    @property
    def place(self) -> Place | None:
        """The selected person on this frame."""
        track_id = self._session.selected_track
        return None if track_id is None else Place(self._session.frame, track_id)

    def _waiting(self) -> tuple[Place, NDArray[np.bool_]] | None:
        """Where, and which joints `[17]`; None where nothing waits."""
        place = self.place
        joints = None if place is None else self._proposals.open(place)
        return None if place is None or joints is None or not joints.any() else (place, joints)

    @Slot()
    def _update(self) -> None:
        waiting = self._waiting()
        self.setVisible(waiting is not None)
        if waiting is None:
            return
        place, joints = waiting
        chosen = joints & one_joint(*self._session.selected_joints)
        self.joints.setVisible(bool(chosen.any()) and not np.array_equal(chosen, joints))
        self.joints.say(self._describe(place, chosen))
        self.person.say(self._describe(place, joints))

    def _describe(self, place: Place, joints: NDArray[np.bool_]) -> str:
        """`Left wrist proposed, 82 % sure`; of several joints the least sure one counts."""
        one = self._proposals.at(place)
        if one is None or not joints.any():
            return ""
        least = sure_text(float(one.pose.confidence[joints].min()))
        sure = f"{least} sure" if joints.sum() == 1 else f"{least} sure or more"
        return f"{joints_text(joints).capitalize()} proposed, {sure}"

    def _accept_joints(self) -> None:
        if self.place is not None:
            self._deciding.accept([self.place], joints=one_joint(*self._session.selected_joints))

    def _reject_joints(self) -> None:
        if self.place is not None:
            self._deciding.reject([self.place], joints=one_joint(*self._session.selected_joints))

    def _accept_person(self) -> None:
        if self.place is not None:
            self._deciding.accept([self.place])

    def _reject_person(self) -> None:
        if self.place is not None:
            self._deciding.reject([self.place])


class _Line(QWidget):
    """What is proposed, and two buttons. what: whom they decide about; keys: that do the same on the canvas."""

    def __init__(
        self, what: str, accept: Callable[[], None], reject: Callable[[], None], *, keys: tuple[str, str]
    ) -> None:
        super().__init__()
        self.text = QLabel(self)
        self.text.setTextFormat(Qt.TextFormat.PlainText)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        row.addWidget(self.text, 1)
        self.accept = self._button(f"Accept what is proposed for {what}", keys[0], "mdi6.check", accept)
        self.reject = self._button(f"Reject what is proposed for {what}", keys[1], "mdi6.close", reject)
        row.addWidget(self.accept)
        row.addWidget(self.reject)

    def say(self, text: str) -> None:
        self.text.setText(text)
        self.text.setToolTip(text)

    def _button(self, name: str, key: str, icon: str, do: Callable[[], None]) -> QToolButton:
        button = QToolButton(self)
        button.setAccessibleName(name)
        button.setToolTip(f"{name} ({key})")
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the table or the canvas
        button.clicked.connect(do)
        theme.set_icon(button, icon)
        return button
