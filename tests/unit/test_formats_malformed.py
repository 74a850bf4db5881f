"""Files that are not what they claim: always one `FormatError` with file, field and index, never a traceback."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcpose_core.errors import FormatError
from dcpose_core.formats import read_poses
from tests.unit import format_samples as samples

_DEEP = 100_000


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b'{"images": [', "ends in the middle"),
        (b'{"annolist": [{"image', "ends in the middle"),
        (b"\x00\x01\x02\xff", "not valid JSON"),
        (b"\x89PNG\r\n\x1a\n", "not valid JSON"),
        (b"\xef\xbb\xbf{}", "not valid JSON"),
        (b"hello", "not valid JSON"),
        (b"{} {}", "not valid JSON"),
        (b"{}", "no PoseTrack or COCO file"),
        (b'{"joints": 1}', "'joints'"),
        (b"[]", "no frames"),
        (b"null", "expected object"),
        (b"3", "expected object"),
        (b'"images"', "expected object"),
        (b"[[1, 2]]", r"\[0\]: expected object, got array"),
        (b'[{"image_id": 1}]', r"\[0\]: neither bbox nor keypoints"),
        (b'[{"bbox": [1, 2, 3, 4]}]', r"\[0\]: missing the required field image_id"),
        (b'[{"image_id": 1, "bbox": [1, 2, 3]}]', r"\[0\]\.bbox: 3 numbers, expected 4"),
        (b'[{"image_id": 1, "keypoints": [1, 2, 3]}]', r"\[0\]\.keypoints: 3 numbers, expected 51"),
        (b'[{"image_id": 10094730000, "bbox": [1, 2, 3, 4]}]', r"\[0\]\.image_id: .* no frame index"),
        (
            b"[" + b", ".join([b'{"image_id": 1, "bbox": [1, 2, 3, 4], "track_id": 5}'] * 2) + b"]",
            r"\[1\]\.track_id: 5 is used twice",
        ),
        (
            b'[{"image_name": "a/1.jpg", "bbox": [1, 2, 3, 4]}, {"image_name": "a/1.jpg", "bbox": [1, 2, 3, 4]},'
            b'{"image_name": "a/01.jpg", "bbox": [1, 2, 3, 4]}]',
            r"\[2\]\.image_name: frame 1 is listed twice",
        ),
        (
            b'{"Info": [{"image_path": "a/1.jpg", "bbox": [1, 2, 3, 4]}, '
            b'{"image_path": "a/1.jpg", "bbox": [1, 2, 3, 4]},'
            b'{"image_path": "a/01.jpg", "bbox": [1, 2, 3, 4]}]}',
            r"Info\[2\]\.image_path: frame 1 is listed twice",
        ),
        (b'{"Info": []}', "Info: the list is empty"),
        (b'{"Info": [{"image_path": "0.jpg"}]}', r"Info\[0\]: neither bbox nor keypoints"),
        (b'{"Info": [{"image_path": "0.jpg", "keypoints": [[1, 2]]}]}', r"Info\[0\]\.keypoints: 1 joints, expected 17"),
        (b'{"annolist": []}', "annolist: the list is empty"),
        (b'{"annolist": [3]}', r"annolist\[0\]: expected object, got int"),
        (b'{"annolist": [{}]}', r"annolist\[0\]: missing the required field image"),
        (b'{"annolist": [{"image": []}]}', r"annolist\[0\]\.image: 0 entries, expected one"),
        (b'{"images": [], "annotations": [], "categories": []}', "images: the list is empty"),
        (b'{"images": 3, "annotations": []}', "images: expected array, got int"),
        (b'{"images": []}', "missing the required field annotations"),
        (b'{"annotations": []}', "missing the required field images"),
        (b"[" * _DEEP, "nested too deeply|expected object"),
        (b'{"x": ' + b"[" * _DEEP + b"]" * _DEEP + b"}", "nested too deeply"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else "",
)
def test_text_that_is_no_annotation_file(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "pred.json"
    file.write_bytes(data)
    _expect(file, message)


def test_a_missing_file(tmp_path: Path) -> None:
    _expect(tmp_path / "pred.json", "no such file")


def _set(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    """A change of the content: the value at `path`; `...` removes it."""

    def change(content: dict[str, Any]) -> None:
        target: Any = content
        for key in path[:-1]:
            target = target[key]
        if value is ...:
            if path[-1] in (target if isinstance(target, dict) else range(len(target))):
                del target[path[-1]]
        else:
            target[path[-1]] = value

    return change


_ANNOTATION = ("annotations", 2)
_IMAGE = ("images", 1)
_HUGE = 10**30


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set(*_ANNOTATION, "keypoints", value=[1] * 50), r"annotations\[2\]\.keypoints: 50 numbers, expected 51"),
        (_set(*_ANNOTATION, "keypoints", value=[1] * 45), r"annotations\[2\]\.keypoints: 45 numbers, expected 51"),
        (_set(*_ANNOTATION, "keypoints", value="x"), r"annotations\[2\]\.keypoints: expected array"),
        (_set(*_ANNOTATION, "keypoints", 4, value="1"), r"annotations\[2\]\.keypoints\[4\]: expected float, got str"),
        (_set(*_ANNOTATION, "keypoints", 4, value=None), r"annotations\[2\]\.keypoints\[4\]: expected float, got null"),
        (_set(*_ANNOTATION, "keypoints", 4, value=[1]), r"annotations\[2\]\.keypoints\[4\]: expected float, got array"),
        (_set(*_ANNOTATION, "keypoints", 4, value=True), r"annotations\[2\]\.keypoints\[4\]: expected float, got bool"),
        (_set(*_ANNOTATION, "keypoints", 4, value=_HUGE), r"annotations\[2\]\.keypoints\[4\]: expected float <= "),
        (_set(*_ANNOTATION, "keypoints", 4, value=10**400), r"annotations\[2\]\.keypoints\[4\]: number out of range"),
        (_set(*_ANNOTATION, "keypoints", 4, value=float("nan")), r"annotations\[2\]\.keypoints\[4\]: NaN or Infinity"),
        (_set(*_ANNOTATION, "keypoints", 4, value=float("-inf")), r"annotations\[2\]\.keypoints\[4\]: NaN or Infinity"),
        (_set(*_ANNOTATION, "keypoints", 5, value=3), r"annotations\[2\]\.keypoints\[5\]: visibility 3, expected"),
        (_set(*_ANNOTATION, "keypoints", 5, value=0.5), r"annotations\[2\]\.keypoints\[5\]: visibility 0.5, expected"),
        (_set(*_ANNOTATION, "keypoints", 5, value=-1), r"annotations\[2\]\.keypoints\[5\]: visibility -1, expected"),
        (_set(*_ANNOTATION, "image_id", value=77), r"annotations\[2\]\.image_id: no image of the file has the id 77"),
        (_set(*_ANNOTATION, "image_id", value="1"), r"annotations\[2\]\.image_id: expected int, got str"),
        (_set(*_ANNOTATION, "image_id", value=1.5), r"annotations\[2\]\.image_id: expected int, got float"),
        (_set(*_ANNOTATION, "image_id", value=_HUGE), r"annotations\[2\]\.image_id: "),
        (_set(*_ANNOTATION, "image_id", value=...), r"annotations\[2\]: missing the required field image_id"),
        (_set(*_ANNOTATION, "image_id", value=10000010001), r"annotations\[2\]\.track_id: 0 is used twice in image"),
        (_set(*_ANNOTATION, "id", value=101), r"annotations\[2\]\.id: 101 is used twice"),
        (_set(*_ANNOTATION, "category_id", value=5), r"annotations\[2\]\.category_id: no category of the file"),
        (_set(*_ANNOTATION, "track_id", value="3"), r"annotations\[2\]\.track_id: expected int"),
        (_set(*_ANNOTATION, "track_id", value=-1), r"annotations\[2\]\.track_id: expected int >= 0"),
        (_set(*_ANNOTATION, "track_id", value=_HUGE), r"annotations\[2\]\.track_id: "),
        (_set(*_ANNOTATION, "bbox", value=[1, 2, 3]), r"annotations\[2\]\.bbox: 3 numbers, expected 4"),
        (_set(*_ANNOTATION, "bbox", value=[1, 2, -3, 4]), r"annotations\[2\]\.bbox: width -3 and height 4"),
        (_set(*_ANNOTATION, "bbox", value={"x": 1}), r"annotations\[2\]\.bbox: expected array"),
        (_set(*_ANNOTATION, "bbox_head", value=[1, 2]), r"annotations\[2\]\.bbox_head: 2 numbers, expected 4"),
        (_set(*_ANNOTATION, "scores", value=[0.5] * 16), r"annotations\[2\]\.scores: 16 numbers, expected 17"),
        (_set(*_ANNOTATION, "scores", value=[[0.5]] * 17), r"annotations\[2\]\.scores\[0\]: expected float"),
        (_set(*_ANNOTATION, value=None), r"annotations\[2\]: expected object, got null"),
        (_set("annotations", value={}), r"annotations: expected array, got object"),
        (_set(*_IMAGE, "id", value=10000010000), r"images\[1\]\.id: 10000010000 is used twice"),
        (_set(*_IMAGE, "id", value=...), r"images\[1\]: missing the required field id"),
        (_set(*_IMAGE, "file_name", value=...), r"images\[1\]: missing the required field file_name"),
        (_set(*_IMAGE, "file_name", value=3), r"images\[1\]\.file_name: expected str, got int"),
        (
            _set(*_IMAGE, "file_name", value="images/val/000001_mpii_test/000000.jpg"),
            r"images\[\d\]\.file_name: frame 0 is listed twice",
        ),
        (_set(*_IMAGE, "is_labeled", value="yes"), r"images\[1\]\.is_labeled: expected bool"),
        (_set(*_IMAGE, "width", value=0), r"images\[1\]\.width: expected int >= 1"),
        (_set(*_IMAGE, "ignore_regions_x", value=[[1, 2]]), r"images\[1\]\.ignore_regions_x: 1 polygons, but 0"),
        (_set(*_IMAGE, "ignore_regions_x", value=[1, 2]), r"images\[1\]\.ignore_regions_x\[0\]: expected array"),
        (_set("categories", value=...), "categories: missing"),
        (_set("categories", value=[]), "categories: 0 categories are named"),
        (_set("categories", 0, "name", value="dog"), "categories: 0 categories are named"),
        (_set("categories", 0, "keypoints", 0, value="tail"), r"categories\[0\]\.keypoints: .*missing: nose"),
        (_set("categories", 0, "keypoints", 3, value="nose"), r"categories\[0\]\.keypoints"),
        (_set("categories", 0, "keypoints", value="nose"), r"categories\[0\]\.keypoints: expected array"),
        (_set("categories", 0, "id", value=...), r"categories\[0\]: missing the required field id"),
    ],
)
def test_a_fault_of_a_2018_file_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = samples.posetrack18()
    change(content)
    _expect(samples.save(content, tmp_path / "pred.json"), message)


def test_ignore_regions_of_unequal_length_are_named(tmp_path: Path) -> None:
    content = samples.posetrack18()
    content["images"][1] |= {"ignore_regions_x": [[1, 2, 3]], "ignore_regions_y": [[1, 2]]}
    _expect(samples.save(content, tmp_path / "pred.json"), r"images\[1\]\.ignore_regions_x\[0\]: 3 numbers, but 2")


_PERSON = ("annolist", 1, "annorect", 0)
_POINT = (*_PERSON, "annopoints", 0, "point", 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set(*_POINT, "id", value=[15]), r"annolist\[1\]\.annorect\[0\]\.annopoints\[0\]\.point\[3\]\.id\[0\]: "),
        (_set(*_POINT, "id", value=[2]), r"point\[3\]\.id: joint 2 is listed twice"),
        (_set(*_POINT, "id", value=3), r"point\[3\]\.id: expected array, got int"),
        (_set(*_POINT, "id", value=[]), r"point\[3\]\.id: 0 entries, expected one"),
        (_set(*_POINT, "x", value=[1, 2]), r"point\[3\]\.x: 2 entries, expected one"),
        (_set(*_POINT, "y", value=...), r"point\[3\]: missing the required field y"),
        (_set(*_POINT, "x", value=["1"]), r"point\[3\]\.x\[0\]: expected float, got str"),
        (_set(*_POINT, "x", value=[float("inf")]), r"annolist\[1\]\..*point\[3\]\.x\[0\]: NaN or Infinity"),
        (_set(*_POINT, "is_visible", value=[2]), r"point\[3\]\.is_visible\[0\]: expected int <= 1"),
        (_set(*_POINT, "score", value=[1, 2]), r"point\[3\]\.score: 2 entries, expected one"),
        (_set(*_PERSON, "x1", value=...), r"annolist\[1\]\.annorect\[0\]\.x1: 0 entries, expected one"),
        (_set(*_PERSON, "annopoints", value=[{}, {}]), r"annorect\[0\]\.annopoints: 2 entries, expected one"),
        (_set(*_PERSON, "track_id", value=[1, 2]), r"annorect\[0\]\.track_id: 2 entries, expected one"),
        (_set("annolist", 1, "annorect", value={}), r"annolist\[1\]\.annorect: expected array"),
        (_set("annolist", 1, "image", value="a.jpg"), r"annolist\[1\]\.image: expected"),
        (
            _set("annolist", 2, "image", 0, "name", value="images/bonn_5sec/000342_mpii/2.jpg"),
            "frame 2 is listed twice",
        ),
        (
            _set("annolist", 1, "ignore_regions", value=[{"point": [{"x": [1], "y": []}]}]),
            r"annolist\[1\]\.ignore_regions\[0\]\.point\[0\]\.y: 0 entries",
        ),
    ],
)
def test_a_fault_of_a_2017_file_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    content = copy.deepcopy(samples.posetrack17())
    change(content)
    _expect(samples.save(content, tmp_path / "pred.json"), message)


def test_a_track_id_twice_in_a_2017_frame_is_named(tmp_path: Path) -> None:
    content = samples.posetrack17()
    content["annolist"][1]["annorect"] *= 2
    _expect(samples.save(content, tmp_path / "pred.json"), r"annolist\[1\]\.annorect\[1\]\.track_id: 4 is used twice")


def test_other_json_of_the_field_is_rejected(shared: Path) -> None:
    files = [
        *(shared / "data" / "motion" / "somof_posetrack").glob("*.json"),
        shared / "data" / "labels" / "mmpose_crowdpose" / "test_crowdpose.json",
        shared / "dcpose" / "state_dict_keys.json",
        shared / "models" / "multipose_expected.json",
    ]
    assert len(files) == 8
    for file in files:
        with pytest.raises(FormatError):
            read_poses(file)


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_SAMPLES = [samples.posetrack18(2), samples.posetrack17(2), samples.coco(["0.jpg", "1.jpg"])]


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(deeper for key, child in children for deeper in _paths(child, (*path, key)))]


@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_any_value_in_any_place_is_read_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = copy.deepcopy(data.draw(st.sampled_from(_SAMPLES)))
    for _ in range(data.draw(st.integers(1, 3))):
        # The root stays, so that there is always something left to change.
        path = data.draw(st.sampled_from(_paths(content)[1:] or [("images",)]))
        _set(*path, value=data.draw(_JUNK | st.just(...)))(content)
    file = samples.save(content, tmp_path_factory.getbasetemp() / "fuzzed.json")
    assert _one_line_error_or_none(file) in (None, str(file))


@given(data=st.binary(max_size=200), cut=st.integers(0, 1500))
@settings(max_examples=150, deadline=None)
def test_damaged_bytes_are_read_or_one_clear_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cut: int
) -> None:
    file = tmp_path_factory.getbasetemp() / "damaged.json"
    whole = json.dumps(samples.posetrack18()).encode()
    for damaged in (data, whole[:cut], whole[:cut] + data + whole[cut + len(data) :]):
        file.write_bytes(damaged)
        assert _one_line_error_or_none(file) in (None, str(file))


def _one_line_error_or_none(file: Path) -> str | None:
    """None if the file was read; else the file that the error names, or whatever is wrong with the error."""
    try:
        read_poses(file)
    except FormatError as error:
        lines = str(error).splitlines()
        return str(file) if len(lines) == 1 and lines[0].startswith(f"{file}: ") else str(error)
    return None


def _expect(file: Path, message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read_poses(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 2
