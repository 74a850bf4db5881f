"""Every propagator keeps the contract; flow follows known motion; interpolation is exact where it can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcpose_core.propagation import PROPAGATORS, PersonTrack, ProposedPose
from dcpose_core.propagation.blend import Blend
from dcpose_core.propagation.calibration import Calibration, fit, sigmoid, using
from dcpose_core.propagation.flow import FlowPropagator
from dcpose_core.propagation.human_frames import HumanFrames, head_length_px
from dcpose_core.propagation.interpolate import Interpolation
from dcpose_core.propagation.optical_flow import DenseFlow, Follow, lucas_kanade
from dcpose_core.types import FloatArray
from tests.unit.moving_person import (
    ALL_JOINTS,
    HEAD_PX,
    STANDING,
    ArrayFootage,
    aside,
    corrected_track,
    moving_footage,
    pose,
    truth,
)

METHODS = sorted(PROPAGATORS)
_FLOWS: dict[str, Follow] = {"flow": lucas_kanade, "flow_dis": DenseFlow()}


def errors(proposed: ProposedPose) -> FloatArray:
    """Head lengths from the truth of the proposed joints."""
    distances = np.linalg.norm(proposed.keypoints - truth(proposed.frame), axis=-1)
    return np.asarray(distances[proposed.proposed] / HEAD_PX)


# -- every propagator


@pytest.fixture(scope="module")
def footage() -> ArrayFootage:
    return moving_footage()


@pytest.mark.parametrize("method", METHODS)
def test_a_propagator_proposes_for_the_frames_and_joints_asked_for_and_no_others(
    method: str, footage: ArrayFootage
) -> None:
    joints = np.zeros(17, np.bool_)
    joints[[0, 9, 10]] = True
    proposals = list(PROPAGATORS[method](footage).propagate(corrected_track([2, 8]), [3, 4, 5], joints))
    frames = [proposed.frame for proposed in proposals]
    assert frames == [frame for frame in (3, 4, 5) if frame in frames]
    assert proposals
    for proposed in proposals:
        assert proposed.track_id == 7
        assert proposed.method == method
        assert not (proposed.proposed & ~joints).any()
        assert ((proposed.confidence >= 0) & (proposed.confidence <= 1)).all()
        assert np.isfinite(proposed.keypoints).all()
        assert [bool(reason) for reason in proposed.reasons] == proposed.proposed.tolist()


@pytest.mark.parametrize("method", METHODS)
def test_joints_that_a_person_decided_on_a_target_frame_are_never_proposed(method: str, footage: ArrayFootage) -> None:
    track = corrected_track([2, 8])
    decided = np.zeros(17, np.bool_)
    decided[[5, 16]] = True
    poses = dict(track.poses) | {4: pose(truth(4), human=decided, located=np.arange(17) != 16, predicted=truth(4))}
    proposals = PROPAGATORS[method](footage).propagate(PersonTrack(7, poses), [3, 4, 5], ALL_JOINTS)
    on_target = [proposed for proposed in proposals if proposed.frame == 4]
    assert on_target
    assert not on_target[0].proposed[[5, 16]].any()
    assert on_target[0].proposed.any()


@pytest.mark.parametrize("method", METHODS)
def test_a_closed_generator_looks_at_no_further_frame(method: str) -> None:
    footage = moving_footage()
    proposals = PROPAGATORS[method](footage).propagate(corrected_track([2]), range(3, 12), ALL_JOINTS)
    assert isinstance(proposals, Iterator)
    assert not footage.asked
    next(proposals, None)
    # A window of three frames, or a step of flow, and not the rest of the video.
    assert max(footage.asked, default=0) <= 5
    looked = len(footage.asked)
    proposals.close()  # type: ignore[attr-defined]  # generators, by contract
    assert len(footage.asked) == looked


@pytest.mark.parametrize("method", METHODS)
def test_without_a_human_frame_nothing_is_proposed(method: str, footage: ArrayFootage) -> None:
    assert not list(PROPAGATORS[method](footage).propagate(corrected_track([]), range(12), ALL_JOINTS))


@pytest.mark.parametrize("method", METHODS)
def test_what_a_person_called_absent_is_not_carried_on(method: str, footage: ArrayFootage) -> None:
    track = corrected_track([])
    absent = np.arange(17) == 9
    poses = dict(track.poses) | {3: pose(truth(3), human=True, located=~absent, predicted=truth(3))}
    for proposed in PROPAGATORS[method](footage).propagate(PersonTrack(7, poses), [4, 5], ALL_JOINTS):
        assert not proposed.proposed[9]


@pytest.mark.parametrize("method", METHODS)
def test_a_damaged_frame_stops_nobody(method: str) -> None:
    footage = moving_footage(damaged=[5])
    proposals = PROPAGATORS[method](footage).propagate(corrected_track([2, 8]), range(3, 8), ALL_JOINTS)
    assert {proposed.frame for proposed in proposals} >= {3, 4, 6, 7}


# -- flow


@pytest.mark.parametrize("method", sorted(_FLOWS))
@pytest.mark.parametrize("direction", [1, -1])
def test_flow_follows_a_texture_that_moves_turns_and_grows(method: str, direction: int, footage: ArrayFootage) -> None:
    start = 0 if direction > 0 else 11
    targets = [start + direction * step for step in range(1, 12)]
    flow = FlowPropagator(footage, _FLOWS[method], name=method)
    proposals = list(flow.propagate(corrected_track([start]), targets, ALL_JOINTS))
    assert [proposed.frame for proposed in proposals] == targets
    assert proposals[0].proposed.all()
    assert errors(proposals[0]).max() < 0.05
    assert errors(proposals[-1]).max() < 0.2


@pytest.mark.parametrize("method", sorted(_FLOWS))
def test_flow_from_both_sides_is_better_than_from_one(method: str, footage: ArrayFootage) -> None:
    flow = FlowPropagator(footage, _FLOWS[method], name=method)
    (one,) = flow.propagate(corrected_track([0]), [10], ALL_JOINTS)
    (both,) = flow.propagate(corrected_track([0, 11]), [10], ALL_JOINTS)
    assert errors(both).mean() < errors(one).mean()
    assert both.reasons[0] == "followed from the human frame 11"  # 0 is too far away to matter beside it
    (middle,) = flow.propagate(corrected_track([0, 11]), [6], ALL_JOINTS)
    assert middle.reasons[0] == "followed from the human frames 0 and 11"


def test_flow_loses_what_it_cannot_see() -> None:
    flat = np.full((240, 320, 3), 90, np.uint8)
    flow = FlowPropagator(ArrayFootage([flat] * 3), lucas_kanade, name="flow")
    assert not list(flow.propagate(corrected_track([0]), [1, 2], ALL_JOINTS))


def test_flow_loses_what_leaves_the_image() -> None:
    footage = moving_footage(12)
    track = corrected_track([0])
    outside = np.array([-200.0, 0.0])
    start = pose(np.where((np.arange(17) == 3)[:, None], outside, truth(0)), human=True)
    proposals = list(
        FlowPropagator(footage, lucas_kanade, name="flow").propagate(
            PersonTrack(7, dict(track.poses) | {0: start}), [1], ALL_JOINTS
        )
    )
    assert not proposals or not proposals[0].proposed[3]


def test_the_surer_side_weighs_more() -> None:
    footage = moving_footage(9)
    (near_left,) = FlowPropagator(footage, lucas_kanade, name="flow").propagate(
        _shifted_track(9, left=0.0, right=6.0), [2], ALL_JOINTS
    )
    # The right human frame, six pixels off, is three times as far away.
    off = (near_left.keypoints - truth(2))[near_left.proposed, 0]
    assert 0 <= np.median(off) < 3.0


def _shifted_track(n_frames: int, *, left: float, right: float) -> PersonTrack:
    track = corrected_track([0, n_frames - 1], n_frames=n_frames)
    last = n_frames - 1
    ends = {0: pose(truth(0) + aside(left), human=True), last: pose(truth(last) + aside(right), human=True)}
    return PersonTrack(7, dict(track.poses) | ends)


# -- interpolation

_FAR = st.integers(min_value=-50, max_value=50)


def _knots(points: dict[int, FloatArray], n_frames: int = 40) -> PersonTrack:
    blank = {frame: pose(STANDING) for frame in range(n_frames)}
    return PersonTrack(1, blank | {frame: pose(at, human=True) for frame, at in points.items()})


@pytest.mark.parametrize("curved", [False, True])
@settings(max_examples=25)
@given(velocity=st.tuples(_FAR, _FAR), gap=st.integers(min_value=2, max_value=15))
def test_steady_motion_is_interpolated_exactly(curved: bool, velocity: tuple[int, int], gap: int) -> None:
    at = {frame: STANDING + frame * np.array(velocity) / 10 for frame in (2, 2 + gap, 2 + 2 * gap)}
    frames = range(3, 2 + gap)
    for proposed in Interpolation(ArrayFootage([]), curved=curved).propagate(_knots(at), frames, ALL_JOINTS):
        expected = STANDING + proposed.frame * np.array(velocity) / 10
        np.testing.assert_allclose(proposed.keypoints, expected, atol=1e-9)


@settings(max_examples=25)
@given(xs=st.lists(st.floats(-100, 100), min_size=4, max_size=4), frame=st.integers(11, 19))
def test_the_curve_never_leaves_the_range_of_the_two_frames_around(xs: list[float], frame: int) -> None:
    at = {10 * i: STANDING + aside(x) for i, x in enumerate(xs)}
    (proposed,) = Interpolation(ArrayFootage([])).propagate(_knots(at), [frame], ALL_JOINTS)
    low, high = sorted(xs[1:3])
    shift = proposed.keypoints[:, 0] - STANDING[:, 0]
    assert (shift >= low - 1e-6).all()
    assert (shift <= high + 1e-6).all()


def test_the_curve_is_nearer_to_a_swing_than_the_line() -> None:
    def swing(frame: int) -> FloatArray:
        return STANDING + aside(30 * np.sin(frame / 6))

    track = _knots({frame: swing(frame) for frame in (0, 6, 12, 18, 24)})
    off = {}
    for curved in (False, True):
        found = Interpolation(ArrayFootage([]), curved=curved).propagate(track, [7, 8, 9, 10, 11], ALL_JOINTS)
        off[curved] = np.mean([np.abs(one.keypoints - swing(one.frame)).max() for one in found])
    assert off[True] < off[False]


def test_nothing_is_interpolated_outside_the_human_frames() -> None:
    track = _knots({10: STANDING, 20: STANDING + 5.0})
    found = Interpolation(ArrayFootage([])).propagate(track, [9, 21, 15], ALL_JOINTS)
    assert [proposed.frame for proposed in found] == [15]


@pytest.mark.parametrize("name", ["interpolate", "linear"])
def test_interpolation_is_less_sure_in_the_middle_of_a_gap_and_over_a_long_way(name: str) -> None:
    def sure(gap: int, frame: int, moved_px: float) -> float:
        track = _knots({5: STANDING, 5 + gap: STANDING + aside(moved_px)})
        (proposed,) = PROPAGATORS[name](ArrayFootage([])).propagate(track, [frame], ALL_JOINTS)
        return float(proposed.confidence.mean())

    assert sure(10, 6, 20.0) > sure(10, 10, 20.0)
    assert sure(10, 10, 2.0) > sure(10, 10, 60.0)
    assert sure(4, 7, 20.0) > sure(20, 15, 20.0)


# -- blend


def test_a_model_that_is_right_again_is_believed(footage: ArrayFootage) -> None:
    track = corrected_track([2])
    recovered = dict(track.poses) | {3: pose(truth(3)), 4: pose(truth(4))}
    proposals = list(PROPAGATORS["blend"](footage).propagate(PersonTrack(7, recovered), [3, 4], ALL_JOINTS))
    assert len(proposals) == 2
    for proposed in proposals:
        assert errors(proposed).max() < 0.02
        stays = [reason.startswith("as the model has it") for reason in proposed.reasons]
        assert sum(stays) > 8
        np.testing.assert_array_equal(proposed.keypoints[stays], truth(proposed.frame)[stays])  # not moved at all


def test_the_blend_leaves_a_model_that_goes_on_being_wrong(footage: ArrayFootage) -> None:
    for proposed in PROPAGATORS["blend"](footage).propagate(corrected_track([2]), [3, 4], ALL_JOINTS):
        assert errors(proposed).max() < 0.2


class _Saying:
    """Says one thing about every frame."""

    def __init__(self, name: str, shift_px: float, confidence: float) -> None:
        self.name, self.shift_px, self.confidence = name, shift_px, confidence

    def propagate(self, track: PersonTrack, frames: object, joints: object) -> Iterator[ProposedPose]:
        yield ProposedPose(
            frame=3,
            track_id=track.track_id,
            method=self.name,
            keypoints=truth(3) + aside(self.shift_px),
            confidence=np.full(17, self.confidence),
            proposed=ALL_JOINTS,
            reasons=(f"{self.name} says so",) * 17,
        )


def test_two_that_agree_outvote_one_who_is_as_sure(footage: ArrayFootage) -> None:
    sources = {"a": _Saying("a", 40.0, 0.7), "b": _Saying("b", 0.0, 0.7), "c": _Saying("c", 1.0, 0.7)}
    weights = {"own": 1.0, "for": 1.0, "against": -1.0}
    table = {f"blend: {name}": Calibration(weights, (0.0,) * 17) for name in (*sources, "model")}
    with using(table):
        (proposed,) = Blend(footage, sources).propagate(corrected_track([2]), [3], ALL_JOINTS)
    assert errors(proposed).max() < 0.1
    assert "agree" in proposed.reasons[0]


def test_what_is_likelier_right_as_it_stands_is_not_accepted_without_a_look() -> None:
    said = ProposedPose(
        frame=3,
        track_id=7,
        method="flow",
        keypoints=truth(3),
        confidence=np.full(17, 0.7),
        proposed=np.arange(17) != 4,
        reasons=("",) * 17,
        as_is=np.where(np.arange(17) < 9, 0.6, 0.8),
    )
    assert np.flatnonzero(said.sure(0.5)).tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    assert not said.sure(0.75).any()
    one, *_, other = said.joints()
    assert one.is_sure(0.5)
    assert not one.is_sure(0.75)
    assert not other.is_sure(0.5)


@pytest.mark.parametrize("name", ["flow", "flow_dis", "interpolate", "blend"])
def test_a_joint_is_judged_by_how_wrong_the_model_was_beside_it(name: str, footage: ArrayFootage) -> None:
    wrong = corrected_track([2, 5])
    right = PersonTrack(7, dict(wrong.poses) | {frame: pose(truth(frame)) for frame in (3, 4)})
    for still_wrong, recovered in zip(
        *(PROPAGATORS[name](footage).propagate(track, [3, 4], ALL_JOINTS) for track in (wrong, right)), strict=True
    ):
        assert (still_wrong.as_is < 0.35).all()
        assert (recovered.as_is > still_wrong.as_is + 0.2).all()  # both had a score of 0.5
        assert still_wrong.sure(0.0)[still_wrong.confidence > 0.4].all()


@pytest.mark.parametrize("name", ["flow_dis", "blend"])
def test_an_accepted_proposal_is_as_sure_as_it_was_said_then(name: str, footage: ArrayFootage) -> None:
    track = corrected_track([2])
    accepted = replace(track.poses[3], keypoints=truth(3), scores=np.full(17, 0.7), predicted=track.poses[3].keypoints)
    track = PersonTrack(7, dict(track.poses) | {3: accepted})
    (proposed,) = PROPAGATORS[name](footage).propagate(track, [3], ALL_JOINTS)
    np.testing.assert_array_equal(proposed.as_is, accepted.scores)
    assert not any("as the model has it" in reason for reason in proposed.reasons)


def test_where_nobody_knows_what_the_model_had_said_its_score_counts_and_quick_propagators_do_not_ask(
    footage: ArrayFootage,
) -> None:
    track = corrected_track([2])
    track = PersonTrack(7, {frame: replace(one, predicted=None) for frame, one in track.poses.items()})
    (quick,) = PROPAGATORS["flow_dis"](footage).propagate(track, [3], ALL_JOINTS)
    np.testing.assert_array_equal(quick.as_is, track.poses[3].scores)
    (asking,) = PROPAGATORS["blend"](footage).propagate(track, [3], ALL_JOINTS)
    assert not (asking.as_is == track.poses[3].scores).any()


def test_what_was_followed_once_is_not_followed_again(footage: ArrayFootage) -> None:
    propagator = FlowPropagator(footage, lucas_kanade, name="flow")
    first = list(propagator.propagate(corrected_track([2]), [3, 4], ALL_JOINTS))
    looked = len(footage.asked)
    again = list(propagator.propagate(corrected_track([2]), [3, 4], ALL_JOINTS))
    assert len(footage.asked) == looked
    np.testing.assert_array_equal(again[1].keypoints, first[1].keypoints)
    list(propagator.propagate(corrected_track([2]), [3, 4, 5], ALL_JOINTS))
    assert footage.asked[looked:] == [4, 5]


# -- confidence


def test_a_fitted_calibration_gives_back_the_probabilities_that_made_the_samples() -> None:
    rng = np.random.default_rng(3)
    x, joints = rng.normal(size=20000), rng.integers(0, 17, 20000)
    correct = rng.random(20000) < sigmoid(1.5 * x - 0.5)
    fitted = fit({"x": x}, correct=correct, joints=joints)
    assert fitted.weights["x"] == pytest.approx(1.5, abs=0.1)
    assert np.mean(fitted.biases) == pytest.approx(-0.5, abs=0.1)


def test_a_way_that_is_long_never_speaks_for_a_joint_whatever_the_samples_say() -> None:
    rng = np.random.default_rng(4)
    x, joints = rng.normal(size=5000), rng.integers(0, 17, 5000)
    correct = rng.random(5000) < sigmoid(2.0 * x)
    assert fit({"path": x}, correct=correct, joints=joints).weights["path"] == 0.0
    assert fit({"path": -x}, correct=correct, joints=joints).weights["path"] < -1.5
    assert fit({"peak": -x}, correct=correct, joints=joints).weights["peak"] == 0.0


def test_samples_that_are_all_right_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="right and samples that are wrong"):
        fit({"x": np.zeros(5)}, correct=np.ones(5, np.bool_), joints=np.zeros(5, np.int64))


# -- human frames


def test_an_absent_joint_hides_the_human_frames_behind_it() -> None:
    absent = pose(truth(5), human=True, located=np.arange(17) != 4)
    track = PersonTrack(7, dict(corrected_track([1, 8]).poses) | {5: absent})
    human = HumanFrames(track, [6, 3])
    assert human.before(6, 4) == []
    assert human.before(6, 0, 2) == [5, 1]
    assert human.after(3, 4) == []
    assert human.after(6, 4) == [8]


def test_the_head_length_survives_a_frame_with_a_wrong_head() -> None:
    poses = dict(corrected_track([1]).poses)
    wrong = truth(4).copy()
    wrong[2] += [0.0, -300.0]
    poses[4] = pose(wrong)
    length = head_length_px(PersonTrack(7, poses), 4)
    assert length is not None
    assert length == pytest.approx(HEAD_PX, rel=0.05)


def test_beyond_the_end_of_a_track_the_head_is_as_long_as_at_its_end() -> None:
    track = corrected_track([1])
    assert head_length_px(track, 40) == pytest.approx(HEAD_PX, rel=0.1)
    assert head_length_px(track, 1000) is None
