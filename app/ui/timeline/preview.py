"""What tracks would look like after an operation that is not done yet, for the lanes to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal

from app.ui.timeline.span_sets import Spans


@dataclass(frozen=True)
class LanePreview:
    """The frames `first` to `last` that an operation reaches, and what each touched track has afterwards.

    after: track id -> runs of frames in the whole video; a new track has a lane of its own while the preview lasts.
    """

    first: int
    last: int
    after: Mapping[int, Spans] = field(default_factory=dict)


class LanePreviews(QObject):
    """The one preview that is shown, or none: set by a dialog, drawn by the timeline."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._shown: LanePreview | None = None
        #: Whether whoever draws it can be seen.
        self.is_visible: Callable[[], bool] = lambda: False

    @property
    def shown(self) -> LanePreview | None:
        return self._shown

    def show(self, preview: LanePreview | None) -> None:
        """Show `preview` in place of the one before; None shows none."""
        if preview != self._shown:
            self._shown = preview
            self.changed.emit()
