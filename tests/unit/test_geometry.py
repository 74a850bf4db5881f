"""Crops, affines and similarities between people."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from dcpose_core.geometry import (
    crop_affine,
    grow_to_aspect,
    invert_affine,
    iou,
    normalise,
    oks,
    transform_points,
    warp_crop,
)
from dcpose_core.training.augmentation import flip_keypoints, half_body_box, hide_outside_crop

_coordinate = st.floats(-3000, 3000)
_extent = st.floats(2, 3000)
_boxes = st.tuples(_coordinate, _coordinate, _extent, _extent).map(
    lambda b: np.array([b[0], b[1], b[0] + b[2], b[1] + b[3]])
)
_angles = st.floats(-180, 180)


@given(box=_boxes, angle=_angles)
def test_the_inverse_of_a_crop_affine_leads_back(box: NDArray[np.float64], angle: float) -> None:
    matrix = crop_affine(box, width_px=288, height_px=384, enlargement=1.25, rotation_deg=angle)
    corners = np.array([[0.0, 0.0], [288.0, 0.0], [144.0, 192.0], [17.5, 380.25]])
    image_points = transform_points(corners, invert_affine(matrix))
    np.testing.assert_allclose(transform_points(image_points, matrix), corners, atol=1e-6)


@given(box=_boxes, enlargement=st.floats(0.8, 2.0), angle=_angles)
def test_a_crop_is_a_similarity_that_centres_the_box(
    box: NDArray[np.float64], enlargement: float, angle: float
) -> None:
    matrix = crop_affine(box, width_px=288, height_px=384, enlargement=enlargement, rotation_deg=angle)
    np.testing.assert_allclose(transform_points((box[:2] + box[2:]) / 2, matrix), [144, 192], atol=1e-6)
    gram = matrix[:, :2] @ matrix[:, :2].T
    np.testing.assert_allclose(gram, gram[0, 0] * np.eye(2), atol=1e-9 * gram[0, 0])
    assert np.linalg.det(matrix[:, :2]) > 0


@given(box=_boxes)
def test_the_whole_box_is_inside_its_crop(box: NDArray[np.float64]) -> None:
    matrix = crop_affine(box, width_px=288, height_px=384, enlargement=1.0)
    corners = transform_points(box.reshape(2, 2), matrix)
    assert (corners >= -1e-6).all()
    assert (corners <= np.array([288, 384]) + 1e-6).all()
    assert np.isclose(corners[1] - corners[0], [288, 384]).any()


def test_a_batch_of_points_goes_through_one_affine_each() -> None:
    points = np.arange(12.0).reshape(2, 3, 2)
    matrices = np.array([[[2.0, 0, 1], [0, 2, -1]], [[0, -1, 0], [1, 0, 5]]])
    batch = transform_points(points, matrices)
    for one, matrix, expected in zip(points, matrices, batch, strict=True):
        np.testing.assert_array_equal(transform_points(one, matrix), expected)
    np.testing.assert_array_equal(transform_points(transform_points(points, matrices), invert_affine(matrices)), points)


@pytest.mark.parametrize("box", [[5, 5, 5, 5], [9, 9, 1, 1], [0, 0, np.nan, 4], [0, 0, np.inf, 4], [9, 0, 1, 5]])
def test_a_box_without_extent_has_no_crop(box: list[float]) -> None:
    with pytest.raises(ValueError, match="positive, finite extent"):
        crop_affine(np.array(box), width_px=288, height_px=384, enlargement=1.25)


def test_growing_to_the_aspect_ratio_only_ever_grows() -> None:
    boxes = np.array([[0.0, 0, 30, 10], [0, 0, 10, 30], [0, 0, 30, 40]])
    expected = np.array([[0, -15, 30, 25], [-6.25, 0, 16.25, 30], [0, 0, 30, 40]])
    np.testing.assert_allclose(grow_to_aspect(boxes, aspect=0.75), expected)


def test_a_crop_shows_the_pixels_of_the_box_and_black_outside_the_image() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    image[40:60, 0:20] = (10, 200, 30)
    matrix = crop_affine(np.array([-10.0, 40, 20, 80]), width_px=288, height_px=384, enlargement=1.0)
    crop = warp_crop(image, matrix, width_px=288, height_px=384)
    assert crop.shape == (384, 288, 3)
    assert crop.dtype == np.uint8
    assert tuple(crop[100, 200]) == (10, 200, 30)
    assert not crop[100, :80].any()
    assert not crop[300].any()


def test_normalised_crops_are_channels_first_in_float32() -> None:
    crops = np.zeros((2, 4, 3, 3), np.uint8)
    crops[1, 2, 1] = (255, 0, 51)
    crops.setflags(write=False)
    tensor = normalise(crops, mean=(0.5, 0.25, 0.2), std=(0.5, 0.5, 0.1))
    assert tensor.dtype == torch.float32
    assert tensor.shape == (2, 3, 4, 3)
    torch.testing.assert_close(tensor[1, :, 2, 1], torch.tensor([1.0, -0.5, 0.0]), atol=1e-6, rtol=0)


def test_iou_of_every_pair() -> None:
    a = np.array([[0.0, 0, 10, 10], [20, 20, 30, 30]])
    b = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [5, 5, 5, 5]])
    np.testing.assert_allclose(iou(a, b), np.array([[1, 1 / 3, 0], [0, 0, 0]]))
    assert iou(np.zeros((0, 4)), b).shape == (0, 3)
    assert iou(b[2:], b[2:])[0, 0] == 0


@given(_boxes, _boxes)
def test_iou_is_symmetric_and_between_0_and_1(a: NDArray[np.float64], b: NDArray[np.float64]) -> None:
    value = iou(a[None], b[None])[0, 0]
    assert 0 <= value <= 1
    assert value == iou(b[None], a[None])[0, 0]


def test_oks_falls_off_with_the_sigma_of_the_joint() -> None:
    pose = np.zeros((1, 17, 2))
    moved = pose + np.array([3.0, 4.0])
    sigmas = np.full(17, 0.05)
    expected = np.exp(-25 / (2 * 1000 * 0.1**2))
    np.testing.assert_allclose(oks(pose, moved, areas=[1000.0], sigmas=tuple(sigmas)), [[expected]])
    assert oks(pose, pose, areas=[1000.0])[0, 0] == 1


def test_oks_counts_only_joints_that_both_have() -> None:
    a = np.zeros((1, 17, 2))
    b = np.zeros((2, 17, 2))
    b[:, 5:] = 1e4
    valid = np.zeros((2, 17), dtype=bool)
    valid[0, :5] = True
    np.testing.assert_allclose(oks(a, b, areas=500.0, valid_b=valid), [[1, 0]])
    np.testing.assert_allclose(oks(a, b, areas=500.0), [[5 / 17, 5 / 17]], atol=1e-6)
    assert oks(a, b, areas=500.0, valid_a=np.zeros((1, 17)), valid_b=valid).tolist() == [[0, 0]]


@given(seed=st.integers(0, 2**32 - 1), width=st.integers(1, 4000))
def test_mirroring_twice_changes_nothing(seed: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    visibility = (rng.random(17) < 0.8).astype(float)
    keypoints = rng.uniform(-50, 4000, (17, 2)) * visibility[:, None]
    twice = flip_keypoints(*flip_keypoints(keypoints, visibility, width_px=width), width_px=width)
    np.testing.assert_allclose(twice[0], keypoints, atol=1e-9)
    np.testing.assert_array_equal(twice[1], visibility)


def test_half_body_takes_the_half_that_has_enough_joints() -> None:
    keypoints = np.arange(34.0).reshape(17, 2)
    lower_only = np.zeros(17)
    lower_only[11:] = 1
    box = half_body_box(keypoints, lower_only, aspect=0.75, normal_draw=0.0)
    assert box is not None
    np.testing.assert_allclose((box[:2] + box[2:]) / 2, keypoints[11:].mean(axis=0))
    assert half_body_box(keypoints, np.eye(17)[0], aspect=0.75, normal_draw=0.0) is None


def test_joints_outside_the_crop_are_hidden() -> None:
    keypoints = np.array([[0.0, 0.0], [288.0, 384.0], [-0.1, 5], [288.1, 5], [5, 384.1]])
    hidden = hide_outside_crop(keypoints, np.array([1.0, 1, 1, 1, 1]), width_px=288, height_px=384)
    assert hidden.tolist() == [1, 1, 0, 0, 0]
