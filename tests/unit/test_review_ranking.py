"""The ranking that comes with the program, and the sequences that it is fitted on."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch

from dcpose_core.estimation import PoseEstimator
from dcpose_core.review import CHECKS
from dcpose_core.review.queue import ReviewQueue
from dcpose_core.review.ranking import BARE, SCORED, load_ranking
from dcpose_core.training.pseudo_truth import PersonTruth
from dcpose_core.training.review_sequences import (
    AnsweredSequence,
    answered_clip,
    with_loose_boxes,
    with_track_faults,
)
from tests.scenes import DotVideo, Fusion, box, dot_model, position
from tests.unit.review_tracks import HEAD_PX, JOINT, SIZE_PX, two_walkers

_WRIST = JOINT("left_wrist")


def answered() -> AnsweredSequence:
    """Two persons, of whom everything is right but a wrist on frames 10 and 11."""
    scene = two_walkers(40)
    truth = scene.keypoints.copy()
    scene.keypoints[10:12, 0, _WRIST] += [0.0, HEAD_PX]
    return AnsweredSequence(
        times_s=scene.times_s,
        size_px=SIZE_PX,
        present=scene.present,
        keypoints=scene.keypoints,
        scores=scene.scores,
        refinement_px=scene.refinement_px,
        boxes_xyxy=scene.boxes_xyxy,
        truth=truth,
        known=np.ones(truth.shape[:3], np.bool_),
    )


def test_the_ranking_weighs_known_checks_and_none_against_an_error() -> None:
    ranking = load_ranking()
    assert ranking.weights.keys() == {SCORED, BARE}
    for weights in ranking.weights.values():
        assert weights.checks.keys() <= CHECKS.keys()
        assert min(weights.checks.values()) > 0
    assert not {"low_confidence", "refinement"} & ranking.weights[BARE].checks.keys()
    assert len(CHECKS) <= 16  # bits in a record of the queue


def test_joints_are_wrong_beyond_a_fifth_of_a_head_length() -> None:
    wrong, judged = answered().wrong()
    assert np.argwhere(wrong).tolist() == [[10, 0, _WRIST], [11, 0, _WRIST]]
    assert judged.all()


def test_an_answered_sequence_is_read_as_it_was_written_and_ranked(tmp_path: Path) -> None:
    answered().save(tmp_path / "one.npz")
    sequence = AnsweredSequence.load(tmp_path / "one.npz")
    np.testing.assert_array_equal(sequence.wrong()[0], answered().wrong()[0])
    queue = ReviewQueue(sequence)
    for _ in queue.compute():
        pass
    assert {(item.frame, item.track_id) for item in queue.items(2)} == {(10, 0), (11, 0)}


def test_faults_of_tracking_are_drawn_from_the_seed_and_leave_the_truth() -> None:
    faulty = [with_track_faults(answered(), np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(faulty[0].keypoints, faulty[1].keypoints)
    assert not np.array_equal(faulty[0].keypoints, faulty[2].keypoints)
    for one in faulty:
        np.testing.assert_array_equal(one.truth, answered().truth)
        assert not one.known[~one.present].any()
        assert one.wrong()[0].sum() > answered().wrong()[0].sum()


def test_loose_boxes_are_boxes_near_the_true_ones() -> None:
    loose = with_loose_boxes(answered(), np.random.default_rng(0)).boxes_xyxy
    assert (loose[..., 2:] > loose[..., :2]).all()
    off = np.abs(loose - answered().boxes_xyxy)
    assert 5 < np.median(off) < 40


@pytest.mark.parametrize("formula", ["current", "wrong"])
def test_a_clip_is_answered_frame_by_frame_in_the_boxes_of_the_truth(formula: str) -> None:
    maps = {"current": lambda c, p, n, margin: c, "wrong": lambda c, p, n, margin: c.roll(8, dims=-1)}
    estimator = PoseEstimator(
        dot_model(Fusion(maps[formula])),
        device=torch.device("cpu"),
        batch_size=8,
        temporal=True,
        announce=pytest.fail,
    )
    known = np.zeros(17, np.bool_)
    known[:5] = True
    truths = []
    for index in range(12):
        joints = np.tile(position(0, index), (17, 1))
        # The dots of a person are all that there is; those that nobody knows lie about it as a head does.
        joints[[1, 2]] += np.array([[0.0, 10.0], [0.0, -10.0]])
        truths.append(PersonTruth(index, 0, box(0, index), joints, joints, known))
    with closing(estimator):
        sequence = answered_clip(DotVideo(12), truths, estimator, np.random.default_rng(0))
    assert sequence.present.all()
    assert sequence.keypoints.shape == (12, 1, 17, 2)
    np.testing.assert_array_equal(sequence.known[:, 0], np.tile(known, (12, 1)))
    off = np.linalg.norm(sequence.keypoints[:, 0, 0] - sequence.truth[:, 0, 0], axis=1)
    assert (np.median(off) < 1.5) == (formula == "current")
    moved = sequence.refinement_px[:, 0, 0]
    assert (np.median(moved) < 0.5) == (formula == "current")
