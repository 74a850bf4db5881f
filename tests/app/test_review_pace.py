"""How long the rest takes, from what the last acts took."""

from __future__ import annotations

import pytest

from app.jobs.review_pace import ENOUGH, IDLE_S, Act, Pace, seconds_each


def _worked(pace: Pace, *, n_left: int, n_acts: int, each_s: float, start_s: float = 0.0) -> float:
    """Somebody settles one thing after the other; returns when."""
    now_s = start_s
    pace.see(now_s)
    pace.note(n_left)
    for done in range(1, n_acts + 1):
        now_s += each_s
        pace.see(now_s)
        pace.note(n_left - done)
    return now_s


def test_nothing_is_said_before_there_is_enough_to_go_by() -> None:
    pace = Pace()
    now_s = _worked(pace, n_left=100, n_acts=ENOUGH - 1, each_s=10.0)
    assert pace.seconds_left() is None
    pace.see(now_s + 10.0)
    pace.note(100 - ENOUGH)
    assert pace.seconds_left() == pytest.approx((100 - ENOUGH) * 10.0)


def test_the_pace_of_earlier_work_counts_until_enough_is_known_of_this() -> None:
    pace = Pace(before_s=4.0)
    assert pace.seconds_left() is None  # of what, is not known yet
    now_s = _worked(pace, n_left=100, n_acts=ENOUGH - 1, each_s=10.0)
    assert pace.seconds_left() == pytest.approx((101 - ENOUGH) * 4.0)
    pace.see(now_s + 10.0)
    pace.note(100 - ENOUGH)
    assert pace.seconds_left() == pytest.approx((100 - ENOUGH) * 10.0)


def test_a_pause_does_not_count() -> None:
    pace = Pace()
    now_s = _worked(pace, n_left=100, n_acts=ENOUGH, each_s=10.0)
    pace.see(now_s + IDLE_S + 3600.0)
    pace.see(now_s + IDLE_S + 3610.0)
    pace.note(80)
    assert pace.seconds_left() == pytest.approx(80 * 10.0)


def test_signs_of_life_in_between_make_one_long_act() -> None:
    acts = [Act(10.0, 1)] * (ENOUGH - 1)
    pace = Pace()
    now_s = _worked(pace, n_left=100, n_acts=ENOUGH - 1, each_s=10.0)
    for step in range(1, 7):
        pace.see(now_s + step * IDLE_S)
    pace.note(50)
    assert pace.each_s == seconds_each([*acts, Act(6 * IDLE_S, 51 - ENOUGH + 50)])


def test_one_act_that_settles_a_hundred_says_little_about_the_next() -> None:
    assert seconds_each([*[Act(10.0, 1)] * ENOUGH, Act(2.0, 100)]) == pytest.approx(10.0)


def test_what_comes_without_a_sign_of_life_belongs_to_the_act_before() -> None:
    pace = Pace()
    _worked(pace, n_left=100, n_acts=ENOUGH, each_s=10.0)
    for n_left in range(99 - ENOUGH, 40, -1):  # a wide edit is looked at in slices
        pace.note(n_left)
    assert pace.seconds_left() == pytest.approx(41 * 10.0)


def test_what_a_run_brings_or_takes_is_no_act() -> None:
    pace = Pace()
    now_s = _worked(pace, n_left=100, n_acts=ENOUGH, each_s=10.0)
    pace.see(now_s + 1.0)
    pace.forget(500)
    pace.forget(20)
    assert pace.seconds_left() == pytest.approx(20 * 10.0)


def test_only_the_last_acts_count() -> None:
    pace = Pace()
    now_s = _worked(pace, n_left=1000, n_acts=100, each_s=50.0)
    _worked(pace, n_left=900, n_acts=100, each_s=5.0, start_s=now_s)
    assert pace.seconds_left() == pytest.approx(800 * 5.0)
