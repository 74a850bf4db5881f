"""Frames reached from decoders that wait on the way to them are those of decoding in sequence, and come sooner."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from dcpose_core.errors import VideoError
from dcpose_core.types import ImageArray
from dcpose_core.video import VideoReader, waypoints
from dcpose_core.video.exact_pictures import ExactPictures
from dcpose_core.video.seeking import PictureSource
from tests.videos import FRAME_COUNT, VIDEO_KINDS, VideoKind, overwrite, read_number, write_numbered_video

#: All frames are built on the first.
_LONG = VideoKind(".mp4", options={"x264-params": "keyint=96:min-keyint=96:bframes=3:scenecut=0"})


class _Watched:
    """What the decoders do. starts: key frames where one began. n_pictures: how many came out of all of them."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.n_pictures = 0


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> _Watched:
    seen = _Watched()
    start = PictureSource.pictures_from

    def watching(source: PictureSource, key: int) -> Iterator[tuple[int, av.VideoFrame | None]]:
        seen.starts.append(key)
        for item in start(source, key):
            seen.n_pictures += 1
            yield item

    monkeypatch.setattr(PictureSource, "pictures_from", watching)
    return seen


@pytest.fixture
def n_decoders(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many further decoders are open, after each time that one was opened or closed."""
    counts = [0]
    another, close = ExactPictures.another, ExactPictures.close

    def opening(pictures: ExactPictures, *, max_threads: int) -> ExactPictures:
        counts.append(counts[-1] + 1)
        return another(pictures, max_threads=max_threads)

    def closing(pictures: ExactPictures) -> None:
        counts.append(counts[-1] - 1)
        close(pictures)

    monkeypatch.setattr(ExactPictures, "another", opening)
    monkeypatch.setattr(ExactPictures, "close", closing)
    return counts


@pytest.fixture
def close_places(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many places in a group of 24 frames, too."""
    monkeypatch.setattr(waypoints, "_MIN_STEP", 4)


def _do(steps: Iterator[None]) -> None:
    for _ in steps:
        pass


def _image_or_reason(reader: VideoReader, index: int) -> ImageArray | str:
    try:
        return reader.read(index).image
    except VideoError as error:
        return str(error)


@pytest.mark.usefixtures("close_places")
@pytest.mark.parametrize("name", VIDEO_KINDS)
def test_every_frame_is_that_of_decoding_in_sequence_whatever_was_prepared_or_given_up(
    name: str, tmp_path: Path, n_decoders: list[int]
) -> None:
    kind = VIDEO_KINDS[name]
    path = write_numbered_video(tmp_path / f"clip{kind.suffix}", kind)
    with VideoReader.open(path) as reader:
        in_sequence = [frame.image for frame in reader.frames()]
    chance = random.Random(name)
    with VideoReader.open(path) as reader:
        here = 0
        for _ in range(60):
            _do(islice(reader.prepare(here), chance.choice([0, 7, 40, 1000])))
            _do(islice(reader.approach(chance.randrange(FRAME_COUNT)), chance.choice([0, 5])))
            here = chance.choice([chance.randrange(FRAME_COUNT), min(here + 1, FRAME_COUNT - 1), max(here - 9, 0)])
            assert np.array_equal(reader.read(here).image, in_sequence[here])
        assert reader.damaged == ()
    # Every picture of Motion JPEG is a key frame; with intra refresh none but the first is a clean start.
    assert max(n_decoders) > 1 or "JPEG" in name or "intra refresh" in name


@pytest.mark.usefixtures("close_places")
@pytest.mark.parametrize("name", ["H.264, mp4", "H.264 with open GOPs, ts", "MPEG-4, mp4", "AV1, mp4"])
def test_damage_is_found_as_without_preparing(name: str, tmp_path: Path) -> None:
    kind = VIDEO_KINDS[name]
    path = write_numbered_video(tmp_path / f"clip{kind.suffix}", kind)
    overwrite(path, start=0.5, length=0.04)
    order = random.Random(1).sample(range(FRAME_COUNT), 50)
    with VideoReader.open(path) as reader:
        expected = [_image_or_reason(reader, index) for index in order]
    with VideoReader.open(path) as reader:
        for index, image_or_reason in zip(order, expected, strict=True):
            _do(reader.prepare(index))
            assert np.array_equal(_image_or_reason(reader, index), image_or_reason)
    assert {type(image_or_reason) for image_or_reason in expected} == {np.ndarray, str}


def test_a_jump_within_a_prepared_group_is_short(tmp_path: Path, watched: _Watched) -> None:
    path = write_numbered_video(tmp_path / "clip.mp4", _LONG)
    with VideoReader.open(path) as reader:
        assert read_number(reader.read(90).image) == 90
        for target in (70, 40, 95, 60, 5, 30):
            _do(reader.prepare(reader.read(90).index))
            watched.n_pictures, watched.starts = 0, []
            assert read_number(reader.read(target).image) == target
            assert watched.n_pictures <= FRAME_COUNT // 3 + 1
            assert watched.starts == [] or target < FRAME_COUNT // 3


def test_what_is_prepared_already_costs_nothing_more(tmp_path: Path, watched: _Watched) -> None:
    path = write_numbered_video(tmp_path / "clip.mp4", _LONG)
    with VideoReader.open(path) as reader:
        reader.read(50)
        _do(islice(reader.prepare(50), 30))
        _do(reader.prepare(50))
        first = watched.n_pictures
        _do(reader.prepare(50))
        assert watched.n_pictures == first
        assert first <= 51 + 33 + 65 + 3 * 4  # to the frames 50, 32 and 64, each some pictures further


def test_without_preparing_there_is_one_decoder(tmp_path: Path, n_decoders: list[int]) -> None:
    path = write_numbered_video(tmp_path / "clip.mp4", VIDEO_KINDS["H.264, mp4"])
    with VideoReader.open(path) as reader:
        for index in (50, 10, 90, 91):
            reader.read(index)
        assert max(n_decoders) == 0


@pytest.mark.usefixtures("close_places")
def test_there_are_never_more_decoders_than_memory_allows(
    tmp_path: Path, n_decoders: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_numbered_video(tmp_path / "clip.mp4", VIDEO_KINDS["H.264, mp4"])
    for budget_bytes, expected in ((1 << 30, 5), (600_000, 2), (0, 0)):
        monkeypatch.setattr(waypoints, "_BUDGET_BYTES", budget_bytes)
        n_decoders[:] = [0]
        with VideoReader.open(path) as reader:
            for index in (5, 30, 60, 90, 10, 35, 65, 95):
                assert read_number(reader.read(index).image) == index
                _do(reader.prepare(index))
            assert max(n_decoders) == expected


def test_all_decoders_are_closed_with_the_reader(tmp_path: Path, n_decoders: list[int]) -> None:
    path = write_numbered_video(tmp_path / "clip.mp4", _LONG)
    with VideoReader.open(path) as reader:
        _do(reader.prepare(50))
        assert n_decoders[-1] == 2
    assert n_decoders[-1] == -1  # the first, which is not counted when it is opened, is closed with them
    with pytest.raises(ValueError, match="closed"):
        _do(reader.prepare(50))


def test_where_the_user_stands_a_decoder_stays(tmp_path: Path, watched: _Watched) -> None:
    path = write_numbered_video(tmp_path / "clip.mp4", _LONG)
    with VideoReader.open(path) as reader:
        for target in (20, 90, 45, 80, 33):
            _do(reader.prepare(target))
            reader.read(target)
            _do(reader.prepare(target))
            before = watched.n_pictures
            assert read_number(reader.read(target + 1).image) == target + 1
            assert watched.n_pictures - before <= 4  # B-frames are stored behind those that follow them


def test_an_approach_that_is_given_up_is_gone_on_from(tmp_path: Path, watched: _Watched) -> None:
    path = write_numbered_video(tmp_path / "clip.mp4", _LONG)
    with VideoReader.open(path) as reader:
        _do(islice(reader.approach(90), 20))
        assert read_number(reader.read(40).image) == 40
        assert read_number(reader.read(41).image) == 41
        assert watched.starts == [0]
        assert read_number(reader.read(10).image) == 10
        assert watched.starts == [0, 0]
