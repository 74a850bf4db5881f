"""The actions on files: open, save a copy, close, quit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from app.ui.actions import ActionSpec
from app.ui.opening import POSES_SUFFIXES, PROJECT_SUFFIX, VIDEO_SUFFIXES, Opener
from app.ui.session import Session
from app.ui.settings import Settings
from app.ui.when import When
from dcpose_core import paths
from dcpose_core.errors import DCPoseError

_VIDEOS = " ".join(f"*{suffix}" for suffix in VIDEO_SUFFIXES)
_POSES = f"Poses to import ({' '.join(f'*{suffix}' for suffix in POSES_SUFFIXES)})"
_PROJECTS = f"Projects (*{PROJECT_SUFFIX})"


def actions(
    session: Session, settings: Settings, opener: Opener, parent: QWidget, *, close: Callable[[], object]
) -> list[ActionSpec]:
    """All specs of this part. close: back to the start page."""
    when = When(session)

    def start_folder() -> str:
        document, recent = session.document, settings.recent
        return str(document.path.parent if document is not None else recent[0].parent if recent else Path.home())

    def open_file() -> None:
        kinds = f"Videos and projects (*{PROJECT_SUFFIX} {_VIDEOS});;{_POSES};;All files (*)"
        name, _ = QFileDialog.getOpenFileName(parent, "Open Video or Project", start_folder(), kinds)
        if name:
            opener.open(Path(name))

    def open_folder() -> None:
        name = QFileDialog.getExistingDirectory(parent, "Open Image Folder", start_folder())
        if name:
            opener.open(Path(name))

    def save_copy() -> None:
        document = session.document
        if document is None:
            return
        suggestion = document.path.with_name(f"{document.path.stem} copy{PROJECT_SUFFIX}")
        name, _ = QFileDialog.getSaveFileName(parent, "Save a Copy", str(suggestion), _PROJECTS)
        if not name:
            return
        path = Path(name) if name.endswith(PROJECT_SUFFIX) else Path(f"{name}{PROJECT_SUFFIX}")
        try:
            document.save_copy(path)
        except DCPoseError as error:
            session.tell(str(error), kind="error")
        else:
            session.tell(f"Copy saved: {path}")

    return [
        ActionSpec(
            name="file.open",
            text="Open...",
            handler=open_file,
            shortcuts={"default": ["Ctrl+O"]},
            menu="File",
            tooltip="Open a video or a project",
            icon="mdi6.folder-open-outline",
        ),
        ActionSpec(
            name="file.open_folder",
            text="Open Image Folder...",
            handler=open_folder,
            menu="File",
            icon="mdi6.image-multiple-outline",
        ),
        ActionSpec(
            name="file.sample",
            text="Open the Sample",
            handler=lambda: open_sample(session, opener),
            menu="File",
            icon="mdi6.play-box-outline",
        ),
        ActionSpec(
            name="file.save_copy",
            text="Save a Copy...",
            handler=save_copy,
            shortcuts={"default": ["Ctrl+Shift+S"]},
            menu="File",
            enabled_when=when.has_document,
            icon="mdi6.content-save-outline",
        ),
        ActionSpec(
            name="file.close",
            text="Close Project",
            handler=close,
            shortcuts={"default": ["Ctrl+W"]},
            menu="File",
            enabled_when=when.has_document,
            icon="mdi6.close",
        ),
        ActionSpec(
            name="file.quit",
            text="Quit",
            handler=lambda: parent.window().close(),
            shortcuts={"default": ["Ctrl+Q"]},
            menu="File",
            icon="mdi6.exit-to-app",
        ),
    ]


def open_sample(session: Session, opener: Opener) -> None:
    """Open the clip that comes with the program, from a copy that a project may lie beside."""
    target = paths.data_dir() / "sample" / "sample.mp4"
    try:
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            with resources.as_file(resources.files("dcpose_resources") / "clips" / "sample.mp4") as clip:
                shutil.copyfile(clip, target)
    except OSError as error:
        session.tell(f"{target}: the sample cannot be put there: {error.strerror or error}", kind="error")
        return
    opener.open(target)


def ask_for_video(parent: QWidget, text: str, folder: Path) -> Path | None:
    """Where the video of a project is now; None if nobody knows."""
    name, _ = QFileDialog.getOpenFileName(parent, text, str(folder), f"Videos ({_VIDEOS});;All files (*)")
    return Path(name) if name else None


def ask_for_project(parent: QWidget, suggestion: Path) -> Path | None:
    """Where a new project goes whose video lies where nothing can be written."""
    start = str(Path.home() / suggestion.name)
    name, _ = QFileDialog.getSaveFileName(parent, "Where to Keep the Project", start, _PROJECTS)
    return Path(name) if name else None
