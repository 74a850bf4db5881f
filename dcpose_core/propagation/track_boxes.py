"""Where to look for a person on frames on which nobody was detected, or on which the box misses a corrected joint."""

from __future__ import annotations

import numpy as np

from dcpose_core.boxes import POSETRACK_ENLARGEMENT, scale_box
from dcpose_core.propagation.proposals import PersonTrack, TrackPose
from dcpose_core.types import FloatArray

#: A box farther away than this says nothing about a frame.
_REACH_FRAMES = 30
#: Beyond its last box a track moves on as it did over so many frames.
_SPEED_FRAMES = 5
#: Any crop shows so much of a box.
_CROP_OF_BOX = 1.05


def box_at(track: PersonTrack, frame: int, *, containing: FloatArray) -> FloatArray:
    """The person's box on `frame`, image pixels: its own; without one the nearest, moved on as the track moved.

    containing: points `[K, 2]` that have to be in it: a box that would miss one grows. A person whose joints were
    corrected may reach out of the box that a detector drew around the wrong ones.
    """
    box = _own_box(track.poses.get(frame))
    if box is None:
        box = _moved_box(track, frame)
    if box is None:
        box = _box_around(containing)
    low, high, seen = containing.min(axis=0), containing.max(axis=0), scale_box(box, _CROP_OF_BOX)
    if (low >= seen[:2]).all() and (high <= seen[2:]).all():
        return box
    return np.concatenate([np.minimum(box[:2], low), np.maximum(box[2:], high)])


def _own_box(pose: TrackPose | None) -> FloatArray | None:
    if pose is None:
        return None
    if pose.box_xyxy is not None:
        return pose.box_xyxy
    return _box_around(pose.keypoints[pose.located]) if pose.located.sum() > 1 else None


def _box_around(points: FloatArray) -> FloatArray:
    low, high = points.min(axis=0), points.max(axis=0)
    return scale_box(np.concatenate([low, np.maximum(high, low + 1.0)]), POSETRACK_ENLARGEMENT)


def _moved_box(track: PersonTrack, frame: int) -> FloatArray | None:
    """Between the boxes on either side; beyond the last one, that moved on as it moved before."""
    boxed = [at for at, pose in track.poses.items() if abs(at - frame) <= _REACH_FRAMES and _own_box(pose) is not None]
    if not boxed:
        return None
    before, after = [at for at in boxed if at < frame], [at for at in boxed if at > frame]
    if before and after:
        ends = (max(before), min(after))
    else:
        side = before or after
        nearest = max(side) if before else min(side)
        near = [at for at in side if 0 < abs(at - nearest) <= _SPEED_FRAMES]
        ends = (nearest, min(near, key=lambda at: -abs(at - nearest))) if near else (nearest, nearest)
    first, second = (_own_box(track.poses[at]) for at in ends)
    assert first is not None
    assert second is not None
    if ends[0] == ends[1]:
        return first
    share = (frame - ends[0]) / (ends[1] - ends[0])
    if before and after:
        return np.asarray((1 - share) * first + share * second)
    # Only the place goes on changing; a size that did would soon be none.
    moved = ((second[:2] + second[2:]) - (first[:2] + first[2:])) / 2 * share
    return np.asarray(first + np.tile(moved, 2))
