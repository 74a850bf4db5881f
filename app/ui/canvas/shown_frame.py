"""The picture on the screen: asks for that of the current frame, and keeps the one before until it is there."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from app.jobs.bridge import FrameFeed
from app.ui.session import Session
from dcpose_core.types import ImageArray


class ShownFrame(QObject):
    """What the feed delivered for the session's frame. `changed()`: another picture, or none and a problem in its
    place; `began()`: the first picture of another video."""

    changed = Signal()
    began = Signal()

    def __init__(self, session: Session, feed: FrameFeed, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._feed = feed
        self.image: ImageArray | None = None
        #: Frame index of the picture; None for one that is shown before the index is made.
        self.frame: int | None = None
        #: Why there is no picture of this frame.
        self.problem = ""
        session.document_changed.connect(self._on_document_changed)
        session.frame_changed.connect(self._on_frame_changed)
        feed.frame_ready.connect(self._on_frame_ready)
        feed.frame_failed.connect(self._on_frame_failed)
        feed.first_picture_ready.connect(self._on_first_picture)

    @property
    def is_current(self) -> bool:
        """Whether the picture is that of the current frame; edits wait until it is."""
        return self.frame == self._session.frame and self._session.document is not None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture in pixels; (0, 0) before there is one."""
        if self.image is not None:
            return self.image.shape[1], self.image.shape[0]
        document = self._session.document
        return (0, 0) if document is None else (document.video.width_px, document.video.height_px)

    @Slot()
    def _on_document_changed(self) -> None:
        self.problem = ""
        self.frame = None
        if self._session.document is None:
            self.image = None
            self.changed.emit()

    @Slot(object)
    def _on_first_picture(self, image: ImageArray) -> None:
        """Something to look at while the index is made."""
        self.image, self.frame, self.problem = image, None, ""
        self.began.emit()

    @Slot(int)
    def _on_frame_changed(self, frame: int) -> None:
        if self._session.document is None:
            return
        cached = self._feed.cached(frame)
        if cached is not None:
            self._show(frame, cached)
        # Also when it is there already: so that what lies ahead is decoded.
        self._feed.request(frame, self._session.direction)

    @Slot(int, object)
    def _on_frame_ready(self, frame: int, image: ImageArray) -> None:
        if frame == self._session.frame and self._session.document is not None and self.frame != frame:
            self._show(frame, image)

    @Slot(int, str)
    def _on_frame_failed(self, frame: int, problem: str) -> None:
        if frame == self._session.frame and self._session.document is not None:
            self.image, self.frame, self.problem = None, frame, problem
            self.changed.emit()
            self._session.set_shown_frame(frame)

    def _show(self, frame: int, image: ImageArray) -> None:
        is_first = self.frame is None or self.image is None
        self.image, self.frame, self.problem = image, frame, ""
        (self.began if is_first else self.changed).emit()
        self._session.set_shown_frame(frame)
