"""What happens to the frames of a scene: which joints are in which of the states that the levels know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.synthesis.levels import BESIDE, CLEAN, COVERED, JOINTS, HeatmapLevels
from dcpose_core.synthesis.scenes import Scene
from dcpose_core.types import FloatArray, IntArray

#: A degradation of its own: a thing in front of the person, which makes the states `covered` and `beside`.
OCCLUDER = "occluder"
#: How often what spoils a frame is which; as the first study of the temporal head mixed them.
DEGRADATION_SHARES: Mapping[str, float] = {
    "motion_blur": 0.26,
    OCCLUDER: 0.36,
    "defocus": 0.10,
    "jpeg": 0.07,
    "low_light": 0.07,
    "low_resolution": 0.06,
    "pasted_parts": 0.08,
}
_TORSO = [POSETRACK_17.index(f"{side}_{joint}") for joint in ("shoulder", "hip") for side in ("left", "right")]


@dataclass(frozen=True, slots=True)
class Mixture:
    """How often which of three frames are spoiled.

    key: the key frame is. neighbour: one neighbour is, by something of its own. everywhere: of spoiled key frames,
    those whose neighbours suffer the same; lasting: the same of those behind an occluder.
    """

    key: float = 0.65
    neighbour: float = 0.2
    everywhere: float = 0.12
    lasting: float = 0.4


def draw_states(
    scene: Scene, levels: HeatmapLevels, rng: np.random.Generator, *, key: int = 1, mixture: Mixture | None = None
) -> IntArray:
    """The number of the state, int64 `[F, P, 15]`, of every joint with a map of its own, in a scene of three frames.

    Joints behind someone's body are covered whatever happens to the frame.
    """
    mixture = mixture or Mixture()
    frames = len(scene.times_s)
    spoiled: list[tuple[str, NDArray[np.bool_]]] = []
    if rng.random() < mixture.key:
        kind = _draw_kind(rng)
        lasts = rng.random() < (mixture.lasting if kind == OCCLUDER else mixture.everywhere)
        spoiled.append((kind, (np.arange(frames) == key) | lasts))
    if rng.random() < mixture.neighbour:
        neighbour = int(rng.choice([frame for frame in range(frames) if frame != key]))
        spoiled.append((_draw_kind(rng), np.arange(frames) == neighbour))
    return states_of(scene, levels, spoiled, rng)


def states_of(
    scene: Scene,
    levels: HeatmapLevels,
    spoiled: list[tuple[str, NDArray[np.bool_]]],
    rng: np.random.Generator,
) -> IntArray:
    """States as of `draw_states`. spoiled: (degradation, bool `[F]`: the frames that it spoils); the last one wins."""
    number = {state: at for at, state in enumerate(levels.states)}
    states = np.full((*scene.depth_m.shape[:2], len(JOINTS)), number[CLEAN])
    for kind, when in spoiled:
        if kind == OCCLUDER:
            behind = _behind_occluder(scene, rng)[:, :, JOINTS]
            near = behind.any(axis=2, keepdims=True)
            affected = np.where(behind, number[COVERED], np.where(near, number[BESIDE], states))
            states[when] = affected[when]
        else:
            states[when] = number[kind]
    return np.where(scene.hidden[:, :, JOINTS], number[COVERED], states)


def _draw_kind(rng: np.random.Generator) -> str:
    return str(rng.choice(list(DEGRADATION_SHARES), p=list(DEGRADATION_SHARES.values())))


def _behind_occluder(scene: Scene, rng: np.random.Generator) -> NDArray[np.bool_]:
    """bool `[F, P, 17]`: joints behind an ellipse over a joint or the trunk of person 0, standing still or moving."""
    frame = len(scene.times_s) // 2
    joints = scene.joints_px[frame, 0]
    size = float(np.max(np.ptp(joints, axis=0)))
    middle = joints[_TORSO].mean(axis=0) if rng.random() < 0.35 else joints[rng.integers(len(joints))]
    velocity = np.zeros(2) if rng.random() < 0.6 else rng.normal(scale=0.8, size=2) * size  # per second
    times = (scene.times_s - scene.times_s[frame])[:, None]
    middles = middle + rng.normal(scale=0.03, size=2) * size + velocity * times  # [F, 2]
    half = rng.uniform(0.07, 0.2, size=2) * size
    angle = rng.uniform(0.0, np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    away: FloatArray = (scene.joints_px - middles[:, None, None]) @ turn / half
    return np.asarray(np.square(away).sum(axis=-1) < 1.0)
