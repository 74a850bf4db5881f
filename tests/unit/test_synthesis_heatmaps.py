"""Synthetic heatmaps, training samples and sequences: do they say what the real backbone says?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dcpose_core.geometry import crop_affine, transform_points
from dcpose_core.heatmaps import CELL_PX, decode, to_image
from dcpose_core.models.catalogue import describe
from dcpose_core.models.description import DecodeRule
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.synthesis.conditions import DEGRADATION_SHARES, OCCLUDER, Mixture, draw_states, states_of
from dcpose_core.synthesis.heatmaps import HeatmapSampler
from dcpose_core.synthesis.latents import persistent
from dcpose_core.synthesis.levels import (
    BESIDE,
    CLEAN,
    COVERED,
    GROUP_OF,
    GROUPS,
    JOINTS,
    RIGHT_CELLS,
    Persistence,
    load_levels,
)
from dcpose_core.synthesis.scenes import Scene, draw_scene
from dcpose_core.synthesis.sequences import synthetic_sequence
from dcpose_core.synthesis.triples import KEY, SyntheticTriples
from dcpose_core.training.samples import HeatmapTriple
from dcpose_core.types import FloatArray
from tests.motions import walking

_LEVELS = load_levels()
_SAMPLER = HeatmapSampler(_LEVELS)
_MOTIONS = [walking(), walking(8.0)]
_CROP = describe("movenet_thunder").crop
_TIMES_S = np.array([0.0, 1 / 30, 2 / 30])
_INDEX = POSETRACK_17.index


def _scene(rng: np.random.Generator, *, n_persons: int = 1) -> tuple[Scene, FloatArray]:
    """A scene with everyone in the picture, and the matrices of the crops of its first person."""
    scene = draw_scene(_MOTIONS, _TIMES_S, rng, key=KEY, n_persons=n_persons, whole=True)
    box = scene.box(KEY, 0)
    assert box is not None
    matrix = crop_affine(box, width_px=_CROP.width_px, height_px=_CROP.height_px, enlargement=_CROP.enlargement)
    return scene, np.stack([matrix] * 3)


def _all_in(state: str, n_persons: int = 1) -> np.ndarray:
    return np.full((3, n_persons, len(JOINTS)), _SAMPLER.state(state))


def _answers(heatmaps: torch.Tensor, joints_px: FloatArray, matrices: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distance in cells `[3, 17]` of the decoded answer from the truth `[3, 17, 2]`, and its height."""
    positions, heights = decode(heatmaps, rule=DecodeRule.DARK)
    return np.linalg.norm(positions.numpy() - transform_points(joints_px, matrices) / CELL_PX, axis=-1), heights.numpy()


@pytest.mark.parametrize("state", _LEVELS.state_names)
def test_answers_are_right_as_often_and_as_high_as_those_that_were_measured(state: str) -> None:
    rng = np.random.default_rng(7)
    errors, heights = [], []
    for _ in range(60):
        scene, matrices = _scene(rng)
        heatmaps = _SAMPLER.draw(scene, matrices, _all_in(state), rng)
        error, height = _answers(heatmaps, scene.joints_px[:, 0], matrices)
        errors.append(error[:, JOINTS])
        heights.append(height[:, JOINTS])
    right, height = (np.empty(len(GROUPS)) for _ in range(2))
    for g in range(len(GROUPS)):
        right[g] = np.mean(np.array(errors)[..., g == GROUP_OF] < RIGHT_CELLS)
        height[g] = np.median(np.array(heights)[..., g == GROUP_OF])
    measured = [_LEVELS.answers[state][group] for group in GROUPS]
    too_right = right - [answer.right for answer in measured]
    too_high = height - [answer.height for answer in measured]
    assert np.abs(too_right).max() < 0.25
    assert np.abs(too_right).mean() < 0.12
    # Wrong answers of the real backbone are somewhat more confident than ours.
    assert np.abs(too_high).max() < 0.35
    assert np.abs(too_high).mean() < 0.17


def test_good_frames_are_located_to_about_a_cell() -> None:
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(20):
        scene, matrices = _scene(rng)
        heatmaps = _SAMPLER.draw(scene, matrices, _all_in(CLEAN), rng)
        errors.append(_answers(heatmaps, scene.joints_px[:, 0], matrices)[0])
    # head_bottom and head_top, which follow from shoulders and ears, are among them.
    assert np.all(np.median(np.array(errors), axis=(0, 1)) < 1.4)


def test_an_error_persists_longer_than_it_would_by_chance() -> None:
    rng = np.random.default_rng(1)
    heights = []
    for _ in range(60):
        scene, matrices = _scene(rng)
        heights.append(_SAMPLER.draw(scene, matrices, _all_in(COVERED), rng).amax(dim=(2, 3)).numpy()[:, JOINTS])
    values = np.array(heights)  # [60, 3, 15]
    first, second = values[:, 0] - values[:, 0].mean(axis=0), values[:, 1] - values[:, 1].mean(axis=0)
    alike = (first * second).mean(axis=0) / (first.std(axis=0) * second.std(axis=0))
    assert alike.min() > 0.15, "of every joint"
    assert alike.mean() > 0.4


def test_another_persons_joints_shine_through_and_take_over_in_the_middle_of_the_crop() -> None:
    rng = np.random.default_rng(2)
    scene, matrices = _scene(rng, n_persons=2)
    size = np.max(np.ptp(scene.joints_px[KEY, 0], axis=0))
    beside = scene.joints_px.copy()
    beside[:, 1] = beside[:, 0] + [0.12 * size, 0.0]
    picture = np.array([-1e4, -1e4, 1e4, 1e4])
    scene = replace(scene, joints_px=beside, hidden=np.zeros_like(scene.hidden), image_xyxy=picture)
    states = _all_in(CLEAN, 2)
    answers = [
        _answers(_SAMPLER.draw(scene, matrices, states, rng), scene.joints_px[:, 0], matrices)[0] for _ in range(10)
    ]
    assert np.mean(np.array(answers) < 3) > 0.8
    at = np.round(transform_points(beside[KEY, 1], matrices[0]) / CELL_PX - 0.5).astype(int)
    wrist = _INDEX("left_wrist")
    others = [
        float(_SAMPLER.draw(scene, matrices, states, rng)[KEY, wrist, at[wrist, 1], at[wrist, 0]]) for _ in range(10)
    ]
    assert np.median(others) > 0.04

    swapped = beside.copy()
    swapped[:, 0] += [0.5 * size, 0.0]  # the first leaves the middle, the second comes there
    swapped[:, 1] = beside[:, 0]
    scene = replace(scene, joints_px=swapped)
    error, _ = _answers(_SAMPLER.draw(scene, matrices, states, rng), swapped[:, 1], matrices)
    assert np.mean(error < 3) > 0.8


def test_a_joint_outside_the_picture_has_hardly_a_peak() -> None:
    rng = np.random.default_rng(3)
    scene, matrices = _scene(rng)
    middle = np.median(scene.joints_px[:, 0, :, 1])
    cut = replace(scene, image_xyxy=np.array([-1e4, -1e4, 1e4, middle]))
    heights = _SAMPLER.draw(cut, matrices, _all_in(CLEAN), rng).amax(dim=(2, 3)).numpy()
    below = ~cut.in_image[:, 0]
    below[:, [_INDEX("head_bottom"), _INDEX("head_top")]] = False
    assert below.any()
    assert np.median(heights[below]) < 0.1


@pytest.mark.parametrize("level", [1.0, 0.6])
def test_persistent_numbers_are_standard_normal_and_forget_as_told(level: float) -> None:
    times_s = np.array([0.0, 0.1, 0.3])
    values = persistent((20000,), times_s, Persistence(level=level, time_s=0.2), np.random.default_rng(0))
    np.testing.assert_allclose(values.std(axis=1), 1.0, atol=0.03)
    correlations = np.asarray(np.corrcoef(values))
    for a, b in ((0, 1), (1, 2), (0, 2)):
        expected = level * np.exp(-(times_s[b] - times_s[a]) / 0.2)
        assert correlations[a, b] == pytest.approx(expected, abs=0.03)


def test_degradations_spoil_the_frames_they_are_said_to() -> None:
    rng = np.random.default_rng(4)
    key_spoiled, neighbour_spoiled, all_alike = [], [], []
    for _ in range(400):
        scene, _ = _scene(rng)
        scene = replace(scene, hidden=np.zeros_like(scene.hidden))
        clean = (draw_states(scene, _LEVELS, rng) == _SAMPLER.state(CLEAN)).all(axis=(1, 2))
        key_spoiled.append(not clean[KEY])
        neighbour_spoiled.append(clean[KEY] and not clean.all())
        all_alike.append(not clean.any())
    assert np.mean(key_spoiled) == pytest.approx(Mixture().key, abs=0.1)  # an occluder may miss the person
    assert 0.03 < np.mean(neighbour_spoiled) < 0.15
    assert 0.1 < np.mean(all_alike) < 0.35


def test_what_is_behind_an_occluder_is_covered_and_the_rest_of_the_person_beside_it() -> None:
    rng = np.random.default_rng(5)
    states = []
    for _ in range(50):
        scene, _ = _scene(rng)
        scene = replace(scene, hidden=np.zeros_like(scene.hidden))
        states.append(states_of(scene, _LEVELS, [(OCCLUDER, np.array([False, True, False]))], rng))
    names = {_SAMPLER.state(name): name for name in (CLEAN, COVERED, BESIDE)}
    seen = [{names[state] for state in np.unique(one[KEY])} for one in states]
    assert {COVERED, BESIDE} in seen
    assert all((one[[0, 2]] == _SAMPLER.state(CLEAN)).all() for one in states)
    assert 1 <= np.median([(one[KEY] == _SAMPLER.state(COVERED)).sum() for one in states]) <= 8


def test_every_degradation_is_one_whose_levels_were_measured() -> None:
    assert set(DEGRADATION_SHARES) - {OCCLUDER} <= set(_LEVELS.states)
    assert sum(DEGRADATION_SHARES.values()) == pytest.approx(1.0)


def test_levels_that_are_not_whole_are_refused() -> None:
    states = {name: groups for name, groups in _LEVELS.states.items() if name != COVERED}
    with pytest.raises(ValueError, match="levels"):
        replace(_LEVELS, states=states)
    with pytest.raises(ValueError, match="incomplete"):
        replace(_LEVELS, peaks={})


def _triples(length: int = 50) -> SyntheticTriples:
    return SyntheticTriples(_MOTIONS, length=length, crop=_CROP)


def test_a_sample_is_the_same_for_the_same_seed_epoch_and_index_and_no_other() -> None:
    one = _triples().sample(3, epoch=2, seed=1)
    again = _triples(80).sample(3, epoch=2, seed=1)
    assert torch.equal(one.heatmaps, again.heatmaps)
    assert one.margin == again.margin
    np.testing.assert_array_equal(one.joints, again.joints)
    for index, epoch, seed in ((4, 2, 1), (3, 3, 1), (3, 2, 2)):
        assert not np.array_equal(one.joints, _triples().sample(index, epoch=epoch, seed=seed).joints)


def test_samples_are_what_training_expects() -> None:
    triples = _triples()
    samples = [triples.sample(index, epoch=0, seed=0) for index in range(len(triples))]
    assert len(samples) == 50
    for sample in samples:
        assert isinstance(sample, HeatmapTriple)
        assert sample.heatmaps.shape == (3, 17, 96, 72)
        assert sample.heatmaps.dtype == torch.float32
        assert torch.isfinite(sample.heatmaps).all()
        assert sample.heatmaps.min() >= 0
        assert sample.heatmaps.max() <= 1
        assert all(1 <= gap <= 4 for gap in sample.margin)
        inside = np.all((sample.joints >= 0) & (sample.joints <= [_CROP.width_px, _CROP.height_px]), axis=1)
        assert not sample.weights[~inside].any()
    assert {sample.margin for sample in samples} >= {(1, 1), (2, 2)}
    assert any(sample.margin[0] != sample.margin[1] for sample in samples)
    assert np.mean([sample.weights.mean() for sample in samples]) > 0.8


def test_spoiled_key_frames_are_wrong_more_often_than_their_neighbours() -> None:
    triples = SyntheticTriples(_MOTIONS, length=60, crop=_CROP, mixture=Mixture(key=1.0, neighbour=0.0, everywhere=0.0))
    heights = np.array([triples.sample(i, epoch=0, seed=0).heatmaps.amax(dim=(2, 3)).numpy() for i in range(60)])
    assert np.median(heights[:, KEY]) < np.median(heights[:, 0]) - 0.03


def test_a_crop_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="288 x 384"):
        SyntheticTriples(_MOTIONS, length=1, crop=replace(_CROP, width_px=192, height_px=256))
    with pytest.raises(ValueError, match="at least one"):
        SyntheticTriples([], length=1, crop=_CROP)


def test_a_sequence_has_tracks_in_its_picture_and_heatmaps_in_their_own_boxes() -> None:
    rng = np.random.default_rng(0)
    sequence = synthetic_sequence(_MOTIONS, _SAMPLER, crop=_CROP, n_frames=12, n_persons=2, rng=rng, spoiled_share=0.0)
    assert sequence.heatmaps.shape == (12, 2, 17, 96, 72)
    assert sequence.spoiled == ()
    assert (sequence.joints_px >= 0).all()
    assert (sequence.joints_px <= [sequence.width_px, sequence.height_px]).all()
    for person in range(2):
        positions, _ = decode(sequence.heatmaps[:, person], rule=DecodeRule.DARK)
        found = to_image(positions, sequence.matrices[:, person])
        size = np.max(sequence.boxes_xyxy[:, person, 2:] - sequence.boxes_xyxy[:, person, :2], axis=1)
        error = np.linalg.norm(found - sequence.joints_px[:, person], axis=-1) / size[:, None]
        visible = ~sequence.hidden[:, person]
        assert np.median(error[visible]) < 0.03


def test_about_as_many_frames_of_a_sequence_are_spoiled_as_asked_for() -> None:
    spoiled = 0
    for seed in range(6):
        sequence = synthetic_sequence(
            _MOTIONS, _SAMPLER, crop=_CROP, n_frames=20, n_persons=1, rng=np.random.default_rng(seed), spoiled_share=0.5
        )
        spoiled += len({frame for _, first, stop in sequence.spoiled for frame in range(first, stop)})
    assert 0.3 < spoiled / (6 * 20) < 0.7
    with pytest.raises(ValueError, match="needs frames"):
        synthetic_sequence(_MOTIONS, _SAMPLER, crop=_CROP, n_frames=0, n_persons=1, rng=np.random.default_rng(0))
