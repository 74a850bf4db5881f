"""Virtual cameras, standing and moving, that look at a synthetic person.

World: metres, y is up. Image: pixels, x to the right, y down; the principal point is (0, 0), since only what lies in a
person's crop matters and crops are cut relative to persons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from dcpose_core.types import FloatArray

#: Nothing nearer to the camera is drawn where it is: it stays at this depth.
_NEAREST_M = 0.3
#: Height of an adult in the picture; crops are scaled, so it only sets the unit of the pixel.
_ADULT_PX_M = 400.0 / 1.7
_UP = np.array([0.0, 1.0, 0.0])


class Projection(NamedTuple):
    """points_px: `[F, ..., 2]`, image pixels. depth_m: `[F, ...]`, along the line of sight."""

    points_px: FloatArray
    depth_m: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class CameraPath:
    """A camera in F frames. position_m: `[F, 3]`. axes: `[F, 3, 3]`, rows right, down, ahead."""

    position_m: FloatArray
    axes: FloatArray
    focal_px: float

    def project(self, points_m: FloatArray) -> Projection:
        """Points `[F, ..., 3]` of the world in the pictures of their frames."""
        frames = len(self.position_m)
        flat = points_m.reshape(frames, -1, 3) - self.position_m[:, None]
        seen = (flat @ self.axes.swapaxes(1, 2)).reshape(points_m.shape)
        depth = np.maximum(seen[..., 2], _NEAREST_M)
        return Projection(self.focal_px * seen[..., :2] / depth[..., None], depth)


def look_at(position_m: FloatArray, aim_m: FloatArray) -> FloatArray:
    """Axes `[F, 3, 3]` of cameras at `position_m` that look at `aim_m`, both `[F, 3]`, with a level horizon."""
    ahead = aim_m - position_m
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    right = np.cross(ahead, _UP)
    right /= np.maximum(np.linalg.norm(right, axis=1, keepdims=True), 1e-9)
    return np.stack([right, np.cross(ahead, right), ahead], axis=1)


def draw_camera(
    target_m: FloatArray, times_s: FloatArray, rng: np.random.Generator, *, key: int, steady: bool = False
) -> CameraPath:
    """A camera that sees a person who is at `target_m` `[F, 3]` (about the hips) at `times_s` `[F]`.

    From 2.5 to 15 m away, most at about the height of a standing photographer, some from high above or rolled. Four in
    ten stand still; the others follow the person more or less, turn, walk or are held in a shaking hand.
    key: frame in which the person is in the middle of the picture, or near it. steady: the camera stands still.
    """
    distance = float(np.exp(rng.uniform(np.log(2.5), np.log(15.0))))
    azimuth = rng.uniform(0, 2 * np.pi)
    elevation = np.radians(np.clip(rng.normal(8.0, 14.0), -15.0, 65.0))
    away = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(elevation), np.sin(azimuth) * np.cos(elevation)])
    times = (times_s - times_s[key])[:, None]
    moves = rng.random() < 0.6 and not steady
    follow = rng.uniform(0.6, 1.1) if moves and rng.random() < 0.6 else 0.0
    walk = rng.normal(scale=0.7, size=3) * [1.0, 0.2, 1.0] if moves and rng.random() < 0.5 else np.zeros(3)
    position = target_m[key] + distance * away + walk * times
    aim = target_m[key] + follow * (target_m - target_m[key])
    axes = look_at(position, aim)

    turn = rng.normal(scale=(8.0, 15.0), size=2) if moves and rng.random() < 0.4 else np.zeros(2)  # degrees a second
    shake = rng.uniform(0.0, 0.35) if moves and rng.random() < 0.5 else 0.0
    angles = times * turn + rng.normal(scale=1.0, size=(len(times), 2)) * shake
    roll = rng.uniform(-60.0, 60.0) if rng.random() < 0.06 else rng.normal(scale=4.0)
    rolls = np.full((len(times), 1), roll) + rng.normal(size=(len(times), 1)) * shake
    own = Rotation.from_euler("xyz", np.concatenate([angles, rolls], axis=1), degrees=True).as_matrix()
    return CameraPath(position, own @ axes, _ADULT_PX_M * distance)
