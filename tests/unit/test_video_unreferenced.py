"""Pictures that no other one is built on are left out on the way to a frame, which stays the same to the last bit."""

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
from dcpose_core.video import VideoReader
from dcpose_core.video.frame_index import FrameIndex, build_frame_index
from dcpose_core.video.packets import scan_packets
from dcpose_core.video.seeking import PictureSource
from tests.videos import FRAME_COUNT, VIDEO_KINDS, VideoKind, read_number, write_numbered_video

_B = "keyint=48:min-keyint=48:scenecut=0:b-adapt=0"
_H264 = VideoKind(".mp4", options={"x264-params": _B + ":bframes=5:b-pyramid=normal:ref=4"})
_HEVC = {"x265-params": _B + ":bframes=4:b-pyramid=1:ref=4:open-gop=1:log-level=none:pools=1"}
_WITH_UNREFERENCED = {
    "pyramid": _H264,
    "open groups, mkv": VideoKind(".mkv", options={"x264-params": _B + ":bframes=7:b-pyramid=strict:open-gop=1:ref=8"}),
    "CAVLC in slices, ts": VideoKind(".ts", options={"x264-params": _B + ":bframes=3:no-cabac=1:slices=3:ref=2"}),
    "HEVC with open groups": VideoKind(".mp4", "libx265", _HEVC),
    "HEVC, ts": VideoKind(".ts", "libx265", _HEVC),
}
_DECODED_WHOLE = {
    "no B-frames": VideoKind(".mp4", options={"x264-params": "keyint=48:bframes=0"}),
    "interlaced": VIDEO_KINDS["H.264 interlaced, ts"],
    "without times": VIDEO_KINDS["H.264 with B-frames, avi"],
    "temporal layers": VideoKind(".mp4", "libx265", {"x265-params": _HEVC["x265-params"] + ":temporal-layers=2"}),
    "another codec": VIDEO_KINDS["MPEG-4, mp4"],
}


def _write(folder: Path, kind: VideoKind, *, count: int = FRAME_COUNT) -> Path:
    return write_numbered_video(folder / f"clip{kind.suffix}", kind, count=count)


def _images_or_reasons(path: Path, index: FrameIndex, order: list[int]) -> list[ImageArray | str]:
    found: list[ImageArray | str] = []
    with VideoReader(path, "", index) as reader:
        for number in order:
            try:
                found.append(reader.read(number).image)
            except VideoError as error:
                found.append(str(error))
    return found


def _damaged_within(path: Path, index: FrameIndex, packet: int) -> FrameIndex:
    """The index of the file with random bytes in the second half of a packet."""
    content = bytearray(path.read_bytes())
    size = int(index.packet_size[packet])
    begin, end = int(index.packet_position[packet]) + size // 2, int(index.packet_position[packet]) + size
    content[begin:end] = random.Random(packet).randbytes(end - begin)
    path.write_bytes(content)
    return build_frame_index(path)


@pytest.mark.parametrize("name", _WITH_UNREFERENCED)
def test_a_jump_gives_what_decoding_in_sequence_gives(name: str, tmp_path: Path) -> None:
    path = _write(tmp_path, _WITH_UNREFERENCED[name])
    index = build_frame_index(path)
    assert len(index.packet_unreferenced) > FRAME_COUNT // 3
    with VideoReader(path, "", index) as reader:
        in_sequence = [frame.image for frame in reader.frames()]
    chance = random.Random(name)
    with VideoReader(path, "", index) as reader:
        for _ in range(25):
            for _ in islice(reader.approach(chance.randrange(FRAME_COUNT)), chance.choice([0, 0, 9])):
                pass  # given up on the way to somewhere else
            target = chance.randrange(FRAME_COUNT)
            assert np.array_equal(reader.read(target).image, in_sequence[target])
        assert reader.damaged == ()


@pytest.mark.parametrize("name", _DECODED_WHOLE)
def test_nothing_is_left_out_where_the_packets_do_not_tell(name: str, tmp_path: Path) -> None:
    assert len(build_frame_index(_write(tmp_path, _DECODED_WHOLE[name], count=40)).packet_unreferenced) == 0


def test_a_jump_decodes_only_what_the_frame_is_built_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path, _H264)
    index = build_frame_index(path)
    decoded: list[int] = []
    start = PictureSource.pictures_from

    def noting(source: PictureSource, key: int) -> Iterator[tuple[int, av.VideoFrame | None]]:
        for packet, picture in start(source, key):
            decoded.append(packet)
            yield packet, picture

    monkeypatch.setattr(PictureSource, "pictures_from", noting)
    with VideoReader(path, "", index) as reader:
        assert read_number(reader.read(46).image) == 46
    needless = set(index.packet_unreferenced.tolist()) & set(range(int(index.frame_packet[46])))
    assert len(needless) > 20
    assert not needless & {packet for packet in decoded if index.frame_packet.tolist().index(packet) < 46}


def test_damage_in_an_unreferenced_picture_costs_no_later_one_whatever_the_order(tmp_path: Path) -> None:
    path = _write(tmp_path, _H264)
    index = build_frame_index(path)
    with VideoReader(path, "", index) as reader:
        sound = [frame.image for frame in reader.frames()]
    packet = int(index.packet_unreferenced[15])
    frame = index.frame_packet.tolist().index(packet)
    index = _damaged_within(path, index, packet)
    for order in (list(range(FRAME_COUNT)), random.Random(2).sample(range(FRAME_COUNT), FRAME_COUNT)):
        found = dict(zip(order, _images_or_reasons(path, index, order), strict=True))
        lost = {number for number, image in found.items() if isinstance(image, str)}
        assert frame in lost
        assert lost <= {frame, index.frame_packet.tolist().index(packet - 1)}  # the one before may be in doubt
        assert all(np.array_equal(found[number], sound[number]) for number in set(found) - lost)


def test_damage_in_a_picture_that_others_are_built_on_is_found_by_a_jump(tmp_path: Path) -> None:
    path = _write(tmp_path, _H264)
    index = build_frame_index(path)
    frame = 18  # a P-frame: every sixth one is
    assert index.frame_packet[frame] not in index.packet_unreferenced
    index = _damaged_within(path, index, int(index.frame_packet[frame]))
    for target in (frame + 6, frame + 20, 47):
        (reason,) = _images_or_reasons(path, index, [target])
        assert isinstance(reason, str)
        assert f"frame {target}" in reason
    assert not isinstance(_images_or_reasons(path, index, [60])[0], str)


@pytest.mark.parametrize("name", ["pyramid", "CAVLC in slices, ts"])
def test_a_packet_whose_beginning_is_overwritten_is_not_left_out(name: str, tmp_path: Path) -> None:
    """Damage that began in the packet before may show only here."""
    path = _write(tmp_path, _WITH_UNREFERENCED[name])
    with av.open(str(path)) as container:
        whole = scan_packets(path, container, container.streams.video[0])
        packet = int(np.flatnonzero(whole.unreferenced)[20])
    content = bytearray(path.read_bytes())
    begin = int(whole.position[packet])
    begin = content.index(b"\x00\x00\x01\x09", begin) if path.suffix == ".ts" else begin
    content[begin : begin + 6] = b"\xfa\x83\x5c\xd1\xe9\x77"
    path.write_bytes(content)
    with av.open(str(path)) as container:
        table = scan_packets(path, container, container.streams.video[0])
    still = {(int(p), int(s)) for p, s in zip(table.position, table.size, strict=True)}
    left_out = {(int(table.position[n]), int(table.size[n])) for n in np.flatnonzero(table.unreferenced)}
    sign = (int(whole.position[packet]), int(whole.size[packet]))
    assert sign not in left_out
    assert sign in still or path.suffix == ".ts"  # its delimiter gone, it is part of the packet before


def test_after_damage_every_start_has_a_new_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has met it may give wrong pictures of sound packets, even behind a jump."""
    path = _write(tmp_path, _H264)
    index = build_frame_index(path)
    index = _damaged_within(path, index, int(index.frame_packet[18]))
    opened: list[bool] = []
    reopen = PictureSource.reopen

    def noting(source: PictureSource) -> None:
        opened.append(True)
        reopen(source)

    monkeypatch.setattr(PictureSource, "reopen", noting)
    with VideoReader(path, "", index) as reader:
        reader.read(60)
        assert not opened
        with pytest.raises(VideoError):
            reader.read(40)
        for target in (70, 5, 60):
            before = len(opened)
            reader.read(target)
            assert len(opened) > before
