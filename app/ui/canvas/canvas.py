"""The canvas: shows the frame with its persons, and feeds the mouse to the tool in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QCursor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.jobs.bridge import FrameFeed
from app.project.document import DocumentChange
from app.project.records import Person, PersonChange
from app.ui import theme
from app.ui.canvas import labels
from app.ui.canvas.coordinates import ViewTransform
from app.ui.canvas.hit_testing import NOTHING, Scene, hit
from app.ui.canvas.layers import CanvasView, Layer, make_layers
from app.ui.canvas.marks import person_extent
from app.ui.canvas.new_person_tools import make_tools
from app.ui.canvas.select_tool import SelectTool
from app.ui.canvas.shown_frame import ShownFrame
from app.ui.canvas.tools import Pointer, Tool
from app.ui.canvas.viewport import Viewport
from app.ui.session import Session
from dcpose_core.boxes import POSETRACK_ENLARGEMENT, scale_box
from dcpose_core.types import FloatArray

_ZOOM_PER_NOTCH = 1.2
_NOTCH = 120.0
_DEGREES_PER_NOTCH = 3.0
#: A key held longer than this hides only while it is held.
_PEEK_S = 0.3


class Canvas(QWidget):
    """See the module. What it draws is the table in `layers`, what the mouse does the tools in `tools`."""

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
        #: (frame, box): has a person found there and added; (frame, track, box): has the model look at one again. Set
        #: by the window.
        self.propose_pose: Callable[[int, FloatArray], None] | None = None
        self.rerun_pose: Callable[[int, int, FloatArray], None] | None = None
        self._session = session
        session.frame_changed.connect(self._on_frame_changed)  # first: a tool ends before the picture changes
        self._shown = ShownFrame(session, feed, self)
        self._viewport = Viewport(lambda: self._shown.size, self)
        self._layers = make_layers(session)
        self._hidden = False
        self._hover = NOTHING
        self._pointer: Pointer | None = None
        self._panning_from: QPointF | None = None
        self._tools: dict[str, Tool] = {"select": SelectTool(self), **make_tools(self)}
        self._tool = self._tools["select"]
        session.document_changed.connect(self._on_document_changed)
        session.frames_changed.connect(self._on_frames_changed)
        session.selection_changed.connect(self._on_selection_changed)
        session.view_changed.connect(self.update)
        session.mode_changed.connect(self._on_mode_changed)
        self._shown.changed.connect(self._look_again)
        self._shown.began.connect(self._on_began)
        self._viewport.changed.connect(self._look_again)

    # -- what tools and others see

    @property
    def session(self) -> Session:
        return self._session

    @property
    def transform(self) -> ViewTransform:
        return self._viewport.transform

    @property
    def image_size(self) -> tuple[int, int]:
        """(width, height) of the frame in pixels; (0, 0) before there is one."""
        return self._shown.size

    @property
    def scene(self) -> Scene:
        width_px, height_px = self.image_size
        return Scene(
            persons={} if self._is_hidden or not self._shown.is_current else self._persons(),
            selected=self._session.selected_track,
            transform=self.transform,
            min_score=self._session.view.min_score,
            image_width_px=width_px,
            image_height_px=height_px,
        )

    @property
    def _is_hidden(self) -> bool:
        return self._hidden or not self._session.view.show_skeletons

    def _persons(self) -> Mapping[int, Person]:
        """The persons of the frame on the screen whose tracks are visible, with what the tool is about to change."""
        document, frame = self._session.document, self._shown.frame
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

    def propose_person(self, box_xyxy: FloatArray) -> None:
        if self.propose_pose is not None:
            self.propose_pose(self._session.frame, box_xyxy)

    def rerun_person(self, box_xyxy: FloatArray) -> None:
        track_id = self._session.selected_track
        if self.rerun_pose is not None and track_id is not None:
            self.rerun_pose(self._session.frame, track_id, box_xyxy)

    # -- zoom

    def fit(self) -> None:
        """Show the whole picture."""
        self._viewport.fit()

    def one_to_one(self) -> None:
        """One image pixel on one pixel of the screen, about the middle of the canvas."""
        self._viewport.one_to_one(self.devicePixelRatioF())

    def zoom(self, factor: float) -> None:
        """Closer by `factor`, about the middle of the canvas."""
        self._viewport.zoom(factor)

    def pan(self, dx_px: float, dy_px: float) -> None:
        self._viewport.pan(dx_px, dy_px)

    def show_box(self, box_xyxy: FloatArray) -> None:
        self._viewport.show_box(box_xyxy)

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

    # -- hiding the skeletons for a look below

    def toggle_hidden(self) -> None:
        """Hide all that is drawn over the frame, or show it again."""
        self._hidden = not self._hidden
        self._look_again()

    def end_peek(self, held_s: float) -> None:
        """The key is up: what was held for a look is shown again, a tap stays."""
        if self._hidden and held_s > _PEEK_S:
            self.toggle_hidden()

    # -- what changes

    @Slot()
    def _on_document_changed(self) -> None:
        self._viewport.is_fitted = True
        self._hidden = False

    @Slot()
    def _on_began(self) -> None:
        if self._shown.frame is None or self._viewport.is_fitted:
            self.fit()
        self._look_again()

    @Slot(int)
    def _on_frame_changed(self, _frame: int) -> None:
        self._tool.leave()

    @Slot(object)
    def _on_frames_changed(self, change: DocumentChange) -> None:
        frame, view = self._shown.frame, self._session.view
        back = max(view.trail_frames, 1 if view.show_previous else 0)
        if change.tracks_changed or (
            frame is not None and any(f in change.frames for f in range(frame - back, frame + 1))
        ):
            self.repaint()  # what was edited is seen first; then the panels hear of it, and what waits behind them
            self._tell_hint()
            self._update_hover()

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

    @Slot()
    def _look_again(self) -> None:
        """What lies under the mouse may be something else, and the canvas looks different."""
        self._update_hover()
        self.update()

    # -- mouse

    def mousePressEvent(self, event: QMouseEvent) -> None:
        pointer = self._pointer = Pointer.of(event, self.transform)
        if event.button() == Qt.MouseButton.MiddleButton:
            self._panning_from = event.position()
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.button() == Qt.MouseButton.LeftButton and self._session.document is not None:
            self._tool.press(pointer)
        elif event.button() == Qt.MouseButton.RightButton and self._session.document is not None:
            found = hit(self.scene, pointer.x_px, pointer.y_px)
            if self._session.tool == "select" and found.kind != "joint":
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
        self._pointer = Pointer.of(event, self.transform)
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._tool.move(self._pointer)
            self._after_mouse()
        else:
            self._update_hover()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pointer = Pointer.of(event, self.transform)
        if event.button() == Qt.MouseButton.MiddleButton:
            self._panning_from = None
        elif event.button() == Qt.MouseButton.LeftButton:
            self._tool.release(self._pointer)
        self._after_mouse()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            self.mousePressEvent(event)
            return
        self._pointer = Pointer.of(event, self.transform)
        if self._session.tool == "select":
            self._tool.double_click(self._pointer)
        else:
            self._tool.press(self._pointer)  # quick clicks that place joints are clicks
        self._after_mouse()

    def wheelEvent(self, event: QWheelEvent) -> None:
        pointer = Pointer.of(event, self.transform)
        delta = event.angleDelta()
        notches = (delta.y() or delta.x()) / _NOTCH  # with Alt, Qt calls the wheel horizontal
        if pointer.alt and self._session.tool == "select":
            found = hit(self.scene, pointer.x_px, pointer.y_px)
            select = self._tools["select"]
            if isinstance(select, SelectTool) and found.track_id is not None:
                select.rotate(found.track_id, np.radians(notches * _DEGREES_PER_NOTCH))
        elif notches:
            self._viewport.zoom_at(_ZOOM_PER_NOTCH**notches, pointer.x_px, pointer.y_px)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._pointer = None
        self._update_hover()

    def _after_mouse(self) -> None:
        self._tell_hint()
        self._look_again()

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
            and event.key() in self._tool.own_keys
        ):
            event.accept()
            return True
        return super().event(event)

    @property
    def is_at_work(self) -> bool:
        """Whether something is dragged or a tool is in use, which Esc ends before anything else."""
        return self._tool.pending is not None or self._tool.band is not None or self._session.tool != "select"

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

    def add_layer(self, name: str, layer: Layer, *, below: str = "band") -> None:
        """Draw something more, under the layer `below` of `layers.make_layers`. Its owner calls `update`."""
        layers: dict[str, Layer] = {}
        for other, one in self._layers.items():
            if other == below:
                layers[name] = layer
            layers[other] = one
        self._layers = layers

    def sizeHint(self) -> QSize:
        return QSize(960, 540)

    def minimumSizeHint(self) -> QSize:
        return QSize(320, 180)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._viewport.resize(event.size())

    def paintEvent(self, _event: QPaintEvent) -> None:
        view = CanvasView(
            session=self._session,
            document=self._session.document,
            image=self._shown.image,
            frame=self._shown.frame,
            is_current=self._shown.is_current,
            problem=self._shown.problem,
            persons={} if self._is_hidden else self._persons(),
            is_hidden=self._is_hidden,
            transform=self.transform,
            image_size=self.image_size,
            hover=self._hover,
            tool=self._tool,
            pointer=self._pointer,
            rect=self.rect(),
            pixel_ratio=self.devicePixelRatioF(),
            has_focus=self.hasFocus(),
        )
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.colour("canvas"))
        for layer in self._layers.values():
            layer(painter, view)
        painter.end()
