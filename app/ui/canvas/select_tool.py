"""The plain state: select, drag joints, move, rotate and scale persons, pan.

A limb is never dragged: it would be taken for the picture, and a person moved without meaning to. Dragging what is no
joint and no handle moves the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from PySide6.QtCore import Qt

from app.project import edits
from app.project.records import JointSource
from app.ui.canvas.hit_testing import HANDLES, Hit, hit, joints_within
from app.ui.canvas.marks import joint_title, person_extent
from app.ui.canvas.tools import DRAG_FROM_PX, IdleTool, Pointer, Stage, band_box
from dcpose_core.boxes import POSETRACK_ENLARGEMENT, scale_box
from dcpose_core.types import FloatArray, Visibility

_SCALE_CURSORS = (
    Qt.CursorShape.SizeFDiagCursor,
    Qt.CursorShape.SizeVerCursor,
    Qt.CursorShape.SizeBDiagCursor,
    Qt.CursorShape.SizeHorCursor,
)
_LEAST_FACTOR = 0.05


class SelectTool(IdleTool):
    """See the module."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._press: Pointer | None = None
        self._hit = Hit()
        self._dragging = False
        self._last_px: FloatArray = np.zeros(2)
        self._drag: Callable[[Pointer], None] | None = None
        self._on_click: Callable[[], None] | None = None
        self._on_drop: Callable[[Pointer], None] | None = None

    def hint(self) -> str:
        session = self.session
        if session.document is None:
            return ""
        if self.pending is not None:
            return f"{self.pending.label}: release to keep it, Esc to give it up"
        person, joints = session.selected_person, session.selected_joints
        if person is None:
            return "Click a person or a joint. Drag the picture to move it, wheel to zoom."
        if len(joints) == 1:
            (joint,) = joints
            if person.visibility[joint] == Visibility.ABSENT:
                return f"{joint_title(joint).capitalize()} is absent: Ctrl+click to place it."
            return f"{joint_title(joint).capitalize()}: drag or Alt+arrows to move, Q occluded, O absent."
        if joints:
            return f"{len(joints)} joints: drag one to move them all."
        return "Drag a joint. Alt-drag a joint to move the person, Shift-drag to select joints."

    def cursor(self, pointer: Pointer) -> Qt.CursorShape:
        if self._dragging and self._drag == self._pan:
            return Qt.CursorShape.ClosedHandCursor
        found = hit(self.stage.scene, pointer.x_px, pointer.y_px)
        if pointer.ctrl and self._absent_joint() is not None:
            return Qt.CursorShape.CrossCursor
        if found.kind == "joint":
            return Qt.CursorShape.SizeAllCursor if pointer.alt else Qt.CursorShape.PointingHandCursor
        if found.handle is not None:
            return _SCALE_CURSORS[found.handle % 4]
        return Qt.CursorShape.CrossCursor if pointer.shift or pointer.alt else Qt.CursorShape.ArrowCursor

    # -- the mouse

    def press(self, pointer: Pointer) -> None:
        self.cancel()
        self._press, self._last_px = pointer, pointer.canvas_point
        found = self._hit = hit(self.stage.scene, pointer.x_px, pointer.y_px)
        absent = self._absent_joint()
        if pointer.ctrl and absent is not None:
            self._on_click = lambda: self._place(absent, pointer)
            self._drag = self._pan
        elif found.kind == "joint" and found.track_id is not None and found.joint is not None:
            self._press_joint(pointer, found.track_id, found.joint)
        elif found.kind == "handle":
            self._drag = self._scale
        elif pointer.shift:
            self._drag, self._on_drop = self._draw_band, partial(self._select_band, pointer)
        elif pointer.alt:
            self._drag, self._on_drop = self._draw_band, partial(self._zoom_to_band, pointer)
        else:
            self._drag = self._pan
            self._on_click = lambda: self.session.select(found.track_id)

    def _press_joint(self, pointer: Pointer, track_id: int, joint: int) -> None:
        session = self.session
        chosen = session.selected_joints if track_id == session.selected_track else frozenset()
        if pointer.shift:
            self._on_click = lambda: session.select(track_id, chosen ^ {joint})
        elif joint not in chosen:
            session.select(track_id, {joint})
        else:
            self._on_click = lambda: session.select(track_id, {joint})
        self._drag = self._move_person if pointer.alt else self._move_joints

    def move(self, pointer: Pointer) -> None:
        if self._press is None or self._drag is None:
            return
        if not self._dragging:
            if math.dist(pointer.canvas_point, self._press.canvas_point) < DRAG_FROM_PX:
                return
            if self._drag != self._pan and self._hit.track_id is not None and self._refuse(self._hit.track_id):
                self._drag = None
                return
            self._dragging = True
        self._drag(pointer)
        self._last_px = pointer.canvas_point

    def release(self, pointer: Pointer) -> None:
        pending, dragging, click, drop = self.pending, self._dragging, self._on_click, self._on_drop
        self.cancel()
        if dragging and drop is not None:
            drop(pointer)
        elif dragging:
            self.session.submit(pending)
        elif click is not None:
            click()

    def cancel(self) -> bool:
        busy = self._dragging
        self._press, self._drag, self._dragging = None, None, False
        self._on_click, self._on_drop = None, None
        self.pending, self.band, self.loupe_at = None, None, None
        return busy

    def double_click(self, pointer: Pointer) -> None:
        """A model's pose becomes a human's: somebody looked, and it is right."""
        document, session = self.session.document, self.session
        found = hit(self.stage.scene, pointer.x_px, pointer.y_px)
        if document is None or found.track_id is None or self._refuse(found.track_id):
            return
        person = document.person(session.frame, found.track_id)
        if person is not None and (person.sources[person.located] != JointSource.HUMAN).any():
            session.submit(edits.accept_person(document, [session.frame], [found.track_id]))

    def right_click(self, pointer: Pointer) -> None:
        """A visible joint becomes occluded, an occluded one visible."""
        document, session = self.session.document, self.session
        found = hit(self.stage.scene, pointer.x_px, pointer.y_px)
        if document is None or found.track_id is None or found.joint is None or self._refuse(found.track_id):
            return
        person = document.person(session.frame, found.track_id)
        if person is None:
            return
        session.select(found.track_id, {found.joint})
        visible = person.visibility[found.joint] == Visibility.VISIBLE
        wish = Visibility.OCCLUDED if visible else Visibility.VISIBLE
        session.submit(edits.set_visibility(document, session.frame, found.track_id, [found.joint], wish))

    # -- what dragging does

    def _pan(self, pointer: Pointer) -> None:
        self.stage.pan(*(pointer.canvas_point - self._last_px).tolist())

    def _move_joints(self, pointer: Pointer) -> None:
        document, session, track_id = self.session.document, self.session, self._hit.track_id
        person = session.selected_person
        if document is None or track_id is None or person is None or self._press is None or self._hit.joint is None:
            return
        joints = session.selected_joints if self._hit.joint in session.selected_joints else {self._hit.joint}
        shift = pointer.image_point - self._press.image_point
        if self._is_outside(person.keypoints[self._hit.joint]):
            shift = pointer.image_point - person.keypoints[self._hit.joint]  # its mark was on the edge, not on it
        positions = {joint: person.keypoints[joint] + shift for joint in joints if person.located[joint]}
        self.pending = edits.move_joints(document, session.frame, track_id, positions)
        self.loupe_at = positions[self._hit.joint]

    def _move_person(self, pointer: Pointer) -> None:
        document, track_id = self.session.document, self._hit.track_id
        if document is not None and track_id is not None and self._press is not None:
            shift = pointer.image_point - self._press.image_point
            self.pending = edits.move_person(document, self.session.frame, track_id, shift)

    def _scale(self, pointer: Pointer) -> None:
        document, track_id, handle = self.session.document, self._hit.track_id, self._hit.handle
        person = self.session.selected_person
        if document is None or track_id is None or handle is None or person is None or self._press is None:
            return
        extent = person_extent(person, self.session.view.min_score)
        if extent is None:
            return
        box = scale_box(extent, POSETRACK_ENLARGEMENT)
        grip = np.array(HANDLES[handle])
        fixed = box[:2] + (1 - grip) * (box[2:] - box[:2])  # the opposite corner or the middle of the opposite edge
        before, after = self._press.image_point - fixed, pointer.image_point - fixed
        factors = [1.0, 1.0]
        if (grip != 0.5).all():  # a corner keeps the proportions
            both = max(float(after @ before) / max(float(before @ before), 1e-9), _LEAST_FACTOR)
            factors = [both, both]
        else:
            axis = 0 if grip[0] != 0.5 else 1
            if abs(before[axis]) > 1e-9:
                factors[axis] = max(float(after[axis] / before[axis]), _LEAST_FACTOR)
        scale = (factors[0], factors[1])
        self.pending = edits.scale_person(document, self.session.frame, track_id, scale, centre_xy=fixed)

    def _draw_band(self, pointer: Pointer) -> None:
        if self._press is not None:
            self.band = band_box(self._press.canvas_point, pointer.canvas_point)

    def _select_band(self, start: Pointer, end: Pointer) -> None:
        """The joints inside; of the selected person, or of the one that has most of them there."""
        scene, session = self.stage.scene, self.session
        rect = band_box(start.canvas_point, end.canvas_point)
        found = {track_id: joints_within(scene, track_id, rect) for track_id in scene.persons}
        track_id = session.selected_track
        if track_id is None or not found.get(track_id):
            track_id = max(found, key=lambda one: len(found[one]), default=None)
        if track_id is not None and found[track_id]:
            session.select(track_id, found[track_id])

    def _zoom_to_band(self, start: Pointer, end: Pointer) -> None:
        self.stage.show_box(band_box(start.image_point, end.image_point))

    def rotate(self, track_id: int, angle_rad: float) -> None:
        """Turn a person about its middle, clockwise; turns that follow each other are one undo step."""
        document, session = self.session.document, self.session
        person = None if document is None else document.person(session.frame, track_id)
        if document is None or person is None or self._dragging or self._refuse(track_id):
            return
        extent = person_extent(person, session.view.min_score)
        if extent is not None:
            session.select(track_id, session.selected_joints if track_id == session.selected_track else ())
            middle = (extent[:2] + extent[2:]) / 2
            edit = edits.rotate_person(document, session.frame, track_id, angle_rad, centre_xy=middle)
            session.submit(edit, grows=f"rotate {track_id} on {session.frame}")

    # -- what clicks do

    def _place(self, joint: int, pointer: Pointer) -> None:
        document, session, track_id = self.session.document, self.session, self.session.selected_track
        if document is not None and track_id is not None and not self._refuse(track_id):
            session.submit(edits.move_joint(document, session.frame, track_id, joint, pointer.image_point))

    def _absent_joint(self) -> int | None:
        """The selected joint, if it is the only one and has no place."""
        person, joints = self.session.selected_person, self.session.selected_joints
        if person is None or len(joints) != 1:
            return None
        (joint,) = joints
        return joint if person.visibility[joint] == Visibility.ABSENT else None

    def _is_outside(self, point: FloatArray) -> bool:
        scene = self.stage.scene
        return not (-0.5 <= point[0] <= scene.image_width_px - 0.5 and -0.5 <= point[1] <= scene.image_height_px - 0.5)

    def _refuse(self, track_id: int) -> bool:
        """Whether the track may not be edited; tells so."""
        if self.session.refusal:
            self.session.tell(self.session.refusal, kind="warning")
            return True
        if self.session.is_locked(track_id):
            self.session.tell("This track is locked: unlock it in the list of tracks to change it.", kind="warning")
            return True
        return False
