"""What accepting a proposal makes of a project."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.project import edits
from app.project.proposal_edits import Placement, accept_placements
from app.project.records import JOINTS, JointSource, Layer
from app.project.reinference_edits import replace_by_reinference
from app.project.track_snapshot import snapshot
from dcpose_core.types import Visibility
from tests.app.projects import new_document, predict

_WRIST, _KNEE = 9, 13


def placement(frame: int, *joints: int, confidence: float = 0.9, track_id: int = 0) -> Placement:
    """These joints at (500 + joint, 300)."""
    chosen = np.zeros(JOINTS, np.bool_)
    chosen[list(joints)] = True
    keypoints = np.stack([500.0 + np.arange(JOINTS), np.full(JOINTS, 300.0)], axis=1)
    return Placement(frame, track_id, chosen, keypoints, np.full(JOINTS, confidence))


def test_accepted_joints_are_propagated_annotations_and_their_box_holds_them(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, range(5))
        before = document.person(2, 0)
        assert before is not None
        accepted = accept_placements(document, [placement(2, _WRIST, _KNEE)], method="a test")
        assert accepted.edit.label == "Propagate 2 joints on 1 frame by a test"
        document.apply(accepted.edit)
        after = document.person(2, 0, Layer.ANNOTATION)
        assert after is not None
        assert after.keypoints[[_WRIST, _KNEE]].tolist() == [[509.0, 300.0], [513.0, 300.0]]
        assert after.sources[_WRIST] == JointSource.PROPAGATED
        assert after.scores[_WRIST] == 0.9
        others = np.delete(np.arange(JOINTS), [_WRIST, _KNEE])
        np.testing.assert_array_equal(after.keypoints[others], before.keypoints[others])
        assert after.box_xyxy is not None
        assert after.box_xyxy[2] == 513.0
        assert document.person(2, 0, Layer.PREDICTION) == before


def test_an_absent_joint_that_is_accepted_is_visible_and_a_human_one_stays(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, range(5))
        document.apply(edits.move_joint(document, 2, 0, _WRIST, np.array([1.0, 2.0])))
        accepted = accept_placements(document, [placement(2, 3, _WRIST)], method="a test")
        assert (accepted.n_joints, accepted.n_human_joints) == (1, 1)
        document.apply(accepted.edit)
        after = document.person(2, 0)
        assert after is not None
        assert after.visibility[3] == Visibility.VISIBLE
        assert after.keypoints[_WRIST].tolist() == [1.0, 2.0]
        assert after.sources[_WRIST] == JointSource.HUMAN


def test_a_joint_that_a_person_said_is_absent_stays_absent(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [2])
        document.apply(edits.delete_joint(document, 2, 0, [_WRIST]))
        assert not accept_placements(document, [placement(2, _WRIST)], method="a test").edit.changes


def test_verified_frames_locked_and_deleted_tracks_are_counted_and_left_alone(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=2) as document:
        predict(document, 0, range(5))
        predict(document, 1, range(5))
        document.apply(edits.set_verified(document, [1], verified=True))
        document.apply(edits.set_track_locked(document, 1, True))
        wishes = [placement(frame, _WRIST, track_id=track) for frame in (1, 2) for track in (0, 1, 7)]
        accepted = accept_placements(document, wishes, method="a test")
        assert (accepted.n_frames, accepted.n_verified_frames, accepted.n_locked_tracks) == (1, 1, 1)
        (change,) = accepted.edit.changes
        assert (change.frame, change.track_id) == (2, 0)  # type: ignore[union-attr]  # of a person


def test_predictions_are_replaced_only_where_the_new_answer_is_surer(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, range(6))
        document.apply(edits.move_joint(document, 3, 0, _KNEE, np.array([5.0, 5.0])))
        document.apply(edits.set_verified(document, [4], verified=True))
        found = [placement(1, _WRIST), placement(2, _WRIST, confidence=0.1), placement(3, _WRIST), placement(4, _WRIST)]
        edit = replace_by_reinference(document, found)
        assert edit.label == "Model looked again: 1 joint on 1 frame"
        document.apply(edit)
        there = document.person(1, 0)
        assert there is not None
        assert there.sources[_WRIST] == JointSource.PROPAGATED
        assert there.keypoints[_WRIST].tolist() == [509.0, 300.0]
        assert document.layer_of(1, 0) == Layer.PREDICTION
        document.undo()
        assert document.person(1, 0).sources[_WRIST] == JointSource.MODEL  # type: ignore[union-attr]  # is there


@pytest.mark.parametrize("last", [10, 25])
def test_a_snapshot_has_what_is_near_and_annotations_from_far_away(tmp_path: Path, last: int) -> None:
    with new_document(tmp_path, n_frames=400, n_tracks=1) as document:
        predict(document, 0, range(400))
        for frame in (200, 399):
            document.apply(edits.move_joint(document, frame, 0, _WRIST, np.array([5.0, 5.0])))
        statements: list[str] = []
        document._reader._connection.set_trace_callback(statements.append)
        taken = snapshot(document, 0, 5, last)
        assert len(statements) == 2  # one a layer: the window waits for it
        assert list(taken.shown) == [*range(last + 41), 200]
        assert all(person == document.person(frame, 0) for frame, person in taken.shown.items())
        assert sorted(taken.predicted) == [200]
        assert taken.predicted[200] == document.person(200, 0, Layer.PREDICTION)
