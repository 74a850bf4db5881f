"""`dcpose-annotator [VIDEO|PROJECT]`: the only place that wires the window together."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from app.jobs.collecting import nothing_to_collect
from app.jobs.head_start import HeadStart

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.ui.main_window import MainWindow

_EXIT_NO_DISPLAY = 2
#: How long a thread keeps the interpreter while others wait for it, as the window does after every read from the
#: project. Beside a wide edit its worst stall was 39 to 68 ms with Python's 5 ms, 27 to 54 with this (8 runs each).
_SWITCH_S = 0.001


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window and run it to its end; returns the exit status."""
    path = _parse(argv)
    if not _has_display():
        sys.stderr.write(
            "error: no display to open the window on: start it from a desktop (or with `ssh -X`), "
            "or annotate without a window: dcpose annotate VIDEO -o poses.json\n"
        )
        return _EXIT_NO_DISPLAY
    with nothing_to_collect():
        application, window = start(path)
    status = application.exec()
    window.crash.uninstall()
    return status


def _has_display() -> bool:
    """Qt ends the whole program where it finds none."""
    wanted = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in wanted)


def start(path: Path | None = None) -> tuple[QApplication, MainWindow]:
    """The window, shown, with `path` being opened if one is given."""
    sys.setswitchinterval(_SWITCH_S)
    # A project is no video: nothing comes of its head start.
    head_start = None if path is None else HeadStart(path)
    # Now, while the video is being read on another thread.
    from PySide6.QtWidgets import QApplication

    from app.ui import theme
    from app.ui.crash import CrashReporter
    from app.ui.main_window import MainWindow
    from app.ui.probe import VARIABLE as PROBE_VARIABLE
    from app.ui.probe import Probe
    from app.ui.settings import Settings
    from app.ui.style import Style

    settings = Settings()
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        # Qt reads the scale once, when the application is made.
        os.environ.setdefault("QT_SCALE_FACTOR", str(settings.scale))
        application = QApplication(sys.argv[:1])
    application.setApplicationName("dcpose-annotator")
    application.setApplicationDisplayName("DCPose Annotator")
    application.setStyle(Style())
    theme.apply(application, settings.theme)
    crash = CrashReporter(application)
    crash.install()
    window = MainWindow(settings, crash)
    crash.window = window
    if PROBE_VARIABLE in os.environ:
        Probe(window, Path(os.environ[PROBE_VARIABLE]))
    window.show()
    if head_start is not None:
        window.feed.head_start = head_start
        window.opener.open(head_start.path)
        head_start.close()
    return application, window


def _parse(argv: Sequence[str] | None) -> Path | None:
    parser = argparse.ArgumentParser(
        prog="dcpose-annotator",
        description="Annotate the persons of a video, correct what the model got wrong, export PoseTrack or COCO.",
    )
    parser.add_argument("path", nargs="?", type=Path, metavar="VIDEO|PROJECT", help="what to open")
    path: Path | None = parser.parse_args(argv).path
    return path


if __name__ == "__main__":
    sys.exit(main())
