"""PCK, PCKh and OKS-AP against values worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcpose_core.errors import FormatError
from dcpose_core.metrics.oks import oks_average_precision
from dcpose_core.metrics.pck import head_size_px, pck, pckh
from dcpose_core.skeletons import POSETRACK_15, POSETRACK_17, joint_selection
from dcpose_core.types import FloatArray, PersonPose
from tests.unit.evaluation_scenes import (
    BODY,
    BODY_BOX,
    JOINTS,
    annotated,
    moved,
    predicted,
    random_scene,
    sequence,
)

AREA_PX2 = float((BODY_BOX[2] - BODY_BOX[0]) * (BODY_BOX[3] - BODY_BOX[1]))


def _with_oks(value: float) -> FloatArray:
    """Joints so far off that each one's similarity exp(-d^2 / (2 A (2 sigma)^2)) is `value`."""
    distances = 2 * np.array(POSETRACK_15.oks_sigmas) * np.sqrt(2 * AREA_PX2 * np.log(1 / value))
    return np.asarray(BODY + np.stack([distances, np.zeros(JOINTS)], axis=1), dtype=np.float64)


# --- PCK ---


def test_head_size_is_six_tenths_of_the_diagonal() -> None:
    boxes = np.array([[10.0, 20.0, 40.0, 60.0], [0.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(head_size_px(boxes), [30.0, 0.0])


def test_pck_counts_annotated_joints_within_the_threshold_inclusive() -> None:
    annotation = np.zeros((2, 3, 2))
    prediction = np.array([[[5.0, 0.0], [3.0, 4.0], [0.0, 5.01]], [[0.0, 10.0], [0.0, 11.0], [0.0, 0.0]]])
    located = np.array([[True, True, True], [True, True, False]])
    result = pck(
        predicted=prediction,
        annotated=annotation,
        located=located,
        reference_px=np.array([10.0, 20.0]),
        threshold=0.5,
    )
    np.testing.assert_allclose(result.per_joint, [100.0, 50.0, 0.0])
    assert result.total == pytest.approx(60.0)


def test_pckh_measures_in_head_sizes() -> None:
    heads = np.array([[0.0, 0.0, 30.0, 40.0]])  # head size 30 px
    prediction = np.array([[[0.0, 15.0], [0.0, 15.1]]])
    annotation, located = np.zeros((1, 2, 2)), np.ones((1, 2), dtype=np.bool_)
    half = pckh(predicted=prediction, annotated=annotation, located=located, head_box_xyxy=heads)
    tenth = pckh(predicted=prediction, annotated=annotation, located=located, head_box_xyxy=heads, threshold=0.1)
    np.testing.assert_allclose(half.per_joint, [100.0, 0.0])
    assert half.total == 50.0
    assert tenth.total == 0.0


def test_a_joint_that_was_not_predicted_is_wrong_and_one_nobody_annotated_has_no_pck() -> None:
    everywhere = np.zeros((1, 3, 2))
    result = pck(
        predicted=everywhere,
        annotated=everywhere,
        located=np.array([[True, True, False]]),
        reference_px=np.array([1.0]),
        threshold=0.2,
        predicted_located=np.array([[True, False, True]]),
    )
    np.testing.assert_array_equal(result.per_joint, [100.0, 0.0, np.nan])
    assert result.total == 50.0


def test_pck_of_nobody_is_not_a_number() -> None:
    result = pck(
        predicted=np.zeros((0, 2, 2)),
        annotated=np.zeros((0, 2, 2)),
        located=np.zeros((0, 2), dtype=np.bool_),
        reference_px=np.zeros(0),
        threshold=0.5,
    )
    assert np.isnan(result.total)
    assert np.isnan(result.per_joint).all()


# --- OKS ---


@pytest.mark.parametrize(
    ("similarity", "ap", "ap50", "ap75"),
    # AP is the share of the ten thresholds 0.50, 0.55, ... 0.95 that the one match reaches.
    [(0.97, 100.0, 100.0, 100.0), (0.77, 60.0, 100.0, 100.0), (0.72, 50.0, 100.0, 0.0), (0.49, 0.0, 0.0, 0.0)],
)
def test_oks_ap_of_one_person_is_the_share_of_thresholds_he_reaches(
    similarity: float, ap: float, ap50: float, ap75: float
) -> None:
    result = oks_average_precision([sequence([annotated()])], [sequence([predicted(at=_with_oks(similarity))])])
    assert (result.ap, result.ap50, result.ap75, result.ar) == pytest.approx((ap, ap50, ap75, ap))


def test_a_joint_that_was_not_predicted_has_no_similarity() -> None:
    # 14 of 15 joints exact: OKS 0.933, nine of ten thresholds. The annotation of the missing one lies at the corner
    # of the image, where a missing joint's coordinates would be.
    at_the_corner = BODY.copy()
    at_the_corner[0] = 0.0
    truth = sequence([annotated(at=at_the_corner)])
    result = oks_average_precision([truth], [sequence([predicted(at=at_the_corner, joints=range(1, JOINTS))])])
    assert result.ap == pytest.approx(90.0)


def test_joints_that_were_not_annotated_do_not_count() -> None:
    truth = sequence([annotated(joints=range(8))])
    half_wrong = np.concatenate([BODY[:8], moved(5000.0)[8:]])
    result = oks_average_precision([truth], [sequence([predicted(at=half_wrong)])])
    assert result.ap == pytest.approx(100.0)


def test_ears_do_not_count() -> None:
    def with_ears(pose: PersonPose, ears_at: float) -> PersonPose:
        keypoints = np.full((len(POSETRACK_17), 2), ears_at)
        keypoints[joint_selection(POSETRACK_17, POSETRACK_15)] = pose.keypoints
        scores = None if pose.scores is None else np.full(len(POSETRACK_17), 0.5)
        return replace(pose, keypoints=keypoints, visibility=np.full(len(POSETRACK_17), 2), scores=scores)

    truth = replace(sequence([with_ears(annotated(), 10.0)]), skeleton=POSETRACK_17)
    prediction = replace(sequence([with_ears(predicted(), 9000.0)]), skeleton=POSETRACK_17)
    assert oks_average_precision([truth], [prediction]).ap == pytest.approx(100.0)


def test_a_better_scored_false_person_halves_the_oks_ap() -> None:
    stray = predicted(1, at=moved(50_000.0), score=0.9)
    result = oks_average_precision([sequence([annotated()])], [sequence([stray, predicted(0, score=0.1)])])
    assert result.ap == pytest.approx(50.0)
    assert result.ar == pytest.approx(100.0)


def test_without_a_person_score_the_mean_of_the_joint_scores_ranks() -> None:
    stray = replace(predicted(1, at=moved(50_000.0), score=0.9), score=None)
    person = replace(predicted(0, score=0.1), score=None)
    better_person = replace(person, scores=np.full(JOINTS, 0.95))
    truth = [sequence([annotated()])]
    assert oks_average_precision(truth, [sequence([stray, person])]).ap == pytest.approx(50.0)
    assert oks_average_precision(truth, [sequence([stray, better_person])]).ap == pytest.approx(100.0)


def test_without_a_body_box_the_box_of_the_joints_gives_the_area() -> None:
    wide = BODY.copy()
    wide[0, 0] = 450.0  # extent 400 x 1400, so the PoseTrack box is 520 x 1820
    similarity = np.exp(-(40.0**2) / (2 * 520 * 1820 * (2 * np.array(POSETRACK_15.oks_sigmas)) ** 2)).mean()
    truth = sequence([replace(annotated(at=wide), box_xyxy=None)])
    result = oks_average_precision([truth], [sequence([predicted(at=wide + np.array([0.0, 40.0]))])])
    thresholds = np.linspace(0.5, 0.95, 10)
    assert 0.5 < similarity < 0.95
    assert result.ap == pytest.approx(100 * (thresholds <= similarity).mean())


def test_an_annotated_person_of_unknown_size_is_neither_missed_nor_found() -> None:
    one_joint = replace(annotated(1, at=moved(1000.0), joints=[3]), box_xyxy=None)
    truth = sequence([annotated(0), one_joint])
    only_the_other = oks_average_precision([truth], [sequence([predicted(0)])])
    both = oks_average_precision([truth], [sequence([predicted(0), predicted(1, at=moved(1000.0), score=0.9)])])
    assert only_the_other.ap == pytest.approx(100.0)
    assert both.ap == pytest.approx(100.0)


def test_oks_of_nobody_is_not_a_number_and_of_no_prediction_zero() -> None:
    assert np.isnan(oks_average_precision([sequence([])], [sequence([predicted()])]).ap)
    assert oks_average_precision([sequence([annotated()])], [sequence([])]).ap == 0.0


def test_oks_needs_sequences_of_the_same_names() -> None:
    truths = [sequence([], name="a"), sequence([], name="b")]
    with pytest.raises(FormatError, match="no ground truth for sequence c"):
        oks_average_precision(truths, [sequence([], name=name) for name in "abc"])


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1))
def test_oks_ap_does_not_depend_on_the_order_of_persons(seed: int) -> None:
    scene = random_scene(seed, noise_px=60.0)
    backwards = [
        [s.with_frames(replace(f, persons=f.persons[::-1]) for f in s.frames) for s in sequences]
        for sequences in (scene.ground_truth, scene.predictions)
    ]
    first = oks_average_precision(scene.ground_truth, scene.predictions)
    second = oks_average_precision(*backwards)
    np.testing.assert_allclose(
        [first.ap, first.ap50, first.ap75, first.ar], [second.ap, second.ap50, second.ap75, second.ar]
    )
