"""Boxes that are drawn for the model (a new person, another look at one), head boxes, and joints clicked in order."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from PySide6.QtCore import Qt

from app.project import edits
from app.project.records import JOINTS, JointSource, Person
from app.ui.canvas.marks import joint_title
from app.ui.canvas.tools import IdleTool, Pointer, Stage, Tool, band_box, person_of
from dcpose_core.boxes import POSETRACK_ENLARGEMENT, scale_box
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, Visibility

#: From head to foot; PoseTrack annotates no ears.
CLICK_ORDER = tuple(
    POSETRACK_17.index(name)
    for name in (
        "head_top", "nose", "head_bottom",
        "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
        "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    )
)  # fmt: skip
_LEAST_BOX_PX = 8.0


def make_tools(stage: Stage) -> dict[str, Tool]:
    """The tools of this module under the names that `Session.set_tool` knows."""
    return {
        "add_person": AddPersonTool(stage),
        "place_joints": PlaceJointsTool(stage),
        "head_box": HeadBoxTool(stage),
        "rerun_box": RerunBoxTool(stage),
    }


class BoxTool(IdleTool, ABC):
    """Draw a box in the image; what becomes of it is up to the tool that derives from this one."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._start: Pointer | None = None

    def cursor(self, _pointer: Pointer) -> Qt.CursorShape:
        return Qt.CursorShape.CrossCursor

    def press(self, pointer: Pointer) -> None:
        self._start = pointer

    def move(self, pointer: Pointer) -> None:
        if self._start is not None:
            self.band = band_box(self._start.canvas_point, pointer.canvas_point)

    def release(self, pointer: Pointer) -> None:
        start = self._start
        self.cancel()
        if start is None:
            return
        drawn_px = band_box(start.canvas_point, pointer.canvas_point)
        if min(drawn_px[2:] - drawn_px[:2]) >= _LEAST_BOX_PX:
            self.done(band_box(start.image_point, pointer.image_point))

    def cancel(self) -> bool:
        busy, self._start, self.band = self._start is not None, None, None
        return busy

    @abstractmethod
    def done(self, box_xyxy: FloatArray) -> None:
        """The box that was drawn, image pixels `[4]`."""


class AddPersonTool(BoxTool):
    """The model proposes the pose of the person in the box."""

    def hint(self) -> str:
        return "New person: draw a box around the whole person. Esc: back."

    def done(self, box_xyxy: FloatArray) -> None:
        self.session.set_tool("select")
        self.stage.propose_person(box_xyxy)


class HeadBoxTool(BoxTool):
    """The head box of the selected person."""

    def hint(self) -> str:
        return "Head box: draw it around the head of the selected person. Esc: back."

    def done(self, box_xyxy: FloatArray) -> None:
        session = self.session
        document, track_id = session.document, session.selected_track
        session.set_tool("select")
        if document is not None and track_id is not None and session.selected_person is not None:
            session.submit(edits.set_head_box(document, session.frame, track_id, box_xyxy))


class RerunBoxTool(BoxTool):
    """The model looks at the selected person again, in the box."""

    def hint(self) -> str:
        return "Re-run the model: draw a box around the whole selected person. Esc: back."

    def done(self, box_xyxy: FloatArray) -> None:
        self.session.set_tool("select")
        if self.session.can_correct:
            self.stage.rerun_person(box_xyxy)


class PlaceJointsTool(IdleTool):
    """Click the joints of a new person in order. One edit at the end, however many clicks."""

    own_keys = frozenset((Qt.Key.Key_O, Qt.Key.Key_Backspace, Qt.Key.Key_Return, Qt.Key.Key_Enter))

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self._clear()

    def _clear(self) -> None:
        self._keypoints = np.zeros((JOINTS, 2))
        self._visibility = np.zeros(JOINTS, np.uint8)
        self._at = 0
        self.pending = None

    def hint(self) -> str:
        if self._at == len(CLICK_ORDER):
            return "All joints placed. Enter: done. Backspace: back. Esc: give up."
        name = joint_title(CLICK_ORDER[self._at])
        return (
            f"Click the {name} ({self._at + 1} of {len(CLICK_ORDER)}), right-click where it is occluded. "
            "O: absent. Backspace: back. Enter: done."
        )

    def cursor(self, _pointer: Pointer) -> Qt.CursorShape:
        return Qt.CursorShape.CrossCursor

    def press(self, pointer: Pointer) -> None:
        self._place(pointer, Visibility.VISIBLE)

    def right_click(self, pointer: Pointer) -> None:
        self._place(pointer, Visibility.OCCLUDED)

    def key(self, key: Qt.Key) -> bool:
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._finish()
        elif key == Qt.Key.Key_O:
            self._at = min(self._at + 1, len(CLICK_ORDER))
        elif key == Qt.Key.Key_Backspace:
            self._at = max(self._at - 1, 0)
            self._visibility[CLICK_ORDER[self._at]] = Visibility.ABSENT
            self._show()
        else:
            return False
        return True

    def cancel(self) -> bool:
        busy = self._at > 0
        self._clear()
        return busy

    def leave(self) -> None:
        if self._at > 0:
            self._finish()

    def _place(self, pointer: Pointer, visibility: Visibility) -> None:
        if self._at < len(CLICK_ORDER):
            joint = CLICK_ORDER[self._at]
            self._keypoints[joint] = pointer.image_point
            self._visibility[joint] = visibility
            self._at += 1
            self._show()
        if self._at == len(CLICK_ORDER):
            self._finish()

    def _show(self) -> None:
        document, person = self.session.document, self._person()
        if document is not None:
            self.pending = None if person is None else edits.add_person(document, self.session.frame, person)

    def _person(self) -> Person | None:
        located = self._visibility != Visibility.ABSENT
        if not located.any():
            return None
        points = self._keypoints[located]
        box = scale_box(np.concatenate([points.min(axis=0), points.max(axis=0)]), POSETRACK_ENLARGEMENT)
        return Person(
            keypoints=self._keypoints,
            scores=located.astype(np.float64),
            visibility=self._visibility,
            sources=np.where(located, JointSource.HUMAN, JointSource.MODEL).astype(np.uint8),
            box_xyxy=box if located.sum() > 1 else None,
        )

    def _finish(self) -> None:
        edit = self.pending
        self._clear()
        self.session.set_tool("select")
        if self.session.submit(edit) and edit is not None:
            self.session.select(person_of(edit))
