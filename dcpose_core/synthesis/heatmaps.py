"""Heatmaps as the embedded backbone would make them, of joints whose place is known.

They are made in the backbone's own way: a raw map per joint, with peaks at that joint of everyone in the crop and where
it is mistaken, times 1.8 / (d + 1.8), d the distance in cells to where the regression has the joint of the person in
the middle of the crop. So everything that follows from this comes by itself: peaks are lower where the regression is
off, the other person's joints shine through when two are close, and when another one passes through the middle of the
crop the heatmaps become theirs. How high, how wide and how far off, `levels` says.

Frame of reference: cells of the heatmap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtr

from dcpose_core.geometry import transform_points
from dcpose_core.head_joints import HEAD_JOINTS
from dcpose_core.heatmaps import CELL_PX
from dcpose_core.models.backbones.movenet import HALF_WEIGHT_CELLS, PEAK_SHIFT_CELLS, PEAK_SIGMA_CELLS
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.synthesis.latents import Latents
from dcpose_core.synthesis.levels import (
    AWAY_CELLS,
    GROUP_OF,
    GROUPS,
    JOINTS,
    LINKED,
    OPPOSITE,
    PEAK_TRAITS,
    STATE_TRAITS,
    TRAITS,
    HeatmapLevels,
    height_class,
)
from dcpose_core.synthesis.scenes import Scene
from dcpose_core.types import FloatArray, IntArray

#: Size of the heatmaps, cells.
WIDTH, HEIGHT = 72, 96

_HEAD_JOINTS = np.array([POSETRACK_17.index(joint) for joint in HEAD_JOINTS])
_HEAD_SHARES = np.array(list(HEAD_JOINTS.values()))  # [2, (mid-shoulder, mid-ear)]
_SHOULDERS, _EARS, _TORSO = (
    np.searchsorted(JOINTS, [POSETRACK_17.index(f"{side}_{joint}") for joint in joints for side in ("left", "right")])
    for joints in (("shoulder",), ("ear",), ("shoulder", "hip"))
)
_HEIGHT, _RIVAL, _STRAY, _GROUND, _ERROR, _WIDTH, _ASPECT, _REACH = range(len(TRAITS))
#: Quantiles are looked up in this many even steps.
_STEPS = 256
#: Half side of the patch that a peak is drawn in and the largest sigma there, cells.
_PATCH = 7
_WIDEST = 3.2
#: Peaks that would be lower than this in the heatmaps are not drawn.
_LEAST = 0.003
#: Joints that a limb connects with each of the 15, two of them, or itself.
_LINKED = np.array([(linked * 2)[:2] or (joint, joint) for joint, linked in enumerate(LINKED)])
#: What is left of a joint that the picture does not show.
_OUT_OF_PICTURE = 0.08


def _upsampling(size: int, coarse: int) -> NDArray[np.float32]:
    """Linear interpolation as a matrix float32 `[size, coarse]`."""
    at = np.linspace(0, coarse - 1, size)
    return np.asarray(np.clip(1 - np.abs(at[:, None] - np.arange(coarse)), 0, None), dtype=np.float32)


# Whatever is wide is made on a grid of 25 x 19, its texture on one of 9 x 7.
_GRID = (25, 19)
_ROWS, _COLUMNS = _upsampling(HEIGHT, _GRID[0]), _upsampling(WIDTH, _GRID[1])
_TEXTURE_ROWS, _TEXTURE_COLUMNS = _upsampling(_GRID[0], 9), _upsampling(_GRID[1], 7)
_GRID_X = np.linspace(0, WIDTH - 1, _GRID[1], dtype=np.float32)
_GRID_Y = np.linspace(0, HEIGHT - 1, _GRID[0], dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """Gaussians to draw, `[..., F, P, 15]` each or, chosen from these, `[K]`.

    centre: `[..., 2]`, cells. sigma: `[..., 2]`, cells across and along `angle`, radians. height: 0..1.
    map_index: frame x 15 + joint.
    """

    map_index: IntArray
    centre: FloatArray
    sigma: FloatArray
    angle: FloatArray
    height: FloatArray

    def __getitem__(self, chosen: NDArray[np.bool_]) -> Peaks:
        return Peaks(
            self.map_index[chosen], self.centre[chosen], self.sigma[chosen], self.angle[chosen], self.height[chosen]
        )


class HeatmapSampler:
    """Draws heatmaps of scenes, with the levels that were measured."""

    def __init__(self, levels: HeatmapLevels) -> None:
        self.levels = levels
        self._latents = Latents(levels)
        places = [levels.strays[group] for group in GROUPS]
        self._strays = np.array([[place.regressed, place.linked, place.linked + place.body] for place in places])
        self._strays = self._strays[GROUP_OF]  # [15, 3]
        even = np.linspace(0.0, 1.0, _STEPS)
        self._of_state, self._of_peak = (
            np.apply_along_axis(lambda values: np.interp(even, levels.shares, values), 3, table)
            for table in (levels.state_table, levels.peak_table)
        )

    def state(self, name: str) -> int:
        """The number of a state of joints. Raises `KeyError` for an unknown one."""
        if name not in self.levels.state_names:
            raise KeyError(f"no levels are known of {name!r}; there are {', '.join(self.levels.state_names)}")
        return self.levels.state_names.index(name)

    def draw(
        self, scene: Scene, matrices: FloatArray, states: IntArray, rng: np.random.Generator, *, person: int = 0
    ) -> torch.Tensor:
        """Heatmaps float32 `[F, 17, 96, 72]` of one person of a scene, PoseTrack-17 joints, 0..1.

        matrices: `[F, 2, 3]`, image pixels -> pixels of the crop of that person, 288 x 384.
        states: int `[F, P, 15]`, of every joint that the backbone has a map for.
        """
        order = [person, *(other for other in range(scene.joints_px.shape[1]) if other != person)]
        points = scene.joints_px[:, order][:, :, JOINTS]
        frames = len(points)
        cells = transform_points(points.reshape(frames, -1, 2), matrices).reshape(points.shape) / CELL_PX
        cells -= PEAK_SHIFT_CELLS
        traits = self._traits(states[:, order], scene.times_s, rng)
        seen = np.where(scene.in_image[:, order][:, :, JOINTS], 1.0, _OUT_OF_PICTURE)
        to_peak, to_regressed = self._latents.directions(traits[..., _HEIGHT], scene.times_s, rng)
        traits[..., [_HEIGHT, _RIVAL]] *= seen[..., None]
        own = cells + traits[..., _ERROR, None] * to_peak
        regressed = cells + traits[..., _REACH, None] * to_regressed

        ours = np.arange(frames), _whose_crop(cells, seen)
        peaks = self._peaks(cells, own, regressed, traits, rng)
        is_wide = peaks.sigma.prod(axis=-1) > _WIDEST**2
        to_regressed = np.linalg.norm(peaks.centre - regressed[ours][:, None], axis=-1)
        counts = peaks.height * HALF_WEIGHT_CELLS > _LEAST * (to_regressed + HALF_WEIGHT_CELLS)
        near = ((peaks.centre > -_PATCH) & (peaks.centre < np.array([WIDTH, HEIGHT]) + _PATCH)).all(axis=-1)
        raw = _ground(traits[:, 0, :, _GROUND], peaks, is_wide, rng)
        draw_peaks(raw.reshape(-1, HEIGHT, WIDTH), peaks[counts & near & ~is_wide])
        weighted = raw
        weighted *= _falloff(regressed[ours])
        heatmaps = np.empty((frames, len(POSETRACK_17), HEIGHT, WIDTH), dtype=np.float32)
        heatmaps[:, JOINTS] = weighted
        heatmaps[:, _HEAD_JOINTS] = _head_maps(weighted, own[ours])
        return torch.from_numpy(heatmaps)

    def _traits(self, states: IntArray, times_s: FloatArray, rng: np.random.Generator) -> FloatArray:
        """`[F, P, 15, traits]`."""
        scores = self._latents.scores(states.shape[1], times_s, rng)
        step = np.minimum((ndtr(scores) * _STEPS).astype(np.int64), _STEPS - 1)
        of_state, of_peak = np.split(step, [len(STATE_TRAITS)], axis=-1)
        traits = self._of_state[states[..., None], GROUP_OF[:, None], np.arange(len(STATE_TRAITS)), of_state]
        height = height_class(traits[..., _HEIGHT])
        peak = self._of_peak[GROUP_OF[:, None], height[..., None], np.arange(len(PEAK_TRAITS)), of_peak]
        return np.concatenate([traits, peak], axis=-1)

    def _peaks(
        self,
        cells: FloatArray,
        own: FloatArray,
        regressed: FloatArray,
        traits: FloatArray,
        rng: np.random.Generator,
    ) -> Peaks:
        """Everyone's own peaks, rivals at the joint of the other side, and strays: `[3, F, P, 15]`.

        cells, own, regressed: `[F, P, 15, 2]`, joints, their peaks, and where the regression has them.
        """
        persons, joints = cells.shape[1:3]
        # Where the network is mistaken it stays so: the places are the same in all frames.
        rival_at = cells[:, :, OPPOSITE] + rng.normal(scale=0.7, size=(persons, joints, 2))
        rival = np.where(np.arange(joints) == OPPOSITE, 0.0, traits[..., _RIVAL])
        height = np.stack([traits[..., _HEIGHT], rival, traits[..., _STRAY]])  # [3, F, P, 15]
        centre = np.stack([own, rival_at, self._stray_places(cells, regressed, rng)])
        across = traits[..., _WIDTH] / np.sqrt(traits[..., _ASPECT])
        sigma = np.stack([across, across * traits[..., _ASPECT]], axis=-1)
        angle = rng.uniform(0, np.pi, size=(persons, joints))
        map_index = np.arange(len(cells))[:, None, None] * joints + np.arange(joints)
        shape = height.shape
        return Peaks(
            map_index=np.broadcast_to(map_index, shape),
            centre=centre,
            sigma=np.broadcast_to(sigma, (*shape, 2)),
            angle=np.broadcast_to(angle, shape),
            height=height,
        )

    def _stray_places(self, cells: FloatArray, regressed: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Cells `[F, P, 15, 2]`: where the regression points, at a linked joint, at any joint, or anywhere."""
        persons, joints = cells.shape[1:3]
        to_regressed = rng.random((persons, joints)) < self._strays[:, 0]
        draw = rng.random((persons, joints))
        to_linked, to_joint = draw < self._strays[:, 1], draw < self._strays[:, 2]
        other = rng.integers(joints, size=(persons, joints))
        linked = _LINKED[np.arange(joints), other % _LINKED.shape[1]]
        other = np.where(to_linked, linked, other)
        near = rng.normal(scale=2.0, size=(persons, joints, 2))
        anywhere = rng.uniform(0.0, (WIDTH, HEIGHT), size=(persons, joints, 2))
        at_joint = np.where(to_joint[..., None], cells[:, np.arange(persons)[:, None], other] + near, anywhere)
        # A peak near the joint is no stray.
        to_regressed = to_regressed & (np.linalg.norm(regressed - cells, axis=-1) > AWAY_CELLS)
        return np.where(to_regressed[..., None], regressed + near, at_joint)


def _whose_crop(cells: FloatArray, seen: FloatArray) -> IntArray:
    """The person `[F]` whose trunk is nearest to the middle of the crop: whom the backbone takes for the crop's own."""
    weight = seen[:, :, _TORSO] + 1e-6
    trunk = (cells[:, :, _TORSO] * weight[..., None]).sum(axis=2) / weight.sum(axis=2, keepdims=True)  # [F, P, 2]
    from_middle = np.linalg.norm(trunk - [WIDTH // 2, HEIGHT // 2], axis=-1)
    return np.asarray((weight.mean(axis=2) / (from_middle + HALF_WEIGHT_CELLS)).argmax(axis=1))


def _ground(
    levels: FloatArray, peaks: Peaks, is_wide: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.float32]:
    """What is wide in the raw maps of the first person, float32 `[F, 15, 96, 72]`.

    That is what they have everywhere, about `levels` `[F, 15]`, smooth and uneven, and those of the peaks
    `[3, F, P, 15]` that are wide.
    """
    texture = np.exp(0.8 * rng.standard_normal((levels.shape[1], 9, 7), dtype=np.float32))
    texture = _TEXTURE_ROWS @ texture @ _TEXTURE_COLUMNS.T
    coarse = levels.astype(np.float32)[..., None, None] * texture  # [F, 15, 25, 19]
    height = np.where(is_wide, peaks.height, 0.0)[:, :, 0].astype(np.float32)  # [3, F, 15]
    if height.any():
        centre = peaks.centre[:, :, 0].astype(np.float32)
        sharpness = (-0.5 / peaks.sigma[:, :, 0].prod(axis=-1)).astype(np.float32)[..., None]
        across = height[..., None] * np.exp(sharpness * np.square(_GRID_X - centre[..., :1]))
        down = np.exp(sharpness * np.square(_GRID_Y - centre[..., 1:]))
        coarse = np.maximum(coarse, (down[..., :, None] * across[..., None, :]).max(axis=0))
    return np.asarray(_ROWS @ coarse @ _COLUMNS.T)


def draw_peaks(maps: NDArray[np.float32], peaks: Peaks) -> None:
    """Raise `maps` float32 `[N, h, w]`, in place, to the Gaussians of `peaks` where these are higher."""
    height, width = maps.shape[1:]
    reach = np.arange(-_PATCH, _PATCH + 1)
    corner = np.round(peaks.centre).astype(np.int64)  # [K, 2]
    columns, rows = corner[:, :1] + reach, corner[:, 1:] + reach  # [K, S]
    dx = (columns - peaks.centre[:, :1]).astype(np.float32)[:, None, :]
    dy = (rows - peaks.centre[:, 1:]).astype(np.float32)[:, :, None]
    cos, sin = (turn(peaks.angle).astype(np.float32)[:, None, None] for turn in (np.cos, np.sin))
    across, along = ((1 / peaks.sigma[:, axis]).astype(np.float32)[:, None, None] for axis in (0, 1))
    # Only the longer axis can be long: wide peaks are drawn otherwise. At the border of the patch it fades out.
    exponent = np.square((cos * dx + sin * dy) * across) + np.square((cos * dy - sin * dx) * along)
    fade = 1 - np.square(np.minimum((np.square(dx) + np.square(dy)) / (_PATCH + 0.5) ** 2, 1))
    patch = peaks.height.astype(np.float32)[:, None, None] * np.exp(-0.5 * exponent) * fade
    index = (peaks.map_index[:, None] * height + rows)[:, :, None] * width + columns[:, None, :]
    inside = ((rows >= 0) & (rows < height))[:, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    np.maximum.at(maps.reshape(-1), index[inside], patch[inside])


def _falloff(regressed: FloatArray) -> NDArray[np.float32]:
    """The backbone's weight of every cell, float32 `[F, 15, 96, 72]`, around the regressed joints `[F, 15, 2]`."""
    at = regressed.astype(np.float32)
    dx = np.arange(WIDTH, dtype=np.float32) - at[..., :1]
    dy = np.arange(HEIGHT, dtype=np.float32) - at[..., 1:]
    distance = np.sqrt(np.square(dx)[..., None, :] + np.square(dy)[..., None])
    distance += np.float32(HALF_WEIGHT_CELLS)
    return np.asarray(np.float32(HALF_WEIGHT_CELLS) / distance)


def _head_maps(weighted: NDArray[np.float32], own: FloatArray) -> NDArray[np.float32]:
    """Maps of head_bottom and head_top, float32 `[F, 2, 96, 72]`, as the backbone makes them from shoulders and ears.

    weighted: the maps of the 15 joints. own: `[F, 15, 2]`, centres of their peaks; the backbone's offsets find these
    again from the highest cell, if that is near.
    """
    evidence = np.concatenate([_SHOULDERS, _EARS])
    maps = weighted[:, evidence].reshape(len(weighted), len(evidence), -1)
    at = maps.argmax(axis=2)
    cell = np.stack([at % WIDTH, at // WIDTH], axis=-1).astype(np.float64)
    near = np.linalg.norm(own[:, evidence] - cell, axis=-1, keepdims=True) < 3.0
    found = np.where(near, own[:, evidence], cell).reshape(len(weighted), 2, 2, 2).mean(axis=2)  # [F, middles, 2]
    centre = (_HEAD_SHARES @ found).astype(np.float32)  # [F, 2, 2]
    dx = np.square(np.arange(WIDTH, dtype=np.float32) - centre[..., :1])[..., None, :]
    dy = np.square(np.arange(HEIGHT, dtype=np.float32) - centre[..., 1:])[..., None]
    peak = maps.max(axis=2).min(axis=1)[:, None, None, None]
    return np.asarray(peak * np.exp(-(dx + dy) / np.float32(2 * PEAK_SIGMA_CELLS**2)))
