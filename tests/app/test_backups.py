"""Backups that turn over, and the video that is found by what it is."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from app.jobs.backups import BackupThread
from app.project.backups import back_up, backups
from app.project.document import Document
from app.project.video_facts import VideoFacts
from app.project.video_link import VideoChanged, VideoFound, VideoMissing, find_video
from dcpose_core.errors import ProjectError
from dcpose_core.video import open_frames
from tests.app.projects import content, new_document, predict
from tests.videos import VIDEO_KINDS, write_numbered_video

_NOW = datetime(2026, 5, 20, 12, 0).astimezone()


def test_a_backup_is_a_project_as_it_was_at_that_moment(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        predict(document, 0, [1])
        before = content(document)
        backup = back_up(document.path, _NOW)
        assert backup is not None
        assert backup.parent == tmp_path / "clip.backups"
        assert back_up(document.path, _NOW + timedelta(minutes=1)) is None  # nothing changed
        predict(document, 0, [2])
        later = back_up(document.path, _NOW + timedelta(minutes=2))
        assert backups(document.path) == [later, backup]
    with Document.open(backup) as restored:
        assert content(restored) == before
        assert restored.undo_label == "Predict"


def test_the_last_ten_and_one_a_day_are_kept(tmp_path: Path) -> None:
    with new_document(tmp_path, n_tracks=1) as document:
        times = [_NOW - timedelta(days=40), _NOW - timedelta(days=3, minutes=5), _NOW - timedelta(days=3)]
        times += [_NOW + timedelta(minutes=i) for i in range(12)]
        for i, time in enumerate(times):
            predict(document, 0, [i])
            back_up(document.path, time)
        kept = [path.stem for path in backups(document.path)]
    assert kept[:10] == [f"2026-05-20_12{minute:02}00" for minute in reversed(range(2, 12))]
    assert kept[10:] == ["2026-05-17_120000"]


def test_a_damaged_project_pushes_no_backup_out(tmp_path: Path) -> None:
    with new_document(tmp_path, n_frames=400, n_tracks=1) as document:
        predict(document, 0, range(400))
        good = back_up(document.path, _NOW)
    data = bytearray((tmp_path / "clip.dcpose").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = os.urandom(4000)
    (tmp_path / "clip.dcpose").write_bytes(data)
    with pytest.raises(ProjectError, match="damaged"):
        back_up(tmp_path / "clip.dcpose", _NOW + timedelta(hours=1))
    assert backups(tmp_path / "clip.dcpose") == [good]


def test_backups_go_to_the_user_s_data_where_the_folder_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_document(tmp_path) as document:
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        backup = back_up(document.path, _NOW)
        assert backup is not None
        assert not backup.is_relative_to(tmp_path)
        assert backups(document.path) == [backup]


@pytest.fixture
def video(tmp_path: Path) -> VideoFacts:
    (tmp_path / "videos").mkdir()
    path = write_numbered_video(tmp_path / "videos" / "clip.mp4", VIDEO_KINDS["MPEG-4, mp4"], count=4)
    with open_frames(path) as frames:
        return VideoFacts.of(frames)


def test_the_video_is_found_where_it_was_or_went_with_the_project(tmp_path: Path, video: VideoFacts) -> None:
    with Document.create(tmp_path / "clip.dcpose", video) as document:
        assert find_video(document.path, document.video) == VideoFound(video.path)
    moved = tmp_path / "moved"
    moved.mkdir()
    (tmp_path / "videos").rename(moved / "videos")
    (tmp_path / "clip.dcpose").rename(moved / "clip.dcpose")
    with Document.open(moved / "clip.dcpose") as document:
        assert find_video(document.path, document.video) == VideoFound(moved / "videos" / "clip.mp4")
        (moved / "videos" / "clip.mp4").rename(moved / "another name.mp4")
        assert find_video(document.path, document.video) == VideoFound(moved / "another name.mp4")


def test_a_changed_or_missing_video_is_told_and_never_guessed(tmp_path: Path, video: VideoFacts) -> None:
    with Document.create(tmp_path / "clip.dcpose", video) as document:
        write_numbered_video(video.path, VIDEO_KINDS["MPEG-4, mp4"], count=5)
        assert find_video(document.path, document.video) == VideoChanged(video.path)
        video.path.unlink()
        write_numbered_video(tmp_path / "another.mp4", VIDEO_KINDS["MPEG-4, mp4"], count=4)
        (tmp_path / "another.mp4").write_bytes((tmp_path / "another.mp4").read_bytes() + b"x")
        assert find_video(document.path, document.video) == VideoMissing(video.path)


def test_a_folder_of_images_is_a_video_too(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for i in range(3):
        cv2.imwrite(str(images / f"{i}.png"), np.full((8, 8, 3), i, np.uint8))
    with open_frames(images) as frames:
        video = VideoFacts.of(frames)
    with Document.create(tmp_path / "images.dcpose", video) as document:
        assert find_video(document.path, document.video) == VideoFound(images)
        (images / "3.png").write_bytes((images / "0.png").read_bytes())
        assert find_video(document.path, document.video) == VideoChanged(images)


def test_a_backup_that_cannot_be_made_is_told_and_does_not_stop_the_next(tmp_path: Path) -> None:
    told: list[str] = []
    thread = BackupThread(told.append, pytest.fail)
    thread.back_up(tmp_path / "gone.dcpose").result(timeout=30)
    thread.close()
    assert len(told) == 1
    assert "gone.dcpose" in told[0]


def test_a_project_that_turns_out_damaged_is_told_as_such(tmp_path: Path) -> None:
    with new_document(tmp_path, n_frames=400, n_tracks=1) as document:
        predict(document, 0, range(400))
    data = bytearray(document.path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4000] = bytes(4000)
    document.path.write_bytes(data)
    told: list[str] = []
    thread = BackupThread(pytest.fail, told.append)
    thread.back_up(document.path).result(timeout=30)
    thread.close()
    assert len(told) == 1
    assert told[0].startswith(f"{document.path}: damaged")
