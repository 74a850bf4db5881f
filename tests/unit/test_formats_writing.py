"""Written files: what each consumer demands of them, and what happens to poses that no file can hold."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dcpose_core.boxes import COCO_BOXES
from dcpose_core.errors import FormatError, UsageError
from dcpose_core.formats import FORMATS, manifest_path, read_poses, write_poses
from dcpose_core.skeletons import COCO_17, POSETRACK_17
from dcpose_core.types import FramePoses, PersonPose, PoseSequence, Visibility
from tests.unit import format_samples as samples

_POSETRACK = [name for name, format in FORMATS.items() if format.is_posetrack]
_IMAGE_KEYS = {
    "id", "frame_id", "file_name", "vid_id", "nframes", "is_labeled", "has_no_densepose",
    "ignore_regions_x", "ignore_regions_y", "width", "height",
}  # fmt: skip
_ANNOTATION_KEYS = {
    "id", "image_id", "track_id", "category_id", "bbox", "bbox_head", "keypoints", "scores", "num_keypoints", "area",
    "iscrowd",
}  # fmt: skip


def _write(sequence: PoseSequence, folder: Path, format: str) -> Any:
    (file,) = write_poses([sequence], folder / "out.json", format=format)
    assert file == folder / "out.json"
    return json.loads(file.read_text(), parse_constant=lambda constant: pytest.fail(f"{constant} in the file"))


def _frames(count: int, *persons: PersonPose) -> PoseSequence:
    return PoseSequence("demo", tuple(FramePoses(i, persons) for i in range(count)), width_px=640, height_px=480)


def test_a_2018_file_has_every_key_that_some_consumer_needs(tmp_path: Path) -> None:
    scored = samples.person(scores=np.full(17, 0.5), score=0.75)
    content = _write(_frames(2, scored), tmp_path, "posetrack18")
    assert set(content) == {"images", "annotations", "categories"}
    for i, image in enumerate(content["images"]):
        assert set(image) == _IMAGE_KEYS
        assert image["id"] == image["frame_id"] == 10000010000 + i
        assert image["file_name"] == f"images/test/000001_mpii_test/{i:06d}.jpg"
        assert (image["vid_id"], image["nframes"]) == ("000001", 2)
        assert (image["width"], image["height"]) == (640, 480)
        assert image["is_labeled"] is True
        assert image["has_no_densepose"] is True
        assert image["ignore_regions_x"] == image["ignore_regions_y"] == []
    for i, record in enumerate(content["annotations"]):
        assert set(record) == _ANNOTATION_KEYS | {"score"}
        assert record["id"] == record["image_id"] * 100
        assert record["image_id"] == 10000010000 + i
        assert record["iscrowd"] == 0
        assert record["iscrowd"] is not False
        assert record["num_keypoints"] == 15
        assert record["area"] == pytest.approx(record["bbox"][2] * record["bbox"][3])
        assert record["scores"] == [0.5] * 17
        assert record["score"] == 0.75
        assert len(record["keypoints"]) == 51
    (category,) = content["categories"]
    assert (category["id"], category["name"], category["supercategory"]) == (1, "person", "person")
    assert category["keypoints"] == list(POSETRACK_17.joints)
    assert len(category["skeleton"]) == 19


def test_ground_truth_without_scores_has_an_empty_list(tmp_path: Path) -> None:
    record = _write(samples.sequence(1), tmp_path, "posetrack18")["annotations"][0]
    assert record["scores"] == []
    assert "score" not in record


def test_a_2021_file_adds_identities_and_labeled_persons(tmp_path: Path) -> None:
    sequence = samples.sequence(2)
    sequence = sequence.with_frames([sequence.frames[0], replace(sequence.frames[1], persons=())])
    content = _write(sequence, tmp_path, "posetrack21")
    assert [set(image) for image in content["images"]] == [_IMAGE_KEYS | {"has_labeled_person"}] * 2
    assert [image["has_labeled_person"] for image in content["images"]] == [True, False]
    assert [set(record) for record in content["annotations"]] == [_ANNOTATION_KEYS | {"person_id"}]


def test_a_2017_file_wraps_every_scalar_and_counts_from_1(tmp_path: Path) -> None:
    scored = samples.person(scores=np.full(17, 0.5), score=0.75, head_box_xyxy=[1, 2, 3, 4])
    content = _write(_frames(2, scored), tmp_path, "posetrack17")
    assert set(content) == {"annolist"}
    second = content["annolist"][1]
    assert second["image"] == [{"name": "images/demo/00000002.jpg"}]
    assert second["imgnum"] == [2]
    assert second["is_labeled"] == [1]
    assert second["ignore_regions"] == []
    (rect,) = second["annorect"]
    assert {key: value for key, value in rect.items() if key != "annopoints"} == {
        "x1": [1.0], "y1": [2.0], "x2": [3.0], "y2": [4.0], "score": [0.75], "track_id": [0],
    }  # fmt: skip
    points = rect["annopoints"][0]["point"]
    assert [point["id"] for point in points] == [[i] for i in range(15)]
    # right_ankle is the last of the 17 joints.
    assert points[0] == {"id": [0], "x": [148.0], "y": [180.0], "is_visible": [1], "score": [0.5]}


def test_visibility_is_written_as_each_format_means_it(tmp_path: Path) -> None:
    visibility = np.array([Visibility.OCCLUDED] * 2 + [Visibility.VISIBLE] * 13 + [Visibility.ABSENT] * 2)
    person = samples.person(visibility=visibility)
    of_2018, of_2021, of_coco = (
        _write(_frames(1, person), tmp_path, format)["annotations"][0]["keypoints"]
        for format in ("posetrack18", "posetrack21", "coco")
    )
    assert of_2018[2::3] == [1, 1, 1, 0, 0] + [1] * 10 + [0, 0]
    assert of_2021[2::3] == [0, 0, 1, 0, 0] + [1] * 10 + [0, 0]
    # COCO has eyes where PoseTrack has the neck and the top of the head.
    assert of_coco[2::3] == [1, 0, 0, 2, 2] + [2] * 10 + [0, 0]
    # Ears and joints that nobody annotated are 0, 0, 0 in PoseTrack.
    assert of_2018[9:15] == of_2021[9:15] == [0] * 6
    assert of_2018[45:] == [0] * 6
    # An occluded joint has its place.
    assert of_2018[:2] == of_2021[:2] == of_coco[:2] == [100.0, 100.0]
    assert all(type(flag) is int for flag in of_2018[2::3] + of_2021[2::3] + of_coco[2::3])


def test_num_keypoints_counts_what_is_located_but_not_the_ears(tmp_path: Path) -> None:
    person = samples.person(visibility=np.array([Visibility.OCCLUDED] * 10 + [Visibility.ABSENT] * 7))
    assert _write(_frames(1, person), tmp_path, "posetrack21")["annotations"][0]["num_keypoints"] == 8
    assert _write(_frames(1, person), tmp_path, "coco")["annotations"][0]["num_keypoints"] == 8


@pytest.mark.parametrize("format", FORMATS)
def test_every_frame_is_listed_also_those_that_nobody_labelled(tmp_path: Path, format: str) -> None:
    frames = [FramePoses(0), FramePoses(1, (samples.person(),)), FramePoses(2, is_labeled=False)]
    content = _write(PoseSequence("demo", tuple(frames)), tmp_path, format)
    assert len(content["annolist" if format == "posetrack17" else "images"]) == 3
    (again,) = read_poses(tmp_path / "out.json")
    assert [len(frame.persons) for frame in again.frames] == [0, 1, 0]
    if format != "coco":
        assert [frame.is_labeled for frame in again.frames] == [True, True, False]


def test_ignore_regions_are_written(tmp_path: Path) -> None:
    region = np.array([[1.0, 2.0], [3.5, 4.0], [5.0, 6.0]])
    sequence = PoseSequence("demo", (FramePoses(0, ignore_regions=(region,)),))
    (image,) = _write(sequence, tmp_path, "posetrack18")["images"]
    assert image["ignore_regions_x"] == [[1.0, 3.5, 5.0]]
    assert image["ignore_regions_y"] == [[2.0, 4.0, 6.0]]


def test_an_unknown_image_size_is_left_out(tmp_path: Path) -> None:
    (image,) = _write(PoseSequence("demo", (FramePoses(0),)), tmp_path, "posetrack18")["images"]
    assert "width" not in image
    assert "height" not in image


@pytest.mark.parametrize("format", _POSETRACK)
def test_track_ids_are_made_dense_in_their_order(tmp_path: Path, format: str) -> None:
    persons = samples.person(70_000), samples.person(4), samples.person(900)
    _write(_frames(2, *persons), tmp_path, format)
    (again,) = read_poses(tmp_path / "out.json")
    assert [[person.track_id for person in frame.persons] for frame in again.frames] == [[2, 0, 1]] * 2


def test_persons_that_nobody_tracked_are_numbered_within_their_frame(tmp_path: Path) -> None:
    content = _write(_frames(2, samples.person(None), samples.person(None)), tmp_path, "posetrack18")
    assert [record["track_id"] for record in content["annotations"]] == [0, 1, 0, 1]
    notes = json.loads(manifest_path(tmp_path / "out.json").read_text())
    assert notes["sequences"][0]["source_track_ids"] is None


def test_a_body_box_that_is_missing_follows_from_the_joints(tmp_path: Path) -> None:
    content = _write(_frames(1, samples.person()), tmp_path, "posetrack18")
    # Joints from (100, 100) to (148, 180): x 1.3 about the centre.
    assert content["annotations"][0]["bbox"] == pytest.approx([92.8, 88.0, 62.4, 104.0])


def test_a_missing_box_of_a_coco_pose_gets_the_size_that_coco_boxes_have(tmp_path: Path) -> None:
    sequence = replace(_frames(1, samples.person()), skeleton=COCO_17)
    x, y, width, height = _write(sequence, tmp_path, "coco")["annotations"][0]["bbox"]
    assert (x + width / 2, y + height / 2) == pytest.approx((124, 140))
    assert (width, height) == pytest.approx((62.4 / COCO_BOXES.to_convention, 104 / COCO_BOXES.to_convention))


def test_a_person_of_one_joint_still_has_a_box_with_an_area(tmp_path: Path) -> None:
    person = samples.person(visibility=np.array([Visibility.VISIBLE] + [Visibility.ABSENT] * 16))
    record = _write(_frames(1, person), tmp_path, "posetrack18")["annotations"][0]
    assert record["bbox"] == [99.5, 99.5, 1.0, 1.0]
    assert record["area"] == 1.0


def test_a_head_box_that_is_missing_follows_from_the_head_and_the_manifest_says_so(tmp_path: Path) -> None:
    keypoints = np.zeros((17, 2))
    keypoints[1], keypoints[2] = (200, 150), (200, 100)
    visibility = np.where(keypoints.any(axis=1), Visibility.VISIBLE, Visibility.ABSENT)
    drawn = samples.person(1, head_box_xyxy=[1, 2, 3, 5])
    derived = samples.person(7, keypoints=keypoints, visibility=visibility)
    content = _write(_frames(1, drawn, derived), tmp_path, "posetrack18")
    assert content["annotations"][0]["bbox_head"] == [1, 2, 2, 3]
    x, y, width, height = content["annotations"][1]["bbox_head"]
    assert (x + width / 2, y + height / 2) == pytest.approx((200, 125))
    # PCKh's scale is 0.6 of the diagonal, and that is 1.26 times the head's 50 pixels.
    assert np.hypot(width, height) == pytest.approx(63)
    notes = json.loads(manifest_path(tmp_path / "out.json").read_text())["sequences"][0]
    assert notes["bbox_head_source"] == "mixed"
    assert notes["derived_bbox_head_of_frame_and_track_id"] == [[0, 1]]


def test_without_head_joints_the_head_box_lies_at_the_top_of_the_body_box(tmp_path: Path) -> None:
    person = samples.person(
        visibility=np.array([Visibility.ABSENT] * 5 + [Visibility.VISIBLE] * 12), box_xyxy=[100, 50, 200, 310]
    )
    x, y, width, height = _write(_frames(1, person), tmp_path, "posetrack18")["annotations"][0]["bbox_head"]
    assert (x + width / 2, y + height / 2) == pytest.approx((150, 50))
    assert np.hypot(width, height) == pytest.approx(0.24 * 260 / 1.3)


def test_the_manifest_maps_frames_to_the_video(tmp_path: Path) -> None:
    sequence = samples.sequence(2, name="dance.mp4", first=40)
    write_poses([sequence], tmp_path / "out.json", format="posetrack17", source=Path("holiday") / "dance.mp4")
    notes = json.loads((tmp_path / "out.json.manifest").read_text())
    assert (notes["format"], notes["source"]) == ("posetrack17", "dance.mp4")
    (entry,) = notes["sequences"]
    assert (entry["file"], entry["source_sequence"], entry["sequence"]) == ("out.json", "dance.mp4", "dance.mp4")
    assert entry["frame"] == entry["source_frame"] == [40, 41]
    assert entry["time_s"] == [1.6, 1.64]
    assert entry["source_track_ids"] == [0]
    assert entry["bbox_head_source"] == "derived"


def test_joints_beyond_the_border_which_the_2021_kit_ignores_are_counted(tmp_path: Path) -> None:
    _write(_frames(2, samples.person(x=-1.0)), tmp_path, "posetrack21")
    notes = json.loads(manifest_path(tmp_path / "out.json").read_text())["sequences"][0]
    assert notes["joints_at_or_beyond_the_upper_or_left_border"] == 2


def test_coco_needs_no_manifest(tmp_path: Path) -> None:
    _write(samples.sequence(), tmp_path, "coco")
    assert [file.name for file in tmp_path.iterdir()] == ["out.json"]


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("my video.mp4", "000001_mpii_test"),
        ("myvideo", "000001_mpii_test"),
        ("000001_custom_train", "000001_mpii_test"),
        ("", "000001_mpii_test"),
        ("../../etc", "000001_mpii_test"),
        ("000342_mpii_test", "000342_mpii_test"),
        ("123456_mpii_val", "123456_mpii_val"),
        ("020910_mpiinew_test", "020910_mpiinew_test"),
        ("000001_bonn_train", "000001_bonn_train"),
        ("000342_mpii", "000342_mpii"),
    ],
)
def test_2018_sequences_have_names_that_poseval_takes(tmp_path: Path, name: str, written: str) -> None:
    content = _write(replace(samples.sequence(1), name=name), tmp_path, "posetrack18")
    folder = content["images"][0]["file_name"].split("/")[-2]
    assert folder == written
    # What poseval does with it.
    assert int(folder.split("_")[0]) >= 0
    assert folder.split("_")[1] in ("mpii", "bonn", "mpiinew")


@pytest.mark.parametrize("format", ["posetrack17", "posetrack21", "coco"])
@pytest.mark.parametrize(
    ("name", "written"), [("my video.mp4", "my_video.mp4"), ("../../etc", "_.._etc"), ("..", "sequence"), ("é", "é")]
)
def test_other_formats_keep_names_as_far_as_folders_allow(tmp_path: Path, format: str, name: str, written: str) -> None:
    _write(replace(samples.sequence(1), name=name), tmp_path, format)
    (again,) = read_poses(tmp_path / "out.json")
    assert again.name == written


def test_a_path_that_came_with_a_frame_is_not_passed_on_if_it_leaves_its_folder(tmp_path: Path) -> None:
    frame = FramePoses(0, file_name="../../000342_mpii_test/000000.jpg")
    content = _write(PoseSequence("000342_mpii_test", (frame,)), tmp_path, "posetrack18")
    assert content["images"][0]["file_name"] == "images/test/000342_mpii_test/000000.jpg"


def test_stills_keep_their_file_names_in_coco(tmp_path: Path) -> None:
    source = samples.save(samples.coco(["a cat.jpg", "b-2.png"]), tmp_path / "stills.json")
    content = _write(read_poses(source)[0], tmp_path, "coco")
    assert [image["file_name"] for image in content["images"]] == ["a cat.jpg", "b-2.png"]


def test_frames_that_came_with_one_name_get_names_of_their_own(tmp_path: Path) -> None:
    frames = tuple(FramePoses(i, file_name="a cat.jpg") for i in range(2))
    content = _write(PoseSequence("demo", frames), tmp_path, "coco")
    assert [image["file_name"] for image in content["images"]] == ["demo/000000.jpg", "demo/000001.jpg"]


def test_a_long_video_is_split_into_sequences_that_poseval_takes(tmp_path: Path) -> None:
    frames = [FramePoses(i, time_s=i / 25) for i in range(20_001)]
    for index, tracks in ((0, (5,)), (9_999, (5, 9)), (10_000, (9,)), (20_000, (9, 11))):
        frames[index] = replace(frames[index], persons=tuple(map(samples.person, tracks)))
    sequence = PoseSequence("demo.mp4", tuple(frames), width_px=640, height_px=480)
    files = write_poses([sequence], tmp_path / "out.json", format="posetrack18", source="demo.mp4")
    names = ["000001_mpii_test", "000002_mpii_test", "000003_mpii_test"]
    assert files == [tmp_path / f"out_{name}.json" for name in names]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out.json.manifest", *(file.name for file in files)]

    parts = read_poses(tmp_path)
    assert [part.name for part in parts] == names
    assert [len(part.frames) for part in parts] == [10_000, 10_000, 1]
    assert [part.frames[-1].index for part in parts] == [9_999, 9_999, 0]
    identities = [
        [(person.track_id, person.person_id) for frame in part.frames for person in frame.persons] for part in parts
    ]
    # Each part counts its tracks anew; the identity goes through all of them.
    assert identities == [[(0, 0), (0, 0), (1, 1)], [(0, 1)], [(0, 1), (1, 2)]]

    notes = json.loads((tmp_path / "out.json.manifest").read_text())["sequences"]
    assert [entry["file"] for entry in notes] == [file.name for file in files]
    assert notes[1]["frame"][:2] == [0, 1]
    assert notes[1]["source_frame"][:2] == [10_000, 10_001]
    assert notes[2]["source_frame"] == [20_000]
    assert notes[2]["time_s"] == [800.0]
    assert [entry["source_track_ids"] for entry in notes] == [[5, 9], [9], [9, 11]]


def test_the_parts_of_a_split_sequence_take_no_name_of_another(tmp_path: Path) -> None:
    long = PoseSequence("000342_mpii_test", (FramePoses(0), FramePoses(10_000), FramePoses(20_000)))
    write_poses([long, samples.sequence(1, name="000343_mpii_test")], tmp_path, format="posetrack18")
    names = ["000342_mpii_test", "000343_mpii_test", "000344_mpii_test", "000345_mpii_test"]
    assert [sequence.name for sequence in read_poses(tmp_path)] == names
    assert len(read_poses(tmp_path / "000343_mpii_test.json")[0].frames[0].persons) == 1


def test_10000_frames_stay_in_one_file(tmp_path: Path) -> None:
    sequence = PoseSequence("demo", tuple(FramePoses(i) for i in range(10_000)))
    assert write_poses([sequence], tmp_path / "a.json", format="posetrack17") == [tmp_path / "a.json"]


def test_coco_is_never_split(tmp_path: Path) -> None:
    sequence = PoseSequence("demo", tuple(FramePoses(i) for i in range(10_001)))
    (file,) = write_poses([sequence], tmp_path / "a.json", format="coco")
    assert read_poses(file)[0].frames[-1].index == 10_000


@pytest.mark.parametrize("format", FORMATS)
def test_several_sequences_come_back_from_a_folder(tmp_path: Path, format: str) -> None:
    names = ["000007_mpii_test", "000009_mpii_test"]
    files = write_poses([samples.sequence(2, name=name) for name in names], tmp_path, format=format)
    assert len(files) == (1 if format == "coco" else 2)
    again = read_poses(tmp_path)
    assert [sequence.name for sequence in again] == names
    assert [[frame.index for frame in sequence.frames] for sequence in again] == [[0, 1]] * 2


def test_sequences_of_one_name_get_distinct_ones(tmp_path: Path) -> None:
    write_poses([samples.sequence(1), samples.sequence(1)], tmp_path, format="posetrack21")
    assert sorted(file.name for file in tmp_path.glob("*.json")) == ["demo.json", "demo_part2.json"]


_NAN = float("nan")


def _with(**fields: Any) -> PoseSequence:
    return _frames(4, samples.person(3), samples.person(8, **fields))


def _points(x: float) -> np.ndarray[Any, Any]:
    points = np.ones((17, 2))
    points[9, 0] = x
    return points


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        (_with(keypoints=_points(_NAN)), r"sequence 'demo', frame 0, person 1: left_wrist is at \(nan, 1\)"),
        (_with(keypoints=_points(-np.inf)), r"frame 0, person 1: left_wrist is at \(-inf, 1\)"),
        (_with(keypoints=_points(1e9)), r"frame 0, person 1: left_wrist is at \(1e\+09, 1\)"),
        (_with(scores=np.array([0.5] * 16 + [_NAN])), r"person 1: right_ankle has the score nan"),
        (_with(score=np.inf), r"person 1: score inf is not finite"),
        (_with(box_xyxy=[1, 2, _NAN, 4]), r"person 1: body box"),
        (_with(box_xyxy=[1, 2, 0, 4]), r"person 1: body box"),
        (_with(head_box_xyxy=[1, 2, 3, np.inf]), r"person 1: head box"),
        (_frames(4, samples.person(3), samples.person(3)), r"sequence 'demo', frame 0: track id 3 is used twice"),
        (_frames(4, samples.person(-1)), r"frame 0: track id -1 is negative"),
        (
            PoseSequence("demo", (FramePoses(0, ignore_regions=(np.array([[1, _NAN]]),)),)),
            "frame 0: ignore region 0 has a corner",
        ),
        (
            _frames(1, PersonPose(np.zeros((17, 2)), np.zeros(17, dtype=np.uint8), track_id=0)),
            "frame 0, person 0: has neither a joint nor a box",
        ),
        (PoseSequence("demo", ()), "sequence 'demo': not written: it has no frames"),
        (PoseSequence("demo", (FramePoses(1), FramePoses(1))), "frame indices must ascend"),
        (PoseSequence("demo", (FramePoses(-1),)), "frame indices must ascend"),
        (
            PoseSequence("demo", (FramePoses(0, (PersonPose(np.ones((15, 2)), np.ones(15, dtype=np.uint8)),)),)),
            "person 0: 15 joints, but posetrack_17 has 17",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("format", FORMATS)
def test_what_no_file_can_hold_is_an_error_and_the_old_file_stays(
    tmp_path: Path, format: str, sequence: PoseSequence, message: str
) -> None:
    file = tmp_path / "out.json"
    file.write_text("old")
    with pytest.raises(FormatError, match=message) as caught:
        write_poses([samples.sequence(), sequence], file, format=format)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("format", _POSETRACK)
@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        (_frames(1, *(samples.person(i) for i in range(101))), "frame 0: 101 persons, but PoseTrack ids hold 100"),
        (_frames(1, samples.person(3), samples.person(None)), "frame 0, person 1: has no track id"),
        (
            PoseSequence("demo", tuple(FramePoses(i, (samples.person(i),)) for i in range(1001))),
            "1001 tracks, but a PoseTrack sequence holds 1000",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_posetrack_cannot_number_is_an_error_there_but_fits_into_coco(
    tmp_path: Path, format: str, sequence: PoseSequence, message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        write_poses([sequence], tmp_path / "out.json", format=format)
    assert list(tmp_path.iterdir()) == []
    write_poses([sequence], tmp_path / "out.json", format="coco")


def test_100_persons_and_1000_tracks_fit(tmp_path: Path) -> None:
    frames = tuple(FramePoses(i, tuple(samples.person(100 * i + k) for k in range(100))) for i in range(10))
    content = _write(PoseSequence("demo", frames), tmp_path, "posetrack18")
    assert len({record["id"] for record in content["annotations"]}) == 1000
    assert {record["track_id"] for record in content["annotations"]} == set(range(1000))


def _fail_at(call: int) -> Callable[[int], None]:
    """An fsync that fails as on a full disk at its `call`-th call."""
    calls = []

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == call:
            raise OSError(28, "No space left on device")

    return fsync


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_full_disk_leaves_every_old_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    sequences = [samples.sequence(1, name=f"00000{i}_mpii_test") for i in (1, 2)]
    write_poses(sequences, tmp_path, format="posetrack18")
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert len(before) == 3
    monkeypatch.setattr(os, "fsync", _fail_at(call))
    with pytest.raises(FormatError, match="cannot be written: No space left on device"):
        write_poses([samples.sequence(5, name=sequence.name) for sequence in sequences], tmp_path, format="posetrack18")
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be written"):
        write_poses([samples.sequence()], tmp_path / "nowhere" / "out.json", format="coco")


def test_an_unknown_format_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="posetrack18, posetrack17, posetrack21, coco"):
        write_poses([samples.sequence()], tmp_path / "out.json", format="mpii")


def test_nothing_to_write_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no sequence"):
        write_poses([], tmp_path / "out.json", format="coco")


@pytest.mark.parametrize("format", ["posetrack18", "posetrack21", "coco"])
def test_pycocotools_loads_and_evaluates_our_files(
    tmp_path: Path, format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    coco_module = pytest.importorskip("pycocotools.coco")
    evaluation_module = pytest.importorskip("pycocotools.cocoeval")
    content = _write(_frames(3, samples.person(0), samples.person(1, x=300.0)), tmp_path, format)
    truth = coco_module.COCO(str(tmp_path / "out.json"))
    fields = ("image_id", "category_id", "keypoints")
    results = [{**{field: record[field] for field in fields}, "score": 0.9} for record in content["annotations"]]
    evaluation = evaluation_module.COCOeval(truth, truth.loadRes(results), "keypoints")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)
    capsys.readouterr()


def test_coco_files_say_which_skeleton_they_have(tmp_path: Path) -> None:
    content = _write(samples.sequence(1), tmp_path, "coco")
    assert content["categories"][0]["keypoints"] == list(COCO_17.joints)
    record = content["annotations"][0]
    assert record["id"] == 1
    assert record["track_id"] == record["attributes"]["track_id"] == 0
    assert record["segmentation"] == []
    assert [image["id"] for image in content["images"]] == [0]
