"""Tracking by motion, overlap and rough poses: no appearance, no learning, deterministic.

In each frame confident detections go to the tracks that expect them; then the faint ones that are left go to tracks
seen a moment ago (a person half hidden is still there); then confident ones that nobody claims either bring back a
person who was lost near there, or begin a track. A person who is not seen for `memory_s` is forgotten for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dcpose_core.geometry import iou
from dcpose_core.trackers import kalman
from dcpose_core.trackers.association import assign, boxes_of, continuation_cost, return_cost
from dcpose_core.trackers.kalman import BoxMotion
from dcpose_core.types import Detection, TrackedBox

#: Costs up to which a detection continues a track; a faint one must fit better.
_MAX_COST = 0.8
_MAX_FAINT_COST = 0.6
_MAX_RETURN_COST = 1.2
#: A person seen up to this long ago may still be found by a faint detection.
_RECENT_S = 0.5
#: A track that only faint detections feed ends this long after its last confident one: furniture has faint
#: detections that never go away, a person half hidden comes back.
_FAINT_S = 0.5
#: Time between frames where the file's times do not move and never did.
_DEFAULT_INTERVAL_S = 1 / 25
#: Frames in a row that an unconfirmed track may miss.
_UNCONFIRMED_PATIENCE = 1

_Pair = tuple["_Track", Detection]


@dataclass(slots=True, eq=False)
class _Track:
    """motion: expectation for the newest frame. seen, seen_s, seen_frame: the last detection and when it was.

    sure_s: when a confident detection was last seen.
    """

    track_id: int
    motion: BoxMotion
    seen: Detection
    seen_s: float
    seen_frame: int
    sure_s: float
    hits: int
    confirmed: bool


class MotionOksTracker:
    """The default tracker.

    confident_score: detections from here on may begin tracks; lower ones, down to `faint_score`, only continue them.
    confirming_hits: detections that make a track a person. memory_s: how long a person not seen is waited for.
    duplicate_iou: of two detections of one frame that overlap more, only the more confident one counts.
    birth_iou: a detection that overlaps a person of the frame more does not begin another track.
    """

    def __init__(
        self,
        *,
        confident_score: float = 0.4,
        faint_score: float = 0.1,
        confirming_hits: int = 3,
        memory_s: float = 1.2,
        duplicate_iou: float = 0.8,
        birth_iou: float = 0.55,
    ) -> None:
        self._confident_score = confident_score
        self._faint_score = faint_score
        self._confirming_hits = confirming_hits
        self._memory_s = memory_s
        self._duplicate_iou = duplicate_iou
        self._birth_iou = birth_iou
        self._tracks: list[_Track] = []
        self._next_id = 0
        self._frame_index: int | None = None
        self._stated_s = 0.0  # latest time that the file has stated
        self._interval_s = _DEFAULT_INTERVAL_S  # between the two newest frames
        self._time_s = 0.0  # sum of these

    def update(self, frame_index: int, time_s: float, detections: Sequence[Detection]) -> list[TrackedBox]:
        """See `Tracker.update`."""
        self._advance(frame_index, time_s)
        confident, faint = self._usable(detections)

        seen, confident = _continue(self._tracks, confident, max_cost=_MAX_COST)
        recent = [track for track in self._unseen(seen) if self._may_be_faint(track)]
        seen += _continue(recent, faint, max_cost=_MAX_FAINT_COST)[0]
        strangers = self._apart(confident, seen)
        returned, strangers = _bring_back([t for t in self._unseen(seen) if t.confirmed], strangers)
        seen += returned

        for track, detection in seen:
            track.motion = kalman.update(track.motion, detection.box_xyxy)
            self._see(track, detection)
        seen += [(self._begin(detection), detection) for detection in strangers]
        boxes = [TrackedBox(t.track_id, d.box_xyxy, d.score, confirmed=t.confirmed) for t, d in seen]
        return sorted(boxes, key=lambda box: box.track_id)

    def expected(self, time_s: float) -> list[TrackedBox]:
        """See `Tracker.expected`."""
        elapsed_s = self._seconds_until(time_s)
        return [
            TrackedBox(
                track.track_id,
                kalman.predict(track.motion, elapsed_s).box_xyxy,
                track.seen.score,
                interpolated=True,
            )
            for track in self._tracks
            if track.confirmed
        ]

    def _advance(self, frame_index: int, time_s: float) -> None:
        """Move all tracks to the new frame and forget those not seen for too long."""
        if self._frame_index is None:
            self._stated_s = time_s
        elif frame_index <= self._frame_index:
            raise ValueError(f"frame {frame_index} comes after frame {self._frame_index}: frames must be in order")
        else:
            self._interval_s = self._seconds_until(time_s)
            self._time_s += self._interval_s
        self._frame_index, self._stated_s = frame_index, max(time_s, self._stated_s)
        self._tracks = [track for track in self._tracks if self._is_awaited(track)]
        for track in self._tracks:
            track.motion = kalman.predict(track.motion, self._interval_s)

    def _seconds_until(self, time_s: float) -> float:
        """From the newest frame to one at `time_s`; as before where a broken file's times stand still or go back."""
        return time_s - self._stated_s if time_s > self._stated_s else self._interval_s

    def _is_awaited(self, track: _Track) -> bool:
        if track.confirmed:
            return self._time_s - track.seen_s <= self._memory_s
        return self._frame_index is not None and self._frame_index - track.seen_frame <= _UNCONFIRMED_PATIENCE + 1

    def _may_be_faint(self, track: _Track) -> bool:
        seen_lately = self._time_s - track.seen_s <= self._interval_s + _RECENT_S
        return seen_lately and self._time_s - track.sure_s <= self._interval_s + _FAINT_S

    def _usable(self, detections: Sequence[Detection]) -> tuple[list[Detection], list[Detection]]:
        """Confident and faint detections without duplicates, in an order that does not depend on the given one."""
        ordered = sorted(
            (detection for detection in detections if detection.score >= self._faint_score),
            key=lambda detection: (-detection.score, *detection.box_xyxy.tolist()),
        )
        overlaps = iou(boxes_of(ordered), boxes_of(ordered))
        kept: list[int] = []
        for i in range(len(ordered)):
            if overlaps[i, kept].max(initial=0.0) <= self._duplicate_iou:
                kept.append(i)
        unique = [ordered[i] for i in kept]
        n_confident = sum(detection.score >= self._confident_score for detection in unique)
        return unique[:n_confident], unique[n_confident:]

    def _unseen(self, seen: Sequence[_Pair]) -> list[_Track]:
        found = {track.track_id for track, _ in seen}
        return [track for track in self._tracks if track.track_id not in found]

    def _apart(self, detections: Sequence[Detection], seen: Sequence[_Pair]) -> list[Detection]:
        """Those detections that are not a second view of a person already seen in this frame."""
        overlaps = iou(boxes_of(detections), boxes_of([detection for _, detection in seen]))
        return [d for d, row in zip(detections, overlaps, strict=True) if row.max(initial=0.0) <= self._birth_iou]

    def _begin(self, detection: Detection) -> _Track:
        track = _Track(self._next_id, kalman.first_motion(detection.box_xyxy), detection, 0.0, 0, 0.0, 0, False)
        self._next_id += 1
        self._tracks.append(track)
        self._see(track, detection)
        return track

    def _see(self, track: _Track, detection: Detection) -> None:
        assert self._frame_index is not None
        track.seen, track.seen_s, track.seen_frame = detection, self._time_s, self._frame_index
        if detection.score >= self._confident_score:
            track.sure_s = self._time_s
        track.hits += 1
        track.confirmed = track.hits >= self._confirming_hits


def _continue(
    tracks: Sequence[_Track], detections: Sequence[Detection], *, max_cost: float
) -> tuple[list[_Pair], list[Detection]]:
    """The tracks that go on, each with its detection, and the detections left over."""
    if not tracks or not detections:
        return [], list(detections)
    cost = continuation_cost([track.motion for track in tracks], [track.seen for track in tracks], detections)
    return _paired(tracks, detections, assign(cost, max_cost=max_cost))


def _bring_back(tracks: Sequence[_Track], detections: Sequence[Detection]) -> tuple[list[_Pair], list[Detection]]:
    """As `_continue`, for persons who were away: pose and overlap say nothing then, only the place does."""
    if not tracks or not detections:
        return [], list(detections)
    cost = return_cost([track.motion for track in tracks], detections)
    return _paired(tracks, detections, assign(cost, max_cost=_MAX_RETURN_COST))


def _paired(
    tracks: Sequence[_Track], detections: Sequence[Detection], indices: Sequence[tuple[int, int]]
) -> tuple[list[_Pair], list[Detection]]:
    taken = {column for _, column in indices}
    left = [detection for column, detection in enumerate(detections) if column not in taken]
    return [(tracks[row], detections[column]) for row, column in indices], left
