"""The bar at the lower edge of the picture while something is proposed: what it is, and the keys that decide it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from app.project.records import JOINTS
from app.ui import theme
from app.ui.certainty import sure_text
from app.ui.propagation.choices import METHODS
from app.ui.propagation.deciding import Deciding, joints_text
from app.ui.propagation.proposals import Place, Proposals
from app.ui.session import Session
from dcpose_core.wording import counted

_MARGIN_PX = 12


class ProposalBar(QFrame):
    """Keeps its place over `area`. drop: forgets all that is proposed."""

    def __init__(
        self, session: Session, proposals: Proposals, deciding: Deciding, area: QWidget, *, drop: Callable[[], object]
    ) -> None:
        super().__init__(area)
        self.setObjectName("card")
        self.setAccessibleName("Proposals")
        self.setAttribute(Qt.WidgetAttribute.WA_NoMousePropagation)  # what lies below is the picture
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._session, self._proposals, self._deciding, self._area = session, proposals, deciding, area
        self.text = QLabel(self)
        self.here = self._button("Accept", "Accept what is proposed on this frame (Return)")
        self.here.clicked.connect(lambda: deciding.accept_reach("here"))
        self.every = self._button("Accept All", "Accept on all frames, or the selected ones (Shift+Return)")
        self.every.clicked.connect(lambda: deciding.accept_reach("range"))
        self.reject = self._button("Reject", "Reject what is proposed on this frame (X)")
        self.reject.clicked.connect(lambda: deciding.reject_reach("here"))
        self.cancel = QToolButton(self)
        self.cancel.setAutoRaise(True)
        self.cancel.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.cancel.setToolTip("Forget all proposals (Esc)")
        self.cancel.setAccessibleName("Forget all proposals")
        self.cancel.clicked.connect(drop)
        theme.set_icon(self.cancel, "mdi6.close")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 6, 6, 6)
        row.setSpacing(theme.GRID_PX)
        for widget in (self.text, self.here, self.every, self.reject, self.cancel):
            row.addWidget(widget)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        # Many proposals come in one go: one look at them is enough.
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._update)
        for signal in (
            proposals.changed,
            session.frame_changed,
            session.selection_changed,
            session.range_changed,
        ):
            signal.connect(self._soon.start)
        area.installEventFilter(self)
        self.hide()

    def _button(self, text: str, tooltip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tooltip)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys to the canvas
        return button

    @Slot()
    def _update(self) -> None:
        """What there is to decide; hidden where there is nothing."""
        places = self._proposals.open_places()
        if not places:
            self.hide()
            return
        joints, frames = np.zeros(JOINTS, np.bool_), set()
        for place in places:
            joints |= self._proposals.open(place)
            frames.add(place.frame)
        method = METHODS[self._proposals.method].phrase
        proposed = f"{joints_text(joints)} proposed on {counted(len(frames), 'frame')} by {method}"
        text = f"{self._whose(places)}: {proposed}"
        here = [place for place in self._deciding.places("here") if place in places]
        if here:
            sure = min(self._proposals.least_confidence(place) for place in here)
            text += f" · here {sure_text(sure)} sure"
        self.text.setText(text)
        self.here.setEnabled(bool(here))
        self.reject.setEnabled(bool(here))
        chosen = self._session.frame_range
        self.every.setText("Accept All" if chosen is None else "Accept Range")
        self.every.setEnabled(self._deciding.has_open("range"))
        self.show()
        self._place()

    def _whose(self, places: Sequence[Place]) -> str:
        """`Person 2`; of several persons, how many."""
        document, persons = self._session.document, {place.track_id for place in places}
        if document is None or len(persons) != 1:
            return counted(len(persons), "person")
        return document.tracks()[persons.pop()].name

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Show) and self.isVisible():
            self._place()
        return False

    def _place(self) -> None:
        area = self._area
        room = area.width() - 2 * _MARGIN_PX
        self.text.setVisible(True)
        self.adjustSize()
        if self.sizeHint().width() > room:  # the buttons matter more, and say it too
            self.text.setVisible(False)
            self.adjustSize()
        self.move((area.width() - self.width()) // 2, area.height() - self.height() - _MARGIN_PX)
        self.raise_()
