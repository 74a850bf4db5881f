"""The video named on the command line, being read on a thread while the window is still being built."""

from __future__ import annotations

import threading
from pathlib import Path

from app.jobs.frame_loader import FrameLoader, LoaderEvents, Send


class HeadStart:
    """A `FrameLoader` whose events are kept until there is somebody to take both over.

    Of a video without an index it decodes the first picture only: making the index would hold up whoever builds the
    window, with whom it shares the interpreter.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._lock = threading.Lock()
        self._kept: list[tuple[str, object]] = []
        self._send: Send | None = None
        self._is_over = threading.Event()  # taken, or given up
        self._loader: FrameLoader | None = FrameLoader(self.path, LoaderEvents.sent_by(self._post))

    def take(self, path: Path, send: Send) -> FrameLoader | None:
        """The loader, its events so far sent and later ones too; None if `path` is another video, or it was taken."""
        if path != self.path or self._loader is None:
            return None
        loader, self._loader = self._loader, None
        with self._lock:
            self._send = send
            for kind, content in self._kept:
                send(kind, content)
            self._kept.clear()
        self._is_over.set()
        return loader

    def close(self) -> None:
        """Give up, unless it was taken."""
        self._is_over.set()
        if self._loader is not None:
            self._loader.close()
            self._loader = None

    def _post(self, kind: str, content: object) -> None:
        """On the loader's thread."""
        with self._lock:
            if self._send is None:
                self._kept.append((kind, content))
            else:
                self._send(kind, content)
        if kind == "first_picture":
            self._is_over.wait()
