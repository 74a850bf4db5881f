"""Which packets hold a picture that no other one is built on: on the way to a later picture it need not be decoded.

H.264 (ITU-T H.264, section 7.4.1: `nal_ref_idc` 0) and HEVC (ITU-T H.265, table 7-1: sub-layer non-reference pictures)
say so in the header of each unit of a packet. A packet is believed only if its units are whole and their headers are
possible: damage that runs on from the packet before, which may show here first, is not to be stepped over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

#: What a packet says: others may be built on it; none is; it belongs to a higher temporal layer of HEVC, and there may
#: be built on pictures of a lower one that is said to be unreferenced (there).
REFERENCED, UNREFERENCED, OF_HIGHER_LAYER = 0, 1, -1

_START_CODE = b"\x00\x00\x01"
_H264_SLICE = 1
_H264_BESIDE_PICTURES = frozenset((6, 9, 12))  # supplemental information, delimiter, filler
_HEVC_UNREFERENCED = frozenset((0, 6, 8))  # TRAIL_N, RADL_N, RASL_N
_HEVC_PICTURES = range(32)
_HEVC_BESIDE_PICTURES = frozenset((35, 38, 39, 40))  # delimiter, filler, supplemental information


def reference_teller(context: VideoCodecContext) -> Callable[[Packet[VideoStream]], int]:
    """How to tell from a packet of this codec `REFERENCED`, `UNREFERENCED` or `OF_HIGHER_LAYER`."""
    tell = {"h264": _told_by_h264, "hevc": _told_by_hevc}.get(context.codec.canonical_name)
    if tell is None:
        return lambda _: REFERENCED
    length_bytes = _length_bytes(context)
    return lambda packet: tell(_units(bytes(packet), length_bytes))


def _told_by_h264(units: Iterator[bytes]) -> int:
    slices = 0
    for head in units:
        kind = head[0] & 0x1F if head else -1
        if kind == _H264_SLICE and head[0] >> 5 == 0:  # with `forbidden_zero_bit`
            slices += 1
        elif kind not in _H264_BESIDE_PICTURES or head[0] >> 5:
            return REFERENCED
    return UNREFERENCED if slices else REFERENCED


def _told_by_hevc(units: Iterator[bytes]) -> int:
    slices = 0
    for head in units:
        if len(head) < 2 or head[0] & 0x81 or head[1] >> 3:  # `forbidden_zero_bit`, or not of the base layer
            return REFERENCED
        kind, is_of_lowest = head[0] >> 1, head[1] & 7 == 1
        if kind in _HEVC_PICTURES and not is_of_lowest:
            return OF_HIGHER_LAYER
        if kind in _HEVC_UNREFERENCED:
            slices += 1
        elif kind not in _HEVC_BESIDE_PICTURES:
            return REFERENCED
    return UNREFERENCED if slices else REFERENCED


def _length_bytes(context: VideoCodecContext) -> int:
    """Bytes of the length before each unit, or 0 where start codes are between them; from `avcC` (ISO/IEC 14496-15,
    5.3.3.1) or `hvcC` (8.3.3.1)."""
    header = bytes(context.extradata or b"")
    place = 4 if context.codec.canonical_name == "h264" else 21
    if len(header) <= place or header[:3] == _START_CODE or header[:4] == b"\x00" + _START_CODE:
        return 0
    return (header[place] & 3) + 1


def _units(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """The first two bytes of each unit; b"" for one that is not whole, or for foreign bytes."""
    if length_bytes:
        at = 0
        while at < len(data):
            begin = at + length_bytes
            at = begin + int.from_bytes(data[at:begin], "big")
            yield data[begin : min(begin + 2, at)] if at <= len(data) else b""
    else:
        at = data.find(_START_CODE)
        if data[: max(at, 0)].strip(b"\x00"):
            yield b""
        while at >= 0:
            yield data[at + 3 : at + 5]
            at = data.find(_START_CODE, at + 3)
