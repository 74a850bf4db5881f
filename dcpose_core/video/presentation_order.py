"""The order in which packets are shown: told by their time stamps where they suffice, else by decoding them all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from dcpose_core.types import IntArray
from dcpose_core.video.container import open_container
from dcpose_core.video.decoding import decode, decode_in_one_thread, numbered
from dcpose_core.video.packets import NO_TIME, PacketTable, ProgressCallback

#: Pictures are never reordered over more packets than this (the largest decoded picture buffer of H.264 and HEVC).
REORDER_DEPTH = 16
_HEAD_PICTURES = 32  # decoded to see that the packets tell all


@dataclass(frozen=True, slots=True, eq=False)
class PresentationOrder:
    """packets: int64 `[N]`, the packets that show a picture, in presentation order. keys: int64 `[K]`, packets at
    which decoding can start. bad: damaged packets. first_picture: the first one decoded."""

    packets: IntArray
    keys: IntArray
    bad: frozenset[int]
    first_picture: VideoFrame


def order_told_by_packets(path: Path, table: PacketTable, ticks: IntArray) -> PresentationOrder | None:
    """The order by time stamps `ticks`, or None where they do not tell or the first decoded pictures contradict."""
    with_picture = np.flatnonzero(table.shown & (table.pictures == 1))
    stamps = ticks[with_picture]
    if np.any(table.pictures < 0) or np.any(stamps == NO_TIME) or len(np.unique(stamps)) < len(stamps):
        return None
    order = with_picture[np.argsort(stamps)]

    seen: list[int] = []
    damaged = bool(table.corrupt)
    first_picture: VideoFrame | None = None
    for number, picture in _decode_from_start(path, table, threaded=False):
        damaged |= picture is None or picture.is_corrupt
        if picture is not None:
            first_picture = first_picture or picture
            seen.append(number)
            if len(seen) == _HEAD_PICTURES:
                break
    if first_picture is None or seen[0] not in order:
        return None
    start = int(np.flatnonzero(order == seen[0])[0])
    end = start + len(seen) if len(seen) == _HEAD_PICTURES else len(order)
    confirmed = start <= REORDER_DEPTH and order[start:end].tolist() == seen
    not_contradicted = damaged and order[np.isin(order, seen)].tolist() == seen
    if not (confirmed or not_contradicted):
        return None
    if confirmed and not damaged:
        order = order[start:]  # the ones before refer to pictures from before the beginning of the file
    keys = np.setdiff1d(np.flatnonzero(table.key), np.array(sorted(table.corrupt), dtype=np.int64))
    return PresentationOrder(order, keys, table.corrupt, first_picture)


def order_by_decoding(path: Path, table: PacketTable, on_progress: ProgressCallback | None) -> PresentationOrder | None:
    """The order in which the decoder puts the pictures out, or None if no key frame comes out of it."""
    for threaded in (True, False):  # only without threads the decoder says exactly which packet it refuses
        order: dict[int, VideoFrame | None] = {}  # picture of the first one only: they are large
        keys: list[int] = []
        bad: set[int] = set()
        refused = False
        for number, picture in _decode_from_start(path, table, threaded=threaded):
            if picture is None:
                refused = True
                bad.add(number)
                if threaded:
                    break
                continue
            if number not in order:
                order[number] = None if order else picture
            if picture.is_corrupt:
                bad.add(number)
            elif picture.key_frame and table.key[number]:
                keys.append(number)
            if on_progress is not None and len(order) % 16 == 0:
                on_progress(min(1.0, number / len(table)))
        if not refused:
            break
    if not keys:
        return None
    first_picture = next(iter(order.values()))
    assert first_picture is not None
    key_packets = np.unique(np.array(keys, dtype=np.int64))
    all_bad = frozenset(table.corrupt | bad) - {-1}
    packets = _with_pictures_lost_to_damage(list(order), all_bad, key_packets, len(table))
    return PresentationOrder(np.array(packets, dtype=np.int64), key_packets, all_bad, first_picture)


def _with_pictures_lost_to_damage(order: list[int], bad: frozenset[int], keys: IntArray, packets: int) -> list[int]:
    """`order` with the packets that gave no picture, but stand behind damage in their group of pictures.

    Without damage such a packet has none by right (a placeholder, the second field of a picture).
    """
    groups = np.searchsorted(keys, np.arange(packets), side="right")
    first_bad = {int(groups[number]): number for number in sorted(bad, reverse=True)}
    place = {number: i for i, number in enumerate(order)}
    lost = [n for n in range(packets) if n not in place and n >= first_bad.get(int(groups[n]), packets)]
    latest = np.maximum.accumulate([place.get(n, -1) for n in range(packets)])
    # Behind all pictures stored before it: not its exact place among reordered ones, but none is miscounted.
    return sorted([*order, *lost], key=lambda n: (place[n], 0) if n in place else (int(latest[n]), n + 1))


def _decode_from_start(path: Path, table: PacketTable, *, threaded: bool) -> Iterator[tuple[int, VideoFrame | None]]:
    container, stream = open_container(path)
    with container:
        if threaded:
            stream.codec_context.thread_type = "AUTO"
        else:
            decode_in_one_thread(stream)
        yield from decode(stream, ((n, p) for n, p in numbered(container, stream) if n not in table.corrupt))
