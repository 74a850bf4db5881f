"""Identities of simulated people, for every tracker and for the default one."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcpose_core.errors import FormatError
from dcpose_core.trackers import TRACKERS, GivenTracks, MotionOksTracker
from dcpose_core.types import Detection
from tests.tracking_scenes import (
    Person,
    crowd,
    detect,
    hidden,
    identities,
    run,
    score,
    times,
    truth,
    walk,
)


def _box(x: float, y: float = 100.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([x, y, x + 40.0, y + 120.0])


def _follow(
    persons: dict[str, Person],
    times_s: Sequence[float],
    *,
    with_keypoints: bool = True,
    seed: int = 0,
    miss: float = 0.0,
) -> dict[str, list[int]]:
    rng = np.random.default_rng(seed)
    frames = truth(persons, times_s)
    seen = [detect(frame, rng, miss=miss, with_keypoints=with_keypoints) for frame in frames]
    return identities(frames, run(MotionOksTracker(), seen, times_s))


@pytest.mark.parametrize("name", sorted(TRACKERS))
def test_every_tracker_repeats_itself_whatever_the_order_of_detections(name: str) -> None:
    rng = np.random.default_rng(5)
    frames = crowd(rng, n_persons=6, fps=10, seconds=6)
    seen = [detect(frame, rng, miss=0.1, false_positives=0.3) for frame in frames]
    shuffled = [[detections[i] for i in rng.permutation(len(detections))] for detections in seen]

    def ids(detections: Sequence[Sequence[Detection]]) -> list[list[tuple[int, list[float]]]]:
        tracks = run(TRACKERS[name](), detections, times(10, 6))
        return [[(box.track_id, box.box_xyxy.tolist()) for box in boxes] for boxes in tracks]

    assert ids(seen) == ids(seen) == ids(shuffled)


@pytest.mark.parametrize("name", sorted(TRACKERS))
def test_every_tracker_can_be_stored_and_goes_on_as_before(name: str) -> None:
    rng = np.random.default_rng(6)
    seen = [detect(frame, rng) for frame in crowd(rng, n_persons=5, fps=10, seconds=4)]
    tracker = TRACKERS[name]()
    for index, detections in enumerate(seen[:20]):
        tracker.update(index, index / 10, detections)
    copy = pickle.loads(pickle.dumps(tracker))
    for index, detections in enumerate(seen[20:], start=20):
        original, restored = (t.update(index, index / 10, detections) for t in (tracker, copy))
        assert [box.track_id for box in original] == [box.track_id for box in restored]


@pytest.mark.parametrize("name", sorted(TRACKERS))
def test_every_tracker_takes_frames_without_anyone_and_wants_them_in_order(name: str) -> None:
    tracker = TRACKERS[name]()
    assert tracker.update(4, 0.4, []) == []
    assert tracker.update(5, 0.5, []) == []
    with pytest.raises(ValueError, match="frames must be in order"):
        tracker.update(5, 0.5, [])


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), name=st.sampled_from(sorted(TRACKERS)))
def test_every_tracker_gives_an_id_once_per_frame_and_boxes_as_detected(seed: int, name: str) -> None:
    rng = np.random.default_rng(seed)
    tracker = TRACKERS[name]()
    for index in range(12):
        boxes = rng.uniform(0, 80, (rng.integers(0, 6), 4)) + np.array([0, 0, 90, 120])
        detections = [Detection(box, float(rng.random())) for box in boxes]
        tracked = tracker.update(index, index * float(rng.uniform(0, 0.1)), detections)
        ids = [box.track_id for box in tracked]
        assert ids == sorted(set(ids))
        given_boxes = [detection.box_xyxy.tolist() for detection in detections]
        assert all(box.box_xyxy.tolist() in given_boxes for box in tracked)


@pytest.mark.parametrize("fps", [10, 25, 60])
@pytest.mark.parametrize("with_keypoints", [True, False])
def test_people_who_cross_keep_their_ids(fps: float, with_keypoints: bool) -> None:
    persons = {
        "near": Person(walk((0, 210), (100, 0)), height_px=130),
        "far": Person(walk((500, 200), (-100, 0)), height_px=110),
    }
    assert _follow(persons, times(fps, 5), with_keypoints=with_keypoints) == {"near": [0], "far": [1]}


@pytest.mark.parametrize("fps", [10, 25, 60])
@pytest.mark.parametrize("away_s", [0.5, 0.9])
def test_a_person_hidden_for_a_while_keeps_the_id(fps: float, away_s: float) -> None:
    persons = {
        "hidden": Person(hidden(walk((50, 200), (90, 5)), 2.0, 2.0 + away_s)),
        "other": Person(walk((50, 500), (70, 0))),
    }
    assert _follow(persons, times(fps, 5)) == {"hidden": [1], "other": [0]}


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_a_person_who_leaves_and_comes_back_within_a_second_keeps_the_id(fps: float) -> None:
    def turn_round(time_s: float) -> tuple[float, float]:
        return 700 - 90 * abs(time_s - 2.0), 200.0

    persons = {"leaver": Person(hidden(turn_round, 1.55, 2.45))}
    assert _follow(persons, times(fps, 4)) == {"leaver": [0]}


def test_a_person_who_comes_back_much_later_gets_a_new_id() -> None:
    persons = {"leaver": Person(hidden(walk((50, 200), (0, 0)), 2.0, 5.0))}
    assert _follow(persons, times(10, 7)) == {"leaver": [0, 1]}


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_missed_detections_do_not_end_a_track(fps: float) -> None:
    persons = {
        "walker": Person(walk((50, 150), (80, 0))),
        "runner": Person(walk((0, 400), (300, 20))),
        "dancer": Person(lambda t: (400 + 30 * np.sin(5 * t), 600 + 12 * np.sin(8 * t))),
    }
    followed = _follow(persons, times(fps, 4), miss=0.2)
    assert [len(ids) for ids in followed.values()] == [1, 1, 1], followed


def test_frame_times_may_vary() -> None:
    rng = np.random.default_rng(3)
    times_s = np.cumsum(rng.choice([1 / 60, 1 / 25, 0.15], 120)).tolist()
    persons = {"a": Person(walk((0, 200), (120, 0))), "b": Person(walk((700, 330), (-120, 10)))}
    assert _follow(persons, times_s) == {"a": [0], "b": [1]}


@pytest.mark.parametrize("broken", [[0.0] * 60, [i / 25 if i % 7 else 0.0 for i in range(60)]])
def test_times_that_stand_still_or_go_back_are_survived(broken: list[float]) -> None:
    rng = np.random.default_rng(0)
    frames = truth({"walker": Person(walk((50, 200), (80, 0)))}, times(25, 60 / 25))
    seen = [detect(frame, rng) for frame in frames]
    assert identities(frames, run(MotionOksTracker(), seen, broken)) == {"walker": [0]}


def test_a_jump_that_no_walker_makes_keeps_the_id() -> None:
    def jump(time_s: float) -> tuple[float, float]:
        flight_s = min(max(time_s - 1.0, 0.0), 0.8)
        return 200 + 150 * flight_s, 300 - 300 * flight_s + 375 * flight_s**2

    assert _follow({"gymnast": Person(jump)}, times(25, 3)) == {"gymnast": [0]}


def test_false_detections_make_no_tracks() -> None:
    rng = np.random.default_rng(11)
    frames = truth({"walker": Person(walk((50, 200), (60, 0)))}, times(25, 6))
    seen = [detect(frame, rng, false_positives=0.5) for frame in frames]
    n_false = sum(len(detections) for detections in seen) - len(frames)
    tracks = run(MotionOksTracker(), seen, times(25, 6))
    assert n_false > 50
    assert sum(len(boxes) for boxes in tracks) - len(frames) <= 2
    assert identities(frames, tracks) == {"walker": [0]}


def test_duplicate_detections_of_a_person_make_one_track() -> None:
    rng = np.random.default_rng(2)
    frames = truth({"walker": Person(walk((50, 200), (60, 0)))}, times(25, 3))
    seen = [detect(frame, rng) + detect(frame, rng) for frame in frames]
    tracks = run(MotionOksTracker(), seen, times(25, 3))
    assert [len(boxes) for boxes in tracks] == [1] * len(frames)


def test_faint_detections_continue_a_track_but_begin_none() -> None:
    tracker = MotionOksTracker()
    for index in range(10):
        faint_stranger = Detection(_box(500), 0.3)
        person = Detection(_box(100 + index), 0.9 if index < 4 else 0.2)
        assert [b.track_id for b in tracker.update(index, index / 25, [faint_stranger, person])] == [0]


def test_a_track_that_only_faint_detections_feed_ends() -> None:
    tracker = MotionOksTracker()
    seen = [
        bool(tracker.update(index, index / 25, [Detection(_box(100), 0.9 if index < 10 else 0.2)]))
        for index in range(40)
    ]
    # The last confident one is frame 9; half a second later, with a frame's grace, nobody is there any more.
    assert seen == [index <= 9 + 13 for index in range(40)]


def test_a_track_is_confirmed_by_its_third_detection() -> None:
    tracker = MotionOksTracker()
    confirmed = [tracker.update(i, i / 25, [Detection(_box(100), 0.9)])[0].confirmed for i in range(5)]
    assert confirmed == [False, False, True, True, True]


def test_confirmed_persons_are_expected_further_along_and_asking_changes_nothing() -> None:
    tracker = MotionOksTracker()
    for index in range(20):
        newcomer = [Detection(_box(500), 0.9)] if index == 19 else []
        tracker.update(index, index / 25, [Detection(_box(100 + 4.0 * index), 0.9), *newcomer])
    before = pickle.dumps(tracker)
    (expected,) = tracker.expected(19 / 25 + 0.2)
    assert expected.track_id == 0
    assert expected.box_xyxy[0] == pytest.approx(100 + 4 * 19 + 20, abs=5)
    assert pickle.dumps(tracker) == before


def test_ids_are_never_reused() -> None:
    rng = np.random.default_rng(1)
    seen: list[list[Detection]] = []
    for visit in range(8):
        frames = truth({"visitor": Person(walk((50 + 40 * visit, 200), (20, 0)))}, times(10, 1))
        seen += [detect(frame, rng) for frame in frames] + [[]] * 20
    tracks = run(MotionOksTracker(), seen, times(10, len(seen) / 10))
    present: dict[int, list[int]] = {}
    for index, boxes in enumerate(tracks):
        for box in boxes:
            present.setdefault(box.track_id, []).append(index)
    assert len(present) == 8
    assert all(indices[-1] - indices[0] == len(indices) - 1 for indices in present.values())


@pytest.mark.parametrize("fps", [10, 25, 60])
def test_in_a_crowd_few_identities_are_confused(fps: float) -> None:
    rng = np.random.default_rng(int(fps))
    frames = crowd(rng, n_persons=16, fps=fps, seconds=12)
    seen = [detect(frame, rng, miss=0.05, false_positives=0.1) for frame in frames]
    result = score(frames, run(MotionOksTracker(), seen, times(fps, 12)))
    print(f"crowd at {fps} fps: {result}")
    assert result.mota > 0.9
    assert result.idf1 > 0.9
    assert result.switches <= 10


def test_given_ids_are_kept_and_boxes_without_one_get_new_ids() -> None:
    tracker = GivenTracks(reserved_ids=[0, 2])
    first = tracker.update(0, 0.0, [Detection(_box(300), 0.1, track_id=2), Detection(_box(0), 1.0)])
    second = tracker.update(1, 0.04, [Detection(_box(4), 1.0), Detection(_box(9), 0.5, track_id=0)])
    assert [box.track_id for box in first] == [1, 2]
    assert [box.track_id for box in second] == [0, 1]
    assert all(box.confirmed for box in first + second)


def test_a_new_id_gives_way_to_the_same_id_given_later() -> None:
    tracker = GivenTracks()
    assert [b.track_id for b in tracker.update(0, 0.0, [Detection(_box(0), 1.0)])] == [0]
    later = tracker.update(1, 0.04, [Detection(_box(0), 1.0), Detection(_box(300), 1.0, track_id=0)])
    assert {box.track_id: box.box_xyxy[0] for box in later} == {0: 300.0, 1: 0.0}


def test_every_given_box_stays_even_if_two_are_alike_or_have_no_score() -> None:
    tracker = GivenTracks()
    boxes = [Detection(_box(0), 0.0), Detection(_box(1), 0.0), Detection(_box(0), 0.0, track_id=7)]
    assert len(tracker.update(0, 0.0, boxes)) == 3


def test_one_given_id_on_two_boxes_of_a_frame_is_a_clear_error() -> None:
    boxes = [Detection(_box(0), 1.0, track_id=3), Detection(_box(300), 1.0, track_id=3)]
    with pytest.raises(FormatError, match="frame 8: track id 3 is given to two boxes"):
        GivenTracks().update(8, 0.3, boxes)
