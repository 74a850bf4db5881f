"""What a person detector promises, and how MultiPose looks at an image."""

from __future__ import annotations

import hashlib
from importlib import resources
from pathlib import Path

import cv2
import msgspec
import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from dcpose_core.detectors import DETECTORS, MultiPoseDetector
from dcpose_core.detectors.suppression import suppress
from dcpose_core.detectors.views import View, views_of
from dcpose_core.errors import DeviceError
from dcpose_core.geometry import iou
from dcpose_core.head_joints import posetrack_from_coco
from dcpose_core.skeletons import COCO_17, POSETRACK_17
from dcpose_core.types import FloatArray, ImageArray

CPU = torch.device("cpu")


def _video_frame(path: Path, index: int) -> ImageArray:
    capture = cv2.VideoCapture(str(path))
    for _ in range(index + 1):
        read, image = capture.read()
        assert read
    capture.release()
    return np.ascontiguousarray(image[..., ::-1], dtype=np.uint8)


@pytest.fixture(scope="module")
def frame() -> ImageArray:
    """A frame of the bundled clip: a man in full view."""
    with resources.as_file(resources.files("dcpose_resources") / "clips" / "sample.mp4") as path:
        return _video_frame(path, 20)


@pytest.mark.parametrize("name", DETECTORS)
def test_every_detector_finds_a_person_and_nobody_in_an_empty_image(name: str, frame: ImageArray) -> None:
    detector = DETECTORS[name](device=CPU)
    detections = detector.detect(frame)
    assert detections
    assert [d.score for d in detections] == sorted((d.score for d in detections), reverse=True)
    for detection in detections:
        x1, y1, x2, y2 = detection.box_xyxy
        assert x1 < x2
        assert y1 < y2
        assert 0 < detection.score <= 1
        if detection.keypoints is not None:
            assert detection.keypoints.shape == (len(POSETRACK_17), 2)
            assert detection.keypoint_scores is not None
            assert detection.keypoint_scores.shape == (len(POSETRACK_17),)
    assert detector.detect(np.zeros((240, 320, 3), dtype=np.uint8)) == []


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 500), (700, 3), (33, 65)])
def test_images_of_any_size_can_be_looked_at(height: int, width: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    for detection in MultiPoseDetector(device=CPU, threads=1, tiles=2).detect(noise):
        assert np.isfinite(detection.box_xyxy).all()


def test_a_person_is_found_at_the_same_place_wherever_the_image_is_cut(frame: ImageArray) -> None:
    detector = MultiPoseDetector(device=CPU)
    whole = detector.detect(frame)[0]
    x1, y1, x2, y2 = whole.box_xyxy
    cut = max(0, int(x1) - 60), max(0, int(y1) - 60)
    part = np.ascontiguousarray(frame[cut[1] : int(y2) + 60, cut[0] : int(x2) + 60])
    moved = detector.detect(part)[0].box_xyxy + np.tile(cut, 2)
    assert iou(whole.box_xyxy[None], moved[None])[0, 0] > 0.8


def test_the_smaller_scale_finds_a_person_who_fills_the_image(shared: Path) -> None:
    crop = cv2.imread(str(shared / "data" / "labels" / "handball" / "crops" / "18_14.png"))
    assert crop is not None
    image = np.ascontiguousarray(crop[..., ::-1], dtype=np.uint8)  # [800, 300, 3], the player is 750 px high

    def tallest(scales: tuple[int, ...]) -> float:
        return max(
            (d.box_xyxy[3] - d.box_xyxy[1] for d in MultiPoseDetector(device=CPU, scales=scales).detect(image)),
            default=0.0,
        )

    assert tallest((512,)) < 600
    assert tallest((256, 512)) > 700


def test_the_larger_scale_finds_smaller_people(shared: Path) -> None:
    image = _video_frame(shared / "data" / "video" / "vtest.avi", 100)
    # The small walker far back on the lawn, about 33 px high.
    walker = np.array([[222.0, 58.0, 238.0, 94.0]])

    def found(scales: tuple[int, ...]) -> float:
        boxes = np.stack([d.box_xyxy for d in MultiPoseDetector(device=CPU, scales=scales).detect(image)])
        return float(iou(boxes, walker).max())

    assert found((256,)) < 0.4 < found((256, 512))


def test_a_cuda_device_that_is_not_there_is_an_error_and_no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="'cuda:0': no CUDA device found"):
        MultiPoseDetector(device=torch.device("cuda", 0))


def test_an_onnxruntime_that_goes_on_with_the_cpu_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    on_cpu = onnxruntime.InferenceSession

    def fall_back(network: bytes, options: object, providers: object) -> object:
        return on_cpu(network, options, providers=["CPUExecutionProvider"])

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    monkeypatch.setattr(onnxruntime, "InferenceSession", fall_back)
    with pytest.raises(DeviceError, match="CUDAExecutionProvider did not start"):
        MultiPoseDetector(device=torch.device("cuda", 1))


@pytest.mark.gpu
def test_cuda_finds_what_the_cpu_finds(frame: ImageArray) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    on_cpu = MultiPoseDetector(device=CPU).detect(frame)
    on_cuda = MultiPoseDetector(device=torch.device("cuda", 0)).detect(frame)
    np.testing.assert_allclose([d.box_xyxy for d in on_cuda], [d.box_xyxy for d in on_cpu], atol=1.0)


def test_tiles_cover_the_image_and_overlap() -> None:
    views = views_of(width_px=1000, height_px=700, scales=(256, 512), tiles=3)
    whole, tiles = views[:2], views[2:]
    assert [(v.x1, v.y1, v.x2, v.y2, v.long_side_px) for v in whole] == [(0, 0, 1000, 700, s) for s in (256, 512)]
    assert len(tiles) == 9
    seen = np.zeros((700, 1000), dtype=int)
    for tile in tiles:
        seen[tile.y1 : tile.y2, tile.x1 : tile.x2] += 1
    assert seen.min() == 1
    assert seen[:, 300].max() > 1
    assert max(tile.x2 for tile in tiles) == 1000
    assert max(tile.y2 for tile in tiles) == 700


def test_a_tile_is_not_believed_about_people_its_border_cuts_off() -> None:
    tile = View(500, 0, 1000, 500, 512)
    boxes = np.array([[502, 100, 600, 300], [550, 0, 600, 300], [900, 100, 1000, 300], [600, 300, 700, 499]])
    believed = tile.believed(boxes.astype(float), width_px=1000, height_px=1000)
    assert believed.tolist() == [False, True, True, False], "the image's own borders cut nobody off"


def test_a_coarse_view_is_only_believed_about_large_people() -> None:
    coarse, fine = views_of(width_px=800, height_px=600, scales=(256, 512), tiles=1)
    boxes = np.array([[0.0, 0.0, 100.0, 390.0], [0.0, 0.0, 100.0, 410.0]])
    assert coarse.believed(boxes, width_px=800, height_px=600).tolist() == [False, True]
    assert fine.believed(boxes, width_px=800, height_px=600).tolist() == [True, True]


def _finds(*boxes: tuple[float, float, float, float], joints_at: FloatArray, score: float = 0.9) -> list[int]:
    n = len(boxes)
    keypoints = np.broadcast_to(joints_at, (n, 17, 2))
    scores, keypoint_scores = np.linspace(0.9, 0.5, n), np.full((n, 17), score)
    return [int(kept) for kept in suppress(np.array(boxes), scores, keypoints, keypoint_scores, max_iou=0.7)]


def test_the_upper_half_of_a_person_is_not_another_person() -> None:
    joints = np.stack([np.linspace(20, 80, 17), np.linspace(10, 90, 17)], axis=1)[None]
    person, upper_half = (0.0, 0.0, 100.0, 200.0), (5.0, 0.0, 95.0, 100.0)
    assert _finds(person, upper_half, joints_at=joints) == [0]


def test_a_child_before_a_grown_up_is_another_person() -> None:
    grown_up = np.stack([np.linspace(20, 80, 17), np.linspace(10, 190, 17)], axis=1)
    child = np.stack([np.linspace(40, 60, 17), np.linspace(120, 190, 17)], axis=1)
    boxes = ((0.0, 0.0, 100.0, 200.0), (35.0, 110.0, 65.0, 200.0))
    assert _finds(*boxes, joints_at=np.stack([grown_up, child])) == [0, 1]


def test_joints_that_nobody_is_sure_of_do_not_make_two_people_one() -> None:
    joints: NDArray[np.float64] = np.full((1, 17, 2), 50.0)
    assert _finds((0.0, 0.0, 100.0, 200.0), (5.0, 0.0, 95.0, 100.0), joints_at=joints, score=0.1) == [0, 1]


def test_of_two_overlapping_boxes_the_better_stays() -> None:
    far_apart = np.stack([np.zeros((17, 2)), np.full((17, 2), 500.0), np.full((17, 2), 900.0)])
    boxes = ((0.0, 0.0, 100.0, 200.0), (4.0, 0.0, 104.0, 200.0), (60.0, 0.0, 160.0, 200.0))
    assert _finds(*boxes, joints_at=far_apart) == [0, 2]


def test_nobody_found_is_nobody_kept() -> None:
    nothing = np.zeros((0, 4)), np.zeros(0), np.zeros((0, 17, 2)), np.zeros((0, 17))
    assert suppress(*nothing, max_iou=0.7).tolist() == []


def test_coco_joints_become_posetrack_joints() -> None:
    keypoints, scores = np.zeros((1, 17, 2)), np.full((1, 17), 0.8)
    places = {"left_shoulder": (12, 10), "right_shoulder": (8, 10), "left_ear": (11, 0), "right_ear": (9, 0)}
    for joint, place in {**places, "left_ankle": (3, 4)}.items():
        keypoints[0, COCO_17.index(joint)] = place
    scores[0, COCO_17.index("right_ear")] = 0.3
    points, point_scores = posetrack_from_coco(keypoints, scores)
    at = POSETRACK_17.index
    np.testing.assert_allclose(points[0, at("head_bottom")], (10, 6.33))
    np.testing.assert_allclose(points[0, at("head_top")], (10, -7.6))
    assert points[0, at("left_ankle")].tolist() == [3, 4]
    assert point_scores[0, at("head_top")] == point_scores[0, at("head_bottom")] == 0.3
    assert point_scores[0, at("nose")] == 0.8


def test_the_embedded_detector_is_the_file_its_description_names() -> None:
    folder = resources.files("dcpose_resources") / "detectors"
    description = msgspec.json.decode((folder / "movenet_multipose.json").read_bytes())
    assert hashlib.sha256((folder / "movenet_multipose.onnx").read_bytes()).hexdigest() == description["sha256"]
