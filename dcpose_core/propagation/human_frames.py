"""The human frames around a target, joint by joint, and how large the person is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from dcpose_core.boxes import POSETRACK_ENLARGEMENT
from dcpose_core.head_sizes import HEAD_SIZE_OF_LENGTH, head_size_of
from dcpose_core.propagation.proposals import JOINTS, PersonTrack, TrackPose
from dcpose_core.types import IntArray, PersonPose, Visibility

#: A human frame farther away than this says nothing about a target.
REACH_FRAMES = 250
#: Stands for "no such frame".
NOWHERE = -1

#: Frames on either side whose poses tell the head length: one may show the head from above, or have it wrong.
_SIZE_FRAMES = 5
#: Head length over the longer side of the joints' extent; the median of standing and walking people.
_HEAD_LENGTH_OF_EXTENT = 0.14

#: Every frame asks for the lengths around it, and each takes longer than all the rest of an interpolation.
_known_lengths_px: WeakKeyDictionary[TrackPose, float | None] = WeakKeyDictionary()


class HumanFrames:
    """The frames of a track on which a person set joints, as far as they matter to `targets`.

    For each joint the nearest human frame on either side counts. Where that says "absent", nothing is known from that
    side: whatever was farther away has ended there.
    """

    def __init__(self, track: PersonTrack, targets: Sequence[int]) -> None:
        self._track = track
        self._frames: list[IntArray] = [np.zeros(0, np.int64)] * JOINTS
        if targets:
            span = range(min(targets) - REACH_FRAMES, max(targets) + REACH_FRAMES + 1)
            frames = [frame for frame in span if frame in track.poses and track.poses[frame].human.any()]
            human = np.array([track.poses[frame].human for frame in frames], np.bool_).reshape(-1, JOINTS)
            self._frames = [np.array(frames, np.int64)[human[:, joint]] for joint in range(JOINTS)]

    def before(self, target: int, joint: int, count: int = 1) -> list[int]:
        """Up to `count` human frames of `joint` before `target`, nearest first, up to one that says "absent"."""
        frames = self._frames[joint]
        end = int(np.searchsorted(frames, target, side="left"))
        return self._located(frames[max(0, end - count) : end][::-1].tolist(), joint)

    def after(self, target: int, joint: int, count: int = 1) -> list[int]:
        """As `before`, on the other side."""
        frames = self._frames[joint]
        start = int(np.searchsorted(frames, target, side="right"))
        return self._located(frames[start : start + count].tolist(), joint)

    def nearest(self, target: int, joints: NDArray[np.bool_]) -> tuple[IntArray, IntArray]:
        """Nearest human frame before and after `target`, int64 `[17]` each, `NOWHERE` where there is none."""
        sides = []
        for look in (self.before, self.after):
            found = [look(target, joint) if joints[joint] else [] for joint in range(JOINTS)]
            sides.append(np.array([frames[0] if frames else NOWHERE for frames in found], np.int64))
        return sides[0], sides[1]

    def _located(self, frames: list[int], joint: int) -> list[int]:
        found = []
        for frame in frames:
            if not self._track.poses[frame].located[joint]:
                break
            found.append(frame)
        return found


def open_joints(track: PersonTrack, frame: int, joints: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """bool `[17]`: those of `joints` that no person has decided on `frame`."""
    pose = track.poses.get(frame)
    return joints.copy() if pose is None else joints & ~pose.human


def head_length_px(track: PersonTrack, frame: int) -> float | None:
    """The person's head length about `frame` in image pixels, the median over the frames near it.

    Where the track has none of these, that of the nearest one in reach; None if unknown.
    """
    near = range(frame - _SIZE_FRAMES, frame + _SIZE_FRAMES + 1)
    if lengths := _lengths_px(track, near):
        return float(np.median(lengths))
    for distance in range(_SIZE_FRAMES + 1, REACH_FRAMES):
        if lengths := _lengths_px(track, (frame - distance, frame + distance)):
            return float(np.mean(lengths))
    return None


def _lengths_px(track: PersonTrack, frames: Iterable[int]) -> list[float]:
    poses = (track.poses[frame] for frame in frames if frame in track.poses)
    return [length for pose in poses if (length := _head_length_px(pose)) is not None]


def _head_length_px(pose: TrackPose) -> float | None:
    if pose not in _known_lengths_px:
        _known_lengths_px[pose] = _measured_head_length_px(pose)
    return _known_lengths_px[pose]


def _measured_head_length_px(pose: TrackPose) -> float | None:
    visibility = np.where(pose.located, Visibility.VISIBLE, Visibility.ABSENT).astype(np.uint8)
    size = head_size_of(PersonPose(pose.keypoints, visibility))
    if size is not None:
        return size[0] / HEAD_SIZE_OF_LENGTH
    if pose.box_xyxy is None:
        return None
    extent_px = float(np.max(pose.box_xyxy[2:] - pose.box_xyxy[:2])) / POSETRACK_ENLARGEMENT
    return _HEAD_LENGTH_OF_EXTENT * extent_px if extent_px > 0 else None
