"""Labels carried from frame to frame by the trained networks: DCPose, warping, and re-inference."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from dcpose_core.errors import UsageError, WeightsError
from dcpose_core.models.backbones.base import JOINTS
from dcpose_core.propagation import PROPAGATORS
from dcpose_core.propagation.networks import (
    JointStep,
    NetworkDescription,
    Remembered,
    load_network,
    open_network,
    remembering,
)
from dcpose_core.propagation.proposals import PersonTrack, ProposedPose, TrackPose
from dcpose_core.propagation.reinference import frames_to_reinfer, reinfer, together
from dcpose_core.propagation.track_boxes import box_at
from tests.unit.propagation_worlds import OTHER_WRIST, WRIST, WalkingPerson, only

_NAMES = ("dcpose", "warp")
_NETWORKS = ("dcpose", "label_warp")
#: 0.2 head lengths of the made-up person.
_RIGHT_PX = 0.2 * 16


def _propagated(
    name: str, person: WalkingPerson, track: PersonTrack, frames: Sequence[int], *joints: int
) -> list[ProposedPose]:
    return list(PROPAGATORS[name](person).propagate(track, frames, only(*joints)))


def _errors(poses: Sequence[ProposedPose], person: WalkingPerson, joint: int) -> list[float]:
    return [float(np.linalg.norm(pose.keypoints[joint] - person.joints[pose.frame, joint])) for pose in poses]


@pytest.mark.parametrize("name", _NAMES)
def test_one_correction_repairs_a_wrist_that_the_backbone_confuses_on_every_frame(name: str) -> None:
    person = WalkingPerson(mistaken={WRIST: OTHER_WRIST})
    poses = _propagated(name, person, person.track({10: [WRIST]}), range(11, 16), WRIST)
    assert [pose.frame for pose in poses] == [11, 12, 13, 14, 15]
    assert max(_errors(poses, person, WRIST)) < _RIGHT_PX
    assert all(pose.method == name and pose.track_id == 1 for pose in poses)


@pytest.mark.parametrize("name", _NAMES)
def test_a_step_that_is_remembered_is_not_looked_at_again(name: str) -> None:
    person, kept = WalkingPerson(), Remembered()
    track = person.track({10: [WRIST]})
    fresh = _propagated(name, person, track, [11, 12], WRIST)
    with remembering(kept):
        first = _propagated(name, person, track, [11, 12], WRIST)
        assert len(kept) == 2
        kept.update({step: torch.zeros_like(found) for step, found in kept.items()})
        assert not _propagated(name, person, track, [11, 12], WRIST)  # it believes what it remembers
    np.testing.assert_allclose(first[1].keypoints, fresh[1].keypoints, atol=1e-3)


@pytest.mark.parametrize("name", _NAMES)
def test_heatmaps_of_another_backbone_are_refused_in_one_line(name: str) -> None:
    person = WalkingPerson()
    person.backbone = "hrnet_w48"
    with pytest.raises(UsageError, match=r"movenet_thunder only, not those of hrnet_w48: take"):
        _propagated(name, person, person.track({10: [WRIST]}), [11], WRIST)


@pytest.mark.parametrize("name", _NAMES)
def test_a_joint_that_the_backbone_has_right_stays_right(name: str) -> None:
    person = WalkingPerson()
    poses = _propagated(name, person, person.track({10: [WRIST]}), range(11, 21), WRIST)
    assert len(poses) == 10
    assert max(_errors(poses, person, WRIST)) < _RIGHT_PX


@pytest.mark.parametrize("name", _NAMES)
def test_only_the_joints_asked_for_are_proposed_and_reasons_name_their_frame(name: str) -> None:
    person = WalkingPerson()
    (pose,) = _propagated(name, person, person.track({10: [WRIST, OTHER_WRIST, 0]}), [11], WRIST)
    assert np.flatnonzero(pose.proposed).tolist() == [WRIST]
    assert "frame 10" in pose.reasons[WRIST]
    assert 0 < pose.confidence[WRIST] < 1


@pytest.mark.parametrize("name", _NAMES)
def test_human_joints_are_never_proposed_and_begin_a_new_way(name: str) -> None:
    person = WalkingPerson()
    track = person.track({10: [WRIST], 12: [WRIST]})
    poses = _propagated(name, person, track, range(11, 15), WRIST)
    assert [pose.frame for pose in poses] == [11, 13, 14]
    assert "frame 12" in poses[1].reasons[WRIST]


@pytest.mark.parametrize("name", _NAMES)
def test_a_joint_that_was_set_as_absent_goes_nowhere(name: str) -> None:
    person = WalkingPerson()
    track = person.track({10: [WRIST]}, absent=[WRIST])
    assert _propagated(name, person, track, range(11, 14), WRIST) == []


@pytest.mark.parametrize("name", _NAMES)
def test_a_way_back_is_the_way_through_the_reversed_video(name: str) -> None:
    person = WalkingPerson(21, mistaken={WRIST: OTHER_WRIST})
    back = _propagated(name, person, person.track({10: [WRIST]}), range(9, 5, -1), WRIST)
    reversed_person = WalkingPerson(21, mistaken={WRIST: OTHER_WRIST})
    reversed_person.joints = person.joints[::-1].copy()
    ahead = _propagated(name, reversed_person, reversed_person.track({10: [WRIST]}), range(11, 15), WRIST)
    assert [20 - pose.frame for pose in back] == [pose.frame for pose in ahead]
    for one, other in zip(back, ahead, strict=True):
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-3)
        np.testing.assert_allclose(one.confidence, other.confidence, atol=1e-4)


@pytest.mark.parametrize("name", _NAMES)
def test_nothing_is_looked_at_before_it_is_asked_for(name: str) -> None:
    person = WalkingPerson()
    proposals = PROPAGATORS[name](person).propagate(person.track({10: [WRIST]}), range(11, 29), only(WRIST))
    assert person.looked_at == []
    assert [pose.frame for pose in islice(proposals, 2)] == [11, 12]
    assert max(person.looked_at) <= 13, "the frame beyond the last one asked for is looked at, no farther one"


@pytest.mark.parametrize("name", _NAMES)
def test_a_far_frame_is_reached_step_by_step_whoever_asked_before(name: str) -> None:
    person = WalkingPerson()
    track = person.track({10: [WRIST]})
    alone = _propagated(name, person, track, [14], WRIST)
    with_others = _propagated(name, person, track, [11, 12, 13, 14], WRIST)[-1:]
    np.testing.assert_allclose(alone[0].keypoints, with_others[0].keypoints, atol=1e-3)


@pytest.mark.parametrize("name", _NAMES)
def test_frames_without_the_person_are_looked_at_where_the_track_would_be(name: str) -> None:
    person = WalkingPerson()
    track = person.track({10: [WRIST]}, without=range(12, 30))
    poses = _propagated(name, person, track, range(11, 16), WRIST)
    assert [pose.frame for pose in poses] == [11, 12, 13, 14, 15]
    assert max(_errors(poses, person, WRIST)) < _RIGHT_PX


@pytest.mark.parametrize("name", _NAMES)
def test_without_a_human_frame_there_is_nothing_to_propose(name: str) -> None:
    person = WalkingPerson()
    assert _propagated(name, person, person.track({}), range(5, 9), WRIST) == []


@pytest.mark.parametrize("name", _NAMES)
def test_confidence_falls_where_the_image_shows_nothing(name: str) -> None:
    shown, hidden = WalkingPerson(), WalkingPerson()
    real = hidden.evidence

    def blind(frame: int, box_xyxy: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> object:
        evidence = real(frame, box_xyxy)
        evidence.heatmaps[WRIST] *= 0.02
        return evidence

    hidden.evidence = blind  # type: ignore[method-assign, assignment]  # the same but for one joint
    sure, unsure = (
        _propagated(name, person, person.track({10: [WRIST]}), range(11, 19), WRIST) for person in (shown, hidden)
    )
    assert unsure[-1].confidence[WRIST] < sure[-1].confidence[WRIST]
    assert unsure[-1].confidence[WRIST] < unsure[0].confidence[WRIST]


def test_re_inference_joins_both_sides_and_is_marked() -> None:
    person = WalkingPerson(mistaken={WRIST: OTHER_WRIST})
    track = person.track({5: [WRIST], 15: [WRIST]})
    poses = list(reinfer(track, person, range(6, 15)))
    assert [pose.frame for pose in poses] == list(range(6, 15))
    assert {pose.method for pose in poses} == {"reinference"}
    assert all(np.flatnonzero(pose.proposed).tolist() == [WRIST] for pose in poses)
    assert max(_errors(poses, person, WRIST)) < _RIGHT_PX
    assert "frame 15" in poses[0].reasons[WRIST]
    # The model was wrong at both ends and goes on being wrong between them: that its score is high counts for nothing.
    assert all(pose.as_is[WRIST] < track.poses[pose.frame].scores[WRIST] / 2 for pose in poses)


def test_re_inference_goes_on_where_it_was_stopped_with_the_same_result() -> None:
    person = WalkingPerson(mistaken={WRIST: OTHER_WRIST})
    track = person.track({5: [WRIST], 15: [WRIST]})
    whole, rest = (list(reinfer(track, person, frames)) for frames in (range(6, 15), range(10, 15)))
    for one, other in zip(whole[4:], rest, strict=True):
        assert one.frame == other.frame
        np.testing.assert_allclose(one.keypoints, other.keypoints, atol=1e-3)


def test_re_inference_wants_frames_between_and_around_human_ones() -> None:
    person = WalkingPerson(200)
    assert frames_to_reinfer(person.track({}), n_frames=200) == []
    everything = range(JOINTS)
    between = frames_to_reinfer(person.track({40: everything, 90: everything}), n_frames=200)
    assert between == [frame for frame in range(25, 106) if frame not in (40, 90)]
    assert 100 not in frames_to_reinfer(person.track({20: [WRIST], 180: [WRIST]}), n_frames=200)


def test_two_answers_that_agree_are_surer_than_one_and_two_that_do_not_less() -> None:
    assert together(0.8, 0.7, agree=True) > 0.8
    assert together(0.8, 0.7, agree=False) < 0.8
    assert together(0.0, 0.0, agree=True) == 0.0


def test_a_box_that_would_miss_a_corrected_joint_grows() -> None:
    person = WalkingPerson()
    track = person.track({})
    inside, outside = person.joints[3, [WRIST]], person.box(3)[None, 2:] + 40.0
    np.testing.assert_array_equal(box_at(track, 3, containing=inside), person.box(3))
    grown = box_at(track, 3, containing=outside)
    assert (grown[2:] >= outside[0]).all()
    assert (grown[:2] <= person.box(3)[:2]).all()


def test_a_person_without_any_box_is_looked_for_around_the_joints() -> None:
    pose = TrackPose(np.zeros((JOINTS, 2)), np.zeros(JOINTS), np.zeros(JOINTS, np.bool_), np.zeros(JOINTS, np.bool_))
    box = box_at(PersonTrack(1, {0: pose}), 0, containing=np.array([[10.0, 20.0], [30.0, 60.0]]))
    assert (box[:2] < [10, 20]).all()
    assert (box[2:] > [30, 60]).all()


def test_the_weights_that_come_with_the_program_are_small() -> None:
    folder = Path(__file__).parents[2] / "resources" / "propagation"
    assert (folder / "label_warp.safetensors").stat().st_size <= 200_000


@pytest.mark.parametrize("name", _NETWORKS)
def test_a_network_says_the_same_of_a_joint_whichever_others_go_with_it(name: str) -> None:
    torch.manual_seed(1)
    label, current, opposite, beside = torch.rand(4, 3, 96, 72)
    step = JointStep(label, current, opposite, beside, margin=torch.tensor([[1, 1], [1, 3], [2, 2]]))
    second = JointStep(label[1:2], current[1:2], opposite[1:2], beside[1:2], step.margin[1:2])
    refine = load_network(name).refine
    torch.testing.assert_close(refine(step)[1:2], refine(second), atol=1e-5, rtol=1e-4)


def test_weights_that_are_not_the_descriptions_are_one_clear_error() -> None:
    described: NetworkDescription = load_network("label_warp").description
    with pytest.raises(WeightsError, match="not the weights of its description"):
        open_network(described, b"something else")
