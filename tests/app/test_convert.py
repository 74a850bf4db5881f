"""Projects to files and back, by the formats' own readers and writers; and what is said before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from app.project import edits
from app.project.convert import plan_import, to_sequence
from app.project.document import Document
from app.project.export_checks import export_checks
from app.project.records import FrameState, JointSource, Layer
from dcpose_core.errors import ProjectError
from dcpose_core.formats import FORMATS, read_poses, write_poses
from dcpose_core.skeletons import COCO_17, POSETRACK_17
from dcpose_core.types import FramePoses, PersonPose, PoseSequence, Visibility
from tests.app.projects import annotate, content, new_document, person, predict


@pytest.fixture
def document(tmp_path: Path) -> Document:
    """Frames 2 to 7 predicted, track 0 annotated on 4 and 12, 5 and 20 verified (20 empty)."""
    document = new_document(tmp_path, n_tracks=2)
    predict(document, 0, range(2, 8))
    predict(document, 1, range(3, 6))
    annotate(document, 0, [4, 12])
    document.apply(edits.set_verified(document, [5, 20], True))
    return document


def _labelled(sequence: PoseSequence) -> dict[int, list[int | None]]:
    return {frame.index: [p.track_id for p in frame.persons] for frame in sequence.frames if frame.is_labeled}


def test_what_is_exported_can_be_chosen(document: Document) -> None:
    with document:
        view = to_sequence(document)
        assert len(view.frames) == 30
        assert (view.width_px, view.height_px) == (640, 480)
        expected = {2: [0], 3: [0, 1], 4: [0, 1], 5: [0, 1], 6: [0], 7: [0], 12: [0], 20: []}
        assert _labelled(view) == expected
        assert np.array_equal(view.frames[4].persons[0].keypoints, person(500_004).keypoints)
        assert _labelled(to_sequence(document, what="human")) == {4: [0], 5: [0, 1], 12: [0], 20: []}
        assert _labelled(to_sequence(document, what="verified")) == {5: [0, 1], 20: []}
        some = to_sequence(document, first=4, last=12, track_ids={1})
        assert _labelled(some) == {4: [1], 5: [1], 6: [], 7: [], 12: []}
        assert not any(frame.persons for frame in some.frames if not frame.is_labeled)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("layer", Layer)
def test_a_project_goes_through_every_format_and_back(
    document: Document, tmp_path: Path, format: str, layer: Layer
) -> None:
    exported = to_sequence(document, name="000001_mpii_test")
    document.close()
    written = write_poses([exported], tmp_path / "poses.json", format=format)
    (read,) = read_poses(written[0])
    (tmp_path / "again").mkdir()
    with new_document(tmp_path / "again") as again:
        plan = plan_import(again, read, layer=layer)
        again.apply(plan.edit(again).at_once())
        assert (plan.n_persons, plan.n_tracks) == (10, 2)
        imported = to_sequence(again, name=exported.name)
        kept = [j for j, name in enumerate(POSETRACK_17.joints) if name in FORMATS[format].skeleton.joints]
        for before, after in zip(exported.frames, imported.frames, strict=True):
            assert [p.track_id for p in after.persons] == [p.track_id for p in before.persons]
            for p, q in zip(before.persons, after.persons, strict=True):
                assert np.array_equal(p.keypoints[kept], q.keypoints[kept])
                assert np.array_equal(p.visibility[kept], q.visibility[kept])
                assert p.scores is not None
                assert q.scores is not None
                assert np.array_equal(p.scores[kept], q.scores[kept])
            if FORMATS[format].is_posetrack:
                assert after.is_labeled == before.is_labeled
        person_again = again.persons(4)[0]
        source = JointSource.HUMAN if layer is Layer.ANNOTATION else JointSource.MODEL
        assert set(person_again.sources.tolist()) == {source}
        assert again.frame_state(4) == (FrameState.HUMAN if layer is Layer.ANNOTATION else FrameState.MODEL)
        again.undo()
        assert not again.tracks()


def test_imported_tracks_keep_their_ids_or_become_new_ones(document: Document) -> None:
    with document:
        sequence = to_sequence(document)
        kept = plan_import(document, sequence, layer=Layer.ANNOTATION)
        document.apply(kept.edit(document).at_once())
        assert document.tracks().keys() == {0, 1}
        assert document.annotated_spans(0) == [(2, 7), (12, 12)]
        document.undo()
        anew = plan_import(document, sequence, layer=Layer.PREDICTION, keep_track_ids=False)
        document.apply(anew.edit(document).at_once())
        assert document.tracks().keys() == {0, 1, 2, 3}
        assert document.spans(2) == [(2, 7), (12, 12)]


def _pose(x: float, track_id: int | None = None) -> PersonPose:
    points = np.stack([x + np.arange(17.0), 50 + 3 * np.arange(17.0)], axis=1)
    return PersonPose(points, np.full(17, Visibility.VISIBLE, np.uint8), track_id=track_id)


def test_persons_without_an_identity_are_tracked(document: Document) -> None:
    frames = tuple(FramePoses(i, (_pose(300 - 2 * i), _pose(100 + 2 * i))) for i in range(10))
    with document:
        plan = plan_import(document, PoseSequence("file", frames), layer=Layer.ANNOTATION)
        document.apply(plan.edit(document).at_once())
        assert plan.n_tracks == 2
        new = sorted(document.tracks().keys() - {0, 1})
        assert [document.spans(track_id) for track_id in new] == [[(0, 9)], [(0, 9)]]
        ways = [document.trajectory(track_id, 0, 0, 9).xy[:, 0].tolist() for track_id in new]
        assert sorted(ways) == [[100 + 2 * i for i in range(10)], [300 - 2 * i for i in range(10)]]
        scores = document.persons(0)[new[0]].scores
        assert (scores == 1).all()


def test_poses_of_another_video_are_refused(document: Document) -> None:
    with document:
        longer = PoseSequence("long", (FramePoses(30, (_pose(1, 0),)),))
        with pytest.raises(ProjectError, match="poses up to frame 30, but the video ends at frame 29"):
            plan_import(document, longer, layer=Layer.ANNOTATION)
        larger = PoseSequence("large", (FramePoses(0, (_pose(1, 0),)),), width_px=1920, height_px=1080)
        with pytest.raises(ProjectError, match="1920 x 1080 pixels, but the video has 640 x 480"):
            plan_import(document, larger, layer=Layer.ANNOTATION)
        twice = PoseSequence("twice", (FramePoses(0, (_pose(1, 5), _pose(9, 5))),))
        with pytest.raises(ProjectError, match="one track id to two persons"):
            plan_import(document, twice, layer=Layer.ANNOTATION)
        huge = PoseSequence("huge", (FramePoses(0, (_pose(1, 2**40),)),))
        with pytest.raises(ProjectError, match="too large"):
            plan_import(document, huge, layer=Layer.ANNOTATION)
        assert plan_import(document, huge, layer=Layer.ANNOTATION, keep_track_ids=False).n_tracks == 1


def test_a_file_of_few_frames_is_said(document: Document) -> None:
    with document:
        plan = plan_import(document, PoseSequence("f", (FramePoses(0, (_pose(1, 0),)),)), layer=Layer.ANNOTATION)
    assert plan.notes == ("The file lists 1 frames, the video has 30: check that they start together.",)


def test_ignore_regions_and_identities_beyond_the_video_are_kept(document: Document, tmp_path: Path) -> None:
    region = np.array([[0.0, 0.0], [5.0, 0.0], [5.0, 5.5]])
    person_at = {0: 7, 5: 9}
    frames = tuple(
        FramePoses(
            frame,
            tuple(replace(_pose(10 * i, i), person_id=person_id) for i, person_id in person_at.items()),
            ignore_regions=(region, region + frame) if frame < 2 else (),
        )
        for frame in range(3)
    )
    before = content(document)
    document.apply(plan_import(document, PoseSequence("f", frames), layer=Layer.ANNOTATION).edit(document).at_once())
    document.close()
    with Document.open(document.path) as again:
        assert {track_id: track.person_id for track_id, track in again.tracks().items()} == {0: 7, 1: None, 5: 9}
        sequence = to_sequence(again, name="000001_mpii_test", what="human")
        (read,) = read_poses(write_poses([sequence], tmp_path / "out.json", format="posetrack21")[0])
        for frame in range(3):
            found = [one.tolist() for one in read.frames[frame].ignore_regions]
            assert found == [one.tolist() for one in frames[frame].ignore_regions]
            assert [person.person_id for person in read.frames[frame].persons] == [7, 9]
        again.undo()
        assert content(again) == before


def test_poses_in_another_skeleton_are_converted(document: Document) -> None:
    frames = (FramePoses(0, (_pose(1, 5),)),)
    with document:
        plan = plan_import(document, PoseSequence("coco", frames, skeleton=COCO_17), layer=Layer.ANNOTATION)
        document.apply(plan.edit(document).at_once())
        imported = document.persons(0)[5]
        knee = COCO_17.index("left_knee")
        assert np.array_equal(imported.keypoints[POSETRACK_17.index("left_knee")], _pose(1).keypoints[knee])
        assert not imported.located[POSETRACK_17.index("head_top")]


def test_problems_of_an_export_name_their_place(document: Document) -> None:
    outside = _pose(1, 0)
    points = outside.keypoints.copy()
    points[5] = [700, 50]
    nobody = replace(outside, visibility=np.zeros(17, np.uint8), track_id=4)
    far = replace(outside, keypoints=outside.keypoints + 1e9, track_id=2)
    frames = (
        FramePoses(0, (replace(outside, keypoints=points), nobody)),
        FramePoses(1, (_pose(1, 3), _pose(50, 3))),
        FramePoses(2, (far,)),
    )
    problems = export_checks(PoseSequence("x", frames, width_px=640, height_px=480), format="posetrack18")
    document.close()
    found = {(problem.frame, problem.track_id, problem.blocks): problem.sentence for problem in problems}
    assert found[0, 0, False] == "Left shoulder lies outside the image."
    assert found[0, 4, False] == "This person has no joint."
    assert "track id 3 is used twice" in found[1, None, True]
    assert "no place in an image" in found[2, 2, True]


def test_an_export_without_problems_has_none_and_an_empty_one_is_said(document: Document) -> None:
    with document:
        for format in FORMATS:
            assert export_checks(to_sequence(document), format=format) == []
        empty = export_checks(to_sequence(document, what="verified", first=25), format="coco")
    assert [(problem.blocks, problem.sentence) for problem in empty] == [
        (True, "No frame of this choice has anything to export.")
    ]
