"""The journal of an interrupted run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dcpose_core.errors import UsageError
from dcpose_core.journal import Journal, RunDescription
from dcpose_core.types import Detection, FramePoses, PersonPose

RUN = RunDescription("f00", "clip.mp4", "net", "abc", {"--start": 0, "--interval": 1})


def poses(index: int) -> FramePoses:
    person = PersonPose(
        keypoints=np.arange(34.0).reshape(17, 2) / 3 + index,
        visibility=np.array([0, 1] + [2] * 15, np.uint8),
        scores=np.linspace(0, 1, 17),
        track_id=3,
        box_xyxy=np.array([1.5, 2, 3, 4]),
        score=0.25,
    )
    return FramePoses(index, (person,), time_s=index / 30)


def written(path: Path, n_frames: int) -> None:
    with Journal.open(path, RUN, resume=False) as journal:
        for index in range(n_frames):
            journal.record_detections(index, [Detection(np.array([0, 0, 5, index + 1.0]), 0.5)])
            journal.record_poses(poses(index))


def test_what_was_recorded_comes_back_exactly(tmp_path: Path) -> None:
    written(tmp_path / "j", 3)
    with Journal.open(tmp_path / "j", RUN, resume=True) as journal:
        assert journal.last_finished == 2
        for got, want in zip(journal.poses(), [poses(0), poses(1), poses(2)], strict=True):
            assert (got.index, got.time_s) == (want.index, want.time_s)
            np.testing.assert_array_equal(got.persons[0].keypoints, want.persons[0].keypoints)
            np.testing.assert_array_equal(got.persons[0].visibility, want.persons[0].visibility)
            np.testing.assert_array_equal(got.persons[0].scores, want.persons[0].scores)
            np.testing.assert_array_equal(got.persons[0].box_xyxy, want.persons[0].box_xyxy)
            assert (got.persons[0].track_id, got.persons[0].score) == (3, 0.25)
        assert [(index, found[0].box_xyxy[3]) for index, found in journal.detections()] == [(0, 1), (1, 2), (2, 3)]


def test_how_far_joints_were_refined_is_recorded_too(tmp_path: Path) -> None:
    person = replace(poses(0).persons[0], refinement_px=np.linspace(0, 40, 17) / 3)
    with Journal.open(tmp_path / "j", RUN, resume=False) as journal:
        journal.record_poses(FramePoses(0, (person,)))
        journal.record_poses(poses(1))
        refined, single = journal.poses()
    np.testing.assert_array_equal(refined.persons[0].refinement_px, np.linspace(0, 40, 17) / 3)
    assert single.persons[0].refinement_px is None


def test_a_journal_from_before_refinement_was_recorded_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path, 2)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line.replace(b",null]]}", b"]]}") if b'"poses"' in line else line for line in lines))
    with Journal.open(path, RUN, resume=True) as journal:
        journal.record_poses(poses(2))
        assert [frame.index for frame in journal.poses()] == [0, 1, 2]
        assert all(frame.persons[0].refinement_px is None for frame in journal.poses())


def test_a_line_cut_short_by_a_crash_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path, 3)
    whole = path.read_bytes()
    for cut in range(1, 200, 7):
        path.write_bytes(whole[:-cut])
        with Journal.open(path, RUN, resume=True) as journal:
            assert journal.last_finished == 1
            journal.record_poses(poses(2))
            assert [frame.index for frame in journal.poses()] == [0, 1, 2]


def test_finished_work_is_not_thrown_away_unasked(tmp_path: Path) -> None:
    written(tmp_path / "j", 1)
    with pytest.raises(UsageError, match="add --resume to go on, or delete it"):
        Journal.open(tmp_path / "j", RUN, resume=False)


def test_another_run_cannot_be_continued(tmp_path: Path) -> None:
    written(tmp_path / "j", 1)
    other = RunDescription("f01", "clip.mp4", "net", "abc", {"--start": 5, "--interval": 1})
    with pytest.raises(UsageError, match="differs in the video's content, --start: repeat its options"):
        Journal.open(tmp_path / "j", other, resume=True)


def test_a_renamed_video_is_the_same_video(tmp_path: Path) -> None:
    written(tmp_path / "j", 1)
    renamed = RunDescription("f00", "renamed.mp4", "net", "abc", {"--start": 0, "--interval": 1})
    with Journal.open(tmp_path / "j", renamed, resume=True) as journal:
        assert journal.last_finished == 0


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_text("precious notes\n")
    with pytest.raises(UsageError, match="is not the journal of an interrupted run"):
        Journal.open(path, RUN, resume=True)
    assert path.read_text() == "precious notes\n"


def test_a_run_that_finished_nothing_leaves_no_journal(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j", RUN, resume=False) as journal:
        journal.record_detections(0, [])
    assert not (tmp_path / "j").exists()


def test_resume_without_a_journal_starts_anew(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j", RUN, resume=True) as journal:
        assert journal.last_finished is None
