"""The simulated annotator on sequences whose effort can be counted by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from dcpose_core.effort.by_hand import correct_in_order, correct_where_worst, every_joint, key_frames, leave
from dcpose_core.effort.desk import HAND_NOISE, Desk
from dcpose_core.effort.orders import (
    at_random,
    in_order,
    key_frames_first,
    least_confident_first,
    most_wrong_first,
)
from dcpose_core.effort.responses import Acceptance, Propagating
from dcpose_core.effort.tally import Effort, together
from dcpose_core.effort.truth import TruePose, Visit
from dcpose_core.effort.walk import nothing_follows, walk
from dcpose_core.propagation.proposals import JOINTS, PersonTrack
from tests.unit.effort_worlds import BOX, HEAD_PX, KNEE, NEAR, WRIST, WRONG, Oracle, place, poses, truth

Errors = Mapping[int, Mapping[int, float]]
#: A wrist that is wrong in frames 5 to 14 of 20.
PERSISTENT: Errors = {WRIST: dict.fromkeys(range(5, 15), WRONG)}


def desk(errors_px: Errors, *, n_frames: int = 20, tolerance: float = 0.2) -> Desk:
    return Desk(truth(n_frames), poses(n_frames, errors_px), tolerance=tolerance, seed=0)


def propagating(
    propagator: Oracle, *, reach: int = 30, threshold: float = 0.5, acceptance: Acceptance = Acceptance.THRESHOLD
) -> Propagating:
    return Propagating(propagator, reach, threshold, acceptance)


def test_without_propagation_every_wrong_joint_is_touched_and_no_other() -> None:
    effort = walk(desk(PERSISTENT), in_order, nothing_follows)
    assert (effort.touched, effort.visits, effort.visits_touched) == (10, 20, 10)
    assert effort.wrong_at_start == 10
    assert effort.joint_frames == 20 * JOINTS
    assert effort.far == 0
    assert effort.acceptances == 0
    # 330 joints are exact, ten are off by the hand's noise.
    assert 0 < effort.error < 3 * HAND_NOISE * 10 / 340


def test_a_perfect_propagator_leaves_one_touch_of_a_persistent_error() -> None:
    effort = walk(desk(PERSISTENT), in_order, propagating(Oracle()))
    assert (effort.touched, effort.visits_touched, effort.acceptances) == (1, 1, 1)
    assert effort.repaired == 9
    assert effort.spoiled == 0
    assert effort.far == 0


def test_a_propagator_that_spoils_right_joints_costs_touches() -> None:
    # Each correction spoils the next four frames, where the wrist was right: of 10 wrong frames each still has to be
    # touched, and so have the five to the end, one after the other.
    effort = walk(desk(PERSISTENT), in_order, propagating(Oracle(error_px=WRONG), reach=4))
    assert effort.touched == 15
    assert effort.repaired == 0
    # Frames 15 to 18 are spoiled from frame 14, frame 19 from frame 15; later proposals find them wrong already.
    assert effort.spoiled == 5
    assert effort.far == 0


def test_proposals_below_the_threshold_are_not_accepted() -> None:
    oracle = Oracle(confidence=(0.9, 0.9, 0.3))
    effort = walk(desk(PERSISTENT), in_order, propagating(oracle))
    # Frames 5, 8, 11 and 14 are touched, each carries to the next two.
    assert (effort.touched, effort.acceptances) == (4, 4)
    assert effort.repaired == 6


def test_a_previewing_annotator_takes_a_joint_as_far_as_it_is_right() -> None:
    class Drifting(Oracle):
        def propagate(self, track, frames, joints):  # type: ignore[no-untyped-def]
            for proposed, error_px in zip(super().propagate(track, frames, joints), (0, 0, WRONG, 0, 0), strict=False):
                keypoints = proposed.keypoints - [0.0, error_px]
                yield type(proposed)(
                    proposed.frame, 0, "drifting", keypoints, proposed.confidence, proposed.proposed, proposed.reasons
                )

    effort = walk(desk(PERSISTENT), in_order, propagating(Drifting(), acceptance=Acceptance.PREVIEW))
    assert effort.touched == 4
    assert effort.spoiled == 0
    # Three previews each from frames 5, 8 and 11, three from frame 14: 15 and 16 are right, 17 is not.
    assert effort.previewed == 12
    # One joint, forward each time; backward everything is confirmed.
    assert effort.acceptances == 4


def test_human_joints_never_change_and_stop_the_propagation() -> None:
    oracle = Oracle(error_px=WRONG)
    at_work = desk({WRIST: {4: WRONG, 8: WRONG}}, n_frames=10)
    at_work.look(Visit(0, 6))
    before = at_work.pose(Visit(0, 6)).keypoints
    response = propagating(oracle)
    response(at_work, Visit(0, 4), at_work.look(Visit(0, 4)))
    assert oracle.asked == [[5], [3, 2, 1, 0]]
    np.testing.assert_array_equal(at_work.pose(Visit(0, 6)).keypoints, before)


def test_only_the_touched_joint_is_carried_on() -> None:
    errors: Errors = {WRIST: {3: WRONG}, KNEE: dict.fromkeys(range(10), NEAR)}
    effort = walk(desk(errors, n_frames=10), in_order, propagating(Oracle()))
    assert effort.touched == 1
    assert sum(effort.accepted.values()) == 6


def test_a_wider_tolerance_leaves_small_errors() -> None:
    errors: Errors = {WRIST: dict.fromkeys(range(10), 0.3 * HEAD_PX)}
    strict, generous = (walk(desk(errors, n_frames=10, tolerance=t), in_order) for t in (0.2, 0.5))
    assert (strict.touched, generous.touched) == (10, 0)
    assert (strict.far, generous.far) == (0, 10)


def test_joints_that_are_not_asked_for_are_nobodys_work() -> None:
    at_work = Desk(truth(5, joints=[KNEE]), poses(5, {WRIST: {0: WRONG}}), tolerance=0.2, seed=0)
    effort = walk(at_work, in_order)
    assert (effort.joint_frames, effort.touched) == (5, 0)


def test_a_missing_joint_is_wrong_until_it_is_placed() -> None:
    missing = poses(1, {})
    pose = missing[0][0]
    located = np.arange(JOINTS) != WRIST
    missing[0][0] = type(pose)(pose.keypoints, pose.scores, located, pose.human, BOX)
    at_work = Desk(truth(1), missing, tolerance=0.5, seed=0)
    assert at_work.effort().far == 1
    assert at_work.effort().errors_counted == JOINTS - 1
    effort = walk(at_work, in_order)
    assert (effort.touched, effort.far, effort.errors_counted) == (1, 0, JOINTS)


def test_the_same_seed_gives_the_same_hand_and_another_one_another() -> None:
    def at_the_end(seed: int) -> float:
        at_work = Desk(truth(20), poses(20, PERSISTENT), tolerance=0.2, seed=seed)
        return walk(at_work, in_order).error

    assert at_the_end(1) == at_the_end(1) != at_the_end(2)


@pytest.mark.parametrize(
    "order",
    [
        in_order,
        key_frames_first(6),
        at_random(3),
        most_wrong_first,
        least_confident_first(np.ones(JOINTS, np.bool_)),
    ],
)
def test_every_order_looks_at_everything_once(order) -> None:  # type: ignore[no-untyped-def]
    at_work = desk(PERSISTENT)
    expected = at_work.visits
    visits = list(order(at_work))
    assert sorted(visits) == expected


def test_key_frames_come_first_and_then_what_lies_between() -> None:
    frames = [visit.frame for visit in key_frames_first(8)(desk({}))]
    assert frames[:4] == [0, 8, 16, 19]
    assert frames[4:7] == [1, 2, 3]


def test_an_order_that_knows_finds_all_errors_first_and_confidence_does_so_here() -> None:
    for order in (most_wrong_first, least_confident_first(np.ones(JOINTS, np.bool_))):
        effort = walk(desk(PERSISTENT), order)
        assert effort.found_after(0.5) == 100
        assert effort.found_after(0.25) == 50
        assert effort.found_after(0.0) == 0
    assert walk(desk(PERSISTENT), in_order).found_after(0.25) == 0


def test_the_confidence_order_follows_what_propagation_repaired() -> None:
    visits = []

    def noting(at_work: Desk) -> object:
        for visit in least_confident_first(np.ones(JOINTS, np.bool_))(at_work):
            visits.append(visit.frame)
            yield visit

    errors: Errors = {WRIST: dict.fromkeys(range(5), WRONG), KNEE: {12: WRONG}}
    walk(desk(errors), noting, propagating(Oracle(), reach=6))  # type: ignore[arg-type]
    # The wrist of frame 0 repairs the other four at once, so the knee comes next.
    assert visits[:2] == [0, 12]


def test_from_scratch_touches_everything_once() -> None:
    effort = every_joint(truth(20), tolerance=0.2, rng=np.random.default_rng(0))
    assert effort.touched == effort.joint_frames == 20 * JOINTS
    assert effort.per_100 == 100
    # The mean length of a vector whose two parts scatter by 0.02.
    assert effort.error == pytest.approx(HAND_NOISE * np.sqrt(np.pi / 2), rel=0.2)


def test_key_frames_follow_a_straight_walk_for_the_price_of_the_key_frames() -> None:
    effort = key_frames(truth(21), every=10, finish=leave, tolerance=0.2, rng=np.random.default_rng(0))
    assert (effort.touched, effort.visits, effort.far) == (3 * JOINTS, 3, 0)


def zigzag(n_frames: int, period: int) -> dict[int, dict[int, TruePose]]:
    """A wrist that goes up and down by two head lengths, `period` frames each way."""
    found = {}
    for frame in range(n_frames):
        keypoints = place(frame)
        keypoints[WRIST, 1] += 2 * HEAD_PX * abs((frame / period + 1) % 2 - 1)
        found[frame] = TruePose(keypoints, np.arange(JOINTS) == WRIST, HEAD_PX, BOX)
    return {0: found}


def test_who_adds_key_frames_where_the_line_is_worst_needs_one_a_turn() -> None:
    effort = key_frames(
        zigzag(41, 10), every=None, finish=correct_where_worst, tolerance=0.2, rng=np.random.default_rng(0)
    )
    assert (effort.touched, effort.far) == (5, 0)


def test_who_corrects_in_order_pays_for_the_turns_that_the_key_frames_miss() -> None:
    left = key_frames(zigzag(41, 10), every=20, finish=leave, tolerance=0.2, rng=np.random.default_rng(0))
    assert left.touched == 3
    assert left.far_share > 70
    corrected = key_frames(
        zigzag(41, 10), every=20, finish=correct_in_order, tolerance=0.2, rng=np.random.default_rng(0)
    )
    assert corrected.far == 0
    assert 5 < corrected.touched < 41
    assert corrected.visits == 41


def test_efforts_add_up() -> None:
    one, other = walk(desk(PERSISTENT), in_order), walk(desk({}), in_order)
    both = together([one, other])
    assert isinstance(both, Effort)
    assert (both.touched, both.visits, both.joint_frames) == (10, 40, 2 * one.joint_frames)
    assert both.error == pytest.approx((one.error + other.error) / 2)
    assert both.found_after(1.0) == 100
    assert together([one, every_joint(truth(3), tolerance=0.2, rng=np.random.default_rng(0))]).wrong_course is None


def test_the_desk_shows_a_propagator_the_poses_as_they_stand() -> None:
    at_work = desk(PERSISTENT)
    track = at_work.track(0)
    assert isinstance(track, PersonTrack)
    at_work.look(Visit(0, 5))
    assert track.poses[5].human.all()
    assert not track.poses[6].human.any()
