"""The PoseTrack benchmark's rules, one by one, on sequences small enough to count by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcpose_core.errors import FormatError
from dcpose_core.metrics.poseval import JOINT_NAMES, PosevalResult, group_means, poseval
from dcpose_core.metrics.scored_frames import strictly_inside
from dcpose_core.skeletons import COCO_17, POSETRACK_17, joint_selection
from dcpose_core.types import FloatArray, PersonPose, PoseSequence, Visibility
from tests.unit.evaluation_scenes import BODY, JOINTS, annotated, moved, predicted, random_scene, sequence

TOTAL = JOINTS
FAR_AWAY = moved(50_000.0)
EVERYTHING = np.array([[-1e6, -1e6], [1e6, -1e6], [1e6, 1e6], [-1e6, 1e6]])
_seeds = st.integers(0, 2**32 - 1)


def _mota(result: PosevalResult) -> FloatArray:
    assert result.tracking is not None
    return result.tracking.mota


def _assert_same(first: PosevalResult, second: PosevalResult) -> None:
    assert first.tracking is not None
    assert second.tracking is not None
    for one, other in (
        (first.detection.ap, second.detection.ap),
        (first.detection.precision, second.detection.precision),
        (first.detection.recall, second.detection.recall),
        (first.tracking.mota, second.tracking.mota),
        (first.tracking.motp, second.tracking.motp),
        (first.tracking.precision, second.tracking.precision),
        (first.tracking.recall, second.tracking.recall),
    ):
        np.testing.assert_allclose(one, other, atol=1e-9)


# --- average precision ---


def test_average_precision_of_right_wrong_right_is_five_sixths() -> None:
    truth = sequence([annotated(0), annotated(1, at=moved(1000))])
    prediction = sequence(
        [
            predicted(0, score=0.9),
            predicted(7, at=FAR_AWAY, score=0.8),
            predicted(1, at=moved(1000), score=0.7),
        ]
    )
    result = poseval([truth], [prediction])
    # Recall 1/2 at precision 1, then recall 1 at precision 2/3.
    np.testing.assert_allclose(result.detection.ap, 100 * (0.5 * 1 + 0.5 * 2 / 3))
    np.testing.assert_allclose(result.detection.precision, 100 * 2 / 3)
    np.testing.assert_allclose(result.detection.recall, 100.0)


@pytest.mark.parametrize(("distance_px", "ap"), [(30.0, 100.0), (30.001, 0.0)])
def test_a_joint_is_right_up_to_half_a_head_size(distance_px: float, ap: float) -> None:
    result = poseval([sequence([annotated()])], [sequence([predicted(at=moved(distance_px))])])
    assert result.detection.ap[TOTAL] == ap


def test_an_annotated_person_takes_the_best_prediction_and_the_other_is_wrong() -> None:
    truth = sequence([annotated()])
    half_right = np.concatenate([BODY[:8], FAR_AWAY[8:]])
    prediction = sequence([predicted(0, at=half_right, score=0.9), predicted(1, score=0.1)])
    result = poseval([truth], [prediction])
    # The better one has the lower score: precision 1/2 at full recall for every joint, also for those both have right.
    np.testing.assert_allclose(result.detection.ap, 50.0)


def test_of_two_equally_good_predictions_the_first_in_the_file_is_taken() -> None:
    truth = sequence([annotated()])
    first_better = sequence([predicted(0, score=0.9), predicted(1, at=moved(5), score=0.1)])
    second_better = sequence([predicted(0, score=0.1), predicted(1, at=moved(5), score=0.9)])
    assert poseval([truth], [first_better]).detection.ap[TOTAL] == 100.0
    assert poseval([truth], [second_better]).detection.ap[TOTAL] == 50.0


def test_a_prediction_between_two_persons_goes_for_the_first_of_equals_only() -> None:
    truth = sequence([annotated(0), annotated(1, at=moved(20))])
    result = poseval([truth], [sequence([predicted(0, at=moved(10))])])
    assert result.detection.correct_counts.tolist() == [1] * JOINTS
    np.testing.assert_allclose(result.detection.recall, 50.0)


def test_a_joint_predicted_where_the_person_has_no_annotation_is_wrong() -> None:
    truth = sequence([annotated(joints=range(1, JOINTS)), annotated(1, at=moved(1000))])
    result = poseval([truth], [sequence([predicted(0), predicted(1, at=moved(1000))])])
    assert result.detection.precision[0] == 50.0
    assert result.detection.precision[1] == 100.0


def test_an_occluded_joint_with_a_place_counts_like_a_visible_one() -> None:
    occluded = replace(annotated(), visibility=np.full(JOINTS, Visibility.OCCLUDED))
    result = poseval([sequence([occluded])], [sequence([predicted()])])
    assert result.detection.annotated_counts.tolist() == [1] * JOINTS
    assert result.detection.ap[TOTAL] == 100.0


def test_a_joint_predicted_but_never_annotated_has_no_ap_and_spoils_its_group_only() -> None:
    left_wrist = JOINT_NAMES.index("left_wrist")
    joints = [joint for joint in range(JOINTS) if joint != left_wrist]
    result = poseval([sequence([annotated(joints=joints)])], [sequence([predicted()])])
    groups = group_means(result.detection.ap)
    assert np.isnan(result.detection.ap[left_wrist])
    assert np.isnan(result.detection.recall[left_wrist])
    assert result.detection.precision[left_wrist] == 0.0
    assert np.isnan(groups.pop("Wrist"))
    assert set(groups.values()) == {100.0}


def test_without_any_prediction_ap_is_zero() -> None:
    result = poseval([sequence([annotated()])], [sequence([])])
    np.testing.assert_array_equal(result.detection.ap, 0.0)


def test_predictions_without_scores_rank_below_all_others() -> None:
    truth = sequence([annotated()])
    scoreless_wrong = sequence([predicted(0, at=FAR_AWAY, score=None), predicted(1, score=-100.0)])
    scoreless_right = sequence([predicted(0, at=FAR_AWAY, score=-100.0), predicted(1, score=None)])
    assert poseval([truth], [scoreless_wrong]).detection.ap[TOTAL] == 100.0
    assert poseval([truth], [scoreless_right]).detection.ap[TOTAL] == 50.0


def test_equal_scores_rank_in_the_order_of_the_file() -> None:
    truth = sequence([annotated()])
    right, wrong = predicted(0, score=None), predicted(1, at=FAR_AWAY, score=None)
    assert poseval([truth], [sequence([right, wrong])]).detection.ap[TOTAL] == 100.0
    assert poseval([truth], [sequence([wrong, right])]).detection.ap[TOTAL] == 50.0


def test_a_head_box_without_extent_matches_nothing_even_exactly() -> None:
    without_extent = replace(annotated(), head_box_xyxy=np.zeros(4))
    result = poseval([sequence([without_extent])], [sequence([predicted()])])
    np.testing.assert_array_equal(result.detection.ap, 0.0)


def test_joints_that_the_predicted_skeleton_lacks_are_missed() -> None:
    selection = joint_selection(COCO_17, sequence().skeleton)
    keypoints = np.zeros((len(COCO_17), 2))
    keypoints[selection[selection >= 0]] = BODY[selection >= 0]
    coco = PersonPose(keypoints, np.full(len(COCO_17), 2), np.full(len(COCO_17), 0.5), track_id=0)
    prediction = replace(sequence([coco]), skeleton=COCO_17)
    ap = poseval([sequence([annotated()])], [prediction]).detection.ap
    missing = {name for name, value in zip(JOINT_NAMES, ap, strict=False) if value == 0}
    assert missing == {"neck", "head_top"}
    assert ap[JOINT_NAMES.index("left_knee")] == 100.0


def test_the_ears_of_the_seventeen_joint_skeleton_do_not_count() -> None:
    keypoints = np.full((len(POSETRACK_17), 2), 9999.0)
    keypoints[joint_selection(POSETRACK_17, sequence().skeleton)] = BODY
    person = PersonPose(keypoints, np.full(len(POSETRACK_17), 2), np.full(len(POSETRACK_17), 0.5), track_id=0)
    prediction = replace(sequence([person]), skeleton=POSETRACK_17)
    assert poseval([sequence([annotated()])], [prediction]).detection.ap[TOTAL] == 100.0


# --- which frames and joints are scored ---


def test_frames_without_annotated_person_cost_nothing() -> None:
    truth = sequence([annotated()], [], [annotated()])
    prediction = sequence([predicted()], [predicted(5, at=FAR_AWAY, score=0.99)], [predicted()])
    result = poseval([truth], [prediction])
    assert result.frame_count == 2
    np.testing.assert_array_equal(result.detection.ap, 100.0)
    np.testing.assert_array_equal(_mota(result), 100.0)


def test_joints_in_an_ignore_region_count_on_neither_side() -> None:
    around_the_first_joint = np.array([[0.0, -50.0], [100.0, -50.0], [100.0, 50.0], [0.0, 50.0]])
    truth = sequence([annotated()], [annotated()], regions=[around_the_first_joint])
    prediction = sequence([predicted(at=moved(10))], [predicted(at=moved(10))])
    result = poseval([truth], [prediction])
    assert result.detection.annotated_counts.tolist() == [0] + [2] * (JOINTS - 1)
    assert result.detection.predicted_counts.tolist() == [0] + [2] * (JOINTS - 1)


def test_those_left_beside_an_ignore_region_keep_their_own_head_size() -> None:
    region = np.array([[-10.0, -10.0], [200.0, -10.0], [200.0, 2000.0], [-10.0, 2000.0]])
    small_headed = replace(annotated(1, at=moved(1000)), head_box_xyxy=np.array([0.0, 0.0, 6.0, 8.0]))
    truth = sequence([annotated(0), small_headed], regions=[region])
    result = poseval([truth], [sequence([predicted(1, at=moved(1000 + 3.01))])])
    assert result.annotated_person_count == 1
    np.testing.assert_array_equal(result.detection.ap, 0.0)


def test_a_joint_on_the_border_of_an_ignore_region_counts() -> None:
    touching = np.array([[50.0, -50.0], [100.0, -50.0], [100.0, 50.0], [50.0, 50.0]])
    result = poseval([sequence([annotated()], regions=[touching])], [sequence([predicted()])])
    assert result.detection.annotated_counts.tolist() == [1] * JOINTS


def test_ignore_regions_of_the_prediction_are_not_heeded() -> None:
    result = poseval([sequence([annotated()])], [sequence([predicted()], regions=[EVERYTHING])])
    assert result.detection.ap[TOTAL] == 100.0


def test_a_frame_whose_persons_are_all_ignored_stays_and_what_is_predicted_there_is_wrong() -> None:
    region = np.array([[-10.0, -10.0], [200.0, -10.0], [200.0, 2000.0], [-10.0, 2000.0]])
    truth = sequence([annotated()], [annotated()], regions=[region])
    prediction = sequence([predicted(0), predicted(1, at=FAR_AWAY)], [])
    result = poseval([truth], [prediction])
    assert result.frame_count == 2
    assert result.annotated_person_count == 0
    assert result.predicted_person_count == 1
    assert result.detection.predicted_counts.tolist() == [1] * JOINTS
    # One side is empty: one object missed and one false positive, whatever was predicted.
    np.testing.assert_array_equal(_mota(result), -100.0)


def test_a_person_without_joints_makes_no_frame_empty() -> None:
    truth = sequence([replace(annotated(joints=[]), head_box_xyxy=None)], [annotated()])
    result = poseval([truth], [sequence([predicted()], [predicted()])])
    assert result.frame_count == 2
    assert result.tracking is not None
    # Nothing to miss in the first frame (the second is the last and out), but one false positive: no objects at all.
    assert np.isnan(result.tracking.mota).all()
    np.testing.assert_array_equal(result.tracking.precision, 0.0)


@pytest.mark.parametrize(
    ("polygon", "point", "inside"),
    [
        ([[0, 0], [10, 0], [10, 10], [0, 10]], [5, 5], True),
        ([[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]], [5, 5], True),  # closed
        ([[0, 10], [10, 10], [10, 0], [0, 0]], [5, 5], True),  # the other way round
        ([[0, 0], [10, 0], [10, 10], [0, 10]], [10, 5], False),  # on a side
        ([[0, 0], [10, 0], [10, 10], [0, 10]], [0, 0], False),  # on a corner
        ([[0, 0], [10, 0], [10, 10], [0, 10]], [15, 5], False),
        ([[0, 0], [10, 0], [10, 10], [0, 10]], [-5, 10], False),  # level with a side
        ([[0, 0], [10, 0], [10, 10], [5, 2], [0, 10]], [5, 5], False),  # in the notch of a concave one
        ([[0, 0], [10, 0], [10, 10], [5, 2], [0, 10]], [1, 5], True),
        ([[0, 0], [5, 5], [10, 0], [5, -5]], [2, 0], True),  # ray through a corner
        ([[0, 0], [5, 5], [10, 0], [5, -5]], [-2, 0], False),
        ([[0, 0], [10, 10], [10, 0], [0, 10]], [1, 5], True),  # a bow tie: its two wings
        ([[0, 0], [10, 10], [10, 0], [0, 10]], [5, 8], False),
        ([[0, 0], [10, 10]], [5, 5], False),  # no area
        ([[0, 0], [10, 10], [0, 0]], [5, 5], False),
    ],
)
def test_only_the_interior_of_a_polygon_is_inside(polygon: list[list[float]], point: list[float], inside: bool) -> None:
    points = np.array([point, point], dtype=np.float64)
    found = strictly_inside(points, np.array(polygon, dtype=np.float64))
    assert found.tolist() == [inside, inside]


# --- tracking ---


def test_a_switch_a_miss_and_a_false_positive_each_count_once() -> None:
    truth = sequence(*[[annotated()]] * 6)
    stray = predicted(8, at=FAR_AWAY)
    prediction = sequence([predicted(1)], [predicted(2)], [predicted(2), stray], [stray], [predicted(2)], [])
    result = poseval([truth], [prediction])
    assert result.tracking is not None
    # 5 objects (the last frame is out): 1 switch, 1 miss, 2 strays; the fourth frame has both a miss and a stray.
    np.testing.assert_allclose(result.tracking.mota, 100 * (1 - (1 + 1 + 2) / 5))
    np.testing.assert_allclose(result.tracking.precision, 100 * 4 / 6)
    np.testing.assert_allclose(result.tracking.recall, 100 * 4 / 5)
    np.testing.assert_array_equal(result.tracking.motp, 100.0)


def test_motp_is_one_minus_the_mean_distance_in_head_sizes() -> None:
    truth = sequence(*[[annotated()]] * 3)
    prediction = sequence([predicted(at=moved(6))], [predicted(at=moved(12))], [predicted()])
    result = poseval([truth], [prediction])
    assert result.tracking is not None
    np.testing.assert_allclose(result.tracking.motp, 100 * (1 - (0.1 + 0.2) / 2))


def test_a_new_id_after_a_gap_is_a_switch_however_long_the_gap() -> None:
    truth = sequence([annotated()], *[[annotated(9, at=FAR_AWAY)]] * 20, [annotated()], [annotated()])
    gap = [[predicted(9, at=FAR_AWAY)]] * 20
    same = sequence([predicted(1)], *gap, [predicted(1)], [predicted(1)])
    other = sequence([predicted(1)], *gap, [predicted(2)], [predicted(1)])
    np.testing.assert_array_equal(_mota(poseval([truth], [same])), 100.0)
    np.testing.assert_allclose(_mota(poseval([truth], [other])), 100 * (1 - 1 / 22))


def test_a_valid_match_is_kept_though_another_prediction_is_nearer() -> None:
    truth = sequence(*[[annotated()]] * 3)
    prediction = sequence([predicted(1)], [predicted(2), predicted(1, at=moved(20))], [])
    result = poseval([truth], [prediction])
    assert result.tracking is not None
    # No switch to the nearer one, which is a false positive instead.
    np.testing.assert_allclose(result.tracking.mota, 50.0)
    np.testing.assert_allclose(result.tracking.motp, 100 * (1 - (0 + 20 / 60) / 2))


def test_as_many_objects_as_possible_are_matched() -> None:
    # The nearest pair first would leave the second person without a prediction within reach.
    truth = sequence([annotated(0), annotated(1, at=moved(25))], [annotated()])
    prediction = sequence([predicted(0, at=moved(20)), predicted(1, at=moved(-25))], [])
    result = poseval([truth], [prediction])
    np.testing.assert_array_equal(_mota(result), 100.0)


def test_the_last_frame_of_a_sequence_is_not_tracked() -> None:
    truth = sequence(*[[annotated()]] * 3)
    swapped_last = sequence([predicted(1)], [predicted(1)], [predicted(2)])
    swapped_before = sequence([predicted(1)], [predicted(2)], [predicted(2)])
    np.testing.assert_array_equal(_mota(poseval([truth], [swapped_last])), 100.0)
    np.testing.assert_array_equal(_mota(poseval([truth], [swapped_before])), 50.0)


def test_the_same_ids_in_two_sequences_are_different_people() -> None:
    truths = [sequence(*[[annotated()]] * 2, name=name) for name in ("a", "b")]
    predictions = [sequence(*[[predicted(track)]] * 2, name=name) for track, name in ((1, "a"), (2, "b"))]
    result = poseval(truths, predictions)
    np.testing.assert_array_equal(_mota(result), 100.0)
    assert list(result.tracking_per_sequence) == ["a", "b"]


def test_a_sequence_of_one_frame_has_ap_but_nothing_to_track() -> None:
    result = poseval([sequence([annotated()])], [sequence([predicted()])])
    assert result.tracking is not None
    assert result.detection.ap[TOTAL] == 100.0
    assert np.isnan(result.tracking.mota).all()
    assert np.isnan(result.tracking.recall).all()
    np.testing.assert_array_equal(result.tracking.motp, 0.0)


def test_sequences_without_any_annotation_give_no_crash() -> None:
    result = poseval([sequence([], [])], [sequence([predicted()], [])])
    assert result.frame_count == 0
    assert result.tracking_per_sequence == {}
    np.testing.assert_array_equal(result.detection.ap, 0.0)
    assert np.isnan(_mota(result)).all()


def test_a_frame_without_predictions_misses_one_object_and_adds_one_false_positive() -> None:
    truth = sequence([annotated(0), annotated(1, at=moved(1000))], [annotated(0)], [annotated(0)])
    result = poseval([truth], [sequence([], [predicted(0)], [predicted(0)])])
    assert result.tracking is not None
    np.testing.assert_allclose(result.tracking.mota, 100 * (1 - 2 / 2))
    np.testing.assert_allclose(result.tracking.precision, 50.0)


def test_without_track_ids_there_is_ap_but_no_tracking() -> None:
    result = poseval([sequence(*[[annotated()]] * 2)], [sequence(*[[predicted(None), predicted(None)]] * 2)])
    assert result.tracking is None
    assert result.tracking_per_sequence == {}
    assert result.detection.recall[TOTAL] == 100.0


# --- input that cannot be scored ---


def test_different_numbers_of_frames_are_an_error_with_both_numbers() -> None:
    with pytest.raises(FormatError, match=r"000001_mpii_test: 3 frames in the ground truth, but 2 in the prediction"):
        poseval([sequence([], [], [])], [sequence([], [])])


@pytest.mark.parametrize("side", ["ground truth", "predictions"])
def test_a_track_id_used_twice_in_a_frame_is_an_error(side: str) -> None:
    truth, prediction = sequence([], [annotated(3)]), sequence([], [predicted(3)])
    if side == "ground truth":
        truth = sequence([], [annotated(3), annotated(3, at=FAR_AWAY)])
    else:
        prediction = sequence([], [predicted(3), predicted(3, at=FAR_AWAY)])
    with pytest.raises(FormatError, match=rf"{side}, sequence 000001_mpii_test, frame 1: track id 3"):
        poseval([truth], [prediction])


def test_an_annotated_person_without_head_box_is_an_error_that_names_him() -> None:
    truth = sequence([annotated()], [annotated(), replace(annotated(4, at=FAR_AWAY), head_box_xyxy=None)])
    with pytest.raises(FormatError, match=r"sequence 000001_mpii_test, frame 1, track 4: no head box"):
        poseval([truth], [sequence([], [])])


def test_track_ids_of_some_persons_only_are_an_error() -> None:
    prediction = sequence([predicted(0)], [predicted(0), predicted(None, at=FAR_AWAY)])
    with pytest.raises(FormatError, match="predictions, sequence 000001_mpii_test, frame 1: a person has no track id"):
        poseval([sequence([annotated()], [annotated()])], [prediction])


def test_a_sequence_without_prediction_is_an_error_that_names_it() -> None:
    truths = [sequence([], name="a"), sequence([], name="b")]
    with pytest.raises(FormatError, match="no prediction for sequence b"):
        poseval(truths, [sequence([], name="a"), sequence([], name="c")])
    with pytest.raises(FormatError, match="no ground truth for sequence c"):
        poseval(truths, [sequence([], name=name) for name in "abc"])
    with pytest.raises(FormatError, match="sequence a occurs more than once"):
        poseval([truths[0], truths[0]], truths)


def test_a_single_sequence_needs_no_common_name() -> None:
    result = poseval([sequence([annotated()], name="a")], [sequence([predicted()], name="b")])
    assert result.detection.ap[TOTAL] == 100.0


# --- properties ---


@settings(deadline=None, max_examples=25)
@given(seed=_seeds)
def test_the_order_of_persons_and_of_sequences_changes_nothing(seed: int) -> None:
    scene = random_scene(seed)
    rng = np.random.default_rng(seed)

    def shuffled(sequences: list[PoseSequence]) -> list[PoseSequence]:
        new = []
        for s in sequences:
            orders = [rng.permutation(len(frame.persons)) for frame in s.frames]
            frames = zip(s.frames, orders, strict=True)
            new.append(s.with_frames(replace(f, persons=tuple(f.persons[i] for i in order)) for f, order in frames))
        return [new[i] for i in rng.permutation(len(new))]

    original = poseval(scene.ground_truth, scene.predictions)
    _assert_same(original, poseval(shuffled(scene.ground_truth), shuffled(scene.predictions)))


@settings(deadline=None, max_examples=25)
@given(seed=_seeds)
def test_predicting_the_ground_truth_is_perfect_whatever_the_scores(seed: int) -> None:
    truths = random_scene(seed).ground_truth
    rng = np.random.default_rng(seed)
    perfect = [
        s.with_frames(
            replace(f, persons=tuple(replace(p, scores=rng.normal(size=JOINTS), head_box_xyxy=None) for p in f.persons))
            for f in s.frames
        )
        for s in truths
    ]
    result = poseval(truths, perfect)
    counted = result.detection.annotated_counts > 0
    np.testing.assert_allclose(result.detection.ap[:JOINTS][counted], 100.0)
    mota = _mota(result)[:JOINTS]
    np.testing.assert_allclose(mota[~np.isnan(mota)], 100.0)


@settings(deadline=None, max_examples=25)
@given(seed=_seeds, score=st.floats(-1, 2))
def test_a_further_false_positive_never_raises_ap_or_mota(seed: int, score: float) -> None:
    scene = random_scene(seed)
    worse = [
        s.with_frames(
            replace(f, persons=(*f.persons, predicted(999, at=FAR_AWAY, score=score))) if f.persons else f
            for f in s.frames
        )
        for s in scene.predictions
    ]
    before, after = poseval(scene.ground_truth, scene.predictions), poseval(scene.ground_truth, worse)
    for earlier, later in ((before.detection.ap, after.detection.ap), (_mota(before), _mota(after))):
        known = ~np.isnan(earlier[:JOINTS]) & ~np.isnan(later[:JOINTS])
        assert (later[:JOINTS][known] <= earlier[:JOINTS][known] + 1e-9).all()
    np.testing.assert_array_equal(before.detection.correct_counts, after.detection.correct_counts)


@settings(deadline=None, max_examples=25)
@given(seed=_seeds, scale=st.floats(0.1, 10), x=st.floats(-1000, 1000))
def test_the_size_and_place_of_the_image_do_not_matter(seed: int, scale: float, x: float) -> None:
    scene = random_scene(seed)

    def transformed(sequences: list[PoseSequence]) -> list[PoseSequence]:
        def person(p: PersonPose) -> PersonPose:
            head = None if p.head_box_xyxy is None else p.head_box_xyxy * scale
            return replace(p, keypoints=p.keypoints * scale + x, head_box_xyxy=head)

        return [s.with_frames(replace(f, persons=tuple(map(person, f.persons))) for f in s.frames) for s in sequences]

    result = poseval(transformed(scene.ground_truth), transformed(scene.predictions))
    _assert_same(poseval(scene.ground_truth, scene.predictions), result)


@settings(deadline=None, max_examples=25)
@given(seed=_seeds)
def test_only_the_ranking_of_scores_and_the_identity_of_tracks_matter_not_their_numbers(seed: int) -> None:
    scene = random_scene(seed)

    def relabelled(p: PersonPose) -> PersonPose:
        assert p.scores is not None
        assert p.track_id is not None
        return replace(p, scores=np.exp(3 * p.scores) - 7, track_id=5 + 3 * p.track_id)

    changed = [
        s.with_frames(replace(f, persons=tuple(map(relabelled, f.persons))) for f in s.frames)
        for s in scene.predictions
    ]
    _assert_same(poseval(scene.ground_truth, scene.predictions), poseval(scene.ground_truth, changed))
