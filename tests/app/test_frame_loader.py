"""Frames off the UI thread: the right ones, the newest request first, never more memory than allowed."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.jobs.frame_loader import FrameLoader, LoaderEvents, first_picture
from app.project.video_facts import VideoFacts
from dcpose_core.errors import VideoError
from dcpose_core.types import ImageArray
from dcpose_core.video import VideoReader
from dcpose_core.video.exact_pictures import ExactPictures
from dcpose_core.video.seeking import PictureSource
from tests.videos import VIDEO_KINDS, VideoKind, overwrite, read_number, write_numbered_video

_FRAME_BYTES = 160 * 96 * 3
#: All frames are built on the first.
_LONG = VideoKind(".mp4", options={"x264-params": "keyint=96:min-keyint=96:bframes=3:scenecut=0"})


class _Listener:
    """Collects what a loader tells."""

    def __init__(self) -> None:
        self.frames: queue.Queue[tuple[int, ImageArray | None, str | None]] = queue.Queue()
        self.ends: queue.Queue[VideoFacts | Exception] = queue.Queue()
        self.pictures: list[ImageArray] = []
        self.progress: list[float] = []

    @property
    def events(self) -> LoaderEvents:
        return LoaderEvents(
            frame=lambda index, image, problem: self.frames.put((index, image, problem)),
            first_picture=self.pictures.append,
            progress=self.progress.append,
            opened=lambda video, _missing: self.ends.put(video),
            failed=self.ends.put,
        )


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_numbered_video(tmp_path_factory.mktemp("clip") / "clip.mp4", VIDEO_KINDS["H.264, mp4"])


@pytest.fixture
def listener() -> _Listener:
    return _Listener()


@pytest.fixture
def loader(clip: Path, listener: _Listener) -> Iterator[FrameLoader]:
    opened = FrameLoader(clip, listener.events)
    assert isinstance(listener.ends.get(timeout=20), VideoFacts)
    yield opened
    opened.close()


def _number(image: ImageArray | None) -> int:
    assert image is not None
    return read_number(image)


def test_the_first_frame_is_decoded_before_anybody_asks_for_it(loader: FrameLoader) -> None:
    end_s = time.monotonic() + 20
    while loader.cached(0) is None:
        assert time.monotonic() < end_s
        time.sleep(0.002)


def test_a_video_without_an_index_shows_its_first_picture_before_it_is_opened(
    clip: Path, listener: _Listener, loader: FrameLoader
) -> None:
    assert [_number(image) for image in listener.pictures] == [0]
    assert listener.progress
    assert _number(first_picture(clip)) == 0


@pytest.mark.parametrize("direction", [1, -1, 0])
def test_frames_come_as_asked_for_in_every_direction(loader: FrameLoader, listener: _Listener, direction: int) -> None:
    for index in (50, 50 + direction, 50 + 2 * direction, 3, 95):
        loader.request(index, direction)
        got, image, problem = listener.frames.get(timeout=20)
        assert (got, _number(image), problem) == (index, index, None)


def test_what_lies_ahead_is_decoded_before_it_is_asked_for(loader: FrameLoader, listener: _Listener) -> None:
    loader.request(10, 1)
    listener.frames.get(timeout=20)
    until = time.monotonic() + 20
    while loader.cached(20) is None and time.monotonic() < until:
        time.sleep(0.01)
    assert _number(loader.cached(20)) == 20


def test_of_many_requests_only_the_newest_has_to_be_answered(loader: FrameLoader, listener: _Listener) -> None:
    for index in range(0, 90, 3):
        loader.request(index)
    answers: list[int] = []
    while not answers or answers[-1] != 87:
        answers.append(listener.frames.get(timeout=20)[0])
    assert len(answers) < 30


def test_no_more_frames_are_kept_than_the_memory_allows(clip: Path, listener: _Listener) -> None:
    loader = FrameLoader(clip, listener.events, budget_bytes=8 * _FRAME_BYTES)
    for index in range(40):
        loader.request(index, 1)
        assert listener.frames.get(timeout=20)[0] == index
    kept = [index for index in range(96) if loader.cached(index) is not None]
    loader.close()
    assert 0 < len(kept) <= 8


def test_a_frame_that_cannot_be_decoded_says_why(clip: Path, tmp_path: Path, listener: _Listener) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(clip.read_bytes())
    overwrite(broken, start=0.5, length=0.1)
    loader = FrameLoader(broken, listener.events)
    problems = []
    for index in range(96):
        loader.request(index, 1)
        _, image, problem = listener.frames.get(timeout=20)
        assert (image is None) == (problem is not None)
        problems += [problem] if problem else []
    loader.close()
    assert problems
    assert "damaged" in problems[0]


def test_what_is_no_video_fails_with_one_known_error(tmp_path: Path, listener: _Listener) -> None:
    notes = tmp_path / "notes.mp4"
    notes.write_text("no video")
    loader = FrameLoader(notes, listener.events)
    assert isinstance(listener.ends.get(timeout=20), VideoError)
    loader.close()


def test_closing_ends_the_thread_at_once(clip: Path, listener: _Listener) -> None:
    before = threading.active_count()
    loader = FrameLoader(clip, listener.events)
    loader.request(90)
    loader.close()
    assert threading.active_count() == before


def test_a_newer_request_ends_the_way_to_an_older_one(
    tmp_path: Path, listener: _Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode_one = ExactPictures._decode_one
    decoded = threading.Semaphore(0)

    def decode_slowly(pictures: ExactPictures, wanted: int) -> None:
        decode_one(pictures, wanted)
        decoded.release()
        time.sleep(0.02)

    loader = FrameLoader(write_numbered_video(tmp_path / "clip.mp4", _LONG), listener.events)
    loader.request(0)
    listener.frames.get(timeout=20)
    monkeypatch.setattr(ExactPictures, "_decode_one", decode_slowly)
    loader.request(90)
    for _ in range(10):
        assert decoded.acquire(timeout=20)
    loader.request(40)
    assert listener.frames.get(timeout=20)[0] == 40
    loader.close()
    assert listener.frames.empty()


def test_jumps_are_prepared_when_nothing_else_is_to_be_done(
    loader: FrameLoader, listener: _Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: queue.Queue[int] = queue.Queue()
    prepare = VideoReader.prepare

    def preparing(reader: VideoReader, index: int) -> Iterator[None]:
        yield from prepare(reader, index)
        prepared.put(index)

    monkeypatch.setattr(VideoReader, "prepare", preparing)
    loader.request(60)
    assert listener.frames.get(timeout=20)[0] == 60
    assert prepared.get(timeout=20) == 60


def test_a_video_that_is_gone_when_jumps_are_prepared_is_still_shown(
    tmp_path: Path, listener: _Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Semaphore(0)
    another = ExactPictures.another

    def opening(pictures: ExactPictures, *, max_threads: int) -> ExactPictures:
        asked.release()
        return another(pictures, max_threads=max_threads)

    monkeypatch.setattr(ExactPictures, "another", opening)
    path = write_numbered_video(tmp_path / "clip.mp4", _LONG)
    loader = FrameLoader(path, listener.events)
    assert isinstance(listener.ends.get(timeout=20), VideoFacts)
    path.unlink()  # what has it open can go on
    for index in (40, 80):
        loader.request(index)
        got, image, _ = listener.frames.get(timeout=20)
        assert (got, _number(image)) == (index, index)
        assert asked.acquire(timeout=20)
    loader.close()


def test_stepping_back_does_not_start_at_the_key_frame_for_every_step(
    tmp_path: Path, listener: _Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[int] = []
    start = PictureSource.pictures_from

    def noting_start(source: PictureSource, key: int) -> Iterator[tuple[int, object]]:
        starts.append(key)
        return start(source, key)

    monkeypatch.setattr(PictureSource, "pictures_from", noting_start)
    monkeypatch.setattr(VideoReader, "prepare", lambda reader, index: iter(()))
    loader = FrameLoader(write_numbered_video(tmp_path / "clip.mp4", _LONG), listener.events)
    for index in range(95, 5, -1):
        loader.request(index, -1)
        got, image, _ = listener.frames.get(timeout=20)
        assert (got, _number(image)) == (index, index)
        time.sleep(0.02)  # time to decode in advance
    loader.close()
    assert len(starts) <= 12
