"""Export and import: what is written is what was meant, and the dialogs say so."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.jobs.bridge import JobFeed
from app.jobs.export import ExportRequest, ExportResult, check_job, export_job
from app.jobs.read_back import read_back
from app.project import edits
from app.project.convert import to_sequence
from app.project.document import Document
from app.project.records import FrameState, Layer
from app.project.video_facts import VideoFacts
from app.ui.dialogs.export_dialog import ExportDialog
from app.ui.dialogs.import_dialog import ImportDialog
from app.ui.opening import plain_name
from app.ui.session import Session
from dcpose_core.annotation import with_ranking_scores
from dcpose_core.errors import FormatError, UsageError, VideoError
from dcpose_core.formats import FORMATS, read_poses, write_poses
from dcpose_core.video import VideoWriter, open_frames
from tests.videos import number_image, read_number


def _result(job: Generator[Any, None, Any]) -> Any:
    while True:
        try:
            next(job)
        except StopIteration as stop:
            return stop.value


@pytest.fixture
def request_(document: Document, tmp_path: Path) -> ExportRequest:
    return ExportRequest(
        project=document.path,
        video=Path(document.video.path),
        fingerprint=document.video.fingerprint,
        output=tmp_path / "out.json",
        format="posetrack18",
    )


@pytest.mark.parametrize("format", list(FORMATS))
@pytest.mark.parametrize(("what", "n_frames", "n_persons"), [("view", 40, 95), ("human", 2, 2), ("verified", 1, 1)])
def test_every_format_reads_back_and_scores_100_against_itself(
    request_: ExportRequest, format: str, what: Any, n_frames: int, n_persons: int
) -> None:
    result: ExportResult = _result(export_job(replace(request_, format=format, what=what)))
    assert (result.n_frames, result.n_persons) == (n_frames, n_persons)
    assert result.check.differences == ()
    assert result.check.ap == 100.0
    assert result.check.mota in (100.0, None)
    assert result.check.is_right
    assert result.files == [request_.output]


def test_scores_are_those_that_the_command_line_writes(request_: ExportRequest, document: Document) -> None:
    _result(export_job(request_))
    (written,) = read_poses(request_.output)
    meant = with_ranking_scores(to_sequence(document))
    scores = [[person.score for person in frame.persons] for frame in written.frames]
    assert scores == [[person.score for person in frame.persons] for frame in meant.frames]


def test_exports_are_called_as_the_video_without_its_ending() -> None:
    names = {"sample.mp4.dcpose": "sample", "walk.dcpose": "walk", "take.2.dcpose": "take.2", "a.b.MOV.dcpose": "a.b"}
    assert {name: plain_name(Path(name)) for name in names} == names


def test_a_range_and_single_tracks_can_be_exported(request_: ExportRequest) -> None:
    _result(export_job(replace(request_, first=10, last=29, track_ids=frozenset({1}))))
    (sequence,) = read_poses(request_.output)
    assert len(sequence.frames) == 40
    assert [frame.index for frame in sequence.frames if frame.persons] == [*range(10, 25)]
    assert [frame.index for frame in sequence.frames if frame.is_labeled] == [*range(10, 30)]


def test_reading_back_finds_what_is_wrong(document: Document, tmp_path: Path) -> None:
    meant = to_sequence(document)
    frames = list(meant.frames)
    moved = frames[7].persons[0]
    keypoints = moved.keypoints.copy()
    keypoints[5] += 0.25
    frames[7] = replace(frames[7], persons=(replace(moved, keypoints=keypoints), *frames[7].persons[1:]))
    frames[20] = replace(frames[20], persons=frames[20].persons[1:])
    files = write_poses([meant.with_frames(frames)], tmp_path / "other.json", format="posetrack21")
    check = read_back(meant, files, format="posetrack21")
    assert check.differences == (
        "frame 7, track 0: joints lie elsewhere",
        "frame 20: 3 persons were written, 2 came back",
    )
    assert not check.is_right


def test_problems_are_found_with_their_place_before_anything_is_written(
    document: Document, request_: ExportRequest
) -> None:
    document.apply(edits.move_joint(document, 20, 1, 9, np.array([-30.0, 100.0])))
    problems = _result(check_job(request_))
    assert [(problem.frame, problem.track_id, problem.blocks) for problem in problems] == [(20, 1, False)]
    assert not request_.output.exists()


def test_what_cannot_be_written_leaves_no_file(request_: ExportRequest, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give the file that ending"):
        _result(export_job(replace(request_, output=tmp_path / "out.txt")))
    with pytest.raises(UsageError, match="there is no folder"):
        _result(export_job(replace(request_, output=tmp_path / "nowhere" / "out.json")))
    with pytest.raises(UsageError, match="is the project or its video"):
        _result(export_job(replace(request_, video=tmp_path / "out.json")))
    with pytest.raises(FormatError, match="not written: No frame of this choice"):
        _result(export_job(replace(request_, what="verified", first=10)))
    assert list(tmp_path.glob("*.json")) == []


@pytest.fixture
def filmed(tmp_path: Path, numbered_video: Path) -> Iterator[Document]:
    """A project of a real video whose frames bear their numbers."""
    with open_frames(numbered_video) as source:
        facts = VideoFacts.of(source)
    with Document.create(tmp_path / "filmed.dcpose", facts) as document:
        document.apply(edits.set_verified(document, range(facts.n_frames), verified=True))
        yield document


@pytest.fixture
def numbered_video(tmp_path: Path) -> Path:
    path = tmp_path / "numbers.mp4"
    with VideoWriter(path, 160, 96, 25.0) as writer:
        for number in range(12):
            writer.write(number_image(number))
    return path


@pytest.mark.parametrize(
    ("format", "first_name"), [("posetrack18", "000000.jpg"), ("posetrack17", "00000001.jpg"), ("coco", "000000.jpg")]
)
def test_frame_images_are_the_videos_frames_under_the_formats_names(
    filmed: Document, tmp_path: Path, format: str, first_name: str
) -> None:
    request = ExportRequest(
        project=filmed.path,
        video=Path(filmed.video.path),
        fingerprint=filmed.video.fingerprint,
        output=tmp_path / "out.json",
        format=format,
        first=3,
        last=7,
        images=tmp_path / "frames",
        overlay=tmp_path / "overlay.mp4",
    )
    result: ExportResult = _result(export_job(request))
    assert result.n_images == 5
    (sequence,) = read_poses(request.output)
    assert Path(sequence.frames[0].file_name or "").name == first_name
    written = {path.relative_to(tmp_path / "frames").as_posix(): path for path in (tmp_path / "frames").rglob("*.jpg")}
    assert sorted(written) == [frame.file_name for frame in sequence.frames[3:8]]
    for frame in sequence.frames[3:8]:
        with open_frames(written[frame.file_name or ""]) as image:
            assert read_number(image.read(0).image) == frame.index
    with open_frames(tmp_path / "overlay.mp4") as overlay:
        assert [read_number(frame.image) for frame in overlay.frames()] == [3, 4, 5, 6, 7]


def test_another_video_under_the_same_name_is_refused(filmed: Document, tmp_path: Path) -> None:
    request = ExportRequest(
        project=filmed.path,
        video=Path(filmed.video.path),
        fingerprint="0" * 64,
        output=tmp_path / "out.json",
        format="posetrack18",
        images=tmp_path,
    )
    with pytest.raises(VideoError, match="not the video of this project"):
        _result(export_job(request))


@pytest.fixture
def jobs(qapp: QApplication) -> Iterator[JobFeed]:
    feed = JobFeed()
    yield feed
    feed.close()


@pytest.fixture
def export(session: Session, jobs: JobFeed, tmp_path: Path) -> Iterator[ExportDialog]:
    dialog = ExportDialog(session, jobs)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    dialog.show()
    yield dialog
    dialog.close()
    dialog.deleteLater()


def _idle(qtbot: QtBot, dialog: ExportDialog | ImportDialog) -> None:
    qtbot.waitUntil(lambda: not dialog._runner.is_busy, timeout=60_000)


def test_export_checks_writes_reads_back_and_says_so(
    export: ExportDialog, session: Session, tmp_path: Path, qtbot: QtBot, told: list[str]
) -> None:
    assert export._scope.text() == "40 of 40 frames have something to export."
    export.format.setCurrentIndex(export.format.findData("coco"))
    assert export.file.path == tmp_path / "walk_coco.json"
    QTest.mouseClick(export.go, Qt.MouseButton.LeftButton)
    _idle(qtbot, export)
    assert export.message.text() == (
        "Written: 95 poses of 3 persons on 40 frames.\n"
        f"{tmp_path / 'walk_coco.json'}\n"
        "Read back from the file: the same poses as in the project.\n"
        "Scored against itself, as a test of the file: AP 100.0, MOTA 100.0."
    )
    assert len(read_poses(tmp_path / "walk_coco.json")[0].frames) == 40
    assert export.close_button.hasFocus()
    assert told == [f"Exported to {tmp_path / 'walk_coco.json'}"]


def test_problems_are_listed_jump_to_their_place_and_do_not_stop_who_insists(
    export: ExportDialog, session: Session, document: Document, tmp_path: Path, qtbot: QtBot
) -> None:
    document.apply(edits.move_joint(document, 20, 1, 9, np.array([-30.0, 100.0])))
    QTest.mouseClick(export.go, Qt.MouseButton.LeftButton)
    _idle(qtbot, export)
    assert not (tmp_path / "walk_posetrack18.json").exists()
    item = export.problems.item(0)
    assert item.text() == "Frame 20, Person 1: Left wrist lies outside the image."
    place = export.problems.visualItemRect(item).center()
    QTest.mouseClick(export.problems.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert (session.frame, session.selected_track) == (20, 1)
    assert export.go.text() == "Export anyway"
    assert export.problems.hasFocus()
    QTest.mouseClick(export.go, Qt.MouseButton.LeftButton)
    _idle(qtbot, export)
    assert (tmp_path / "walk_posetrack18.json").exists()


def test_an_edit_after_the_check_asks_for_another_check(export: ExportDialog, document: Document, qtbot: QtBot) -> None:
    document.apply(edits.move_joint(document, 20, 1, 9, np.array([-30.0, 100.0])))
    QTest.mouseClick(export.check, Qt.MouseButton.LeftButton)
    _idle(qtbot, export)
    assert export.problems.isVisible()
    document.undo()
    assert not export.problems.isVisible()
    assert export.go.text() == "Export"


def test_a_choice_without_anything_cannot_be_exported(export: ExportDialog, document: Document) -> None:
    export.what.setCurrentIndex(2)
    assert export.go.isEnabled()
    document.apply(edits.set_verified(document, [3], verified=False))
    assert export._scope.text() == "0 of 40 frames have something to export."
    assert not export.go.isEnabled()


def test_a_file_that_cannot_be_written_is_one_message(export: ExportDialog, tmp_path: Path, qtbot: QtBot) -> None:
    export.file.text.setText(str(tmp_path / "nowhere" / "out.json"))
    QTest.mouseClick(export.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "there is no folder" in export.message.text(), timeout=60_000)
    assert export.go.isEnabled()


@pytest.fixture
def exported(document: Document, tmp_path: Path) -> Path:
    (path,) = write_poses([to_sequence(document)], tmp_path / "file.json", format="posetrack21")
    return path


@pytest.fixture
def importing(
    session: Session, jobs: JobFeed, exported: Path, qtbot: QtBot
) -> Iterator[Callable[[Path], ImportDialog]]:
    made: list[ImportDialog] = []

    def open_(path: Path) -> ImportDialog:
        dialog = ImportDialog(session, jobs, path)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
        dialog.open()
        made.append(dialog)
        _idle(qtbot, dialog)
        return dialog

    yield open_
    for dialog in made:
        dialog.reject()
        dialog.deleteLater()


def test_a_file_becomes_annotations_in_one_step_that_can_be_undone(
    importing: Callable[[Path], ImportDialog], exported: Path, document: Document, qtbot: QtBot
) -> None:
    dialog = importing(exported)
    _idle(qtbot, dialog)
    assert dialog.summary.text().startswith("95 poses on 40 frames, 3 tracks.")
    assert not dialog.keep_ids.isChecked()
    dialog.keep_ids.setChecked(True)
    _idle(qtbot, dialog)
    assert "1 pose that is in the project now is replaced." in dialog.summary.text()
    dialog.accept()
    assert document.layer_of(20, 1) is Layer.ANNOTATION
    assert document.frame_state(20) is FrameState.HUMAN
    document.undo()
    assert document.layer_of(20, 1) is Layer.PREDICTION


def test_a_file_becomes_predictions_of_new_tracks(
    importing: Callable[[Path], ImportDialog], exported: Path, document: Document, qtbot: QtBot
) -> None:
    dialog = importing(exported)
    _idle(qtbot, dialog)
    dialog.as_predictions.setChecked(True)
    _idle(qtbot, dialog)
    dialog.accept()
    assert sorted(document.tracks()) == [0, 1, 2, 3, 4, 5]
    assert document.layer_of(20, 4) is Layer.PREDICTION
    assert document.spans(4) == document.spans(1)


def test_a_damaged_file_is_one_message_and_nothing_changes(
    importing: Callable[[Path], ImportDialog], tmp_path: Path, document: Document
) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{")
    label = document.undo_label
    dialog = importing(path)
    assert "not valid JSON" in dialog.summary.text()
    assert not dialog.go.isEnabled()
    dialog.accept()
    assert document.undo_label == label


def test_a_file_of_a_longer_video_is_refused(
    importing: Callable[[Path], ImportDialog], tmp_path: Path, document: Document, qtbot: QtBot
) -> None:
    sequence = to_sequence(document)
    longer = sequence.with_frames([*sequence.frames, replace(sequence.frames[-1], index=57)])
    (path,) = write_poses([longer], tmp_path / "long.json", format="coco")
    dialog = importing(path)
    _idle(qtbot, dialog)
    assert "the video ends at frame 39" in dialog.summary.text()
    assert not dialog.go.isEnabled()
