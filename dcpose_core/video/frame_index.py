"""The frame index: which packet holds which frame, when it is shown, and where decoding has to start for it.

Built in one pass over the packets where they tell all (the first frames are decoded to see that they do), else by
decoding the whole file once: AVI whose pictures are stored out of order has no presentation times, and some codecs
have packets with no picture or half a picture.

Lost frames keep their place: where the container lost packets of a video of constant frame rate, frames without a
packet fill the hole in time, so that the frames behind it keep their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from dcpose_core.errors import VideoError
from dcpose_core.types import FloatArray, IntArray
from dcpose_core.video.container import open_container
from dcpose_core.video.decoding import Orientation, orientation_of
from dcpose_core.video.lost_frames import constant_step_s, cut_at_first_hole, fill_holes
from dcpose_core.video.packets import NO_TIME, PacketTable, ProgressCallback, scan_packets
from dcpose_core.video.presentation_order import order_by_decoding, order_told_by_packets

_DEFAULT_RATE = 25.0


@dataclass(frozen=True, slots=True, eq=False)
class FrameIndex:
    """Frames in the order they are shown, and the packets they come from, numbered as they lie in the file.

    times_s: float64 `[N]`. frame_packet: int64 `[N]`, -1 for a lost frame. frame_key: int64 `[N]`, row of the key
    arrays where decoding for this frame starts, -1 for a lost frame.
    key_packet, key_pts, key_dts: int64 `[K]`, packet numbers and time stamps of the key frames; key_first_frame:
    the first frame that can be decoded from there (in an open group of pictures some frames before need more).
    packet_position, packet_size: int64 `[P]`, by which packets are recognised after a jump. packet_silent: the
    packets without a frame of their own. packet_bad: packets known to be damaged. packet_unreferenced: packets of
    frames that no other one is built on, as far as that is known.
    width_px, height_px: of the stored picture, before `orientation`. missing_at_end: frames that the file
    announces but ends before.
    """

    times_s: FloatArray
    frame_packet: IntArray
    frame_key: IntArray
    key_packet: IntArray
    key_first_frame: IntArray
    key_pts: IntArray
    key_dts: IntArray
    packet_position: IntArray
    packet_size: IntArray
    packet_silent: IntArray
    packet_bad: IntArray
    packet_unreferenced: IntArray
    width_px: int
    height_px: int
    orientation: Orientation
    frame_rate: float
    missing_at_end: int

    def __len__(self) -> int:
        return len(self.times_s)


def build_frame_index(path: Path, on_progress: ProgressCallback | None = None) -> FrameIndex:
    """Index the video at `path`. Raises `VideoError` if it has no frame that can be decoded.

    on_progress: called with the part done of the pass over the packets and, if needed, again of that over the
    pictures; an exception that it raises ends the work and goes through to the caller.
    """
    container, stream = open_container(path)
    with container:
        table = scan_packets(path, container, stream, on_progress)
        time_base = stream.time_base or Fraction(1, 1000)
        stated_rate = stream.average_rate
        announced_packets, announced_s = _announced(container, stream)
        # AVI knows no presentation times: packet numbers on a fixed clock are all it has.
        ticks = table.dts if container.format.name == "avi" else table.pts
    order = order_told_by_packets(path, table, ticks)
    unreferenced = np.flatnonzero(table.unreferenced) if order is not None else np.zeros(0, dtype=np.int64)
    order = order or order_by_decoding(path, table, on_progress)
    if order is None:
        raise VideoError(f"{path}: the file has a video track, but no frame of it can be decoded")

    end = len(table)
    while end and end - 1 in order.bad:  # the file ends in the middle of a packet; it is left out
        end -= 1
    frames = order.packets[order.packets < end]
    keys = order.keys[order.keys < end]
    if len(frames) == 0 or len(keys) == 0:
        raise VideoError(f"{path}: the file has a video track, but no frame of it can be decoded")
    times_s = _times_s(frames, table, ticks, time_base, stated_rate)
    step_s = constant_step_s(times_s, time_base)
    missing_at_end = max(0, announced_packets - end)
    if announced_s - table.end_s > max(0.25, 2.5 * (step_s or 0.0)):
        missing_at_end = max(1, round((announced_s - times_s[-1]) / (step_s or _mean_step_s(times_s))) - 1)
    elif end < len(table):
        missing_at_end = max(missing_at_end, len(table) - end)
    bad = frozenset(number for number in order.bad if number < end)
    if step_s is not None:
        if missing_at_end:
            whole = len(frames)
            frames, times_s = cut_at_first_hole(frames, times_s, step_s=step_s, packets=end)
            missing_at_end += whole - len(frames)
        frames, times_s, bad = fill_holes(frames, times_s, step_s=step_s, jumps=table.jumps, bad=bad)
    key_s = _seconds(ticks[keys], time_base)
    frames, times_s, frame_key, key_first_frame = _assign_keys(frames, times_s, keys, key_s)
    if len(frames) == 0:
        raise VideoError(f"{path}: the file has a video track, but no frame of it can be decoded")
    return FrameIndex(
        times_s=times_s,
        frame_packet=frames,
        frame_key=frame_key,
        key_packet=keys,
        key_first_frame=key_first_frame,
        key_pts=table.pts[keys],
        key_dts=table.dts[keys],
        packet_position=table.position[:end],
        packet_size=table.size[:end],
        packet_silent=np.setdiff1d(np.arange(end), frames),
        packet_bad=np.array(sorted(bad), dtype=np.int64),
        packet_unreferenced=np.setdiff1d(np.intersect1d(unreferenced, frames), [*bad, *keys]),
        width_px=order.first_picture.width,
        height_px=order.first_picture.height,
        orientation=orientation_of(order.first_picture),
        frame_rate=_frame_rate(times_s, stated_rate),
        missing_at_end=missing_at_end,
    )


def _announced(container: InputContainer, stream: VideoStream) -> tuple[int, float]:
    """(number of packets, end in seconds) that the file promises in its header; 0 where it promises nothing."""
    name = container.format.name
    if name.startswith("mov"):
        return len(stream.index_entries), 0.0
    if name == "avi" and stream.frames and stream.average_rate:
        return 0, float(stream.frames / stream.average_rate)
    if name.startswith("matroska") and container.duration:
        return 0, container.duration / 1e6
    return 0, 0.0


def _times_s(
    frames: IntArray, table: PacketTable, ticks: IntArray, time_base: Fraction, stated_rate: Fraction | None
) -> FloatArray:
    """Presentation times as the file states them, in order; from the frame rate where it states none."""
    for stamps in (ticks, table.dts):
        if np.all(stamps[frames] != NO_TIME):
            return _seconds(np.sort(stamps[frames]), time_base)
    return np.arange(len(frames)) / float(stated_rate or _DEFAULT_RATE)


def _seconds(ticks: IntArray, time_base: Fraction) -> FloatArray:
    return np.asarray(ticks.astype(np.float64) * time_base.numerator / time_base.denominator)


def _assign_keys(
    frames: IntArray, times_s: FloatArray, keys: IntArray, key_s: FloatArray
) -> tuple[IntArray, FloatArray, IntArray, IntArray]:
    """(frames, times, key of each frame, first frame of each key), without frames that no key frame leads to."""
    place = {int(packet): frame for frame, packet in enumerate(frames)}
    # A key packet without a frame of its own (hidden by an edit list) serves the frames from its time on.
    first_frame = np.array(
        [place.get(int(key), int(np.searchsorted(times_s, s))) for key, s in zip(keys, key_s, strict=True)],
        dtype=np.int64,
    )
    frame_key = np.searchsorted(keys, frames, side="right") - 1
    numbers = np.arange(len(frames))
    while np.any(leading := (frame_key >= 0) & (first_frame[frame_key] > numbers)):
        frame_key[leading] -= 1
    unreachable = (frame_key < 0) & ((frames >= 0) | (np.maximum.accumulate(frames) < 0))
    if unreachable.any():
        return _assign_keys(frames[~unreachable], times_s[~unreachable], keys, key_s)
    return frames, times_s, frame_key, first_frame


def _mean_step_s(times_s: FloatArray) -> float:
    span = float(times_s[-1] - times_s[0])
    return span / (len(times_s) - 1) if span > 0 else 1 / _DEFAULT_RATE


def _frame_rate(times_s: FloatArray, stated: Fraction | None) -> float:
    """Average frames per second: as stated where that agrees with the times to 1 %, else measured."""
    if len(times_s) < 2 or times_s[-1] <= times_s[0]:
        return float(stated or _DEFAULT_RATE)
    measured = 1 / _mean_step_s(times_s)
    return float(stated) if stated and abs(float(stated) - measured) <= 0.01 * measured else measured
