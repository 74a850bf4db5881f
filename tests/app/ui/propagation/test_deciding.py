"""Accepting and rejecting what is proposed: by key, mouse, panel and film strip."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.project import edits
from app.project.records import JointSource, Layer
from app.ui.main_window import MainWindow
from app.ui.propagation.film_strip import caption
from app.ui.propagation.proposals import Place
from tests.app.ui.conftest import WRIST, Mouse, add, press_key, shown, standing_person
from tests.app.ui.propagation.conftest import correct_wrist, go_to, open_frames_of, proposed_wrist, settle

_SHIFT, _CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


def source(window: MainWindow, frame: int) -> JointSource:
    return JointSource(shown(window, 0, frame).sources[WRIST])


def test_return_accepts_this_frame_as_one_step_and_esc_forgets_the_others(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    correct_wrist(window, qtbot)
    go_to(window, qtbot, 2)
    press_key(window, Qt.Key.Key_Return)
    document = window.session.document
    assert document is not None
    after = shown(window, 0, 2)
    assert after.keypoints[WRIST] == pytest.approx(proposed_wrist(window, 2))
    assert after.sources[WRIST] == JointSource.PROPAGATED
    assert after.scores[WRIST] == pytest.approx(0.8)
    assert (np.delete(after.sources, WRIST) == JointSource.MODEL).all()
    assert document.layer_of(2, 0) == Layer.ANNOTATION
    assert document.undo_label == "Propagate 1 joint on 1 frame by optical flow"
    assert open_frames_of(window) == [1, 3, 4, 5]
    press_key(window, Qt.Key.Key_Escape)
    assert open_frames_of(window) == []
    assert window.session.selected_track == 0
    assert source(window, 2) == JointSource.PROPAGATED
    press_key(window, Qt.Key.Key_Escape)
    press_key(window, Qt.Key.Key_Escape)
    assert window.session.selected_track is None


def test_return_on_somebody_else_accepts_that_person_and_not_what_is_proposed_for_another(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    correct_wrist(window, qtbot)
    document = window.session.document
    assert document is not None
    go_to(window, qtbot, 2)
    window.session.select(add(window, standing_person(120, 50)))
    press_key(window, Qt.Key.Key_Return)
    assert open_frames_of(window) == [1, 2, 3, 4, 5]
    assert document.layer_of(2, person_track) == Layer.PREDICTION


def test_shift_return_accepts_the_selected_frames_or_all_and_undo_brings_the_ghosts_back(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    correct_wrist(window, qtbot)
    window.session.set_range(2, 3)
    press_key(window, Qt.Key.Key_Return, _SHIFT)
    assert open_frames_of(window) == [1, 4, 5]
    window.session.set_range(None)
    press_key(window, Qt.Key.Key_Return, _SHIFT)
    assert open_frames_of(window) == []
    document = window.session.document
    assert document is not None
    assert document.undo_label == "Propagate 3 joints on 3 frames by optical flow"
    assert window.messages.message is not None
    assert window.messages.message.text == "3 joints accepted on 3 frames."
    window.session.undo()
    assert window.messages.isHidden()  # its button would undo the step before
    assert open_frames_of(window) == [1, 4, 5]
    window.session.undo()
    assert open_frames_of(window) == [1, 2, 3, 4, 5]


def test_what_a_person_set_verified_or_locked_meanwhile_stays_and_the_message_says_so(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    correct_wrist(window, qtbot)
    document = window.session.document
    assert document is not None
    window.session.submit(edits.move_joint(document, 3, 0, WRIST, np.array([33.0, 44.0])))
    window.session.submit(edits.set_verified(document, [4], verified=True))
    press_key(window, Qt.Key.Key_Return, _SHIFT)
    assert [source(window, frame) for frame in (1, 2, 3, 4, 5)] == [
        JointSource.PROPAGATED,
        JointSource.PROPAGATED,
        JointSource.HUMAN,
        JointSource.MODEL,
        JointSource.PROPAGATED,
    ]
    assert shown(window, 0, 3).keypoints[WRIST] == pytest.approx([33.0, 44.0])
    assert window.messages.message is not None
    assert window.messages.message.text == "3 joints accepted on 3 frames. Left as they are: 1 verified frame."


def test_x_rejects_this_frame_and_shift_x_the_rest(window: MainWindow, person_track: int, qtbot: QtBot) -> None:
    correct_wrist(window, qtbot)
    go_to(window, qtbot, 2)
    press_key(window, Qt.Key.Key_X)
    assert open_frames_of(window) == [1, 3, 4, 5]
    press_key(window, Qt.Key.Key_X, _SHIFT)
    assert open_frames_of(window) == []
    assert all(source(window, frame) == JointSource.MODEL for frame in range(1, 6))


def test_only_what_is_sure_enough_is_accepted_above_a_threshold(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    correct_wrist(window, qtbot)
    window.propagation.propagating.choices.set(least=0.75)
    press_key(window, Qt.Key.Key_Return, _CTRL | _SHIFT)
    assert [source(window, frame) for frame in (1, 2)] == [JointSource.PROPAGATED] * 2
    assert open_frames_of(window) == [3, 4, 5]


def test_joints_are_accepted_and_rejected_one_by_one_on_the_picture(
    window: MainWindow, person_track: int, qtbot: QtBot, mouse: Mouse
) -> None:
    correct_wrist(window, qtbot, by=(25.0, -8.0))
    go_to(window, qtbot, 1)
    mouse.click(proposed_wrist(window, 1))
    assert window.session.selected_joints == {WRIST}
    mouse.double_click(proposed_wrist(window, 1))
    assert source(window, 1) == JointSource.PROPAGATED
    go_to(window, qtbot, 2)
    mouse.click(proposed_wrist(window, 2), button=Qt.MouseButton.RightButton)
    assert open_frames_of(window) == [3, 4, 5]
    assert source(window, 2) == JointSource.MODEL
    go_to(window, qtbot, 3)
    window.session.select(0, {WRIST})
    press_key(window, Qt.Key.Key_Return, _CTRL)
    assert source(window, 3) == JointSource.PROPAGATED


def test_the_film_strip_shows_what_became_of_each_frame_and_goes_there(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    correct_wrist(window, qtbot)
    window.docks.open("propagation")
    panel, proposals = window.propagation.panel, window.propagation.proposals
    panel.menu_of(Place(1, 0)).actions()[0].trigger()
    panel.menu_of(Place(2, 0)).actions()[1].trigger()
    qtbot.wait(20)
    strip = panel.strip.strip
    captions = [strip.data(strip.index(row)) for row in range(strip.rowCount())]
    assert captions == ["✓ 1 · 90 %", "✕ 2", "3 · 70 %", "4 · 60 %", "5 · 50 %"]
    assert caption(proposals, Place(3, 0)) == captions[2]
    assert all(strip.picture(strip.place(row)) is not None for row in range(5))
    panel.strip.clicked.emit(strip.index(3))
    assert window.session.frame == 4
    panel.grab()
    joints = panel.menu_of(Place(3, 0)).actions()[2].menu()
    assert joints is not None
    assert [action.text() for action in joints.actions()] == ["Left wrist, 70 %"]  # type: ignore[attr-defined]
    joints.actions()[0].trigger()  # type: ignore[attr-defined]
    assert source(window, 3) == JointSource.PROPAGATED
    panel.reject_all.click()
    assert open_frames_of(window) == []


def test_the_timeline_has_a_lane_only_while_something_is_proposed(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    def titles() -> list[str]:
        return [row.title for row in window.timeline._rows]

    assert "Proposed" not in titles()
    correct_wrist(window, qtbot)
    assert "Proposed" in titles()
    (row,) = (row for row in window.timeline._rows if row.title == "Proposed")
    document = window.session.document
    assert document is not None
    assert row.tooltip(document, 2) == "proposed, 80 % sure"
    assert row.tooltip(document, 9) == ""
    press_key(window, Qt.Key.Key_Escape)
    settle(window, qtbot)
    assert "Proposed" not in titles()


def test_accepted_joints_are_no_anchors_and_a_later_correction_proposes_anew(
    window: MainWindow, person_track: int, qtbot: QtBot
) -> None:
    correct_wrist(window, qtbot)
    press_key(window, Qt.Key.Key_Return, _SHIFT)
    go_to(window, qtbot, 3)
    there = correct_wrist(window, qtbot, by=(0.0, 9.0))
    assert open_frames_of(window) == [4, 5, 6, 7, 8]
    assert proposed_wrist(window, 4) == pytest.approx(there + np.array([2.0, 0.0]))
