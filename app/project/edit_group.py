"""A step of the history that grows while the results of a run stream in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from app.project.records import Change, PersonChange, TrackChange


class EditGroup:
    """A growing step of the history: one undo takes back all of it. Made by `Document.group`.

    What others change meanwhile is theirs: `apply` leaves out the frames that they touched, the persons of tracks that
    they made or removed, and changes of tracks that they changed, so that steps can be undone in their order.
    """

    def __init__(
        self,
        number: int,
        *,
        grow: Callable[[EditGroup, Sequence[Change]], None],
        end: Callable[[EditGroup], None],
    ) -> None:
        #: The step's number in the history.
        self.number = number
        #: How often it grew.
        self.n_parts = 0
        #: True once the step was undone; what still comes is thrown away.
        self.cancelled = False
        self._grow = grow
        self._end = end
        self._closed = False
        self._foreign_frames: set[int] = set()
        self._foreign_tracks: set[int] = set()
        self._foreign_names: set[int] = set()  # of tracks whose name, colour or switches are somebody else's now

    def apply(self, changes: Iterable[Change]) -> frozenset[int]:
        """Add changes; returns the frames that were left out because they were edited meanwhile.

        Raises as `Document.apply` does; nothing is thrown where the group was cancelled, and nothing done.
        """
        if self._closed:
            raise ValueError("the group is closed")
        if self.cancelled:
            return frozenset()
        kept: list[Change] = []
        skipped: set[int] = set()
        for change in changes:
            if isinstance(change, TrackChange):
                track = change.before or change.after
                if track is not None and track.track_id not in self._foreign_names:
                    kept.append(change)
            elif not self.may_use_frame(change.frame):
                skipped.add(change.frame)
            elif not isinstance(change, PersonChange) or self.may_use_track(change.track_id):
                kept.append(change)
        if kept:
            self._grow(self, kept)
        return frozenset(skipped)

    def may_use_track(self, track_id: int) -> bool:
        """False for a track that somebody else made or removed since the group was opened."""
        return track_id not in self._foreign_tracks

    def may_use_frame(self, frame: int) -> bool:
        """False for a frame that somebody else changed since the group was opened."""
        return frame not in self._foreign_frames

    def note(self, frames: Iterable[int], *, tracks: Iterable[int], come_or_gone: Iterable[int]) -> None:
        """Somebody else changed these frames and tracks, and made or removed some of the tracks."""
        self._foreign_frames.update(frames)
        self._foreign_names.update(tracks)
        self._foreign_tracks.update(come_or_gone)

    def close(self) -> None:
        """The run is over; what it did stays as one step. A step without changes leaves no trace."""
        if not self._closed and not self.cancelled:
            self._end(self)
        self._closed = True
