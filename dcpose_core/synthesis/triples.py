"""Synthetic training samples for the temporal modules: three heatmaps of someone whose joints are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dcpose_core.boxes import scale_box
from dcpose_core.geometry import crop_affine, transform_points
from dcpose_core.heatmaps import CELL_PX
from dcpose_core.models.description import CropSpec
from dcpose_core.synthesis.conditions import Mixture, draw_states
from dcpose_core.synthesis.heatmaps import HEIGHT, WIDTH, HeatmapSampler
from dcpose_core.synthesis.levels import HeatmapLevels, load_levels
from dcpose_core.synthesis.motion import Motion
from dcpose_core.synthesis.scenes import Scene, draw_scene
from dcpose_core.training.augmentation import hide_outside_crop
from dcpose_core.training.samples import HeatmapTriple, NeighbourTruth, TripleDataset
from dcpose_core.types import FloatArray

KEY = 1
#: Frames per second of videos, and gaps to both neighbours, with how often they come.
_RATES_HZ = np.array([15.0, 20.0, 24.0, 25.0, 30.0, 50.0, 60.0])
_RATE_SHARES = (0.08, 0.06, 0.14, 0.2, 0.3, 0.1, 0.12)
_LARGEST_GAP = 4
_EVEN_GAPS_SHARES = (0.55, 0.2, 0.15, 0.1)
_UNEVEN = 0.25
#: Share of samples in which a neighbour is the key frame once more: the border of a clip, or a frame that was lost.
_REPEATED = 0.05
#: How far boxes are off, as those of detectors are: standard deviation of log size, and of the centre over the size.
_BOX_SIZE_NOISE, _BOX_CENTRE_NOISE = 0.07, 0.03


class SyntheticTriples(TripleDataset):
    """Scenes from captured motion, seen by random cameras, as the embedded backbone would see them.

    Args:
        motions: what persons do.
        length: samples in an epoch.
        crop: the crop of the backbone, from its model's description.
        levels: what its heatmaps are like; None for those that come with the program.
        mixture: how often which frames are spoiled.
    """

    def __init__(
        self,
        motions: Sequence[Motion],
        *,
        length: int,
        crop: CropSpec,
        levels: HeatmapLevels | None = None,
        mixture: Mixture | None = None,
    ) -> None:
        if not motions or length < 1:
            raise ValueError(f"{len(motions)} motions and {length} samples: there must be at least one of each")
        if (crop.width_px, crop.height_px) != (WIDTH * CELL_PX, HEIGHT * CELL_PX):
            raise ValueError(f"the levels are those of crops of {WIDTH * CELL_PX} x {HEIGHT * CELL_PX}, not {crop}")
        self._motions = motions
        self._length = length
        self._crop = crop
        self._sampler = HeatmapSampler(levels or load_levels())
        self._mixture = mixture or Mixture()

    def __len__(self) -> int:
        return self._length

    def sample(self, index: int, *, epoch: int, seed: int) -> HeatmapTriple:
        """The sample `index` of an epoch; everything random in it is drawn from `(seed, epoch, index)`."""
        rng = np.random.default_rng((seed, epoch, index))
        before, after = draw_gaps(rng)
        times_s = np.array([-before, 0, after]) / rng.choice(_RATES_HZ, p=_RATE_SHARES)
        scene, box = self._draw_scene(times_s, rng)
        matrix = crop_affine(
            _jitter(box, rng),
            width_px=self._crop.width_px,
            height_px=self._crop.height_px,
            enlargement=self._crop.enlargement,
        )
        states = draw_states(scene, self._sampler.levels, rng, key=KEY, mixture=self._mixture)
        heatmaps = self._sampler.draw(scene, np.stack([matrix] * 3), states, rng)
        joints, weights = self._truth(scene, matrix)
        neighbour_weights = weights[[0, 2]]
        if rng.random() < _REPEATED:
            side = int(rng.integers(2))
            heatmaps[2 * side] = heatmaps[KEY]
            before, after = (1, after) if side == 0 else (before, 1)
            neighbour_weights[side] = 0.0
        neighbours = NeighbourTruth(joints[[0, 2]], neighbour_weights)
        return HeatmapTriple(heatmaps, (before, after), joints[KEY], weights[KEY], neighbours)

    def _truth(self, scene: Scene, matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Joints `[3, 17, 2]` of the first person, crop pixels, and their weights `[3, 17]`."""
        joints = transform_points(scene.joints_px[:, 0], np.stack([matrix] * len(scene.times_s)))
        weights = [
            hide_outside_crop(points, seen, width_px=self._crop.width_px, height_px=self._crop.height_px)
            for points, seen in zip(joints, scene.in_image[:, 0].astype(np.float64), strict=True)
        ]
        return joints, np.stack(weights)

    def _draw_scene(self, times_s: FloatArray, rng: np.random.Generator) -> tuple[Scene, FloatArray]:
        """A scene whose first person has a box in the key frame."""
        while True:
            scene = draw_scene(self._motions, times_s, rng, key=KEY)
            box = scene.box(KEY, 0)
            if box is not None:
                return scene, box


def draw_gaps(rng: np.random.Generator) -> tuple[int, int]:
    """(c - p, n - c), 1 to 4 frames each; mostly even."""
    if rng.random() < _UNEVEN:
        before, after = rng.integers(1, _LARGEST_GAP, size=2, endpoint=True).tolist()
        return before, after
    gap = 1 + int(rng.choice(_LARGEST_GAP, p=_EVEN_GAPS_SHARES))
    return gap, gap


def _jitter(box_xyxy: FloatArray, rng: np.random.Generator) -> FloatArray:
    moved = scale_box(box_xyxy, float(np.exp(rng.normal(scale=_BOX_SIZE_NOISE))))
    size = float(np.max(box_xyxy[2:] - box_xyxy[:2]))
    return moved + np.tile(rng.normal(scale=_BOX_CENTRE_NOISE, size=2) * size, 2)
