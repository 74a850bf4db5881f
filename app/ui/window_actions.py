"""The actions of the window itself: files, undo, annotating, panels, help."""

from __future__ import annotations

import shutil
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDockWidget, QFileDialog, QInputDialog, QMessageBox

from app.ui.actions import ActionSpec
from app.ui.cheat_sheet import CheatSheet
from app.ui.dialogs.annotate import AnnotateDialog, models_and_devices
from app.ui.dialogs.preferences import PreferencesDialog
from app.ui.opening import PROJECT_SUFFIX, VIDEO_SUFFIXES
from app.ui.palette import Palette
from app.ui.shortcut_dialog import ShortcutDialog
from app.ui.theme import Wish
from dcpose_core import paths
from dcpose_core.errors import DCPoseError

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

_ABOUT = """<h3>DCPose Annotator</h3>
<p>Human poses in video: annotated by DCPose, corrected by hand, exported as PoseTrack and COCO.</p>
<p>Apache License 2.0. Qt and PySide6 under the LGPL 3; the embedded models and the sample clip under the licences that
lie beside them in the installed package.</p>"""

#: Height that the trajectory opens with.
_TRAJECTORY_PX = 240
_THEMES: dict[Wish, str] = {"system": "As the System", "light": "Light", "dark": "Dark"}


def window_actions(window: MainWindow) -> list[ActionSpec]:
    """All specs of this part."""
    return [*_files(window), *_edits(window), *_annotating(window), *_panels(window), *_help(window)]


def _files(window: MainWindow) -> list[ActionSpec]:
    session = window.session

    def has_document() -> bool:
        return session.document is not None

    def start_folder() -> str:
        document = session.document
        recent = window.settings.recent
        return str(document.path.parent if document is not None else recent[0].parent if recent else Path.home())

    def open_file() -> None:
        videos = " ".join(f"*{suffix}" for suffix in VIDEO_SUFFIXES)
        kinds = f"Videos and projects (*{PROJECT_SUFFIX} {videos});;All files (*)"
        name, _ = QFileDialog.getOpenFileName(window, "Open Video or Project", start_folder(), kinds)
        if name:
            window.opener.open(Path(name))

    def open_folder() -> None:
        name = QFileDialog.getExistingDirectory(window, "Open Image Folder", start_folder())
        if name:
            window.opener.open(Path(name))

    def save_copy() -> None:
        document = session.document
        if document is None:
            return
        suggestion = document.path.with_name(f"{document.path.stem} copy{PROJECT_SUFFIX}")
        name, _ = QFileDialog.getSaveFileName(window, "Save a Copy", str(suggestion), f"Projects (*{PROJECT_SUFFIX})")
        if not name:
            return
        path = Path(name) if name.endswith(PROJECT_SUFFIX) else Path(f"{name}{PROJECT_SUFFIX}")
        try:
            document.save_copy(path)
        except DCPoseError as error:
            session.tell(str(error), kind="error")
        else:
            session.tell(f"Copy saved: {path}")

    def checkpoint() -> None:
        document = session.document
        if document is None:
            return
        text = "Every edit is saved already. A name lets you come back to this moment in the history:"
        name, ok = QInputDialog.getText(window, "Name This State", text)
        if ok and name.strip():
            try:
                document.checkpoint(name.strip())
            except DCPoseError as error:
                session.tell(str(error), kind="error")

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
            icon="mdi6.folder-multiple-image",
        ),
        ActionSpec(
            name="file.sample",
            text="Open the Sample",
            handler=lambda: open_sample(window),
            menu="File",
        ),
        ActionSpec(
            name="file.checkpoint",
            text="Name This State...",
            handler=checkpoint,
            shortcuts={"default": ["Ctrl+S"]},
            menu="File",
            enabled_when=lambda: session.can_edit,
            tooltip="Everything is saved already; a name marks this moment in the history",
            icon="mdi6.bookmark-outline",
        ),
        ActionSpec(
            name="file.save_copy",
            text="Save a Copy...",
            handler=save_copy,
            shortcuts={"default": ["Ctrl+Shift+S"]},
            menu="File",
            enabled_when=has_document,
        ),
        ActionSpec(
            name="file.close",
            text="Close Project",
            handler=window.close_document,
            shortcuts={"default": ["Ctrl+W"]},
            menu="File",
            enabled_when=has_document,
        ),
        ActionSpec(
            name="file.preferences",
            text="Preferences...",
            handler=lambda: show_preferences(window),
            shortcuts={"default": ["F2", "Ctrl+,"]},
            menu="File",
            icon="mdi6.cog-outline",
        ),
        ActionSpec(
            name="file.quit",
            text="Quit",
            handler=window.close,
            shortcuts={"default": ["Ctrl+Q"]},
            menu="File",
        ),
    ]


def _edits(window: MainWindow) -> list[ActionSpec]:
    session = window.session

    def can(label: str) -> bool:
        return session.can_edit and getattr(session.document, label) is not None

    return [
        ActionSpec(
            name="edit.undo",
            text="Undo",
            handler=session.undo,
            shortcuts={"default": ["Ctrl+Z"]},
            menu="Edit",
            enabled_when=lambda: can("undo_label"),
            icon="mdi6.undo",
            repeats=True,
        ),
        ActionSpec(
            name="edit.redo",
            text="Redo",
            handler=session.redo,
            shortcuts={"default": ["Ctrl+Shift+Z", "Ctrl+Y"]},
            menu="Edit",
            enabled_when=lambda: can("redo_label"),
            icon="mdi6.redo",
            repeats=True,
        ),
    ]


def _annotating(window: MainWindow) -> list[ActionSpec]:
    session, annotating = window.session, window.annotating

    def can_run() -> bool:
        return session.can_edit and not annotating.is_running

    def ask() -> None:
        if not window.jobs.is_ready:
            session.tell("The engine is being loaded...")
        window.jobs.when_ready(lambda: show_annotate(window))

    return [
        ActionSpec(
            name="annotate.run",
            text="Annotate...",
            handler=ask,
            shortcuts={"default": ["Ctrl+R"]},
            menu="Annotate",
            enabled_when=can_run,
            tooltip="Let the model find and annotate persons",
            icon="mdi6.auto-fix",
        ),
        ActionSpec(
            name="annotate.cancel",
            text="Stop Annotating",
            handler=annotating.cancel,
            menu="Annotate",
            enabled_when=lambda: annotating.is_busy,
            tooltip="Stop the run; what is done stays",
        ),
    ]


def _panels(window: MainWindow) -> list[ActionSpec]:
    def toggle(name: str) -> None:
        dock = window.docks[name]
        dock.setVisible(not dock.isVisible())
        if dock.isVisible():
            dock.raise_()
            if name == "trajectory":  # two plots one above the other say nothing where the timeline has room enough
                window.resizeDocks([dock], [max(dock.height(), _TRAJECTORY_PX)], Qt.Orientation.Vertical)

    def has_document() -> bool:
        return window.session.document is not None

    specs = [
        ActionSpec(
            name=f"panel.{name}",
            text=dock.windowTitle(),
            handler=partial(toggle, name),
            menu="View/Panels",
            enabled_when=has_document,
            checked_when=partial(_is_open, dock),
        )
        for name, dock in window.docks.items()
    ]
    return [
        *specs,
        ActionSpec(
            name="panel.reset",
            text="Arrange as at First",
            handler=window.arrange_docks,
            menu="View/Panels",
            enabled_when=has_document,
        ),
        ActionSpec(
            name="window.full_canvas",
            text="Only the Picture",
            handler=lambda: window.set_full_canvas(not window.is_full_canvas),
            shortcuts={"default": ["F11"]},
            menu="View",
            enabled_when=has_document,
            checked_when=lambda: window.is_full_canvas,
            tooltip="The picture on the whole screen",
            icon="mdi6.fullscreen",
        ),
        ActionSpec(
            name="window.next_pane",
            text="Next Part of the Window",
            handler=lambda: window.next_pane(1),
            shortcuts={"default": ["F6"]},
            menu="View/Panels",
        ),
        ActionSpec(
            name="window.previous_pane",
            text="Previous Part of the Window",
            handler=lambda: window.next_pane(-1),
            shortcuts={"default": ["Shift+F6"]},
            menu="View/Panels",
        ),
        *(
            ActionSpec(
                name=f"theme.{wish}",
                text=text,
                handler=partial(window.set_theme, wish),
                menu="View/Theme",
                checked_when=partial(_has_theme, window, wish),
            )
            for wish, text in _THEMES.items()
        ),
    ]


def _is_open(dock: QDockWidget) -> bool:
    return not dock.isHidden()


def _has_theme(window: MainWindow, wish: Wish) -> bool:
    return window.settings.theme == wish


def _help(window: MainWindow) -> list[ActionSpec]:
    def about() -> None:
        QMessageBox.about(window, "About DCPose Annotator", _ABOUT)

    return [
        ActionSpec(
            name="help.keys",
            text="Keys and Mouse",
            handler=lambda: CheatSheet(window.table, window).open(),
            shortcuts={"default": ["F1", "?"]},
            menu="Help",
            icon="mdi6.keyboard-outline",
        ),
        ActionSpec(
            name="help.shortcuts",
            text="Change Shortcuts...",
            handler=lambda: show_shortcuts(window),
            menu="Help",
        ),
        ActionSpec(
            name="help.palette",
            text="Commands",
            handler=lambda: show_palette(window),
            shortcuts={"default": ["Ctrl+Shift+P"]},
            menu="Help",
            tooltip="Find any command by a few letters",
            icon="mdi6.magnify",
        ),
        ActionSpec(name="help.about", text="About", handler=about, menu="Help"),
    ]


def open_sample(window: MainWindow) -> None:
    """Open the clip that comes with the program, from a copy that a project may lie beside."""
    target = paths.data_dir() / "sample" / "sample.mp4"
    try:
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            with resources.as_file(resources.files("dcpose_resources") / "clips" / "sample.mp4") as clip:
                shutil.copyfile(clip, target)
    except OSError as error:
        window.session.tell(f"{target}: the sample cannot be put there: {error.strerror or error}", kind="error")
        return
    window.opener.open(target)


def show_annotate(window: MainWindow) -> AnnotateDialog | None:
    """Ask what to annotate, and begin."""
    if window.session.document is None or window.annotating.is_running:
        return None
    try:
        models, devices = models_and_devices()
    except DCPoseError as error:
        window.session.tell(str(error), kind="error")
        return None
    dialog = AnnotateDialog(window.session, window.settings, models=models, devices=devices, parent=window)
    dialog.accepted.connect(lambda: window.annotating.start(dialog.choice()))
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog


def show_preferences(window: MainWindow) -> PreferencesDialog:
    dialog = PreferencesDialog(window.session, window.settings, window)
    dialog.theme_chosen.connect(window.set_theme)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog


def show_shortcuts(window: MainWindow) -> ShortcutDialog:
    dialog = ShortcutDialog(window.table, window.settings, window)
    dialog.changed.connect(window.apply_keys)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
    return dialog


def show_palette(window: MainWindow) -> Palette:
    """The palette, at the top of the window."""
    palette = Palette(window.table, window)
    area = window.pages.geometry()
    where = window.mapToGlobal(area.topLeft())
    palette.move(where.x() + max(0, (area.width() - palette.width()) // 2), where.y() + 8)

    def do() -> None:
        if palette.chosen is not None:
            window.table.action(palette.chosen).trigger()

    palette.accepted.connect(do)
    palette.finished.connect(palette.deleteLater)
    palette.open()
    return palette
