"""Random numbers that are alike where the backbone's mistakes are: over the joints of a person, and over time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dcpose_core.synthesis.levels import JOINTS, TRAITS, HeatmapLevels, Persistence, height_class
from dcpose_core.types import FloatArray


def persistent(
    shape: tuple[int, ...], times_s: FloatArray, persistence: Persistence, rng: np.random.Generator
) -> FloatArray:
    """Standard normal numbers `[F, *shape]` whose correlation over time is level x exp(-dt / time_s)."""
    values = rng.standard_normal((len(times_s), *shape))
    new = rng.standard_normal((len(times_s), *shape))
    keep = np.exp(-np.abs(np.diff(times_s)) / persistence.time_s)
    for frame, kept in enumerate(keep, start=1):
        values[frame] = kept * values[frame - 1] + np.sqrt(1 - kept**2) * values[frame]
    return np.asarray(np.sqrt(persistence.level) * values + np.sqrt(1 - persistence.level) * new)


class Latents:
    """Draws normal scores of traits, and directions, with the correlations of `levels`."""

    def __init__(self, levels: HeatmapLevels) -> None:
        self._levels = levels
        self._of_person = _root(np.array(levels.of_person))
        self._of_joint = _root(np.array(levels.of_joint))

    def scores(self, n_persons: int, times_s: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Normal scores `[F, P, 15, traits]`."""
        levels, joints, traits = self._levels, len(JOINTS), len(TRAITS)
        of_person = persistent((n_persons, 1, traits), times_s, levels.person_persistence, rng) @ self._of_person
        of_joint = persistent((n_persons, joints, traits), times_s, levels.joint_persistence, rng) @ self._of_joint
        return of_person + of_joint

    def directions(
        self, heights: FloatArray, times_s: FloatArray, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Unit vectors `[F, P, 15, 2]`: from joints to their peaks, and to where the regression has them.

        heights: `[F, P, 15]`, of the peaks.
        """
        levels, persons = self._levels, heights.shape[1]
        of_error, of_reach = (
            _correlation(np.array(cosine))
            for cosine in (levels.error_direction_in_common, levels.reach_direction_in_common)
        )
        # What both directions of a joint share is diluted by what they share with other joints.
        alike = _correlation(np.array(levels.directions_alike)) / np.sqrt((1 - of_error) * (1 - of_reach))
        alike = np.minimum(alike, 1.0)[height_class(heights)][..., None]  # [F, P, 15, 1]
        level = float(_correlation(np.array(levels.direction_persistence.level)))
        persistence = replace(levels.direction_persistence, level=level)
        of_joint, *own = (persistent((persons, len(JOINTS), 2), times_s, persistence, rng) for _ in range(3))
        vectors = []
        for alone, in_common in zip(own, (of_error, of_reach), strict=True):
            of_person = persistent((persons, 1, 2), times_s, persistence, rng)
            part = np.sqrt(alike) * of_joint + np.sqrt(1 - alike) * alone
            part = np.sqrt(in_common) * of_person + np.sqrt(1 - in_common) * part
            vectors.append(part / np.linalg.norm(part, axis=-1, keepdims=True))
        return vectors[0], vectors[1]


def _correlation(mean_cosine: FloatArray) -> FloatArray:
    """The correlation of pairs of normal vectors `[2]` between whose directions that is the mean cosine.

    Within 0.01 of the inverse of pi/4 r F(1/2, 1/2; 2; r^2).
    """
    return np.asarray(1.273 * mean_cosine - 0.273 * mean_cosine**3)


def _root(covariance: FloatArray) -> FloatArray:
    """A matrix R with R^T R = covariance, so that rows of normal numbers times R have it."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray((np.sqrt(np.maximum(values, 0.0))[:, None]) * vectors.T)
