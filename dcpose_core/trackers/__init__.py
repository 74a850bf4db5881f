"""Trackers: from the detections of each frame to persons with an identity.

A new tracker is one module and one line in `TRACKERS`; `bridge_tracks` comes after any of them.
"""

from __future__ import annotations

from collections.abc import Callable

from dcpose_core.trackers.base import Tracker
from dcpose_core.trackers.bridging import FrameBoxes, bridge_tracks, smooth_boxes
from dcpose_core.trackers.given import GivenTracks
from dcpose_core.trackers.motion_oks import MotionOksTracker

#: Name -> a tracker for one video, fresh.
TRACKERS: dict[str, Callable[[], Tracker]] = {
    "motion_oks": MotionOksTracker,
    "given": GivenTracks,
}

__all__ = [
    "TRACKERS",
    "FrameBoxes",
    "GivenTracks",
    "MotionOksTracker",
    "Tracker",
    "bridge_tracks",
    "smooth_boxes",
]
