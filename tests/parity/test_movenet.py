"""The embedded backbone and detector against the reference outputs of the published graphs."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from dcpose_core.boxes import MULTIPOSE_BOXES, scale_box
from dcpose_core.detectors import MultiPoseDetector
from dcpose_core.geometry import crop_affine, invert_affine, normalise, transform_points, warp_crop
from dcpose_core.heatmaps import CELL_PX, decode
from dcpose_core.models.backbones.movenet import MoveNetThunder, weight_to_own_person
from dcpose_core.models.catalogue import load_model
from dcpose_core.models.description import DecodeRule
from dcpose_core.skeletons import COCO_17, POSETRACK_17, joint_selection
from dcpose_core.types import ImageArray


def _read_image(path: Path) -> ImageArray:
    image = cv2.imread(str(path))
    assert image is not None
    return np.ascontiguousarray(image[..., ::-1], dtype=np.uint8)


@pytest.fixture(scope="module")
def thunder() -> MoveNetThunder:
    backbone = load_model("movenet_thunder").backbone
    assert isinstance(backbone, MoveNetThunder)
    return backbone


@pytest.fixture(scope="module")
def crop(shared: Path) -> Tensor:
    pixels = _read_image(shared / "models" / "thunder_crop.png")
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 127.5 - 1


@pytest.fixture(scope="module")
def expected(shared: Path) -> dict[str, Tensor]:
    with np.load(shared / "models" / "thunder_expected.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]).float() for name in arrays.files}


def test_the_four_heads_of_thunder_are_the_published_ones(
    thunder: MoveNetThunder, crop: Tensor, expected: dict[str, Tensor]
) -> None:
    with torch.inference_mode():
        heads = thunder.raw_heads(crop)
    torch.testing.assert_close(heads.keypoint_heatmap, expected["kpt_heatmap"], atol=1e-5, rtol=0)
    torch.testing.assert_close(heads.centre, expected["center_heatmap"], atol=1e-5, rtol=0)
    # These two are stored as float16, in steps of up to 0.06 and 0.016 cells.
    torch.testing.assert_close(heads.keypoint_regression, expected["kpt_regress"], atol=1e-3, rtol=2**-11)
    torch.testing.assert_close(heads.keypoint_offset, expected["kpt_offset"], atol=1e-3, rtol=2**-11)


def test_thunder_finds_the_crops_own_person_as_the_recipe_does(
    thunder: MoveNetThunder, crop: Tensor, expected: dict[str, Tensor]
) -> None:
    with torch.inference_mode():
        weighted = weight_to_own_person(thunder.raw_heads(crop))
        evidence = thunder.evidence(crop)
    torch.testing.assert_close(weighted, expected["weighted_heatmap"], atol=1e-5, rtol=0)

    positions, scores = decode(evidence.heatmaps, rule=DecodeRule.OFFSET_MAP, offsets=evidence.offsets)
    coco = torch.from_numpy(joint_selection(COCO_17, POSETRACK_17))
    known = coco >= 0
    assert known.sum() == 15
    torch.testing.assert_close(
        positions[:, known] * CELL_PX, expected["keypoints_crop_px"][:, coco[known]], atol=1e-2, rtol=0
    )
    torch.testing.assert_close(scores[:, known], expected["scores"][:, coco[known]], atol=1e-5, rtol=0)


def test_the_two_head_joints_lie_where_the_recipe_puts_them(
    thunder: MoveNetThunder, crop: Tensor, expected: dict[str, Tensor]
) -> None:
    with torch.inference_mode():
        evidence = thunder.evidence(crop)
    coco = {joint: expected["keypoints_crop_px"][0, COCO_17.index(joint)] for joint in COCO_17.joints}
    shoulder = (coco["left_shoulder"] + coco["right_shoulder"]) / 2
    ear = (coco["left_ear"] + coco["right_ear"]) / 2
    weakest = expected["scores"][
        0, [COCO_17.index(f"{side}_{j}") for side in ("left", "right") for j in ("ear", "shoulder")]
    ]
    head = [POSETRACK_17.index("head_bottom"), POSETRACK_17.index("head_top")]
    wanted = torch.stack([0.633 * shoulder + 0.367 * ear, -0.760 * shoulder + 1.760 * ear])

    positions, scores = decode(evidence.heatmaps, rule=DecodeRule.OFFSET_MAP, offsets=evidence.offsets)
    torch.testing.assert_close(positions[0, head] * CELL_PX, wanted, atol=1e-2, rtol=0)
    assert (scores[0, head] <= weakest.min()).all()
    assert (scores[0, head] > 0.8 * weakest.min()).all(), "the nearest cell is at most 0.7 cells off the peak"
    # Temporal modules see only the heatmaps; their decode rule has to find the same place.
    refined, _ = decode(evidence.heatmaps, rule=DecodeRule.DARK)
    torch.testing.assert_close(refined[0, head] * CELL_PX, wanted, atol=0.4, rtol=0)


def test_the_detector_finds_the_persons_of_the_published_graph(shared: Path) -> None:
    image = _read_image(shared / "models" / "multipose_frame.png")
    wanted = np.array(json.loads((shared / "models" / "multipose_expected.json").read_text()))
    detector = MultiPoseDetector(device=torch.device("cpu"), threads=2, scales=(384,), min_score=0.2)

    detections = detector.detect(image)

    assert [d.score for d in detections] == pytest.approx(wanted[:, 4].tolist(), abs=1e-4)
    own_boxes = scale_box(np.stack([d.box_xyxy for d in detections]), 1 / MULTIPOSE_BOXES.to_convention)
    # The reference maps both axes by the long side's scale and takes pixel centres for pixel corners: 0.6 px at most.
    np.testing.assert_allclose(own_boxes[:, :2], wanted[:, :2], atol=1.0)
    np.testing.assert_allclose(own_boxes[:, 2:] - own_boxes[:, :2], wanted[:, 2:4], atol=1.0)


def test_detector_and_backbone_see_the_same_joints(shared: Path, thunder: MoveNetThunder) -> None:
    image = _read_image(shared / "models" / "multipose_frame.png")
    person = MultiPoseDetector(device=torch.device("cpu"), threads=2).detect(image)[0]
    matrix = crop_affine(person.box_xyxy, width_px=288, height_px=384, enlargement=1.09)
    crop = warp_crop(image, matrix, width_px=288, height_px=384)
    with torch.inference_mode():
        evidence = thunder.evidence(normalise(crop[None], mean=(0.5,) * 3, std=(0.5,) * 3))
    positions, scores = decode(evidence.heatmaps, rule=DecodeRule.OFFSET_MAP, offsets=evidence.offsets)
    keypoints = transform_points(positions[0].numpy() * CELL_PX, invert_affine(matrix))

    assert person.keypoints is not None
    assert person.keypoint_scores is not None
    both_sure = (scores[0].numpy() > 0.3) & (person.keypoint_scores > 0.3)
    assert both_sure.sum() >= 10
    apart = np.linalg.norm(keypoints - person.keypoints, axis=1)[both_sure]
    assert np.median(apart) < 0.03 * np.sqrt(np.prod(person.box_xyxy[2:] - person.box_xyxy[:2]))
