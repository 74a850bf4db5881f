"""Operations on whole tracks, thought through before they are done: what they reach, and the lanes afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.project import edits
from app.project.document import Document
from app.project.wide_edits import WideEdit
from app.ui.timeline.preview import LanePreview
from app.ui.timeline.span_sets import Spans, common, count, union, within, without


class Operation(StrEnum):
    """What happens to a track."""

    SWAP = "swap"  #: it exchanges its persons with another
    MERGE = "merge"  #: it takes over those of another, where it has none itself
    SPLIT = "split"  #: its persons from a frame on become a new track
    REASSIGN = "reassign"  #: its persons go to another; where that one is too, the two exchange
    DELETE = "delete"  #: its persons go


#: Operations that need a second track.
WITH_OTHER = frozenset({Operation.SWAP, Operation.MERGE, Operation.REASSIGN})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackOperation:
    """`kind` on track `track_id` (and `other_id`) over frames `first` to `last`, both included."""

    kind: Operation
    track_id: int
    other_id: int | None = None
    first: int
    last: int


def preview(document: Document, operation: TrackOperation) -> LanePreview:
    """What the lanes of the touched tracks are afterwards."""
    first, last = operation.first, operation.last
    own = document.spans(operation.track_id)
    moving = within(own, first, last)
    staying = without(own, first, last)
    other_id = _other_id(document, operation)
    other = document.spans(other_id) if other_id in document.tracks() else []
    coming = within(other, first, last)
    after: dict[int, Spans] = {}
    match operation.kind:
        case Operation.SWAP:
            after = {
                operation.track_id: union(staying, coming),
                other_id: union(without(other, first, last), moving),
            }
        case Operation.MERGE:
            after = {
                operation.track_id: union(own, coming),
                other_id: union(without(other, first, last), common(coming, own)),
            }
        case Operation.SPLIT | Operation.REASSIGN:
            after = {operation.track_id: union(staying, common(moving, other)), other_id: union(other, moving)}
        case Operation.DELETE:
            after = {operation.track_id: staying}
    return LanePreview(first, last, after)


def describe(document: Document, operation: TrackOperation) -> str:
    """What will happen, with count and range, for people."""
    tracks, first, last = document.tracks(), operation.first, operation.last
    name = tracks[operation.track_id].name
    own = within(document.spans(operation.track_id), first, last)
    if operation.kind in WITH_OTHER and operation.other_id is None:
        return "Choose the other track."
    other_name = "" if operation.other_id is None else tracks[operation.other_id].name
    other = [] if operation.other_id is None else within(document.spans(operation.other_id), first, last)
    both = count(common(own, other))
    match operation.kind:
        case Operation.SWAP:
            text = f"{name} and {other_name} swap on {_frames(union(own, other))}: 2 tracks."
            return f"{text} Both are there on {both} of them." if both else text
        case Operation.MERGE:
            text = f"{name} takes over {_frames(without_all(other, own))} of {other_name}: 2 tracks."
            return f"{text} On {both} more both are there; these stay as they are." if both else text
        case Operation.SPLIT:
            become = "becomes" if count(own) == 1 else "become"
            return f"{_frames(own, start=True)} of {name} {become} a new track: 1 track."
        case Operation.REASSIGN:
            go = "goes" if count(own) == 1 else "go"
            text = f"{_frames(own, start=True)} of {name} {go} to {other_name}: 2 tracks."
            return f"{text} Both are there on {both} of them and swap." if both else text
        case Operation.DELETE:
            whole = count(own) == count(document.spans(operation.track_id))
            text = f"{name} is deleted on {_frames(own)}: 1 track."
            return f"{text} Nobody is left of it: the track goes too." if whole and own else text


def problem(document: Document, operation: TrackOperation) -> str | None:
    """Why the operation cannot be done; None if it can."""
    tracks = document.tracks()
    if operation.kind in WITH_OTHER:
        if operation.other_id is None:
            return "Choose the other track."
        if operation.other_id == operation.track_id:
            return "Choose two different tracks."
    for track_id in (operation.track_id, operation.other_id):
        if track_id is not None and tracks[track_id].locked:
            return f"{tracks[track_id].name} is locked: unlock it first."
    own, first, last = document.spans(operation.track_id), operation.first, operation.last
    reached = within(own, first, last)
    if operation.kind is Operation.SPLIT and reached == own:
        return f"Nothing would be left of {tracks[operation.track_id].name}: split at a later frame."
    if operation.other_id is not None and operation.kind is Operation.SWAP:
        reached = union(reached, within(document.spans(operation.other_id), first, last))
    if operation.other_id is not None and operation.kind is Operation.MERGE:
        reached = without_all(within(document.spans(operation.other_id), first, last), own)
    return None if reached else "Nobody is there on these frames."


def build(document: Document, operation: TrackOperation) -> WideEdit:
    """The edit that does it."""
    track_id, first, last = operation.track_id, operation.first, operation.last
    if operation.kind is Operation.SPLIT:
        return edits.splitting(document, track_id, first)
    if operation.kind is Operation.DELETE:
        return edits.deleting(document, track_id, first, last)
    other_id = operation.other_id
    if other_id is None:
        raise ValueError(f"{operation.kind} needs two tracks")
    if operation.kind is Operation.SWAP:
        return edits.swapping(document, track_id, other_id, first, last)
    if operation.kind is Operation.MERGE:
        return edits.merging(document, track_id, other_id, first, last)
    return edits.reassigning(document, track_id, other_id, first, last)


def without_all(spans: Spans, taken: Spans) -> Spans:
    """`spans` less all frames of `taken`."""
    for first, last in taken:
        spans = without(spans, first, last)
    return spans


def _other_id(document: Document, operation: TrackOperation) -> int:
    if operation.kind is Operation.SPLIT or operation.other_id is None:
        return document.next_free_track_id()
    return operation.other_id


def _frames(spans: Spans, *, start: bool = False) -> str:
    number = count(spans)
    if number == 0:
        return "No frame" if start else "no frame"
    where = f"{spans[0][0]}" if number == 1 else f"{spans[0][0]} to {spans[-1][1]}"
    return f"{number} {'frame' if number == 1 else 'frames'} ({where})"
