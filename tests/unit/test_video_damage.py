"""What cannot be read is one clear error, or is listed while the rest is read; a wrong picture is never given out."""

from __future__ import annotations

import contextlib
import os
import random
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from dcpose_core.errors import VideoError
from dcpose_core.video import VideoReader
from tests.videos import FRAME_COUNT, VIDEO_KINDS, VideoKind, overwrite, read_number, remux, write_numbered_video

_H264 = VIDEO_KINDS["H.264, mp4"]

#: Codecs whose decoders notice damage, in all containers. (HEVC, VP8, VP9 and MS MPEG-4 decode much of it silently.)
_NOTICED = [
    "H.264, mp4",
    "H.264 with open GOPs, mkv",
    "H.264 with open GOPs, ts",
    "H.264 with B-frames, avi",
    "H.264 with intra refresh, mp4",
    "MPEG-4, mp4",
    "MPEG-4, ts",
    "AV1, mp4",
]


def _write(folder: Path, kind: VideoKind, name: str = "clip") -> Path:
    return write_numbered_video(folder / f"{name}{kind.suffix}", kind)


def _error(path: Path) -> str:
    """The one line that a user sees when the video cannot be opened."""
    with pytest.raises(VideoError) as caught:
        VideoReader.open(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", _NOTICED)
@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_stretch_is_left_out_and_the_frames_around_it_keep_their_numbers(
    name: str, seed: int, tmp_path: Path
) -> None:
    path = _write(tmp_path, VIDEO_KINDS[name])
    with VideoReader.open(path) as reader:
        whole = [frame.image for frame in reader.frames()]
    overwrite(path, start=0.4 + 0.05 * seed, length=0.04, seed=seed)

    with VideoReader.open(path) as reader:
        assert len(reader) == FRAME_COUNT
        found = {frame.index: frame.image for frame in reader.frames()}
        damaged = reader.damaged
    assert 0 < len(found) < FRAME_COUNT
    for index, image in found.items():
        assert np.array_equal(image, whole[index])
    lost = {index for stretch in damaged for index in range(stretch.first, stretch.last + 1)}
    assert lost == set(range(FRAME_COUNT)) - found.keys()
    assert all("damaged" in stretch.message for stretch in damaged)

    with VideoReader.open(path) as reader:  # jumping about finds the same frames good and bad
        for index in random.Random(seed).sample(range(FRAME_COUNT), 50):
            if index in found:
                assert np.array_equal(reader.read(index).image, found[index])
            else:
                with pytest.raises(VideoError, match=f"frame {index} .*damaged"):
                    reader.read(index)


def test_groups_of_pictures_without_damage_stay_readable(tmp_path: Path) -> None:
    path = overwrite(_write(tmp_path, _H264), start=0.5, length=0.05)
    with VideoReader.open(path) as reader:
        numbers = [read_number(frame.image) for frame in reader.frames()]
    assert {*range(48), *range(72, 96)} <= set(numbers)  # the damage lies in the group from 48 to 71


@pytest.mark.parametrize(
    "name", ["H.264, mp4", "H.264 with open GOPs, mkv", "MPEG-4, avi", "H.264 with B-frames, avi", "MS MPEG-4, avi"]
)
def test_a_cut_off_video_is_read_to_its_end_and_what_is_missing_is_told(name: str, tmp_path: Path) -> None:
    path = _write(tmp_path, VIDEO_KINDS[name])
    if path.suffix == ".mp4":  # with its table in front, as for the web
        path = remux(path, tmp_path / "front.mp4", container_options={"movflags": "+faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with VideoReader.open(path) as reader:
        numbers = [read_number(frame.image) for frame in reader.frames()]
        (tail,) = reader.damaged
        assert numbers == list(range(len(reader)))
        assert 20 < len(numbers) < 80
        assert tail.first == len(reader)
        assert abs(tail.last - (FRAME_COUNT - 1)) <= 2
        assert "ends early" in tail.message
        order = random.Random(name).sample(range(len(reader)), 20)
        assert [read_number(reader.read(index).image) for index in order] == order


def test_a_cut_off_transport_stream_is_read_to_its_end(tmp_path: Path) -> None:
    path = _write(tmp_path, VIDEO_KINDS["MPEG-2, ts"])
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with VideoReader.open(path) as reader:
        numbers = [frame.index for frame in reader.frames()]
    assert len(numbers) > 40


def test_a_transport_stream_that_begins_within_a_group_starts_at_its_first_key_frame(tmp_path: Path) -> None:
    path = _write(tmp_path, VIDEO_KINDS["H.264 with open GOPs, ts"])
    content = path.read_bytes()
    path.write_bytes(content[: 188 * 3] + content[188 * 40 :])
    with VideoReader.open(path) as reader:
        numbers = [read_number(frame.image) for frame in reader.frames()]
        assert numbers == list(range(FRAME_COUNT - len(reader), FRAME_COUNT))
        assert 0 < len(reader) < FRAME_COUNT
        order = random.Random(1).sample(range(len(reader)), 20)
        assert [read_number(reader.read(index).image) for index in order] == [numbers[index] for index in order]


@pytest.mark.parametrize("junk", [b"x" * 100, b"x" * 188 * 3])
def test_junk_between_the_packets_of_a_transport_stream_costs_little(tmp_path: Path, junk: bytes) -> None:
    path = _write(tmp_path, VIDEO_KINDS["MPEG-4, ts"])
    content = path.read_bytes()
    middle = len(content) // 188 // 2 * 188
    path.write_bytes(content[:middle] + junk + content[middle:])
    with VideoReader.open(path) as reader:
        found = {frame.index: read_number(frame.image) for frame in reader.frames()}
    assert all(index == number for index, number in found.items())
    assert len(found) > FRAME_COUNT - 30  # one group of pictures has 24


def test_nothing_crashes_or_hangs_whatever_is_damaged(tmp_path: Path) -> None:
    for name, kind in VIDEO_KINDS.items():
        content = _write(tmp_path, kind, "sound").read_bytes()
        path = tmp_path / f"broken{kind.suffix}"
        for seed in range(3):
            path.write_bytes(content)
            start = random.Random(f"{name}{seed}").uniform(0, 0.95)
            overwrite(path, start=start, length=(0.001, 0.01, 0.1)[seed], seed=seed)
            with contextlib.suppress(VideoError), VideoReader.open(path) as reader:
                read = {frame.index for frame in reader.frames()}
                lost = {i for stretch in reader.damaged for i in range(stretch.first, stretch.last + 1)}
                assert not read & lost
                assert set(range(len(reader))) <= read | lost


def test_a_missing_file(tmp_path: Path) -> None:
    assert "no such file" in _error(tmp_path / "missing.mp4")


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert "empty" in _error(path)


def test_a_folder(tmp_path: Path) -> None:
    assert "folder" in _error(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.mp4"
    os.mkfifo(path)
    assert "ordinary file" in _error(path)


@pytest.mark.parametrize("suffix", [".mp4", ".txt", ".avi", ".ts"])
def test_a_text_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"notes{suffix}"
    path.write_text("This is not a video.\n" * 200)
    assert "not a video" in _error(path)


def test_random_bytes(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp4"
    path.write_bytes(np.random.default_rng(0).bytes(300_000))
    _error(path)


def test_a_recording_that_was_never_finished(tmp_path: Path) -> None:
    path = _write(tmp_path, _H264)
    path.write_bytes(path.read_bytes()[:10_000])  # the table of frames is at the end
    assert "incomplete" in _error(path)


def test_sound_without_pictures(tmp_path: Path) -> None:
    path = tmp_path / "sound.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "only sound" in _error(path)
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    _error(tmp_path / "sound.wav")


def test_a_playlist_cannot_make_us_open_other_files(tmp_path: Path) -> None:
    _write(tmp_path, VIDEO_KINDS["MPEG-4, ts"])
    path = tmp_path / "list.m3u8"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nclip.ts\n#EXT-X-ENDLIST\n")
    assert "not a video" in _error(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = _write(tmp_path, _H264)
    path.chmod(0)
    assert "cannot be read" in _error(path)


def test_decoders_do_not_write_to_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = overwrite(_write(tmp_path, _H264), start=0.5, length=0.05)
    text = tmp_path / "notes.mp4"
    text.write_text("no video")
    capfd.readouterr()
    with VideoReader.open(path) as reader:
        list(reader.frames())
    _error(text)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "name", ["zwölf ünïcode 视频.mp4", "a:b.mp4", "http:x.mp4", "clip%03d.mp4", "-i.mp4", " spaces ?*[1].mp4"]
)
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    path = write_numbered_video(tmp_path / "clip.mp4", _H264, count=10).rename(tmp_path / name)
    with VideoReader.open(path) as reader:
        assert read_number(reader.read(7).image) == 7


def test_a_name_without_the_right_suffix_will_do(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "clip.mkv", _H264, count=10).rename(tmp_path / "clip")
    with VideoReader.open(path) as reader:
        assert len(reader) == 10
