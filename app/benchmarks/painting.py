"""Painting many persons, and edits in a project of 200,000 frames with five persons each."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from app.benchmarks import Figures
from app.benchmarks.clips import HEIGHT_PX, WIDTH_PX
from app.benchmarks.project import fill_project, person_at, video_facts
from app.benchmarks.world import Clock, Reading, opened_window, percentiles, settle, timed, until
from app.project.document import Document
from app.project.new_tracks import new_track
from app.project.records import Edit, Layer, PersonChange, TrackChange
from app.ui.canvas.layers import CanvasView
from app.ui.main_window import MainWindow

_N_PERSONS = 20
_N_FRAMES, _N_TRACKS = 200_000, 5


def paint_benchmark(folder: Path) -> Figures:
    """persons_20_ms: the canvas again with 20 persons on the same 1080p frame; bare_ms: the same without them."""
    with Document.create(folder / "crowd.dcpose", video_facts(folder, 10)) as document:
        random = np.random.default_rng(0)
        for track_id in range(_N_PERSONS):
            centre = random.uniform((200, 300), (WIDTH_PX - 200, HEIGHT_PX - 300))
            change = PersonChange(Layer.PREDICTION, 0, track_id, None, person_at(centre, 400.0, random))
            document.apply(Edit("Predict", (TrackChange(None, new_track(document, track_id)), change)))
        with opened_window() as window:
            _show_document(window, document)
            crowd = [timed(window.canvas.repaint) for _ in range(100)]
            window.canvas.toggle_hidden()
            bare = [timed(window.canvas.repaint) for _ in range(100)]
            window.session.set_document(None)
    return {**percentiles("persons_20_ms", crowd), **percentiles("bare_ms", bare)}


def edit_benchmark(folder: Path) -> Figures:
    """open_s: until the project is on the screen. edit_ms: from the release of the mouse over a dragged joint until the
    canvas has painted it; settled_ms: until everything else has followed. reviewing_*: the same while the review looks
    through the project for the first time, on another thread."""
    path = folder / "long.dcpose"
    fill_project(path, _N_FRAMES, _N_TRACKS)
    with opened_window() as window:
        start_s = time.perf_counter()
        document = Document.open(path)
        document_s = time.perf_counter() - start_s
        with document:
            _show_document(window, document, settle_s=0.0)
            open_s = time.perf_counter() - start_s
            settle(1.0)
            dragging = _Dragging(window)
            reviewing = dragging.many(60)
            until(lambda: window.reviewing.state is not None and window.reviewing.state.is_complete)
            settle(1.0)
            alone = dragging.many(100)
            window.session.set_document(None)
    figures = {"open_s": open_s, "document_open_s": document_s}
    for name, (painted, settled) in {"": alone, "reviewing_": reviewing}.items():
        figures |= percentiles(f"{name}edit_ms", painted) | percentiles(f"{name}settled_ms", settled)
    return figures


class _Dragging:
    """Drags joints here and there, and takes the time from each release."""

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._random = np.random.default_rng(0)
        self._clock: Clock | None = None
        self._painted: list[Reading] = []
        window.canvas.add_layer("clock", self._note_painted, below="focus")

    def many(self, n_times: int) -> tuple[list[Reading], list[Reading]]:
        """What a clock reads that starts with the release: when the canvas has painted, and when all is done."""
        window, random = self._window, self._random
        self._painted, settled = [], []
        for frame in random.integers(0, _N_FRAMES, n_times).tolist():
            window.session.go_to(frame)
            window.feed.frame_ready.emit(frame, _picture())
            settle(0.02)
            release = _drag(window, track_id=int(random.integers(_N_TRACKS)), joint=5)
            clock = self._clock = Clock()
            release()
            QApplication.processEvents()
            settled.append(clock.read())
        return self._painted, settled

    def _note_painted(self, _painter: object, view: CanvasView) -> None:
        if self._clock is not None and view.tool.pending is None:
            self._painted.append(self._clock.read())
            self._clock = None


def _show_document(window: MainWindow, document: Document, *, settle_s: float = 0.5) -> None:
    """Without its video, which nobody has."""
    window.session.set_document(document)
    window.feed.frame_ready.emit(0, _picture())
    window.canvas.fit()
    QApplication.processEvents()
    settle(settle_s)


def _picture() -> np.ndarray:
    return np.full((HEIGHT_PX, WIDTH_PX, 3), 70, np.uint8)


def _drag(window: MainWindow, *, track_id: int, joint: int) -> Callable[[], None]:
    """Drag a joint by some pixels; returns how to release it."""
    canvas, session = window.canvas, window.session
    session.select(track_id, {joint})
    person = session.selected_person
    assert person is not None
    start = QPointF(*canvas.transform.to_canvas(person.keypoints[joint]).tolist())
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier

    def send(kind: QEvent.Type, at: QPointF, held: Qt.MouseButton) -> None:
        QApplication.sendEvent(canvas, QMouseEvent(kind, at, canvas.mapToGlobal(at), left, held, none))

    send(QEvent.Type.MouseButtonPress, start, left)
    for step in range(1, 5):
        send(QEvent.Type.MouseMove, start + QPointF(4 * step, 3 * step), left)
    settle(0.1)  # a hand is not quicker
    return lambda: send(QEvent.Type.MouseButtonRelease, start + QPointF(16, 12), Qt.MouseButton.NoButton)
