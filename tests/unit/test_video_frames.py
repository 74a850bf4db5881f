"""Frames of generated videos carry their number: the wrong frame cannot go unnoticed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import PictureType

from dcpose_core.types import Frame
from dcpose_core.video import VideoReader
from dcpose_core.video.seeking import PictureSource
from tests.videos import (
    FRAME_COUNT,
    VIDEO_KINDS,
    number_image,
    read_number,
    remux,
    write_numbered_video,
)

_H264 = VIDEO_KINDS["H.264 with open GOPs, mp4"]


@pytest.fixture
def jumps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The key frames at which decoding has been started, in order."""
    started: list[int] = []
    start = PictureSource.pictures_from

    def noting_start(source: PictureSource, key: int) -> Iterator[tuple[int, av.VideoFrame | None]]:
        started.append(key)
        return start(source, key)

    monkeypatch.setattr(PictureSource, "pictures_from", noting_start)
    return started


@pytest.mark.parametrize("name", VIDEO_KINDS)
def test_every_index_gives_its_frame_by_jumping_and_in_sequence(name: str, tmp_path: Path) -> None:
    kind = VIDEO_KINDS[name]
    path = write_numbered_video(tmp_path / f"clip{kind.suffix}", kind)
    indices = random.Random(name).choices(range(FRAME_COUNT), k=80)
    with VideoReader.open(path) as reader:
        assert len(reader) == FRAME_COUNT
        assert (reader.width_px, reader.height_px) == (kind.width_px, kind.height_px)
        jumped = [reader.read(index) for index in indices]
    with VideoReader.open(path) as reader:
        in_sequence = list(reader.frames())
        damaged = reader.damaged

    assert [read_number(frame.image) for frame in jumped] == indices
    assert [frame.index for frame in jumped] == indices
    assert [read_number(frame.image) for frame in in_sequence] == list(range(FRAME_COUNT))
    for frame in jumped:
        assert np.array_equal(frame.image, in_sequence[frame.index].image)
        assert frame.time_s == in_sequence[frame.index].time_s
    assert damaged == ()


@pytest.mark.parametrize("name", VIDEO_KINDS)
def test_times_follow_the_frame_rate(name: str, tmp_path: Path) -> None:
    kind = VIDEO_KINDS[name]
    path = write_numbered_video(tmp_path / f"clip{kind.suffix}", kind, count=40)
    with VideoReader.open(path) as reader:
        assert reader.frame_rate == pytest.approx(25)
        np.testing.assert_allclose(np.diff(reader.times_s), 0.04, atol=1e-9)
        assert not reader.times_s.flags.writeable


def test_clips_of_real_life_have_the_frames_that_a_full_decode_gives(shared: Path) -> None:
    for name in ("intel_asl_walk.mkv", "mmpose_demo_5f.mp4", "bodypose3d_cam0.mp4", "vtest.avi"):
        path = shared / "data" / "video" / name
        with av.open(str(path)) as container:
            decoded = [f.to_ndarray(format="rgb24") for i, f in enumerate(container.decode(video=0)) if i % 40 == 3]
        with VideoReader.open(path) as reader:
            assert [np.array_equal(reader.read(3 + 40 * i).image, image) for i, image in enumerate(decoded)] == [
                True
            ] * len(decoded)
            assert (len(reader) - 4) // 40 + 1 == len(decoded)


def test_reading_on_decodes_each_frame_once(tmp_path: Path, jumps: list[int]) -> None:
    path = write_numbered_video(tmp_path / "clip.mp4", _H264)
    with VideoReader.open(path) as reader:
        assert sum(1 for _ in reader.frames()) == FRAME_COUNT
        assert jumps == [0]
        for index in range(30, 60):
            reader.read(index)
            reader.read(index)  # asking again is free
        assert jumps == [0, 1]


def test_intra_only_video_is_read_on_without_jumps_too(tmp_path: Path, jumps: list[int]) -> None:
    path = write_numbered_video(tmp_path / "clip.avi", VIDEO_KINDS["Motion JPEG of odd size, avi"])
    with VideoReader.open(path) as reader:
        assert sum(1 for _ in reader.frames()) == FRAME_COUNT
        assert jumps == [0]


def test_reads_between_the_steps_of_an_iteration_do_not_disturb_it(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "clip.mp4", _H264)
    with VideoReader.open(path) as reader:
        numbers = []
        for frame in reader.frames(10, 40):
            numbers.append(read_number(frame.image))
            assert read_number(reader.read((frame.index * 37) % FRAME_COUNT).image) == (frame.index * 37) % FRAME_COUNT
    assert numbers == list(range(10, 40))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_times_of_a_variable_frame_rate_are_kept(tmp_path: Path, suffix: str) -> None:
    steps_ms = [random.Random(3).choice([10, 20, 40, 200]) for _ in range(FRAME_COUNT - 1)]
    ticks = list(accumulate(steps_ms, initial=0))
    path = write_numbered_video(tmp_path / f"clip{suffix}", _H264, ticks=ticks, time_base=Fraction(1, 1000))
    with VideoReader.open(path) as reader:
        np.testing.assert_allclose(reader.times_s, np.array(ticks) / 1000, atol=1e-9)
        assert reader.frame_rate == pytest.approx((FRAME_COUNT - 1) / (ticks[-1] / 1000))
        order = random.Random(4).sample(range(FRAME_COUNT), 80)
        assert [read_number(reader.read(index).image) for index in order] == order
        assert reader.damaged == ()


def test_frames_that_a_camera_dropped_are_no_damage(tmp_path: Path) -> None:
    ticks = [tick for tick in range(FRAME_COUNT + 9) if tick not in (20, 21, 22, 50, 51, 70, 80, 81, 90)]
    path = write_numbered_video(tmp_path / "clip.mkv", _H264, ticks=ticks)
    with VideoReader.open(path) as reader:
        assert len(reader) == FRAME_COUNT
        assert reader.damaged == ()
        assert [read_number(frame.image) for frame in reader.frames()] == list(range(FRAME_COUNT))


def test_b_frames_that_begin_late_in_an_avi_are_found(tmp_path: Path) -> None:
    """AVI has no presentation times: packets alone, and the first pictures, look as if nothing were reordered."""
    path = tmp_path / "clip.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": "keyint=48:bframes=3:b-adapt=0"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = 160, 96
        for number in range(FRAME_COUNT):
            picture = av.VideoFrame.from_ndarray(number_image(number), format="rgb24")
            if number < 48:
                picture.pict_type = PictureType.P
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    with VideoReader.open(path) as reader:
        order = random.Random(8).sample(range(FRAME_COUNT), 60)
        assert [read_number(reader.read(index).image) for index in order] == order
        assert [read_number(frame.image) for frame in reader.frames()] == list(range(FRAME_COUNT))


def test_a_late_start_is_kept_in_the_times(tmp_path: Path) -> None:
    plain = write_numbered_video(tmp_path / "plain.mp4", _H264)
    path = remux(plain, tmp_path / "late.mp4", shift_ticks=40 * 512)
    with VideoReader.open(path) as reader:
        assert reader.times_s[0] == pytest.approx(40 / 25)
        assert read_number(reader.read(77).image) == 77
    with VideoReader.open(write_numbered_video(tmp_path / "clip.ts", VIDEO_KINDS["HEVC, ts"])) as reader:
        assert reader.times_s[0] > 0  # the transport stream format leaves time before the first frame


@pytest.mark.parametrize("cut", [10, 30])
def test_frames_cut_away_by_an_edit_list_do_not_count(tmp_path: Path, cut: int) -> None:
    plain = write_numbered_video(tmp_path / "plain.mp4", VIDEO_KINDS["H.264, mp4"])
    path = remux(
        plain, tmp_path / "cut.mp4", shift_ticks=-cut * 512, container_options={"avoid_negative_ts": "disabled"}
    )
    with VideoReader.open(path) as reader:
        assert len(reader) == FRAME_COUNT - cut
        assert reader.times_s[0] == 0
        order = random.Random(5).sample(range(len(reader)), 60)
        assert [read_number(reader.read(index).image) for index in order] == [index + cut for index in order]
        assert [read_number(frame.image) for frame in reader.frames()] == list(range(cut, FRAME_COUNT))
        assert reader.damaged == ()


def test_negative_times_are_kept(tmp_path: Path) -> None:
    plain = write_numbered_video(tmp_path / "plain.avi", VIDEO_KINDS["MPEG-4, avi"])
    options = {"avoid_negative_ts": "disabled", "use_editlist": "0"}
    path = remux(plain, tmp_path / "early.mkv", shift_ticks=-5, container_options=options)
    with av.open(str(path)) as container:
        stated = sorted(float(p.pts * p.time_base) for p in container.demux(video=0) if p.size and p.pts is not None)
    with VideoReader.open(path) as reader:
        np.testing.assert_allclose(reader.times_s, stated, atol=1e-9)
        assert [read_number(frame.image) for frame in reader.frames()] == list(range(FRAME_COUNT))


def test_repeated_times_are_different_frames(tmp_path: Path) -> None:
    plain = write_numbered_video(tmp_path / "plain.avi", VIDEO_KINDS["MPEG-4, avi"])
    path = tmp_path / "repeated.mkv"
    with av.open(str(plain)) as read, av.open(str(path), "w") as write:
        stream = read.streams.video[0]
        copy = write.add_stream_from_template(stream)
        for packet in read.demux(stream):
            if packet.size and packet.pts is not None:
                packet.pts = packet.dts = packet.pts // 2 * 2
                packet.stream = copy
                write.mux(packet)
    with VideoReader.open(path) as reader:
        assert len(reader) == FRAME_COUNT
        assert np.count_nonzero(np.diff(reader.times_s) == 0) >= FRAME_COUNT // 2 - 1
        order = random.Random(6).sample(range(FRAME_COUNT), 60)
        assert [read_number(reader.read(index).image) for index in order] == order


def test_placeholders_without_a_picture_are_no_frames(tmp_path: Path) -> None:
    """DivX-like files repeat a picture by a packet that says `not coded`; there is no picture in it."""
    plain = write_numbered_video(tmp_path / "plain.avi", VIDEO_KINDS["MPEG-4, avi"])
    path = tmp_path / "placeholders.avi"
    # ISO/IEC 14496-2, 6.2.5: P-VOP, no whole second, marker, time increment in 5 bits, marker, vop_coded = 0.
    not_coded = b"\x00\x00\x01\xb6" + int("0101000001001111", 2).to_bytes(2, "big")
    placeholders = 0
    with av.open(str(plain)) as read, av.open(str(path), "w") as write:
        stream = read.streams.video[0]
        copy = write.add_stream_from_template(stream)
        for number, packet in enumerate(p for p in read.demux(stream) if p.size):
            packet.pts = packet.dts = number + placeholders
            packet.stream = copy
            write.mux(packet)
            if number % 10 == 4:
                placeholders += 1
                extra = av.Packet(not_coded)
                extra.pts = extra.dts = number + placeholders
                extra.time_base = packet.time_base
                extra.stream = copy
                write.mux(extra)
    with VideoReader.open(path) as reader:
        assert len(reader) == FRAME_COUNT
        assert reader.damaged == ()
        order = random.Random(7).sample(range(FRAME_COUNT), 60)
        assert [read_number(reader.read(index).image) for index in order] == order
        assert reader.times_s[5] - reader.times_s[4] == pytest.approx(2 / 25)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_pictures_are_turned_upright(tmp_path: Path, rotation: int, mirrored: bool) -> None:
    stored = write_numbered_video(tmp_path / "stored.mp4", _H264, count=8)
    path = remux(stored, tmp_path / "turned.mp4", rotation=rotation, mirrored=mirrored)
    with VideoReader.open(stored) as reader:
        expected = reader.read(5).image
    expected = np.rot90(expected, rotation // 90)
    if mirrored:
        expected = expected[:, ::-1]
    with VideoReader.open(path) as reader:
        frame = reader.read(5)
        assert (reader.height_px, reader.width_px) == expected.shape[:2] == (frame.height_px, frame.width_px)
        assert np.array_equal(frame.image, expected)


@pytest.mark.parametrize(("matrix", "name"), [(1, "BT.709"), (5, "BT.601"), (9, "BT.2020")])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le"])
def test_colours_are_those_that_matrix_range_and_bit_depth_say(
    tmp_path: Path, matrix: int, name: str, full_range: bool, pixel_format: str
) -> None:
    red_weight, blue_weight = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 9: (0.2627, 0.0593)}[matrix]
    luma, blue_difference, red_difference = 120, 90, 160
    path = tmp_path / "colour.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixel_format
        context = stream.codec_context
        context.colorspace, context.color_range = matrix, 2 if full_range else 1
        picture = av.VideoFrame(64, 48, pixel_format)
        deep = pixel_format.endswith("10le")
        for plane, value in zip(picture.planes, (luma, blue_difference, red_difference), strict=True):
            samples = np.full(plane.buffer_size // (2 if deep else 1), value * (4 if deep else 1))
            plane.update(samples.astype(np.uint16 if deep else np.uint8).tobytes())
        picture.pts, picture.colorspace, picture.color_range = 0, matrix, 2 if full_range else 1
        container.mux(stream.encode(picture))
        container.mux(stream.encode(None))

    if full_range:
        y, u, v = luma / 255, (blue_difference - 128) / 255, (red_difference - 128) / 255
    else:
        y, u, v = (luma - 16) / 219, (blue_difference - 128) / 224, (red_difference - 128) / 224
    red, blue = y + 2 * (1 - red_weight) * v, y + 2 * (1 - blue_weight) * u
    green = (y - red_weight * red - blue_weight * blue) / (1 - red_weight - blue_weight)
    with VideoReader.open(path) as reader:
        image = reader.read(0).image
    np.testing.assert_allclose(image[20, 20], np.array([red, green, blue]) * 255, atol=3)


def test_a_stream_that_changes_its_size_keeps_its_coordinates(tmp_path: Path) -> None:
    parts = []
    for number, size in enumerate([(160, 96), (320, 192)]):
        part = tmp_path / f"part{number}.ts"
        with av.open(str(part), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"x264-params": "keyint=5:bframes=0"})
            stream.width, stream.height = size
            for i in range(10):
                picture = av.VideoFrame.from_ndarray(number_image(number * 10 + i, *size), format="rgb24")
                picture.pts, picture.time_base = number * 10 + i, Fraction(1, 25)
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        parts.append(part.read_bytes())
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(parts))
    with VideoReader.open(path) as reader:
        frames = list(reader.frames())
        assert {frame.image.shape for frame in frames} == {(96, 160, 3)}
        assert read_number(frames[-1].image) == 19


def test_a_video_of_one_frame_is_a_video(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "one.mp4", _H264, count=1)
    with VideoReader.open(path) as reader:
        assert len(reader) == 1
        assert reader.frame_rate == 25
        frame = reader.read(0)
        assert isinstance(frame, Frame)
        assert not frame.image.flags.writeable


def test_there_are_no_frames_outside_the_video(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "clip.mp4", _H264, count=10)
    with VideoReader.open(path) as reader:
        for index in (-1, 10):
            with pytest.raises(IndexError, match=r"only 0 to 9"):
                reader.read(index)
        with pytest.raises(IndexError, match="no frames 5 to 11"):
            next(reader.frames(5, 11))
        assert list(reader.frames(10)) == []


def test_a_closed_reader_says_so(tmp_path: Path) -> None:
    reader = VideoReader.open(write_numbered_video(tmp_path / "clip.mp4", _H264, count=10))
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.read(0)
