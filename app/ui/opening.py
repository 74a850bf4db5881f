"""From a path that somebody chose to a project on the screen: which file is meant, and what is asked for if it is gone.

What is open stays open until the new project is ready to take its place.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from app.jobs.bridge import FrameFeed
from app.project.document import Document
from app.project.errors import ProjectLockedError
from app.project.video_facts import VideoFacts
from app.ui.session import Session
from app.ui.settings import Settings
from dcpose_core.errors import DCPoseError, ProjectError
from dcpose_core.video.image_sequence import IMAGE_SUFFIXES

PROJECT_SUFFIX = ".dcpose"
VIDEO_SUFFIXES = (
    ".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".ts", ".mts", ".m2ts",
    ".mpg", ".mpeg", ".wmv", ".flv", ".ogv", ".mxf",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is being opened. project: None for one that has yet to be made. document: opened already, for its video."""

    video: Path
    project: Path | None
    document: Document | None = None


class Opener(QObject):
    """Opens videos and projects one at a time. Asks through the functions that the window gives it."""

    #: What is being opened, or None when that is over, well or not.
    busy_changed = Signal(object)
    #: A project is on the screen; its path.
    opened = Signal(object)

    def __init__(self, session: Session, feed: FrameFeed, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._feed = feed
        self._settings = settings
        self._wish: _Wish | None = None
        #: (message, folder to start in) -> a video, or None.
        self.ask_for_video: Callable[[str, Path], Path | None] = lambda _text, _folder: None
        #: (suggestion) -> where the project goes, or None.
        self.ask_for_project: Callable[[Path], Path | None] = lambda _suggestion: None
        feed.opened.connect(self._on_opened)
        feed.open_failed.connect(self._on_failed)

    def open(self, path: Path) -> None:
        """Open a video, a folder of images, or a project; what goes wrong is told in the message bar."""
        path = path.absolute()
        current = self._session.document
        if current is not None and current.path.absolute() in (path, project_path(path)):
            self._session.tell(f"{path.name} is open already.")
        elif path.suffix.lower() == PROJECT_SUFFIX:
            self._open_project(path, read_only=False)
        else:
            self._open_video(_Wish(path, _existing_project(path)))

    def cancel(self) -> None:
        """Give up what is being opened."""
        if self._wish is not None:
            self._feed.discard()
            self._end()

    def _open_project(self, path: Path, *, read_only: bool) -> None:
        self.cancel()
        try:
            document = Document.open(path, read_only=read_only)
        except ProjectLockedError as error:
            self._session.tell(
                str(error),
                kind="warning",
                action="Open Read-Only",
                handler=lambda: self._open_project(path, read_only=True),
            )
        except DCPoseError as error:
            self._session.tell(str(error), kind="error")
        else:
            self._open_video_of(document)

    def _open_video_of(self, document: Document) -> None:
        """Look where the video was, also from the project's folder, beside the project, and where it was found for a
        project that cannot be written; then ask."""
        seen, relative = document.video.path, document.video.relative_path
        folder = document.path.absolute().parent
        remembered = self._settings.video_of(document.video.fingerprint)
        for place in (seen, None if relative is None else folder / relative, folder / seen.name, remembered):
            if place is not None and place.exists():
                self._open_video(_Wish(place, document.path, document))
                return
        read_only = document.read_only
        document.close()
        text = f"{document.path.name}: its video is not at {seen} any more."
        self._ask_for_video(document.path, text, read_only=read_only)

    def _ask_for_video(self, project: Path, text: str, *, read_only: bool = False) -> None:
        def choose() -> None:
            video = self.ask_for_video(text, project.parent)
            if video is None:
                return
            try:
                document = Document.open(project, read_only=read_only)
            except DCPoseError as error:
                self._session.tell(str(error), kind="error")
            else:
                self._open_video(_Wish(video, project, document))

        self._session.tell(text, kind="warning", action="Find Video...", handler=choose)

    def _open_video(self, wish: _Wish) -> None:
        self.cancel()
        self._wish = wish
        self.busy_changed.emit(wish.video)
        self._feed.open(wish.video)

    @Slot(object)
    def _on_failed(self, error: Exception) -> None:
        wish = self._wish
        self._end()
        if wish is not None and wish.document is not None:
            self._ask_for_video(wish.document.path, str(error), read_only=wish.document.read_only)
        else:
            self._session.tell(str(error), kind="error")

    @Slot(object, object)
    def _on_opened(self, video: VideoFacts, missing: tuple[str, ...]) -> None:
        wish = self._wish
        if wish is None:
            return
        try:
            document = wish.document or self._document_for(wish, video)
        except ProjectLockedError as error:
            project = wish.project
            self._feed.discard()
            self._end()
            if project is not None:
                self._session.tell(
                    str(error),
                    kind="warning",
                    action="Open Read-Only",
                    handler=lambda: self._open_project(project, read_only=True),
                )
            return
        except DCPoseError as error:
            self._feed.discard()
            self._end()
            self._session.tell(str(error), kind="error")
            return
        if document is None:  # nowhere to put the project: nothing is opened
            self._feed.discard()
            self._end()
            return
        if document.video.fingerprint != video.fingerprint:
            path, read_only = document.path, document.read_only
            document.close()
            self._feed.discard()
            self._wish = None
            self._end()
            text = f"{wish.video.name} is not the video that {path.name} was made for: its content differs."
            self._ask_for_video(path, text, read_only=read_only)
            return
        if document.video.path != video.path and document.read_only:
            self._settings.set_video_of(video.fingerprint, video.path)
        elif document.video.path != video.path:
            try:
                document.relink(video)  # so that it is found at once the next time
            except DCPoseError as error:
                self._session.tell(str(error), kind="warning")
        self._show(document)
        if missing:
            self._session.tell(f"{video.path.name}: {missing[0]}.", kind="warning")

    def _document_for(self, wish: _Wish, video: VideoFacts) -> Document | None:
        if wish.project is not None:
            return Document.open(wish.project)
        path = project_path(wish.video)
        if not _is_writable(path.parent):
            self._session.tell(f"{path.parent} cannot be written: choose where the project goes.", kind="warning")
            chosen = self.ask_for_project(path)
            if chosen is None:
                return None
            path = chosen if chosen.suffix.lower() == PROJECT_SUFFIX else Path(f"{chosen}{PROJECT_SUFFIX}")
            if path.exists():
                raise ProjectError(f"{path}: exists already; open it, or choose another name")
        return Document.create(path, video)

    def _show(self, document: Document) -> None:
        before = self._session.document
        self._feed.adopt()
        self._wish = None
        self._session.set_document(document)
        if before is not None:
            before.close()
        self._end()
        self.opened.emit(document.path)

    def _end(self) -> None:
        """Nothing is being opened any more; a project that was opened for it is let go."""
        wish, self._wish = self._wish, None
        if wish is not None and wish.document is not None:
            wish.document.close()
        self.busy_changed.emit(None)


def project_path(video: Path) -> Path:
    """Where the project of a video lies: beside it, under its whole name, so that `a.mp4` and `a.mov` have one each."""
    return video.with_name(f"{video.name}{PROJECT_SUFFIX}")


def plain_name(project: Path) -> str:
    """What exports of a project are called: `sample` for `sample.mp4.dcpose`."""
    name = project.name.removesuffix(PROJECT_SUFFIX)
    return Path(name).stem if Path(name).suffix.lower() in VIDEO_SUFFIXES else name


def _existing_project(video: Path) -> Path | None:
    path = project_path(video)
    return path if path.is_file() else None


def _is_writable(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def can_open(path: Path) -> bool:
    """Whether a dropped file looks like something to open, by its name alone."""
    suffix = path.suffix.lower()
    return path.is_dir() or suffix == PROJECT_SUFFIX or suffix in VIDEO_SUFFIXES or suffix in IMAGE_SUFFIXES
