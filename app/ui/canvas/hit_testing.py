"""What lies under the mouse, as pure functions. Distances are canvas pixels, so that zoom does not change the feel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from app.project.records import Person
from app.ui.canvas.coordinates import ViewTransform
from app.ui.canvas.marks import LIMBS, anchored, person_extent, shown_joints
from dcpose_core.boxes import POSETRACK_ENLARGEMENT, scale_box
from dcpose_core.types import FloatArray

HitKind: TypeAlias = Literal["nothing", "joint", "handle", "limb", "inside"]
#: The eight handles of a box, as (x, y) in units of its size: 0 is left or top, 1 is right or bottom.
HANDLES = ((0.0, 0.0), (0.5, 0.0), (1.0, 0.0), (1.0, 0.5), (1.0, 1.0), (0.5, 1.0), (0.0, 1.0), (0.0, 0.5))

JOINT_REACH_PX = 11.0
_HANDLE_REACH_PX = 8.0
_LIMB_REACH_PX = 6.0
#: The selected person's joints are preferred to others that lie this much nearer.
_SELECTED_BONUS_PX = 5.0
_MIN_BOX_PX = 24.0


@dataclass(frozen=True, slots=True)
class Hit:
    """kind, and whom or what it concerns. joint: of kind `joint`; handle: index into `HANDLES`, of kind `handle`."""

    kind: HitKind = "nothing"
    track_id: int | None = None
    joint: int | None = None
    handle: int | None = None


NOTHING = Hit()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What can be hit: the persons in view, the selected one, and how they are shown."""

    persons: Mapping[int, Person]
    selected: int | None
    transform: ViewTransform
    min_score: float
    image_width_px: int
    image_height_px: int


def hit(scene: Scene, x_px: float, y_px: float) -> Hit:
    """What lies at canvas point (x, y): a joint before a box handle, before a limb, before the inside of a person."""
    point = np.array([x_px, y_px])
    return (
        _joint_at(scene, point)
        or _handle_at(scene, point)
        or _limb_at(scene, point)
        or _inside_at(scene, point)
        or NOTHING
    )


def joints_within(scene: Scene, track_id: int, rect_xyxy: FloatArray) -> frozenset[int]:
    """The joints of a person inside a rectangle of the canvas, `[4]`."""
    person = scene.persons[track_id]
    points, shown = _canvas_joints(scene, person)
    inside = np.all((points >= rect_xyxy[:2]) & (points <= rect_xyxy[2:]), axis=1)
    return frozenset(np.flatnonzero(inside & shown).tolist())


def frame_box(person: Person, transform: ViewTransform, min_score: float) -> FloatArray | None:
    """The box drawn around a selected person, in canvas pixels `[4]`: the extent of its joints x 1.3, never tiny."""
    extent = person_extent(person, min_score)
    if extent is None:
        return None
    box = transform.to_canvas(scale_box(extent, POSETRACK_ENLARGEMENT).reshape(2, 2)).reshape(4)
    centre, half = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) / 2, _MIN_BOX_PX / 2)
    return np.concatenate([centre - half, centre + half])


def handle_points(box_xyxy: FloatArray) -> FloatArray:
    """Canvas positions `[8, 2]` of the handles of a box."""
    box = np.asarray(box_xyxy)
    return np.asarray(box[:2] + np.array(HANDLES) * (box[2:] - box[:2]))


def _canvas_joints(scene: Scene, person: Person) -> tuple[FloatArray, NDArray[np.bool_]]:
    held, _ = anchored(person.keypoints, width_px=scene.image_width_px, height_px=scene.image_height_px)
    return scene.transform.to_canvas(held), shown_joints(person, scene.min_score)


def _joint_at(scene: Scene, point: FloatArray) -> Hit | None:
    best, best_px = None, JOINT_REACH_PX
    for track_id, person in scene.persons.items():
        points, shown = _canvas_joints(scene, person)
        distances = np.where(shown, np.linalg.norm(points - point, axis=1), np.inf)
        joint = int(distances.argmin())
        if distances[joint] > JOINT_REACH_PX:
            continue
        distance_px = float(distances[joint]) - (_SELECTED_BONUS_PX if track_id == scene.selected else 0.0)
        if distance_px <= best_px:
            best, best_px = Hit("joint", track_id, joint), distance_px
    return best


def _handle_at(scene: Scene, point: FloatArray) -> Hit | None:
    person = None if scene.selected is None else scene.persons.get(scene.selected)
    if person is None:
        return None
    box = frame_box(person, scene.transform, scene.min_score)
    if box is None:
        return None
    distances = np.abs(handle_points(box) - point).max(axis=1)
    handle = int(distances.argmin())
    return Hit("handle", scene.selected, handle=handle) if distances[handle] <= _HANDLE_REACH_PX else None


def _limb_at(scene: Scene, point: FloatArray) -> Hit | None:
    best, best_px = None, _LIMB_REACH_PX
    for track_id, person in scene.persons.items():
        points, shown = _canvas_joints(scene, person)
        limbs = LIMBS[shown[LIMBS].all(axis=1)]
        if len(limbs) == 0:
            continue
        distance_px = float(_distances_to_lines(point, points[limbs[:, 0]], points[limbs[:, 1]]).min())
        if distance_px <= best_px:
            best, best_px = Hit("limb", track_id), distance_px
    return best


def _distances_to_lines(point: FloatArray, starts: FloatArray, ends: FloatArray) -> FloatArray:
    along = ends - starts
    lengths = np.maximum((along**2).sum(axis=1), 1e-9)
    share = np.clip(((point - starts) * along).sum(axis=1) / lengths, 0, 1)
    return np.asarray(np.linalg.norm(starts + share[:, None] * along - point, axis=1))


def _inside_at(scene: Scene, point: FloatArray) -> Hit | None:
    """The person whose box is smallest around the point: the one in front is seldom the larger one."""
    best, best_area = None, np.inf
    for track_id, person in scene.persons.items():
        box = frame_box(person, scene.transform, scene.min_score)
        if box is None or not (np.all(point >= box[:2]) and np.all(point <= box[2:])):
            continue
        area = float(np.prod(box[2:] - box[:2]))
        if area < best_area:
            best, best_area = Hit("inside", track_id), area
    return best
