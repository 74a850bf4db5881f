"""Decoders left standing on the way through long groups of pictures, so that a jump need not begin at the key frame.

A picture in the middle of a group is reached by decoding from the key frame on, all but what no other picture is built
on: in 1080p a group of 250 frames takes most of a second of computing. A decoder cannot be started, or copied, in
between either. But it can be left standing there, in time that nobody waits for, and go on when somebody jumps to what
comes behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from av.video.frame import VideoFrame

from dcpose_core.video.exact_pictures import ExactPictures
from dcpose_core.video.frame_index import FrameIndex

#: In each of so many groups of pictures that were looked at last ...
_GROUPS = 2
#: ... there are so many places where a decoder should stand, ...
_PLACES = 2
#: ... unless they would be closer to each other than so many frames.
_MIN_STEP = 12
#: What all of them may hold, and what one holds: about this many pictures (1080p H.264: 35 MB with 2 threads).
_BUDGET_BYTES = 170 << 20
_PICTURES_HELD = 11
_THREADS = 2


@dataclass(slots=True, eq=False)
class _Waypoint:
    """A decoder that was sent to frame `place` in the group of key frame `key`. has_left: it was used since."""

    pictures: ExactPictures
    key: int
    place: int
    has_left: bool = False


class Waypoints:
    """The pictures of one video file as `ExactPictures` gives them, from whichever decoder is the closest before.

    There is only one decoder until `prepare` is called. In a file with damage there is never more than one, since it
    learns on its way what may be shown.
    """

    def __init__(self, path: Path, index: FrameIndex) -> None:
        self._index = index
        self._first = ExactPictures(path, index)
        self._current = self._first
        self._waypoints: list[_Waypoint] = []  # the one that was sent or used last at the end
        self._recent_keys: list[int] = []  # the newest first
        bytes_each = max(1, index.width_px * index.height_px * 3 // 2 * _PICTURES_HELD)
        self._limit = min(_GROUPS * _PLACES + 1, _BUDGET_BYTES // bytes_each)  # one more: where the user is

    @property
    def first(self) -> ExactPictures:
        """The decoder that knows what is damaged."""
        return self._first

    def close(self) -> None:
        self._close_waypoints()
        self._first.close()

    def get(self, index: int) -> VideoFrame | None:
        """See `ExactPictures.get`."""
        pictures = self._choose(index)
        picture = pictures.get(index)
        if pictures.met_damage and pictures is not self._first:
            self._stay_alone()
            picture = self._first.get(index)
        return picture

    def approach(self, index: int) -> Iterator[None]:
        """See `ExactPictures.approach`."""
        return self._choose(index).approach(index)

    def prepare(self, index: int) -> Iterator[None]:
        """Send decoders to the places in the group of frame `index` where they are missing, one picture a step; for
        time that nobody waits for. It may be given up between two steps, and asked for again later."""
        if self._first.is_damaged(index):
            return
        key = self._note(index)
        while not self._first.met_damage:
            place = self._worst_place(key)
            waypoint = None if place is None else self._spare(key, place)
            if place is None or waypoint is None:
                return
            waypoint.key, waypoint.place, waypoint.has_left = key, place, False
            yield from waypoint.pictures.approach(place)
            if waypoint.pictures.met_damage:
                break
        self._stay_alone()

    def _choose(self, index: int) -> ExactPictures:
        """The decoder that has the least to do for frame `index`; the user is with it from then on."""
        if not self._waypoints or self._first.is_damaged(index):
            return self._first
        key = self._note(index)
        least, chosen = self._way_of_first(index, key), None
        for waypoint in self._waypoints:
            packets = waypoint.pictures.packets_before(index) if waypoint.key == key else None
            if packets is not None and packets < least:
                least, chosen = packets, waypoint
        if chosen is None:
            self._current = self._first
        else:
            chosen.has_left = True
            self._waypoints.remove(chosen)
            self._waypoints.append(chosen)
            self._current = chosen.pictures
        return self._current

    def _note(self, index: int) -> int:
        """The key frame of a frame, which is a recent one from now on."""
        key = int(self._index.frame_key[index])
        if key not in self._recent_keys[:1]:
            self._recent_keys = [key, *(other for other in self._recent_keys if other != key)][:_GROUPS]
        return key

    def _way_of_first(self, index: int, key: int) -> int:
        """How many packets the first decoder has to decode for a frame in the group of a key frame."""
        from_key = int(self._index.frame_packet[index] - self._index.key_packet[key])
        packets = self._first.packets_before(index)
        return from_key if packets is None else min(packets, from_key)

    def _worst_place(self, key: int) -> int | None:
        """The place in a group that is the farthest from every decoder before it; None if all are near enough."""
        begin = int(self._index.key_first_frame[key])
        end = int(self._index.key_first_frame[key + 1]) if key + 1 < len(self._index.key_packet) else len(self._index)
        n_places = max(0, min(_PLACES, self._limit, (end - begin) // _MIN_STEP - 1))
        step = (end - begin) // (n_places + 1)
        way = {place: self._way_to(place, key) for place in (begin + step * (i + 1) for i in range(n_places))}
        worst = max(way, key=way.__getitem__, default=None)
        return None if worst is None or way[worst] <= step // 2 else worst

    def _way_to(self, place: int, key: int) -> int:
        standing = [w.pictures.packets_before(place) for w in self._waypoints if w.key == key]
        return min([self._way_of_first(place, key), *(packets for packets in standing if packets is not None)])

    def _spare(self, key: int, place: int) -> _Waypoint | None:
        """A decoder that may be sent there: the one on its way, or a new one, or the one that is missed the least."""
        for waypoint in self._waypoints:
            if (waypoint.key, waypoint.place, waypoint.has_left) == (key, place, False):
                return waypoint
        if len(self._waypoints) < self._limit:
            waypoint = _Waypoint(self._first.another(max_threads=_THREADS), key, place)
        else:
            free = [w for w in self._waypoints if w.pictures is not self._current and (w.has_left or w.key != key)]
            if not free:
                return None
            waypoint = min(free, key=lambda w: w.key in self._recent_keys and not w.has_left)
            self._waypoints.remove(waypoint)
        self._waypoints.append(waypoint)
        return waypoint

    def _stay_alone(self) -> None:
        """There is damage: only the first decoder is to be asked, now and later."""
        self._limit = 0
        self._close_waypoints()

    def _close_waypoints(self) -> None:
        for waypoint in self._waypoints:
            waypoint.pictures.close()
        self._waypoints.clear()
        self._current = self._first
