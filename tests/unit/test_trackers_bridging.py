"""Tracks with hindsight: gaps, confirmation, smoothing."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcpose_core.geometry import iou
from dcpose_core.trackers import FrameBoxes, bridge_tracks, smooth_boxes
from dcpose_core.types import FloatArray, TrackedBox


def _tracked(track_id: int, x: float, *, score: float = 0.9, confirmed: bool = True) -> TrackedBox:
    return TrackedBox(track_id, np.array([x, 50.0, x + 40.0, 170.0]), score, confirmed=confirmed)


def _presence(frames: list[FrameBoxes]) -> dict[int, list[int]]:
    present: dict[int, list[int]] = {}
    for index, boxes in frames:
        for box in boxes:
            present.setdefault(box.track_id, []).append(index)
    return present


def test_a_short_gap_is_filled_on_a_straight_line() -> None:
    updates = [(i, [_tracked(1, 10.0 * i, score=0.5 + 0.1 * (i == 7))] if i <= 2 or i >= 7 else []) for i in range(10)]
    bridged = list(bridge_tracks(updates, lookahead=4))
    assert [index for index, _ in bridged] == list(range(10))
    assert [boxes[0].box_xyxy[0] for _, boxes in bridged] == pytest.approx([10.0 * i for i in range(10)])
    assert [boxes[0].interpolated for _, boxes in bridged] == [3 <= i <= 6 for i in range(10)]
    assert bridged[4][1][0].score == 0.5


def test_a_gap_longer_than_the_lookahead_stays_open() -> None:
    updates = [(i, [_tracked(1, 10.0 * i)] if i <= 2 or i >= 8 else []) for i in range(12)]
    assert _presence(list(bridge_tracks(updates, lookahead=4))) == {1: [0, 1, 2, 8, 9, 10, 11]}
    assert _presence(list(bridge_tracks(updates, lookahead=5))) == {1: list(range(12))}


def test_the_first_boxes_of_a_track_confirmed_later_are_not_lost() -> None:
    updates = [(i, [_tracked(1, 0.0, confirmed=i >= 5)] if i >= 3 else []) for i in range(20)]
    bridged = list(bridge_tracks(updates, lookahead=4))
    assert _presence(bridged) == {1: list(range(3, 20))}
    assert all(box.confirmed for _, boxes in bridged for box in boxes)


def test_a_track_that_is_never_confirmed_is_dropped() -> None:
    updates = [
        (i, [_tracked(1, 0.0)] + ([_tracked(2, 300.0, confirmed=False)] if i in (5, 6) else [])) for i in range(20)
    ]
    assert _presence(list(bridge_tracks(updates, lookahead=4))) == {1: list(range(20))}


def test_in_a_clip_too_short_to_confirm_anyone_everyone_still_in_view_counts() -> None:
    updates = [
        (0, [_tracked(1, 0.0, confirmed=False), _tracked(2, 90.0, confirmed=False)]),
        (1, [_tracked(1, 0.0, confirmed=False)]),
    ]
    assert _presence(list(bridge_tracks(updates, lookahead=8))) == {1: [0, 1]}
    assert list(bridge_tracks([], lookahead=8)) == []


def test_a_frame_comes_as_late_as_the_lookahead_and_no_later() -> None:
    consumed = []

    def updates() -> Iterator[FrameBoxes]:
        for i in range(40):
            consumed.append(i)
            yield i, [_tracked(1, float(i))]

    for index, _ in bridge_tracks(updates(), lookahead=6):
        assert len(consumed) == min(index + 6 + 1, 40)


def test_frame_numbers_may_start_anywhere_and_skip_damaged_frames() -> None:
    updates = [(i, [_tracked(1, 10.0 * i)] if i not in (103, 106) else []) for i in (100, 101, 103, 105, 106, 107)]
    bridged = dict(bridge_tracks(updates, lookahead=4))
    assert sorted(bridged) == [100, 101, 103, 105, 106, 107]
    assert [bridged[i][0].box_xyxy[0] for i in (103, 106)] == pytest.approx([1030.0, 1060.0])


def test_memory_does_not_grow_with_the_length_of_the_video() -> None:
    frames = bridge_tracks(((i, [_tracked(i // 5, 0.0)]) for i in range(1000)), lookahead=8, smooth=True)
    for index, _ in frames:
        if index % 300 == 299:
            assert sum(type(thing) is TrackedBox for thing in gc.get_objects()) < 60


@given(x=st.floats(-1e3, 1e3), v=st.floats(-50, 50), growth=st.floats(-2, 2), n=st.integers(1, 25))
def test_smoothing_leaves_a_steady_walk_as_it_is(x: float, v: float, growth: float, n: int) -> None:
    boxes = [np.array([x + v * i, 0, x + v * i + 100 + growth * i, 200 + growth * i]) for i in range(n)]
    smoothed = smooth_boxes([(i, [TrackedBox(3, box, 0.8)]) for i, box in enumerate(boxes)])
    for (index, (result,)), box in zip(smoothed, boxes, strict=True):
        np.testing.assert_allclose(result.box_xyxy, box, atol=1e-6)
        assert (result.track_id, result.score) == (3, 0.8)
        assert index < n


def _jumping() -> FloatArray:
    """Boxes `[150, 4]` at 30 frames per second of a person who walks and jumps 120 px high."""
    time_s = np.arange(150) / 30
    centre = np.stack([100 + 80 * time_s, 300 - 120 * np.abs(np.sin(2 * time_s))], axis=1)
    half = np.array([30, 80])
    return np.concatenate([centre - half, centre + half], axis=1)


def _smoothed(boxes: FloatArray) -> FloatArray:
    frames = smooth_boxes([(i, [TrackedBox(0, box, 1.0)]) for i, box in enumerate(boxes)])
    return np.array([persons[0].box_xyxy for _, persons in frames])


def test_smoothing_takes_jitter_out() -> None:
    true = _jumping()
    noisy = true + np.random.default_rng(0).normal(size=true.shape) * 4
    before, after = (np.diag(iou(boxes, true)).mean() for boxes in (noisy, _smoothed(noisy)))
    print(f"IoU with the truth {before:.3f} -> {after:.3f}")
    assert after > before + 0.02


def test_smoothing_keeps_the_height_of_a_jump_and_does_not_lag() -> None:
    true = _jumping()
    after = _smoothed(true)
    top = int(true[:, 1].argmin())
    assert abs(after[top, 1] - true[top, 1]) < 0.5
    np.testing.assert_allclose(after[:, 0], true[:, 0], atol=0.01)


def test_smoothing_does_not_mix_persons() -> None:
    frames = [(i, [_tracked(1, 0.0), _tracked(2, 500.0)]) for i in range(12)]
    for _, boxes in smooth_boxes(frames):
        assert [(box.track_id, round(float(box.box_xyxy[0]), 6)) for box in boxes] == [(1, 0.0), (2, 500.0)]
