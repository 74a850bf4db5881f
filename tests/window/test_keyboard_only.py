"""The whole work without the mouse on a real screen: open, review, correct, verify, export."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from app.project.document import Document
from app.project.records import JointSource
from tests.window.desktop import Program
from tests.window.test_review import project  # noqa: F401 - a fixture
from tests.window.test_work_flow import wait_for

Start = Callable[..., Program]
_MOST_PARTS = 10


def test_the_start_page_opens_the_sample_by_keys(start: Start) -> None:
    program = start()
    program.wait("start page", lambda state: state["start_page"] and state["is_active"])
    program.press("Tab", "Tab", "space")
    program.wait_for_frame(0)
    program.press("ctrl+q")
    assert program.wait_for_end() == 0


def test_review_correcting_verifying_and_export_need_no_mouse(start: Start, project: Path) -> None:  # noqa: F811
    program = start(project)
    program.wait_for_frame(0)
    program.wait("review", lambda state: state["review"]["is_complete"] and state["review"]["n_items"] > 1)

    # To the worst, and one joint of it moved by keys.
    program.press("n")
    there = program.wait("first item", lambda state: state["review"]["is_here"])
    frame, track = there["review"]["place"]
    program.wait_for_frame(frame)
    program.press("Escape", "Down")
    joint = program.wait("a joint", lambda state: len(state["selected_joints"]) == 1)["selected_joints"][0]
    program.press("alt+Left")
    wait_for(project, "moved joint", lambda one: _source(one, frame, track, joint) == JointSource.HUMAN)

    # Every part of the window is reached by F6: the methods of propagation, the joints, and back.
    program.press("ctrl+b")
    for part in ("Method", "Joints", "Canvas", "Joints"):
        _go_to_part(program, part)

    # K verifies from wherever the keyboard is.
    program.press("k")
    wait_for(project, "verified frame", lambda one: one.is_verified(frame))

    program.press("ctrl+e")
    program.wait("export", lambda state: state["dialog"] and state["dialog"]["is_active"])
    program.press("Return")
    program.wait("written", lambda state: state["dialog"] and "Written" in " ".join(state["dialog"]["texts"]))
    program.press("Escape")
    program.wait("closed", lambda state: state["dialog"] is None)
    (written,) = project.parent.glob("*posetrack18*.json")
    assert json.loads(written.read_text())["annotations"]
    program.press("ctrl+q")
    assert program.wait_for_end() == 0


def _go_to_part(program: Program, name: str) -> None:
    """From part to part of the window, until the one of this name has the keyboard."""
    for _ in range(_MOST_PARTS):
        before = program.state()["has_keys"]
        if before == name:
            return
        program.press("F6")
        program.wait("another part", lambda state, before=before: state["has_keys"] != before)  # type: ignore[misc]
    raise AssertionError(f"the keyboard does not come to {name}")


def _source(document: Document, frame: int, track: int, joint: int) -> int:
    person = document.person(frame, track)
    assert person is not None
    return int(person.sources[joint])
