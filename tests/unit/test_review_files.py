"""`dcpose check`: the checks on annotation files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dcpose_core.cli import console, main
from dcpose_core.formats import write_poses
from dcpose_core.review import CHECKS
from dcpose_core.review.sequence import SequencePoses
from dcpose_core.types import FloatArray, FramePoses, PersonPose, PoseSequence, Visibility
from tests.unit.review_tracks import HEAD_PX, JOINT, SIZE_PX, walker

_WRIST = JOINT("left_wrist")


def sequence(
    keypoints: FloatArray, *, scores: bool = True, tracks: bool = True, labelled_every: int = 1
) -> PoseSequence:
    """keypoints: `[F, 17, 2]` of one person."""
    visible = np.full(17, Visibility.VISIBLE, np.uint8)
    frames = [
        FramePoses(
            index,
            (PersonPose(points, visible, np.full(17, 0.97) if scores else None, 3 if tracks else None, score=0.9),)
            if index % labelled_every == 0
            else (),
            time_s=index / 30,
            is_labeled=index % labelled_every == 0,
        )
        for index, points in enumerate(keypoints)
    ]
    return PoseSequence("000001_mpii_test", tuple(frames), width_px=SIZE_PX[0], height_px=SIZE_PX[1])


def jumping() -> FloatArray:
    keypoints = walker(40)
    keypoints[15, _WRIST] += [0.0, 2.5 * HEAD_PX]
    return keypoints


def check(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["check", *map(str, arguments)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("format", ["posetrack18", "posetrack17", "posetrack21", "coco"])
def test_a_jump_is_found_in_a_file_of_every_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], format: str
) -> None:
    path = tmp_path / "poses.json"
    write_poses([sequence(jumping())], path, format=format)
    report = json.loads(check(capsys, path, "--json", "--check", "jump"))
    assert (report["frames"], report["persons"], report["persons_found"]) == (40, 40, 1)
    (person,) = report["found"]
    assert (person["rank"], person["frame"]) == (1, 15)
    (reason,) = person["reasons"]
    assert (reason["check"], reason["joint"]) == ("jump", "left wrist")
    assert reason["probability"] > 0.1
    assert "head lengths from where its neighbours put it" in reason["text"]


@pytest.mark.parametrize("scores", [True, False])
def test_a_clean_file_has_nothing_to_report(tmp_path: Path, capsys: pytest.CaptureFixture[str], scores: bool) -> None:
    path = tmp_path / "poses.json"
    write_poses([sequence(walker(40), scores=scores)], path, format="posetrack18")
    printed = check(capsys, path, "--min-probability", 0)
    assert printed.startswith("40 frames, 40 poses: 0 to look at; of all joints about ")


def test_the_table_says_where_how_much_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "poses.json"
    write_poses([sequence(jumping())], path, format="posetrack18")
    lines = check(capsys, path).splitlines()
    assert lines[0].split("\t") == ["rank", "frame", "track", "wrong", "reasons"]
    first = lines[1].split("\t")
    assert first[:3] == ["1", "15", "0"]  # PoseTrack files number their tracks anew
    assert "left wrist" in first[-1]


def test_at_a_terminal_every_reason_has_lines_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "poses.json"
    write_poses([sequence(jumping())], path, format="posetrack18")
    reasons = check(capsys, path).splitlines()[1].split("\t")[-1].split("; ")
    monkeypatch.setattr(console.out, "_force_terminal", True)
    monkeypatch.setattr(console.out, "_width", 80)
    lines = [" ".join(line.split()) for line in check(capsys, path, "--limit", 1).splitlines()]
    assert max(map(len, lines[:-1])) <= 80
    assert " ".join(lines[1:-1]).endswith(" ".join(reasons))
    assert any(reasons[1].startswith(line) for line in lines[2:-1])


def test_limit_and_probability_leave_out_what_is_less_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keypoints = jumping()
    keypoints[25, [_WRIST, JOINT("right_knee")]] += [0.0, 3 * HEAD_PX]
    path = tmp_path / "poses.json"
    write_poses([sequence(keypoints)], path, format="posetrack18")
    report = json.loads(check(capsys, path, "--json", "--check", "jump", "--limit", 1))
    assert (report["persons_found"], [person["frame"] for person in report["found"]]) == (2, [25])
    assert json.loads(check(capsys, path, "--json", "--min-probability", 1))["found"] == []
    assert "2 to look at (listed: 1)" in check(capsys, path, "--check", "jump", "--limit", 1)


def test_frames_that_are_not_labelled_are_left_out_and_time_goes_on(tmp_path: Path) -> None:
    source = SequencePoses(sequence(walker(40), labelled_every=4))
    assert source.frame_indices.tolist() == list(range(0, 40, 4))
    np.testing.assert_allclose(np.diff(source.times_s), 4 / 30)
    assert source.n_persons == 10


def test_persons_without_a_track_id_are_followed_by_their_boxes() -> None:
    source = SequencePoses(sequence(walker(40), tracks=False))
    assert set(source.rows(0, 40).track_ids.tolist()) == {0}


def test_a_file_without_scores_says_of_every_joint_that_nobody_knows() -> None:
    rows = SequencePoses(sequence(walker(4), scores=False)).rows(0, 4)
    assert np.isnan(rows.scores).all()
    assert np.isnan(rows.refinement_px).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing.json"], "missing.json"),
        (["{bad}"], "bad.json"),
        (["{bad}", "--check", "mistakes"], f"unknown check 'mistakes': use one of {', '.join(CHECKS)}"),
        (["{bad}", "--min-probability", "2"], "--min-probability is between 0 and 1"),
        (["{bad}", "--limit", "-1"], "--limit is 0 or more"),
        (["{bad}", "--frame-rate", "0"], "--frame-rate is above 0"),
    ],
)
def test_bad_input_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"images": 3}')
    assert main(["check", *(argument.format(bad=bad) for argument in arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error.replace("\n", "")
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_labels_that_people_made_raise_few_alarms(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = json.loads(check(capsys, shared / "data" / "labels" / "handball" / "handball.json", "--json"))
    assert report["frames"] == 40
    assert report["persons_found"] <= 4
