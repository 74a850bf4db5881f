"""Edits as people mean them: by hand it becomes an annotation, and what the model said stays below."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.project import edits
from app.project.document import Document
from app.project.records import JointSource, Layer
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import Visibility
from tests.app.projects import annotate, content, new_document, person, predict

_LEFT_WRIST, _RIGHT_WRIST = POSETRACK_17.index("left_wrist"), POSETRACK_17.index("right_wrist")
_LEFT_EAR = POSETRACK_17.index("left_ear")


def test_a_moved_joint_is_human_and_the_rest_of_the_pose_the_model_s(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [4])
        edit = edits.move_joint(document, 4, 0, _LEFT_WRIST, np.array([500.0, 20.0]))
        assert edit.label == "Move left wrist"
        document.apply(edit)
        moved = document.persons(4)[0]
        assert moved.keypoints[_LEFT_WRIST].tolist() == [500, 20]
        assert moved.sources[_LEFT_WRIST] == JointSource.HUMAN
        assert moved.scores[_LEFT_WRIST] == 1
        others = np.arange(17) != _LEFT_WRIST
        assert np.array_equal(moved.keypoints[others], person(4).keypoints[others])
        assert (moved.sources[others] == JointSource.MODEL).all()
        assert moved.box_xyxy is not None
        assert moved.box_xyxy.tolist() == [5, 5, 500, 410]  # it grew to hold the wrist
        assert document.person(4, 0, Layer.PREDICTION) == person(4)
        document.undo()
        assert document.persons(4) == {0: person(4)}


def test_an_absent_joint_that_is_put_somewhere_becomes_visible(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [4])
        document.apply(edits.move_joints(document, 4, 0, {_LEFT_EAR: np.array([7.0, 8.0]), 0: np.array([9.0, 9.0])}))
        moved = document.persons(4)[0]
        assert moved.visibility[_LEFT_EAR] == Visibility.VISIBLE
        assert moved.keypoints[[_LEFT_EAR, 0]].tolist() == [[7, 8], [9, 9]]


def test_a_person_is_moved_turned_and_scaled_about_a_point(tmp_path: Path) -> None:
    centre = np.array([100.0, 50.0])
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [1, 2, 3])
        document.apply(edits.move_person(document, 1, 0, np.array([3.0, -4.0])))
        document.apply(edits.rotate_person(document, 2, 0, np.pi / 2, centre_xy=centre))
        document.apply(edits.scale_person(document, 3, 0, (2.0, 0.5), centre_xy=centre))
        about = {frame: person(frame).keypoints - centre for frame in (1, 2, 3)}
        expected = {
            1: person(1).keypoints + np.array([3, -4]),
            2: centre + np.stack([-about[2][:, 1], about[2][:, 0]], axis=1),
            3: centre + about[3] * [2, 0.5],
        }
        for frame, keypoints in expected.items():
            after, before = document.persons(frame)[0], person(frame)
            assert np.allclose(after.keypoints[before.located], keypoints[before.located])
            assert (after.keypoints[~before.located] == 0).all()
            assert (after.sources[before.located] == JointSource.HUMAN).all()
            assert after.box_xyxy is not None
            points = after.keypoints[after.located]
            assert (after.box_xyxy[:2] <= points.min(axis=0)).all()
            assert (after.box_xyxy[2:] >= points.max(axis=0)).all()


def test_visibility_has_three_states_and_a_joint_comes_back_where_the_model_saw_it(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [4])
        document.apply(edits.set_visibility(document, 4, 0, [_LEFT_WRIST], Visibility.OCCLUDED))
        assert document.persons(4)[0].visibility[_LEFT_WRIST] == Visibility.OCCLUDED
        assert np.array_equal(document.persons(4)[0].keypoints[_LEFT_WRIST], person(4).keypoints[_LEFT_WRIST])
        document.apply(edits.delete_joint(document, 4, 0, [_LEFT_WRIST]))
        gone = document.persons(4)[0]
        assert not gone.located[_LEFT_WRIST]
        assert gone.scores[_LEFT_WRIST] == 0
        assert gone.keypoints[_LEFT_WRIST].tolist() == [0, 0]
        document.apply(edits.set_visibility(document, 4, 0, [_LEFT_WRIST], Visibility.VISIBLE))
        assert np.array_equal(document.persons(4)[0].keypoints[_LEFT_WRIST], person(4).keypoints[_LEFT_WRIST])
        nowhere = edits.set_visibility(document, 4, 0, [_LEFT_EAR], Visibility.VISIBLE)
        assert nowhere.changes == ()


def test_a_new_person_gets_a_track_and_the_last_one_takes_it_along(tmp_path: Path) -> None:
    with new_document(tmp_path) as document:
        document.apply(edits.add_person(document, 3, person(1)))
        assert document.persons(3) == {0: person(1)}
        assert document.layer_of(3, 0) is Layer.ANNOTATION
        assert document.tracks()[0].name == "Person 0"
        document.apply(edits.add_person(document, 4, person(2), track_id=0))
        document.apply(edits.delete_person(document, 3, 0))
        assert 0 in document.tracks()
        document.apply(edits.delete_person(document, 4, 0))
        assert not document.tracks()
        document.undo()
        assert document.persons(4) == {0: person(2)}


def test_deleting_a_person_deletes_what_the_model_said_too(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [3, 4])
        annotate(document, 0, [3])
        document.apply(edits.delete_person(document, 3, 0))
        assert not document.persons(3)
        assert document.spans(0) == [(4, 4)]


def test_a_copied_pose_counts_as_propagated(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        annotate(document, 0, [3])
        document.apply(edits.copy_pose_from(document, 3, 4, 0))
        copied = document.persons(4)[0]
        assert np.array_equal(copied.keypoints, document.persons(3)[0].keypoints)
        assert set(copied.sources[copied.located].tolist()) == {JointSource.PROPAGATED}


def test_accepting_makes_a_prediction_human(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=2) as document:
        predict(document, 0, [3, 4])
        predict(document, 1, [3])
        edit = edits.accept_person(document, range(3, 6), [0, 1])
        assert len(edit.changes) == 3
        document.apply(edit)
        accepted = document.persons(3)[0]
        assert document.layer_of(3, 0) is Layer.ANNOTATION
        assert np.array_equal(accepted.keypoints, person(3).keypoints)
        assert (accepted.sources[accepted.located] == JointSource.HUMAN).all()
        assert edits.accept_person(document, range(3, 6), [0, 1]).changes == ()


@pytest.mark.parametrize(
    ("part", "exchanged"),
    [
        ("whole", ["ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"]),
        ("arms", ["shoulder", "elbow", "wrist"]),
        ("legs", ["hip", "knee", "ankle"]),
        ((_LEFT_WRIST, _RIGHT_WRIST), ["wrist"]),
    ],
)
def test_left_and_right_are_exchanged_where_they_should_be(
    tmp_path: Path, part: edits.Part | tuple[int, int], exchanged: list[str]
) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [3, 4, 6])
        document.apply(edits.swap_left_right(document, range(3, 6), [0], part))
        for frame in (3, 4):
            before, after = person(frame), document.persons(frame)[0]
            for joint, name in enumerate(POSETRACK_17.joints):
                side, _, rest = name.partition("_")
                other = f"{'right' if side == 'left' else 'left'}_{rest}"
                source = POSETRACK_17.index(other) if rest in exchanged else joint
                assert np.array_equal(after.keypoints[joint], before.keypoints[source])
                assert after.scores[joint] == before.scores[source]
        assert document.persons(6) == {0: person(6)}
        document.apply(edits.swap_left_right(document, range(3, 6), [0], part))
        assert document.persons(3) == {0: person(3)}


def test_boxes_can_be_set_and_taken_away(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [3])
        document.apply(edits.set_head_box(document, 3, 0, np.array([1.0, 2.0, 3.0, 4.0])))
        document.apply(edits.set_box(document, 3, 0, None))
        after = document.persons(3)[0]
        assert after.head_box_xyxy is not None
        assert after.head_box_xyxy.tolist() == [1, 2, 3, 4]
        assert after.box_xyxy is None


def test_swapped_tracks_exchange_their_persons_in_both_layers(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=2) as document:
        predict(document, 0, range(10))
        predict(document, 1, range(4, 8))
        annotate(document, 0, [5])
        assert edits.scope(document, [0, 1], 3, 20) == edits.Scope(n_frames=7, n_tracks=2, overlapping=4)
        before = content(document)
        document.apply(edits.swap_tracks(document, 0, 1, 3, 20))
        assert document.spans(0) == [(0, 2), (4, 7)]
        assert document.spans(1) == [(3, 9)]
        assert document.person(5, 1, Layer.ANNOTATION) == person(500_005, JointSource.HUMAN)
        assert document.person(5, 1, Layer.PREDICTION) == person(5)
        assert document.persons(5)[0] == person(1005)
        document.undo()
        assert content(document) == before


def test_a_track_is_split_and_merged_back(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, range(10))
        annotate(document, 0, [7])
        persons = {frame: dict(document.persons(frame)) for frame in range(10)}
        document.apply(edits.split_track(document, 0, 6))
        assert (document.spans(0), document.spans(1)) == ([(0, 5)], [(6, 9)])
        document.apply(edits.merge_tracks(document, 0, 1, 0, 29))
        assert document.tracks().keys() == {0}
        assert {frame: dict(document.persons(frame)) for frame in range(10)} == persons


def test_merging_leaves_both_where_both_are(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=2) as document:
        predict(document, 0, range(6))
        predict(document, 1, range(4, 10))
        document.apply(edits.merge_tracks(document, 0, 1, 0, 29))
        assert (document.spans(0), document.spans(1)) == ([(0, 9)], [(4, 5)])
        assert document.persons(4) == {0: person(4), 1: person(1004)}


def test_reassigning_exchanges_where_the_other_one_is(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=2) as document:
        predict(document, 0, range(6))
        predict(document, 1, range(4, 10))
        document.apply(edits.reassign(document, 0, 1, 2, 29))
        assert (document.spans(0), document.spans(1)) == ([(0, 1), (4, 5)], [(2, 9)])
        assert document.persons(5) == {0: person(1005), 1: person(5)}
        assert document.persons(8) == {1: person(1008)}


def test_a_track_is_deleted_over_a_range_or_altogether(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, range(10))
        annotate(document, 0, [3])
        document.apply(edits.delete_track(document, 0, 2, 5))
        assert document.spans(0) == [(0, 1), (6, 9)]
        document.apply(edits.delete_track(document, 0, 0, 29))
        assert not document.tracks()
        document.undo()
        document.undo()
        assert document.spans(0) == [(0, 9)]


def test_tracks_have_names_colours_and_switches(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        document.apply(edits.rename_track(document, 0, "Ana"))
        document.apply(edits.set_track_colour(document, 0, "#123456"))
        document.apply(edits.set_track_visible(document, 0, False))
        document.apply(edits.set_track_locked(document, 0, True))
    with Document.open(tmp_path / "clip.dcpose") as document:
        track = document.tracks()[0]
        assert (track.name, track.colour, track.visible, track.locked) == ("Ana", "#123456", False, True)
        document.undo()
        assert not document.tracks()[0].locked


def test_frames_are_verified_and_not_any_more(tmp_path: Path) -> None:
    with new_document(tmp_path) as document:
        document.apply(edits.set_verified(document, [1, 2], True))
        edit = edits.set_verified(document, range(4), True)
        assert len(edit.changes) == 2
        document.apply(edit)
        document.apply(edits.set_verified(document, [2], False))
        assert [document.is_verified(frame) for frame in range(5)] == [True, True, False, True, False]
