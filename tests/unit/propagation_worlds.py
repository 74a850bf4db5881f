"""A made-up person for what carries labels: where every joint is, and what a backbone would say, right or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from dcpose_core.boxes import POSETRACK_ENLARGEMENT, scale_box
from dcpose_core.estimation import Estimates, Evidence, WindowEvidence
from dcpose_core.geometry import crop_affine, transform_points
from dcpose_core.models.backbones.base import JOINTS
from dcpose_core.propagation.proposals import PersonTrack, TrackPose
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.training.settings import SubcellTargets
from dcpose_core.training.targets import draw_targets
from dcpose_core.types import FloatArray, ImageArray

WRIST, OTHER_WRIST = POSETRACK_17.index("left_wrist"), POSETRACK_17.index("right_wrist")
_CROP = (288, 384)
#: A standing person, 100 px tall, as shares of that; `POSETRACK_17` order.
_STANDING = 100 * np.array(
    [
        (0.50, 0.08), (0.50, 0.16), (0.50, 0.0), (0.54, 0.07), (0.46, 0.07), (0.62, 0.20), (0.38, 0.20), (0.68, 0.36),
        (0.32, 0.36), (0.72, 0.50), (0.28, 0.50), (0.58, 0.53), (0.42, 0.53), (0.59, 0.76), (0.41, 0.76), (0.60, 1.0),
        (0.40, 1.0),
    ]
)  # fmt: skip


class WalkingPerson:
    """Someone who crosses the picture and swings the arms; a `Footage`.

    mistaken: joints that the backbone sees mainly somewhere else, on all frames; joint -> the joint whose place it is.
    """

    def __init__(self, n_frames: int = 30, *, mistaken: Mapping[int, int] | None = None) -> None:
        times = np.arange(n_frames)[:, None]
        self.joints = np.repeat(_STANDING[None], n_frames, axis=0) + 300.0
        self.joints[..., 0] += 1.5 * times
        self.joints[:, [WRIST, OTHER_WRIST], 0] += 8 * np.sin(times / 4) * [1, -1]
        self.mistaken = dict(mistaken or {})
        self.backbone: str | None = None
        self.looked_at: list[int] = []

    @property
    def n_frames(self) -> int:
        return len(self.joints)

    def image(self, frame: int) -> ImageArray:
        raise AssertionError("heatmaps are all that labels need")

    def estimate(self, windows: Sequence[WindowEvidence]) -> Estimates:
        raise AssertionError("heatmaps are all that labels need")

    def evidence(self, frame: int, box_xyxy: FloatArray) -> Evidence:
        """Peaks 0.7 high at the joints; of a mistaken one 0.3, and 0.7 at the wrong place."""
        self.looked_at.append(frame)
        width, height = _CROP
        matrix = crop_affine(box_xyxy, width_px=width, height_px=height, enlargement=1.09)
        points = torch.from_numpy(transform_points(self.joints[frame], matrix))
        right, _ = draw_targets(
            points[None], torch.ones(1, JOINTS), SubcellTargets(sigma=1.4), height=height // 4, width=width // 4
        )
        maps = 0.7 * right[0]
        for joint, place in self.mistaken.items():
            maps[joint] = torch.maximum(0.3 * right[0, joint], 0.7 * right[0, place])
        return Evidence(maps, None, matrix, self.backbone)

    def box(self, frame: int) -> FloatArray:
        joints = self.joints[frame]
        return scale_box(np.concatenate([joints.min(axis=0), joints.max(axis=0)]), POSETRACK_ENLARGEMENT)

    def track(
        self, human: Mapping[int, Sequence[int]], *, absent: Sequence[int] = (), without: Sequence[int] = ()
    ) -> PersonTrack:
        """The track as the model has it, with joints that a person set: frame -> joints.

        absent: human joints that are set as absent. without: frames that the track lacks.
        """
        poses = {}
        for frame in range(self.n_frames):
            if frame in without:
                continue
            said, located = self.joints[frame].copy(), np.ones(JOINTS, np.bool_)
            by_human = _mask(human.get(frame, ()))
            for joint, place in self.mistaken.items():
                said[joint] = self.joints[frame, place]
            keypoints = np.where(by_human[:, None], self.joints[frame], said)
            if by_human.any():
                located[list(absent)] = False
            poses[frame] = TrackPose(keypoints, np.full(JOINTS, 0.8), located, by_human, self.box(frame), said)
        return PersonTrack(1, poses)


def only(*joints: int) -> NDArray[np.bool_]:
    return _mask(joints)


def _mask(joints: Sequence[int]) -> NDArray[np.bool_]:
    mask = np.zeros(JOINTS, np.bool_)
    mask[list(joints)] = True
    return mask
