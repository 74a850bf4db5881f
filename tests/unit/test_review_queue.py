"""The queue: its order, what edits do to it, and how it is walked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcpose_core.review.queue import ReviewQueue
from dcpose_core.review.walk import Place, ReviewWalk
from dcpose_core.skeletons import POSETRACK_17
from tests.unit.review_tracks import HEAD_PX, JOINT, Scene, one_walker, two_walkers

_WRIST, _ANKLE = JOINT("left_wrist"), JOINT("right_ankle")


def computed(scene: Scene) -> ReviewQueue:
    queue = ReviewQueue(scene)
    for _ in queue.compute():
        pass
    return queue


def three_faults() -> Scene:
    """Frame 300: a wrist and an ankle of person 1 are away, 20: the ankle of person 0, 150: a doubtful wrist of 0."""
    scene = two_walkers(400)
    scene.keypoints[300, 1, [_WRIST, _ANKLE]] += [0.0, 3 * HEAD_PX]
    scene.keypoints[20, 0, _ANKLE] += [0.0, 3 * HEAD_PX]
    scene.scores[150, 0, _WRIST] = 0.45
    return scene


def test_the_most_wrong_joints_come_first() -> None:
    queue = computed(three_faults())
    items = queue.items()
    assert [(item.frame, item.track_id) for item in items] == [(300, 1), (20, 0), (150, 0)]
    assert [item.expected_wrong for item in items] == sorted((item.expected_wrong for item in items), reverse=True)
    assert {_WRIST, _ANKLE} <= set(items[0].joints)
    assert items[2].reason == "left wrist: the model is only 45 % sure"
    assert queue.items(2) == items[:2]
    assert queue.items(0) == []


def test_the_queue_is_filtered_by_check_person_and_joint() -> None:
    queue = computed(three_faults())

    def places(**wanted: object) -> list[tuple[int, int]]:
        return [(item.frame, item.track_id) for item in queue.items(**wanted)]  # type: ignore[arg-type]  # by name

    assert places(check="low_confidence") == [(150, 0)]
    assert places(track_id=0) == [(20, 0), (150, 0)]
    assert places(joint=_WRIST) == [(300, 1), (150, 0)]
    assert places(joint=_ANKLE, track_id=0) == [(20, 0)]
    assert places(check="jitter") == []
    assert len(places(everyone=True)) == 800
    (ankle,) = queue.items(joint=_ANKLE, track_id=1)
    assert ankle.expected_wrong == pytest.approx(float(queue.probability(300, 1)[_ANKLE]), abs=1e-6)


def test_counts_and_numbers_of_each_frame_add_up() -> None:
    queue = computed(three_faults())
    assert queue.counts()["low_confidence"] == 1
    assert queue.counts()["jump"] == 2
    assert np.flatnonzero(queue.items_per_frame()).tolist() == [20, 150, 300]
    progress = queue.progress()
    assert (progress.verified, progress.total, progress.items) == (0, 400, 3)
    assert progress.expected_wrong == pytest.approx(float(queue.expected_per_frame().sum()))
    assert queue.expected_per_frame().argmax() == 300


def test_a_corrected_joint_leaves_the_queue_at_once() -> None:
    scene = three_faults()
    queue = computed(scene)
    scene.keypoints[20, 0, _ANKLE] -= [0.0, 3 * HEAD_PX]
    scene.human[20, 0, _ANKLE] = True
    queue.changed([20])
    assert [(item.frame, item.track_id) for item in queue.items()] == [(300, 1), (150, 0)]
    assert queue.items_per_frame()[20] == 0


def test_what_a_correction_shows_of_the_frames_beside_it_appears_at_once() -> None:
    scene = one_walker()
    scene.keypoints[10:18, 0, _WRIST] += [0.0, 3 * HEAD_PX]  # so many that the middle looks right
    scene.scores[10:18, 0, _WRIST] = 0.8
    queue = computed(scene)
    before = float(queue.probability(15, 0)[_WRIST])
    scene.keypoints[14, 0, _WRIST] -= [0.0, 3 * HEAD_PX]
    scene.human[14, 0, _WRIST] = True
    queue.changed([14])
    assert float(queue.probability(15, 0)[_WRIST]) > before
    scene.keypoints[10:18, 0, _WRIST] = one_walker().keypoints[10:18, 0, _WRIST]  # a propagation repairs them all
    queue.changed(range(10, 18))
    assert queue.items(check="jump") == queue.items(check="detour") == []


def test_a_verified_frame_is_out_of_the_queue_and_counts_as_done() -> None:
    scene = three_faults()
    queue = computed(scene)
    scene.is_verified[300] = True
    queue.changed([300])
    assert [item.frame for item in queue.items()] == [20, 150]
    assert queue.progress().verified == 1
    assert queue.expected_per_frame()[300] == 0
    assert queue.item(300, 1) is None
    scene.is_verified[300] = False
    queue.changed([300])
    assert queue.items()[0].frame == 300


def test_a_frame_of_nobody_and_a_video_of_nobody() -> None:
    scene = one_walker(30)
    scene.present[:] = False
    queue = computed(scene)
    assert queue.items(everyone=True) == []
    assert queue.progress().expected_wrong == 0
    assert queue.findings(3, 0) == []
    empty = ReviewQueue(Scene(np.zeros((0, 0, 17, 2))))
    assert list(empty.compute()) == []
    assert empty.items() == []


def test_frames_that_the_video_has_not_are_no_change() -> None:
    queue = computed(three_faults())
    before = queue.items()
    queue.changed([-1, 400, 9999])
    queue.changed([])
    assert queue.items() == before


def test_findings_of_many_are_the_findings_of_each() -> None:
    queue = computed(three_faults())
    places = [(300, 1), (20, 0), (150, 0)]
    assert {(f, t): found for f, t, found in queue.findings_on(places)} == {
        (frame, track_id): queue.findings(frame, track_id) for frame, track_id in places
    }


_EDITS = st.lists(
    st.tuples(
        st.sampled_from(["move", "human", "verify", "lose", "flip", "score", "swap", "absent", "stretch"]),
        st.integers(0, 119),
        st.integers(0, 2),
        st.integers(1, 80),
        st.integers(0, 2**16),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=12)
@given(_EDITS)
def test_following_edits_comes_to_the_same_as_looking_at_everything_anew(
    edits: list[tuple[str, int, int, int, int]],
) -> None:
    scene = Scene(np.concatenate([two_walkers(120, apart_px=90.0).keypoints, one_walker(120).keypoints + 250], axis=1))
    scene.keypoints += np.random.default_rng(0).normal(scale=3.0, size=scene.keypoints.shape)
    scene.present[40:60, 1] = False
    scene.located &= scene.present[..., None]
    queue = computed(scene)
    for kind, first, person, length, seed in edits:
        frames = slice(first, first + length)
        _edit(scene, kind, frames, person, np.random.default_rng(seed))
        queue.changed(range(first, min(first + length, 120)))
    for _ in queue.catch_up():
        pass
    assert not queue.is_behind
    anew = computed(scene)
    assert queue.items(everyone=True) == anew.items(everyone=True)
    assert queue.counts() == anew.counts()
    assert queue.progress() == pytest.approx(anew.progress())
    np.testing.assert_allclose(queue.expected_per_frame(), anew.expected_per_frame(), rtol=1e-6)
    np.testing.assert_array_equal(queue.items_per_frame(), anew.items_per_frame())


def _edit(scene: Scene, kind: str, frames: slice, person: int, rng: np.random.Generator) -> None:
    if kind == "move":
        scene.keypoints[frames, person, rng.integers(17)] += rng.normal(scale=60.0, size=2)
    elif kind == "human":
        scene.human[frames, person, rng.integers(17)] = True
    elif kind == "verify":
        scene.is_verified[frames] ^= True
    elif kind == "lose":
        scene.present[frames, person] ^= True
        scene.located[frames, person] = scene.present[frames, person, None]
    elif kind == "flip":
        scene.keypoints[frames, person] = scene.keypoints[frames, person][:, POSETRACK_17.flip_order]
    elif kind == "score":
        scene.scores[frames, person, rng.integers(17)] = rng.random()
    elif kind == "swap":
        for values in (scene.keypoints, scene.located, scene.present, scene.scores, scene.human, scene.boxes_xyxy):
            values[frames, :2] = values[frames, 1::-1].copy()
    elif kind == "absent":
        scene.located[frames, person, rng.integers(17)] = False
    else:  # for so long that what is usual for the person changes
        elbow, wrist = scene.keypoints[frames, person, 7], scene.keypoints[frames, person, _WRIST]
        scene.keypoints[frames, person, _WRIST] = elbow + rng.uniform(2, 4) * (wrist - elbow)


def test_a_walk_goes_from_worst_to_worst_and_back_the_same_way() -> None:
    scene = three_faults()
    queue = computed(scene)
    walk = ReviewWalk(queue)
    assert walk.previous() is None
    assert [walk.next(), walk.next()] == [Place(300, 1), Place(20, 0)]
    assert walk.previous() == Place(300, 1)
    assert walk.previous() is None
    assert [walk.next(), walk.next(), walk.next()] == [Place(20, 0), Place(150, 0), None]
    walk.start_over()
    assert walk.next() == Place(300, 1)


def test_edits_on_the_way_throw_nobody_around() -> None:
    scene = three_faults()
    queue = computed(scene)
    walk = ReviewWalk(queue)
    walk.next()
    scene.keypoints[300, 1, [_WRIST, _ANKLE]] -= [0.0, 3 * HEAD_PX]
    scene.keypoints[250, 1] += np.random.default_rng(0).normal(scale=80.0, size=(17, 2))  # now the worst of all
    queue.changed([250, 300])
    assert walk.next() == Place(250, 1)
    assert walk.previous() == Place(300, 1)  # where one was, though it is right by now
    assert walk.next() == Place(250, 1)
    assert walk.next() == Place(20, 0)


def test_a_walk_passes_over_what_was_repaired_meanwhile() -> None:
    scene = three_faults()
    queue = computed(scene)
    walk = ReviewWalk(queue)
    walk.next()
    walk.next()
    walk.previous()
    scene.keypoints[20, 0, _ANKLE] -= [0.0, 3 * HEAD_PX]
    queue.changed([20])
    assert walk.next() == Place(150, 0)


def test_a_walk_goes_on_from_where_somebody_went_by_hand_and_keeps_its_filter() -> None:
    queue = computed(three_faults())
    walk = ReviewWalk(queue, joint=_WRIST)
    walk.visit(Place(300, 1))
    assert walk.next() == Place(150, 0)
    assert walk.next() is None
