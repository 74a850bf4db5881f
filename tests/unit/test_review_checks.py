"""Every check on tracks where anybody sees what is wrong."""

from __future__ import annotations

import numpy as np
import pytest

from dcpose_core.review import CHECKS
from dcpose_core.review.queue import ReviewQueue
from dcpose_core.skeletons import POSETRACK_17
from tests.unit.review_tracks import HEAD_PX, JOINT, Scene, one_walker, two_walkers, walker

_WRIST = JOINT("left_wrist")


def found(scene: Scene, check: str) -> set[tuple[int, int, int]]:
    """(frame, person, joint) of all that a check finds."""
    queue = _computed(scene)
    places = [(item.frame, item.track_id) for item in queue.items(check=check)]
    return {
        (frame, track_id, -1 if finding.joint is None else finding.joint)
        for frame, track_id, findings in queue.findings_on(places)
        for finding in findings
        if finding.check == check
    }


def reasons(scene: Scene, frame: int, person: int = 0) -> list[str]:
    return [finding.reason for finding in _computed(scene).findings(frame, person)]


def _computed(scene: Scene) -> ReviewQueue:
    queue = ReviewQueue(scene)
    for _ in queue.compute():
        pass
    return queue


@pytest.mark.parametrize("scene", [one_walker(), two_walkers(), Scene(walker(20, rate_hz=12.5)[:, None], rate_hz=12.5)])
def test_a_clean_smooth_track_raises_nothing(scene: Scene) -> None:
    queue = _computed(scene)
    assert queue.items() == []
    assert queue.counts() == dict.fromkeys(CHECKS, 0)
    assert queue.progress().expected_wrong < 0.05 * scene.located.sum()


def test_a_clean_track_without_scores_boxes_or_picture_size_raises_nothing() -> None:
    scene = one_walker()
    scene.scores[:], scene.refinement_px[:], scene.boxes_xyxy[:], scene.size_px = np.nan, np.nan, np.nan, None
    assert _computed(scene).items() == []


def test_a_camera_that_shakes_raises_nothing() -> None:
    scene = one_walker()
    shake = np.random.default_rng(1).normal(scale=6.0, size=(40, 1, 1, 2))
    scene.keypoints += shake
    scene.boxes_xyxy += np.tile(shake[:, :, 0], 2)
    assert _computed(scene).items() == []


def test_a_joint_of_which_the_model_is_unsure() -> None:
    scene = one_walker()
    scene.scores[7, 0, _WRIST] = 0.31
    assert found(scene, "low_confidence") == {(7, 0, _WRIST)}
    assert reasons(scene, 7) == ["left wrist: the model is only 31 % sure"]


def test_a_joint_that_was_refined_far_from_where_the_backbone_sees_it() -> None:
    scene = one_walker()
    scene.refinement_px[7, 0, _WRIST] = 1.2 * HEAD_PX
    assert found(scene, "refinement") == {(7, 0, _WRIST)}
    assert reasons(scene, 7) == ["left wrist: the frame alone says 1.2 head lengths from where the neighbours moved it"]


def test_a_joint_that_jumps_away_for_one_frame_and_not_its_neighbours() -> None:
    scene = one_walker()
    scene.keypoints[15, 0, _WRIST] += [0.0, 1.3 * HEAD_PX]
    assert found(scene, "jump") == {(15, 0, _WRIST)}
    assert "left wrist 1.3 head lengths from where its neighbours put it" in reasons(scene, 15)


def test_a_jump_on_the_first_or_last_frame_is_seen_too() -> None:
    for frame in (0, 39):
        scene = one_walker()
        scene.keypoints[frame, 0, _WRIST] += [0.0, 1.3 * HEAD_PX]
        assert (frame, 0, _WRIST) in found(scene, "jump")


def test_the_same_movement_is_a_jump_at_a_high_frame_rate_only() -> None:
    slow, fast = one_walker(), one_walker()
    slow.rate_hz, fast.rate_hz = 5.0, 60.0
    for scene in (slow, fast):
        scene.keypoints[15, 0, _WRIST] += [0.0, 0.5 * HEAD_PX]
    assert found(slow, "jump") == set()
    assert found(fast, "jump") == {(15, 0, _WRIST)}


def test_a_joint_that_is_away_for_four_frames() -> None:
    scene = one_walker()
    scene.keypoints[15:19, 0, _WRIST] += [0.0, 2.0 * HEAD_PX]
    assert {(frame, 0, _WRIST) for frame in range(15, 19)} <= found(scene, "detour")
    assert {joint for _, _, joint in found(scene, "detour")} == {_WRIST}


def test_a_joint_that_trembles() -> None:
    scene = one_walker()
    scene.keypoints[:, 0, _WRIST] += np.random.default_rng(3).normal(scale=0.25 * HEAD_PX, size=(40, 2))
    joints = {joint for _, _, joint in found(scene, "jitter")}
    frames = {frame for frame, _, _ in found(scene, "jitter")}
    assert joints == {_WRIST}
    assert len(frames) > 25


def test_a_track_that_goes_over_to_somebody_else_for_a_frame() -> None:
    scene = one_walker()
    scene.keypoints[15] += [5.0 * HEAD_PX, 0.0]
    scene.boxes_xyxy[15] += np.tile([5.0 * HEAD_PX, 0.0], 2)
    assert found(scene, "leap") == {(15, 0, -1)}
    assert found(scene, "jump") == set()
    assert reasons(scene, 15)[0].startswith("the whole person 4.9 head lengths from where its neighbours put it")


def test_a_forearm_that_is_longer_than_it_usually_is_however_near_the_camera() -> None:
    scene = one_walker(60)
    scene.keypoints *= np.linspace(1, 2, 60)[:, None, None, None]  # somebody who comes nearer
    scene.boxes_xyxy *= np.linspace(1, 2, 60)[:, None, None]
    scene.size_px = None
    assert _computed(scene).items() == []
    elbow, wrist = scene.keypoints[20:50, 0, JOINT("left_elbow")], scene.keypoints[20:50, 0, _WRIST]
    scene.keypoints[30:40, 0, _WRIST] = (elbow + 2.0 * (wrist - elbow))[10:20]
    assert {(frame, 0, _WRIST) for frame in range(30, 40)} <= found(scene, "limb_length")
    assert "left wrist: its limb is 2.0 times as long as this person's usually is" in reasons(scene, 35)


@pytest.mark.parametrize("names", [("shoulder", "elbow", "wrist", "hip", "knee", "ankle"), ("knee", "ankle")])
def test_left_and_right_exchanged_for_two_frames(names: tuple[str, ...]) -> None:
    scene = one_walker()
    joints = [JOINT(f"{side}_{name}") for name in names for side in ("left", "right")]
    scene.keypoints[15:17, :, joints] = scene.keypoints[15:17][:, :, POSETRACK_17.flip_order[joints]]
    flagged = found(scene, "left_right")
    assert {(frame, 0, joint) for frame in (15, 16) for joint in joints} <= flagged
    assert {frame for frame, _, _ in flagged} <= {14, 15, 16, 17}
    assert any("left and right look exchanged" in reason for reason in reasons(scene, 15))


def test_a_part_of_which_a_human_set_a_joint_is_not_exchanged() -> None:
    scene = one_walker()
    scene.keypoints[15] = scene.keypoints[15][:, POSETRACK_17.flip_order]
    scene.human[15, 0, [JOINT("left_knee"), JOINT("left_wrist")]] = True
    assert not [place for place in found(scene, "left_right") if place[0] == 15]


def test_both_lower_legs_in_one_place() -> None:
    scene = one_walker()
    for name in ("knee", "ankle"):
        scene.keypoints[:, 0, JOINT(f"left_{name}")] = scene.keypoints[:, 0, JOINT(f"right_{name}")] + 3.0
    legs = {JOINT(f"{side}_{name}") for side in ("left", "right") for name in ("knee", "ankle")}
    assert found(scene, "same_place") == {(frame, 0, joint) for frame in range(40) for joint in legs}


def test_a_wrist_that_is_the_neighbours() -> None:
    scene = two_walkers(apart_px=100.0)
    scene.keypoints[:, 0, _WRIST] = scene.keypoints[:, 1, _WRIST] + 1.0
    assert found(scene, "too_close") == {(frame, person, _WRIST) for frame in range(40) for person in (0, 1)}
    assert any("left wrist lies on that of person 1" in reason for reason in reasons(scene, 15))


def test_two_tracks_that_change_places() -> None:
    scene = two_walkers(apart_px=100.0)
    for values in (scene.keypoints, scene.boxes_xyxy):
        values[20:] = values[20:, ::-1].copy()
    assert found(scene, "swapped_identity") == {(frame, person, -1) for frame in (19, 20) for person in (0, 1)}
    assert any(reason.startswith("changes places with person 1 here") for reason in reasons(scene, 20))


def test_a_track_that_begins_and_one_that_ends_inside_the_picture() -> None:
    scene = two_walkers()
    scene.present[:10, 0], scene.present[30:, 1] = False, False
    scene.located &= scene.present[..., None]
    assert found(scene, "born_or_lost") == {(10, 0, -1), (29, 1, -1)}
    assert reasons(scene, 10) == ["the track begins here, inside the picture"]
    assert reasons(scene, 29, 1) == ["the track ends here, inside the picture"]


def test_nobody_is_lost_at_the_edge_of_the_picture_or_beside_frames_that_nobody_looked_at() -> None:
    at_the_edge, partly_seen = one_walker(), one_walker()
    at_the_edge.keypoints[..., 0] -= at_the_edge.keypoints[10, 0, :, 0].min() - 2.0
    at_the_edge.boxes_xyxy[:] = np.nan
    at_the_edge.present[:10] = False
    partly_seen.present[:10], partly_seen.is_examined[:10] = False, False
    assert found(at_the_edge, "born_or_lost") == set()
    assert found(partly_seen, "born_or_lost") == set()


def test_a_pose_beside_its_box() -> None:
    scene = one_walker()
    scene.boxes_xyxy[15, 0] += 5 * HEAD_PX
    assert found(scene, "no_box") == {(15, 0, -1)}
    assert "of the joints lie outside the person's box" in reasons(scene, 15)[0]


def test_a_joint_outside_the_picture() -> None:
    scene = one_walker()
    scene.size_px = (1600, int(scene.keypoints[0, 0, :, 1].max()) - 20)
    ankles = {JOINT("left_ankle"), JOINT("right_ankle")}
    assert {joint for _, _, joint in found(scene, "outside_image")} == ankles
    assert any("ankle lies 2" in reason and "pixels outside the picture" in reason for reason in reasons(scene, 5))


def test_what_a_human_set_is_never_wrong() -> None:
    scene = one_walker()
    scene.keypoints[15, 0, _WRIST] += [0.0, 3 * HEAD_PX]
    scene.scores[15, 0, _WRIST] = 0.1
    assert _computed(scene).probability(15, 0)[_WRIST] > 0.5
    scene.human[15, 0, _WRIST] = True
    queue = _computed(scene)
    assert queue.probability(15, 0)[_WRIST] == 0
    assert not any(finding.joint == _WRIST for finding in queue.findings(15, 0))


def test_joints_that_are_not_located_say_nothing() -> None:
    scene = one_walker()
    scene.located[10:20, 0, 3:] = False
    scene.keypoints[10:20, 0, 3:] = 0.0
    queue = _computed(scene)
    assert not queue.probability(15, 0)[3:].any()
    assert all(item.checks == () for item in queue.items(everyone=True))
