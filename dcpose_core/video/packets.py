"""One pass over the packets of a video: where each compressed picture lies and when it is shown, without decoding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from dcpose_core.types import IntArray
from dcpose_core.video.container import demux
from dcpose_core.video.transport_stream import lost_data_offsets
from dcpose_core.video.unreferenced import OF_HIGHER_LAYER, REFERENCED, UNREFERENCED, reference_teller

#: Called now and then with the part done, 0..1. It may raise to stop the work; nothing half-done is kept.
ProgressCallback = Callable[[float], None]

NO_TIME = np.iinfo(np.int64).min  #: stands for a time stamp that the file does not give

#: Codecs of which every packet is exactly one shown picture.
_ONE_PICTURE_PER_PACKET = frozenset(
    (
        "h264",
        "hevc",
        "av1",
        "mjpeg",
        "msmpeg4v1",
        "msmpeg4v2",
        "msmpeg4v3",
        "wmv1",
        "wmv2",
        "ffv1",
        "prores",
        "rawvideo",
    )
)

_VOP_START = b"\x00\x00\x01\xb6"
_TINY_VOP_BYTES = 32  # so small an MPEG-4 packet may be a placeholder that shows the picture before it again
_UNCLAIMED_BYTES = 64  # more than the headers between two packets take


@dataclass(frozen=True, slots=True, eq=False)
class PacketTable:
    """All picture packets in file order (decoding order); an index into these arrays is a packet number.

    position: byte offset in the file, or -1. size: bytes. pts, dts: presentation and decoding time in ticks of the
    stream's time base, or `NO_TIME`. key: decoding can start here. shown: False for packets that an edit list hides.
    pictures: pictures shown by this packet, 0 or 1, or -1 where only decoding tells. unreferenced: whether no other
    picture is built on that of this packet; False where it is not known.
    corrupt: numbers of packets that the container declares damaged.
    jumps: packet numbers before which the file holds bytes that belong to nothing (lost packets, or padding).
    end_s: end of the last packet of the file, sound included.
    """

    position: IntArray
    size: IntArray
    pts: IntArray
    dts: IntArray
    key: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    pictures: NDArray[np.int8]
    unreferenced: NDArray[np.bool_]
    corrupt: frozenset[int]
    jumps: frozenset[int]
    end_s: float

    def __len__(self) -> int:
        return len(self.size)


def scan_packets(
    path: Path, container: InputContainer, stream: VideoStream, on_progress: ProgressCallback | None = None
) -> PacketTable:
    """Read through the file once and list the packets of `stream`; an exception from `on_progress` ends it."""
    count_pictures = _picture_counter(stream)
    tell_references = reference_teller(stream.codec_context)
    rows: list[tuple[int, int, int, int, bool, bool, int, int]] = []
    corrupt: set[int] = set()
    jumps: set[int] = set()
    end_s = 0.0
    last_position = expected_position = -1
    # Other containers put headers into the middle of packets, or packets anywhere.
    positions_tell = container.format.name.startswith(("matroska", "avi"))
    for number, packet in enumerate(demux(container)):
        if on_progress is not None and number % 256 == 0:
            on_progress(min(1.0, max(0, packet.pos or 0) / max(1, container.size)))
        position = -1 if packet.pos is None else packet.pos
        end = packet.pts if packet.pts is not None else packet.dts
        if end is not None and packet.time_base:
            end_s = max(end_s, float((end + (packet.duration or 0)) * packet.time_base))
        if packet.stream_index == stream.index:
            if positions_tell and 0 <= expected_position < position - _UNCLAIMED_BYTES:
                jumps.add(len(rows))
            if packet.is_corrupt:
                corrupt.add(len(rows))
            pictures = count_pictures(packet)
            references = tell_references(packet) if pictures == 1 else REFERENCED
            rows.append((*_row(packet, position), pictures, references))
        # Several packets of sound may share one block, and so one position.
        begin = expected_position if position == last_position else position
        expected_position = begin + packet.size if position >= 0 else -1
        last_position = position
    if len(jumps) > max(8, len(rows) // 50):
        jumps.clear()  # it is the way of this file to have other data between packets
    position_, size, pts, dts, key, shown, n_pictures, told = (
        (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
        if rows
        else [np.zeros(0, np.int64)] * 8
    )
    if container.format.name == "avi":
        dts, key = _listed_in_avi(stream, position_, dts, key)
        if len(dts) and stream.time_base:
            end_s = max(end_s, float((int(dts[-1]) + 1) * stream.time_base))
    if container.format.name == "mpegts":
        inside, between = lost_data_offsets(path, stream.id)
        corrupt |= {int(number) - 1 for number in np.searchsorted(position_, inside, side="right") if number}
        jumps |= {int(number) for number in np.searchsorted(position_, between, side="left")}
    return PacketTable(
        position=position_,
        size=size,
        pts=pts,
        dts=dts,
        key=key.astype(np.bool_),
        shown=shown.astype(np.bool_),
        pictures=n_pictures.astype(np.int8),
        unreferenced=(told == UNREFERENCED) & ~np.any(told == OF_HIGHER_LAYER),
        corrupt=frozenset(corrupt),
        jumps=frozenset(jumps),
        end_s=end_s,
    )


def _row(packet: Packet[VideoStream], position: int) -> tuple[int, int, int, int, bool, bool]:
    pts = NO_TIME if packet.pts is None else packet.pts
    dts = NO_TIME if packet.dts is None else packet.dts
    return position, packet.size, pts, dts, packet.is_keyframe, not packet.is_discard


def _listed_in_avi(stream: VideoStream, position: IntArray, dts: IntArray, key: IntArray) -> tuple[IntArray, IntArray]:
    """Frame numbers and key flags as the index of an AVI file lists them.

    The packets' own ones come from counting packets, and are wrong behind packets lost to damage.
    """
    header_bytes = 8
    entries = {entry.pos + header_bytes: (entry.timestamp, entry.is_keyframe) for entry in stream.index_entries}
    listed = [entries.get(int(p), (NO_TIME, False)) for p in position]
    listed_dts = np.array([timestamp for timestamp, _ in listed], dtype=np.int64)
    if np.any(listed_dts == NO_TIME) or np.any(np.diff(listed_dts) <= 0):
        return dts, key
    return listed_dts, np.array([is_key for _, is_key in listed], dtype=np.int64)


def _picture_counter(stream: VideoStream) -> Callable[[Packet[VideoStream]], int]:
    """How to tell from a packet of this codec how many pictures it shows: 0, 1, or -1 for unknown."""
    context = stream.codec_context
    codec = context.codec.canonical_name
    is_avi = stream.container.format.name == "avi"
    interlaced = context.field_order not in (0, 1)  # a packet may then be one field of a picture
    order_unknown = is_avi and codec in ("h264", "hevc")  # AVI has no presentation times
    if codec in _ONE_PICTURE_PER_PACKET and not interlaced and not order_unknown:
        return lambda _: 1
    if codec == "vp8":
        return lambda packet: int(bool(memoryview(packet)[0] & 0x10))  # the show_frame bit of the frame tag
    if codec == "vp9":
        return lambda packet: _vp9_pictures(memoryview(packet))
    if codec == "mpeg4" and not interlaced:
        return lambda packet: _mpeg4_pictures(bytes(packet), may_reorder=not is_avi)
    return lambda _: -1


def _vp9_pictures(data: memoryview) -> int:
    """VP9 bitstream specification, section 6.2 and annex B: show_existing_frame, show_frame, superframes."""
    is_superframe = data[-1] & 0xE0 == 0xC0  # hidden pictures and the one shown
    is_damaged = data[0] >> 6 != 2
    if is_superframe or is_damaged:
        return 1
    first_bit = 3 if data[0] & 0x30 != 0x30 else 2  # profile 3 has a reserved bit before
    show_existing = data[0] >> first_bit & 1
    show_frame = data[0] >> (first_bit - 2) & 1
    return int(bool(show_existing or show_frame))


def _mpeg4_pictures(data: bytes, *, may_reorder: bool) -> int:
    """ISO/IEC 14496-2: one VOP of some size is one picture. Packed and placeholder VOPs have to be decoded.

    may_reorder: False for AVI, where nothing but decoding tells the order of B-VOPs.
    """
    start = data.find(_VOP_START)
    if start < 0 or data.find(_VOP_START, start + 4) >= 0 or len(data) < max(_TINY_VOP_BYTES, start + 5):
        return -1
    is_b_vop = data[start + 4] >> 6 == 2
    return -1 if is_b_vop and not may_reorder else 1
