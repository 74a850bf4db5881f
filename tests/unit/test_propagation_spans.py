"""How far propagation goes: spans, confidence, scene cuts; and the footage that keeps what was looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from dcpose_core.estimation import PoseEstimator
from dcpose_core.models.catalogue import load_model
from dcpose_core.propagation import PersonTrack, ProposedPose, VideoFootage
from dcpose_core.propagation.scene_cuts import SceneCuts, within
from dcpose_core.propagation.spans import Direction, span, until_cut, until_unsure
from dcpose_core.types import Frame, ImageArray
from dcpose_core.video import open_frames
from tests.unit.moving_person import (
    ALL_JOINTS,
    STANDING,
    ArrayFootage,
    corrected_track,
    picture,
    pose,
    texture,
)
from tests.videos import VideoKind, read_number, write_numbered_video

CLIP = Path(__file__).parents[2] / "resources" / "clips" / "sample.mp4"

# -- spans


def test_a_span_ends_with_the_video() -> None:
    track = corrected_track([3])
    assert list(span(track, 3, 1, n_video_frames=12, joints=ALL_JOINTS)) == list(range(4, 12))
    assert list(span(track, 3, -1, n_video_frames=12, joints=ALL_JOINTS)) == [2, 1, 0]


def test_a_span_ends_after_so_many_frames() -> None:
    track = corrected_track([3])
    assert list(span(track, 3, 1, n_video_frames=12, joints=ALL_JOINTS, count=2)) == [4, 5]
    assert list(span(track, 3, -1, n_video_frames=12, joints=ALL_JOINTS, count=20)) == [2, 1, 0]


def test_a_span_ends_before_the_next_frame_on_which_a_person_decided_about_these_joints() -> None:
    wrist = np.arange(17) == 9
    track = PersonTrack(7, dict(corrected_track([3]).poses) | {7: pose(STANDING, human=wrist)})
    assert list(span(track, 3, 1, n_video_frames=12, joints=wrist)) == [4, 5, 6]
    assert list(span(track, 3, 1, n_video_frames=12, joints=~wrist)) == list(range(4, 12))
    assert list(span(track, 3, 1, n_video_frames=12, joints=wrist, past_human=True)) == list(range(4, 12))


def test_a_span_ends_where_the_track_has_a_gap() -> None:
    poses = {frame: one for frame, one in corrected_track([3]).poses.items() if frame != 6}
    assert list(span(PersonTrack(7, poses), 3, 1, n_video_frames=12, joints=ALL_JOINTS)) == [4, 5]
    past = span(PersonTrack(7, poses), 3, 1, n_video_frames=12, joints=ALL_JOINTS, past_gaps=True)
    assert list(past) == list(range(4, 12))


def test_both_directions_are_two_steps() -> None:
    assert Direction.BOTH.steps == (1, -1)
    assert Direction("backward").steps == (-1,)


# -- confidence


class _Told:
    """Proposals with given confidences of joints 0 and 1, and a count of how many were asked for."""

    def __init__(self, confidences: Sequence[tuple[float, float]]) -> None:
        self.confidences = confidences
        self.made = 0
        self.closed = False

    def __call__(self) -> Iterator[ProposedPose]:
        try:
            for frame, sure in enumerate(self.confidences, start=1):
                self.made += 1
                yield ProposedPose(
                    frame=frame,
                    track_id=1,
                    method="told",
                    keypoints=STANDING,
                    confidence=np.array([*sure, *[0.0] * 15]),
                    proposed=np.arange(17) < 2,
                    reasons=("why", "why", *[""] * 15),
                )
        finally:
            self.closed = True


def test_each_joint_goes_as_far_as_it_is_sure() -> None:
    told = _Told([(0.9, 0.9), (0.9, 0.2), (0.9, 0.9), (0.8, 0.1), (0.8, 0.1), (0.8, 0.9)])
    found = list(until_unsure(told(), threshold=0.5, patience=2))
    assert [proposed.frame for proposed in found] == [1, 2, 3, 4, 5, 6]
    # One unsure frame is bridged, two end the joint for good.
    assert [bool(proposed.proposed[1]) for proposed in found] == [True, True, True, True, False, False]
    assert found[-1].reasons[:2] == ("why", "")


def test_once_no_joint_is_sure_nothing_more_is_computed() -> None:
    told = _Told([(0.9, 0.9), (0.1, 0.1), (0.1, 0.1), (0.9, 0.9), (0.9, 0.9)])
    found = list(until_unsure(told(), threshold=0.5, patience=2))
    assert [proposed.frame for proposed in found] == [1, 2]
    assert told.made == 3
    assert told.closed


def test_closing_closes_the_propagator_too() -> None:
    told = _Told([(0.9, 0.9)] * 5)
    found = until_unsure(told(), threshold=0.5)
    next(found)
    found.close()
    assert told.closed
    assert told.made == 1


# -- scene cuts


def _cuts(images: Sequence[ImageArray]) -> list[int]:
    cuts = SceneCuts(ArrayFootage(images))
    return [frame for frame in range(len(images)) if cuts.is_cut(frame)]


def _scene(seed: int, count: int) -> list[ImageArray]:
    """A camera that glides over a coarse texture."""
    world = cv2.resize(texture(seed, width_px=60, height_px=40), (480, 320), interpolation=cv2.INTER_CUBIC)
    return [np.asarray(world[20:260, 3 * i : 3 * i + 320], np.uint8) for i in range(count)]


def test_a_cut_is_found_on_its_frame() -> None:
    assert _cuts([*_scene(1, 8), *_scene(2, 8)]) == [8]


def test_a_short_shot_between_two_others_has_two_cuts() -> None:
    assert _cuts([*_scene(1, 8), *_scene(2, 5), *_scene(3, 8)]) == [8, 13]


def test_motion_alone_is_no_cut() -> None:
    assert _cuts([picture(frame) for frame in range(12)]) == []
    assert _cuts(_scene(1, 20)) == []


def test_a_flash_is_no_cut() -> None:
    images = _scene(1, 16)
    images[8] = np.full_like(images[8], 255)
    assert _cuts(images) == []


def test_a_change_of_light_is_no_cut() -> None:
    images = _scene(1, 16)
    dark = [(image * 0.4).astype(np.uint8) for image in images[8:]]
    assert _cuts([*images[:8], *dark]) == []


def test_a_fade_through_black_ends_where_nothing_is_seen() -> None:
    one, other = _scene(1, 12), _scene(2, 12)
    down = [(image * (1 - i / 8)).astype(np.uint8) for i, image in enumerate(one[4:])]
    up = [(image * (i / 8)).astype(np.uint8) for i, image in enumerate(other[:8])]
    black = [np.zeros_like(one[0])] * 4
    images = [*one[:4], *down, *black, *up, *other[8:]]
    cuts = _cuts(images)
    assert len(cuts) == 2
    assert all(10 <= cut <= 18 for cut in cuts)


def test_the_sample_clip_has_no_cut_and_a_change_to_another_camera_is_one() -> None:
    with open_frames(CLIP) as source:
        first = [frame.image for frame in source.frames(30, 42)]
        mirrored = [np.ascontiguousarray(frame.image[:, ::-1]) for frame in source.frames(42, 48)]
    assert _cuts(first) == []
    assert _cuts([*first, *mirrored]) == [12]


def test_a_damaged_frame_is_no_cut() -> None:
    footage = ArrayFootage(_scene(1, 12), damaged=[5])
    assert not any(SceneCuts(footage).is_cut(frame) for frame in range(12))


def test_a_scene_reaches_from_cut_to_cut() -> None:
    cuts = SceneCuts(ArrayFootage([*_scene(1, 8), *_scene(2, 8), *_scene(3, 8)]))
    assert cuts.scene(10, first=0, last=23) == range(8, 16)
    assert cuts.scene(8, first=0, last=12) == range(8, 13)
    assert cuts.scene(7, first=2, last=7) == range(2, 8)


def test_human_frames_beyond_a_cut_are_left_out() -> None:
    track = within(corrected_track([2, 9]), range(8))
    assert 9 not in track.poses
    assert 2 in track.poses
    assert 10 in track.poses  # the model's answers stay: they are boxes to look into


def test_proposals_stop_at_a_cut_in_either_direction() -> None:
    cuts = SceneCuts(ArrayFootage([*_scene(1, 8), *_scene(2, 8)]))
    told = _Told([(0.9, 0.9)] * 12)
    assert [proposed.frame for proposed in until_cut(told(), cuts, start=0)] == [1, 2, 3, 4, 5, 6, 7]
    backward = iter(sorted(_Told([(0.9, 0.9)] * 12)(), key=lambda proposed: -proposed.frame))
    assert [proposed.frame for proposed in until_cut(backward, cuts, start=13)] == [12, 11, 10, 9, 8]


# -- footage


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_numbered_video(tmp_path_factory.mktemp("video") / "numbers.mp4", VideoKind(".mp4"), count=48)


def _no_model() -> PoseEstimator:
    raise AssertionError("nobody asked for the model")


def test_footage_gives_exact_frames_in_any_order(video: Path) -> None:
    with open_frames(video) as source, VideoFootage(source, _no_model) as footage:
        assert footage.n_frames == 48
        for frame in [30, 29, 28, 5, 4, 47, 46, 12, 13, 14, 0]:
            assert read_number(footage.image(frame)) == frame


def test_walking_backwards_decodes_a_stretch_once(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_frames(video) as source, VideoFootage(source, _no_model) as footage:
        read: list[int] = []
        inner = source.read

        def listened(index: int) -> Frame:
            read.append(index)
            return inner(index)

        monkeypatch.setattr(source, "read", listened)
        for frame in range(40, 24, -1):
            footage.image(frame)
        assert len(read) == len(set(read))


def test_footage_keeps_no_more_than_it_may(video: Path) -> None:
    with open_frames(video) as source:
        size = source.read(0).image.nbytes
        with VideoFootage(source, _no_model, image_bytes=3 * size) as footage:
            first = footage.image(0)
            for frame in (1, 2):
                footage.image(frame)
            assert footage.image(0) is first
            for frame in range(10, 14):
                footage.image(frame)
            assert footage.image(0) is not first


def test_evidence_is_looked_at_once_for_each_box() -> None:
    made: list[PoseEstimator] = []

    def estimator() -> PoseEstimator:
        model = load_model("movenet_thunder")
        made.append(
            PoseEstimator(model, device=torch.device("cpu"), batch_size=1, temporal=False, announce=lambda _: None)
        )
        return made[-1]

    box = np.array([300.0, 200.0, 500.0, 600.0])
    with open_frames(CLIP) as source, VideoFootage(source, estimator) as footage:
        first = footage.evidence(40, box)
        assert footage.evidence(40, box.copy()) is first
        assert footage.evidence(40, box + 1.0) is not first
    assert len(made) == 1
