"""Tracks with hindsight: gaps closed, late confirmations honoured, boxes smoothed. Generators of bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from dcpose_core.trackers.kalman import measurement
from dcpose_core.types import FloatArray, TrackedBox

#: The tracked boxes of one frame, with its index.
FrameBoxes = tuple[int, list[TrackedBox]]

#: Frames to either side that a smoothed position and size look at.
SMOOTHING_RADIUS = 3
_SIZE_RADIUS_FACTOR = 1.5


def bridge_tracks(updates: Iterable[FrameBoxes], *, lookahead: int = 8, smooth: bool = False) -> Iterator[FrameBoxes]:
    """Yield the frames of `updates`, in order and `lookahead` frames late, with what the later frames teach.

    * A track that is missing for at most `lookahead` frames is filled in on a straight line (`interpolated`, with the
      lower score of both ends).
    * A box of an unconfirmed track stays if the track is confirmed within `lookahead` frames, or if the video ends
      while it is still seen; all others are dropped.

    smooth: pass the result through `smooth_boxes`, which holds back a few frames more.
    """
    bridged = _bridge(updates, lookahead)
    return smooth_boxes(bridged) if smooth else bridged


def _bridge(updates: Iterable[FrameBoxes], lookahead: int) -> Iterator[FrameBoxes]:
    window: deque[tuple[int, dict[int, TrackedBox]]] = deque()  # what is not yielded yet
    last: dict[int, tuple[int, TrackedBox]] = {}  # track id -> its newest box and the frame of it
    for index, boxes in updates:
        for box in boxes:
            if box.track_id in last:
                _fill_gap(window, last[box.track_id], (index, box))
            last[box.track_id] = index, box
        window.append((index, {box.track_id: box for box in boxes}))
        last = {track: seen for track, seen in last.items() if seen[0] >= index - lookahead}
        if len(window) > lookahead:
            yield _settled(window, at_end=False)
    while window:
        yield _settled(window, at_end=True)


def _fill_gap(
    window: deque[tuple[int, dict[int, TrackedBox]]], start: tuple[int, TrackedBox], end: tuple[int, TrackedBox]
) -> None:
    """Put boxes on the straight line from `start` to `end` into the frames between them."""
    (start_index, a), (end_index, b) = start, end
    for index, boxes in window:
        if start_index < index < end_index:
            part = (index - start_index) / (end_index - start_index)
            boxes[a.track_id] = replace(
                b,
                box_xyxy=(1 - part) * a.box_xyxy + part * b.box_xyxy,
                score=min(a.score, b.score),
                interpolated=True,
            )


def _settled(window: deque[tuple[int, dict[int, TrackedBox]]], *, at_end: bool) -> FrameBoxes:
    """Take the oldest frame out of the window, with the boxes that the window proves right."""
    proven = {track for _, boxes in window for track, box in boxes.items() if box.confirmed}
    if at_end:
        proven.update(window[-1][1])
    index, boxes = window.popleft()
    return index, [replace(boxes[track], confirmed=True) for track in sorted(boxes) if track in proven]


def smooth_boxes(frames: Iterable[FrameBoxes], *, radius: int = SMOOTHING_RADIUS) -> Iterator[FrameBoxes]:
    """Yield the frames of `frames`, a few late, with the jitter of detection taken out of the boxes, without lag.

    Each box becomes the centre of a weighted local fit over the track's neighbouring frames (triangular weights, as
    in a Savitzky-Golay filter): a parabola through the centres within `radius` frames, so that a jump keeps its
    height, and a line through the sizes within one and a half times that.
    """
    size_radius = round(radius * _SIZE_RADIUS_FACTOR)
    window: deque[FrameBoxes] = deque()
    past = 0  # frames at the front of the window that are already yielded
    for frame in frames:
        window.append(frame)
        if len(window) - past > size_radius:
            yield _smoothed(window, past, radius, size_radius)
            past += 1
        if past > size_radius:
            window.popleft()
            past -= 1
    while past < len(window):
        yield _smoothed(window, past, radius, size_radius)
        past += 1


def _smoothed(window: deque[FrameBoxes], position: int, radius: int, size_radius: int) -> FrameBoxes:
    index, boxes = window[position]
    course: dict[int, list[tuple[int, FloatArray]]] = {box.track_id: [] for box in boxes}
    for other_index, others in window:
        for box in others:
            if box.track_id in course and abs(other_index - index) <= size_radius:
                course[box.track_id].append((other_index - index, measurement(box.box_xyxy)))
    smoothed = []
    for box in boxes:
        offsets = np.array([offset for offset, _ in course[box.track_id]], dtype=np.float64)
        values = np.array([value for _, value in course[box.track_id]])
        near = np.abs(offsets) <= radius
        centre = _local_fit(offsets[near], values[near, :2], radius=radius, degree=2)
        half = np.maximum(_local_fit(offsets, values[:, 2:], radius=size_radius, degree=1), 1.0) / 2
        smoothed.append(replace(box, box_xyxy=np.concatenate([centre - half, centre + half])))
    return index, smoothed


def _local_fit(offsets: FloatArray, values: FloatArray, *, radius: int, degree: int) -> FloatArray:
    """Value `[C]` at offset 0 of the polynomial through values `[K, C]` at `offsets` `[K]`, nearer ones weighing more.

    The degree falls where there are too few points to be smoothed by it, and at the ends of a track.
    """
    if len(offsets) == 1:
        return np.asarray(values[0])
    is_end = not (np.any(offsets < 0) and np.any(offsets > 0))
    degree = min(degree, max(len(offsets) - 2, 1), 1 if is_end else degree)
    weights = np.sqrt(1.0 - np.abs(offsets) / (radius + 1))
    powers = offsets[:, None] ** np.arange(degree + 1)
    solution = np.linalg.lstsq(powers * weights[:, None], values * weights[:, None], rcond=None)[0]
    return np.asarray(solution[0])
