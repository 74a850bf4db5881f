"""Where an MPEG transport stream has lost data: its packets count themselves (ISO/IEC 13818-1, section 2.4.3)."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np

_SYNC = 0x47
_LENGTHS = (188, 192, 204)  # plain, with a time code (Blu-ray, cameras), with error correction
_IN_STEP = 5  # so many sync bytes at the right distance are packets
_PACKETS_AT_ONCE = 1 << 16


def lost_data_offsets(path: Path, pid: int) -> tuple[list[int], list[int]]:
    """Byte offsets in the file where data is (damaged inside a picture, missing between two pictures) of stream `pid`.

    Empty for a file in which no packets are found.
    """
    inside: list[int] = []
    between: list[int] = []
    last_count: int | None = None
    with path.open("rb") as file:
        starts = [(start, length) for length in _LENGTHS if (start := _next_packet(file, 0, length)) is not None]
        offset, length = min(starts, default=(None, 0))
        while offset is not None:
            file.seek(offset)
            data = file.read(length * _PACKETS_AT_ONCE)
            head = np.frombuffer(data[: len(data) // length * length], dtype=np.uint8).reshape(-1, length)[:, :4]
            out_of_step = np.flatnonzero(head[:, 0] != _SYNC)
            head = head[: out_of_step[0]] if len(out_of_step) else head

            packet_id = (head[:, 1].astype(np.int64) & 0x1F) << 8 | head[:, 2]
            ours = np.flatnonzero((packet_id == pid) & (head[:, 3] & 0x10 > 0))
            counts = head[ours, 3].astype(np.int64) & 0x0F
            if len(counts):
                steps = np.diff(counts, prepend=counts[0] - 1 if last_count is None else last_count) % 16
                last_count = int(counts[-1])
                broken = ours[steps > 1]  # 0 is a packet sent twice, as the standard allows
                begins_picture = head[broken, 1] & 0x40 > 0
                inside += (offset + length * broken[~begins_picture]).tolist()
                between += (offset + length * broken[begins_picture]).tolist()

            offset += length * len(head)
            if len(out_of_step):
                inside.append(offset)
                offset = _next_packet(file, offset, length)
            elif len(data) < length * _PACKETS_AT_ONCE:
                if len(data) % length:
                    inside.append(offset)  # the file ends within a packet
                break
    return inside, between


def _next_packet(file: BinaryIO, offset: int, length: int) -> int | None:
    """Where packets of `length` bytes go on at or behind `offset`, or None."""
    span = length * (_IN_STEP - 1)
    file.seek(offset)
    while len(data := file.read(1 << 20)) > span:
        sync = np.frombuffer(data, dtype=np.uint8) == _SYNC
        found = np.flatnonzero(np.all([sync[i : len(sync) - span + i] for i in range(0, span + 1, length)], axis=0))
        if len(found):
            return offset + int(found[0])
        offset += len(data) - span
        file.seek(offset)
    return None
