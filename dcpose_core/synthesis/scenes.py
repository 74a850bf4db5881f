"""Synthetic scenes: persons who move, pass in front of each other and are filmed, as joints in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dcpose_core.boxes import POSETRACK_ENLARGEMENT, scale_box
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.synthesis.body import Proportions, with_proportions
from dcpose_core.synthesis.cameras import draw_camera
from dcpose_core.synthesis.motion import Motion
from dcpose_core.types import FloatArray

_INDEX = POSETRACK_17.index
_HIPS = [_INDEX("left_hip"), _INDEX("right_hip")]
#: How many persons are in the picture.
_CROWD = (0.5, 0.27, 0.15, 0.08)

# What hides things: (joint, joint, radius in metres), limbs and trunk as capsules.
_CAPSULES = tuple(
    (_INDEX(a), _INDEX(b), radius)
    for a, b, radius in (
        *((f"{side}_shoulder", f"{side}_elbow", 0.05) for side in ("left", "right")),
        *((f"{side}_elbow", f"{side}_wrist", 0.04) for side in ("left", "right")),
        *((f"{side}_hip", f"{side}_knee", 0.08) for side in ("left", "right")),
        *((f"{side}_knee", f"{side}_ankle", 0.055) for side in ("left", "right")),
        *((f"{side}_shoulder", f"{side}_hip", 0.09) for side in ("left", "right")),
        ("left_shoulder", "right_hip", 0.09),
        ("right_shoulder", "left_hip", 0.09),
        ("head_bottom", "head_top", 0.10),
    )
)
_STARTS = np.array([a for a, _, _ in _CAPSULES])
_ENDS = np.array([b for _, b, _ in _CAPSULES])
_RADII_M = np.array([radius for _, _, radius in _CAPSULES])
#: What hides a joint is nearer to the camera by this.
_IN_FRONT_M = 0.13


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """P persons in F frames; person 0 is whom it is about.

    joints_px: float64 `[F, P, 17, 2]`, image pixels. depth_m: `[F, P, 17]`. hidden: bool `[F, P, 17]`, behind a body.
    times_s: `[F]`, of the video. image_xyxy: `[4]`, what the picture shows; joints may lie outside.
    """

    joints_px: FloatArray
    depth_m: FloatArray
    hidden: NDArray[np.bool_]
    times_s: FloatArray
    image_xyxy: FloatArray

    @property
    def in_image(self) -> NDArray[np.bool_]:
        """bool `[F, P, 17]`: joints that the picture shows, hidden ones too."""
        low, high = self.image_xyxy[:2], self.image_xyxy[2:]
        return np.asarray(((self.joints_px >= low) & (self.joints_px <= high)).all(axis=-1))

    def box(self, frame: int, person: int) -> FloatArray | None:
        """The box `[4]` in the engine's convention, of the joints in the picture; None where there are fewer than 4."""
        points = self.joints_px[frame, person][self.in_image[frame, person]]
        if len(points) < 4:
            return None
        return scale_box(np.concatenate([points.min(axis=0), points.max(axis=0)]), POSETRACK_ENLARGEMENT)


def draw_scene(
    motions: Sequence[Motion],
    times_s: FloatArray,
    rng: np.random.Generator,
    *,
    key: int,
    n_persons: int | None = None,
    whole: bool = False,
) -> Scene:
    """A scene that is filmed at `times_s` `[F]`, seconds of the video; `key` is the frame to make it around.

    Persons do what one of `motions` does, somewhere in it, at 0.1 to 2 times its speed, with their own proportions, as
    they are or mirrored. Others than the first are around it, so that some pass in front of it or behind. One scene in
    seven shows only a part of the first person, unless `whole` asks for a steady picture of all.
    """
    if n_persons is None:
        n_persons = 1 + int(rng.choice(len(_CROWD), p=_CROWD))
    video_s = times_s - times_s[key]
    speed = _draw_speed(rng)
    bodies = np.stack([_draw_person(motions, video_s * speed, rng, key=key) for _ in range(n_persons)], axis=1)
    camera = draw_camera(bodies[:, 0, _HIPS].mean(axis=1), times_s, rng, key=key, steady=whole)
    for person in range(1, n_persons):
        # Beside, before or behind the first, as the camera sees it; some rush past.
        aside = rng.normal(scale=0.55) + video_s * rng.normal(scale=1.2 * abs(speed))
        ahead = rng.choice([-1.0, 1.0]) * rng.uniform(0.25, 2.0)
        # Nobody fills the picture.
        ahead = max(ahead, -0.4 * float(np.linalg.norm(camera.position_m[key])))
        right, forward = camera.axes[key, 0] * [1, 0, 1], camera.axes[key, 2] * [1, 0, 1]
        bodies[:, person] += (aside[:, None] * right + ahead * forward)[:, None]
    joints_px, depth_m = camera.project(bodies)
    hidden = hidden_by_bodies(joints_px, depth_m, focal_px=camera.focal_px)
    picture = _around(joints_px.reshape(-1, 2), 0.05) if whole else _draw_picture(joints_px[key, 0], rng)
    return Scene(joints_px, depth_m, hidden, times_s, picture)


def _draw_speed(rng: np.random.Generator) -> float:
    """Slow motion, as it was, or hurried, since captured motions are mostly calm; half the time backwards."""
    slowest, fastest = ((0.1, 0.4), (0.75, 1.2), (1.2, 2.0))[int(rng.choice(3, p=(0.12, 0.48, 0.4)))]
    return float(rng.choice([-1.0, 1.0]) * rng.uniform(slowest, fastest))


def _draw_person(motions: Sequence[Motion], motion_s: FloatArray, rng: np.random.Generator, *, key: int) -> FloatArray:
    """Joints `[F, 17, 3]` of someone who is at the origin in the key frame, turned and built at random."""
    shares = np.sqrt([motion.duration_s for motion in motions])
    motion = motions[int(rng.choice(len(motions), p=shares / shares.sum()))]
    # Where the motion is too short, all of it is used, and the person stands still before or after.
    low, high = -motion_s.min(), motion.duration_s - motion_s.max()
    at_key = rng.uniform(low, high) if high > low else motion.duration_s / 2
    body = with_proportions(motion.at(at_key + motion_s), Proportions.draw(rng))
    if rng.random() < 0.5:
        body = body[:, POSETRACK_17.flip_order] * [-1.0, 1.0, 1.0]
    turn = rng.uniform(0, 2 * np.pi)
    cos, sin = np.cos(turn), np.sin(turn)
    body -= body[key, _HIPS].mean(axis=0) * [1.0, 0.0, 1.0]
    return np.asarray(body @ np.array([[cos, 0.0, -sin], [0.0, 1.0, 0.0], [sin, 0.0, cos]]))


def _around(points: FloatArray, margin: float) -> FloatArray:
    """A rectangle `xyxy` around points `[N, 2]`, with a margin of a share of its longer side."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = margin * np.max(high - low)
    return np.concatenate([low - room, high + room])


def _draw_picture(joints_px: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The edges `xyxy` of the picture: far away, or one of them through the person `[17, 2]`."""
    low, high = joints_px.min(axis=0), joints_px.max(axis=0)
    size = float(np.max(high - low))
    picture = np.concatenate([low - rng.uniform(0.3, 3.0, size=2) * size, high + rng.uniform(0.3, 3.0, size=2) * size])
    if rng.random() < 1 / 7:
        edge = int(rng.choice(4, p=(0.15, 0.15, 0.15, 0.55)))  # most people are cut off at the bottom
        share = rng.uniform(0.1, 0.5)
        inward = np.concatenate([high - low, low - high])[edge]
        picture[edge] = np.concatenate([low, high])[edge] + share * inward
    return picture


def hidden_by_bodies(joints_px: FloatArray, depth_m: FloatArray, *, focal_px: float) -> NDArray[np.bool_]:
    """bool `[F, P, 17]`: joints behind a limb, trunk or head, someone else's or the person's own.

    joints_px, depth_m: `[F, P, 17, 2]` and `[F, P, 17]`. Bodies are capsules around their limbs.
    """
    frames, persons = joints_px.shape[:2]
    start = joints_px[:, :, _STARTS].reshape(frames, 1, -1, 2)  # [F, 1, P x capsules, 2]
    along = joints_px[:, :, _ENDS].reshape(frames, 1, -1, 2) - start
    start_depth = depth_m[:, :, _STARTS].reshape(frames, 1, -1)
    along_depth = depth_m[:, :, _ENDS].reshape(frames, 1, -1) - start_depth
    points = joints_px.reshape(frames, -1, 1, 2)  # [F, P x 17, 1, 2]
    share = ((points - start) * along).sum(axis=-1) / np.maximum(np.square(along).sum(axis=-1), 1e-9)
    share = np.clip(share, 0.0, 1.0)  # [F, P x 17, P x capsules]
    depth = start_depth + share * along_depth
    distance = np.linalg.norm(points - start - share[..., None] * along, axis=-1)
    radius = np.tile(_RADII_M, persons) * focal_px / depth
    in_front = depth < depth_m.reshape(frames, -1, 1) - _IN_FRONT_M
    return np.asarray(((distance < radius) & in_front).any(axis=2).reshape(depth_m.shape))
