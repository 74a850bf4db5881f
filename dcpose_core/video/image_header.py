"""Width and height of an image file from its first bytes, so that a folder of thousands is checked in a moment."""

from __future__ import annotations

import struct
from pathlib import Path

_ENOUGH_BYTES = 64 << 10

#: JPEG markers that begin a frame header (ITU-T T.81, table B.1): all of C0 to CF but DHT, JPG and DAC.
_JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def stored_size_px(path: Path) -> tuple[int, int] | None:
    """(width, height) as stored, before any EXIF orientation; None if this is no JPEG, PNG, BMP, WebP or TIFF image.

    Raises `OSError` if the file cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(_ENOUGH_BYTES)
        try:
            size = _size(data)
            if (size is None and data[:2] == b"\xff\xd8") or data[:4] in (b"II*\0", b"MM\0*"):
                size = _size(data + file.read())  # the frame header may come behind large EXIF data
        except (struct.error, IndexError):
            return None
    return size if size and size[0] > 0 and size[1] > 0 else None


def _size(data: bytes) -> tuple[int, int] | None:
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _unpack(">II", data, 16)
    if data[:2] == b"BM":
        if struct.unpack_from("<I", data, 14)[0] == 12:  # OS/2 header
            return _unpack("<HH", data, 18)
        width, height = _unpack("<ii", data, 18)
        return width, abs(height)  # negative: stored from top to bottom
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp_size(data)
    if data[:2] == b"\xff\xd8":
        return _jpeg_size(data)
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_size(data)
    return None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker in _JPEG_FRAME_MARKERS:
            height, width = _unpack(">HH", data, at + 5)
            return width, height
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length
            at += 2
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    """WebP container specification: lossy, lossless and extended files."""
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = _unpack("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = int(struct.unpack_from("<I", data, 21)[0])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return None


def _tiff_size(data: bytes) -> tuple[int, int] | None:
    """TIFF 6.0: tags 256 (ImageWidth) and 257 (ImageLength) of the first directory."""
    order = "<" if data[:2] == b"II" else ">"
    directory = int(struct.unpack_from(order + "I", data, 4)[0])
    found: dict[int, int] = {}
    for i in range(struct.unpack_from(order + "H", data, directory)[0]):
        tag, kind = _unpack(order + "HH", data, directory + 2 + 12 * i)
        if tag in (256, 257):
            found[tag] = int(struct.unpack_from(order + ("H" if kind == 3 else "I"), data, directory + 10 + 12 * i)[0])
    return (found[256], found[257]) if len(found) == 2 else None


def _unpack(form: str, data: bytes, at: int) -> tuple[int, int]:
    first, second = struct.unpack_from(form, data, at)
    return int(first), int(second)
