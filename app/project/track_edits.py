"""Edits of identities and of whole frames, over a range of frames (first and last included).

They change both layers, so that what was predicted stays with whom it was predicted for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from app.project.document import Document
from app.project.new_tracks import new_track
from app.project.records import Change, Edit, Layer, Person, PersonChange, Track, TrackChange, VerifiedChange


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


def swap_tracks(document: Document, a: int, b: int, first: int, last: int) -> Edit:
    """The persons of two tracks exchange their identities."""
    changes = tuple(_exchange(document, a, b, first, last))
    return Edit("Swap tracks", (*changes, *_emptied(document, (a, b), changes)))


def reassign(document: Document, track_id: int, to: int | None, first: int, last: int) -> Edit:
    """The persons of a track belong to track `to` (None: to a new one); where that one is too, the two exchange."""
    made: tuple[Change, ...] = ()
    if to is None:
        track = new_track(document)
        to, made = track.track_id, (TrackChange(None, track),)
    changes = tuple(_exchange(document, track_id, to, first, last, only_where=track_id))
    return Edit("Reassign track", (*made, *changes, *_emptied(document, (track_id,), changes)))


def split_track(document: Document, track_id: int, frame: int) -> Edit:
    """From `frame` on, the persons of the track belong to a new one."""
    return replace(reassign(document, track_id, None, frame, document.n_frames - 1), label="Split track")


def merge_tracks(document: Document, into: int, track_id: int, first: int, last: int) -> Edit:
    """The persons of `track_id` belong to `into`, except where that one is too: there both stay as they are."""
    taken = set(frames_of(document, into, first, last))
    frames = [frame for frame in frames_of(document, track_id, first, last) if frame not in taken]
    changes = tuple(change for frame in frames for change in _exchange_on(document, track_id, into, frame))
    return Edit("Merge tracks", (*changes, *_emptied(document, (track_id,), changes)))


def delete_track(document: Document, track_id: int, first: int, last: int) -> Edit:
    """The persons of a track go, annotations and predictions; the track too if nobody is left."""
    changes = tuple(
        PersonChange(layer, frame, track_id, person, None)
        for frame in frames_of(document, track_id, first, last)
        for layer in Layer
        if (person := document.person(frame, track_id, layer)) is not None
    )
    return Edit("Delete track", (*changes, *_emptied(document, (track_id,), changes)))


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


def set_verified(document: Document, frames: Iterable[int], verified: bool) -> Edit:
    """Frames are right as they are, or are not said to be any more."""
    changes = tuple(
        VerifiedChange(frame, not verified, verified) for frame in frames if document.is_verified(frame) != verified
    )
    return Edit("Mark verified" if verified else "Mark not verified", changes)


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


def _emptied(document: Document, track_ids: Iterable[int], changes: Iterable[PersonChange]) -> Iterator[TrackChange]:
    """The end of tracks that nobody belongs to after `changes`."""
    left = {track_id: document.n_persons(track_id) for track_id in track_ids}
    for change in changes:
        if change.track_id in left:
            left[change.track_id] += (change.after is not None) - (change.before is not None)
    for track_id, n_persons in left.items():
        if not n_persons:
            yield TrackChange(document.tracks()[track_id], None)
