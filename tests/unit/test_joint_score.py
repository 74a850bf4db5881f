"""The joint score: what it reads off the maps, that fitted claims hold, and that the estimator gives it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from dcpose_core.errors import UsageError
from dcpose_core.estimation import Estimates, Evidence, PoseEstimator, WindowEvidence
from dcpose_core.heatmaps import decode_refined
from dcpose_core.models.description import DecodeRule
from dcpose_core.models.joint_score import READINGS, JointScore, fit_joint_score, read_maps, two_peaks
from dcpose_core.skeletons import POSETRACK_17
from tests.scenes import Fusion, dot_model

_JOINTS = len(POSETRACK_17)
SCORE = JointScore(weights=(0.0, 1.0) + (0.0,) * (len(READINGS) - 2), biases=(1.0,) * _JOINTS)


def _map(x: int, y: int, height: float) -> Tensor:
    """`[1, 17, 32, 24]` with one peak each."""
    maps = torch.zeros(1, _JOINTS, 32, 24)
    maps[..., y, x] = height
    return maps


def _both(*maps: Tensor) -> Tensor:
    """One map with the peaks of all."""
    return torch.stack(maps).amax(dim=0)


def _read(refined: Tensor, current: Tensor, previous: Tensor, next_: Tensor) -> Tensor:
    return read_maps(two_peaks(refined), current, previous, next_)


def test_the_other_peak_is_the_highest_one_that_is_apart_and_half_as_high() -> None:
    near, far, farther = _map(16, 12, 0.8), _map(17, 12, 0.5), _map(3, 30, 0.6)
    peaks = two_peaks(_both(_map(10, 12, 0.9), near, far, farther))
    assert peaks.cells[0, 4].tolist() == [[10, 12], [3, 30]]
    torch.testing.assert_close(peaks.heights[0, 4], torch.tensor([0.9, 0.6]))
    assert two_peaks(_both(_map(10, 12, 0.9), near, far)).cells[0, 4].tolist() == [[10, 12], [17, 12]]
    assert not two_peaks(_both(_map(10, 12, 0.9), near, _map(17, 12, 0.44))).heights[..., 1].any()


def test_the_readings_are_heights_and_distances() -> None:
    refined = _both(_map(10, 12, 0.9), _map(13, 19, 0.6))
    first, other = _read(refined, _map(13, 16, 0.5), _map(9, 10, 0.2), _map(9, 14, 0.4))[0, 0]
    expected = {
        "refined peak": 0.9,
        "log refined peak": np.log(0.9),
        "log key frame there": np.log(0.003),
        "log key frame's peak": np.log(0.5),
        "log lower neighbour peak": np.log(0.2),
        "log higher neighbour peak": np.log(0.4),
        "log(1 + cells from key frame's peak)": np.log1p(5),
        "log(1 + cells from middle of neighbours' peaks)": np.log1p(1),
        "log(1 + cells between neighbours' peaks)": np.log1p(4),
    }
    assert dict(zip(READINGS, first.tolist(), strict=True)) == pytest.approx(expected, abs=1e-5)
    expected |= {
        "refined peak": 0.6,
        "log refined peak": np.log(0.6),
        "log(1 + cells from key frame's peak)": np.log1p(3),
        "log(1 + cells from middle of neighbours' peaks)": np.log1p(np.hypot(4, 7)),
    }
    assert dict(zip(READINGS, other.tolist(), strict=True)) == pytest.approx(expected, abs=1e-5)


def test_the_key_frame_is_looked_up_around_the_refined_peak_even_at_the_border() -> None:
    there = READINGS.index("log key frame there")
    for x, y in ((1, 1), (23, 31)):
        readings = _read(_map(x, y, 0.9), _map(x - 1, y, 0.5), _map(x, y, 0.5), _map(x, y, 0.5))
        assert readings[0, 0, 0, there].item() == pytest.approx(np.log(0.5))


def test_of_several_equal_peaks_the_first_counts() -> None:
    refined = torch.maximum(_map(20, 5, 0.9), torch.maximum(_map(22, 5, 0.9), _map(3, 6, 0.9)))
    readings = _read(refined, _map(20, 5, 0.5), _map(20, 5, 0.5), _map(20, 5, 0.5))
    assert not readings[..., 0, READINGS.index("log(1 + cells from key frame's peak)")].any()


def test_the_direction_of_time_does_not_matter() -> None:
    frames = torch.rand(4, 2, _JOINTS, 16, 12)
    refined, current, previous, next_ = frames
    assert torch.equal(_read(refined, current, previous, next_), _read(refined, current, next_, previous))


def test_a_map_without_a_positive_cell_has_probability_zero() -> None:
    empty = torch.zeros(1, _JOINTS, 32, 24)
    assert not SCORE.probability(_read(empty, empty, empty, empty)).any()


def test_fitted_claims_hold_for_samples_that_were_not_fitted() -> None:
    rng = np.random.default_rng(4)
    truth = JointScore(tuple(rng.normal(size=len(READINGS))), tuple(rng.normal(size=_JOINTS)[_alike()]))

    def draw(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        readings = rng.normal(size=(n, _JOINTS, 2, len(READINGS))) + 0.5
        probability = _probability(truth, readings)
        return readings, rng.random(probability.shape) < probability, probability

    readings, correct, _ = draw(600)
    known = np.ones(correct.shape, dtype=bool)
    known[:, POSETRACK_17.index("left_ear")] = known[:, POSETRACK_17.index("right_ear")] = False
    fitted = fit_joint_score(readings, correct, known)
    assert fitted.biases[5] == fitted.biases[6], "left and right are alike"

    readings, correct, probability = draw(600)
    claimed = _probability(fitted, readings)
    assert np.abs(claimed - probability)[known].mean() < 0.02
    for low in np.arange(0, 1, 0.25):
        inside = (claimed >= low) & (claimed < low + 0.25) & known
        assert correct[inside].mean() == pytest.approx(claimed[inside].mean(), abs=0.05)


def test_a_reading_that_separates_right_from_wrong_is_fitted_without_running_away() -> None:
    readings = np.zeros((40, _JOINTS, 2, len(READINGS)))
    readings[20:, :, 0] = 1.0
    correct = readings[..., 0] > 0
    fitted = fit_joint_score(readings, correct, np.ones_like(correct))
    assert all(np.isfinite([*fitted.weights, *fitted.biases]))
    assert _probability(fitted, readings)[correct].min() > 0.95


@pytest.mark.parametrize("value", [True, False])
def test_samples_that_are_all_right_or_all_wrong_cannot_be_fitted(value: bool) -> None:
    everywhere = np.ones((3, _JOINTS, 2), dtype=bool)
    with pytest.raises(UsageError, match="joints that are right and with joints that are wrong"):
        fit_joint_score(np.zeros((3, _JOINTS, 2, len(READINGS))), everywhere & value, everywhere)


def test_a_score_of_the_wrong_size_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="9 weights and 17 biases, not 1 and 2"):
        JointScore((1.0,), (1.0, 2.0))


def test_a_refined_peak_near_the_backbones_own_is_averaged_with_its_offset_map_point() -> None:
    offsets = torch.zeros(1, _JOINTS, 2, 32, 24)
    offsets[:, :, 0] = 0.8
    offsets[:, :, 1] = 0.2
    refined = _map(10, 12, 0.9)
    with_dark = torch.tensor([10.5, 12.5])
    for x, y, own in ((10, 12, (10.8, 12.2)), (11, 11, (11.8, 11.2)), (12, 12, None)):
        positions, confidence = decode_refined(refined, current=_map(x, y, 0.4), offsets=offsets)
        expected = with_dark if own is None else (with_dark + torch.tensor(own)) / 2
        torch.testing.assert_close(positions[0, 5], expected, atol=1e-3, rtol=0)
        assert confidence[0, 5].item() == pytest.approx(0.9)


def test_a_key_frame_that_says_nothing_moves_no_refined_peak() -> None:
    empty = torch.zeros(1, _JOINTS, 32, 24)
    positions, _ = decode_refined(_map(1, 0, 0.9), current=empty, offsets=torch.zeros(1, _JOINTS, 2, 32, 24))
    torch.testing.assert_close(positions[0, 0], torch.tensor([1.5, 0.5]))


def test_another_peak_than_the_highest_can_be_decoded() -> None:
    offsets = torch.full((1, _JOINTS, 2, 32, 24), 0.3)
    cells = torch.tensor([3.0, 20.0]).expand(1, _JOINTS, 2)
    refined = _both(_map(10, 12, 0.9), _map(3, 20, 0.6))
    positions, confidence = decode_refined(refined, current=_map(10, 12, 0.4), offsets=offsets, cells=cells)
    torch.testing.assert_close(positions[0, 5], torch.tensor([3.5, 20.5]), atol=1e-3, rtol=0)
    assert confidence[0, 5].item() == pytest.approx(0.6)


def _estimates(
    *, score: JointScore | None, temporal: bool = True, alone: bool = False, other_peak: Tensor | None = None
) -> Estimates:
    """Of a key frame whose joints are half a cell off the peak, and whose refined heatmaps are 1.5 times as high.

    other_peak: what refining adds.
    """
    added = torch.zeros(1, _JOINTS, 32, 24) if other_peak is None else other_peak
    model = dot_model(Fusion(lambda current, previous, next_, margin: torch.maximum(1.5 * current, added)))
    crop = replace(model.description.crop, decode=DecodeRule.OFFSET_MAP)
    model.description = replace(model.description, score=score, crop=crop)
    offsets = torch.full((_JOINTS, 2, 32, 24), 0.3)
    evidence = Evidence(_map(10, 12, 0.4)[0], offsets, np.eye(2, 3))
    estimator = PoseEstimator(model, device=torch.device("cpu"), batch_size=8, temporal=temporal, announce=pytest.fail)
    neighbour = evidence if alone else replace(evidence)
    window = WindowEvidence(evidence, neighbour, neighbour, (1, 1))
    try:
        return estimator.estimate([window, window]) if temporal else estimator.estimate_single([evidence, evidence])
    finally:
        estimator.close()


def test_the_estimator_scores_refined_joints_with_probabilities_where_the_model_has_them() -> None:
    np.testing.assert_allclose(_estimates(score=None).scores, 0.6, atol=1e-6)
    probability = 1 / (1 + np.exp(-(1 + np.log(0.6))))
    np.testing.assert_allclose(_estimates(score=SCORE).scores, probability, atol=1e-6)
    np.testing.assert_allclose(_estimates(score=SCORE, temporal=False).scores, 0.4, atol=1e-6)


def test_the_estimator_uses_the_offset_maps_of_the_backbone_for_refined_heatmaps_too() -> None:
    np.testing.assert_allclose(_estimates(score=None).keypoints[:, 3], [[4 * 10.4, 4 * 12.4]] * 2, atol=0.01)
    np.testing.assert_allclose(
        _estimates(score=None, temporal=False).keypoints[:, 3], [[4 * 10.3, 4 * 12.3]] * 2, atol=0.01
    )


def test_of_two_peaks_the_estimator_takes_the_surer_one() -> None:
    other = _map(3, 20, 0.59)
    at_first = _estimates(score=None, other_peak=other)
    np.testing.assert_allclose(at_first.keypoints[:, 3], [[4 * 10.4, 4 * 12.4]] * 2, atol=0.01)
    # Of the readings, only how far it is from the key frame's peak counts, and here that speaks for a joint.
    away = replace(SCORE, weights=tuple(float("from key frame's" in reading) for reading in READINGS))
    chosen = _estimates(score=away, other_peak=other)
    np.testing.assert_allclose(chosen.keypoints[:, 3], [[4 * 3.5, 4 * 20.5]] * 2, atol=0.01)
    np.testing.assert_allclose(chosen.scores, 1 / (1 + np.exp(-1 - np.log1p(np.hypot(7, 8)))), atol=1e-6)
    assert chosen.refinement_px is not None
    np.testing.assert_allclose(chosen.refinement_px, 4 * np.hypot(3.5 - 10.3, 20.5 - 12.3), rtol=1e-3)


def _alike() -> np.ndarray:
    """Index that gives left and right the same value."""
    return np.minimum(np.arange(_JOINTS), POSETRACK_17.flip_order)


def _probability(score: JointScore, readings: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-(readings @ np.array(score.weights) + np.array(score.biases)[:, None]))))


def test_a_frame_without_neighbours_keeps_the_backbones_joints_and_gets_a_score_as_others_do() -> None:
    alone = _estimates(score=SCORE, alone=True)
    np.testing.assert_array_equal(alone.keypoints, _estimates(score=None, temporal=False).keypoints)
    np.testing.assert_array_equal(alone.refinement_px, np.zeros((2, _JOINTS)))
    np.testing.assert_array_equal(alone.scores, _estimates(score=SCORE).scores)
