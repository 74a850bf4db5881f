"""The arithmetic of the timeline: frames to pixels and back, and one value a pixel column."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.project.records import FrameState
from app.ui.timeline import span_sets
from app.ui.timeline.columns import covered_columns, lowest_values, state_shares
from app.ui.timeline.time_axis import TimeAxis
from app.ui.timeline.time_text import time_text
from app.ui.timeline.track_events import EventKind, TrackEvent, neighbouring_event, track_events

axes = st.builds(
    lambda n, width, start, span: TimeAxis.whole(n, width).showing(
        int(start * (n - 1)), min(n - 1, int(start * (n - 1)) + int(span * n))
    ),
    st.integers(1, 300_000),
    st.integers(1, 4000),
    st.floats(0, 1),
    st.floats(0, 1),
)
spans = st.lists(st.integers(0, 60), unique=True, max_size=20).map(
    lambda ends: [(a, b) for a, b in zip(sorted(ends)[::2], sorted(ends)[1::2], strict=False)]
)


@given(axes, st.floats(0, 1))
def test_a_frame_lies_under_the_pixels_that_it_covers(axis: TimeAxis, part: float) -> None:
    frame = axis.first_frame + int(part * (axis.last_frame - axis.first_frame))
    middle = (axis.x_of(frame) + axis.x_of(frame + 1)) / 2
    assert axis.frame_at(middle) == frame


@given(axes, st.floats(0, 1), st.floats(0.1, 10))
def test_zooming_keeps_the_frame_under_the_cursor_and_stays_inside_the_video(
    axis: TimeAxis, part: float, factor: float
) -> None:
    x = part * axis.width_px
    zoomed = axis.zoomed(x, factor)
    assert zoomed.start >= 0
    assert zoomed.start + zoomed.span <= axis.n_frames + 1e-6
    at = axis.start + x / axis.px_per_frame
    touches_an_end = zoomed.start == 0 or zoomed.start + zoomed.span >= axis.n_frames - 1e-6
    assert touches_an_end or zoomed.start + x / zoomed.px_per_frame == pytest.approx(at)


@given(axes, st.integers(0, 299_999))
def test_revealing_a_frame_brings_it_into_view(axis: TimeAxis, frame: int) -> None:
    frame = min(frame, axis.n_frames - 1)
    shown = axis.revealing(frame)
    assert shown.first_frame <= frame <= shown.last_frame
    assert shown.span == axis.span


@given(axes, st.integers(1, 3000))
def test_every_visible_frame_belongs_to_a_column_and_no_other_does(axis: TimeAxis, columns: int) -> None:
    starts, stop = axis.column_starts(columns)
    assert starts[0] == axis.first_frame
    assert stop == axis.last_frame + 1
    assert (np.diff(starts) >= 0).all()


def test_a_single_verified_frame_among_200_000_still_shows() -> None:
    states = np.zeros(200_000, np.uint8)
    states[123_456] = FrameState.VERIFIED
    shares = state_shares(states, TimeAxis.whole(200_000, 1000), 1000)
    assert np.flatnonzero(shares[2]).tolist() == [617]
    assert shares[2, 617] == pytest.approx(1 / 200)


def test_a_verified_frame_counts_as_annotated_and_edited_too() -> None:
    states = np.array([FrameState.NONE, FrameState.MODEL, FrameState.HUMAN, FrameState.VERIFIED], np.uint8)
    shares = state_shares(states, TimeAxis.whole(4, 4), 4)
    assert shares.tolist() == [[0, 1, 1, 1], [0, 0, 1, 1], [0, 0, 0, 1]]


def test_the_lowest_confidence_of_a_column_wins_and_nobody_is_nothing() -> None:
    values = np.array([0.9, np.nan, 0.2, 0.8, np.nan, np.nan], np.float32)
    lowest = lowest_values(values, TimeAxis.whole(6, 3), 3)
    assert lowest[:2] == pytest.approx([0.9, 0.2])
    assert np.isnan(lowest[2])


@given(spans, st.integers(1, 200))
def test_a_column_is_covered_where_the_track_has_a_frame_in_it(runs: list[tuple[int, int]], columns: int) -> None:
    axis = TimeAxis.whole(61, columns)
    there = np.zeros(61, np.bool_)
    for first, last in runs:
        there[first : last + 1] = True
    covered = covered_columns(runs, axis, columns)
    starts, stop = axis.column_starts(columns)
    expected = np.logical_or.reduceat(there[:stop], starts)
    # Where a frame ends inside a column both of them show; otherwise the two agree.
    assert (covered | ~expected).all()
    assert covered.any() == there.any()


def test_ruler_labels_are_round_and_never_crowded() -> None:
    for n_frames in (10, 400, 200_000):
        axis = TimeAxis.whole(n_frames, 1000)
        step = axis.tick_step(72)
        assert step * axis.px_per_frame >= 72 or step == 1
        assert int(str(step).rstrip("0")) in (1, 2, 5)


@given(spans, spans)
def test_sets_of_frames_behave_like_sets(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    def frames(runs: list[tuple[int, int]]) -> set[int]:
        return {frame for first, last in runs for frame in range(first, last + 1)}

    assert frames(span_sets.union(one, other)) == frames(one) | frames(other)
    assert frames(span_sets.common(one, other)) == frames(one) & frames(other)
    assert frames(span_sets.within(one, 10, 20)) == frames(one) & set(range(10, 21))
    assert frames(span_sets.without(one, 10, 20)) == frames(one) - set(range(10, 21))
    assert span_sets.count(one) == len(frames(one))


def test_tracks_begin_end_and_have_gaps_but_not_where_the_video_does() -> None:
    events = track_events({0: [(0, 99)], 1: [(5, 24), (30, 34)], 2: []}, n_frames=100)
    assert events == [
        TrackEvent(5, 1, EventKind.BIRTH),
        TrackEvent(25, 1, EventKind.GAP, 5),
        TrackEvent(34, 1, EventKind.DEATH),
    ]
    assert neighbouring_event(events, 5, forward=True) == events[1]
    assert neighbouring_event(events, 34, forward=False) == events[1]
    assert neighbouring_event(events, 34, forward=True) is None


def test_times_read_as_clocks_do() -> None:
    assert time_text(4.1) == "00:04.100"
    assert time_text(59.9999) == "01:00.000"
    assert time_text(3723.25) == "1:02:03.250"
    assert time_text(-0.04) == "-00:00.040"
