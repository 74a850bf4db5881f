"""The command line, as a user meets it: on the bundled clip, with bad input, interrupted."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dcpose_core.annotation import journal_path
from dcpose_core.cli import main
from dcpose_core.formats import read_poses
from dcpose_core.video import open_frames

CLIP = Path(__file__).parents[2] / "resources" / "clips" / "sample.mp4"
#: Both the man and the walker are in view.
RANGE = ("--start", "40", "--stop", "48")


def annotate(output: Path, *options: str) -> int:
    return main(["annotate", str(CLIP), "-o", str(output), "--device", "cpu", *options])


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("annotated") / "000001_mpii_test.json"
    assert annotate(output, *RANGE, "--overlay", str(output.with_suffix(".mp4"))) == 0
    return output


def test_the_bundled_clip_is_annotated(annotated: Path) -> None:
    (sequence,) = read_poses(annotated)
    assert len(sequence.frames) == 180
    assert [frame.index for frame in sequence.frames if frame.is_labeled] == list(range(40, 48))
    for frame in sequence.frames[40:48]:
        assert len(frame.persons) == 2
        for person in frame.persons:
            assert person.scores is not None
            assert np.median(person.scores[person.located]) > 0.1
    tracks = [sorted(str(person.track_id) for person in frame.persons) for frame in sequence.frames[40:48]]
    assert tracks == [["0", "1"]] * 8
    assert not journal_path(annotated).exists()


def test_the_overlay_shows_the_analysed_frames(annotated: Path) -> None:
    with open_frames(annotated.with_suffix(".mp4")) as overlay, open_frames(CLIP) as clip:
        assert (len(overlay), overlay.width_px, overlay.height_px) == (8, clip.width_px, clip.height_px)
        drawn = overlay.read(3).image.astype(int)
        plain = clip.read(43).image.astype(int)
    changed = np.abs(drawn - plain).max(axis=2) > 60
    # The man stands in the left half, the walker walks in the right half; nothing is drawn between them.
    assert changed[:, :640].any()
    assert changed[:, 640:].any()
    assert not changed[:, 580:740].any()


def test_an_annotation_scored_against_itself_is_perfect(annotated: Path, tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    assert main(["evaluate", str(annotated), str(annotated), "--json", str(figures)]) == 0
    result = json.loads(figures.read_text())
    assert len(result["ap"]) == 16
    assert result["ap"][-1] == pytest.approx(100)
    assert result["mota"][-1] == pytest.approx(100)


@pytest.mark.parametrize("name", ["posetrack17", "posetrack21", "coco"])
def test_converting_keeps_the_poses(annotated: Path, tmp_path: Path, name: str) -> None:
    output = tmp_path / "000001_mpii_test.json"
    assert main(["convert", str(annotated), str(output), "--to", name]) == 0
    (before,), (after,) = read_poses(annotated), read_poses(output)
    joints = [joint for joint in after.skeleton.joints if joint in before.skeleton.joints and "ear" not in joint]
    old, new = [before.skeleton.index(j) for j in joints], [after.skeleton.index(j) for j in joints]
    by_index = {frame.index: frame for frame in after.frames}
    for frame in before.frames[40:48]:
        for a, b in zip(frame.persons, by_index[frame.index].persons, strict=True):
            np.testing.assert_allclose(a.keypoints[old], b.keypoints[new])


def test_boxes_and_identities_can_come_from_a_file(annotated: Path, tmp_path: Path) -> None:
    output = tmp_path / "again.json"
    assert annotate(output, *RANGE, "--boxes", str(annotated), "--persons", "1") == 0
    (first,), (again,) = read_poses(annotated), read_poses(output)
    for frame, other in zip(first.frames[40:48], again.frames[40:48], strict=True):
        (person,) = [person for person in frame.persons if person.track_id == 1]
        (same,) = other.persons
        distances = np.linalg.norm(person.keypoints - same.keypoints, axis=1)[person.located]
        assert np.median(distances) < 4


#: `dcpose`, with Ctrl-C pressed once so many frames are in the journal: from outside it may come too late.
_INTERRUPTED = """
import os, signal, sys
from dcpose_core.cli import main
from dcpose_core.journal import Journal

record, left = Journal.record_poses, [int(sys.argv[1])]

def record_and_press(journal, poses):
    record(journal, poses)
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGINT)

Journal.record_poses = record_and_press
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore Ctrl-C
sys.exit(main(sys.argv[2:]))
"""


def interrupt_after(frames_done: int, output: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `annotate` in a process of its own that is interrupted after so many frames."""
    arguments = ["annotate", str(CLIP), "-o", str(output), "--device", "cpu", *options]
    return subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, str(frames_done), *arguments],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_an_interrupted_run_keeps_what_is_finished_and_goes_on(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole.json", tmp_path / "parts.json"
    options = ("--start", "40", "--stop", "72", "--batch-size", "2")
    assert annotate(whole, *options) == 0
    interrupted = interrupt_after(1, parts, *options)
    assert interrupted.returncode == 130
    assert "add --resume to go on" in interrupted.stderr
    assert "Traceback" not in interrupted.stderr
    assert not parts.exists()
    assert annotate(parts, *options) == 2
    assert annotate(parts, *options, "--resume") == 0
    (expected,), (resumed,) = read_poses(whole), read_poses(parts)
    for a, b in zip(expected.frames, resumed.frames, strict=True):
        assert [person.track_id for person in a.persons] == [person.track_id for person in b.persons]
        for first, second in zip(a.persons, b.persons, strict=True):
            np.testing.assert_allclose(first.keypoints, second.keypoints, atol=0.02)


def test_the_benchmark_counts_time_by_stage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "pipeline", "--frames", "4", "--device", "cpu", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    (measurement,) = result["measurements"]
    stages = {name: row["s"] for name, row in measurement["rows"].items()}
    whole = stages.pop("whole")
    assert {"decode video", "detect", "track", "crop", "backbone", "decode heatmaps"} <= stages.keys()
    assert 0 < sum(stages.values()) <= whole
    assert result["machine"]["cores"] >= 1


def test_modes_are_compared_on_the_same_persons(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "modes", "--frames", "4", "--device", "cpu", "--json"]) == 0
    (measurement,) = json.loads(capsys.readouterr().out)["measurements"]
    assert measurement["rows"]["exact"]["person-frames"] == measurement["rows"]["shared"]["person-frames"] > 0
    assert measurement["rows"]["shared against exact, all joints"]["PCK@0.5, %"] > 50


def test_the_readmes_first_command_names_a_file_that_exists() -> None:
    makefile = (CLIP.parents[2] / "Makefile").read_text()
    (command,) = [line.strip() for line in makefile.splitlines() if "dcpose annotate" in line]
    assert (CLIP.parents[2] / command.split()[2]).resolve() == CLIP


def test_square_brackets_in_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    output = tmp_path / "a [b] [" / "c].json"
    assert annotate(output, "--start", "0", "--stop", "1") == 0
    assert f"annotations: {output}" in capsys.readouterr().out


def test_a_reader_who_has_seen_enough_is_no_failure() -> None:
    command = [sys.executable, "-m", "dcpose_core.cli", "models", "list"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_convert_never_overwrites_its_input(capsys: pytest.CaptureFixture[str], annotated: Path) -> None:
    before = annotated.read_bytes()
    status, message = run_badly(capsys, "convert", str(annotated), str(annotated), "--to", "coco")
    assert (status, annotated.read_bytes()) == (2, before)
    assert "is the input itself" in message


def run_badly(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(list(arguments))
    return status, capsys.readouterr().err


def test_bad_input_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("not a video")
    (tmp_path / "empty.json").write_text("")
    output = str(tmp_path / "out.json")
    for arguments in (
        ("annotate", str(tmp_path / "missing.mp4"), "-o", output),
        ("annotate", str(text), "-o", output),
        ("annotate", str(tmp_path), "-o", output),
        ("annotate", str(CLIP), "-o", str(tmp_path)),
        ("annotate", str(CLIP), "-o", str(CLIP)),
        ("annotate", str(CLIP), "-o", output, "--start", "500"),
        ("annotate", str(CLIP), "-o", output, "--model", "no-such-model"),
        ("annotate", str(CLIP), "-o", output, "--boxes", str(tmp_path / "empty.json")),
        ("annotate", str(CLIP), "-o", output, "--overlay", str(tmp_path / "overlay.gif")),
        ("annotate", str(CLIP), "-o", output, "--persons", "x"),
        ("annotate", str(CLIP), "-o", output, "--batch-size", "0"),
        ("annotate", str(CLIP), "-o", str(tmp_path / "out.mkv")),
        ("evaluate", str(text), str(text)),
        ("convert", str(tmp_path / "empty.json"), output, "--to", "coco"),
        ("models", "info", "no-such-model"),
        ("models", "import", str(text), "--name", "mine"),
    ):
        status, message = run_badly(capsys, *arguments)
        assert status == 2, arguments
        errors = [line for line in message.splitlines() if not line.startswith("note:")]
        assert len(errors) == 1, arguments
        assert errors[0].startswith("error: ")
    assert not Path(output).exists()
    assert not journal_path(Path(output)).exists()


def test_an_unknown_failure_is_one_line_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("dcpose_core.models.catalogue.catalogue", broken)
    monkeypatch.delenv("DCPOSE_DEBUG", raising=False)
    status, message = run_badly(capsys, "models", "list")
    assert status == 70
    assert message.startswith("error: this is a bug in dcpose: ZeroDivisionError: division by zero")
    assert len(message.splitlines()) == 1


def test_models_are_listed_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list", "--json"]) == 0
    (model,) = [m for m in json.loads(capsys.readouterr().out) if m["name"] == "movenet_thunder"]
    assert model["temporal"] is False
    assert main(["models", "info", "movenet_thunder"]) == 0
    assert "single-frame" in capsys.readouterr().out


def test_the_doctor_finds_this_machine_fit_and_reads_a_video(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", str(CLIP), "--json"]) == 0
    findings = {finding["what"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert findings["torch on cpu"]["ok"]
    assert findings["person detector on cpu"]["ok"]
    assert "180 frames, 1280 x 720" in findings["video"]["detail"]


def test_the_doctor_says_what_is_wrong_with_a_video(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("not a video")
    assert main(["doctor", str(text), "--json"]) == 1
    (finding,) = [f for f in json.loads(capsys.readouterr().out) if f["what"] == "video"]
    assert finding["ok"] is False
    assert "notes.mp4" in finding["detail"]


def test_a_full_disk_is_told_with_the_file_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")  # as a write says it: without a name

    monkeypatch.setattr("dcpose_core.journal.Journal.open", full)
    assert annotate(tmp_path / "out.json", "--stop", "2") == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert line == f"error: {tmp_path / 'out.json'}: No space left on device; make room and run it again"
