"""Fitting levels to looks at heatmaps: what was put in comes out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr

from dcpose_core.synthesis.fitting import Observation, StrayPlace, fit_levels
from dcpose_core.synthesis.latents import Latents
from dcpose_core.synthesis.levels import BESIDE, CLEAN, COVERED, JOINTS, TRAITS, HeatmapLevels, Persistence, load_levels
from dcpose_core.types import FloatArray

_HEIGHT = TRAITS.index("height")


def _observation(kind: str, traits: FloatArray, covered: NDArray[np.bool_], gap_s: float) -> Observation:
    """traits: `[3, 15, traits]`. Every answer is right where the peak is high."""
    height = traits[..., _HEIGHT]
    directions = np.tile([2.0, 0.0], (3, len(JOINTS), 1))
    return Observation(
        kind=kind,
        traits={name: traits[..., t] for t, name in enumerate(TRAITS)},
        error=directions,
        reach=directions,
        covered=covered,
        stray_place=np.full((3, len(JOINTS)), float(StrayPlace.LINKED)),
        answer_error=np.where(height > 0.5, 1.0, 9.0),
        answer_height=height,
        gaps_s=np.array([gap_s, gap_s]),
    )


@pytest.fixture(scope="module")
def known() -> HeatmapLevels:
    """Levels of which everything is simple: a third of each trait is the person's, the rest the joint's."""
    return replace(
        load_levels(),
        of_person=tuple(tuple(row) for row in (np.eye(len(TRAITS)) / 3).tolist()),
        of_joint=tuple(tuple(row) for row in (np.eye(len(TRAITS)) * 2 / 3).tolist()),
        person_persistence=Persistence(0.9, 0.5),
        joint_persistence=Persistence(0.6, 0.1),
    )


@pytest.fixture(scope="module")
def fitted(known: HeatmapLevels) -> HeatmapLevels:
    rng = np.random.default_rng(0)
    latents = Latents(known)
    observations = []
    for number in range(240):
        gap_s = (0.017, 0.033, 0.067, 0.13)[number % 4]
        traits = ndtr(latents.scores(1, np.array([0.0, gap_s, 2 * gap_s]), rng)[:, 0])
        kind = ("defocus", CLEAN, "limb_occluder")[number % 3] if number < 120 else "defocus"
        observations.append(_observation(kind, traits, rng.random((3, len(JOINTS))) < 0.5, gap_s))
    return fit_levels(observations, source="a test")


def test_quantiles_are_those_that_were_seen(fitted: HeatmapLevels) -> None:
    assert set(fitted.states) == {CLEAN, COVERED, BESIDE, "defocus"}
    for group in fitted.states["defocus"].values():
        np.testing.assert_allclose(group["stray"], fitted.shares, atol=0.12)
    assert fitted.answers["defocus"]["wrist"].right == pytest.approx(0.5, abs=0.12)


def test_shares_of_the_person_and_of_the_joint_are_found_again(fitted: HeatmapLevels) -> None:
    of_person, of_joint = np.diag(fitted.of_person), np.diag(fitted.of_joint)
    np.testing.assert_allclose(of_person[:5], 1 / 3, atol=0.1)
    np.testing.assert_allclose((of_person + of_joint)[:5], 1.0, atol=0.1)
    assert np.abs(fitted.of_person - np.diag(of_person)).max() < 0.12


def test_persistence_is_found_again(fitted: HeatmapLevels) -> None:
    for found, true in (
        (fitted.person_persistence, Persistence(0.9, 0.5)),
        (fitted.joint_persistence, Persistence(0.6, 0.1)),
    ):
        for dt in (0.03, 0.1):
            expected = true.level * np.exp(-dt / true.time_s)
            assert found.level * np.exp(-dt / found.time_s) == pytest.approx(expected, abs=0.12)


def test_directions_that_are_all_the_same_are_found_to_be(fitted: HeatmapLevels) -> None:
    assert fitted.error_direction_in_common == pytest.approx(1.0, abs=0.01)
    assert fitted.directions_alike[3] == pytest.approx(1.0)
    assert fitted.strays["knee"].linked == 1.0
