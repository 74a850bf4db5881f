"""Walking the review with N and K on a real screen; what came of it is read from the project alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.project.document import Document
from app.project.video_facts import VideoFacts
from dcpose_core.video import open_frames
from tests.app.review_worlds import KNEE, WRIST, right_place, still_people
from tests.window.desktop import Program
from tests.window.test_work_flow import wait_for

Start = Callable[..., Program]
_HEIGHT_PX = 300.0
_WRONG = {(15, 1, WRIST): (110.0, -40.0), (30, 0, KNEE): (0.0, 110.0)}
_JOINTS = {(15, 1): WRIST, (30, 0): KNEE}


@pytest.fixture
def project(sample: Path, tmp_path: Path) -> Path:
    """The sample with two people who stand still, but for a wrist and a knee; not the people in the picture."""
    video = tmp_path / "clip.mp4"
    shutil.copy(sample, video)
    with open_frames(video) as source:
        facts = VideoFacts.of(source)
    path = tmp_path / "clip.mp4.dcpose"
    with Document.create(path, facts) as document:
        document.apply(still_people(document, _WRONG, height_px=_HEIGHT_PX, centre=(300.0, 360.0)))
    return path


def test_the_review_is_walked_with_n_and_k_and_what_is_fixed_is_gone(start: Start, project: Path) -> None:
    program = start(project)
    program.wait_for_frame(0)
    found = program.wait("review", lambda state: state["review"]["is_complete"] and state["review"]["n_items"] > 1)
    n_items = found["review"]["n_items"]

    program.press("n")
    there = program.wait("first item", lambda state: state["review"]["is_here"])
    first = tuple(there["review"]["place"])
    joint = _JOINTS[first]
    assert there["selected_track"] == first[1]
    assert joint in there["selected_joints"]
    assert ("left wrist" if joint == WRIST else "right knee") in there["review"]["reasons"][0]
    program.wait_for_frame(first[0])
    close_up = program.wait("close-up", lambda state: state["canvas"] != found["canvas"])
    assert close_up["canvas"]["scale"] > found["canvas"]["scale"]

    with Document.open(project, read_only=True) as document:
        person = document.person(*first)
        assert person is not None
        seen, wanted = person.keypoints[joint], right_place(document, first[1], joint)
    program.press("Escape")  # one joint, not all that are in doubt
    program.drag(seen, wanted)
    wait_for(project, "corrected joint", lambda one: _moved(one, first, joint, wanted))
    fixed = program.wait("fewer items", lambda state: state["review"]["n_items"] < n_items)
    assert fixed["review"]["reasons"] == []

    program.press("ctrl+z")
    program.wait("the items again", lambda state: state["review"]["n_items"] == n_items)

    program.press("k")
    wait_for(project, "verified frame", lambda one: one.is_verified(first[0]))
    there = program.wait("second item", lambda state: state["review"]["place"] != list(first))
    second = tuple(there["review"]["place"])
    assert there["review"]["n_items"] < n_items
    program.wait_for_frame(second[0])
    program.press("shift+n")
    program.wait("back", lambda state: state["review"]["place"] == list(first))
    program.wait_for_frame(first[0])
    program.press("ctrl+q")
    assert program.wait_for_end() == 0


def _moved(document: Document, place: tuple[int, int], joint: int, wanted: Any) -> bool:
    person = document.person(*place)
    return person is not None and bool(np.linalg.norm(person.keypoints[joint] - wanted) < 3)
