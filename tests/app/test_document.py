"""The open project: what a view sees, and that every change is checked, on disk, and told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.project.document import Document, DocumentChange
from app.project.errors import EditConflictError, ProjectLockedError
from app.project.records import (
    AnalysedChange,
    Edit,
    FrameState,
    JointSource,
    Layer,
    PersonChange,
    TrackChange,
    VerifiedChange,
)
from dcpose_core.errors import ProjectError
from tests.app.projects import annotate, content, new_document, person, predict, summary, track, video_facts


def test_a_view_shows_the_annotation_where_there_is_one_and_else_the_prediction(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=2) as document:
        predict(document, 0, [3, 4])
        predict(document, 1, [3])
        annotate(document, 0, [3])
        assert document.persons(3) == {0: person(500_003, JointSource.HUMAN), 1: person(1003)}
        assert document.person(3, 0, Layer.PREDICTION) == person(3)
        assert [document.layer_of(3, 0), document.layer_of(3, 1)] == [Layer.ANNOTATION, Layer.PREDICTION]
        assert document.person(5, 0) is None
        assert document.layer_of(5, 0) is None


def test_a_project_comes_back_as_it_was_closed(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=2) as document:
        predict(document, 0, range(3, 20))
        annotate(document, 1, [4, 9])
        document.apply(Edit("Verify", (VerifiedChange(9, False, True), AnalysedChange(0, False, True))))
        before, summary_before = content(document), summary(document)
    with Document.open(tmp_path / "clip.dcpose") as document:
        assert content(document) == before
        assert summary(document) == summary_before
        assert document.times_s.tolist() == video_facts(tmp_path).times_s.tolist()


def test_numbers_of_a_person_come_back_to_the_last_bit(tmp_path: Path) -> None:
    exact = person(keypoints=np.full((17, 2), 1 / 3), box_xyxy=None, head_box_xyxy=np.array([0.1, 0.2, 0.3, 1e-17]))
    with new_document(tmp_path, n_tracks=1) as document:
        document.apply(Edit("Add", (PersonChange(Layer.ANNOTATION, 0, 0, None, exact),)))
    with Document.open(tmp_path / "clip.dcpose") as document:
        again = document.person(0, 0)
        assert again == exact
        assert again is not None
        assert not again.keypoints.flags.writeable


def test_states_spans_and_confidence_follow_every_edit(tmp_path: Path) -> None:
    with new_document(tmp_path, n_frames=8, n_tracks=1) as document:
        states = document.frame_states()
        predict(document, 0, [1, 2, 3, 6])
        annotate(document, 0, [2, 4])
        document.apply(Edit("Marks", (VerifiedChange(0, False, True), AnalysedChange(7, False, True))))
        none, model, human, verified = FrameState
        assert states.tolist() == [verified, model, human, model, human, none, model, model]
        assert document.spans(0) == [(1, 4), (6, 6)]
        assert document.annotated_spans(0) == [(2, 2), (4, 4)]
        assert document.n_persons(0) == 6
        annotated = person(500_002)
        assert document.confidence()[2] == np.float32(annotated.scores[annotated.located].min())
        assert np.isnan(document.confidence()[5])
        with pytest.raises(ValueError, match="read-only"):
            states[0] = 0


def test_the_trajectory_of_a_joint_says_where_it_was_and_who_says_so(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=2) as document:
        predict(document, 0, [2, 3, 5])
        predict(document, 1, [2, 3, 5])
        annotate(document, 0, [3])
        way = document.trajectory(0, 10, 1, 4)
        assert way.frames.tolist() == [2, 3]
        assert np.array_equal(way.xy, [person(2).keypoints[10], person(500_003).keypoints[10]])
        assert way.sources.tolist() == [JointSource.MODEL, JointSource.HUMAN]
        model = document.trajectory(0, 10, 0, 29, layer=Layer.PREDICTION)
        assert np.array_equal(model.xy, [person(f).keypoints[10] for f in (2, 3, 5)])
        assert np.isnan(document.trajectory(0, 3, 0, 29).xy).all()  # an ear: absent


def test_an_edit_built_on_another_state_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [1])
        before = content(document)
        stale = (
            PersonChange(Layer.PREDICTION, 1, 0, person(77), None),
            PersonChange(Layer.PREDICTION, 2, 0, person(77), None),
            VerifiedChange(1, True, False),
            TrackChange(track(5), None),
            TrackChange(None, track(0)),
        )
        for change in stale:
            good = PersonChange(Layer.ANNOTATION, 9, 0, None, person(1))
            with pytest.raises(EditConflictError, match="nothing was changed"):
                document.apply(Edit("Stale", (good, change)))
        assert content(document) == before
        assert document.undo_label == "Predict"


def test_a_person_needs_a_track_and_a_track_with_persons_stays(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [1, 2])
        lost = PersonChange(Layer.PREDICTION, 1, 4, None, person())
        with pytest.raises(EditConflictError, match="track 4 does not exist"):
            document.apply(Edit("No track", (lost,)))
        only_one = (PersonChange(Layer.PREDICTION, 1, 0, person(1), None), TrackChange(track(0), None))
        with pytest.raises(EditConflictError, match="has persons on other frames"):
            document.apply(Edit("Delete", only_one))
        document.apply(Edit("Add", (lost, TrackChange(None, track(4)))))
        assert document.spans(4) == [(1, 1)]


def test_frames_that_do_not_exist_and_numbers_that_are_none_never_get_in(tmp_path: Path) -> None:
    with new_document(tmp_path, n_frames=5, n_tracks=1) as document:
        for frame in (-1, 5):
            with pytest.raises(ValueError, match="there is no frame"):
                document.apply(Edit("Out", (VerifiedChange(frame, False, True),)))
            with pytest.raises(IndexError, match="there is no frame"):
                document.persons(frame)
        bad = person(keypoints=np.full((17, 2), np.nan))
        with pytest.raises(ValueError, match="not finite"):
            document.apply(Edit("Nan", (PersonChange(Layer.ANNOTATION, 0, 0, None, bad),)))
        assert not document.persons(0)


def test_everyone_who_listens_hears_what_changed(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        heard: list[DocumentChange] = []
        stop = document.subscribe(heard.append)
        predict(document, 0, [4, 5, 6])
        document.apply(Edit("Verify", (VerifiedChange(1, False, True), VerifiedChange(8, False, True))))
        document.undo()
        document.apply(Edit("Track", (TrackChange(None, track(7)),)))
        stop()
        document.undo()
        assert [change.frames for change in heard] == [range(4, 7), {1, 8}, {1, 8}, frozenset()]
        assert [change.tracks_changed for change in heard] == [False, False, False, True]


def test_a_project_that_is_open_can_only_be_read_elsewhere_and_stays_as_it_was_then(tmp_path: Path) -> None:
    path = tmp_path / "clip.dcpose"
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [1])
        with pytest.raises(ProjectLockedError, match="open in another window"):
            Document.open(path)
        with Document.open(path, read_only=True) as other:
            predict(document, 0, [2])
            assert other.persons(1) == {0: person(1)}
            assert not other.persons(2)
            assert other.spans(0) == [(1, 1)]
            with pytest.raises(ProjectError, match="read-only"):
                annotate(other, 0, [1])
            with pytest.raises(ProjectError, match="read-only"):
                other.undo()
    Document.open(path).close()


def test_creating_a_project_never_overwrites_one(tmp_path: Path) -> None:
    new_document(tmp_path, n_tracks=2).close()
    with pytest.raises(ProjectError, match="exists already"):
        new_document(tmp_path)
    with Document.open(tmp_path / "clip.dcpose") as document:
        assert len(document.tracks()) == 2


def test_a_copy_is_a_project_of_its_own_with_all_its_history(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [1])
        document.save_copy(tmp_path / "copy.dcpose")
        with pytest.raises(ProjectError, match="this project itself"):
            document.save_copy(tmp_path / "clip.dcpose")
        before = content(document)
        predict(document, 0, [2])
    with Document.open(tmp_path / "copy.dcpose") as copy:
        assert content(copy) == before
        assert copy.undo_label == "Predict"
        with Document.open(tmp_path / "clip.dcpose") as original, pytest.raises(ProjectLockedError):
            original.save_copy(tmp_path / "copy.dcpose")


def test_track_ids_are_not_given_out_again_while_the_project_is_open(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=3) as document:
        assert document.next_free_track_id() == 3
        document.apply(Edit("Delete", (TrackChange(track(2), None),)))
        assert document.next_free_track_id() == 3


def test_another_file_becomes_the_video_only_if_its_frames_can_be_the_same(tmp_path: Path) -> None:
    with new_document(tmp_path) as document:
        with pytest.raises(ProjectError, match="31 frames of 640 x 480, but the project was made on 30 frames"):
            document.relink(video_facts(tmp_path, 31))
        document.relink(video_facts(tmp_path / "elsewhere"))
    with Document.open(tmp_path / "clip.dcpose") as document:
        assert document.video.path == tmp_path / "elsewhere" / "clip.mp4"
        assert document.video.relative_path == Path("elsewhere", "clip.mp4")
