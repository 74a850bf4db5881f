"""Poses drawn on frames."""

from __future__ import annotations

import numpy as np

from dcpose_core.render import draw_poses, side_colour
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import PersonPose, Visibility


def person(**changes: object) -> PersonPose:
    keypoints = np.array([[20.0 + 8 * (j % 5), 30.0 + 25 * (j // 5)] for j in range(17)])
    values: dict[str, object] = {
        "keypoints": keypoints,
        "visibility": np.full(17, Visibility.VISIBLE, np.uint8),
        "scores": np.ones(17),
    }
    return PersonPose(**(values | changes))  # type: ignore[arg-type]  # a dict of mixed values


def test_a_joint_is_drawn_where_it_is_in_the_colour_of_its_side() -> None:
    image = np.zeros((160, 120, 3), np.uint8)
    drawn = draw_poses(image, [person()])
    for joint, name in enumerate(POSETRACK_17.joints):
        x, y = person().keypoints[joint].astype(int)
        # Ears have no limb and would be loose dots.
        expected = (0, 0, 0) if name.endswith("_ear") else side_colour(name)
        np.testing.assert_array_equal(drawn[y, x], expected, err_msg=name)
    assert not image.any()


def test_doubtful_and_absent_joints_are_not_drawn() -> None:
    image = np.zeros((160, 120, 3), np.uint8)
    assert not draw_poses(image, [person(scores=np.full(17, 0.05))]).any()
    assert not draw_poses(image, [person(visibility=np.zeros(17, np.uint8))]).any()


def test_an_occluded_joint_is_a_ring() -> None:
    visibility = np.zeros(17, np.uint8)
    visibility[9] = Visibility.OCCLUDED
    drawn = draw_poses(np.zeros((160, 120, 3), np.uint8), [person(visibility=visibility)])
    x, y = person().keypoints[9].astype(int)
    assert drawn.any()
    assert not drawn[y, x].any()


def test_joints_far_outside_the_image_are_harmless() -> None:
    keypoints = person().keypoints.copy()
    keypoints[3] = [1e12, -1e12]
    keypoints[4] = [-500.0, 90000.0]
    draw_poses(np.zeros((160, 120, 3), np.uint8), [person(keypoints=keypoints, track_id=12)])
