"""From threads to the UI thread: events of frame loader and worker as Qt signals."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Signal, Slot

from app.jobs.collecting import nothing_to_collect
from app.jobs.frame_loader import FrameLoader, LoaderEvents
from app.jobs.head_start import HeadStart
from app.project.video_facts import VideoFacts
from dcpose_core.types import ImageArray

if TYPE_CHECKING:
    # Imports torch, which takes seconds: on a thread of its own, when the first job comes.
    from app.jobs.worker import Job, Worker


class FrameFeed(QObject):
    """The frames of the video that is shown, and a second video while it is being opened.

    Signals come on the thread that this object lives on. Of the shown video: `frame_ready(index, image)`,
    `frame_failed(index, reason)`. Of the one being opened: `first_picture_ready(image)`, `index_progressed(0..1)`, and
    then `opened(VideoFacts, what is missing: sentences)`, to be answered by `adopt` or `discard`, or
    `open_failed(exception)`.
    """

    frame_ready = Signal(int, object)
    frame_failed = Signal(int, str)
    first_picture_ready = Signal(object)
    index_progressed = Signal(float)
    opened = Signal(object, object)
    open_failed = Signal(object)
    _event = Signal(int, str, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._numbers = count(1)
        self._shown: tuple[int, FrameLoader] | None = None
        self._opening: tuple[int, FrameLoader] | None = None
        #: A video that is being read already, for when it is the one to open.
        self.head_start: HeadStart | None = None
        # Queued, since a head start sends what it has on this thread, before `open` is over.
        self._event.connect(self._on_event, Qt.ConnectionType.QueuedConnection)

    @property
    def is_opening(self) -> bool:
        return self._opening is not None

    def open(self, path: Path) -> None:
        """Start to open a video, giving up another one that is still being opened."""
        self.discard()
        number = next(self._numbers)
        send = partial(self._event.emit, number)
        begun = None if self.head_start is None else self.head_start.take(path, send)
        self._opening = (number, begun or FrameLoader(path, LoaderEvents.sent_by(send)))

    def adopt(self) -> None:
        """Show the video that was opened, in place of the one before."""
        self._close_shown()
        self._shown, self._opening = self._opening, None

    def discard(self) -> None:
        """Give up the video that is being opened or was opened last."""
        if self._opening is not None:
            self._opening[1].close()
            self._opening = None

    def request(self, index: int, direction: int = 0) -> None:
        """Ask for a frame of the shown video; see `FrameLoader.request`."""
        if self._shown is not None:
            self._shown[1].request(index, direction)

    def cached(self, index: int) -> ImageArray | None:
        return None if self._shown is None else self._shown[1].cached(index)

    def close(self) -> None:
        """Stop the decoder threads and wait for them."""
        self.discard()
        self._close_shown()

    def _close_shown(self) -> None:
        if self._shown is not None:
            self._shown[1].close()
            self._shown = None

    @Slot(int, str, object)
    def _on_event(self, number: int, kind: str, content: object) -> None:
        """Pass an event on, unless its video has been closed meanwhile."""
        opening = self._opening is not None and number == self._opening[0]
        shown = self._shown is not None and number == self._shown[0]
        match kind, content:
            case "frame", (int(index), image, problem) if shown:
                if image is None:
                    self.frame_failed.emit(index, problem or "")
                else:
                    self.frame_ready.emit(index, image)
            case "first_picture", _ if opening:
                self.first_picture_ready.emit(content)
            case "progress", float(part) if opening:
                self.index_progressed.emit(part)
            case "opened", (VideoFacts() as video, missing) if opening:
                self.opened.emit(video, missing)
            case "failed", Exception() if opening:
                self.discard()
                self.open_failed.emit(content)


class JobFeed(QObject):
    """A `Worker` whose events come as the signal `posted(app.jobs.worker.Event)`, on this object's thread.

    The worker is made when the first job comes, on a thread of its own: importing the engine would hold the window.
    imports: the module with what the jobs to come need.
    """

    posted = Signal(object)
    _made = Signal(object)

    def __init__(self, parent: QObject | None = None, *, imports: str = "app.jobs.annotate") -> None:
        super().__init__(parent)
        self._imports = imports
        self._worker: Worker | None = None
        self._maker: threading.Thread | None = None
        self._closed = False
        self._waiting: list[Callable[[], object]] = []
        self._made.connect(self._on_made)

    def when_ready(self, do: Callable[[], object]) -> None:
        """Call `do` once the engine is imported, at once if it is."""
        if self._worker is not None:
            do()
            return
        self._waiting.append(do)
        self.warm_up()

    def warm_up(self) -> None:
        """Begin to import the engine."""
        if self._maker is None and not self._closed:
            self._maker = threading.Thread(target=self._make, name="engine import")
            self._maker.start()

    @property
    def is_ready(self) -> bool:
        return self._worker is not None

    def submit(self, title: str, job: Job) -> int:
        """Have a job run; returns its id. Only once the engine is ready."""
        if self._worker is None:
            raise RuntimeError("the engine is not imported yet")
        return self._worker.submit(title, job)

    @property
    def paused(self) -> bool:
        return self._worker is not None and self._worker.paused

    def set_paused(self, paused: bool) -> None:
        if self._worker is not None:
            (self._worker.pause if paused else self._worker.resume)()

    def cancel(self, job_id: int) -> None:
        if self._worker is not None:
            self._worker.cancel(job_id)

    def close(self) -> None:
        """Cancel all jobs and wait for the worker; an import that is under way ends by itself."""
        self._closed = True
        self._waiting.clear()
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _make(self) -> None:
        if self._imports not in sys.modules:
            with nothing_to_collect():
                import_module(self._imports)  # and with it the engine
        worker = import_module("app.jobs.worker").Worker(self.posted.emit)
        with suppress(RuntimeError):  # the window was closed meanwhile, and this object is gone
            self._made.emit(worker)

    @Slot(object)
    def _on_made(self, worker: Worker) -> None:
        if self._closed:
            worker.close()
            return
        self._worker = worker
        waiting, self._waiting = self._waiting, []
        for do in waiting:
            do()
