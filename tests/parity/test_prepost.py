"""Pre- and post-processing against the reference's own results."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from dcpose_core.geometry import crop_affine, grow_to_aspect, normalise, transform_points, warp_crop
from dcpose_core.heatmaps import decode, encode, to_image
from dcpose_core.models.description import DecodeRule
from dcpose_core.neighbours import choose_neighbours
from dcpose_core.skeletons import POSETRACK_15, POSETRACK_17, joint_selection
from dcpose_core.training.augmentation import flip_keypoints, half_body_box

_FIXTURES = Path(__file__).parent / "fixtures"
_SEED_CONSTANT = 0xDC05E2021
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="module")
def prepost() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((_FIXTURES / "prepost.json").read_text())
    return loaded


def _unit(name: str, n: int) -> NDArray[np.float64]:
    """n values in [-1, 1): the rule of the fixtures, a splitmix64 sequence seeded with the name."""
    seed = ((zlib.crc32(name.encode()) << 32) ^ _SEED_CONSTANT) & (2**64 - 1)
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return np.asarray((z >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0)


def _xyxy(box_xywh: list[float]) -> NDArray[np.float64]:
    x, y, width, height = box_xywh
    return np.array([x, y, x + width, y + height])


def _matrix(box: dict[str, Any], rotation_deg: float | None = None) -> NDArray[np.float64]:
    rotation = box["rot_deg"] if rotation_deg is None else rotation_deg
    return crop_affine(_xyxy(box["box_xywh"]), width_px=288, height_px=384, enlargement=1.25, rotation_deg=rotation)


def test_every_box_is_cropped_where_the_reference_crops_it(prepost: dict[str, Any]) -> None:
    for box in prepost["boxes"]:
        matrix = _matrix(box)
        # The reference computes in float32: crop pixels agree to a thousandth.
        np.testing.assert_allclose(matrix[:, :2], np.array(box["image_to_crop_2x3"])[:, :2], atol=1e-5)
        np.testing.assert_allclose(matrix, box["image_to_crop_2x3"], rtol=1e-6, atol=1e-3)
        np.testing.assert_allclose(
            transform_points(np.array(box["points"]), matrix), box["points_in_crop"], rtol=1e-6, atol=1e-3
        )


def test_boxes_grow_to_the_aspect_ratio_of_the_reference(prepost: dict[str, Any]) -> None:
    for box in prepost["boxes"]:
        grown = grow_to_aspect(_xyxy(box["box_xywh"]), aspect=0.75)
        np.testing.assert_allclose(grown, box["xyxy_of_cs_1.0"], atol=1e-4)


def test_cells_go_back_to_the_image_as_in_the_reference(prepost: dict[str, Any]) -> None:
    cells = np.array([[[0.0, 0.0], [36.0, 48.0], [71.25, 94.75]]])
    for box in prepost["boxes"]:
        expected = transform_points(cells[0], np.array(box["heatmap_to_image_2x3_rot0"]))
        np.testing.assert_allclose(to_image(cells, _matrix(box, 0.0)[None])[0], expected, atol=1e-3)


def test_heatmaps_decode_to_the_positions_of_the_reference(prepost: dict[str, Any]) -> None:
    case = prepost["decode"]
    gaussians = np.array(case["gaussians_cx_cy_amp_sigma"])
    cx, cy, height, sigma = np.moveaxis(gaussians, -1, 0)[..., None, None]
    yy, xx = np.arange(96.0)[:, None], np.arange(72.0)[None, :]
    heatmaps = (height * np.exp(-((xx - cx) ** 2 + (yy - cy) ** 2) / (2 * sigma**2))).astype(np.float32)

    positions, confidence = decode(heatmaps, rule=DecodeRule.QUARTER_OFFSET)

    matrices = np.stack([_matrix(prepost["boxes"][i], 0.0) for i in case["uses_boxes"]])
    np.testing.assert_allclose(confidence.numpy(), case["maxval"], atol=1e-6)
    np.testing.assert_allclose(to_image(positions, matrices), case["image_xy"], atol=1e-3)


def test_the_reference_heads_output_decodes_to_its_positions(prepost: dict[str, Any], shared: Path) -> None:
    case = prepost["decode_head_final"]
    final = np.load(shared / "dcpose" / "parity" / "head.npz")["final"]
    positions, confidence = decode(final, rule=DecodeRule.QUARTER_OFFSET)
    matrices = np.stack([_matrix(prepost["boxes"][i], 0.0) for i in case["uses_boxes"]])
    np.testing.assert_allclose(confidence.numpy(), case["conf"], atol=1e-6)
    np.testing.assert_allclose(to_image(positions, matrices), case["image_xy"], atol=1e-3)


@pytest.mark.parametrize("sigma", [2, 3])
def test_targets_are_those_of_the_reference(sigma: int, shared: Path) -> None:
    case = np.load(shared / "dcpose" / "parity" / "targets.npz")
    heatmaps, weights = encode(
        case["joints_xyz"][:, :2], case["vis"][:, 0], width_px=288, height_px=384, sigma_hm=float(sigma)
    )
    np.testing.assert_array_equal(weights, case[f"weight_sigma{sigma}"][:, 0])
    np.testing.assert_allclose(heatmaps, case[f"target_sigma{sigma}"], atol=1e-7)


def test_warped_and_normalised_crops_are_those_of_the_reference(prepost: dict[str, Any], shared: Path) -> None:
    case = np.load(shared / "dcpose" / "parity" / "crop.npz")
    image = _rule_image()
    np.testing.assert_array_equal(image[:8, :8], case["image_corner"])
    assert image.sum(dtype=np.int64) == case["image_sum"][0]
    for i, (box_xywh, rotation) in enumerate(prepost["crop"]["box_xywh__rot_deg"]):
        matrix = crop_affine(_xyxy(box_xywh), width_px=288, height_px=384, enlargement=1.25, rotation_deg=rotation)
        crop = warp_crop(image, matrix, width_px=288, height_px=384)
        # OpenCV builds differ in the last bit of the interpolation.
        difference = np.abs(crop[::6, ::6].astype(int) - case[f"crop_u8_{i}"])
        assert difference.max() <= 1
        assert difference.mean() < 0.01
        tensor = normalise(crop[None], mean=_MEAN, std=_STD)
        assert tensor.shape == (1, 3, 384, 288)
        one_grey_level = 1 / 255 / min(_STD)
        np.testing.assert_allclose(
            tensor.flatten()[::37].numpy(), case[f"tensor_{i}__every37"], atol=1.01 * one_grey_level
        )
        assert np.abs(tensor.flatten()[::37].numpy() - case[f"tensor_{i}__every37"]).mean() < 1e-3


def _rule_image() -> NDArray[np.uint8]:
    height, width = 240, 320
    y, x = np.arange(height)[:, None], np.arange(width)[None, :]
    channels = [
        127.5
        + 80 * np.sin(2 * np.pi * (x * (ch + 1) / 90 + y * (ch + 2) / 110))
        + 30 * _unit(f"prepost.img.{ch}", height * width).reshape(height, width)
        for ch in range(3)
    ]
    return np.clip(np.floor(np.stack(channels, axis=-1)), 0, 255).astype(np.uint8)


def test_a_mirrored_person_is_that_of_the_reference(prepost: dict[str, Any]) -> None:
    case = prepost["flip"]
    keypoints, visibility = flip_keypoints(
        np.array(case["joints"])[:, :2], np.array(case["vis"])[:, 0], width_px=case["width"]
    )
    np.testing.assert_allclose(keypoints, np.array(case["flipped_joints_times_vis"])[:, :2], atol=1e-9)
    np.testing.assert_array_equal(visibility, np.array(case["flipped_vis"])[:, 0])
    assert [list(pair) for pair in POSETRACK_17.flip_pairs] == case["pairs"]


def test_the_half_body_box_is_that_of_the_reference(prepost: dict[str, Any]) -> None:
    case = prepost["half_body"]
    for result in case["results"]:
        box = half_body_box(
            np.array(case["joints"])[:, :2],
            np.array(case["vis"])[:, 0],
            aspect=0.75,
            normal_draw=result["normal_draw"],
        )
        assert box is not None
        np.testing.assert_allclose((box[:2] + box[2:]) / 2, result["center"], atol=1e-4)
        np.testing.assert_allclose((box[2:] - box[:2]) / 200, result["scale"], atol=1e-5)


def test_joints_are_reordered_for_posetrack_as_in_the_reference(prepost: dict[str, Any]) -> None:
    case = prepost["reorder"]
    reordered = np.array(case["net17_xyc"])[joint_selection(POSETRACK_17, POSETRACK_15)]
    np.testing.assert_array_equal(reordered, case["posetrack15_xyc"])


def test_neighbours_are_those_of_the_reference() -> None:
    cases = json.loads((_FIXTURES / "frame_choice.json").read_text())
    assert len(cases) == 48
    for case in cases:
        first = 0 if case["posetrack18"] else 1
        current, previous, following = (int(Path(case[key]).stem) - first for key in ("current", "prev", "next"))
        chosen = choose_neighbours(current, case["nframes"], interval=case["DISTANCE"] - 1)
        assert chosen == (previous, following, case["margin_left"], case["margin_right"]), case


def test_decoding_in_double_precision_gives_the_same_positions(prepost: dict[str, Any]) -> None:
    case = prepost["decode"]
    gaussians = torch.tensor(case["gaussians_cx_cy_amp_sigma"], dtype=torch.float64)
    cx, cy, height, sigma = gaussians.unbind(-1)
    yy, xx = torch.arange(96.0)[:, None], torch.arange(72.0)[None, :]
    centres = (cx[..., None, None], cy[..., None, None])
    heatmaps = height[..., None, None] * torch.exp(
        -((xx - centres[0]) ** 2 + (yy - centres[1]) ** 2) / (2 * sigma[..., None, None] ** 2)
    )
    double, _ = decode(heatmaps, rule=DecodeRule.QUARTER_OFFSET)
    single, _ = decode(heatmaps.float(), rule=DecodeRule.QUARTER_OFFSET)
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double)
