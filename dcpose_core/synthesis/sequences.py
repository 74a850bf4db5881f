"""Whole synthetic videos with known truth: tracks of several persons, and what the backbone would say about each.

For benchmarks of everything that works on tracks: how much a person has to correct, how identities survive a crossing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dcpose_core.geometry import crop_affine
from dcpose_core.models.description import CropSpec
from dcpose_core.synthesis.conditions import DEGRADATION_SHARES, states_of
from dcpose_core.synthesis.heatmaps import HeatmapSampler
from dcpose_core.synthesis.motion import Motion
from dcpose_core.synthesis.scenes import draw_scene
from dcpose_core.types import FloatArray, read_only


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticSequence:
    """P persons in F frames.

    joints_px: float64 `[F, P, 17, 2]`, truth, image pixels. hidden: bool `[F, P, 17]`, behind a body.
    boxes_xyxy: `[F, P, 4]`, in the engine's convention. matrices: `[F, P, 2, 3]`, image pixels -> pixels of the crops.
    heatmaps: float16 `[F, P, 17, 96, 72]`, each in the crop of its own box. times_s: `[F]`. width_px, height_px: of the
    picture. spoiled: (degradation, first frame, frame after the last).
    """

    joints_px: FloatArray
    hidden: NDArray[np.bool_]
    boxes_xyxy: FloatArray
    matrices: FloatArray
    heatmaps: torch.Tensor
    times_s: FloatArray
    width_px: int
    height_px: int
    spoiled: tuple[tuple[str, int, int], ...]


def synthetic_sequence(
    motions: Sequence[Motion],
    sampler: HeatmapSampler,
    *,
    crop: CropSpec,
    n_frames: int,
    n_persons: int,
    rng: np.random.Generator,
    rate_hz: float = 30.0,
    spoiled_share: float = 0.35,
) -> SyntheticSequence:
    """A video of persons who cross each other; about `spoiled_share` of its frames are spoiled, a few at a time.

    Takes 0.5 MB a person and frame. Raises `ValueError` for less than one frame or person.
    """
    if n_frames < 1 or n_persons < 1:
        raise ValueError(f"a sequence needs frames and persons, not {n_frames} and {n_persons}")
    times_s = np.arange(n_frames) / rate_hz
    long = [motion for motion in motions if motion.duration_s >= times_s[-1]] or list(motions)
    scene = draw_scene(long, times_s, rng, key=n_frames // 2, n_persons=n_persons, whole=True)
    corner = scene.image_xyxy[:2]
    spoiled = _draw_episodes(n_frames, spoiled_share, rng)
    frames = np.arange(n_frames)
    states = states_of(
        scene, sampler.levels, [(kind, (frames >= first) & (frames < stop)) for kind, first, stop in spoiled], rng
    )
    boxes = np.array([[scene.box(frame, person) for person in range(n_persons)] for frame in range(n_frames)])
    matrices = np.array(
        [
            [
                crop_affine(box, width_px=crop.width_px, height_px=crop.height_px, enlargement=crop.enlargement)
                for box in of_frame
            ]
            for of_frame in boxes
        ]
    )
    heatmaps = [
        sampler.draw(scene, matrices[:, person], states, rng, person=person).half() for person in range(n_persons)
    ]
    # The picture's corner is its origin: crops take x to A (x + corner) + b.
    shifted = matrices.copy()
    shifted[..., 2] += (matrices[..., :2] @ corner[:, None])[..., 0]
    width, height = np.ceil(scene.image_xyxy[2:] - corner).astype(int).tolist()
    return SyntheticSequence(
        joints_px=read_only(scene.joints_px - corner, np.float64, (None, None, 17, 2), "joints_px"),
        hidden=scene.hidden,
        boxes_xyxy=boxes - np.tile(corner, 2),
        matrices=shifted,
        heatmaps=torch.stack(heatmaps, dim=1),
        times_s=times_s,
        width_px=width,
        height_px=height,
        spoiled=spoiled,
    )


def _draw_episodes(n_frames: int, share: float, rng: np.random.Generator) -> tuple[tuple[str, int, int], ...]:
    """(degradation, first frame, frame after the last): one to a dozen frames each."""
    episodes: list[tuple[str, int, int]] = []
    wanted, shares = share * n_frames, list(DEGRADATION_SHARES.values())
    while wanted >= 1:
        length = min(1 + int(rng.geometric(0.3)), 12, n_frames)
        first = int(rng.integers(n_frames - length + 1))
        episodes.append((str(rng.choice(list(DEGRADATION_SHARES), p=shares)), first, first + length))
        wanted -= length
    return tuple(episodes)
