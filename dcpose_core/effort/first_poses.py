"""What the model says before anybody corrects it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from dcpose_core.effort.desk import Poses
from dcpose_core.effort.footage import BenchFootage
from dcpose_core.effort.truth import Visit, visits_of
from dcpose_core.effort.worlds import World
from dcpose_core.estimation import Estimates, PoseEstimator, WindowEvidence
from dcpose_core.neighbours import choose_neighbours
from dcpose_core.propagation.proposals import JOINTS, TrackPose
from dcpose_core.types import FloatArray

#: A window of evidence takes 4 MB.
_AT_A_TIME = 32


class FirstPoses(NamedTuple):
    """refinement_px: `[17]` by visit, how far refining moved the joints; empty of the single frame."""

    poses: Poses
    refinement_px: Mapping[Visit, FloatArray]


def single_frame_poses(world: World, estimator: PoseEstimator) -> FirstPoses:
    """The backbone's own poses in persons' own boxes."""

    def estimate(visits: Sequence[Visit]) -> Estimates:
        boxes = (world.truth[visit.track_id][visit.frame].box_xyxy for visit in visits)
        evidence = [world.footage.evidence(visit.frame, box) for visit, box in zip(visits, boxes, strict=True)]
        return estimator.estimate_single(evidence)

    return _poses(world, estimate)


def refined_poses(world: World, estimator: PoseEstimator) -> FirstPoses:
    """Poses refined with the frames before and after, in `shared` mode: everybody in the own box of each frame."""

    def estimate(visits: Sequence[Visit]) -> Estimates:
        return world.footage.estimate([_window(world, visit, estimator.border_margin) for visit in visits])

    return _poses(world, estimate)


def _window(world: World, visit: Visit, border_margin: int) -> WindowEvidence:
    footage: BenchFootage = world.footage
    frames: Collection[int] = footage.frames
    around = choose_neighbours(
        visit.frame, footage.n_frames, interval=1, border_margin=border_margin, available=frames.__contains__
    )
    track = world.truth[visit.track_id]
    key_box = track[visit.frame].box_xyxy
    current, previous, following = (
        footage.evidence(frame, track[frame].box_xyxy if frame in track else key_box)
        for frame in (visit.frame, around.previous, around.next)
    )
    return WindowEvidence(current, previous, following, (around.margin_left, around.margin_right))


def _poses(world: World, estimate: Callable[[Sequence[Visit]], Estimates]) -> FirstPoses:
    poses: dict[int, dict[int, TrackPose]] = {}
    nothing = np.zeros(JOINTS, np.bool_)
    refinement_px: dict[Visit, FloatArray] = {}
    visits = list(visits_of(world.truth))
    for start in range(0, len(visits), _AT_A_TIME):
        part = visits[start : start + _AT_A_TIME]
        found = estimate(part)
        if found.refinement_px is not None:
            refinement_px.update(zip(part, found.refinement_px, strict=True))
        for visit, keypoints, scores in zip(part, found.keypoints, found.scores, strict=True):
            box = world.truth[visit.track_id][visit.frame].box_xyxy
            located = scores > 0
            predicted = np.where(located[:, None], keypoints, np.nan)
            pose = TrackPose(keypoints, np.clip(scores, 0.0, 1.0), located, nothing, box, predicted)
            poses.setdefault(visit.track_id, {})[visit.frame] = pose
    return FirstPoses(poses, refinement_px)
