"""Virtual cameras, bodies and scenes: what a person in front of the picture would expect to see."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.synthesis.body import Proportions, with_proportions
from dcpose_core.synthesis.cameras import CameraPath, draw_camera, look_at
from dcpose_core.synthesis.scenes import draw_scene, hidden_by_bodies
from dcpose_core.types import FloatArray
from tests.motions import walking

_INDEX = POSETRACK_17.index
_MOTION = walking()
_PERSON = _MOTION.joints[:1]  # looks along +z, its left is +x


def _camera(position: tuple[float, float, float]) -> CameraPath:
    """One frame of a camera that looks at the person's hips."""
    aim = _PERSON[:, [_INDEX("left_hip"), _INDEX("right_hip")]].mean(axis=1)
    at = np.array([position])
    return CameraPath(at, look_at(at, aim), focal_px=1000.0)


def test_from_the_front_a_persons_left_is_on_the_right_of_the_picture_and_its_head_is_up() -> None:
    points = _camera((0.0, 1.0, 5.0)).project(_PERSON).points_px[0]
    assert points[_INDEX("left_shoulder"), 0] > points[_INDEX("right_shoulder"), 0]
    assert points[_INDEX("head_top"), 1] < points[_INDEX("left_hip"), 1] < points[_INDEX("left_ankle"), 1]
    behind = _camera((0.0, 1.0, -5.0)).project(_PERSON).points_px[0]
    assert behind[_INDEX("left_shoulder"), 0] < behind[_INDEX("right_shoulder"), 0]


def test_a_camera_sees_what_it_looks_at_in_the_middle_and_halves_what_is_twice_as_far() -> None:
    near, far = (_camera((0.0, 0.9, z)).project(_PERSON) for z in (4.0, 8.0))
    hips = [_INDEX("left_hip"), _INDEX("right_hip")]
    np.testing.assert_allclose(near.points_px[0, hips].mean(axis=0), [0, 0], atol=1e-6)
    assert near.depth_m[0, hips].mean() == pytest.approx(np.hypot(4.0, 0.0), abs=0.05)

    def tall(points_px: FloatArray) -> float:
        return float(np.ptp(points_px[0, :, 1]))

    assert tall(near.points_px) == pytest.approx(2 * tall(far.points_px), rel=0.05)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_every_camera_has_the_person_near_the_middle_of_the_key_frame_at_about_one_size(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times_s = np.array([-0.1, 0.0, 0.1])
    bodies = _MOTION.at(1.0 + times_s)
    hips = bodies[:, [_INDEX("left_hip"), _INDEX("right_hip")]].mean(axis=1)
    camera = draw_camera(hips, times_s, rng, key=1)
    points = camera.project(bodies).points_px
    np.testing.assert_allclose(camera.axes @ camera.axes.swapaxes(1, 2), [np.eye(3)] * 3, atol=1e-9)
    assert np.linalg.det(camera.axes) == pytest.approx([1.0] * 3)
    assert np.abs(points[1]).max() < 500
    assert 60 < np.max(np.ptp(points[1], axis=0)) < 700


@given(factors=st.lists(st.floats(0.7, 1.4), min_size=9, max_size=9))
def test_a_body_of_other_proportions_has_the_bones_it_was_asked_for(factors: list[float]) -> None:
    stature, trunk, shoulders, hips, head, *limbs = factors
    upper_arm, forearm, thigh, shin = limbs
    proportions = Proportions(stature, trunk, shoulders, hips, head, (upper_arm, forearm, thigh, shin))
    other = with_proportions(_PERSON, proportions)[0]

    def ratio(a: str, b: str) -> float:
        lengths = [np.linalg.norm(points[_INDEX(a)] - points[_INDEX(b)]) for points in (other, _PERSON[0])]
        return float(lengths[0] / lengths[1] / stature)

    assert ratio("left_shoulder", "left_elbow") == pytest.approx(upper_arm)
    assert ratio("right_elbow", "right_wrist") == pytest.approx(forearm)
    assert ratio("left_hip", "left_knee") == pytest.approx(thigh)
    assert ratio("right_knee", "right_ankle") == pytest.approx(shin)
    assert ratio("left_shoulder", "right_shoulder") == pytest.approx(shoulders)
    assert ratio("left_hip", "right_hip") == pytest.approx(hips)
    assert ratio("left_ear", "right_ear") == pytest.approx(head)


def test_whoever_stands_in_front_hides_who_stands_behind() -> None:
    persons = np.stack([_PERSON[0], _PERSON[0] + [0.0, 0.0, 1.0]])[None]  # [1, 2, 17, 3], the second in front
    camera = _camera((0.0, 1.0, 6.0))
    points, depth = camera.project(persons)
    hidden = hidden_by_bodies(points, depth, focal_px=camera.focal_px)[0]
    hips = [_INDEX("left_hip"), _INDEX("right_hip")]
    assert hidden[0, hips].all()
    assert not hidden[1, hips].any()
    apart = camera.project(persons + np.array([[0.0] * 3, [3.0, 0.0, 0.0]])[None, :, None])
    assert not hidden_by_bodies(*apart, focal_px=camera.focal_px)[0, 0, hips].any()


def test_the_far_arm_is_hidden_by_the_own_trunk() -> None:
    camera = _camera((5.0, 1.2, 0.0))  # from the person's left
    points, depth = camera.project(_PERSON[:, None])
    hidden = hidden_by_bodies(points, depth, focal_px=camera.focal_px)[0, 0]
    assert hidden[_INDEX("right_shoulder")]
    assert not hidden[_INDEX("left_shoulder")]


def test_a_scene_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    times_s = np.array([0.0, 1 / 30, 2 / 30])
    one, again, other = (
        draw_scene([_MOTION], times_s, np.random.default_rng(seed), key=1).joints_px for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one, again)
    assert one.shape != other.shape or not np.allclose(one, other)


def test_scenes_have_crowds_cut_off_persons_and_slow_and_fast_motion() -> None:
    times_s = np.array([0.0, 1 / 30, 2 / 30])
    rng = np.random.default_rng(1)
    scenes = [draw_scene([_MOTION], times_s, rng, key=1) for _ in range(300)]
    crowds = np.bincount([scene.joints_px.shape[1] for scene in scenes], minlength=5)[1:]
    assert crowds.argmax() == 0
    assert crowds.min() >= 8
    cut_off = np.mean([not scene.in_image[1, 0].all() for scene in scenes])
    assert 0.08 < cut_off < 0.22
    sizes = [np.max(np.ptp(scene.joints_px[1, 0], axis=0)) for scene in scenes]
    moves = [np.linalg.norm(scene.joints_px[1, 0] - scene.joints_px[0, 0], axis=-1).max() for scene in scenes]
    share = np.array(moves) / sizes
    assert np.quantile(share, 0.1) < 0.02
    assert np.quantile(share, 0.9) > 0.05


def test_a_box_is_that_of_the_joints_in_the_picture() -> None:
    scene = draw_scene([_MOTION], np.zeros(1), np.random.default_rng(0), key=0, n_persons=1, whole=True)
    points = scene.joints_px[0, 0]
    low, high = points.min(axis=0), points.max(axis=0)
    box = scene.box(0, 0)
    assert box is not None
    np.testing.assert_allclose(box[2:] - box[:2], 1.3 * (high - low))
    np.testing.assert_allclose((box[2:] + box[:2]) / 2, (low + high) / 2)
