"""What a test outside the process sees of the window: a JSON file that follows it. On only where a test asks for it.

`DCPOSE_TEST_PROBE` names the file. Positions are pixels of the screen.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QPoint, QTimer
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QLabel, QWidget

from app.ui.main_window import MainWindow
from dcpose_core.files import replacing

VARIABLE = "DCPOSE_TEST_PROBE"
_INTERVAL_MS = 50


class Probe(QObject):
    """Writes the file whenever something in it has changed."""

    def __init__(self, window: MainWindow, path: Path) -> None:
        super().__init__(window)
        self._window = window
        self._path = path
        self._written = ""
        self._timer = QTimer(self)  # a zoom, a focus, or a dialog's button have no signal that all of them share
        self._timer.timeout.connect(self._write)
        self._timer.start(_INTERVAL_MS)

    def _write(self) -> None:
        text = json.dumps(snapshot(self._window))
        if text != self._written:
            with replacing(self._path) as temporary:
                temporary.write_text(text, encoding="utf-8")
            self._written = text


def snapshot(window: MainWindow) -> dict[str, Any]:
    """The state of the window.

    canvas: `x`, `y` of its corner, and pixel_zero and scale, so that image point p lies at
    `corner + pixel_zero + p * scale`. dialog: the dialog in front, or None.
    """
    session, canvas = window.session, window.canvas
    ratio = window.devicePixelRatioF()
    corner = canvas.mapToGlobal(QPoint(0, 0)) * ratio
    zero_x, zero_y = canvas.transform.pixel_zero()
    dialogs = [one for one in QApplication.topLevelWidgets() if isinstance(one, QDialog) and one.isVisible()]
    front = next((one for one in dialogs if one.isActiveWindow()), next(iter(dialogs), None))
    message = window.messages.message
    return {
        "project": None if session.document is None else str(session.document.path),
        "frame": session.frame,
        "shown_frame": session.shown_frame,
        "n_frames": session.n_frames,
        "has_picture": canvas.image_size != (0, 0),
        "selected_track": session.selected_track,
        "selected_joints": sorted(session.selected_joints),
        "frame_range": session.frame_range,
        "tool": session.tool,
        "is_annotating": window.annotating.is_busy,
        "is_propagating": window.propagation.propagating.is_busy,
        "proposed_frames": [place.frame for place in window.propagation.proposals.open_places()],
        "is_active": window.isActiveWindow(),
        "is_on_screen": window.screen().availableGeometry().contains(window.frameGeometry()),
        "canvas_has_keys": canvas.hasFocus(),
        "has_keys": "" if (focus := QApplication.focusWidget()) is None else focus.accessibleName(),
        "message": None if message is None else message.text,
        "review": _review(window),
        "canvas": {
            "x": corner.x(),
            "y": corner.y(),
            "pixel_zero": [zero_x * ratio, zero_y * ratio],
            "scale": canvas.transform.scale * ratio,
        },
        "start_page": None if session.document is not None else _buttons(window.start_page, ratio),
        "dialog": None if front is None else _dialog(front, ratio),
    }


def _review(window: MainWindow) -> dict[str, Any]:
    """What is left to review, and where the walk is."""
    reviewing = window.reviewing
    return {
        "is_complete": reviewing.state is not None and reviewing.state.is_complete,
        "n_items": reviewing.n_items,
        "place": None if reviewing.current is None else list(reviewing.current.place),
        "is_here": reviewing.is_here,
        "reasons": reviewing.reasons,
    }


def _dialog(dialog: QDialog, ratio: float) -> dict[str, Any]:
    return {
        "title": dialog.windowTitle(),
        "is_active": dialog.isActiveWindow(),
        "buttons": _buttons(dialog, ratio),
        "texts": [label.text() for label in dialog.findChildren(QLabel) if label.isVisible() and label.text()],
    }


def _buttons(area: QWidget, ratio: float) -> dict[str, dict[str, Any]]:
    """Text of a visible button -> its middle, and whether it can be pressed and is checked."""
    return {
        button.text().replace("&", ""): {
            "x": (middle := button.mapToGlobal(button.rect().center()) * ratio).x(),
            "y": middle.y(),
            "enabled": button.isEnabled(),
            "checked": button.isChecked(),
        }
        for button in area.findChildren(QAbstractButton)
        if button.isVisible() and button.text()
    }
