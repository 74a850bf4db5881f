"""The frame index is made once per content, and is never trusted more than the file."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from dcpose_core import paths
from dcpose_core.errors import VideoError
from dcpose_core.video import ProgressCallback, VideoReader, index_cache, reader
from dcpose_core.video.fingerprint import file_fingerprint
from dcpose_core.video.frame_index import FrameIndex, build_frame_index
from tests.videos import VIDEO_KINDS, read_number, write_numbered_video

_H264 = VIDEO_KINDS["H.264, mp4"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_numbered_video(tmp_path / "clip.mp4", _H264)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose index has been made, in order."""
    paths_built: list[Path] = []

    def noting_build(path: Path, on_progress: ProgressCallback | None = None) -> FrameIndex:
        paths_built.append(path)
        return build_frame_index(path, on_progress)

    monkeypatch.setattr(reader, "build_frame_index", noting_build)
    return paths_built


def _cached() -> list[Path]:
    folder = paths.cache_dir() / "video-index"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _numbers(path: Path) -> list[int]:
    with VideoReader.open(path) as video:
        return [read_number(video.read(index).image) for index in (80, 3, len(video) - 1)]


def test_the_index_is_made_once(clip: Path, built: list[Path]) -> None:
    with VideoReader.open(clip) as first, VideoReader.open(clip) as second:
        assert built == [clip]
        assert (first.times_s == second.times_s).all()
        assert (first.frame_rate, first.width_px) == (second.frame_rate, second.width_px)
    assert _numbers(clip) == [80, 3, 95]


def test_a_renamed_or_copied_file_needs_no_new_index(clip: Path, built: list[Path]) -> None:
    with VideoReader.open(clip) as video:
        fingerprint = video.fingerprint
    renamed = clip.rename(clip.with_name("other name.mp4"))
    copy = clip.with_name("copy.mp4")
    copy.write_bytes(renamed.read_bytes())
    for path in (renamed, copy):
        with VideoReader.open(path) as video:
            assert video.fingerprint == fingerprint
            assert read_number(video.read(50).image) == 50
    assert built == [clip]


def test_another_video_under_the_same_name_gets_its_own_index(clip: Path, built: list[Path]) -> None:
    with VideoReader.open(clip) as video:
        fingerprint = video.fingerprint
    write_numbered_video(clip, _H264, count=84)
    with VideoReader.open(clip) as video:
        assert len(video) == 84
        assert video.fingerprint != fingerprint
    assert len(built) == 2


def test_large_files_are_told_apart_by_their_size_and_samples(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(20 << 20))
    first = file_fingerprint(path)
    assert file_fingerprint(path) == first
    with path.open("r+b") as file:
        file.seek(-10, 2)
        file.write(b"x")
    assert file_fingerprint(path) != first


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "noise", "folder"])
def test_a_broken_cache_file_is_made_anew(clip: Path, built: list[Path], damage: str) -> None:
    _numbers(clip)
    (cached,) = _cached()
    content = bytearray(cached.read_bytes())
    if damage == "folder":
        cached.unlink()
        cached.mkdir()
    else:
        content[len(content) // 2] ^= 1
        damaged = {"empty": bytearray(), "cut": content[:500], "flipped": content, "noise": bytearray(b"noise" * 100)}
        cached.write_bytes(damaged[damage])
    assert _numbers(clip) == [80, 3, 95]
    assert len(built) == 2
    assert not [path for path in _cached() if path.suffix == ".part"]


def test_an_index_of_another_version_is_made_anew(
    clip: Path, built: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _numbers(clip)
    monkeypatch.setattr(index_cache, "_FORMAT", 999)
    assert _numbers(clip) == [80, 3, 95]
    assert len(built) == 2


def test_a_cache_folder_that_cannot_be_written_only_costs_time(
    clip: Path, built: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocker = tmp_path / "file"
    blocker.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocker / "below"))
    assert _numbers(clip) == _numbers(clip) == [80, 3, 95]
    assert len(built) == 2


def test_a_file_that_differs_from_its_index_is_one_error_and_the_next_open_is_right(clip: Path, tmp_path: Path) -> None:
    other = write_numbered_video(tmp_path / "other.mp4", VIDEO_KINDS["MPEG-4, mp4"])
    with VideoReader.open(other) as video:
        fingerprint = video.fingerprint
    _numbers(clip)
    wrong = index_cache.load_index(file_fingerprint(clip))
    assert wrong is not None
    index_cache.save_index(fingerprint, wrong)
    with VideoReader.open(other) as video, pytest.raises(VideoError, match=r"changed.*open it again"):
        video.read(80)
    assert _numbers(other) == [80, 3, 95]


def test_progress_rises_to_the_end_and_can_be_interrupted(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "clip.avi", VIDEO_KINDS["MPEG-4 with B-frames, avi"])
    seen: list[float] = []

    def stop_at_the_fifth(done: float) -> None:
        seen.append(done)
        if len(seen) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        VideoReader.open(path, on_progress=stop_at_the_fifth)
    assert _cached() == []
    seen.clear()
    VideoReader.open(path, on_progress=seen.append).close()
    decoding = seen[1:]  # after the one report of the short pass over the packets
    assert all(0 <= done <= 1 for done in seen)
    assert all(before <= after for before, after in itertools.pairwise(decoding))
    assert decoding[-1] > 0.9
    seen.clear()
    VideoReader.open(path, on_progress=seen.append).close()
    assert seen == []  # the index was there
