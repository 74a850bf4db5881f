"""The evidence strip: what the model sees of the selected person on previous, key and next frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QHideEvent, QImage, QPainter, QPaintEvent, QPen, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QGridLayout, QLabel, QVBoxLayout, QWidget

from app.jobs.evidence import CropEvidence, EvidenceRequest, EvidenceWorker, PersonEvidence
from app.project.poses import body_box
from app.ui import theme
from app.ui.canvas.heat import DIMMEST_PEAK, heat_bgra
from app.ui.canvas.marks import joint_title
from app.ui.session import HeatmapOverlay, Session
from dcpose_core.types import FloatArray, ImageArray

#: Long enough that stepping through frames computes nothing, short enough that a rest is answered at once.
_DELAY_MS = 180
_CAPTION_PX = 18
_GAP_PX = 8
_NARROWEST_PX = 64
_HIGHEST_PX = 200
#: Of the window's height: what the joints below the strip need is not taken from them.
_HIGHEST_SHARE = 1 / 8
_FAINT, _FULL = 0.35, 1.0


class CropView(QAbstractButton):
    """One crop with a heatmap over it, its frame and the height of the peak below; a click goes to the frame."""

    def __init__(self, title: str, parent: QWidget | None = None, *, short: str = "") -> None:
        super().__init__(parent)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._title = title
        self._short = short or title  #: for where there is no room for more
        self._picture: QImage | None = None
        self._caption = ""
        self._peak: tuple[float, float] | None = None
        self._joint: tuple[float, float] | None = None
        self.is_stale = False
        self.frame: int | None = None
        self.setAccessibleName(title)

    def show_crop(
        self,
        crop: CropEvidence,
        heatmap: FloatArray,
        *,
        cell_px: int,
        brightest: float,
        joint_xy: FloatArray | None,
        detail: str,
    ) -> None:
        """heatmap: float `[h, w]`, a cell is `cell_px` crop pixels, drawn brightest where it is `brightest`.
        joint_xy: `[2]`, crop pixels, or None."""
        self.frame = crop.frame
        self._picture = over_crop(crop.image, heatmap / brightest, cell_px=cell_px)
        row, column = np.unravel_index(int(heatmap.argmax()), heatmap.shape)
        self._peak = (float(column) * cell_px + 0.5, float(row) * cell_px + 0.5)
        self._joint = None if joint_xy is None else (float(joint_xy[0]) + 0.5, float(joint_xy[1]) + 0.5)
        score = float(heatmap.max())
        self._caption = f"{self._title} {score:.2f}"
        text = f"{detail}: frame {crop.frame}, highest value {score:.2f}. Click to go there."
        self.setToolTip(text)
        self.setAccessibleDescription(text)
        self.is_stale = False
        self.update()

    def clear(self, caption: str = "") -> None:
        """Show no crop; caption: why."""
        self.frame, self._picture, self._caption = None, None, caption
        self.setToolTip("")
        self.update()

    def set_stale(self) -> None:
        """What is shown belongs to another moment; the right one is being computed."""
        self.is_stale = True
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(_NARROWEST_PX, round(_NARROWEST_PX * 4 / 3) + _CAPTION_PX)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(0, 0, self.width(), self.height() - _CAPTION_PX)
        painter.fillRect(area, theme.colour("canvas"))
        painter.setOpacity(_FAINT if self.is_stale else _FULL)
        if self._picture is not None:
            scale = min(area.width() / self._picture.width(), area.height() / self._picture.height())
            width, height = self._picture.width() * scale, self._picture.height() * scale
            target = QRectF((area.width() - width) / 2, (area.height() - height) / 2, width, height)
            painter.drawImage(target, self._picture)
            if self._peak is not None:
                _cross(painter, target.topLeft() + QPointF(*self._peak) * scale)
            if self._joint is not None:
                _ring(painter, target.topLeft() + QPointF(*self._joint) * scale)
        painter.setOpacity(_FULL)
        if self.hasFocus() or self.underMouse():
            painter.setPen(QPen(theme.colour("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(area.adjusted(1, 1, -1, -1))
        painter.setPen(theme.colour("muted" if self._picture is None or self.is_stale else "text"))
        painter.setFont(theme.tabular(self.font()))
        caption = QRectF(0, area.bottom(), area.width(), _CAPTION_PX)
        text = self._caption
        if painter.fontMetrics().horizontalAdvance(text) > caption.width():
            text = text.replace(self._title, self._short)
        painter.drawText(caption, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()


class ModelChoice(NamedTuple):
    """Which model is asked, and where it runs."""

    model: str
    device: str


class EvidencePanel(QWidget):
    """The strip. It computes only while it can be seen, on a thread of its own, for the selected person.

    choice: asked before every computation. `failed(exception)`: a bug in the computation, for the crash report.
    """

    failed = Signal(object)
    _answered = Signal(object, object, object)

    def __init__(self, session: Session, choice: Callable[[], ModelChoice], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("evidencePanel")
        self.setAccessibleName("Evidence")
        self._session = session
        self._choice = choice
        self._worker: EvidenceWorker | None = None
        self._asked: tuple[int, int, tuple[float, ...], ModelChoice] | None = None
        self._evidence: PersonEvidence | None = None
        self._previous = CropView("Previous", self, short="Prev")
        self._key = CropView("Key", self)
        self._next = CropView("Next", self)
        self._merged = CropView("Merged", self)
        self._final = CropView("Final", self)
        self._views = (self._previous, self._key, self._next, self._merged, self._final)
        for view in self._views:
            view.clicked.connect(self._going_to(view))
        self._note = QLabel(self)
        self._note.setProperty("muted", True)
        self._note.setWordWrap(True)
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        self._overlay = QCheckBox("Show on the picture", self)
        self._overlay.setToolTip("Draw the heatmap of the selected joint over the frame")
        self._overlay.toggled.connect(self._show_overlay)
        self._grid = QGridLayout()
        self._grid.setSpacing(_GAP_PX)
        self._legend = QLabel("Merged: what PTM covers.\nFinal: after all temporal modules.", self)
        self._legend.setProperty("muted", True)
        self._legend.setWordWrap(True)
        self._lay_out(has_merged=False)
        column_layout = QVBoxLayout(self)
        column_layout.setContentsMargins(8, 0, 8, 8)
        column_layout.setSpacing(4)
        column_layout.addLayout(self._grid)
        column_layout.addWidget(self._note)
        column_layout.addWidget(self._overlay)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(self._ask)
        self._answered.connect(self._on_answered)
        session.document_changed.connect(self._on_document_changed)
        session.frame_changed.connect(self._on_moved)
        session.frames_changed.connect(self._on_moved)
        session.selection_changed.connect(self._on_moved)
        self._show()

    def close_video(self) -> None:
        """Stop computing and let go of the video; for closing the window."""
        self._timer.stop()
        if self._worker is not None:
            self._worker.close()
            self._worker = None
        self._asked = None

    @property
    def evidence(self) -> PersonEvidence | None:
        """What is shown."""
        return self._evidence

    def _going_to(self, view: CropView) -> Callable[[], None]:
        return lambda: None if view.frame is None else self._session.go_to(view.frame)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_heights()

    def _lay_out(self, *, has_merged: bool) -> None:
        """One row; two where there are five views."""
        for column, view in enumerate((self._previous, self._key, self._next)):
            self._grid.addWidget(view, 0, column)
        if has_merged:
            self._grid.addWidget(self._merged, 1, 0)
            self._grid.addWidget(self._final, 1, 1)
            self._grid.addWidget(self._legend, 1, 2)
        else:
            self._grid.addWidget(self._final, 0, 3)
        self._n_columns = 3 if has_merged else 4
        self._set_heights()

    _n_columns = 4

    def _set_heights(self) -> None:
        width = (self.width() - 16 - (self._n_columns - 1) * _GAP_PX) / self._n_columns
        highest = min(_HIGHEST_PX, round(self.window().height() * _HIGHEST_SHARE))
        for view in self._views:
            view.setFixedHeight(max(1, min(highest, round(width * 4 / 3))) + _CAPTION_PX)

    @Slot()
    def _on_document_changed(self) -> None:
        self.close_video()
        self._evidence = None
        self._overlay.setChecked(False)
        self._on_moved()

    @Slot()
    def _on_moved(self) -> None:
        """The person, the frame, or what is known of it changed."""
        wanted = self._wanted()
        if wanted is None:
            self._evidence = None
        elif self._asked is not None and wanted[:3] == self._asked[:3]:
            self._show()  # the same crop; perhaps another joint
            return
        elif self._evidence is not None:
            for view in self._views:
                view.set_stale()
        self._asked = None
        self._show()
        if self.isVisible():
            self._timer.start()

    def _wanted(self) -> tuple[int, int, tuple[float, ...], ModelChoice] | None:
        """What there is to compute: frame, track, box, model; None without a person here."""
        person, track_id = self._session.selected_person, self._session.selected_track
        if person is None or track_id is None:
            return None
        box = body_box(person)
        if box is None or not (box[2:] > box[:2]).all():
            return None
        return self._session.frame, track_id, tuple(box.tolist()), self._choice()

    @Slot()
    def _ask(self) -> None:
        document, wanted = self._session.document, self._wanted()
        if document is None or wanted is None or wanted == self._asked or not self.isVisible():
            return
        if self._worker is None:
            self._worker = EvidenceWorker(
                Path(document.video.path),
                on_done=lambda *answer: self._answered.emit(*answer),
                on_bug=self.failed.emit,
            )
        frame, _, box, choice = wanted
        self._asked = wanted
        self._worker.request(EvidenceRequest(frame, np.array(box), choice.model, choice.device))
        self._show()

    @Slot(object, object, object)
    def _on_answered(self, request: EvidenceRequest, evidence: PersonEvidence | None, reason: str | None) -> None:
        if self._asked is None or (request.frame, tuple(request.box_xyxy.tolist())) != (self._asked[0], self._asked[2]):
            return
        self._evidence = evidence
        self._show(reason or "")

    def _show(self, problem: str = "") -> None:
        evidence, wanted = self._evidence, self._wanted()
        is_current = evidence is not None and wanted is not None and evidence.key.frame == wanted[0]
        for view in self._views:
            view.setVisible(evidence is not None and view not in (self._merged, self._final))
        self._legend.hide()
        self._overlay.setEnabled(is_current)
        if evidence is None:
            self._note.setText(problem or self._why_nothing(wanted is not None))
            self._note.show()
            self._overlay.hide()
            return
        self._overlay.show()
        if not is_current:
            return
        joint_text = self._joint_text()
        self._note.setText(f"Heatmaps of the {joint_text}" if joint_text != "joints" else "Heatmaps of all joints")
        self._draw(evidence, joint_text)
        self._show_overlay()

    def _draw(self, evidence: PersonEvidence, joint_text: str) -> None:
        joint_xy = self._joint_in_crop(evidence)
        cell_px = evidence.cell_px
        # One scale for all crops, so that they compare; the figures below them are absolute.
        shown = [crop.heatmaps for crop in (evidence.previous, evidence.key, evidence.next) if crop is not None]
        shown += [maps for maps in (evidence.merged, evidence.final) if maps is not None]
        brightest = max(DIMMEST_PEAK, *(float(self._of_joints(maps).max()) for maps in shown))
        for view, crop in ((self._previous, evidence.previous), (self._next, evidence.next)):
            if crop is None:
                view.clear("no frame")
            else:
                detail = f"Backbone on the {joint_text}"
                heatmap = self._of_joints(crop.heatmaps)
                view.show_crop(crop, heatmap, cell_px=cell_px, brightest=brightest, joint_xy=None, detail=detail)
        key = evidence.key
        for view, maps, detail in (
            (self._key, key.heatmaps, "Backbone"),
            (self._merged, evidence.merged, "Pose Temporal Merger"),
            (self._final, evidence.final, "All temporal modules"),
        ):
            view.setVisible(maps is not None)
            if maps is not None:
                detail = f"{detail} on the {joint_text}"
                view.show_crop(
                    key,
                    self._of_joints(maps),
                    cell_px=cell_px,
                    brightest=brightest,
                    joint_xy=joint_xy,
                    detail=detail,
                )
        self._legend.setVisible(evidence.merged is not None)
        if (evidence.merged is not None) != (self._n_columns == 3):
            self._lay_out(has_merged=evidence.merged is not None)

    def _why_nothing(self, has_person: bool) -> str:
        if has_person:
            return "Looking at this person..."
        return "Select a person to see what the model sees on the frames before, now and after."

    def _joint_text(self) -> str:
        joints = sorted(self._session.selected_joints)
        return joint_title(joints[0]) if len(joints) == 1 else f"{len(joints)} selected joints" if joints else "joints"

    def _of_joints(self, heatmaps: FloatArray) -> FloatArray:
        """The heatmap `[h, w]` of the selected joints, of all if none is selected: the highest value of each cell."""
        joints = sorted(self._session.selected_joints) or list(range(len(heatmaps)))
        return np.asarray(heatmaps[joints].max(axis=0))

    def _joint_in_crop(self, evidence: PersonEvidence) -> FloatArray | None:
        person, joints = self._session.selected_person, self._session.selected_joints
        if person is None or len(joints) != 1 or not person.located[next(iter(joints))]:
            return None
        xy = np.append(person.keypoints[next(iter(joints))], 1.0)
        return np.asarray(evidence.matrix @ xy)

    @Slot()
    def _show_overlay(self) -> None:
        evidence = self._evidence
        if not self._overlay.isChecked() or evidence is None:
            if self._session.heatmap is not None:
                self._session.set_heatmap(None)
            return
        maps = evidence.key.heatmaps if evidence.final is None else evidence.final
        # Cell -> crop pixel -> image pixel.
        back = np.linalg.inv(np.vstack([evidence.matrix, [0.0, 0.0, 1.0]]))[:2]
        cell_to_image = back * [evidence.cell_px, evidence.cell_px, 1.0]
        values = np.clip(self._of_joints(maps).astype(np.float64), 0.0, 1.0)
        self._session.set_heatmap(HeatmapOverlay(values, cell_to_image, evidence.key.frame))


def over_crop(crop: ImageArray, heatmap: FloatArray, *, cell_px: int) -> QImage:
    """The crop, a little darker, with the heatmap over it: clear where it is 0, orange to light yellow at 1.

    The centre of cell (column, row) lies on crop pixel (column, row) * cell_px.
    """
    height, width = crop.shape[:2]
    pixels = np.ascontiguousarray((crop * 0.75).astype(np.uint8))
    picture = QImage(pixels.data, width, height, width * 3, QImage.Format.Format_RGB888).convertToFormat(
        QImage.Format.Format_RGB32
    )
    bgra = heat_bgra(heatmap)
    rows, columns = heatmap.shape
    overlay = QImage(bgra.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    # Cell 0 is painted over [0, 1), its centre at 0.5; that of crop pixel 0 is at 0.5 as well.
    shift = 0.5 - cell_px / 2
    painter.drawImage(QRectF(shift, shift, columns * cell_px, rows * cell_px), overlay)
    painter.end()
    return picture


def _cross(painter: QPainter, at: QPointF) -> None:
    """The peak, left open in the middle where the heatmap is."""
    for width, colour in ((3.0, Qt.GlobalColor.black), (1.2, Qt.GlobalColor.white)):
        painter.setPen(QPen(colour, width))
        for arm in (QPointF(1, 0), QPointF(0, 1), QPointF(-1, 0), QPointF(0, -1)):
            painter.drawLine(at + arm * 4, at + arm * 8)


def _ring(painter: QPainter, at: QPointF) -> None:
    """Where the joint is now."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for width, colour in ((3.0, Qt.GlobalColor.black), (1.5, Qt.GlobalColor.white)):
        painter.setPen(QPen(colour, width))
        painter.drawEllipse(at, 4.5, 4.5)
