"""The columns of the accuracy table, on estimates whose errors are known."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from dcpose_core.accuracy.figures import Truth
from dcpose_core.estimation import Estimates
from dcpose_core.types import FloatArray
from tests.unit.accuracy_worlds import HEAD_LENGTH_PX, HEAD_PX, load_world

N_FRAMES = 8


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return Truth(load_world(tmp_path_factory.mktemp("world"), n_frames=N_FRAMES))


def off_by(truth: Truth, heads: FloatArray | float, scores: FloatArray | float = 0.9) -> Estimates:
    """All joints off to the right by so many head sizes."""
    shift = np.zeros_like(truth.keypoints)
    shift[..., 0] = np.broadcast_to(heads, truth.located.shape) * HEAD_PX
    return Estimates(truth.keypoints + shift, np.broadcast_to(scores, truth.located.shape).copy())


def test_perfect_estimates_are_perfect_in_every_column(truth: Truth) -> None:
    found = asdict(truth.figures(off_by(truth, 0.0, 1.0)))
    assert found.pop("error") == found.pop("jitter") == found.pop("calibration_error") == 0
    assert found == pytest.approx(dict.fromkeys(found, 100.0))
    assert len(found) == 6


def test_a_known_offset_is_the_known_error_and_no_jitter(truth: Truth) -> None:
    found = truth.figures(off_by(truth, 0.3))
    assert (found.pckh_50, found.pckh_20) == (100.0, 0.0)
    assert found.error == pytest.approx(0.3 * HEAD_PX / HEAD_LENGTH_PX)
    assert found.jitter == pytest.approx(0.0, abs=1e-9)
    assert found.poseval_ap == pytest.approx(100.0)
    assert found.oks_ap < 100


def test_joints_that_shake_by_d_around_the_truth_have_a_jitter_of_four_d(truth: Truth) -> None:
    sign = np.where(np.arange(N_FRAMES) % 2, 1.0, -1.0)[:, None]
    found = truth.figures(off_by(truth, 0.1 * sign))
    assert found.jitter == pytest.approx(0.4 * HEAD_PX / HEAD_LENGTH_PX)
    assert found.error == pytest.approx(0.1 * HEAD_PX / HEAD_LENGTH_PX)


def test_jitter_needs_three_consecutive_frames(tmp_path: Path) -> None:
    two = Truth(load_world(tmp_path, n_frames=2))
    assert np.isnan(two.figures(off_by(two, 0.1)).jitter)


def test_fast_joints_are_those_that_move_far_in_the_labels(truth: Truth) -> None:
    # All of them do, but nothing is known about the speed in the first and last frame.
    wrong = np.zeros((N_FRAMES, 1))
    wrong[[0, -1]] = 5.0
    assert truth.figures(off_by(truth, wrong)).pckh_50_fast == 100
    wrong[[1, 2]] = 5.0
    assert truth.figures(off_by(truth, wrong)).pckh_50_fast == pytest.approx(100 * (N_FRAMES - 4) / (N_FRAMES - 2))


def test_joints_that_are_not_labelled_cost_nothing_and_missing_ones_are_wrong(truth: Truth) -> None:
    ears_wrong = off_by(truth, 0.0, 1.0)
    ears_wrong.keypoints[:, [3, 4]] += 1000
    assert truth.figures(ears_wrong).pckh_50 == 100
    unseen = off_by(truth, 0.0, 1.0)
    unseen.scores[:, 16] = 0.0
    found = truth.figures(unseen)
    assert found.pckh_50 == pytest.approx(100 * 14 / 15)
    assert found.poseval_ap == pytest.approx(100 * 14 / 15)


def test_ranking_falls_where_wrong_joints_score_higher_than_right_ones(truth: Truth) -> None:
    wrong = np.arange(N_FRAMES)[:, None] < 2
    heads = np.where(wrong, 5.0, 0.0)
    knowing = truth.figures(off_by(truth, heads, np.where(wrong, 0.1, 0.9)))
    mistaken = truth.figures(off_by(truth, heads, np.where(wrong, 0.9, 0.1)))
    assert knowing.ranking == pytest.approx(100.0)
    assert mistaken.ranking < 85
    assert knowing.pckh_50 == mistaken.pckh_50 == 75
    assert knowing.oks_ap > mistaken.oks_ap


def test_scores_that_mean_what_they_say_have_no_calibration_error(truth: Truth) -> None:
    wrong = np.arange(N_FRAMES)[:, None] < 2
    heads = np.where(wrong, 5.0, 0.0)
    assert truth.figures(off_by(truth, heads, 0.75)).calibration_error == pytest.approx(0.0, abs=1e-9)
    assert truth.figures(off_by(truth, heads, 0.95)).calibration_error == pytest.approx(0.2)
    bins = truth.reliability([off_by(truth, 0.0, 0.95), off_by(truth, 5.0, 0.15)])
    low, high = (each for each in bins if each.joints)
    assert (low.low, low.high, low.joints, low.right) == (0.1, 0.2, N_FRAMES * 15, 0.0)
    assert (high.low, high.high, high.joints, high.right) == (0.9, 1.0, N_FRAMES * 15, 1.0)
    assert (low.score, high.score) == pytest.approx((0.15, 0.95))
    outside = truth.reliability([off_by(truth, 0.0, 1.3), off_by(truth, 0.0, -0.2)])
    assert (outside[0].joints, outside[-1].joints) == (N_FRAMES * 15, N_FRAMES * 15)
