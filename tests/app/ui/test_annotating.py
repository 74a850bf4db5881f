"""Letting the model annotate, through the window: the real engine on some frames of the sample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.jobs.worker import Cancelled
from app.project import edits
from app.project.records import FrameState, JointSource
from app.ui.annotate_actions import show_annotate
from app.ui.annotating import RunProgress
from app.ui.dialogs.annotate import AnnotateDialog
from app.ui.main_window import MainWindow
from app.ui.run_choice import RunChoice
from app.ui.settings import DEFAULT_MODEL
from app.ui.status import duration_text, progress_text
from tests.app.ui.conftest import Mouse, standing_person, wait_for_frame

_ENGINE_MS = 120_000


@pytest.fixture
def sample(open_window: Callable[..., MainWindow], qtbot: QtBot) -> MainWindow:
    """The sample, open, with the engine imported."""
    window = open_window()
    window.table.action("file.sample").trigger()
    wait_for_frame(qtbot, window, 0)
    window.jobs.warm_up()
    qtbot.waitUntil(lambda: window.jobs.is_ready, timeout=_ENGINE_MS)
    return window


def _choice(first: int, last: int) -> RunChoice:
    return RunChoice(model=DEFAULT_MODEL, device="cpu", first=first, last=last)


def test_a_run_fills_its_frames_as_one_step_that_can_be_undone(sample: MainWindow, qtbot: QtBot) -> None:
    document = sample.session.document
    assert document is not None
    sample.session.set_range(0, 3)
    dialog = show_annotate(sample.session, sample.annotating, sample.settings, sample)
    assert dialog is not None
    assert (dialog.choice().first, dialog.choice().last) == (0, 3)
    dialog.device.setCurrentIndex(dialog.device.findData("cpu"))
    dialog.accept()
    assert sample.annotating.is_running
    assert sample.status.progress.isVisible()
    qtbot.waitUntil(lambda: not sample.annotating.is_busy, timeout=_ENGINE_MS)
    assert [len(document.persons(frame)) > 0 for frame in range(6)] == [True] * 4 + [False] * 2
    assert document.frame_state(0) == FrameState.MODEL
    assert sample.status.device.text() == "CPU"
    assert not sample.status.progress.isVisible()
    assert [entry.label for entry in document.history()] == ["Annotate 4 frames"]
    sample.session.undo()
    assert not any(document.persons(frame) for frame in range(4))


def test_cancelling_keeps_what_is_done(sample: MainWindow, qtbot: QtBot) -> None:
    document = sample.session.document
    assert document is not None
    sample.annotating.start(_choice(0, 179))
    qtbot.waitUntil(lambda: bool(document.persons(0)), timeout=_ENGINE_MS)
    sample.status.progress.cancel.click()
    qtbot.waitUntil(lambda: not sample.annotating.is_busy, timeout=_ENGINE_MS)
    assert document.persons(0)
    assert not document.persons(179)
    assert sample.messages.message is not None
    assert sample.messages.message.text.startswith("Stopped: ")


def test_a_disk_that_runs_full_ends_a_run_with_a_message_that_stays(sample: MainWindow, qtbot: QtBot) -> None:
    document = sample.session.document
    assert document is not None
    connection = document._store._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with qtbot.waitSignal(
        sample.jobs.posted, timeout=_ENGINE_MS, check_params_cb=lambda event: isinstance(event, Cancelled)
    ):
        sample.annotating.start(_choice(0, 60))
    connection.execute("PRAGMA max_page_count = 1000000")
    annotated = sum(bool(document.persons(frame)) for frame in range(61))
    assert 0 < annotated < 61
    assert sample.messages.message is not None
    assert sample.messages.message.kind == "error"
    assert f"({annotated} frames are annotated)" in sample.messages.message.text
    assert "the disk is full" in sample.messages.message.text


def test_a_box_around_a_person_becomes_a_person_with_a_pose(sample: MainWindow, qtbot: QtBot) -> None:
    document = sample.session.document
    assert document is not None
    sample.canvas.propose_person(np.array([420.0, 40.0, 545.0, 305.0]))
    qtbot.waitUntil(lambda: not sample.annotating.is_busy, timeout=_ENGINE_MS)
    ((track, person),) = document.persons(0).items()
    assert sample.session.selected_track == track
    assert set(person.sources) == {JointSource.MODEL}
    sure = person.keypoints[person.scores > 0.3]
    assert (sure.min(axis=0) >= [400, 20]).all()
    assert (sure.max(axis=0) <= [565, 325]).all()


def test_one_person_is_looked_at_again_in_a_box_that_is_drawn(sample: MainWindow, qtbot: QtBot) -> None:
    document, session = sample.session.document, sample.session
    assert document is not None
    session.submit(edits.add_person(document, 0, standing_person(100, 100)))
    session.select(0)
    sample.table.action("person.rerun_box").trigger()
    assert "draw a box around the whole selected person" in session.hint
    Mouse(sample).drag([420.0, 40.0], [545.0, 305.0])
    assert session.tool == "select"
    qtbot.waitUntil(lambda: not sample.annotating.is_busy, timeout=_ENGINE_MS)
    assert document.persons(0).keys() == {0}
    again = document.persons(0)[0]
    assert (again.keypoints[again.scores > 0.3].min(axis=0) >= [400, 20]).all()
    assert document.undo_label == "Re-run model on person"


def test_an_empty_box_adds_nobody_and_says_so(sample: MainWindow, qtbot: QtBot) -> None:
    document = sample.session.document
    assert document is not None
    sample.canvas.propose_person(np.array([230.0, 300.0, 330.0, 420.0]))
    qtbot.waitUntil(lambda: not sample.annotating.is_busy, timeout=_ENGINE_MS)
    assert not document.persons(0)
    assert sample.messages.message is not None
    assert "nobody" in sample.messages.message.text


def test_the_default_model_is_that_of_the_engine() -> None:
    from dcpose_core import annotation

    assert DEFAULT_MODEL == annotation.DEFAULT_MODEL


def test_progress_tells_rate_and_time_to_go() -> None:
    progress = RunProgress("Annotate", 1210, 4500, 41.04, 80.2, "")
    assert progress_text(progress) == "1210/4500 frames · 41.0 fps · 1:20 left"
    assert progress_text(progress, paused=True) == "1210/4500 frames · paused"
    assert duration_text(7387) == "2:03:07"


def test_what_the_first_run_waits_for_is_told_before_the_engine_is_loaded(
    window: MainWindow, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    waiting: list[Callable[[], object]] = []
    monkeypatch.setattr(window.jobs, "when_ready", waiting.append)
    window.table.action("annotate.run").trigger()
    assert not waiting  # the import begins when the message is on the screen
    assert window.messages.message is not None
    assert window.messages.message.text.startswith("Loading the model")
    assert window.status.progress.isVisible()
    window.table.refresh()
    assert not window.table.action("annotate.run").isEnabled()
    qtbot.waitUntil(lambda: bool(waiting))
    waiting[0]()
    assert window.findChildren(AnnotateDialog)
    assert not window.status.progress.isVisible()
