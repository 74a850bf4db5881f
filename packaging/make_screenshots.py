"""Make the pictures of the manual: the real window, without a screen, on the bundled sample.

    python packaging/make_screenshots.py [docs/images]

It annotates 40 frames, does what the manual tells, and takes a picture of each step. Settings, caches and the project
go to a folder that is removed afterwards.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.ui.main_window import MainWindow

_SIZE = (1280, 720)
_FIRST, _LAST = 20, 59
_FRAME = 30
_QUALITY = 86
_PATIENCE_S = 300.0


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        for variable in ("CONFIG", "CACHE", "DATA"):
            os.environ[f"XDG_{variable}_HOME"] = f"{home}/{variable.lower()}"
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        tour(folder)


def tour(folder: Path) -> None:
    """One session at the window; ends with the window closed."""
    from app.__main__ import start
    from app.ui.file_actions import open_sample
    from app.ui.help_actions import show_palette
    from dcpose_core.skeletons import POSETRACK_17

    application, window = start()
    session = window.session
    window.set_theme("light")
    window.resize(*_SIZE)
    shoot = Camera(application, window, folder)
    shoot("start-page")

    open_sample(session, window.opener)
    shoot.wait(lambda: session.shown_frame == 0)
    session.go_to(_FRAME)
    session.set_range(_FIRST, _LAST)
    window.jobs.warm_up()
    shoot.wait(lambda: window.jobs.is_ready)
    annotate = shoot.dialog(lambda: window.table.action("annotate.run").trigger())
    shoot("annotate")
    annotate.accept()
    shoot.wait(lambda: window.status.progress.bar.value() >= 12)
    window.messages.clear()
    shoot("annotating")
    shoot.wait(lambda: not window.annotating.is_busy)
    document = session.document
    assert document is not None
    session.set_range(None)
    window.messages.clear()

    track = max(document.persons(_FRAME), key=lambda one: float(document.persons(_FRAME)[one].scores.mean()))
    wrist = POSETRACK_17.index("left_wrist")
    session.select(track, {wrist})
    window.canvas.zoom_to_person()
    shoot.wait(lambda: window.evidence.evidence is not None and window.evidence.evidence.key.frame == _FRAME)
    shoot("person")
    drag(window, wrist, shoot)
    propagate(window, shoot)
    review(window, shoot)
    session.set_view(show_names=True)
    window.canvas.fit()
    window.docks["tracks"].raise_()
    shoot.dialog(lambda: window.table.action("track.split").trigger())
    shoot("tracks")
    shoot.close_dialogs()
    session.set_view(show_names=False)
    window.docks["history"].raise_()
    shoot("history")
    window.docks["person"].raise_()
    window.table.action("panel.trajectory").trigger()
    shoot("trajectory")
    window.table.action("panel.reset").trigger()

    palette = show_palette(window.table, window.pages)
    palette.field.setText("swap")
    shoot("commands")
    shoot.close_dialogs()
    export = shoot.dialog(lambda: window.table.action("file.export").trigger())
    export.check.click()
    shoot.wait(lambda: not export._runner.is_busy)
    shoot("export-check")
    export.go.click()
    shoot.wait(lambda: "Written" in export.message.text())
    window.messages.clear()
    shoot.close_dialogs()
    window.table.action("help.keys").trigger()
    shoot("keys")
    shoot.close_dialogs()
    window.set_theme("dark")
    window.canvas.zoom_to_person()
    shoot.wait(lambda: window.evidence.evidence is not None)
    shoot("dark")
    window.close()
    application.processEvents()


def drag(window: MainWindow, joint: int, shoot: Camera) -> None:
    """Drag a joint a little; the picture is taken before the button is released."""
    from PySide6.QtCore import QPoint, Qt
    from PySide6.QtTest import QTest

    person = window.session.selected_person
    assert person is not None
    canvas, left = window.canvas, Qt.MouseButton.LeftButton
    start = QPoint(*(round(x) for x in canvas.transform.to_canvas(person.keypoints[joint])))
    QTest.mousePress(canvas, left, pos=start)
    for step in range(1, 7):
        at = start + QPoint(4 * step, -3 * step)
        QTest.mouseMove(canvas, at)
        _move_held(canvas, at)
    shoot("drag")
    QTest.mouseRelease(canvas, left, pos=start + QPoint(24, -18))


def propagate(window: MainWindow, shoot: Camera) -> None:
    """The ankle that the model takes for the other one is corrected, and what is proposed then; all is undone."""
    import numpy as np

    from app.project import edits
    from dcpose_core.skeletons import POSETRACK_17

    session, part = window.session, window.propagation
    propagating, track, document = part.propagating, session.selected_track, session.document
    assert document is not None
    assert track is not None
    left, right, left_knee, right_knee = (
        POSETRACK_17.index(name) for name in ("left_ankle", "right_ankle", "left_knee", "right_knee")
    )
    propagating.drop()
    propagating.choices.set(reinfers=False)  # how far it is when a picture is taken would be chance
    points = {frame: document.persons(frame)[track].keypoints for frame in range(_FRAME, _FRAME + 10)}
    apart = {frame: float(np.linalg.norm(pose[left] - pose[right])) for frame, pose in points.items()}
    start = min(frame for frame in points if apart[frame] < min(apart.values()) + 5)
    session.go_to(start)
    session.select(track, {right})
    shoot.wait(lambda: session.shown_frame == start)
    shin = points[start][left] - points[start][left_knee]
    session.submit(edits.move_joint(document, start, track, right, points[start][right_knee] + shin))
    shoot.wait(lambda: len(part.proposals) > 0 and not propagating.is_busy)
    session.go_to(start + 1)
    shoot.wait(lambda: session.shown_frame == start + 1)
    window.messages.clear()
    shoot("ghosts")
    session.go_to(start)
    propagating.choices.set(count=12)
    window.table.action("propagate.open").trigger()
    shoot.wait(lambda: not propagating.is_busy and len(part.proposals) > 0)
    n_accepted = 0
    for frame in (start + 1, start + 2, start + 3):
        session.go_to(frame)
        n_accepted += part.deciding.accept_reach("here")
    session.go_to(start + 5)
    part.deciding.reject_reach("here")
    session.go_to(start + 4)
    shoot.wait(lambda: session.shown_frame == start + 4)
    window.messages.clear()
    shoot("propagate")
    for _ in range(n_accepted + 1):
        session.undo()
    propagating.drop()
    propagating.choices.set(previews=False)  # the other pictures show other things
    window.docks["propagation"].hide()
    window.docks["person"].raise_()
    session.go_to(_FRAME)
    session.select(track, {POSETRACK_17.index("left_wrist")})
    shoot.wait(lambda: session.shown_frame == _FRAME)


def review(window: MainWindow, shoot: Camera) -> None:
    """The walk at the first person of whom some joints look wrong, not all; the session is left as it was."""
    session, reviewing = window.session, window.reviewing
    selection = session.selected_track, session.selected_joints
    session.select(None)
    shoot.wait(lambda: reviewing.state is not None and reviewing.state.is_complete)
    window.docks.open("review")
    seen = [reviewing.current]
    while len(seen) < 20 and not 0 < len(session.selected_joints) <= 5:
        reviewing.next()
        shoot.wait(lambda: reviewing.current is not seen[-1])
        seen.append(reviewing.current)
    shoot.wait(lambda: session.shown_frame == session.frame)
    window.messages.clear()
    shoot("review")
    window.docks["person"].raise_()
    session.go_to(_FRAME)
    session.select(*selection)
    shoot.wait(lambda: session.shown_frame == _FRAME)


def _move_held(canvas: Any, at: Any) -> None:
    """A move with the left button down, which `QTest.mouseMove` cannot make."""
    from PySide6.QtCore import QEvent, QPointF, Qt
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    position = QPointF(at)
    event = QMouseEvent(
        QEvent.Type.MouseMove, position, canvas.mapToGlobal(position), Qt.MouseButton.NoButton, left, none
    )
    QApplication.sendEvent(canvas, event)


class Camera:
    """Pictures of the window with its dialogs over it."""

    def __init__(self, application: QApplication, window: MainWindow, folder: Path) -> None:
        self._application = application
        self._window = window
        self._folder = folder

    def wait(self, condition: Callable[[], object]) -> None:
        """Let the program go on until a condition holds."""
        end = time.monotonic() + _PATIENCE_S
        while not condition():
            if time.monotonic() > end:
                message = self._window.messages.message
                sys.exit(f"waited {_PATIENCE_S:.0f} s in vain; the window says: {message and message.text}")
            self._application.processEvents()
            time.sleep(0.01)

    def dialog(self, open_it: Callable[[], object]) -> Any:
        """The dialog that an action opens."""
        open_it()
        self.wait(self._dialogs)
        return self._dialogs()[-1]

    def close_dialogs(self) -> None:
        for dialog in self._dialogs():
            dialog.reject()
        self._application.processEvents()

    def _dialogs(self) -> list[Any]:
        from PySide6.QtWidgets import QDialog

        return [one for one in self._application.topLevelWidgets() if isinstance(one, QDialog) and one.isVisible()]

    def __call__(self, name: str) -> None:
        """Save what is on the screen as `<name>.jpg`."""
        from PySide6.QtCore import QPoint, QRect, Qt
        from PySide6.QtGui import QColor, QPainter

        settled = time.monotonic() + 0.6  # animations of docks, the strip of evidence
        self.wait(lambda: time.monotonic() > settled)
        if (size := self._window.size().toTuple()) != _SIZE:
            sys.exit(f"{name}: the window has grown to {size}: a part of it needs too much room")
        picture = self._window.grab()
        painter = QPainter(picture)
        for dialog in self._dialogs():
            is_palette = bool(dialog.windowFlags() & Qt.WindowType.Popup == Qt.WindowType.Popup)
            content = dialog.grab()
            area = QRect(QPoint(0, 0), content.size())
            if is_palette:
                area.moveTopLeft(self._window.mapFromGlobal(dialog.pos()))
            else:
                area.moveCenter(self._window.rect().center())
                painter.fillRect(self._window.rect(), QColor(0, 0, 0, 70))
            for ring in range(1, 9):
                painter.fillRect(area.adjusted(-ring, -ring, ring, ring + 2), QColor(0, 0, 0, 10))
            painter.drawPixmap(area.topLeft(), content)
        painter.end()
        path = self._folder / f"{name}.jpg"
        if not picture.save(str(path), "JPG", _QUALITY):
            sys.exit(f"{path}: cannot be written")
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/images"))
