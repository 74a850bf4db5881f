"""Targets, decoding rules and warping between crops."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dcpose_core.geometry import crop_affine, invert_affine, transform_points
from dcpose_core.heatmaps import decode, encode, to_image, warp_heatmaps
from dcpose_core.models.description import DecodeRule

_WIDTH, _HEIGHT = 288, 384


def _gaussian(x: float, y: float, *, sigma: float = 1.5, height: float = 0.7) -> torch.Tensor:
    """One heatmap `[1, 1, 96, 72]` with its top at cell (x, y)."""
    yy, xx = torch.arange(96.0, dtype=torch.float64)[:, None], torch.arange(72.0, dtype=torch.float64)
    return (height * torch.exp(-((xx - x) ** 2 + (yy - y) ** 2) / (2 * sigma**2)))[None, None]


@given(x=st.floats(2, 285), y=st.floats(2, 381))
def test_an_encoded_joint_decodes_to_within_half_a_cell(x: float, y: float) -> None:
    heatmaps, weights = encode(np.array([[x, y]]), np.ones(1), width_px=_WIDTH, height_px=_HEIGHT)
    positions, confidence = decode(heatmaps[None], rule=DecodeRule.QUARTER_OFFSET)
    assert weights.tolist() == [1]
    assert np.abs(positions[0, 0].numpy() - [x / 4, y / 4]).max() <= 0.5 + 1e-6  # the target sits on a whole cell
    assert confidence[0, 0] == 1


@given(x=st.floats(4, 67), y=st.floats(4, 91))
def test_dark_finds_the_top_of_a_gaussian_between_cells(x: float, y: float) -> None:
    positions, _ = decode(_gaussian(x, y), rule=DecodeRule.DARK)
    # The half cell is the convention of the networks that are decoded with this rule.
    assert np.abs(positions[0, 0].numpy() - [x + 0.5, y + 0.5]).max() < 0.02


@given(x=st.floats(4, 67), y=st.floats(4, 91))
def test_quarter_offset_is_within_a_quarter_cell(x: float, y: float) -> None:
    positions, _ = decode(_gaussian(x, y), rule=DecodeRule.QUARTER_OFFSET)
    assert np.abs(positions[0, 0].numpy() - [x, y]).max() <= 0.25 + 1e-6


def test_the_offset_map_is_read_at_the_peak() -> None:
    heatmaps = torch.cat([_gaussian(10, 20), _gaussian(71, 95)], dim=1).float()
    offsets = torch.zeros(1, 2, 2, 96, 72)
    offsets[0, 0, :, 20, 10] = torch.tensor([1.25, -3.5])
    offsets[0, 1, :, 95, 71] = torch.tensor([-0.5, 0.75])
    positions, confidence = decode(heatmaps, rule=DecodeRule.OFFSET_MAP, offsets=offsets)
    assert positions.tolist() == [[[11.25, 16.5], [70.5, 95.75]]]
    assert confidence.tolist() == [[pytest.approx(0.7), pytest.approx(0.7)]]
    with pytest.raises(ValueError, match="offset maps"):
        decode(heatmaps, rule=DecodeRule.OFFSET_MAP)


@pytest.mark.parametrize("rule", [DecodeRule.QUARTER_OFFSET, DecodeRule.DARK])
@pytest.mark.parametrize(("x", "y"), [(0, 0), (71, 0), (0, 95), (71, 95), (1, 50), (70, 50), (36, 1), (36, 94)])
def test_a_peak_at_the_border_stays_near_its_cell(rule: DecodeRule, x: int, y: int) -> None:
    positions, _ = decode(_gaussian(x, y), rule=rule)
    assert np.abs(positions[0, 0].numpy() - [x, y]).max() <= 0.5


def test_of_several_equal_peaks_the_first_in_row_major_order_counts() -> None:
    heatmaps = np.zeros((1, 1, 96, 72), np.float32)
    heatmaps[0, 0, 50, 3] = heatmaps[0, 0, 40, 60] = heatmaps[0, 0, 40, 30] = 2.0
    positions, _ = decode(heatmaps, rule=DecodeRule.QUARTER_OFFSET)
    assert positions.tolist() == [[[30.0, 40.0]]]


@pytest.mark.parametrize("rule", [DecodeRule.QUARTER_OFFSET, DecodeRule.DARK])
def test_a_map_without_a_positive_cell_gives_the_corner_and_its_maximum(rule: DecodeRule) -> None:
    heatmaps = torch.full((1, 2, 96, 72), -0.25)
    heatmaps[0, 1] = 0
    positions, confidence = decode(heatmaps, rule=rule)
    shift = 0.5 if rule is DecodeRule.DARK else 0.0
    assert positions.tolist() == [[[shift, shift]] * 2]
    assert confidence.tolist() == [[-0.25, 0.0]]


def test_half_precision_heatmaps_decode_in_float32() -> None:
    positions, confidence = decode(_gaussian(66.3, 90.8).half(), rule=DecodeRule.DARK)
    assert positions.dtype == confidence.dtype == torch.float32
    assert np.abs(positions[0, 0].numpy() - [66.8, 91.3]).max() < 0.05


@pytest.mark.parametrize("sigma", [2.0, 3.0])
def test_joints_without_a_target_have_weight_0_and_an_empty_map(sigma: float) -> None:
    keypoints = np.array([[100.0, 100.0], [100.0, 100.0], [-200.0, 100.0], [100.0, 900.0]])
    heatmaps, weights = encode(keypoints, np.array([2, 0, 1, 1]), width_px=_WIDTH, height_px=_HEIGHT, sigma_hm=sigma)
    assert weights.tolist() == [1, 0, 0, 0]
    assert heatmaps.shape == (4, 96, 72)
    assert heatmaps[0, 25, 25] == 1
    assert np.count_nonzero(heatmaps[0]) == (6 * sigma + 1) ** 2
    assert not heatmaps[1:].any()


def test_cell_times_four_is_the_crop_pixel_and_goes_back_to_the_image() -> None:
    box = np.array([[500.0, 300.0, 560.0, 480.0], [-40.0, 0.0, 80.0, 100.0]])
    matrices = np.stack(
        [crop_affine(b, width_px=_WIDTH, height_px=_HEIGHT, enlargement=1.25, rotation_deg=20) for b in box]
    )
    cells = torch.tensor([[[36.0, 48.0], [10.25, 90.5]]] * 2)
    image = to_image(cells, matrices)
    np.testing.assert_allclose(image[:, 0], (box[:, :2] + box[:, 2:]) / 2, atol=1e-9)
    np.testing.assert_allclose(transform_points(image, matrices), cells.numpy() * 4, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_warping_into_the_same_crop_changes_no_bit(dtype: torch.dtype) -> None:
    heatmaps = torch.randn(3, 17, 96, 72, generator=torch.Generator().manual_seed(0)).to(dtype)
    matrices = np.stack(
        [
            crop_affine(np.array([x, 33.3, x + 77.7, 401.1]), width_px=_WIDTH, height_px=_HEIGHT, enlargement=1.25)
            for x in (0.1, 1234.5, -17.0)
        ]
    )
    warped = warp_heatmaps(heatmaps, matrices, matrices.copy())
    assert warped.dtype == dtype
    assert torch.equal(warped, heatmaps)


def test_warping_changes_no_bit_of_those_whose_crop_stays_while_others_move() -> None:
    heatmaps = torch.randn(2, 17, 96, 72, generator=torch.Generator().manual_seed(0))
    box = np.array([100.3, 33.3, 178.0, 401.1])
    stays, moves = (
        crop_affine(box + shift, width_px=_WIDTH, height_px=_HEIGHT, enlargement=1.25) for shift in (0.0, 3.3)
    )
    warped = warp_heatmaps(heatmaps, np.stack([stays, stays]), np.stack([stays, moves]))
    assert torch.equal(warped[0], heatmaps[0])
    assert not torch.allclose(warped[1], heatmaps[1])


@settings(deadline=None)
@given(dx=st.floats(-15, 15), dy=st.floats(-15, 15), growth=st.floats(0.85, 1.2), angle=st.floats(-20, 20))
def test_a_joint_is_at_the_same_image_position_in_the_warped_heatmaps(
    dx: float, dy: float, growth: float, angle: float
) -> None:
    box = np.array([900.0, 500.0, 1000.0, 700.0])
    other = np.array([900.0 + dx, 500.0 + dy, 900.0 + dx + 100 * growth, 500.0 + dy + 200 * growth])
    first = crop_affine(box, width_px=_WIDTH, height_px=_HEIGHT, enlargement=1.25)[None]
    second = crop_affine(other, width_px=_WIDTH, height_px=_HEIGHT, enlargement=1.25, rotation_deg=angle)[None]
    x, y = 30.4, 51.7
    warped = warp_heatmaps(_gaussian(x, y, sigma=2.5).float(), first, second)
    positions, confidence = decode(warped, rule=DecodeRule.DARK)
    image = to_image(positions - 0.5, second)[0, 0]
    expected = transform_points(np.array([x, y]) * 4, invert_affine(first[0]))
    assert np.linalg.norm(image - expected) < 0.15  # a cell is 2.6 image pixels here
    assert 0.63 < confidence[0, 0] <= 0.7


def test_warped_heatmaps_are_zero_outside_the_first_crop() -> None:
    first = crop_affine(np.array([0.0, 0, 100, 200]), width_px=_WIDTH, height_px=_HEIGHT, enlargement=1.0)[None]
    second = crop_affine(np.array([90.0, 0, 190, 200]), width_px=_WIDTH, height_px=_HEIGHT, enlargement=1.0)[None]
    warped = warp_heatmaps(torch.ones(1, 1, 96, 72), first, second)
    reach = (second[0] @ np.append(transform_points(np.array([288.0, 0.0]), invert_affine(first[0])), 1))[0] / 4
    column = int(np.floor(reach))
    assert (warped[0, 0, :, : column - 1] == 1).all()
    assert not warped[0, 0, :, column + 1 :].any()
