"""Poses written and read again are equal, up to what each format can hold; that is stated here, format by format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dcpose_core.formats import FORMATS, read_poses, write_poses
from dcpose_core.skeletons import COCO_17, POSETRACK_15, POSETRACK_17, joint_selection
from dcpose_core.types import FloatArray, FramePoses, PersonPose, PoseSequence, Visibility

_POSEVAL = Path(__file__).parents[1] / "fixtures" / "poseval"
_EARS = [3, 4]

_positions = st.one_of(
    st.just(0.0),
    st.integers(-50, 4000).map(float),
    st.floats(-100.0, 4000.0, allow_nan=False),
)
_scores = st.floats(-100.0, 100.0, allow_nan=False)


@st.composite
def _boxes(draw: st.DrawFn) -> list[float]:
    x, y = draw(_positions), draw(_positions)
    return [x, y, x + draw(st.floats(0, 500)), y + draw(st.floats(0, 500))]


@st.composite
def _persons(draw: st.DrawFn, track_id: int | None, has_person_id: bool, is_coco: bool) -> PersonPose:
    visibility = draw(st.lists(st.sampled_from(Visibility), min_size=17, max_size=17))
    visibility[0] = draw(st.sampled_from([Visibility.OCCLUDED, Visibility.VISIBLE]))
    if not is_coco:
        visibility[3] = visibility[4] = Visibility.ABSENT
    # hypothesis would need long to draw 34 interesting numbers one by one
    points = np.array(draw(st.lists(st.tuples(_positions, _positions), min_size=4, max_size=4)))
    keypoints = points[np.arange(17) % 4] + np.arange(17)[:, None] * draw(st.sampled_from([0.0, 0.1, 7.0]))
    scores = None
    if draw(st.booleans()):
        scores = np.array(draw(st.lists(_scores, min_size=3, max_size=3)))[np.arange(17) % 3]
    return PersonPose(
        keypoints=keypoints,
        visibility=np.array(visibility, dtype=np.uint8),
        scores=scores,
        track_id=track_id,
        box_xyxy=np.array(draw(_boxes())),
        head_box_xyxy=None if is_coco else np.array(draw(_boxes())),
        score=draw(st.none() | _scores),
        person_id=draw(st.integers(0, 2**40)) if has_person_id else None,
    )


@st.composite
def _sequences(draw: st.DrawFn, *, is_coco: bool = False) -> PoseSequence:
    has_person_ids = draw(st.booleans())
    size = draw(st.sampled_from([(640, 480), (1080, 1920), None]))
    frames = []
    for index in sorted(draw(st.sets(st.integers(0, 9999), min_size=1, max_size=4))):
        tracks = draw(st.lists(st.integers(0, 5_000), unique=True, max_size=3))
        regions = draw(st.lists(st.lists(st.tuples(_positions, _positions), min_size=1, max_size=4), max_size=2))
        frames.append(
            FramePoses(
                index,
                tuple(draw(_persons(track, has_person_ids, is_coco)) for track in tracks),
                is_labeled=is_coco or draw(st.booleans()),
                ignore_regions=() if is_coco else tuple(np.array(region) for region in regions),
            )
        )
    name = draw(st.sampled_from(["demo", "000342_mpii_test", "001_bonn", "my video.mp4", "../..", "é"]))
    width_px, height_px = size or (None, None)
    skeleton = COCO_17 if is_coco else POSETRACK_17
    return PoseSequence(name, tuple(frames), width_px=width_px, height_px=height_px, skeleton=skeleton)


_given_posetrack = given(sequence=_sequences())
_quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_given_posetrack
@_quick
def test_posetrack18_keeps_all_but_the_difference_of_visible_and_occluded(
    tmp_path: Path, sequence: PoseSequence
) -> None:
    again = _written_and_read(sequence, tmp_path, "posetrack18")
    expected = _with_dense_tracks(sequence, occluded=Visibility.VISIBLE)
    _assert_same(expected, again)
    assert (again.width_px, again.height_px) == (sequence.width_px, sequence.height_px)


@_given_posetrack
@_quick
def test_posetrack21_keeps_all(tmp_path: Path, sequence: PoseSequence) -> None:
    again = _written_and_read(sequence, tmp_path, "posetrack21")
    expected = _with_dense_tracks(sequence, occluded=Visibility.OCCLUDED)
    _assert_same(expected, again)
    assert (again.width_px, again.height_px) == (sequence.width_px, sequence.height_px)
    assert all(person.person_id is not None for frame in again.frames for person in frame.persons)


@_given_posetrack
@_quick
def test_posetrack17_keeps_all_but_body_boxes_identities_and_scores_of_absent_joints(
    tmp_path: Path, sequence: PoseSequence
) -> None:
    again = _written_and_read(sequence, tmp_path, "posetrack17")

    def lose(person: PersonPose) -> PersonPose:
        scores = None if person.scores is None else np.where(person.located, person.scores, 0.0)
        return replace(person, box_xyxy=None, person_id=None, scores=scores)

    dense = _with_dense_tracks(sequence, occluded=Visibility.OCCLUDED, corner=Visibility.OCCLUDED)
    _assert_same(_each_person(dense, lose), again)


@given(sequence=_sequences(is_coco=True))
@_quick
def test_coco_keeps_all_of_coco_poses(tmp_path: Path, sequence: PoseSequence) -> None:
    again = _written_and_read(sequence, tmp_path, "coco")
    assert again.skeleton is COCO_17
    _assert_same(sequence, again)
    assert (again.width_px, again.height_px) == (sequence.width_px, sequence.height_px)


@_given_posetrack
@_quick
def test_coco_keeps_the_joints_of_posetrack_poses_that_it_has(tmp_path: Path, sequence: PoseSequence) -> None:
    again = _written_and_read(sequence, tmp_path, "coco")
    selection = joint_selection(POSETRACK_17, COCO_17)
    common = selection >= 0
    for before, after in _pairs(sequence, again):
        assert after.keypoints[common].tolist() == before.keypoints[selection][common].tolist()
        assert after.visibility[common].tolist() == before.visibility[selection][common].tolist()
        assert not after.located[~common].any()
        assert after.track_id == before.track_id


@pytest.mark.parametrize("format", FORMATS)
@_given_posetrack
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_second_round_changes_nothing_more(tmp_path: Path, format: str, sequence: PoseSequence) -> None:
    once = _written_and_read(sequence, tmp_path, format)
    twice = _written_and_read(once, tmp_path, format)
    assert twice.name == once.name
    assert [frame.file_name for frame in twice.frames] == [frame.file_name for frame in once.frames]
    # Body boxes that 2017 files lack are derived anew from the joints.
    _assert_same(once, twice)


@pytest.mark.parametrize("format", ["posetrack18", "posetrack21", "posetrack17"])
@pytest.mark.parametrize("folder", ["main/gt", "main/pred", "crowd/gt", "crowd/pred", "edge_ignored_and_empty/gt"])
def test_official_files_survive_a_conversion(tmp_path: Path, folder: str, format: str) -> None:
    for sequence in read_poses(_POSEVAL / folder):
        again = _written_and_read(sequence, tmp_path, format)
        assert again.name == sequence.name
        assert [frame.is_labeled for frame in again.frames] == [frame.is_labeled for frame in sequence.frames]
        slots = [POSETRACK_17.index(joint) for joint in POSETRACK_15.joints]
        for before, after in _pairs(sequence, again):
            assert after.keypoints[slots].tolist() == before.keypoints[slots].tolist()
            assert after.located[slots].tolist() == before.located[slots].tolist()
            assert (after.scores is None) == (before.scores is None)
            if before.scores is not None and after.scores is not None:
                located = before.located & ~np.isin(np.arange(17), _EARS)
                assert after.scores[located].tolist() == before.scores[located].tolist()


def test_frames_of_a_2018_file_keep_their_file_names(tmp_path: Path) -> None:
    (sequence,) = read_poses(_POSEVAL / "main" / "gt" / "000342_mpii_test.json")
    again = _written_and_read(sequence, tmp_path, "posetrack21")
    assert [frame.file_name for frame in again.frames] == [frame.file_name for frame in sequence.frames]


def _written_and_read(sequence: PoseSequence, folder: Path, format: str) -> PoseSequence:
    (file,) = write_poses([sequence], folder / "poses.json", format=format)
    (again,) = read_poses(file)
    assert [frame.index for frame in again.frames] == [frame.index for frame in sequence.frames]
    return again


def _each_person(sequence: PoseSequence, change: object) -> PoseSequence:
    assert callable(change)
    return sequence.with_frames(
        replace(frame, persons=tuple(change(person) for person in frame.persons)) for frame in sequence.frames
    )


def _with_dense_tracks(
    sequence: PoseSequence, *, occluded: Visibility, corner: Visibility = Visibility.VISIBLE
) -> PoseSequence:
    """What PoseTrack files hold: tracks 0, 1, ...; occluded joints as `occluded`, those at exactly 0, 0 as `corner`."""
    tracks = sorted(
        {person.track_id for frame in sequence.frames for person in frame.persons if person.track_id is not None}
    )

    def change(person: PersonPose) -> PersonPose:
        assert person.track_id is not None
        at_corner = ~person.keypoints.any(axis=1)
        states = np.where(at_corner, np.uint8(corner), np.uint8(occluded))
        visibility = np.where(person.visibility == Visibility.OCCLUDED, states, person.visibility)
        return replace(person, track_id=tracks.index(person.track_id), visibility=visibility)

    return _each_person(sequence, change)


def _pairs(before: PoseSequence, after: PoseSequence) -> list[tuple[PersonPose, PersonPose]]:
    assert len(before.frames) == len(after.frames)
    return [
        pair
        for frame_before, frame_after in zip(before.frames, after.frames, strict=True)
        for pair in zip(frame_before.persons, frame_after.persons, strict=True)
    ]


def _assert_same(expected: PoseSequence, actual: PoseSequence) -> None:
    for frame_expected, frame_actual in zip(expected.frames, actual.frames, strict=True):
        assert frame_actual.is_labeled == frame_expected.is_labeled
        regions = zip(frame_expected.ignore_regions, frame_actual.ignore_regions, strict=True)
        assert all(one.tolist() == other.tolist() for one, other in regions)
    for person, again in _pairs(expected, actual):
        assert again.keypoints.tolist() == person.keypoints.tolist()
        assert again.visibility.tolist() == person.visibility.tolist()
        assert (None if again.scores is None else again.scores.tolist()) == (
            None if person.scores is None else person.scores.tolist()
        )
        assert (again.score, again.track_id) == (person.score, person.track_id)
        if person.person_id is not None:
            assert again.person_id == person.person_id
        _assert_same_box(person.box_xyxy, again.box_xyxy)
        _assert_same_box(person.head_box_xyxy, again.head_box_xyxy)


def _assert_same_box(expected: FloatArray | None, actual: FloatArray | None) -> None:
    assert (expected is None) == (actual is None)
    if expected is not None and actual is not None:
        # A file holds width and height, so the far corner is rounded twice.
        np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9)
