"""What of the review is shown: by check, person, joint, and how much is wrong."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QGridLayout, QToolButton, QWidget

from app.jobs.review import ReviewFilter
from app.ui import theme
from app.ui.canvas.marks import joint_title
from app.ui.panels.review.reviewing import Reviewing
from app.ui.panels.review.wording import grouped
from app.ui.panels.track_list_model import swatch
from app.ui.session import Session
from dcpose_core.review import CHECKS
from dcpose_core.skeletons import POSETRACK_17

#: Least number of wrong joints -> how people call it.
_LEAST = {0.0: "Any number", 0.5: "½ joint or more", 1.0: "1 joint or more", 2.0: "2 joints or more", 4.0: "4 or more"}


class ReviewFilters(QWidget):
    """Four choices and a button that takes them back."""

    def __init__(self, session: Session, reviewing: Reviewing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._reviewing = reviewing
        self.check = self._choice("Check", "check")
        self.track = self._choice("Person", "track_id")
        self.joint = self._choice("Joint", "joint")
        self.minimum = self._choice("Least number of wrong joints", "minimum")
        self.check.addItem("All checks", None)
        for name in CHECKS:
            self.check.addItem("", name)
        self.joint.addItem("All joints", None)
        for joint in range(len(POSETRACK_17)):
            self.joint.addItem(joint_title(joint).capitalize(), joint)
        for least, text in _LEAST.items():
            self.minimum.addItem(text, least)
        self.clear = QToolButton(self)
        self.clear.setAutoRaise(True)
        self.clear.setToolTip("Show everything")
        self.clear.setAccessibleName("Take the filters back")
        self.clear.clicked.connect(reviewing.clear_filter)
        theme.set_icon(self.clear, "mdi6.filter-off-outline")
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 4, 8, 4)
        grid.setSpacing(4)
        for at, box in enumerate((self.check, self.track, self.joint, self.minimum)):
            grid.addWidget(box, at // 2, at % 2)
        grid.addWidget(self.clear, 0, 2, 2, 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        reviewing.state_changed.connect(self._refresh)
        session.document_changed.connect(self._list_tracks)
        session.frames_changed.connect(self._on_frames_changed)
        self._list_tracks()
        self._refresh()

    def _choice(self, name: str, field: str) -> QComboBox:
        box = QComboBox(self)
        box.setAccessibleName(name)
        box.setToolTip(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(6)
        box.setMaxVisibleItems(20)
        box.activated.connect(lambda _row: self._reviewing.filter(**{field: box.currentData()}))
        return box

    @Slot(object)
    def _on_frames_changed(self, change: object) -> None:
        if getattr(change, "tracks_changed", False):
            self._list_tracks()

    @Slot()
    def _list_tracks(self) -> None:
        document = self._session.document
        self.track.clear()
        self.track.addItem("Everybody", None)
        for track in () if document is None else document.tracks().values():
            self.track.addItem(swatch(track.colour), track.name, track.track_id)
        _choose(self.track, self._reviewing.wanted.track_id)

    @Slot()
    def _refresh(self) -> None:
        """Counts per check, and the choices in force."""
        state, wanted = self._reviewing.state, self._reviewing.wanted
        for row, (name, check) in enumerate(CHECKS.items(), start=1):
            text = f"{check.title} ({grouped(0 if state is None else state.counts[name])})"
            if self.check.itemText(row) != text:
                self.check.setItemText(row, text)
        for box, value in (
            (self.check, wanted.check),
            (self.track, wanted.track_id),
            (self.joint, wanted.joint),
            (self.minimum, wanted.minimum),
        ):
            _choose(box, value)
        self.clear.setEnabled(wanted != ReviewFilter())


def _choose(box: QComboBox, value: object) -> None:
    """Without a signal that somebody chose."""
    row = next((row for row in range(box.count()) if box.itemData(row) == value), 0)
    if row != box.currentIndex():
        box.setCurrentIndex(row)
