"""The canvas: shows the frame with its persons, and feeds the mouse to the tool in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QCursor,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.jobs.bridge import FrameFeed
from app.project.document import DocumentChange
from app.project.records import Person, PersonChange
from app.ui import theme
from app.ui.canvas import labels
from app.ui.canvas.coordinates import ViewTransform, showing, whole_image
from app.ui.canvas.hit_testing import NOTHING, Scene, hit
from app.ui.canvas.loupe import paint_loupe
from app.ui.canvas.marks import person_extent
from app.ui.canvas.new_person_tools import AddPersonTool, HeadBoxTool, PlaceJointsTool
from app.ui.canvas.person_layer import PersonLayer
from app.ui.canvas.picture import PictureLayer
from app.ui.canvas.select_tool import SelectTool
from app.ui.canvas.tools import Pointer, Tool
from app.ui.session import Session
from dcpose_core.boxes import POSETRACK_ENLARGEMENT, scale_box
from dcpose_core.types import FloatArray, ImageArray

_ZOOM_PER_NOTCH = 1.2
_NOTCH = 120.0
_FIT_MARGIN = 0.0
_PERSON_MARGIN = 0.12
_DEGREES_PER_NOTCH = 3.0


class Canvas(QWidget):
    """See the module. Zoom and pan stay when the frame changes; a fitted picture stays fitted when the window grows."""

    #: Right click on what is no joint: where, in global pixels.
    menu_requested = Signal(QPoint)

    def __init__(self, session: Session, feed: FrameFeed, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("canvas")
        self.setAccessibleName("Canvas")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        #: (frame, box): has a person found there and added; set by the window.
        self.propose_pose: Callable[[int, FloatArray], None] | None = None
        self._session = session
        self._feed = feed
        self._image: ImageArray | None = None
        self._image_frame: int | None = None
        self._problem = ""
        self._transform = ViewTransform()
        self._fitted = True
        self._hidden = False
        self._hover = NOTHING
        self._pointer: Pointer | None = None
        self._panning_from: QPointF | None = None
        self._picture = PictureLayer()
        self._tools: dict[str, Tool] = {
            "select": SelectTool(self),
            "add_person": AddPersonTool(self),
            "place_joints": PlaceJointsTool(self),
            "head_box": HeadBoxTool(self),
        }
        self._tool = self._tools["select"]
        session.document_changed.connect(self._on_document_changed)
        session.frame_changed.connect(self._on_frame_changed)
        session.frames_changed.connect(self._on_frames_changed)
        session.selection_changed.connect(self._on_selection_changed)
        session.view_changed.connect(self.update)
        session.mode_changed.connect(self._on_mode_changed)
        feed.frame_ready.connect(self._on_frame_ready)
        feed.frame_failed.connect(self._on_frame_failed)
        feed.first_picture_ready.connect(self._on_first_picture)

    # -- what tools and others see

    @property
    def session(self) -> Session:
        return self._session

    @property
    def transform(self) -> ViewTransform:
        return self._transform

    @property
    def image_size(self) -> tuple[int, int]:
        """(width, height) of the frame in pixels; (0, 0) before there is one."""
        if self._image is None:
            document = self._session.document
            return (0, 0) if document is None else (document.video.width_px, document.video.height_px)
        return self._image.shape[1], self._image.shape[0]

    @property
    def scene(self) -> Scene:
        width_px, height_px = self.image_size
        hidden = self._hidden or not self._session.view.show_skeletons
        return Scene(
            persons={} if hidden or not self._is_current else self._persons(),
            selected=self._session.selected_track,
            transform=self._transform,
            min_score=self._session.view.min_score,
            image_width_px=width_px,
            image_height_px=height_px,
        )

    @property
    def _is_current(self) -> bool:
        """Whether the picture on the screen is that of the current frame; edits wait until it is."""
        return self._image_frame == self._session.frame and self._session.document is not None

    def _persons(self) -> Mapping[int, Person]:
        """The persons of the frame on the screen whose tracks are visible, with what the tool is about to change."""
        document, frame = self._session.document, self._image_frame
        if document is None or frame is None or not 0 <= frame < document.n_frames:
            return {}
        persons = {
            track_id: person
            for track_id, person in document.persons(frame).items()
            if self._session.is_visible(track_id)
        }
        if self._tool.pending is not None:
            for change in self._tool.pending.changes:
                if isinstance(change, PersonChange) and change.frame == frame and change.after is not None:
                    persons[change.track_id] = change.after
        return persons

    def pan(self, dx_px: float, dy_px: float) -> None:
        self._fitted = False
        self._set_transform(self._transform.panned(dx_px, dy_px))

    def show_box(self, box_xyxy: FloatArray) -> None:
        self._fitted = False
        self._set_transform(
            showing(box_xyxy, view_width_px=self.width(), view_height_px=self.height(), margin=_PERSON_MARGIN)
        )

    def propose_person(self, box_xyxy: FloatArray) -> None:
        if self.propose_pose is not None:
            self.propose_pose(self._session.frame, box_xyxy)

    # -- zoom

    def fit(self) -> None:
        """Show the whole picture."""
        self._fitted = True
        width_px, height_px = self.image_size
        if width_px and self.width() > 0 and self.height() > 0:
            box = whole_image(width_px, height_px)
            self._set_transform(
                showing(box, view_width_px=self.width(), view_height_px=self.height(), margin=_FIT_MARGIN)
            )

    def one_to_one(self) -> None:
        """One image pixel on one pixel of the screen, about the middle of the canvas."""
        self.zoom(1 / (self._transform.scale * self.devicePixelRatioF()))

    def zoom(self, factor: float) -> None:
        """Closer by `factor`, about the middle of the canvas."""
        self._fitted = False
        self._set_transform(self._transform.zoomed(factor, self.width() / 2, self.height() / 2))

    def zoom_to_person(self) -> None:
        """Show the selected person; with nobody selected, everybody on the frame."""
        session = self._session
        persons = [session.selected_person] if session.selected_person is not None else list(self._persons().values())
        extents = [
            extent for person in persons if (extent := person_extent(person, session.view.min_score)) is not None
        ]
        if extents:
            both = np.array(extents)
            box = np.concatenate([both[:, :2].min(axis=0), both[:, 2:].max(axis=0)])
            self.show_box(scale_box(box, POSETRACK_ENLARGEMENT))

    def _set_transform(self, transform: ViewTransform) -> None:
        """Keep a corner of the picture in sight, whatever is asked for."""
        width_px, height_px = self.image_size
        least = 48.0
        left = min(max(transform.left_px, least - width_px * transform.scale), self.width() - least)
        top = min(max(transform.top_px, least - height_px * transform.scale), self.height() - least)
        self._transform = ViewTransform(transform.scale, left, top)
        self._update_hover()
        self.update()

    # -- hiding the skeletons for a look below

    def toggle_hidden(self) -> None:
        """Hide all that is drawn over the frame, or show it again."""
        self._hidden = not self._hidden
        self._update_hover()
        self.update()

    def end_peek(self, held_s: float) -> None:
        """The key is up: what was held for a look is shown again, a tap stays."""
        if self._hidden and held_s > 0.3:
            self.toggle_hidden()

    # -- frames

    @Slot()
    def _on_document_changed(self) -> None:
        if self._session.document is None:
            self._image, self._image_frame = None, None
        self._fitted = True
        self._hidden = False
        self._problem = ""

    @Slot(object)
    def _on_first_picture(self, image: ImageArray) -> None:
        """Something to look at while the index is made."""
        self._image, self._image_frame = image, None
        self.fit()

    @Slot(int)
    def _on_frame_changed(self, frame: int) -> None:
        self._tool.leave()
        if self._session.document is None:
            self.update()
            return
        cached = self._feed.cached(frame)
        if cached is not None:
            self._show_frame(frame, cached)
        # Also when it is there already: so that what lies ahead is decoded.
        self._feed.request(frame, self._session.direction)

    @Slot(int, object)
    def _on_frame_ready(self, frame: int, image: ImageArray) -> None:
        if frame == self._session.frame and self._session.document is not None and self._image_frame != frame:
            self._show_frame(frame, image)

    @Slot(int, str)
    def _on_frame_failed(self, frame: int, problem: str) -> None:
        if frame == self._session.frame and self._session.document is not None:
            self._problem = problem
            self._image, self._image_frame = None, frame
            self._update_hover()
            self.update()
            self._session.set_shown_frame(frame)

    def _show_frame(self, frame: int, image: ImageArray) -> None:
        is_first = self._image_frame is None or self._image is None
        self._image, self._image_frame, self._problem = image, frame, ""
        if self._fitted and is_first:
            self.fit()
        self._update_hover()
        self.update()
        self._session.set_shown_frame(frame)

    @Slot(object)
    def _on_frames_changed(self, change: DocumentChange) -> None:
        frame, view = self._image_frame, self._session.view
        back = max(view.trail_frames, 1 if view.show_previous else 0)
        if change.tracks_changed or (
            frame is not None and any(f in change.frames for f in range(frame - back, frame + 1))
        ):
            self._update_hover()
            self._tell_hint()
            self.update()

    @Slot()
    def _on_selection_changed(self) -> None:
        self.setAccessibleDescription(labels.selection_text(self._session))
        self._tell_hint()
        self.update()

    @Slot()
    def _on_mode_changed(self) -> None:
        tool = self._tools[self._session.tool]
        if tool is not self._tool:
            self._tool.cancel()
            self._tool = tool
            self._tell_hint()
            self._update_cursor()
            self.update()

    def _tell_hint(self) -> None:
        self._session.set_tool(self._session.tool, self._tool.hint())

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        pointer = self._pointer = Pointer.of(event, self._transform)
        if event.button() == Qt.MouseButton.MiddleButton:
            self._panning_from = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton and self._session.document is not None:
            self._tool.press(pointer)
        elif event.button() == Qt.MouseButton.RightButton and self._session.document is not None:
            if self._session.tool == "select" and hit(self.scene, pointer.x_px, pointer.y_px).kind != "joint":
                found = hit(self.scene, pointer.x_px, pointer.y_px)
                if found.track_id is not None:
                    self._session.select(found.track_id)
                self.menu_requested.emit(event.globalPosition().toPoint())
            else:
                self._tool.right_click(pointer)
        self._after_mouse()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._panning_from is not None:
            moved = event.position() - self._panning_from
            self._panning_from = event.position()
            self.pan(moved.x(), moved.y())
        self._pointer = Pointer.of(event, self._transform)
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._tool.move(self._pointer)
            self._after_mouse()
        else:
            self._update_hover()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pointer = Pointer.of(event, self._transform)
        if event.button() == Qt.MouseButton.MiddleButton:
            self._panning_from = None
        elif event.button() == Qt.MouseButton.LeftButton:
            self._tool.release(self._pointer)
        self._after_mouse()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            self.mousePressEvent(event)
            return
        self._pointer = Pointer.of(event, self._transform)
        if self._session.tool == "select":
            self._tool.double_click(self._pointer)
        else:
            self._tool.press(self._pointer)  # quick clicks that place joints are clicks
        self._after_mouse()

    def wheelEvent(self, event: QWheelEvent) -> None:
        pointer = Pointer.of(event, self._transform)
        delta = event.angleDelta()
        notches = (delta.y() or delta.x()) / _NOTCH  # with Alt, Qt calls the wheel horizontal
        found = hit(self.scene, pointer.x_px, pointer.y_px)
        if pointer.alt and self._session.tool == "select":
            select = self._tools["select"]
            if isinstance(select, SelectTool) and found.track_id is not None:
                select.rotate(found.track_id, np.radians(notches * _DEGREES_PER_NOTCH))
        elif notches:
            self._fitted = False
            self._set_transform(self._transform.zoomed(_ZOOM_PER_NOTCH**notches, pointer.x_px, pointer.y_px))
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._pointer = None
        self._update_hover()

    def _after_mouse(self) -> None:
        self._tell_hint()
        self._update_hover()
        self.update()

    def _update_hover(self) -> None:
        pointer = self._pointer
        found = NOTHING if pointer is None else hit(self.scene, pointer.x_px, pointer.y_px)
        if found != self._hover:
            self._hover = found
            self.update()
        self._update_cursor()

    def _update_cursor(self) -> None:
        if self._panning_from is not None:
            return
        if self._pointer is None:
            self.unsetCursor()
        elif self.cursor().shape() != (shape := self._tool.cursor(self._pointer)):
            self.setCursor(QCursor(shape))

    # -- keys

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape and self._tool.key(Qt.Key(event.key())):
            self._after_mouse()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        # Keys that the tool in use wants are not shortcuts while it is.
        if (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self._session.tool == "place_joints"
            and event.key() in (Qt.Key.Key_O, Qt.Key.Key_Backspace, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        ):
            event.accept()
            return True
        return super().event(event)

    def escape(self) -> None:
        """One step back towards the plain state: the drag, the tool, the joints, the person."""
        session = self._session
        if self._tool.cancel():
            pass
        elif session.tool != "select":
            session.set_tool("select")
        elif session.selected_joints:
            session.select(session.selected_track)
        else:
            session.select(None)
        self._after_mouse()

    # -- painting

    def sizeHint(self) -> QSize:
        return QSize(960, 540)

    def minimumSizeHint(self) -> QSize:
        return QSize(320, 180)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()
        else:  # the middle stays in the middle
            old = event.oldSize()
            if old.isValid():
                self.pan((self.width() - old.width()) / 2, (self.height() - old.height()) / 2)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        session, tool = self._session, self._tool
        if self._image is not None:
            self._picture.paint(
                painter,
                self._image,
                self._image_frame,
                self._transform,
                view=session.view,
                heatmap=None if self._hidden else session.heatmap,
                view_size=self.size(),
                pixel_ratio=self.devicePixelRatioF(),
            )
        document, frame = session.document, self._image_frame
        if document is not None and frame is not None and not self._hidden and session.view.show_skeletons:
            PersonLayer(
                session=session,
                document=document,
                frame=frame,
                persons=self._persons(),
                transform=self._transform,
                image_size=self.image_size,
                hover=self._hover,
                names_joint=tool.loupe_at is None,
            ).paint(painter, pixel_ratio=self.devicePixelRatioF())
        if tool.band is not None:
            painter.setPen(QPen(QColor("#ffffff"), 1, Qt.PenStyle.DashLine))
            painter.setBrush(QColor(255, 255, 255, 30))
            painter.drawRect(QRectF(QPointF(*tool.band[:2].tolist()), QPointF(*tool.band[2:].tolist())))
        if tool.loupe_at is not None and self._image is not None and self._pointer is not None:
            paint_loupe(
                painter,
                self._image,
                tool.loupe_at,
                mouse_px=self._pointer.canvas_point,
                scale=self._transform.scale,
                view_width_px=self.width(),
                view_height_px=self.height(),
            )
        if self._problem:
            labels.paint_notice(painter, self.rect(), self._problem)
        elif self._is_current and document is not None and not document.tracks() and session.tool == "select":
            labels.paint_notice(painter, self.rect(), labels.EMPTY_PROJECT)
        if self.hasFocus():
            painter.setPen(QPen(theme.colour("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()
