"""The choice of previous and next frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcpose_core.neighbours import Neighbours, choose_neighbours, draw_neighbours


def test_inside_the_clip_both_neighbours_are_as_far_as_allowed() -> None:
    assert choose_neighbours(10, 30, interval=3) == Neighbours(7, 13, 3, 3)


def test_near_a_border_the_farthest_frame_of_the_clip_is_taken() -> None:
    assert choose_neighbours(1, 30, interval=3) == Neighbours(0, 4, 1, 3)


def test_at_a_border_the_key_frame_stands_in_with_margin_1() -> None:
    assert choose_neighbours(0, 5, interval=2) == Neighbours(0, 2, 1, 2)
    assert choose_neighbours(4, 5, interval=2) == Neighbours(2, 4, 2, 1)
    assert choose_neighbours(0, 1, interval=4) == Neighbours(0, 0, 1, 1)


def test_frames_that_cannot_be_had_are_passed_over() -> None:
    damaged = {7, 11, 12, 13}
    chosen = choose_neighbours(10, 30, interval=3, available=lambda index: index not in damaged)
    assert chosen == Neighbours(8, 10, 2, 1)


@pytest.mark.parametrize(("index", "n_frames", "interval"), [(-1, 5, 1), (5, 5, 1), (0, 0, 1), (2, 5, 0)])
def test_what_is_outside_the_clip_is_refused(index: int, n_frames: int, interval: int) -> None:
    with pytest.raises(ValueError, match=r"not in a clip|at least 1"):
        choose_neighbours(index, n_frames, interval=interval)


@given(st.integers(0, 40), st.integers(1, 6), st.integers(0, 2**32 - 1), st.data())
def test_drawn_neighbours_lie_between_the_key_frame_and_the_farthest(
    last: int, interval: int, seed: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, last))
    farthest = choose_neighbours(index, last + 1, interval=interval)
    drawn = draw_neighbours(index, last + 1, interval=interval, rng=np.random.default_rng(seed))
    assert farthest.previous <= drawn.previous <= index <= drawn.next <= farthest.next
    assert drawn.margin_left == max(index - drawn.previous, 1)
    assert drawn.margin_right == max(drawn.next - index, 1)
    assert (drawn.previous == index) == (index == 0)
    assert (drawn.next == index) == (index == last)


def test_the_seed_decides_the_draw_and_every_distance_is_drawn() -> None:
    def draws(seed: int) -> list[Neighbours]:
        rng = np.random.default_rng(seed)
        return [draw_neighbours(20, 40, interval=4, rng=rng) for _ in range(200)]

    assert draws(3) == draws(3)
    assert draws(3) != draws(4)
    assert {n.margin_left for n in draws(3)} == {n.margin_right for n in draws(3)} == {1, 2, 3, 4}


def test_the_papers_margin_at_a_border_is_zero() -> None:
    assert choose_neighbours(0, 9, interval=2, border_margin=0) == (0, 2, 0, 2)
    assert choose_neighbours(8, 9, interval=2, border_margin=0) == (6, 8, 2, 0)


def test_a_nearer_frame_serves_where_one_cannot_be_had() -> None:
    assert choose_neighbours(5, 20, interval=3, available=lambda index: index not in (2, 6, 7, 8)) == (3, 5, 2, 1)
