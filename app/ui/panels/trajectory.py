"""The trajectory dock: x and y of the selected joint over time, the model's thin, the human's bold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QStackedLayout, QVBoxLayout, QWidget

from app.project.document import DocumentChange
from app.project.records import JointSource, Layer
from app.project.trajectory import Trajectory
from app.ui.canvas.marks import joint_title
from app.ui.session import Session
from dcpose_core.types import FloatArray, IntArray

if TYPE_CHECKING:
    from app.ui.panels.trajectory_plots import TrajectoryPlots

#: Frames asked for at once: short enough not to be felt, and the window stays alive between two of them.
_CHUNK = 1024
_DELAY_MS = 120


class TrajectoryPanel(QWidget):
    """Two plots over the same frames. A click goes there. Shows the stretch that `set_window` names, else all."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("trajectoryPanel")
        self._session = session
        self._window: tuple[int, int] | None = None
        self._curve: tuple[int, int] | None = None
        #: First frame of a chunk -> what both layers have there; an edit takes away the chunks that it touches.
        self._parts: dict[int, tuple[Trajectory, Trajectory]] = {}
        self._missing: list[int] = []
        #: Made when somebody looks for the first time: the library that draws them takes 0.3 s to import.
        self.plots: TrajectoryPlots | None = None
        self._empty = QLabel(self)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setProperty("muted", True)
        self._title = QLabel(self)
        self._title.setContentsMargins(8, 4, 8, 0)
        self._title.setTextFormat(Qt.TextFormat.PlainText)
        self._stack = QStackedLayout()
        self._stack.addWidget(self._empty)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._title)
        column.addLayout(self._stack, 1)
        self._delay = QTimer(self)
        self._delay.setSingleShot(True)
        self._delay.setInterval(_DELAY_MS)
        self._delay.timeout.connect(self._begin)
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.setInterval(0)
        self._next.timeout.connect(self._read_chunk)
        session.document_changed.connect(self._on_document_changed)
        session.frames_changed.connect(self._on_frames_changed)
        session.selection_changed.connect(self._on_selection_changed)
        session.frame_changed.connect(self._on_frame_changed)
        self._on_document_changed()

    @Slot(int, int)
    def set_window(self, first: int, last: int) -> None:
        """Show frames `first` to `last`."""
        if (first, last) != self._window:
            self._window = (first, last)
            self._reload()

    def refresh_theme(self) -> None:
        """Colours of the theme in force."""
        if self.plots is not None:
            self.plots.refresh_theme()

    def _made_plots(self) -> TrajectoryPlots:
        if self.plots is None:
            from app.ui.panels.trajectory_plots import TrajectoryPlots

            self.plots = TrajectoryPlots(self)
            self.plots.frame_clicked.connect(self._session.go_to)
            self._stack.addWidget(self.plots)
        return self.plots

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._reload()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._delay.stop()
        self._next.stop()

    @Slot()
    def _on_document_changed(self) -> None:
        self._window = None
        self._curve = None
        self._parts.clear()
        self._on_frame_changed(self._session.frame)
        self._reload()

    @Slot(object)
    def _on_frames_changed(self, change: DocumentChange) -> None:
        touched = _chunks_of(change.frames)
        for start in touched & self._parts.keys():
            del self._parts[start]
        first, last = self._bounds()
        if any(start <= last and start + _CHUNK > first for start in touched):
            self._reload()

    @Slot()
    def _on_selection_changed(self) -> None:
        if self._wanted_curve() != self._curve:
            self._reload()

    @Slot(int)
    def _on_frame_changed(self, frame: int) -> None:
        if self.plots is not None:
            self.plots.show_frame(frame)

    def _wanted_curve(self) -> tuple[int, int] | None:
        """Track and joint, of one selected joint."""
        joints, track_id = self._session.selected_joints, self._session.selected_track
        return (track_id, next(iter(joints))) if track_id is not None and len(joints) == 1 else None

    @Slot()
    def _reload(self) -> None:
        self._next.stop()
        document, curve = self._session.document, self._wanted_curve()
        if document is None or curve is None:
            self._curve = None
            self._delay.stop()
            self._empty.setText("Select one joint to see its path over time.")
            self._title.hide()
            self._stack.setCurrentIndex(0)
            return
        if self.isVisible() and not self._delay.isActive():
            self._delay.start()

    @Slot()
    def _begin(self) -> None:
        document, curve = self._session.document, self._wanted_curve()
        if document is None or curve is None:
            return
        if curve != self._curve:
            self._parts.clear()
        self._curve = curve
        track = document.tracks().get(curve[0])
        name = "" if track is None else track.name
        self._title.setText(f"{joint_title(curve[1])} of {name}: thin by the model, bold by hand")
        self._title.show()
        plots = self._made_plots()
        self._stack.setCurrentWidget(plots)
        first, last = self._bounds()
        plots.show_frames(first, last)
        plots.show_frame(self._session.frame)
        wanted = range(first - first % _CHUNK, last + 1, _CHUNK)
        self._missing = [start for start in wanted if start not in self._parts]
        self._read_chunk()

    def _bounds(self) -> tuple[int, int]:
        last = self._session.n_frames - 1
        first, end = self._window or (0, last)
        return max(0, first), min(end, last)

    @Slot()
    def _read_chunk(self) -> None:
        """Read some frames, draw at the end, and give way to the window in between."""
        document, curve = self._session.document, self._curve
        if document is None or curve is None:
            return
        if self._missing:
            first = self._missing.pop(0)
            last = min(first + _CHUNK, document.n_frames) - 1
            track_id, joint = curve
            self._parts[first] = (
                document.trajectory(track_id, joint, first, last, layer=Layer.PREDICTION),
                document.trajectory(track_id, joint, first, last, layer=Layer.ANNOTATION),
            )
        if self._missing:
            self._next.start()
        else:
            self._draw()

    def _draw(self) -> None:
        first, last = self._bounds()
        parts = [self._parts[start] for start in sorted(self._parts) if start <= last and start + _CHUNK > first]
        model = _joined([predicted for predicted, _ in parts], only_human=False)
        human = _joined([annotated for _, annotated in parts], only_human=True)
        self._made_plots().draw(model, human)


def _chunks_of(frames: frozenset[int] | range) -> set[int]:
    """The first frames of the chunks that `frames` lie in; a range, which may be long, is not gone through."""
    if isinstance(frames, range):
        return set(range(frames.start - frames.start % _CHUNK, frames.stop, _CHUNK))
    return {frame - frame % _CHUNK for frame in frames}


def _joined(parts: list[Trajectory], *, only_human: bool) -> tuple[IntArray, FloatArray]:
    """Frames and positions in one go, with a break (nan) wherever frames are missing in between."""
    frames: list[IntArray] = [np.zeros(0, dtype=np.int64)]
    positions: list[FloatArray] = [np.zeros((0, 2))]
    for part in parts:
        keep = part.sources != JointSource.MODEL if only_human else np.ones(len(part.frames), dtype=np.bool_)
        frames.append(part.frames[keep])
        positions.append(part.xy[keep])
    all_frames, all_positions = np.concatenate(frames), np.concatenate(positions)
    breaks = np.flatnonzero(np.diff(all_frames) > 1) + 1
    return np.insert(all_frames, breaks, all_frames[breaks - 1] + 1), np.insert(all_positions, breaks, np.nan, axis=0)
