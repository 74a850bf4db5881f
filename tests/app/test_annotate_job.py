"""Letting a model annotate: results come while it works, people keep who they are, and nobody's work is touched."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

from app.jobs.annotate import AnnotateRequest, PredictedFrames, RunStarted, RunSummary, annotate_job, predict
from app.jobs.worker import Step
from app.project import edits
from app.project.document import Document
from app.project.poses import person_of
from app.project.prediction_run import PredictionRun, boxes_of_tracks, replace_predictions
from app.project.records import Edit, FrameState, JointSource, Layer, PersonChange
from app.project.video_facts import VideoFacts
from dcpose_core.errors import VideoError
from dcpose_core.pipeline import AnalysisSettings
from dcpose_core.types import Detection, FramePoses, PersonPose, Visibility
from dcpose_core.video import open_frames
from tests.app.projects import new_document, track
from tests.scenes import DotDetector, DotVideo, box, dot_model, position
from tests.videos import VIDEO_KINDS, write_numbered_video

_CPU = torch.device("cpu")


@pytest.fixture
def document(tmp_path: Path) -> Iterable[Document]:
    with Document.create(tmp_path / "dots.dcpose", VideoFacts.of(DotVideo(20, n_persons=2))) as document:
        yield document


def _request(**settings: object) -> AnnotateRequest:
    boxes = settings.pop("boxes", None)
    return AnnotateRequest(
        video=Path("dots.mp4"),
        fingerprint="dots",
        settings=AnalysisSettings(temporal=False, **settings),  # type: ignore[arg-type]  # settings by name
        boxes=boxes,  # type: ignore[arg-type]
    )


def _steps(request: AnnotateRequest, video: DotVideo | None = None) -> tuple[list[Step], RunSummary]:
    """What the job yields over the world of dots, and its result."""
    job = predict(
        video or DotVideo(20, n_persons=2),
        request,
        model=dot_model(),
        device=_CPU,
        detector=DotDetector(2) if request.boxes is None else None,
        messages=[],
    )
    steps = []
    while True:
        try:
            steps.append(next(job))
        except StopIteration as stop:
            return steps, stop.value


def _frames(steps: list[Step]) -> list[FramePoses]:
    return [frame for step in steps if isinstance(step.payload, PredictedFrames) for frame in step.payload.frames]


def _run(document: Document, steps: list[Step]) -> PredictionRun:
    run = PredictionRun(document, "Annotate")
    for step in steps:
        if isinstance(step.payload, PredictedFrames):
            run.take(step.payload.frames)
    run.close()
    return run


def test_a_run_yields_its_device_its_progress_and_all_poses_in_order() -> None:
    steps, summary = _steps(_request(start=2, stop=9), DotVideo(20, n_persons=2, damaged_frames=frozenset({5})))
    assert steps[0].payload == RunStarted("CPU", "Dots")
    assert [frame.index for frame in _frames(steps)] == [2, 3, 4, 6, 7, 8]
    assert (steps[-1].done, steps[-1].total) == (7, 7)
    assert (summary.n_frames, summary.n_poses, summary.damaged) == (6, 12, ("frame 5",))


def test_the_results_are_predictions_in_one_step_of_the_history(document: Document) -> None:
    steps, _ = _steps(_request(stop=10))
    _run(document, steps)
    assert document.spans(0) == document.spans(1) == [(0, 9)]
    assert [document.tracks()[i].name for i in (0, 1)] == ["Person 0", "Person 1"]
    found = document.persons(4)[0]
    assert np.allclose(found.keypoints[0], position(0, 4), atol=1)
    assert set(found.sources.tolist()) == {JointSource.MODEL}
    assert document.layer_of(4, 0) is Layer.PREDICTION
    assert document.frame_states()[:12].tolist() == [FrameState.MODEL] * 10 + [FrameState.NONE] * 2
    assert [entry.label for entry in document.history()] == ["Annotate"]
    document.undo()
    assert not document.tracks()


def test_a_frame_with_nobody_counts_as_looked_at(document: Document) -> None:
    _run(document, [Step(payload=PredictedFrames((FramePoses(3),)))])
    assert document.frame_state(3) is FrameState.MODEL
    assert not document.persons(3)


def test_running_again_keeps_everybody_s_identity_and_what_people_did(document: Document) -> None:
    steps, _ = _steps(_request())
    _run(document, steps)
    document.apply(edits.swap_tracks(document, 0, 1, 0, 19))
    document.apply(edits.rename_track(document, 1, "Ana"))
    document.apply(edits.move_joint(document, 6, 1, 9, np.array([1.0, 2.0])))
    document.apply(edits.set_verified(document, [8], True))
    document.apply(edits.delete_person(document, 8, 0))  # verified as it is: one person
    by_hand = document.persons(6)[1]
    run = _run(document, steps)
    assert (run.n_taken, run.n_skipped) == (19, 1)
    assert document.tracks().keys() == {0, 1}
    assert document.persons(6)[1] == by_hand
    assert document.persons(8).keys() == {1}
    # Ana is whom the model calls 0.
    assert np.allclose(document.persons(15)[1].keypoints[0], position(0, 15), atol=1)


def test_edits_made_while_it_runs_are_not_touched(document: Document) -> None:
    frames = _frames(_steps(_request())[0])
    run = PredictionRun(document, "Annotate")
    run.take(frames[:5])
    document.apply(edits.delete_person(document, 3, 0))
    document.apply(edits.set_verified(document, [7], True))
    ear = Edit("By hand", (PersonChange(Layer.ANNOTATION, 10, 1, None, document.persons(2)[1]),))
    document.apply(ear)
    run.take(frames[5:])
    run.close()
    assert run.n_skipped == 2
    assert document.persons(3).keys() == {1}
    assert not document.persons(7)
    assert document.persons(10) == {1: document.persons(2)[1]}
    for _ in range(3):
        document.undo()
    assert document.undo_label == "Annotate"
    assert document.persons(3).keys() == {0, 1}
    document.undo()
    assert not document.tracks()


def test_undoing_while_it_runs_cancels_it(document: Document) -> None:
    frames = _frames(_steps(_request())[0])
    run = PredictionRun(document, "Annotate")
    run.take(frames[:5])
    document.undo()
    assert run.cancelled
    run.take(frames[5:])
    run.close()
    assert not document.tracks()


def test_a_person_s_track_goes_on_under_the_id_that_somebody_gave_it(document: Document) -> None:
    frames = _frames(_steps(_request())[0])
    document.apply(edits.add_person(document, 12, person_of(frames[12].persons[1])))
    _run(document, [Step(payload=PredictedFrames(tuple(frames)))])
    # Track 0 is the person that was annotated on frame 12, from the first frame to the last.
    assert document.spans(0) == [(0, 19)]
    assert np.allclose(document.persons(2)[0].keypoints[0], position(1, 2), atol=1)
    assert len(document.tracks()) == 2
    document.undo()
    assert document.spans(0) == [(12, 12)]


def test_an_annotation_made_meanwhile_says_who_it_is_and_what_others_touched_stays(document: Document) -> None:
    frames = _frames(_steps(_request())[0])
    document.apply(edits.add_person(document, 12, person_of(frames[12].persons[1])))
    run = PredictionRun(document, "Annotate")
    run.take(frames[:5])
    (second,) = (t for t, p in document.persons(2).items() if np.allclose(p.keypoints[0], position(1, 2), atol=1))
    document.apply(edits.rename_track(document, second, "Ana"))
    document.apply(edits.set_verified(document, [3], True))
    run.take(frames[5:])
    run.close()
    assert document.spans(second) == [(3, 3)]
    assert document.spans(0) == [(0, 2), (4, 19)]
    before_undo = {f: dict(document.persons(f)) for f in range(20)}
    for _ in range(4):
        document.undo()
    assert not document.tracks()
    for _ in range(4):
        document.redo()
    assert {f: dict(document.persons(f)) for f in range(20)} == before_undo


def test_a_deleted_track_does_not_come_back_under_its_id(document: Document) -> None:
    frames = _frames(_steps(_request())[0])
    run = PredictionRun(document, "Annotate")
    run.take(frames[:5])
    document.apply(edits.delete_track(document, 0, 0, 19))
    run.take(frames[5:10])
    run.close()
    assert document.tracks().keys() == {1, 2}
    assert document.spans(2) == [(5, 9)]
    document.undo()
    document.undo()
    assert not document.tracks()


def test_a_person_who_was_deleted_is_not_found_again(document: Document) -> None:
    steps, _ = _steps(_request(stop=6))
    _run(document, steps)
    document.apply(edits.delete_track(document, 1, 2, 5))
    assert document.spans(1) == [(0, 1)]
    again = _run(document, steps)
    assert again.n_rejected == 4
    assert document.spans(1) == [(0, 1)]
    assert document.tracks().keys() == {0, 1}
    document.undo()  # the deletion: the run found nothing new
    assert document.spans(1) == [(0, 5)]
    assert _run(document, steps).n_rejected == 0
    document.apply(edits.delete_person(document, 3, 1))
    document.apply(edits.add_person(document, 3, document.persons(2)[1], track_id=1))  # there is somebody after all
    assert _run(document, steps).n_rejected == 0
    assert document.person(3, 1, Layer.PREDICTION) is not None


def test_a_track_that_a_new_run_no_longer_finds_goes(document: Document) -> None:
    frames = _frames(_steps(_request(stop=6))[0])
    _run(document, [Step(payload=PredictedFrames(tuple(frames)))])
    only_one = [FramePoses(frame.index, frame.persons[:1]) for frame in frames]
    _run(document, [Step(payload=PredictedFrames(tuple(only_one)))])
    assert document.tracks().keys() == {0}
    document.undo()
    assert document.spans(1) == [(0, 5)]


def test_some_persons_can_be_run_again_in_their_boxes(document: Document) -> None:
    _run(document, _steps(_request())[0])
    before = {frame: document.persons(frame)[0] for frame in range(20)}
    document.apply(edits.move_person(document, 5, 1, np.array([2.0, 0.0])))
    boxes = boxes_of_tracks(document, [1], 4, 8)
    assert sorted(boxes) == [4, 5, 6, 7, 8]
    video = DotVideo(20, n_persons=2)
    steps, summary = _steps(_request(start=4, stop=9, boxes=boxes), video)
    assert (summary.n_frames, summary.n_poses) == (5, 5)
    run = PredictionRun(document, "Again", only_tracks=frozenset({1}))
    for frame in _frames(steps):
        run.take([frame])
    run.close()
    assert all(document.persons(frame)[0] == before[frame] for frame in range(20))
    assert document.layer_of(5, 1) is Layer.ANNOTATION
    assert np.allclose(document.persons(6)[1].keypoints[0], position(1, 6), atol=1)
    assert document.spans(1) == [(0, 19)]


def test_one_person_is_proposed_in_a_box_that_somebody_drew(document: Document) -> None:
    drawn = Detection(box(1, 7), 1.0, track_id=0)
    steps, _ = _steps(_request(start=7, stop=8, boxes={7: [drawn]}))
    (frame,) = _frames(steps)
    (pose,) = frame.persons
    assert pose.track_id == 0
    assert np.allclose(pose.keypoints[0], position(1, 7), atol=1)
    document.apply(edits.add_person(document, 7, person_of(pose)))
    assert document.layer_of(7, 0) is Layer.ANNOTATION


def test_predictions_can_be_replaced_by_one_edit(tmp_path: Path) -> None:
    points = np.ones((17, 2))
    pose = PersonPose(points, np.full(17, Visibility.VISIBLE, np.uint8), scores=np.full(17, 0.5), track_id=3)
    with new_document(tmp_path, n_tracks=1) as document:
        edit = replace_predictions(document, [FramePoses(4, (pose,)), FramePoses(5)], label="Again")
        document.apply(edit)
        assert document.spans(3) == [(4, 4)]
        assert document.is_analysed(5)
        document.apply(replace_predictions(document, [FramePoses(4)], label="Nobody"))
        assert document.spans(3) == []
        assert document.tracks()[0] == track(0)


def test_closing_the_job_closes_the_video() -> None:
    video = DotVideo(200, n_persons=1)  # more than is handed on at once
    job = predict(video, _request(), model=dot_model(), device=_CPU, detector=DotDetector(1), messages=["A warning"])
    assert next(job).payload == RunStarted("CPU", "Dots")
    assert next(job).message == "A warning"
    while not isinstance(next(job).payload, PredictedFrames):
        pass
    job.close()
    assert video.closed_early


def test_the_job_opens_video_model_and_device_by_itself_and_refuses_another_video(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "clip.mp4", VIDEO_KINDS["MPEG-4, mp4"], count=4)
    with open_frames(path) as source:
        fingerprint = source.fingerprint
    box_on_it = {1: [Detection(np.array([10.0, 10.0, 90.0, 90.0]), 1.0, track_id=7)]}
    settings = AnalysisSettings(start=1, stop=2, temporal=False)
    request = AnnotateRequest(video=path, fingerprint=fingerprint, device="cpu", settings=settings, boxes=box_on_it)
    steps = list(annotate_job(request))
    assert any(isinstance(step.payload, RunStarted) and step.payload.device == "CPU" for step in steps)
    (frame,) = _frames(steps)
    assert [person.track_id for person in frame.persons] == [7]
    other = AnnotateRequest(video=path, fingerprint="another", device="cpu", settings=settings)
    with pytest.raises(VideoError, match="not the video of this project"):
        list(annotate_job(other))
