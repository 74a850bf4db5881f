"""`dcpose propagate`, as a user meets it: on a small video with a file whose poses are wrong but on one frame."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dcpose_core.cli import main
from dcpose_core.formats import format_of, read_poses, write_poses
from dcpose_core.propagation import DEFAULT_PROPAGATOR
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FramePoses, PersonPose, PoseSequence, Visibility
from dcpose_core.video import VideoWriter
from tests.unit.moving_person import HEAD_PX, HEIGHT, WIDTH, aside, picture, truth

FRAMES = 12
CORRECTED = 5
OFF_PX = 12.0
_EARS = [POSETRACK_17.index("left_ear"), POSETRACK_17.index("right_ear")]
_HEARD = np.setdiff1d(np.arange(17), _EARS)  # PoseTrack files hold no ears


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "moving.mp4"
    with VideoWriter(path, width_px=WIDTH, height_px=HEIGHT, frame_rate=25) as writer:
        for frame in range(FRAMES):
            writer.write(picture(frame))
    return path


def sequence(*, track_id: int | None = 0) -> PoseSequence:
    """The model was off by 12 px on every frame but the corrected one."""
    frames = []
    for frame in range(FRAMES):
        points = truth(frame) if frame == CORRECTED else truth(frame) + aside(OFF_PX)
        visibility = np.full(17, Visibility.VISIBLE, np.uint8)
        visibility[_EARS] = Visibility.ABSENT
        box = np.concatenate([points.min(axis=0) - 20, points.max(axis=0) + 20])
        person = PersonPose(points, visibility, np.full(17, 0.6), track_id, box_xyxy=box, score=1.0)
        frames.append(FramePoses(frame, (person,)))
    return PoseSequence("000001_mpii_test", tuple(frames), width_px=WIDTH, height_px=HEIGHT)


@pytest.fixture(scope="module")
def poses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("poses") / "000001_mpii_test.json"
    write_poses([sequence()], path, format="posetrack18")
    return path


def propagate(video: Path, poses: Path, output: Path, *options: str) -> int:
    start = ("--from", str(CORRECTED)) if "--from" not in options else ()
    return main(["propagate", str(video), str(poses), "-o", str(output), "--device", "cpu", *start, *options])


def errors(path: Path) -> dict[int, Any]:
    """Head lengths from the truth of all joints but ears, by frame."""
    (read,) = read_poses(path)
    return {
        frame.index: np.linalg.norm(frame.persons[0].keypoints - truth(frame.index), axis=-1)[_HEARD] / HEAD_PX
        for frame in read.frames
    }


def test_flow_repairs_the_frames_around_a_corrected_one(
    video: Path, poses: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.json"
    assert propagate(video, poses, output, "--method", "flow", "--until", "cut", "--min-confidence", "0.01") == 0
    found = errors(output)
    assert all(found[frame].max() < 0.2 for frame in range(FRAMES))
    printed = capsys.readouterr().out
    assert "0 to 11" in printed
    assert str(output) in printed
    assert format_of(output) == "posetrack18"


def test_the_corrected_frame_stays_as_it_was(video: Path, poses: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    assert propagate(video, poses, output, "--method", "flow", "--until", "cut", "--min-confidence", "0") == 0
    (before,), (after,) = read_poses(poses), read_poses(output)
    one, other = before.frames[CORRECTED].persons[0], after.frames[CORRECTED].persons[0]
    np.testing.assert_array_equal(one.keypoints, other.keypoints)
    np.testing.assert_array_equal(one.visibility, other.visibility)


def test_what_is_not_sure_enough_stays_as_it_was(video: Path, poses: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    assert propagate(video, poses, output, "--method", "flow", "--until", "cut", "--min-confidence", "1") == 0
    (before,), (after,) = read_poses(poses), read_poses(output)
    for one, other in zip(before.frames, after.frames, strict=True):
        np.testing.assert_array_equal(one.persons[0].keypoints, other.persons[0].keypoints)


def test_only_the_joints_frames_and_direction_asked_for_change(video: Path, poses: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    options = ("--method", "flow", "--min-confidence", "0.01", "--joints", "left_wrist", "--frames", "2")
    assert propagate(video, poses, output, *options, "--direction", "forward") == 0
    (before,), (after,) = read_poses(poses), read_poses(output)
    changed = {
        (frame.index, POSETRACK_17.joints[joint])
        for frame, was in zip(after.frames, before.frames, strict=True)
        for joint in np.flatnonzero((frame.persons[0].keypoints != was.persons[0].keypoints).any(axis=-1))
    }
    assert changed == {(6, "left_wrist"), (7, "left_wrist")}


def test_without_a_second_corrected_frame_there_is_nothing_between(video: Path, poses: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    assert propagate(video, poses, output, "--method", "linear", "--until", "human") == 0
    assert errors(output)[6].min() > 0.5


def test_interpolation_between_two_corrected_frames(video: Path, tmp_path: Path) -> None:
    poses, output = tmp_path / "000001_mpii_test.json", tmp_path / "out.json"
    right = sequence()
    frames = [
        replace(frame, persons=(replace(frame.persons[0], keypoints=truth(frame.index)),))
        if frame.index in (2, 8)
        else frame
        for frame in right.frames
    ]
    write_poses([right.with_frames(frames)], poses, format="posetrack21")
    options = ("--from", "2,8", "--method", "linear", "--until", "human", "--min-confidence", "0")
    assert propagate(video, poses, output, *options) == 0
    found = errors(output)
    assert all(found[frame].max() < 0.2 for frame in range(2, 9))
    assert found[9].min() > 0.5
    assert format_of(output) == "posetrack21"


def test_proposals_as_json_say_what_became_of_each(
    video: Path, poses: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--method", "flow", "--frames", "1", "--direction", "forward", "--min-confidence", "0.01", "--json")
    assert propagate(video, poses, tmp_path / "out.json", *options) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(result["proposals"]) == 15
    first = result["proposals"][0]
    assert first["frame"] == 6
    assert first["person"] == 0
    assert first["fate"] == "replaced"
    assert first["joint"] in POSETRACK_17.joints
    assert first["moved_px"] == pytest.approx(OFF_PX, abs=2)
    assert 0 < first["confidence"] <= 1
    assert "frame 5" in first["reason"]


def test_a_coco_file_comes_back_as_coco_with_its_eyes(video: Path, poses: Path, tmp_path: Path) -> None:
    coco, output = tmp_path / "poses.json", tmp_path / "out.json"
    assert main(["convert", str(poses), str(coco), "--to", "coco"]) == 0
    (read,) = read_poses(coco)
    eye = read.skeleton.index("left_eye")
    frames = []
    for frame in read.frames:
        keypoints, visibility = frame.persons[0].keypoints.copy(), frame.persons[0].visibility.copy()
        keypoints[eye], visibility[eye] = truth(frame.index)[0] + aside(3.0), Visibility.VISIBLE
        frames.append(replace(frame, persons=(replace(frame.persons[0], keypoints=keypoints, visibility=visibility),)))
    write_poses([read.with_frames(frames)], coco, format="coco")
    assert propagate(video, coco, output, "--method", "flow", "--min-confidence", "0.01", "--frames", "2") == 0
    assert format_of(output) == "coco"
    (after,) = read_poses(output)
    nose = after.skeleton.index("nose")
    for frame in after.frames[3:8]:
        np.testing.assert_allclose(frame.persons[0].keypoints[nose], truth(frame.index)[0], atol=4)
        np.testing.assert_allclose(frame.persons[0].keypoints[eye], truth(frame.index)[0] + aside(3.0), atol=1e-6)


def test_a_scene_cut_ends_it(poses: Path, tmp_path: Path) -> None:
    video, output = tmp_path / "cut.mp4", tmp_path / "out.json"
    with VideoWriter(video, width_px=WIDTH, height_px=HEIGHT, frame_rate=25) as writer:
        for frame in range(FRAMES):
            writer.write(picture(frame) if frame < 8 else 255 - np.roll(picture(0), (77, 140), axis=(0, 1)))
    assert propagate(video, poses, output, "--method", "flow", "--min-confidence", "0", "--until", "cut") == 0
    found = errors(output)
    assert found[7].max() < 0.2
    assert found[8].min() == pytest.approx(OFF_PX / HEAD_PX)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--from", "40"), "does not list frame 40"),
        (("--from", "x"), "give frame numbers"),
        (("--from", "9-2"), "runs backwards"),
        (("--from", "0-99999999999"), "nobody corrects"),
        (("--method", "telepathy"), "unknown name 'telepathy'"),
        (("--joints", "tail"), "unknown joint 'tail'"),
        (("--tracks", "9"), "has no track 9"),
        (("--tracks", "a"), "give track ids"),
        (("--frames", "0"), "at least 1"),
        (("--min-confidence", "2"), "between 0 and 1"),
        (("--min-confidence", "nan"), "between 0 and 1"),
        (("--model", "nonesuch"), "nonesuch"),
    ],
)
def test_a_wrong_request_is_one_clear_line(
    video: Path,
    poses: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    said: str,
) -> None:
    output = tmp_path / "out.json"
    assert propagate(video, poses, output, *options) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert not output.exists()


def test_the_input_is_never_overwritten(
    video: Path, poses: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert propagate(video, poses, poses) == 2
    assert "is an input itself" in capsys.readouterr().err


def test_persons_without_track_ids_cannot_be_carried(
    video: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    poses = tmp_path / "poses.json"
    write_poses([sequence(track_id=None)], poses, format="coco")
    assert propagate(video, poses, tmp_path / "out.json") == 2
    assert "without track id" in capsys.readouterr().err


def test_a_file_of_another_video_is_refused(poses: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = tmp_path / "short.mp4"
    with VideoWriter(video, width_px=WIDTH, height_px=HEIGHT, frame_rate=25) as writer:
        for frame in range(4):
            writer.write(picture(frame))
    assert propagate(video, poses, tmp_path / "out.json") == 2
    assert "do not belong together" in capsys.readouterr().err


def test_the_help_names_the_default_propagator(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["propagate", "--help"])
    assert f"(default: {DEFAULT_PROPAGATOR})" in " ".join(capsys.readouterr().out.split())
