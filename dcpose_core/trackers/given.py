"""Identities that come with the boxes, from an annotation file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from dcpose_core.errors import FormatError
from dcpose_core.trackers.motion_oks import MotionOksTracker
from dcpose_core.types import Detection, TrackedBox


class GivenTracks:
    """Keeps every box and every given `track_id` as they are; boxes without one are tracked under new ids.

    reserved_ids: ids that later frames will give, so that no new id is one of them. Without them a new id that turns
    out to be given later is left to its owner, and the other person goes on under another.
    """

    def __init__(self, *, reserved_ids: Iterable[int] = ()) -> None:
        self._given = set(reserved_ids)
        self._new_ids: dict[int, int] = {}  # id of the tracker of the nameless -> id given out
        self._next_id = 0
        # Nothing that a file lists is doubted, thrown away or taken for a duplicate.
        self._nameless = MotionOksTracker(
            confident_score=-math.inf, faint_score=-math.inf, confirming_hits=1, duplicate_iou=1.0, birth_iou=1.0
        )

    def update(self, frame_index: int, time_s: float, detections: Sequence[Detection]) -> list[TrackedBox]:
        """See `Tracker.update`. Raises `FormatError` where one frame gives an id to two boxes."""
        boxes = [
            TrackedBox(detection.track_id, detection.box_xyxy, detection.score)
            for detection in detections
            if detection.track_id is not None
        ]
        given = {box.track_id for box in boxes}
        if len(given) < len(boxes):
            ids = sorted(box.track_id for box in boxes)
            twice = next(a for a, b in pairwise(ids) if a == b)
            raise FormatError(f"frame {frame_index}: track id {twice} is given to two boxes; ids must differ")
        self._given |= given
        nameless = [detection for detection in detections if detection.track_id is None]
        tracked = self._nameless.update(frame_index, time_s, nameless)
        boxes += [replace(box, track_id=self._new_id(box.track_id)) for box in tracked]
        return sorted(boxes, key=lambda box: box.track_id)

    def expected(self, time_s: float) -> list[TrackedBox]:
        """Nobody: whoever is not in the file was left out by intent."""
        del time_s
        return []

    def _new_id(self, nameless_id: int) -> int:
        known = self._new_ids.get(nameless_id)
        if known is not None and known not in self._given:
            return known
        while self._next_id in self._given:
            self._next_id += 1
        new_id = self._new_ids[nameless_id] = self._next_id
        self._next_id += 1
        return new_id
