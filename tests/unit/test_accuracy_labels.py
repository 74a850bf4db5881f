"""Labelled sets: what is read from annotation files and their folders of images, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dcpose_core.accuracy import load_labelled_set
from dcpose_core.errors import DCPoseError, FormatError, UsageError
from dcpose_core.head_sizes import head_size_of
from dcpose_core.skeletons import POSETRACK_15, POSETRACK_17
from dcpose_core.types import PersonPose, Visibility
from tests.scenes import box
from tests.unit.accuracy_worlds import HEAD_PX, NAME, dots, load_world, write_world


def rewrite(labels: Path, **changes: Any) -> None:
    """Change the file's text: `images` and `annotations` are functions on each record."""
    content = json.loads(labels.read_text())
    for field, change in changes.items():
        for record in content[field]:
            change(record)
    labels.write_text(json.dumps(content))


def test_a_posetrack_file_gives_frames_persons_and_head_sizes(tmp_path: Path) -> None:
    labelled = load_world(tmp_path, n_frames=5, n_persons=2)
    (sequence,) = labelled.sequences
    assert list(sequence.frames) == [0, 1, 2, 3, 4]
    assert labelled.joints == POSETRACK_15.joints
    assert [person.row for person in labelled.persons] == list(range(10))
    for index, frame in sequence.frames.items():
        assert list(frame.persons) == [0, 1]
        for person, labels in frame.persons.items():
            np.testing.assert_allclose(labels.box_xyxy, box(person, index), atol=1e-9)
            assert labels.head_size_px == pytest.approx(HEAD_PX)
            counted = labels.pose.located
            assert [POSETRACK_17.joints[j] for j in np.flatnonzero(~counted)] == ["left_ear", "right_ear"]
            np.testing.assert_allclose(labels.pose.keypoints[counted], dots(person, index)[counted])


def test_of_coco_labels_13_joints_count_and_the_body_gives_the_head_size(tmp_path: Path) -> None:
    labelled = load_world(tmp_path, n_frames=3, format="coco")
    assert len(labelled.joints) == 13
    assert not {"head_bottom", "head_top", "left_ear"} & set(labelled.joints)
    (first, *_) = labelled.persons
    # The thigh is the longest part of this body.
    hip, knee = dots(0, 0)[[POSETRACK_17.index("left_hip"), POSETRACK_17.index("left_knee")]]
    assert first.head_size_px == pytest.approx(0.45 * np.linalg.norm(hip - knee))
    assert "head sizes from trunk and limbs: 3" in labelled.notes


def test_the_only_person_of_a_sequence_needs_no_track_id_but_several_do(tmp_path: Path) -> None:
    for n_persons, expected in ((1, [[0], [0], [0]]), (2, [[-1, -2], [-3, -4], [-5, -6]])):
        folder = tmp_path / str(n_persons)
        labels = write_world(folder, n_frames=3, n_persons=n_persons)
        rewrite(labels, annotations=lambda record: record.pop("track_id"))
        labelled = load_labelled_set(labels, folder / "images")
        assert [list(frame.persons) for frame in labelled.sequences[0].frames.values()] == expected
    assert "persons without a track id, known in one frame only: 6" in labelled.notes


@pytest.mark.parametrize(
    ("names", "indices"),
    [
        (("18_9.jpg", "18_11.jpg", "18_10.jpg"), [9, 10, 11]),
        (("COCO_val2014_000785.jpg", "COCO_val2014_040083.jpg", "COCO_val2014_196141.jpg"), [785, 40083, 196141]),
        (("before.jpg", "middle.jpg", "after.jpg"), [0, 1, 2]),
        (("a1.jpg", "b2.jpg", "a3.jpg"), [0, 1, 2]),
    ],
)
def test_the_numbers_in_the_names_say_which_frames_are_neighbours(
    tmp_path: Path, names: tuple[str, ...], indices: list[int]
) -> None:
    labels = write_world(tmp_path, n_frames=3, format="coco")
    for number, name in enumerate(names):
        (tmp_path / "images" / f"{number:06d}.jpg").rename(tmp_path / "images" / name)
    rewrite(labels, images=lambda record: record.update(file_name=names[record["id"]]))
    (sequence,) = load_labelled_set(labels, tmp_path / "images").sequences
    assert list(sequence.frames) == indices
    assert {frame.image.name for frame in sequence.frames.values()} == set(names)


@pytest.mark.parametrize("below", ["", "images", f"images/test/{NAME}"])
def test_images_are_found_from_any_of_the_folders_in_their_names(tmp_path: Path, below: str) -> None:
    labels = write_world(tmp_path, n_frames=2)
    folder = tmp_path / "dataset" / "images" / "test" / NAME
    folder.mkdir(parents=True)
    for image in (tmp_path / "images").iterdir():
        image.rename(folder / image.name)
    (sequence,) = load_labelled_set(labels, tmp_path / "dataset" / below).sequences
    assert [frame.image for frame in sequence.frames.values()] == [folder / "000000.jpg", folder / "000001.jpg"]


def test_images_of_two_sequences_are_never_taken_for_each_other(tmp_path: Path) -> None:
    labels = write_world(tmp_path, n_frames=2)
    rewrite(labels, images=lambda record: record.update(file_name=f"{record['id'] % 2}/000000.jpg"))
    with pytest.raises(UsageError, match="holds none of the 2 images"):
        load_labelled_set(labels, tmp_path / "images")


@pytest.mark.parametrize("name", ["../images/000000.jpg", "/etc/passwd", "a/../../b.jpg", "C:\\a.jpg", "\\\\a\\b", "."])
def test_an_image_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    labels = write_world(tmp_path, n_frames=2)
    rewrite(labels, images=lambda record: record.update(file_name=name if record["id"] % 2 else "000000.jpg"))
    with pytest.raises(FormatError, match=r"leads out of the images' folder") as refusal:
        load_labelled_set(labels, tmp_path / "images")
    assert "\n" not in str(refusal.value)


def test_a_missing_image_matters_only_where_somebody_is_labelled(tmp_path: Path) -> None:
    labels = write_world(tmp_path, n_frames=4)
    (tmp_path / "images" / "000002.jpg").unlink()
    with pytest.raises(UsageError, match=r"000002\.jpg: no such image"):
        load_labelled_set(labels, tmp_path / "images")
    content = json.loads(labels.read_text())
    lost = content["images"][2]["id"]
    content["annotations"] = [record for record in content["annotations"] if record["image_id"] != lost]
    labels.write_text(json.dumps(content))
    (sequence,) = load_labelled_set(labels, tmp_path / "images").sequences
    assert list(sequence.frames) == [0, 1, 3]


def test_labels_and_folders_that_cannot_be_used_are_one_clear_line(tmp_path: Path) -> None:
    labels = write_world(tmp_path, n_frames=2)
    empty = tmp_path / "empty.json"
    empty.write_text("")
    nobody = tmp_path / "nobody.json"
    content = json.loads(labels.read_text())
    nobody.write_text(json.dumps({**content, "annotations": []}))
    (tmp_path / "other").mkdir()
    for file, folder, message in (
        (labels, tmp_path / "nowhere", "no such folder"),
        (labels, tmp_path / "other", "holds none of the 2 images"),
        (tmp_path / "missing.json", tmp_path / "images", "no such file"),
        (empty, tmp_path / "images", "the file is empty"),
        (nobody, tmp_path / "images", "nobody is labelled"),
    ):
        with pytest.raises(DCPoseError, match=message) as refusal:
            load_labelled_set(file, folder)
        assert "\n" not in str(refusal.value)


def test_head_sizes_agree_wherever_they_come_from() -> None:
    # A man of 480 px as PoseTrack's labels have him in the mean: head box of diagonal 100 px, so a head size of 60 px.
    points = {
        "head_top": (0.0, 0.0), "head_bottom": (0.0, 79.5), "nose": (0.0, 50.0),
        "left_shoulder": (38.0, 95.0), "right_shoulder": (-38.0, 95.0), "left_hip": (25.0, 244.0),
        "right_hip": (-25.0, 244.0), "left_ankle": (20.0, 450.0), "right_ankle": (-20.0, 450.0),
    }  # fmt: skip
    keypoints, visibility = np.zeros((17, 2)), np.zeros(17, dtype=np.uint8)
    for joint, point in points.items():
        keypoints[POSETRACK_17.index(joint)] = point
        visibility[POSETRACK_17.index(joint)] = Visibility.VISIBLE
    man = PersonPose(keypoints, visibility, head_box_xyxy=np.array([-30.0, 0.0, 30.0, 80.0]))
    found = [head_size_of(man), head_size_of(man := replace(man, head_box_xyxy=None))]
    for lost in (("head_top",), ("left_hip", "right_hip")):
        hidden = [POSETRACK_17.index(joint) for joint in lost]
        man = replace(man, visibility=np.where(np.isin(np.arange(17), hidden), 0, man.visibility).astype(np.uint8))
        found.append(head_size_of(man))
    sizes = {origin: size for size, origin in (each for each in found if each is not None)}
    assert list(sizes) == ["head box", "head joints", "trunk and limbs", "extent of the joints"]
    np.testing.assert_allclose(list(sizes.values()), 60.0, rtol=0.2)
    assert head_size_of(replace(man, visibility=np.eye(17, dtype=np.uint8)[0] * 2)) is None
