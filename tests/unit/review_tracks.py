"""Hand-made tracks for tests of the review: somebody who walks past, and what can be wrong with that."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dcpose_core.review.source import BoolArray, PoseRows
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray

#: Head length of the person below.
HEAD_PX = 40.0
SIZE_PX = (1600, 900)
JOINT = POSETRACK_17.index

# Of a person who stands upright, seen from the front; in head lengths from mid-hip, y down.
_STANDING = {
    "nose": (0.0, -2.75),
    "head_bottom": (0.0, -2.4),
    "head_top": (0.0, -3.4),
    "left_ear": (0.3, -2.85),
    "right_ear": (-0.3, -2.85),
    "left_shoulder": (0.75, -2.1),
    "right_shoulder": (-0.75, -2.1),
    "left_elbow": (1.0, -0.9),
    "right_elbow": (-1.0, -0.9),
    "left_wrist": (1.1, 0.2),
    "right_wrist": (-1.1, 0.2),
    "left_hip": (0.45, 0.0),
    "right_hip": (-0.45, 0.0),
    "left_knee": (0.5, 1.7),
    "right_knee": (-0.5, 1.7),
    "left_ankle": (0.5, 3.3),
    "right_ankle": (-0.5, 3.3),
}
_BODY_PX = HEAD_PX * np.array([_STANDING[joint] for joint in POSETRACK_17.joints])


def walker(n_frames: int, *, start: tuple[float, float] = (300.0, 450.0), rate_hz: float = 30.0) -> FloatArray:
    """Keypoints `[n_frames, 17, 2]` of somebody who crosses the picture and swings arms and legs."""
    time_s = np.arange(n_frames) / rate_hz
    points: FloatArray = np.tile(_BODY_PX, (n_frames, 1, 1)) + np.array(start)
    points[:, :, 0] += 60.0 * time_s[:, None]
    for joint, (swing_px, phase) in {
        "wrist": (25.0, 0.0),
        "elbow": (10.0, 0.0),
        "ankle": (20.0, np.pi),
        "knee": (10.0, np.pi),
    }.items():
        for side, sign in (("left", 1), ("right", -1)):
            points[:, JOINT(f"{side}_{joint}"), 0] += sign * swing_px * np.sin(2 * np.pi * 0.9 * time_s + phase)
    return points


@dataclass(eq=False)
class Scene:
    """A `ReviewSource` of whole arrays that tests change as they like. keypoints: `[F, P, 17, 2]`."""

    keypoints: FloatArray
    rate_hz: float = 30.0
    size_px: tuple[int, int] | None = SIZE_PX
    scores: FloatArray = field(init=False)
    refinement_px: FloatArray = field(init=False)
    boxes_xyxy: FloatArray = field(init=False)
    present: BoolArray = field(init=False)
    located: BoolArray = field(init=False)
    human: BoolArray = field(init=False)
    is_verified: BoolArray = field(init=False)
    is_examined: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        shape = self.keypoints.shape[:3]
        self.scores, self.refinement_px = np.full(shape, 0.97), np.zeros(shape)
        low, high = self.keypoints.min(axis=2), self.keypoints.max(axis=2)
        self.boxes_xyxy = np.concatenate([low - 40, high + 40], axis=-1)
        self.present, self.located = np.ones(shape[:2], np.bool_), np.ones(shape, np.bool_)
        self.human = np.zeros(shape, np.bool_)
        self.is_verified, self.is_examined = np.zeros(shape[0], np.bool_), np.ones(shape[0], np.bool_)

    @property
    def times_s(self) -> FloatArray:
        return np.arange(len(self.keypoints)) / self.rate_hz

    def rows(self, first: int, stop: int) -> PoseRows:
        frame, person = np.nonzero(self.present[first:stop])
        at = (frame + first, person)
        return PoseRows(
            frames=at[0],
            track_ids=person,
            keypoints=self.keypoints[at],
            located=self.located[at],
            human=self.human[at],
            scores=self.scores[at],
            refinement_px=self.refinement_px[at],
            boxes_xyxy=self.boxes_xyxy[at],
        )

    def verified(self, first: int, stop: int) -> BoolArray:
        return self.is_verified[first:stop]

    def examined(self, first: int, stop: int) -> BoolArray:
        return self.is_examined[first:stop]


def one_walker(n_frames: int = 40) -> Scene:
    return Scene(walker(n_frames)[:, None])


def two_walkers(n_frames: int = 40, *, apart_px: float = 400.0) -> Scene:
    """The second one `apart_px` to the right of the first."""
    return Scene(np.stack([walker(n_frames), walker(n_frames, start=(300.0 + apart_px, 450.0))], axis=1))
