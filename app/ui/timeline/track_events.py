"""Where tracks begin, end and are interrupted: the places at which identities go wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple


class EventKind(StrEnum):
    """What happens to a track at a frame."""

    BIRTH = "begins"
    GAP = "gap"
    DEATH = "ends"


class TrackEvent(NamedTuple):
    """`frame`: the first frame of a birth, the last one of a death, the first missing one of a gap.

    n_missing: length of a gap in frames, else 0.
    """

    frame: int
    track_id: int
    kind: EventKind
    n_missing: int = 0


def track_events(spans_of: Mapping[int, Sequence[tuple[int, int]]], *, n_frames: int) -> list[TrackEvent]:
    """All births, gaps and deaths in order of frame, then track.

    A track that is there in the first or last frame of the video is neither born nor lost there: the video starts or
    ends. spans_of: track id -> runs of frames, both ends included.
    """
    events: list[TrackEvent] = []
    for track_id, spans in spans_of.items():
        if not spans:
            continue
        first, last = spans[0][0], spans[-1][1]
        if first > 0:
            events.append(TrackEvent(first, track_id, EventKind.BIRTH))
        for (_, end), (start, _) in pairwise(spans):
            events.append(TrackEvent(end + 1, track_id, EventKind.GAP, start - end - 1))
        if last < n_frames - 1:
            events.append(TrackEvent(last, track_id, EventKind.DEATH))
    return sorted(events, key=lambda event: (event.frame, event.track_id))


def neighbouring_event(events: Sequence[TrackEvent], frame: int, *, forward: bool) -> TrackEvent | None:
    """The next event after `frame`, or the last one before it; None where there is none."""
    if forward:
        return next((event for event in events if event.frame > frame), None)
    return next((event for event in reversed(events) if event.frame < frame), None)
