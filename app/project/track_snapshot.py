"""One track as it stands, for work on another thread: persons are immutable, so the document may move on meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.project.document import Document
from app.project.records import Layer, Person

#: Frames on either side of what is asked about whose poses tell how large a person is and how it moves.
_AROUND_FRAMES = 40
#: Annotations that far away are where propagation may come from.
_REACH_FRAMES = 250


@dataclass(frozen=True, slots=True, eq=False)
class TrackSnapshot:
    """shown: frame -> person as the view has it. predicted: frame -> what the model said, where somebody changed it."""

    track_id: int
    shown: Mapping[int, Person]
    predicted: Mapping[int, Person]


def snapshot(document: Document, track_id: int, first: int, last: int) -> TrackSnapshot:
    """What propagation to the frames `first` to `last` (included) may want to know of a track."""
    frames = set(range(max(0, first - _AROUND_FRAMES), min(document.n_frames, last + _AROUND_FRAMES + 1)))
    for start, end in document.annotated_spans(track_id):
        frames.update(range(max(start, first - _REACH_FRAMES), min(end, last + _REACH_FRAMES) + 1))
    predicted, annotated = (document.persons_of(track_id, sorted(frames), layer) for layer in Layer)
    shown = dict(sorted({**predicted, **annotated}.items()))
    return TrackSnapshot(track_id, shown, {frame: predicted[frame] for frame in predicted.keys() & annotated.keys()})
