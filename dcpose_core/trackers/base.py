"""What every tracker offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dcpose_core.types import Detection, TrackedBox


class Tracker(Protocol):
    """Gives the persons of a video their identities, frame after frame.

    The state is plain data (it can be pickled), and the same detections always give the same identities, in whatever
    order each frame lists them.
    """

    def update(self, frame_index: int, time_s: float, detections: Sequence[Detection]) -> list[TrackedBox]:
        """The persons of the next frame, by track id; each is one of `detections`, with its box as it is.

        To be called for every frame in order, also for one without detections. A track may still be unconfirmed;
        `bridge_tracks` then decides. Raises `ValueError` when `frame_index` does not grow.
        """
        ...

    def expected(self, time_s: float) -> list[TrackedBox]:
        """Where the known persons should be at `time_s`, after the last frame updated; changes nothing."""
        ...
