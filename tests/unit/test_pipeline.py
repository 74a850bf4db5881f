"""`analyse`, seen from outside, on a world of moving dots."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dcpose_core import estimation
from dcpose_core.errors import DeviceError, UsageError
from dcpose_core.geometry import normalise
from dcpose_core.journal import Journal, RunDescription
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.pipeline import AnalysisSettings, BackboneMode, analyse
from dcpose_core.trackers import TRACKERS
from dcpose_core.types import FloatArray, Frame, FramePoses
from tests.scenes import DotBackbone, DotDetector, DotVideo, Fusion, dot_model, given_boxes, position

RUN = RunDescription("dots", "dots.mp4", "dots", "0", {})


def looks_at(frame: str) -> Fusion:
    formulas: dict[str, Callable[..., torch.Tensor]] = {
        "current": lambda c, p, n, margin: c,
        "previous": lambda c, p, n, margin: p,
        "next": lambda c, p, n, margin: n,
    }
    return Fusion(formulas[frame])


def has_room_for(monkeypatch: pytest.MonkeyPatch, largest_batch: int) -> None:
    """A device that is full when more crops than that are moved to it."""

    def normalise_what_fits(crops: torch.Tensor, **settings: Any) -> torch.Tensor:
        if len(crops) > largest_batch:
            raise torch.OutOfMemoryError("the test's device is full")
        return normalise(crops, **settings)

    monkeypatch.setattr(estimation, "normalise", normalise_what_fits)


def run(
    source: DotVideo,
    model: PoseModel,
    *,
    n_persons: int = 1,
    announce: Callable[[str], None] = pytest.fail,
    journal: Journal | None = None,
    detector: DotDetector | None = None,
    **settings: Any,
) -> Generator[FramePoses, None, None]:
    boxes = None if detector is not None else given_boxes(len(source), n_persons)
    return analyse(
        source,
        model=model,
        device=torch.device("cpu"),
        detector=detector,
        tracker=TRACKERS["given" if detector is None else "motion_oks"](),
        settings=AnalysisSettings(**settings),
        announce=announce,
        given_boxes=boxes,
        journal=journal,
    )


def nose(poses: FramePoses, person: int = 0) -> FloatArray:
    keypoint: FloatArray = poses.persons[person].keypoints[0]
    return keypoint


def test_every_frame_has_the_pose_of_every_person() -> None:
    found = list(run(DotVideo(12, n_persons=2), dot_model(), n_persons=2))
    assert [poses.index for poses in found] == list(range(12))
    assert [poses.time_s for poses in found] == [index / 25 for index in range(12)]
    for poses in found:
        assert [person.track_id for person in poses.persons] == [10, 11]
        for person in range(2):
            np.testing.assert_allclose(nose(poses, person), position(person, poses.index), atol=1.0)


@pytest.mark.parametrize("mode", list(BackboneMode))
@pytest.mark.parametrize(("frame", "step"), [("current", 0), ("previous", -1), ("next", 1)])
@pytest.mark.parametrize("interval", [1, 3])
def test_the_network_sees_the_right_neighbours_in_the_key_frames_crop(
    mode: BackboneMode, frame: str, step: int, interval: int
) -> None:
    fusion = looks_at(frame)
    found = list(run(DotVideo(14), dot_model(fusion), backbone_mode=mode, interval=interval))
    for poses in found:
        neighbour = poses.index + step * min(interval, poses.index if step < 0 else 13 - poses.index)
        np.testing.assert_allclose(nose(poses), position(0, neighbour), atol=1.2, err_msg=f"frame {poses.index}")
    left = [max(1, min(interval, index)) for index in range(14)]
    # Threads share the persons of a batch, so the order is open.
    assert sorted(fusion.margins) == sorted(list(pair) for pair in zip(left, reversed(left), strict=True))


def test_shared_mode_needs_one_backbone_pass_a_person_and_frame_where_exact_needs_three() -> None:
    passes = {}
    for mode in BackboneMode:
        backbone = DotBackbone()
        list(run(DotVideo(30), dot_model(looks_at("current"), backbone), backbone_mode=mode))
        passes[mode] = backbone.passes
    assert passes == {BackboneMode.EXACT: 90, BackboneMode.SHARED: 30}


def test_without_temporal_modules_neighbours_cost_nothing() -> None:
    backbone = DotBackbone()
    list(run(DotVideo(10), dot_model(None, backbone), backbone_mode=BackboneMode.EXACT))
    assert backbone.passes == 10


def test_temporal_off_leaves_the_backbones_answer() -> None:
    found = list(run(DotVideo(6), dot_model(looks_at("previous")), temporal=False))
    np.testing.assert_allclose(nose(found[4]), position(0, 4), atol=1.0)


def test_a_range_takes_its_neighbours_from_outside_and_decodes_nothing_else() -> None:
    source = DotVideo(40)
    found = list(run(source, dot_model(looks_at("previous")), start=10, stop=15, interval=2))
    assert [poses.index for poses in found] == [10, 11, 12, 13, 14]
    np.testing.assert_allclose(nose(found[0]), position(0, 8), atol=1.0)
    assert source.reads == list(range(8, 17))


def test_each_frame_is_decoded_once() -> None:
    source = DotVideo(50)
    list(run(source, dot_model(looks_at("next")), interval=4))
    assert source.reads == list(range(50))


def test_frames_are_let_go_however_long_the_video() -> None:
    source = DotVideo(80)
    alive = [source.images_alive for _ in run(source, dot_model(looks_at("next")), batch_size=4)]
    assert max(alive) <= 8


def test_a_damaged_frame_is_left_out_and_a_nearer_neighbour_serves() -> None:
    source = DotVideo(12, damaged_frames=frozenset({5}))
    fusion = looks_at("previous")
    found = {poses.index: poses for poses in run(source, dot_model(fusion), interval=2)}
    assert sorted(found) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
    np.testing.assert_allclose(nose(found[6]), position(0, 4), atol=1.0)
    np.testing.assert_allclose(nose(found[7]), position(0, 6), atol=1.0)


def test_a_frame_nobody_is_in_is_still_a_result() -> None:
    source = DotVideo(4)
    found = analyse(
        source,
        model=dot_model(),
        device=torch.device("cpu"),
        detector=None,
        tracker=TRACKERS["given"](),
        settings=AnalysisSettings(),
        announce=pytest.fail,
        given_boxes={2: given_boxes(4)[2]},
    )
    assert [len(poses.persons) for poses in found] == [0, 0, 1, 0]


@pytest.mark.parametrize("follow", [True, False])
def test_a_person_whom_the_detector_misses_is_followed(follow: bool) -> None:
    detector = DotDetector(blind=range(10, 25))
    found = list(run(DotVideo(40), dot_model(), detector=detector, follow=follow))
    if not follow:
        assert [poses.index for poses in found if not poses.persons] == list(range(10, 25))
        return
    assert [[person.track_id for person in poses.persons] for poses in found] == [[0]] * 40
    for poses in found:
        np.testing.assert_allclose(nose(poses), position(0, poses.index), atol=1.0)


def test_nobody_is_followed_out_of_the_picture() -> None:
    class Leaving(DotVideo):
        def read(self, index: int) -> Frame:
            frame = super().read(index)
            return frame if index < 15 else Frame(np.zeros_like(frame.image), index, frame.time_s)

    detector = DotDetector(blind=range(15, 40))
    found = list(run(Leaving(40), dot_model(), detector=detector))
    assert [poses.index for poses in found if poses.persons] == list(range(15))


def test_only_the_persons_asked_for_are_annotated() -> None:
    found = list(run(DotVideo(5, n_persons=2), dot_model(), n_persons=2, persons=frozenset({11})))
    assert [[person.track_id for person in poses.persons] for poses in found] == [[11]] * 5


def test_out_of_memory_halves_the_batch_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    has_room_for(monkeypatch, 2)
    found = list(run(DotVideo(20), dot_model(looks_at("current")), batch_size=8, announce=said.append))
    assert len(found) == 20
    assert [text.rsplit(" ", 1)[-1] for text in said] == ["4", "2"]


def test_no_memory_for_one_person_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    has_room_for(monkeypatch, 0)
    with pytest.raises(DeviceError, match="out of memory for a single person with 'dots'; choose the device cpu"):
        list(run(DotVideo(3), dot_model(looks_at("current")), announce=lambda _: None))


@pytest.mark.parametrize(("start", "stop"), [(5, 5), (7, 3), (12, None), (-1, 4)])
def test_a_range_without_frames_is_refused(start: int, stop: int | None) -> None:
    with pytest.raises(UsageError, match=r"no frame to analyse: .* the video has 0 to 11"):
        list(run(DotVideo(12), dot_model(), start=start, stop=stop))


def test_closing_the_generator_closes_the_decoder() -> None:
    source = DotVideo(100)
    poses = run(source, dot_model())
    next(poses)
    poses.close()
    assert source.closed_early


@pytest.mark.parametrize("finished", [1, 7, 33])
def test_a_resumed_run_gives_what_an_uninterrupted_one_gives(tmp_path: Path, finished: int) -> None:
    def whole(journal: Journal | None = None, detector: DotDetector | None = None) -> Generator[FramePoses, None, None]:
        detector = detector or DotDetector(2)
        return run(DotVideo(40, n_persons=2), dot_model(looks_at("previous")), detector=detector, journal=journal)

    expected = list(whole())
    assert all(len(poses.persons) == 2 for poses in expected)
    with Journal.open(tmp_path / "j", RUN, resume=False) as journal:
        interrupted = whole(journal)
        for _ in range(finished):
            next(interrupted)
        interrupted.close()
    detector = DotDetector(2)
    with Journal.open(tmp_path / "j", RUN, resume=True) as journal:
        list(whole(journal, detector))
        resumed = list(journal.poses())
    assert detector.calls < 40
    for got, want in zip(resumed, expected, strict=True):
        assert got.index == want.index
        for person, reference in zip(got.persons, want.persons, strict=True):
            assert person.track_id == reference.track_id
            # Other batch compositions change float32 sums in the last bit.
            np.testing.assert_allclose(person.keypoints, reference.keypoints, atol=1e-3)
            np.testing.assert_array_equal(person.box_xyxy, reference.box_xyxy)


def test_poses_say_how_far_the_neighbours_moved_them_from_what_the_frame_alone_says() -> None:
    by_next_frame = [frame.persons[0] for frame in run(DotVideo(6), dot_model(looks_at("next")))]
    single = [frame.persons[0] for frame in run(DotVideo(6), dot_model(looks_at("next")), temporal=False)]
    for index in range(1, 5):
        moved = by_next_frame[index].refinement_px
        assert moved is not None
        apart = np.linalg.norm(by_next_frame[index].keypoints - single[index].keypoints, axis=1)
        np.testing.assert_allclose(moved, apart, atol=1e-6)
        assert moved[0] > 2.0  # a dot moves by 4.3 pixels a frame
    assert all(person.refinement_px is None for person in single)
