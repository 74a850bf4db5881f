"""Edits of identities and of whole frames, over a range of frames (first and last included).

They change both layers, so that what was predicted stays with whom it was predicted for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from app.project.document import Document
from app.project.new_tracks import new_track
from app.project.pose_edits import deleted
from app.project.records import (
    Change,
    Edit,
    Layer,
    NoteChange,
    Person,
    PersonChange,
    Track,
    TrackChange,
    VerifiedChange,
)
from app.project.wide_edits import WideEdit


@dataclass(frozen=True, slots=True)
class Scope:
    """How far an edit reaches. overlapping: frames where both of two tracks are."""

    n_frames: int
    n_tracks: int
    overlapping: int = 0


def scope(document: Document, track_ids: Iterable[int], first: int, last: int) -> Scope:
    """What an edit of these tracks on frames `first` to `last` will touch, before it is made."""
    frames: set[int] = set()
    total, tracks = 0, 0
    for track_id in track_ids:
        of_track = set(frames_of(document, track_id, first, last))
        frames |= of_track
        total += len(of_track)
        tracks += bool(of_track)
    return Scope(len(frames), tracks, total - len(frames))


def frames_of(document: Document, track_id: int, first: int, last: int) -> Iterator[int]:
    """The frames of `first` to `last` where the track is, ascending."""
    for start, end in document.spans(track_id):
        yield from range(max(start, first), min(end, last) + 1)


def swapping(document: Document, a: int, b: int, first: int, last: int) -> WideEdit:
    """The persons of two tracks exchange their identities."""
    changes = _exchange(document, a, b, first, last)
    return _wide(document, "Swap tracks", (a, b), first, last, changes)


def swap_tracks(document: Document, a: int, b: int, first: int, last: int) -> Edit:
    """`swapping`, at once."""
    return swapping(document, a, b, first, last).at_once()


def reassigning(document: Document, track_id: int, to: int | None, first: int, last: int) -> WideEdit:
    """The persons of a track belong to track `to` (None: to a new one); where that one is too, the two exchange."""
    made: tuple[Change, ...] = ()
    if to is None:
        track = new_track(document)
        to, made = track.track_id, (TrackChange(None, track),)
    changes = _exchange(document, track_id, to, first, last, only_where=track_id)
    return _wide(document, "Reassign track", (track_id,), first, last, changes, made=made)


def reassign(document: Document, track_id: int, to: int | None, first: int, last: int) -> Edit:
    """`reassigning`, at once."""
    return reassigning(document, track_id, to, first, last).at_once()


def splitting(document: Document, track_id: int, frame: int) -> WideEdit:
    """From `frame` on, the persons of the track belong to a new one."""
    return replace(reassigning(document, track_id, None, frame, document.n_frames - 1), label="Split track")


def split_track(document: Document, track_id: int, frame: int) -> Edit:
    """`splitting`, at once."""
    return splitting(document, track_id, frame).at_once()


def merging(document: Document, into: int, track_id: int, first: int, last: int) -> WideEdit:
    """The persons of `track_id` belong to `into`, except where that one is too: there both stay as they are."""
    taken = set(frames_of(document, into, first, last))
    frames = (frame for frame in frames_of(document, track_id, first, last) if frame not in taken)
    changes = (change for frame in frames for change in _exchange_on(document, track_id, into, frame))
    return _wide(document, "Merge tracks", (track_id,), first, last, changes)


def merge_tracks(document: Document, into: int, track_id: int, first: int, last: int) -> Edit:
    """`merging`, at once."""
    return merging(document, into, track_id, first, last).at_once()


def deleting(document: Document, track_id: int, first: int, last: int) -> WideEdit:
    """The persons of a track go, annotations and predictions; the track too if nobody is left."""
    frames = frames_of(document, track_id, first, last)
    changes = (change for frame in frames for change in deleted(document, frame, track_id))
    return _wide(document, "Delete track", (track_id,), first, last, changes)


def delete_track(document: Document, track_id: int, first: int, last: int) -> Edit:
    """`deleting`, at once."""
    return deleting(document, track_id, first, last).at_once()


def set_track(document: Document, track: Track, *, label: str = "Change track") -> Edit:
    """Name, colour, visibility and lock of a track become those of `track`."""
    return Edit(label, (TrackChange(document.tracks()[track.track_id], track),))


def rename_track(document: Document, track_id: int, name: str) -> Edit:
    return set_track(document, replace(document.tracks()[track_id], name=name), label="Rename track")


def set_track_colour(document: Document, track_id: int, colour: str) -> Edit:
    """colour: `#rrggbb`."""
    return set_track(document, replace(document.tracks()[track_id], colour=colour), label="Colour track")


def set_track_visible(document: Document, track_id: int, visible: bool) -> Edit:
    track = replace(document.tracks()[track_id], visible=visible)
    return set_track(document, track, label="Show track" if visible else "Hide track")


def set_track_locked(document: Document, track_id: int, locked: bool) -> Edit:
    track = replace(document.tracks()[track_id], locked=locked)
    return set_track(document, track, label="Lock track" if locked else "Unlock track")


def verifying(document: Document, frames: Sequence[int], verified: bool) -> WideEdit:
    """Frames are right as they are, or are not said to be any more."""
    changes = (
        VerifiedChange(frame, not verified, verified) for frame in frames if document.is_verified(frame) != verified
    )
    return WideEdit("Mark verified" if verified else "Mark not verified", changes, len(frames))


def set_verified(document: Document, frames: Iterable[int], verified: bool) -> Edit:
    """`verifying`, at once."""
    return verifying(document, list(frames), verified).at_once()


def _wide(
    document: Document,
    label: str,
    track_ids: tuple[int, ...],
    first: int,
    last: int,
    changes: Iterator[PersonChange] | Iterator[PersonChange | NoteChange],
    *,
    made: tuple[Change, ...] = (),
) -> WideEdit:
    """These changes, and the end of those of the tracks that nobody belongs to after them."""

    def all_changes() -> Iterator[Change]:
        yield from made
        left = {track_id: document.n_persons(track_id) for track_id in track_ids}
        for change in changes:
            if isinstance(change, PersonChange) and change.track_id in left:
                left[change.track_id] += (change.after is not None) - (change.before is not None)
            yield change
        for track_id, n_persons in left.items():
            if not n_persons:
                yield TrackChange(document.tracks()[track_id], None)

    reached = (run for track_id in track_ids for run in document.spans(track_id))
    n_persons = sum(max(0, min(end, last) - max(start, first) + 1) for start, end in reached)
    return WideEdit(label, all_changes(), 2 * n_persons)


def _exchange(
    document: Document, a: int, b: int, first: int, last: int, *, only_where: int | None = None
) -> Iterator[PersonChange]:
    tracks = (a, b) if only_where is None else (only_where,)
    frames = {frame for track_id in tracks for frame in frames_of(document, track_id, first, last)}
    for frame in sorted(frames):
        yield from _exchange_on(document, a, b, frame)


def _exchange_on(document: Document, a: int, b: int, frame: int) -> Iterator[PersonChange]:
    for layer in Layer:
        of_a, of_b = document.person(frame, a, layer), document.person(frame, b, layer)
        if of_a is not of_b:
            yield from _changed(layer, frame, a, of_a, of_b)
            yield from _changed(layer, frame, b, of_b, of_a)


def _changed(
    layer: Layer, frame: int, track_id: int, before: Person | None, after: Person | None
) -> Iterator[PersonChange]:
    if before is not None or after is not None:
        yield PersonChange(layer, frame, track_id, before, after)
