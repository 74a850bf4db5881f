"""The proposals on the timeline: how sure the least sure joint of each frame is."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtGui import QImage

from app.project.document import Document
from app.ui.certainty import sure_text
from app.ui.propagation.propagating import Propagating
from app.ui.propagation.proposals import Proposals
from app.ui.timeline.columns import lowest_values
from app.ui.timeline.rows import Row, StripRoom
from app.ui.timeline.strips import confidence_strip
from app.ui.timeline.timeline_widget import Timeline

_HEIGHT_PX = 14


class ProposalLane(QObject):
    """One more strip of the timeline while something is proposed; without, the tracks have its room."""

    def __init__(self, propagating: Propagating, timeline: Timeline) -> None:
        super().__init__(timeline)
        self._propagating, self._timeline = propagating, timeline
        self._proposals = proposals = propagating.proposals
        self._row = _row(proposals)
        self._is_shown = False
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._update)
        proposals.changed.connect(self._soon.start)

    @Slot()
    def _update(self) -> None:
        decided_too = self._propagating.is_open and len(self._proposals) > 0
        wanted = decided_too or bool(self._proposals.open_places())
        if wanted != self._is_shown:
            self._is_shown = wanted
            (self._timeline.add_row if wanted else self._timeline.remove_row)(self._row)
        elif wanted:
            self._timeline.refresh()


def _row(proposals: Proposals) -> Row:

    def of_frame(frame: int) -> float:
        values = [proposals.least_confidence(place) for place in proposals.places() if place.frame == frame]
        known = [value for value in values if not math.isnan(value)]
        return min(known, default=math.nan)

    def image(document: Document, room: StripRoom) -> QImage:
        values = np.full(document.n_frames, np.nan, np.float32)
        for place in proposals.places():
            values[place.frame] = np.fmin(values[place.frame], proposals.least_confidence(place))
        lowest = lowest_values(values, room.axis, room.columns)
        lowest[room.frame_ends] = np.nan
        return confidence_strip(lowest, room.height_px)

    def tooltip(_document: Document, frame: int) -> str:
        value = of_frame(frame)
        return "" if math.isnan(value) else f"proposed, {sure_text(value)} sure"

    return Row(title="Proposed", height_px=_HEIGHT_PX, image=image, tooltip=tooltip)
