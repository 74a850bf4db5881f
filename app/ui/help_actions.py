"""Finding and changing commands and their keys, preferences, and what the program is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QMessageBox, QWidget

from app.jobs.bridge import JobFeed
from app.ui.actions import ActionSpec, ActionTable
from app.ui.cheat_sheet import CheatSheet
from app.ui.crash import CrashReporter
from app.ui.dialogs.examine_dialog import ExamineDialog
from app.ui.dialogs.preferences import PreferencesDialog
from app.ui.dialogs.shape import open_dialog
from app.ui.palette import Palette
from app.ui.session import Session
from app.ui.settings import Settings
from app.ui.shortcut_dialog import ShortcutDialog
from app.ui.theme import Wish

_ABOUT = """<h3>DCPose Annotator</h3>
<p>Human poses in video: annotated by DCPose, corrected by hand, exported as PoseTrack and COCO.</p>
<p>Apache License 2.0. Qt and PySide6 under the LGPL 3; the embedded models and the sample clip under the licences that
lie beside them in the installed package.</p>"""


def actions(
    session: Session,
    settings: Settings,
    table: ActionTable,
    area: QWidget,
    *,
    jobs: JobFeed,
    crash: CrashReporter,
    set_theme: Callable[[Wish], object],
    apply_keys: Callable[[], object],
) -> list[ActionSpec]:
    """All specs of this part. area: what the palette opens over."""
    parent = area.window()

    def show_preferences() -> None:
        dialog = PreferencesDialog(session, settings, parent)
        dialog.theme_chosen.connect(set_theme)
        open_dialog(dialog)

    def show_shortcuts() -> None:
        dialog = ShortcutDialog(table, settings, parent)
        dialog.changed.connect(apply_keys)
        open_dialog(dialog)

    def examine() -> None:
        document = session.document
        dialog = ExamineDialog(jobs, None if document is None else document.video.path, parent)
        dialog.crashed.connect(crash.show_report)
        open_dialog(dialog)

    return [
        ActionSpec(
            name="file.preferences",
            text="Preferences...",
            handler=show_preferences,
            shortcuts={"default": ["F2", "Ctrl+,"]},
            menu="File",
            icon="mdi6.cog-outline",
        ),
        ActionSpec(
            name="help.keys",
            text="Keys and Mouse",
            handler=lambda: CheatSheet(table, parent).open(),
            shortcuts={"default": ["F1", "?"]},
            menu="Help",
            icon="mdi6.keyboard-outline",
        ),
        ActionSpec(
            name="help.shortcuts",
            text="Change Shortcuts...",
            handler=show_shortcuts,
            menu="Help",
            icon="mdi6.keyboard-settings-outline",
        ),
        ActionSpec(
            name="help.palette",
            text="Commands",
            handler=lambda: show_palette(table, area),
            shortcuts={"default": ["Ctrl+Shift+P"]},
            menu="Help",
            tooltip="Find any command by a few letters",
            icon="mdi6.magnify",
        ),
        ActionSpec(
            name="help.examine",
            text="Check This Machine...",
            handler=examine,
            menu="Help",
            tooltip="Try the devices, models and decoders that annotating needs",
            icon="mdi6.stethoscope",
        ),
        ActionSpec(
            name="help.about",
            text="About",
            handler=lambda: QMessageBox.about(parent, "About DCPose Annotator", _ABOUT),
            menu="Help",
            icon="mdi6.information-outline",
        ),
    ]


def show_palette(table: ActionTable, area: QWidget) -> Palette:
    """The palette, at the top of `area`."""
    palette = Palette(table, area.window())
    where = area.mapToGlobal(area.rect().topLeft())
    palette.move(where.x() + max(0, (area.width() - palette.width()) // 2), where.y() + 8)

    def do() -> None:
        if palette.chosen is not None:
            table.action(palette.chosen).trigger()

    palette.accepted.connect(do)
    return open_dialog(palette)
