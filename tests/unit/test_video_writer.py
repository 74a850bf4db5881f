"""Written videos are complete and hold the frames and times they were given, or they are not there."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from dcpose_core.errors import VideoError
from dcpose_core.video import VideoReader, VideoWriter
from tests.videos import number_image, read_number


def test_written_frames_come_back(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with VideoWriter(path, 160, 96, 30) as writer:
        for number in range(50):
            writer.write(number_image(number))
        assert not path.exists()
    assert [file.name for file in tmp_path.iterdir()] == ["out.mp4"]
    with VideoReader.open(path) as reader:
        assert (reader.width_px, reader.height_px, reader.frame_rate) == (160, 96, 30)
        assert [read_number(frame.image) for frame in reader.frames()] == list(range(50))
        np.testing.assert_allclose(reader.times_s, np.arange(50) / 30, atol=1e-4)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")


def test_given_times_are_kept_from_the_first_frame_on(tmp_path: Path) -> None:
    times_s = 12.5 + np.cumsum(np.random.default_rng(0).choice([0.01, 0.04, 0.5], 40))
    with VideoWriter(tmp_path / "out.mp4", 160, 96, 25) as writer:
        for number, time_s in enumerate(times_s):
            writer.write(number_image(number), float(time_s))
    with VideoReader.open(tmp_path / "out.mp4") as reader:
        np.testing.assert_allclose(reader.times_s, times_s - times_s[0], atol=2e-5)
        assert [read_number(frame.image) for frame in reader.frames()] == list(range(40))


def test_times_that_do_not_rise_lose_no_frame(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "out.mp4", 160, 96, 25) as writer:
        for number, time_s in enumerate([0.0, 0.04, 0.04, 0.02, 0.2]):
            writer.write(number_image(number), time_s)
        writer.write(number_image(5))
    with VideoReader.open(tmp_path / "out.mp4") as reader:
        assert [read_number(frame.image) for frame in reader.frames()] == list(range(6))
        assert (np.diff(reader.times_s) > 0).all()
        assert reader.times_s[5] == pytest.approx(0.24)


@pytest.mark.parametrize("size", [(161, 97), (160, 97), (161, 96)])
def test_odd_sizes_are_filled_up_to_even_ones(tmp_path: Path, size: tuple[int, int]) -> None:
    with VideoWriter(tmp_path / "out.mp4", *size, 25) as writer:
        for number in range(5):
            writer.write(number_image(number, *size))
    with VideoReader.open(tmp_path / "out.mp4") as reader:
        assert (reader.width_px, reader.height_px) == (size[0] + size[0] % 2, size[1] + size[1] % 2)
        image = reader.read(3).image
        assert read_number(image) == 3


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (180, 120, 60)])
def test_colours_survive(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    with VideoWriter(tmp_path / "out.mp4", 64, 48, 25) as writer:
        writer.write(np.full((48, 64, 3), colour, dtype=np.uint8))
    with VideoReader.open(tmp_path / "out.mp4") as reader:
        np.testing.assert_allclose(reader.read(0).image[24, 32], colour, atol=6)


def test_an_error_leaves_no_file_and_the_old_one_untouched(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_text("the old video")
    with pytest.raises(RuntimeError, match="broken"), VideoWriter(path, 160, 96, 25) as writer:  # noqa: PT012
        writer.write(number_image(0))
        raise RuntimeError("broken")
    assert path.read_text() == "the old video"
    assert list(tmp_path.iterdir()) == [path]


def test_a_video_without_frames_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no frame was written"), VideoWriter(tmp_path / "out.mp4", 160, 96, 25):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with (
        pytest.raises(VideoError, match="cannot be written"),
        VideoWriter(tmp_path / "missing" / "out.mp4", 160, 96, 25),
    ):
        pass


def test_a_frame_of_the_wrong_size_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(VideoError, match=r"frame of shape \(96, 161, 3\).*expected \(96, 160, 3\)"),
        VideoWriter(tmp_path / "out.mp4", 160, 96, 25) as writer,
    ):
        writer.write(number_image(0, 161, 96))
    assert list(tmp_path.iterdir()) == []


def test_impossible_settings_are_told(tmp_path: Path) -> None:
    for width_px, height_px, frame_rate in ((0, 96, 25), (160, 96, 0), (160, 96, float("nan"))):
        with pytest.raises(VideoError, match="cannot write"):
            VideoWriter(tmp_path / "out.mp4", width_px, height_px, frame_rate)


@pytest.mark.parametrize("frame_rate", [29.97, 23.976, 59.94, 7.3])
def test_uneven_frame_rates(tmp_path: Path, frame_rate: float) -> None:
    with VideoWriter(tmp_path / "out.mp4", 160, 96, frame_rate) as writer:
        for number in range(30):
            writer.write(number_image(number))
    with VideoReader.open(tmp_path / "out.mp4") as reader:
        assert reader.frame_rate == pytest.approx(frame_rate, rel=1e-3)
