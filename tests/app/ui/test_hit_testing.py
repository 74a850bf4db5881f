"""What lies under the mouse: pure functions, no window."""

from __future__ import annotations

import numpy as np
import pytest

from app.project.records import Person
from app.ui.canvas.coordinates import ViewTransform, showing, whole_image
from app.ui.canvas.hit_testing import NOTHING, Hit, Scene, frame_box, handle_points, hit, joints_within
from dcpose_core.types import FloatArray
from tests.app.ui.conftest import WRIST, standing_person

_VIEW = ViewTransform(scale=4.0, left_px=30.0, top_px=-20.0)


def _scene(persons: dict[int, Person], selected: int | None = None, view: ViewTransform = _VIEW) -> Scene:
    return Scene(
        persons=persons, selected=selected, transform=view, min_score=0.1, image_width_px=160, image_height_px=96
    )


def _at(scene: Scene, point: FloatArray, dx_px: float = 0.0, dy_px: float = 0.0) -> Hit:
    x, y = scene.transform.to_canvas(point)
    return hit(scene, float(x) + dx_px, float(y) + dy_px)


@pytest.mark.parametrize("scale", [0.5, 4.0, 30.0])
def test_a_joint_is_hit_within_the_same_reach_at_every_zoom(scale: float) -> None:
    person = standing_person(80, 48)
    scene = _scene({7: person}, view=ViewTransform(scale, 5, 5))
    wrist = person.keypoints[WRIST]
    assert _at(scene, wrist).track_id == 7
    if scale > 1:
        assert _at(scene, wrist, dx_px=10) == Hit("joint", 7, WRIST)
        assert _at(scene, wrist, dx_px=13).kind != "joint"


def test_of_two_joints_the_nearer_one_is_hit_but_the_selected_persons_is_preferred() -> None:
    one, other = standing_person(80, 48), standing_person(81.5, 48)
    point = one.keypoints[WRIST]
    assert _at(_scene({1: one, 2: other}), point).track_id == 1
    assert _at(_scene({1: one, 2: other}, selected=2), point, dx_px=2).track_id == 2


def test_joints_that_are_not_drawn_are_not_hit() -> None:
    faint = standing_person(80, 48, scores=np.full(17, 0.05))
    assert _at(_scene({1: faint}), faint.keypoints[WRIST]).kind == "inside"


def test_a_limb_names_its_person_and_no_joint() -> None:
    person = standing_person(80, 48)
    middle = (person.keypoints[13] + person.keypoints[11]) / 2
    assert _at(_scene({3: person}), middle) == Hit("limb", 3)


def test_beside_everybody_there_is_nothing() -> None:
    assert _at(_scene({3: standing_person(80, 48)}), np.array([5.0, 5.0])) == NOTHING


def test_only_the_selected_person_has_handles() -> None:
    person = standing_person(80, 48)
    box = frame_box(person, _VIEW, 0.1)
    assert box is not None
    for index, (x, y) in enumerate(handle_points(box).tolist()):
        assert hit(_scene({3: person}, selected=3), x, y) == Hit("handle", 3, handle=index)
        assert hit(_scene({3: person}), x, y).kind != "handle"


def test_a_joint_outside_the_picture_is_hit_at_the_edge() -> None:
    person = standing_person(80, 48)
    keypoints = person.keypoints.copy()
    keypoints[WRIST] = [400, 30]
    outside = Person(keypoints, person.scores, person.visibility, person.sources)
    assert _at(_scene({1: outside}), np.array([159.5, 30.0])) == Hit("joint", 1, WRIST)


def test_a_rectangle_takes_the_joints_inside() -> None:
    person = standing_person(80, 48)
    legs = person.keypoints[[15, 16]]
    corners = np.concatenate([legs.min(axis=0) - 2, legs.max(axis=0) + 2])
    rect = _VIEW.to_canvas(corners.reshape(2, 2)).reshape(4)
    assert joints_within(_scene({1: person}), 1, rect) == {15, 16}


def test_a_fitted_picture_fills_the_canvas_and_is_in_its_middle() -> None:
    view = showing(whole_image(160, 96), view_width_px=800, view_height_px=600)
    assert view.scale == 5
    assert (view.left_px, view.top_px) == (0, 60)


@pytest.mark.parametrize("factor", [0.3, 1.7, 1e9, 1e-9])
def test_zooming_keeps_the_point_under_the_cursor(factor: float) -> None:
    before = _VIEW.to_image([200.0, 100.0])
    after = _VIEW.zoomed(factor, 200.0, 100.0).to_image([200.0, 100.0])
    assert after == pytest.approx(before)
