"""What is proposed after a correction, and when."""

from __future__ import annotations

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.jobs.worker import Step
from app.project import edits
from app.project.records import JointSource, Layer
from app.ui.main_window import MainWindow
from app.ui.propagation.choices import DEFAULT_METHOD, METHODS
from dcpose_core.propagation import PROPAGATORS, WITHOUT_MODEL
from tests.app.ui.conftest import WRIST, Mouse, press_key, shown
from tests.app.ui.propagation.conftest import Drift, correct_wrist, go_to, open_frames_of, proposed_wrist, settle


def test_the_methods_on_offer_are_those_of_the_engine() -> None:
    assert METHODS.keys() == PROPAGATORS.keys()
    assert DEFAULT_METHOD in WITHOUT_MODEL  # previews need not wait for a network


def test_a_corrected_wrist_is_proposed_on_the_next_five_frames_and_nothing_is_changed(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    wrist = correct_wrist(window, qtbot)
    assert open_frames_of(window) == [1, 2, 3, 4, 5]
    assert proposed_wrist(window, 3) == pytest.approx(wrist + np.array([6.0, 0.0]))
    document = window.session.document
    assert document is not None
    assert len(document.history()) == 2  # annotated, moved
    assert window.propagation.bar.isVisible()
    assert window.propagation.bar.text.text().startswith("Person 0: left wrist proposed on 5 frames")


def test_the_next_correction_takes_the_place_of_what_was_proposed_and_undoing_it_too(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    correct_wrist(window, qtbot)
    again = correct_wrist(window, qtbot, by=(-3.0, 5.0))
    assert proposed_wrist(window, 1) == pytest.approx(again + np.array([2.0, 0.0]))
    window.session.undo()
    settle(window, qtbot)
    first = shown(window, 0).keypoints[WRIST]
    assert proposed_wrist(window, 1) == pytest.approx(first + np.array([2.0, 0.0]))
    window.session.undo()
    settle(window, qtbot)
    assert open_frames_of(window) == []
    assert not window.propagation.bar.isVisible()


def test_a_nudge_is_a_correction_and_a_look_at_another_frame_is_none(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    window.session.select(0, {WRIST})
    press_key(window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    settle(window, qtbot)
    assert open_frames_of(window) == [1, 2, 3, 4, 5]
    go_to(window, qtbot, 7)
    settle(window, qtbot)
    assert open_frames_of(window) == [1, 2, 3, 4, 5]


def test_previews_can_be_switched_off(window: MainWindow, person_track: int, qtbot: QtBot) -> None:
    correct_wrist(window, qtbot)
    window.table.action("propagate.previews").trigger()
    settle(window, qtbot)
    assert open_frames_of(window) == []
    correct_wrist(window, qtbot)
    assert open_frames_of(window) == []


def test_previous_frames_are_proposed_where_the_direction_says_so(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    go_to(window, qtbot, 10)
    window.propagation.propagating.choices.set(direction="both")
    correct_wrist(window, qtbot)
    assert open_frames_of(window) == [5, 6, 7, 8, 9, 11, 12, 13, 14, 15]


def test_a_preview_waits_for_no_annotation_run(window: MainWindow, person_track: int, qtbot: QtBot) -> None:
    goes_on = threading.Event()

    def long_job() -> Generator[Step, None, None]:
        yield Step()
        goes_on.wait(60)

    window.jobs.warm_up()
    qtbot.waitUntil(lambda: window.jobs.is_ready, timeout=20_000)
    window.jobs.submit("A run that takes long", long_job())
    correct_wrist(window, qtbot)
    assert open_frames_of(window) == [1, 2, 3, 4, 5]
    goes_on.set()


def test_while_the_model_is_being_loaded_a_quick_draft_stands_in_and_newer_corrections_win(
    window: MainWindow, person_track: int, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_loaded = threading.Event()

    def load(choice: object) -> ThreadPoolExecutor:
        is_loaded.wait(60)
        return ThreadPoolExecutor(1)  # all that is asked of it is to be closed

    monkeypatch.setattr("app.jobs.footage_keeper._load", load)
    monkeypatch.setattr(ThreadPoolExecutor, "close", ThreadPoolExecutor.shutdown, raising=False)
    monkeypatch.setitem(PROPAGATORS, "warp", Drift)
    part = window.propagation
    part.propagating.choices.set(method="warp")
    before = shown(window, 0).keypoints[WRIST]
    for target in (before + np.array([6.0, 0.0]), before + np.array([12.0, 3.0])):
        Mouse(window).drag(shown(window, 0).keypoints[WRIST], target)
        qtbot.waitUntil(lambda: open_frames_of(window) == [1, 2, 3, 4, 5], timeout=20_000)
    wrist = shown(window, 0).keypoints[WRIST]
    qtbot.waitUntil(lambda: np.allclose(proposed_wrist(window, 5), wrist + np.array([10.0, 0.0])), timeout=20_000)
    drafts = [part.proposals.at(place) for place in part.proposals.places()]
    assert all(one is not None and one.is_draft for one in drafts)
    assert part.propagating.is_busy
    is_loaded.set()
    settle(window, qtbot)
    final = [part.proposals.at(place) for place in part.proposals.places()]
    assert len(final) == 5
    assert not any(one is None or one.is_draft for one in final)


def test_verified_frames_are_left_out_and_a_locked_track_has_no_previews(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    document = window.session.document
    assert document is not None
    window.session.submit(edits.set_verified(document, [2, 3], verified=True))
    correct_wrist(window, qtbot)
    assert open_frames_of(window) == [1, 4, 5]
    window.session.submit(edits.set_track_locked(document, 0, True))
    assert open_frames_of(window) == []


def test_the_panel_carries_all_joints_to_the_next_frame_set_by_hand(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    document = window.session.document
    assert document is not None
    correct_wrist(window, qtbot)
    window.session.submit(edits.move_joint(document, 12, 0, WRIST, np.array([50.0, 50.0])))
    window.propagation.propagating.choices.set(until="human", joints="all")
    window.table.action("propagate.open").trigger()
    settle(window, qtbot)
    assert window.docks["propagation"].isVisible()
    assert open_frames_of(window) == list(range(1, 12))
    panel = window.propagation.panel
    assert "11 joints undecided" in panel.note.text()
    panel.until.setCurrentIndex(panel.until.findData("count"))
    panel.count.setValue(3)
    settle(window, qtbot)
    assert open_frames_of(window) == [1, 2, 3]


def test_the_panel_opened_on_a_proposed_frame_shows_what_is_proposed(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    correct_wrist(window, qtbot)
    qtbot.waitUntil(lambda: open_frames_of(window) == [1, 2, 3, 4, 5])
    go_to(window, qtbot, 2)
    window.table.action("propagate.open").trigger()
    assert not window.propagation.panel.isHidden()
    assert open_frames_of(window) == [1, 2, 3, 4, 5]
    assert window.messages.message is None


def test_without_anything_set_by_hand_the_message_says_what_to_do(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    window.table.action("propagate.open").trigger()
    settle(window, qtbot)
    assert window.messages.message is not None
    assert "set a joint of this person" in window.messages.message.text


def test_predictions_around_a_correction_are_made_anew_in_the_background_and_undone_with_it(
    window: MainWindow, person_track: int, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reinfer(track: object, footage: object, frames: object, *, joints: object) -> object:
        return Drift(None).propagate(track, frames, joints)  # type: ignore[arg-type]  # a stand-in of the engine's own

    monkeypatch.setattr("app.jobs.reinfer.reinfer", reinfer)
    propagating = window.propagation.propagating
    propagating.choices.set(previews=False, reinfers=True)
    document = window.session.document
    assert document is not None
    before = document.undo_label
    wrist = correct_wrist(window, qtbot)
    own = document.undo_label
    qtbot.waitUntil(lambda: not propagating.reinferring.is_busy, timeout=20_000)
    there = document.person(3, 0, Layer.PREDICTION)
    assert there is not None
    assert there.keypoints[WRIST] == pytest.approx(wrist + np.array([6.0, 0.0]))
    assert there.sources[WRIST] == JointSource.PROPAGATED
    assert document.layer_of(3, 0) == Layer.PREDICTION
    assert shown(window, 0).keypoints[WRIST] == pytest.approx(wrist)
    assert document.undo_label == own != before
    window.session.undo()
    assert document.undo_label == before
    assert shown(window, 0, 3).sources[WRIST] == JointSource.MODEL
    assert document.layer_of(0, 0) == Layer.PREDICTION
    qtbot.wait(50)
    assert not propagating.reinferring.is_busy


def test_the_picture_of_what_is_proposed_can_be_painted_before_and_after(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    correct_wrist(window, qtbot)
    go_to(window, qtbot, 3)
    with_ghost = window.canvas.grab().toImage()
    press_key(window, Qt.Key.Key_B)
    after = window.canvas.grab().toImage()
    assert window.propagation.ghosts.shows_after
    assert after != with_ghost
    press_key(window, Qt.Key.Key_B)
    assert window.canvas.grab().toImage() == with_ghost
    press_key(window, Qt.Key.Key_Escape)
    assert window.canvas.grab().toImage() not in (with_ghost, after)


def test_a_ghost_under_the_mouse_says_how_sure_it_is_and_why(
    window: MainWindow, person_track: int, qtbot: QtBot, mouse: Mouse
) -> None:
    correct_wrist(window, qtbot, by=(25.0, -8.0))
    go_to(window, qtbot, 2)
    at = mouse.at(proposed_wrist(window, 2))
    found = window.propagation.ghosts.joint_at(window.canvas.transform, 2, at.x(), at.y())
    assert found is not None
    assert window.propagation.ghosts.describe(*found) == "Left wrist, 80 %: drifted from frame 0"
