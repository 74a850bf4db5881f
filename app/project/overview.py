"""What timelines and track lists show of a whole project, kept up to date frame by frame and never recomputed."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from app.project.packing import HEAD
from app.project.records import FrameState, Layer

#: Bits of a frame's marks.
VERIFIED, ANALYSED = 1, 2


class Spans:
    """A set of frames as runs: memory and time follow the number of runs, not of frames."""

    def __init__(self, frames: Iterable[int] = ()) -> None:
        """frames: ascending."""
        indices = np.fromiter(frames, np.int64)
        edges = np.flatnonzero(np.diff(indices) > 1)
        self._firsts: list[int] = indices[np.concatenate([[0], edges + 1])].tolist() if len(indices) else []
        self._lasts: list[int] = indices[np.concatenate([edges, [-1]])].tolist() if len(indices) else []

    def add(self, frame: int) -> None:
        after = bisect_right(self._firsts, frame)
        if after and self._lasts[after - 1] >= frame:
            return
        joins_before = after > 0 and self._lasts[after - 1] == frame - 1
        joins_after = after < len(self._firsts) and self._firsts[after] == frame + 1
        if joins_before and joins_after:
            del self._firsts[after], self._lasts[after - 1]
        elif joins_before:
            self._lasts[after - 1] = frame
        elif joins_after:
            self._firsts[after] = frame
        else:
            self._firsts.insert(after, frame)
            self._lasts.insert(after, frame)

    def discard(self, frame: int) -> None:
        run = bisect_right(self._firsts, frame) - 1
        if run < 0 or self._lasts[run] < frame:
            return
        first, last = self._firsts[run], self._lasts[run]
        if first == last:
            del self._firsts[run], self._lasts[run]
        elif frame == first:
            self._firsts[run] = frame + 1
        elif frame == last:
            self._lasts[run] = frame - 1
        else:
            self._lasts[run] = frame - 1
            self._firsts.insert(run + 1, frame + 1)
            self._lasts.insert(run + 1, last)

    def __contains__(self, frame: int) -> bool:
        run = bisect_right(self._firsts, frame) - 1
        return run >= 0 and self._lasts[run] >= frame

    def __bool__(self) -> bool:
        return bool(self._firsts)

    def as_list(self) -> list[tuple[int, int]]:
        """(first, last) of every run, both included."""
        return list(zip(self._firsts, self._lasts, strict=True))


class Overview:
    """Per frame: state and lowest score; per track: the frames where the view has it and how many persons."""

    def __init__(
        self,
        n_frames: int,
        *,
        predictions: list[tuple[int, bytes]],
        annotations: list[tuple[int, bytes]],
        marks: list[tuple[int, int]],
    ) -> None:
        self.n_frames = n_frames
        self._heads = {layer: [b""] * n_frames for layer in Layer}
        self.marks = np.zeros(n_frames, np.uint8)
        for frame, value in marks:
            self.marks[frame] = value
        self.states = np.zeros(n_frames, np.uint8)
        self.confidence = np.full(n_frames, np.nan, np.float32)
        self.persons_of_track: Counter[int] = Counter()
        self._spans: dict[int, Spans] = {}
        self._annotated_spans: dict[int, Spans] = {}
        self._fill(predictions, annotations)

    def _fill(self, predictions: list[tuple[int, bytes]], annotations: list[tuple[int, bytes]]) -> None:
        """Everything at once, at opening: 1,000,000 persons have to take less than a second."""
        for layer, rows in ((Layer.PREDICTION, predictions), (Layer.ANNOTATION, annotations)):
            heads = self._heads[layer]
            for frame, data in rows:
                heads[frame] = data
        predicted_frames, predicted = _columns(predictions)
        annotated_frames, annotated = _columns(annotations)
        for tracks in (predicted["track_id"], annotated["track_id"]):
            ids, counts = np.unique(tracks, return_counts=True)
            self.persons_of_track.update(dict(zip(ids.tolist(), counts.tolist(), strict=True)))
        hidden = np.isin(_keys(predicted_frames, predicted), _keys(annotated_frames, annotated))
        frames = np.concatenate([predicted_frames[~hidden], annotated_frames])
        heads_in_view = np.concatenate([predicted[~hidden], annotated])
        self._spans = _spans_by_track(frames, heads_in_view["track_id"])
        self._annotated_spans = _spans_by_track(annotated_frames, annotated["track_id"])
        np.fmin.at(self.confidence, frames, heads_in_view["lowest"])
        self.states[predicted_frames] = FrameState.MODEL
        self.states[self.marks & ANALYSED != 0] = FrameState.MODEL
        self.states[annotated_frames] = FrameState.HUMAN
        self.states[self.marks & VERIFIED != 0] = FrameState.VERIFIED

    def spans(self, track_id: int) -> list[tuple[int, int]]:
        spans = self._spans.get(track_id)
        return [] if spans is None else spans.as_list()

    def annotated_spans(self, track_id: int) -> list[tuple[int, int]]:
        spans = self._annotated_spans.get(track_id)
        return [] if spans is None else spans.as_list()

    def has_persons(self, layer: Layer, frame: int) -> bool:
        return bool(self._heads[layer][frame])

    def set_heads(self, layer: Layer, frame: int, heads: bytes) -> None:
        """The persons of a frame in one layer are now these."""
        before_of_layer = _lowest_by_track(self._heads[layer][frame])
        before = self._view(frame)
        self._heads[layer][frame] = heads
        after_of_layer, after = _lowest_by_track(heads), self._view(frame)
        self.persons_of_track.update(after_of_layer.keys() - before_of_layer.keys())
        self.persons_of_track.subtract(before_of_layer.keys() - after_of_layer.keys())
        _move(self._spans, frame, before.keys(), after.keys())
        if layer is Layer.ANNOTATION:
            _move(self._annotated_spans, frame, before_of_layer.keys(), after_of_layer.keys())
        self.confidence[frame] = np.nan if not after else np.fmin.reduce(list(after.values()))
        self._set_state(frame)

    def set_marks(self, frame: int, marks: int) -> None:
        self.marks[frame] = marks
        self._set_state(frame)

    def _view(self, frame: int) -> dict[int, float]:
        view = _lowest_by_track(self._heads[Layer.PREDICTION][frame])
        view.update(_lowest_by_track(self._heads[Layer.ANNOTATION][frame]))
        return view

    def _set_state(self, frame: int) -> None:
        if self.marks[frame] & VERIFIED:
            state = FrameState.VERIFIED
        elif self._heads[Layer.ANNOTATION][frame]:
            state = FrameState.HUMAN
        elif self._heads[Layer.PREDICTION][frame] or self.marks[frame] & ANALYSED:
            state = FrameState.MODEL
        else:
            state = FrameState.NONE
        self.states[frame] = state


def _lowest_by_track(heads: bytes) -> dict[int, float]:
    return dict(np.frombuffer(heads, HEAD).tolist()) if heads else {}


def _move(spans: dict[int, Spans], frame: int, before: Iterable[int], after: Iterable[int]) -> None:
    before, after = set(before), set(after)
    for track_id in after - before:
        spans.setdefault(track_id, Spans()).add(frame)
    for track_id in before - after:
        spans[track_id].discard(frame)
        if not spans[track_id]:
            del spans[track_id]


def _columns(rows: list[tuple[int, bytes]]) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """Frame and head of every person."""
    counts = np.array([len(data) for _, data in rows], np.int64) // HEAD.itemsize
    frames = np.repeat(np.array([frame for frame, _ in rows], np.int64), counts)
    return frames, np.frombuffer(b"".join([data for _, data in rows]), HEAD)


def _keys(frames: NDArray[np.int64], heads: NDArray[np.void]) -> NDArray[np.int64]:
    keys: NDArray[np.int64] = (frames << 32) + heads["track_id"]
    return keys


def _spans_by_track(frames: NDArray[np.int64], tracks: NDArray[np.int32]) -> dict[int, Spans]:
    if not len(tracks):
        return {}
    order = np.lexsort((frames, tracks))
    frames, tracks = frames[order], tracks[order]
    starts = np.flatnonzero(np.diff(tracks, prepend=tracks[:1] - 1))
    ends = np.append(starts[1:], len(tracks))
    return {
        int(tracks[start]): Spans(frames[start:end]) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    }
