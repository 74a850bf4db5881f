"""One correction repairs many frames: with mouse and keys on a real screen, what came of it read from the project."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from app.project.document import Document
from app.project.records import FrameState, JointSource, Layer
from tests.window.desktop import Program
from tests.window.test_work_flow import clear_wrist, near, person, wait_for

Start = Callable[..., Program]
_LAST = 7


@pytest.fixture
def video(sample: Path, tmp_path: Path) -> Path:
    """The clip in a folder of its own, where its project will lie."""
    return Path(shutil.copy(sample, tmp_path / "clip.mp4"))


def test_a_corrected_wrist_is_seen_on_the_next_frames_accepted_over_a_range_and_undone(
    start: Start, video: Path
) -> None:
    project = video.with_name("clip.mp4.dcpose")
    program = start(video)
    program.wait_for_frame(0)
    program.press("ctrl+g", *str(_LAST), "Return", "bracketright")
    program.wait("range", lambda state: state["frame_range"] == [0, _LAST])
    program.press("Home", "ctrl+r")
    program.wait("dialog", lambda state: state["dialog"] and state["dialog"]["title"] == "Annotate")
    program.click_button("Annotate")
    wait_for(project, "frames by the model", lambda one: one.frame_states()[_LAST] == FrameState.MODEL)
    program.wait("end of the run", lambda state: not state["is_annotating"])
    program.press("ctrl+shift+x", "ctrl+shift+p")
    program.wait("palette", lambda state: state["dialog"] and state["dialog"]["is_active"])
    program.press(*"looks", "Return")  # no more: the model's second look would be a step of the history too
    program.wait_for_frame(0)

    with Document.open(project, read_only=True) as document:
        track, wrist = clear_wrist(document, scale=program.state()["canvas"]["scale"])
        seen = person(document, track)
        as_predicted = [document.person(frame, track) for frame in range(_LAST + 1)]
    target = seen.keypoints[wrist] + np.array([26.0, -20.0])
    program.drag(seen.keypoints[wrist], target)
    pixel = 1 / program.state()["canvas"]["scale"]
    wait_for(project, "moved wrist", lambda one: near(person(one, track).keypoints[wrist], target, 2 * pixel))
    state = program.wait("ghosts", lambda state: len(state["proposed_frames"]) >= 3 and not state["is_propagating"])
    proposed = state["proposed_frames"]
    assert set(proposed) <= set(range(1, 6))
    with Document.open(project, read_only=True) as document:
        assert [document.person(frame, track) for frame in range(1, _LAST + 1)] == as_predicted[1:]

    program.press("Right")
    program.wait_for_frame(1)
    program.press("bracketleft")
    program.press("Right", "bracketright")
    program.wait("range", lambda state: state["frame_range"] == [1, 2])
    program.press("shift+Return")
    wait_for(project, "accepted joints", lambda one: sources(one, track, wrist)[2] == JointSource.PROPAGATED)
    program.wait("the others", lambda state: state["proposed_frames"] == [at for at in proposed if at > 2])
    with Document.open(project, read_only=True) as document:
        assert sources(document, track, wrist) == [JointSource.HUMAN, *[JointSource.PROPAGATED] * 2] + [
            JointSource.MODEL
        ] * (_LAST - 2)
        assert [document.layer_of(frame, track) for frame in (1, 2, 3)] == [
            Layer.ANNOTATION,
            Layer.ANNOTATION,
            Layer.PREDICTION,
        ]

    program.press("ctrl+z")
    wait_for(project, "frames as they were", lambda one: one.person(2, track) == as_predicted[2])
    program.wait("all ghosts again", lambda state: state["proposed_frames"] == proposed)
    program.press("Escape")
    program.wait("no ghosts", lambda state: state["proposed_frames"] == [])
    program.press("ctrl+q")
    assert program.wait_for_end() == 0


def sources(document: Document, track: int, joint: int) -> list[JointSource]:
    """Who says where a joint is on the frames that were annotated."""
    found = []
    for frame in range(_LAST + 1):
        one = document.person(frame, track)
        assert one is not None
        found.append(JointSource(one.sources[joint]))
    return found
