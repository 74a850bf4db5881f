"""Boxes from files for the pipeline, and poses in other skeletons."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dcpose_core.boxes import COCO_BOXES, box_of_joints
from dcpose_core.errors import FormatError, UsageError
from dcpose_core.formats import boxes_from_file, read_poses, to_skeleton, write_poses
from dcpose_core.skeletons import COCO_17, POSETRACK_15, POSETRACK_17
from dcpose_core.types import FramePoses, PoseSequence, Visibility
from tests.unit import format_samples as samples

_POSEVAL = Path(__file__).parents[1] / "fixtures" / "poseval"


def test_boxes_of_a_2018_file_are_taken_as_they_are_with_their_tracks(tmp_path: Path) -> None:
    boxes = boxes_from_file(samples.save(samples.posetrack18(track_id=6), tmp_path / "a.json"))
    assert list(boxes) == [0, 1, 2]
    (detection,) = boxes[1]
    assert detection.box_xyxy.tolist() == [90, 80, 130, 140]
    assert detection.track_id == 6
    assert detection.score == 1.0
    assert detection.keypoint_scores is not None
    assert detection.keypoint_scores.tolist() == [1.0] * 17


def test_boxes_of_a_2017_file_follow_from_the_joints(tmp_path: Path) -> None:
    file = samples.save(samples.posetrack17(2), tmp_path / "a.json")
    boxes = boxes_from_file(file)
    assert list(boxes) == [0, 1]
    expected = box_of_joints(read_poses(file)[0].frames[0].persons[0])
    assert expected is not None
    # Joints from (100, 200) to (114, 214), x 1.3 about the centre.
    assert boxes[0][0].box_xyxy.tolist() == pytest.approx(expected.tolist())
    assert boxes[0][0].box_xyxy.tolist() == pytest.approx([97.9, 197.9, 116.1, 216.1])
    assert boxes[0][0].track_id == 4


def test_boxes_of_a_coco_file_are_brought_to_the_convention(tmp_path: Path) -> None:
    (detection,) = boxes_from_file(samples.save(samples.coco(["000012.jpg"]), tmp_path / "a.json"))[12]
    x1, y1, x2, y2 = detection.box_xyxy
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx((110, 120))
    assert (x2 - x1, y2 - y1) == pytest.approx((20 * COCO_BOXES.to_convention, 40 * COCO_BOXES.to_convention))
    assert detection.keypoints is not None
    assert detection.keypoints.shape == (17, 2)
    assert detection.keypoints[0].tolist() == [100.0, 100.0]
    # COCO knows no top of the head.
    assert detection.keypoint_scores is not None
    assert detection.keypoint_scores[POSETRACK_17.index("head_top")] == 0


def test_detections_without_joints_are_boxes_with_scores(tmp_path: Path) -> None:
    results = [{"image_id": 3, "category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.25}]
    (detection,) = boxes_from_file(samples.save(results, tmp_path / "a.json"))[3]
    assert detection.score == 0.25
    assert detection.keypoints is None
    assert detection.keypoint_scores is None
    assert detection.track_id is None


def test_scores_out_of_range_are_limited(tmp_path: Path) -> None:
    results = [{"image_id": 3, "bbox": [10, 20, 30, 40], "score": score} for score in (-100, 7)]
    boxes = boxes_from_file(samples.save(results, tmp_path / "a.json"))
    assert [detection.score for detection in boxes[3]] == [0.0, 1.0]


def test_frames_without_persons_have_no_boxes(tmp_path: Path) -> None:
    content = samples.posetrack18()
    del content["annotations"][1]
    boxes = boxes_from_file(samples.save(content, tmp_path / "a.json"))
    assert [len(boxes[index]) for index in range(3)] == [1, 0, 1]


def test_a_person_that_gives_no_box_is_left_out(tmp_path: Path) -> None:
    content = samples.posetrack18(1, bbox=None, keypoints=[5, 6, 1] + [0] * 48)
    assert boxes_from_file(samples.save(content, tmp_path / "a.json")) == {0: []}


def test_one_of_several_sequences_has_to_be_named() -> None:
    folder = _POSEVAL / "main" / "gt"
    with pytest.raises(UsageError, match="several sequences; name one of them: '000342_mpii_test', "):
        boxes_from_file(folder)
    with pytest.raises(UsageError, match="no one sequence 'x'"):
        boxes_from_file(folder, sequence="x")
    assert len(boxes_from_file(folder, sequence="001001_mpii_test")) == 10


def test_a_broken_file_of_boxes_is_a_format_error(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text("{")
    with pytest.raises(FormatError, match="ends in the middle"):
        boxes_from_file(file)


@pytest.mark.parametrize("format", ["posetrack18", "posetrack21", "coco"])
def test_the_boxes_that_were_written_come_back(tmp_path: Path, format: str) -> None:
    person = samples.person(2, box_xyxy=[10.5, 20, 90, 140])
    sequence = PoseSequence("demo", (FramePoses(4, (person,)),))
    (file,) = write_poses([sequence], tmp_path / "a.json", format=format)
    (detection,) = boxes_from_file(file)[4]
    assert detection.box_xyxy.tolist() == pytest.approx([10.5, 20, 90, 140], abs=1e-9)


def test_the_factor_of_coco_boxes_is_what_real_labels_show(shared: Path) -> None:
    ratios = []
    for file in ("handball/handball.json", "mmpose_coco/test_coco.json"):
        for annotation in json.loads((shared / "data" / "labels" / file).read_text())["annotations"]:
            joints = np.array(annotation["keypoints"], dtype=float).reshape(-1, 3)
            joints = joints[joints[:, 2] > 0, :2]
            if len(joints) >= 12:
                extent = np.ptp(joints, axis=0) * 1.3
                ratios.append(float(np.sqrt(extent.prod() / np.prod(annotation["bbox"][2:]))))
    assert len(ratios) == 52
    assert np.median(ratios) == pytest.approx(COCO_BOXES.to_convention, abs=0.02)


def test_joints_are_selected_by_name() -> None:
    sequence = samples.sequence(1)
    person = sequence.frames[0].persons[0]
    coco = to_skeleton(sequence, COCO_17)
    assert coco.skeleton is COCO_17
    converted = coco.frames[0].persons[0]
    for joint in COCO_17.joints:
        if joint in POSETRACK_17.joints:
            at, source = COCO_17.index(joint), POSETRACK_17.index(joint)
            assert converted.keypoints[at].tolist() == person.keypoints[source].tolist()
            assert converted.visibility[at] == person.visibility[source]
        else:
            assert converted.visibility[COCO_17.index(joint)] == Visibility.ABSENT


def test_the_same_skeleton_changes_nothing() -> None:
    sequence = samples.sequence(1)
    assert to_skeleton(sequence, POSETRACK_17) is sequence


def test_there_and_back_keeps_scores_and_boxes() -> None:
    person = samples.person(scores=np.arange(17) / 17, box_xyxy=[1, 2, 30, 40], head_box_xyxy=[1, 2, 3, 4])
    sequence = PoseSequence("demo", (FramePoses(0, (person,)),))
    for skeleton, lost in ((POSETRACK_15, [3, 4]), (COCO_17, [1, 2])):
        again = to_skeleton(to_skeleton(sequence, skeleton), POSETRACK_17).frames[0].persons[0]
        kept = [joint for joint in range(17) if joint not in lost]
        assert again.scores is not None
        assert person.scores is not None
        assert again.scores[kept].tolist() == person.scores[kept].tolist()
        assert again.scores[lost].tolist() == [0, 0]
        assert again.box_xyxy is not None
        assert again.box_xyxy.tolist() == pytest.approx([1, 2, 30, 40])
        assert again.head_box_xyxy is not None
        assert again.head_box_xyxy.tolist() == [1, 2, 3, 4]


def test_boxes_go_to_the_image_of_their_name(tmp_path: Path) -> None:
    file = samples.save(samples.coco(["000012.jpg", "000013.jpg"]), tmp_path / "a.json")
    boxes = boxes_from_file(file, image_names=["cover.jpg", "000013.jpg"])
    assert list(boxes) == [1]
    assert boxes[1][0].box_xyxy.tolist() == boxes_from_file(file)[13][0].box_xyxy.tolist()


def test_boxes_of_other_names_go_by_frame_only_if_the_numbers_of_frames_agree(tmp_path: Path) -> None:
    file = samples.save(samples.posetrack18(track_id=6), tmp_path / "a.json")
    assert list(boxes_from_file(file, image_names=["x.png", "y.png", "z.png"])) == [0, 1, 2]
    with pytest.raises(UsageError, match="lists 3 frames under other names than those of the 2 images"):
        boxes_from_file(file, image_names=["x.png", "y.png"])
