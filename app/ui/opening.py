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
from app.project.backups import backups
from app.project.document import Document
from app.project.errors import DamagedProjectError, ProjectLockedError, UnwritableProjectError
from app.project.restoring import LOG_SUFFIXES, project_of
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
POSES_SUFFIXES = (".json",)
_WEIGHTS_SUFFIXES = (".pth", ".pt", ".ckpt", ".onnx", ".safetensors")
_LOGS = tuple(f"{PROJECT_SUFFIX}{suffix}" for suffix in LOG_SUFFIXES)


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
        #: (project, damaged=, backup=): let the user open one of its backups.
        self.open_backup: Callable[..., object] = lambda _project, **_how: None
        #: (file): import its poses into the project that is shown.
        self.import_poses: Callable[[Path], object] = lambda _path: None
        feed.opened.connect(self._on_opened)
        feed.open_failed.connect(self._on_failed)

    def open(self, path: Path) -> None:
        """Open a video, a folder of images, or a project; what goes wrong is told in the message bar."""
        path = path.absolute()
        current = self._session.document
        if current is not None and current.path.absolute() in (path, project_path(path)):
            self._session.tell(f"{path.name} is open already.")
        elif (project := project_of(path)) is not None:
            self.open_backup(project, backup=path)
        elif path.suffix.lower() == PROJECT_SUFFIX:
            self._open_project(path, read_only=False)
        elif path.suffix.lower() in POSES_SUFFIXES and self._session.can_edit:
            self.import_poses(path)
        elif (answer := _what_else(path)) is not None:
            self._session.tell(answer, kind="warning")
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
        except DCPoseError as error:
            self._tell_failure(error, path, read_only=read_only)
        else:
            self._open_video_of(document)

    def _tell_failure(self, error: DCPoseError, project: Path | None, *, read_only: bool = False) -> None:
        """Tell why a project is not opened, with what can be done about it. project: None for one that was not made.
        read_only: it was tried for reading only."""
        if project is not None and not read_only and isinstance(error, ProjectLockedError | UnwritableProjectError):
            self._session.tell(
                str(error),
                kind="warning",
                action="Open Read-Only",
                handler=lambda: self._open_project(project, read_only=True),
            )
        elif project is not None and (isinstance(error, DamagedProjectError) or not project.exists()):
            self.tell_damage(str(error), project)
        else:
            self._session.tell(str(error), kind="error")

    def tell_damage(self, text: str, project: Path) -> None:
        """Tell that a project is damaged or gone, and offer its backups."""
        if backups(project):
            self._session.tell(
                f"{text}; open one of its backups",
                kind="error",
                action="Open Backup...",
                handler=lambda: self.open_backup(project, damaged=True),
            )
        else:
            self._session.tell(f"{text}; there is no backup of it", kind="error")

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
                self._tell_failure(error, project)
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
        except DCPoseError as error:
            self._feed.discard()
            self._end()
            self._tell_failure(error, wish.project)
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
    return (
        path.is_dir()
        or suffix in (PROJECT_SUFFIX, *VIDEO_SUFFIXES, *IMAGE_SUFFIXES, *POSES_SUFFIXES)
        or _what_else(path) is not None
    )


def _what_else(path: Path) -> str | None:
    """What to do with a file that people try to open and that is neither video nor project, told by its name."""
    suffix = path.suffix.lower()
    if suffix in POSES_SUFFIXES:
        return f"{path.name} holds poses, not a video: open its video, then bring them in with File > Import Poses."
    if suffix in _LOGS:
        return f"{path.name} belongs to {path.stem}{PROJECT_SUFFIX}, which keeps its last edits there: open that."
    if suffix in _WEIGHTS_SUFFIXES:
        return f"{path.name} holds the weights of a network, not a video: bring it in with `dcpose models import`."
    return None
