"""What is shown while a video is opened: which one, how far its index is, and a way to give it up."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QWidget

from app.jobs.bridge import FrameFeed
from app.ui.opening import Opener
from app.ui.over_canvas import ProgressCard


class OpeningCard(ProgressCard):
    """Comes and goes with what `opener` does."""

    def __init__(self, opener: Opener, feed: FrameFeed, parent: QWidget) -> None:
        super().__init__("Progress of opening the video", parent, can_stop=True)
        self.stop.clicked.connect(opener.cancel)
        opener.busy_changed.connect(self._on_busy)
        feed.index_progressed.connect(self.set_part)

    @Slot(object)
    def _on_busy(self, path: Path | None) -> None:
        if path is not None:
            self.text.setText(f"Opening {path.name}")
            self.set_part(0.0)
        self.setVisible(path is not None)
