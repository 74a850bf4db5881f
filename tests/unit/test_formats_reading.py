"""Reading: what each flavour means, and what is tolerated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dcpose_core.errors import FormatError
from dcpose_core.formats import read_poses
from dcpose_core.skeletons import COCO_17, POSETRACK_15, POSETRACK_17
from dcpose_core.types import Visibility
from tests.unit import format_samples as samples

_POSEVAL = Path(__file__).parents[1] / "fixtures" / "poseval"
_POSEVAL_FILES = sorted(_POSEVAL.glob("*/*/*.json"))


@pytest.mark.parametrize("file", [file for file in _POSEVAL_FILES if file.parent.name in ("gt", "pred")], ids=str)
def test_an_official_2018_file_is_read_joint_for_joint(file: Path) -> None:
    content = json.loads(file.read_text())
    (sequence,) = read_poses(file)
    assert sequence.name == file.stem
    assert sequence.skeleton is POSETRACK_17
    assert [frame.file_name for frame in sequence.frames] == [image["file_name"] for image in content["images"]]
    assert [frame.index for frame in sequence.frames] == list(range(len(content["images"])))
    assert [frame.is_labeled for frame in sequence.frames] == [image["is_labeled"] for image in content["images"]]
    assert [len(frame.ignore_regions) for frame in sequence.frames] == [
        len(image.get("ignore_regions_x", [])) for image in content["images"]
    ]
    for image, frame in zip(content["images"], sequence.frames, strict=True):
        records = [record for record in content["annotations"] if record["image_id"] == image["id"]]
        assert len(frame.persons) == len(records)
        for record, person in zip(records, frame.persons, strict=True):
            numbers = np.array(record["keypoints"]).reshape(17, 3)
            # poseval drops a joint exactly if all three numbers are 0.
            assert person.located.tolist() == numbers.any(axis=1).tolist()
            assert person.keypoints.tolist() == numbers[:, :2].tolist()
            assert (None if person.scores is None else person.scores.tolist()) == (record["scores"] or None)
            assert person.track_id == record["track_id"]
            if "bbox_head" in record:
                assert person.head_box_xyxy is not None
                x1, y1, x2, y2 = person.head_box_xyxy
                assert [x1, y1, x2 - x1, y2 - y1] == pytest.approx(record["bbox_head"], abs=1e-9)


def test_every_official_file_was_tried() -> None:
    assert len(_POSEVAL_FILES) == 20


@pytest.mark.parametrize("file", sorted(_POSEVAL.glob("result_writer/pred_annolist/*.json")), ids=str)
def test_an_official_2017_prediction_is_read_joint_for_joint(file: Path) -> None:
    content = json.loads(file.read_text())
    (sequence,) = read_poses(file)
    assert sequence.name == file.stem
    # 2017 layout with PoseTrack18 frames: the 6-digit names count from 0.
    assert [frame.index for frame in sequence.frames] == list(range(len(content["annolist"])))
    dummies = 0
    for record, frame in zip(content["annolist"], sequence.frames, strict=True):
        persons = [rect for rect in record["annorect"] if len(rect["annopoints"][0]["point"]) > 1]
        dummies += len(record["annorect"]) - len(persons)
        assert len(frame.persons) == len(persons)
        for rect, person in zip(persons, frame.persons, strict=True):
            assert person.score == rect["score"][0]
            assert person.scores is not None
            assert person.located.sum() == len(rect["annopoints"][0]["point"]) == 15
            for point in rect["annopoints"][0]["point"]:
                slot = POSETRACK_17.index(POSETRACK_15.joints[point["id"][0]])
                assert person.keypoints[slot].tolist() == [point["x"][0], point["y"][0]]
                assert person.scores[slot] == point["score"][0]
    assert dummies > 0


def test_a_folder_is_read_file_by_file_in_order_of_names() -> None:
    names = ["000342_mpii_test", "001001_mpii_test", "012345_mpii_test", "020880_mpii_test"]
    assert [sequence.name for sequence in read_poses(_POSEVAL / "main" / "gt")] == names


def test_a_folder_without_json_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"no \.json file"):
        read_poses(tmp_path)


@pytest.mark.parametrize(
    ("x", "y", "flag", "expected"),
    [
        (0, 0, 0, Visibility.ABSENT),
        (0, 0, 1, Visibility.VISIBLE),  # a false positive at the corner for poseval, too
        (5, 0, 0, Visibility.OCCLUDED),
        (-3.5, 7, 0, Visibility.OCCLUDED),
        (5, 6, 1, Visibility.VISIBLE),
        (5, 6, 2, Visibility.VISIBLE),
        (5, 6, 1.0, Visibility.VISIBLE),
    ],
)
def test_posetrack_flags_mean_what_the_official_evaluation_takes_them_for(
    tmp_path: Path, x: float, y: float, flag: float, expected: Visibility
) -> None:
    content = samples.posetrack18(1)
    content["annotations"][0]["keypoints"][:3] = [x, y, flag]
    person = read_poses(samples.save(content, tmp_path / "a.json"))[0].frames[0].persons[0]
    assert person.visibility[0] == expected
    assert person.keypoints[0].tolist() == [x, y]


@pytest.mark.parametrize(
    ("flag", "expected"), [(0, Visibility.ABSENT), (1, Visibility.OCCLUDED), (2, Visibility.VISIBLE)]
)
def test_coco_flags_mean_what_coco_says(tmp_path: Path, flag: int, expected: Visibility) -> None:
    content = samples.coco(["0.jpg"])
    content["annotations"][0]["keypoints"][:3] = [5, 6, flag]
    (sequence,) = read_poses(samples.save(content, tmp_path / "a.json"))
    assert sequence.skeleton is COCO_17
    assert sequence.frames[0].persons[0].visibility[0] == expected


def test_occlusion_in_2017_files_is_the_visible_flag_of_a_point(tmp_path: Path) -> None:
    content = samples.posetrack17(1)
    content["annolist"][0]["annorect"][0]["annopoints"][0]["point"][14]["is_visible"] = [0]
    del content["annolist"][0]["annorect"][0]["annopoints"][0]["point"][13]
    person = read_poses(samples.save(content, tmp_path / "a.json"))[0].frames[0].persons[0]
    assert person.visibility[POSETRACK_17.index("head_top")] == Visibility.OCCLUDED
    assert person.visibility[POSETRACK_17.index("nose")] == Visibility.ABSENT
    assert person.visibility[POSETRACK_17.index("head_bottom")] == Visibility.VISIBLE
    assert person.keypoints[POSETRACK_17.index("right_ankle")].tolist() == [100.0, 200.0]


def test_the_box_of_a_2017_file_is_the_head_box(tmp_path: Path) -> None:
    person = read_poses(samples.save(samples.posetrack17(1), tmp_path / "a.json"))[0].frames[0].persons[0]
    assert person.head_box_xyxy is not None
    assert person.head_box_xyxy.tolist() == [10, 20, 30, 45]
    assert person.box_xyxy is None


def test_2017_frames_count_from_1_and_2018_frames_from_0(tmp_path: Path) -> None:
    (of_2017,) = read_poses(samples.save(samples.posetrack17(first=8), tmp_path / "a.json"))
    assert [frame.index for frame in of_2017.frames] == [7, 8, 9]
    content = samples.posetrack18(3)
    for i, image in enumerate(content["images"]):
        image["file_name"] = f"x/000001_mpii_test/{i + 8:06d}.jpg"
    (of_2018,) = read_poses(samples.save(content, tmp_path / "b.json"))
    assert [frame.index for frame in of_2018.frames] == [8, 9, 10]


def test_a_2017_sequence_with_a_frame_0_counts_from_0(tmp_path: Path) -> None:
    (sequence,) = read_poses(samples.save(samples.posetrack17(first=0), tmp_path / "a.json"))
    assert [frame.index for frame in sequence.frames] == [0, 1, 2]


def test_frames_with_names_that_are_no_numbers_are_counted_by_position(tmp_path: Path) -> None:
    (sequence,) = read_poses(samples.save(samples.coco(["18_14.png", "18_15.png"]), tmp_path / "handball.json"))
    assert [frame.index for frame in sequence.frames] == [0, 1]
    assert sequence.name == "handball"


def test_frames_come_by_ascending_index_whatever_their_order_in_the_file(tmp_path: Path) -> None:
    content = samples.posetrack18(4)
    content["images"].reverse()
    for i, annotation in enumerate(content["annotations"]):
        annotation["track_id"] = i
    (sequence,) = read_poses(samples.save(content, tmp_path / "a.json"))
    assert [frame.index for frame in sequence.frames] == [0, 1, 2, 3]
    assert [frame.persons[0].track_id for frame in sequence.frames] == [0, 1, 2, 3]


def test_a_merged_file_is_taken_apart_by_the_folders_of_its_frames(tmp_path: Path) -> None:
    content = samples.posetrack18(4)
    for image, name in zip(content["images"], ("a/1", "b/000001", "a/0", "b/000000"), strict=True):
        image["file_name"] = f"images/val/{name}.jpg"
    first, second = read_poses(samples.save(content, tmp_path / "val.json"))
    assert (first.name, second.name) == ("a", "b")
    assert [frame.file_name for frame in first.frames] == ["images/val/a/0.jpg", "images/val/a/1.jpg"]


def _changed(content: dict[str, Any], records: str, fields: dict[str, Any]) -> dict[str, Any]:
    """`content` with `fields` set in every one of its `records`; `...` removes a field."""
    for record in content[records]:
        for field, value in fields.items():
            if value is ...:
                record.pop(field, None)
            else:
                record[field] = value
    return content


@pytest.mark.parametrize(
    ("records", "fields"),
    [
        ("annotations", {"bbox": ..., "bbox_head": ..., "scores": ..., "id": ..., "category_id": ...}),
        ("annotations", {"track_id": ...}),
        ("annotations", {"bbox": None, "bbox_head": None, "track_id": None, "scores": None}),
        ("annotations", {"iscrowd": False, "num_keypoints": 14, "area": 3.5}),
        ("annotations", {"iscrowd": 0, "unknown": {"deep": [1, {"er": None}]}}),
        ("images", {"vid_id": "009473"}),
        ("images", {"vid_id": 9473}),
        ("images", {"ignore_regions_x": [], "ignore_regions_y": []}),
        ("images", {"width": 1920, "height": 1080, "nframes": 101, "mask_file": "x"}),
        ("images", {"frame_id": ...}),
    ],
)
def test_what_known_tools_leave_out_or_add_is_tolerated(tmp_path: Path, records: str, fields: dict[str, Any]) -> None:
    content = _changed(samples.posetrack18(), records, fields)
    (sequence,) = read_poses(samples.save(content, tmp_path / "a.json"))
    assert [frame.persons[0].located.sum() for frame in sequence.frames] == [17, 17, 17]


@pytest.mark.parametrize("image", [{"name": "a/00000001.jpg"}, [{"name": "a/00000001.jpg"}]])
def test_both_shapes_of_image_in_2017_files_are_read(tmp_path: Path, image: object) -> None:
    content = {"annolist": [{"image": image, "annorect": []}]}
    (sequence,) = read_poses(samples.save(content, tmp_path / "a.json"))
    assert (sequence.name, sequence.frames[0].index, sequence.frames[0].persons) == ("a", 0, ())


def test_the_dummy_person_of_dcpose_on_empty_frames_is_dropped(tmp_path: Path) -> None:
    dummy = {
        "annopoints": [{"point": [{"id": [0], "x": [0], "y": [0], "score": [-100.0]}]}],
        "score": [0],
        "track_id": [0],
    }
    content = {"annolist": [{"image": {"name": "a/00000001.jpg"}, "annorect": [dummy]}]}
    assert read_poses(samples.save(content, tmp_path / "a.json"))[0].frames[0].persons == ()


def test_a_joint_without_a_score_among_others_gets_that_of_the_official_evaluation(tmp_path: Path) -> None:
    content = samples.posetrack17(1)
    content["annolist"][0]["annorect"][0]["annopoints"][0]["point"][0]["score"] = [0.25]
    scores = read_poses(samples.save(content, tmp_path / "a.json"))[0].frames[0].persons[0].scores
    assert scores is not None
    assert scores[POSETRACK_17.index("right_ankle")] == 0.25
    assert scores[POSETRACK_17.index("nose")] == -9999
    assert scores[POSETRACK_17.index("left_ear")] == 0


def test_a_file_with_15_joints_in_another_order_is_mapped_by_name(tmp_path: Path) -> None:
    content = samples.posetrack18(1, keypoints=[n for i in range(15) for n in (i + 1, 2, 1)], scores=list(range(15)))
    content["categories"][0]["keypoints"] = list(POSETRACK_15.joints)
    person = read_poses(samples.save(content, tmp_path / "a.json"))[0].frames[0].persons[0]
    assert person.scores is not None
    for i, joint in enumerate(POSETRACK_15.joints):
        assert person.keypoints[POSETRACK_17.index(joint), 0] == i + 1
        assert person.scores[POSETRACK_17.index(joint)] == i
    assert not person.located[3:5].any()


def test_posetrack21_predictions_need_no_categories(tmp_path: Path) -> None:
    content = samples.posetrack18(1, person_id=12)
    del content["categories"]
    person = read_poses(samples.save(content, tmp_path / "a.json"))[0].frames[0].persons[0]
    assert person.person_id == 12
    assert person.located.all()


def test_a_box_without_joints_is_a_person_without_joints(tmp_path: Path) -> None:
    content = samples.posetrack18(1, keypoints=[])
    person = read_poses(samples.save(content, tmp_path / "a.json"))[0].frames[0].persons[0]
    assert not person.located.any()
    assert person.box_xyxy is not None
    assert person.box_xyxy.tolist() == [90, 80, 130, 140]


def test_other_categories_and_crowds_of_coco_are_no_persons(tmp_path: Path) -> None:
    content = samples.coco(["0.jpg", "1.jpg", "2.jpg"])
    content["categories"].append({"id": 18, "name": "dog"})
    content["annotations"][0] |= {"category_id": 18, "keypoints": []}
    content["annotations"][1] |= {"iscrowd": 1, "segmentation": {"counts": [1], "size": [1, 1]}}
    (sequence,) = read_poses(samples.save(content, tmp_path / "a.json"))
    assert [len(frame.persons) for frame in sequence.frames] == [0, 0, 1]


def test_the_size_is_known_if_all_images_agree(tmp_path: Path) -> None:
    content = _changed(samples.coco(["0.jpg", "1.jpg"]), "images", {"width": 640, "height": 480})
    (sequence,) = read_poses(samples.save(content, tmp_path / "a.json"))
    assert (sequence.width_px, sequence.height_px) == (640, 480)
    content["images"][0]["width"] = 641
    (sequence,) = read_poses(samples.save(content, tmp_path / "a.json"))
    assert (sequence.width_px, sequence.height_px) == (None, None)


def test_track_ids_of_cvat_are_found_among_its_attributes(tmp_path: Path) -> None:
    content = samples.coco(["0.jpg"], attributes={"track_id": 3, "occluded": False})
    assert read_poses(samples.save(content, tmp_path / "a.json"))[0].frames[0].persons[0].track_id == 3


def test_output_of_the_dcpose_demo_is_read(tmp_path: Path) -> None:
    joints = [[10.0 + i, 20.0 + i, 0.5 + i / 100] for i in range(17)]
    entries = [
        {"image_path": f"./input/dance/{i:08d}.jpg", "bbox": [100, 200, 40, 80], "keypoints": joints} for i in (0, 0, 2)
    ]
    (sequence,) = read_poses(samples.save({"Info": entries}, tmp_path / "result_dance.json"))
    assert sequence.name == "dance"
    assert [(frame.index, len(frame.persons)) for frame in sequence.frames] == [(0, 2), (2, 1)]
    person = sequence.frames[0].persons[0]
    assert person.keypoints.tolist() == [[10.0 + i, 20.0 + i] for i in range(17)]
    assert person.scores is not None
    assert person.scores[1] == 0.51
    assert person.box_xyxy is not None
    # A detector's box, brought to the engine's convention about its centre.
    assert person.box_xyxy.tolist() == pytest.approx([99, 198, 141, 282])


def test_coco_results_are_read_with_their_scores(tmp_path: Path) -> None:
    results = [
        {"image_id": 5, "category_id": 1, "keypoints": samples.joint_numbers(flag=0.75), "score": 0.9},
        {"image_id": 2, "category_id": 1, "keypoints": samples.joint_numbers(flag=0.25), "score": 0.8},
        {"image_id": 5, "category_id": 3, "keypoints": samples.joint_numbers(), "score": 0.8},
    ]
    (sequence,) = read_poses(samples.save(results, tmp_path / "a.json"))
    assert sequence.skeleton is COCO_17
    assert [(frame.index, len(frame.persons)) for frame in sequence.frames] == [(2, 1), (5, 1)]
    scores = sequence.frames[1].persons[0].scores
    assert scores is not None
    assert scores.tolist() == [0.75] * 17
    assert sequence.frames[1].persons[0].score == 0.9


def test_coco_results_with_flags_have_no_joint_scores(tmp_path: Path) -> None:
    results = [{"image_id": 5, "category_id": 1, "keypoints": samples.joint_numbers(flag=1), "score": 0.9}]
    person = read_poses(samples.save(results, tmp_path / "a.json"))[0].frames[0].persons[0]
    assert person.scores is None
    assert (person.visibility == Visibility.OCCLUDED).all()


def test_the_detections_of_dcpose_are_read(tmp_path: Path) -> None:
    results = [
        {
            "image_name": f"images/val/{name}.jpg", "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5,
            "nframes": 9, "frame_id": 10000010000,
        }
        for name in ("000001_mpii_test/000003", "000002_bonn/00000003")
    ]  # fmt: skip
    of_2018, of_2017 = read_poses(samples.save(results, tmp_path / "a.json"))
    assert (of_2018.name, of_2018.frames[0].index) == ("000001_mpii_test", 3)
    assert (of_2017.name, of_2017.frames[0].index) == ("000002_bonn", 2)
    assert not of_2018.frames[0].persons[0].located.any()


def test_real_coco_labels_are_read(shared: Path) -> None:
    labels = shared / "data" / "labels"
    (stills,) = read_poses(labels / "mmpose_coco" / "test_coco.json")
    assert [frame.index for frame in stills.frames] == [785, 40083, 196141, 197388]
    assert sum(len(frame.persons) for frame in stills.frames) == 14
    # This file names no joints at all.
    (handball,) = read_poses(labels / "handball" / "handball.json")
    assert handball.skeleton is COCO_17
    assert [len(frame.persons) for frame in handball.frames] == [1] * 40
