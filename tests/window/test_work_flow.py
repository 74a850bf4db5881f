"""What an annotator does, with mouse and keys on a real screen; what came of it is read from the files alone."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.project.document import Document
from app.project.records import FrameState, Layer, Person
from dcpose_core.formats import read_poses
from dcpose_core.render import MIN_JOINT_SCORE
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, Visibility
from tests.window.desktop import PATIENCE_S, Program

Start = Callable[..., Program]
_LAST = 11
_WRISTS = (POSETRACK_17.index("left_wrist"), POSETRACK_17.index("right_wrist"))
#: On the screen, so that the mouse cannot mean another joint.
_CLEAR_PX = 20.0


@pytest.fixture
def video(sample: Path, tmp_path: Path) -> Path:
    """The clip in a folder of its own, where its project will lie."""
    return Path(shutil.copy(sample, tmp_path / "clip.mp4"))


def test_a_clip_is_annotated_corrected_exported_and_undone_after_reopening(start: Start, video: Path) -> None:
    project = video.with_name("clip.mp4.dcpose")
    program = start(video)
    program.wait_for_frame(0)

    program.press("ctrl+g", *str(_LAST), "Return", "bracketright")
    program.wait("range", lambda state: state["frame_range"] == [0, _LAST])
    program.press("Home", "ctrl+r")
    program.wait("dialog", lambda state: state["dialog"] and state["dialog"]["title"] == "Annotate")
    assert program.state()["dialog"]["buttons"][f"Selected frames, 0 to {_LAST}"]["checked"]
    program.click_button("Annotate")
    wait_for(project, "12 frames by the model", lambda one: one.frame_states()[_LAST] == FrameState.MODEL)
    program.wait("end of the run", lambda state: not state["is_annotating"])
    with Document.open(project, read_only=True) as document:
        states = document.frame_states().tolist()
        assert states == [FrameState.MODEL] * 12 + [FrameState.NONE] * 28
        track, wrist = clear_wrist(document, scale=program.state()["canvas"]["scale"])
        seen = person(document, track)
    program.wait_for_frame(0)

    target = seen.keypoints[wrist] + np.array([30.0, -22.0])
    program.drag(seen.keypoints[wrist], target)
    pixel = 1 / program.state()["canvas"]["scale"]
    wait_for(project, "moved wrist", lambda one: near(person(one, track).keypoints[wrist], target, 2 * pixel))
    assert program.state()["selected_joints"] == [wrist]
    with Document.open(project, read_only=True) as document:
        moved = person(document, track)
        assert document.layer_of(0, track) == Layer.ANNOTATION
        assert document.person(0, track, Layer.PREDICTION) == seen
        others = [joint for joint in range(17) if joint != wrist]
        np.testing.assert_array_equal(moved.keypoints[others], seen.keypoints[others])

    program.press("q")
    wait_for(project, "occluded", lambda one: person(one, track).visibility[wrist] == Visibility.OCCLUDED)
    program.press("ctrl+shift+l")
    other = _WRISTS[1 - _WRISTS.index(wrist)]
    wait_for(project, "swapped", lambda one: near(person(one, track).keypoints[other], moved.keypoints[wrist]))
    with Document.open(project, read_only=True) as document:
        assert near(person(document, track).keypoints[wrist], seen.keypoints[other])
    program.press("ctrl+z", "ctrl+z")
    wait_for(project, "two steps back", lambda one: person(one, track) == moved)
    program.press("ctrl+shift+z")
    wait_for(project, "one step again", lambda one: person(one, track).visibility[wrist] == Visibility.OCCLUDED)

    with Document.open(project, read_only=True) as document:
        occluded = person(document, track)
    program.press("ctrl+t")
    program.wait("dialog", lambda state: state["dialog"] and state["dialog"]["title"] == "Swap Tracks")
    program.click_button("Swap")
    wait_for(project, "swapped tracks", lambda one: person(one, track) != occluded and occluded in everybody(one))
    program.wait("end of the dialog", lambda state: state["dialog"] is None and state["is_active"])

    program.press("ctrl+e")
    program.wait("dialog", lambda state: state["dialog"] and state["dialog"]["title"] == "Export")
    program.click_button("Export")
    done = program.wait("result", lambda state: state["dialog"] and is_settled(state["dialog"]))
    if "Export anyway" in done["dialog"]["buttons"]:
        program.click_button("Export anyway")
        done = program.wait("result", lambda state: state["dialog"] and "Written" in str(state["dialog"]["texts"]))
    assert "AP 100.0, MOTA 100.0" in str(done["dialog"]["texts"])
    (exported,) = read_poses(video.with_name("clip_posetrack18.json"))
    assert [len(frame.persons) > 0 for frame in exported.frames[:12]] == [True] * 12
    wrists = [one.keypoints[wrist] for one in exported.frames[0].persons]
    assert min(float(np.linalg.norm(one - moved.keypoints[wrist])) for one in wrists) < 1e-6
    program.click_button("Close")
    program.wait("end of the dialog", lambda state: state["dialog"] is None and state["is_active"])

    program.press("ctrl+q")
    assert program.wait_for_end() == 0
    again = start(project)
    again.wait_for_frame(0)
    again.press("ctrl+z")
    wait_for(project, "tracks as they were", lambda one: person(one, track) == occluded)
    again.press("ctrl+z")
    wait_for(project, "visible again", lambda one: person(one, track) == moved)
    again.press("ctrl+z")
    wait_for(project, "the model's wrist again", lambda one: one.layer_of(0, track) == Layer.PREDICTION)
    again.press("ctrl+q")
    assert again.wait_for_end() == 0


def test_the_start_page_opens_the_sample_and_keys_reach_every_command(start: Start) -> None:
    program = start()
    program.wait("start page", lambda state: state["start_page"] and state["is_active"])
    program.wait("status bar, title bar and all on the screen", lambda state: state["is_on_screen"])
    program.click_button("Try the Sample")
    program.wait_for_frame(0)
    state = program.state()
    assert state["n_frames"] == 180
    project = Path(state["project"])
    assert project.is_file()

    program.press("Right", "Right", "ctrl+shift+p")
    program.wait("palette", lambda state: state["dialog"] and state["dialog"]["is_active"])
    program.press(*"verified", "Return")
    wait_for(project, "verified frame", lambda one: one.is_verified(2))
    program.wait_for_frame(2)
    program.press("ctrl+q")
    assert program.wait_for_end() == 0


def person(document: Document, track: int) -> Person:
    """A person as frame 0 shows it."""
    found = document.person(0, track)
    assert found is not None
    return found


def everybody(document: Document) -> list[Person]:
    """All persons that frame 0 shows."""
    return list(document.persons(0).values())


def near(point: FloatArray, other: FloatArray, reach_px: float = 1e-9) -> bool:
    return bool(np.linalg.norm(point - other) <= reach_px)


def clear_wrist(document: Document, *, scale: float) -> tuple[int, int]:
    """(track, joint) of a wrist on frame 0 that is drawn and has no other joint beside it on the screen."""
    persons = document.persons(0)
    for track, one in persons.items():
        for wrist in _WRISTS:
            if one.located[wrist] and one.scores[wrist] >= MIN_JOINT_SCORE:
                away = [
                    float(np.linalg.norm(other.keypoints[joint] - one.keypoints[wrist])) * scale
                    for other_track, other in persons.items()
                    for joint in np.flatnonzero(other.located).tolist()
                    if (other_track, joint) != (track, wrist)
                ]
                if min(away) > _CLEAR_PX:
                    return track, wrist
    raise AssertionError(f"no wrist stands clear of other joints: {dict(persons)}")


def is_settled(dialog: dict[str, Any]) -> bool:
    """Whether the export dialog says what it came to: written, or problems that the user may pass over."""
    return "Written" in str(dialog["texts"]) or "Export anyway" in dialog["buttons"]


def wait_for(project: Path, what: str, condition: Callable[[Document], object]) -> None:
    """Until the project on disk holds what was asked for."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        with Document.open(project, read_only=True) as document:
            if condition(document):
                return
        time.sleep(0.1)
    raise AssertionError(f"{project.name} does not hold in {PATIENCE_S:.0f} s: {what}")
