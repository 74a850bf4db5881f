"""Mouse and keys on the canvas, through the window that `main` opens."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from app.project import edits
from app.project.records import JointSource, Person
from app.ui.main_window import MainWindow
from dcpose_core.types import Visibility
from tests.app.ui.conftest import WRIST, Mouse, add, press_key, shown, standing_person, wait_for_frame

_CTRL, _SHIFT, _ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


def test_a_joint_is_dragged_to_where_the_mouse_lets_go_as_one_step(
    window: MainWindow, mouse: Mouse, track: int
) -> None:
    before = shown(window, track)
    document = window.session.document
    assert document is not None
    steps = len(document.history())
    mouse.drag(before.keypoints[WRIST], before.keypoints[WRIST] + [12.5, -7.25])
    after = shown(window, track)
    assert after.keypoints[WRIST] == pytest.approx(before.keypoints[WRIST] + [12.5, -7.25])
    assert after.sources[WRIST] == JointSource.HUMAN
    others = np.arange(17) != WRIST
    assert np.array_equal(after.keypoints[others], before.keypoints[others])
    assert len(document.history()) == steps + 1


def test_a_correction_is_painted_before_the_panels_hear_of_it(window: MainWindow, mouse: Mouse, track: int) -> None:
    before = shown(window, track).keypoints[WRIST]
    after = before + np.array([12.0, 8.0])
    painted: list[np.ndarray] = []
    painted_when_told: list[int] = []
    window.canvas.add_layer("spy", lambda _, view: painted.append(view.persons[track].keypoints[WRIST]))
    window.session.frames_changed.connect(lambda _: painted_when_told.append(len(painted)))
    mouse.press(before)
    mouse.move(after)
    painted.clear()
    mouse.release(after)
    assert painted_when_told == [1]
    assert painted[0] == pytest.approx(after)


def test_escape_gives_up_a_drag(window: MainWindow, mouse: Mouse, track: int) -> None:
    before = shown(window, track)
    mouse.press(before.keypoints[WRIST])
    mouse.move(before.keypoints[WRIST] + [20, 20])
    press_key(window, Qt.Key.Key_Escape)
    mouse.release(before.keypoints[WRIST] + [20, 20])
    assert shown(window, track) == before


def test_a_drag_can_be_undone_and_redone(window: MainWindow, mouse: Mouse, track: int) -> None:
    before = shown(window, track)
    mouse.drag(before.keypoints[WRIST], before.keypoints[WRIST] + [10, 10])
    after = shown(window, track)
    press_key(window, Qt.Key.Key_Z, _CTRL)
    assert shown(window, track) == before
    press_key(window, Qt.Key.Key_Z, _CTRL | _SHIFT)
    assert shown(window, track) == after


def test_a_click_that_trembles_moves_nothing(window: MainWindow, mouse: Mouse, track: int) -> None:
    before = shown(window, track)
    pixel = 1 / window.canvas.transform.scale
    mouse.drag(before.keypoints[WRIST], before.keypoints[WRIST] + [1.5 * pixel, pixel])
    assert shown(window, track) == before
    assert window.session.selected_joints == {WRIST}


def test_dragging_a_limb_moves_the_picture_and_not_the_person(window: MainWindow, mouse: Mouse, track: int) -> None:
    before = shown(window, track)
    knee, ankle = before.keypoints[13], before.keypoints[15]
    seen = window.canvas.transform
    mouse.drag((knee + ankle) / 2, (knee + ankle) / 2 + [9, 0])
    assert shown(window, track) == before
    assert window.canvas.transform.left_px > seen.left_px


def test_alt_drag_on_a_joint_moves_the_person(window: MainWindow, mouse: Mouse, track: int) -> None:
    before = shown(window, track)
    mouse.drag(before.keypoints[WRIST], before.keypoints[WRIST] + [15, 5], keys=_ALT)
    after = shown(window, track)
    assert after.keypoints[before.located] == pytest.approx(before.keypoints[before.located] + [15, 5])


def test_the_handle_of_the_box_scales_the_person_about_the_opposite_corner(
    window: MainWindow, mouse: Mouse, track: int
) -> None:
    window.session.select(track)
    before = shown(window, track)
    points = before.keypoints[before.located]
    low, high = points.min(axis=0), points.max(axis=0)
    margin = (high - low) * 0.15
    corner, fixed = high + margin, low - margin
    mouse.drag(corner, fixed + (corner - fixed) * 0.5)
    after = shown(window, track).keypoints[before.located]
    assert after == pytest.approx(fixed + (points - fixed) * 0.5, abs=1e-6)


def test_turns_of_the_wheel_with_alt_rotate_the_person_in_one_step(
    window: MainWindow, mouse: Mouse, track: int
) -> None:
    before = shown(window, track)
    document = window.session.document
    assert document is not None
    steps = len(document.history())
    for _ in range(3):
        mouse.wheel(before.keypoints[12], 1, keys=_ALT)
    after = shown(window, track)
    assert not np.allclose(after.keypoints, before.keypoints)
    assert np.linalg.norm(after.keypoints[13] - after.keypoints[15]) == pytest.approx(
        np.linalg.norm(before.keypoints[13] - before.keypoints[15])
    )
    assert len(document.history()) == steps + 1
    window.session.undo()
    assert shown(window, track) == before


def test_nudges_in_a_row_are_one_step(window: MainWindow, track: int) -> None:
    window.session.select(track, {WRIST})
    before = shown(window, track)
    for _ in range(4):
        press_key(window, Qt.Key.Key_Right, _ALT)
    press_key(window, Qt.Key.Key_Down, _ALT | _SHIFT)
    assert shown(window, track).keypoints[WRIST] == pytest.approx(before.keypoints[WRIST] + [4, 10])
    press_key(window, Qt.Key.Key_Z, _CTRL)
    assert shown(window, track) == before


def test_a_right_click_marks_a_joint_as_occluded_and_another_one_takes_it_back(
    window: MainWindow, mouse: Mouse, track: int
) -> None:
    at = shown(window, track).keypoints[WRIST]
    mouse.click(at, button=Qt.MouseButton.RightButton)
    assert shown(window, track).visibility[WRIST] == Visibility.OCCLUDED
    mouse.click(at, button=Qt.MouseButton.RightButton)
    assert shown(window, track).visibility[WRIST] == Visibility.VISIBLE


def test_q_and_o_change_the_visibility_of_the_selected_joint(window: MainWindow, track: int) -> None:
    window.session.select(track, {WRIST})
    press_key(window, Qt.Key.Key_Q)
    assert shown(window, track).visibility[WRIST] == Visibility.OCCLUDED
    press_key(window, Qt.Key.Key_O)
    assert shown(window, track).visibility[WRIST] == Visibility.ABSENT


def test_ctrl_click_places_the_selected_joint_where_it_is_absent(window: MainWindow, mouse: Mouse, track: int) -> None:
    window.session.select(track, {WRIST})
    press_key(window, Qt.Key.Key_O)
    assert "Ctrl+click" in window.status.hint.text()
    mouse.click([120, 30], keys=_CTRL)
    after = shown(window, track)
    assert after.visibility[WRIST] == Visibility.VISIBLE
    assert after.keypoints[WRIST] == pytest.approx([120, 30])


def test_shift_drag_selects_the_joints_inside_and_dragging_one_moves_them_all(
    window: MainWindow, mouse: Mouse, track: int
) -> None:
    before = shown(window, track)
    legs = (13, 14, 15, 16)
    low, high = before.keypoints[list(legs)].min(axis=0) - 4, before.keypoints[list(legs)].max(axis=0) + 4
    mouse.drag(low, high, keys=_SHIFT)
    assert window.session.selected_joints == set(legs)
    mouse.drag(before.keypoints[15], before.keypoints[15] + [0, 6])
    after = shown(window, track)
    assert after.keypoints[list(legs)] == pytest.approx(before.keypoints[list(legs)] + [0, 6])
    assert np.array_equal(after.keypoints[WRIST], before.keypoints[WRIST])


def test_a_double_click_makes_the_models_pose_a_humans(window: MainWindow, mouse: Mouse, track: int) -> None:
    before = shown(window, track)
    mouse.double_click(before.keypoints[12])
    after = shown(window, track)
    assert set(after.sources[after.located]) == {JointSource.HUMAN}
    assert np.array_equal(after.keypoints, before.keypoints)


def test_delete_takes_the_selected_joint_and_without_one_the_person(window: MainWindow, track: int) -> None:
    document = window.session.document
    assert document is not None
    window.session.select(track, {WRIST})
    press_key(window, Qt.Key.Key_Delete)
    assert shown(window, track).visibility[WRIST] == Visibility.ABSENT
    press_key(window, Qt.Key.Key_Escape)
    press_key(window, Qt.Key.Key_Delete)
    assert document.person(0, track) is None
    assert window.session.selected_track is None
    message = window.messages.message
    assert message is not None
    assert message.text == "Person deleted on this frame."
    assert message.action == "Undo"


def test_a_locked_track_is_not_moved_and_the_message_says_why(window: MainWindow, mouse: Mouse, track: int) -> None:
    document = window.session.document
    assert document is not None
    window.session.submit(edits.set_track_locked(document, track, True))
    before = shown(window, track)
    mouse.drag(before.keypoints[WRIST], before.keypoints[WRIST] + [20, 0])
    assert shown(window, track) == before
    assert window.messages.message is not None
    assert "locked" in window.messages.message.text


def test_verifying_a_range_is_told_with_an_undo_that_goes_once_it_would_undo_something_else(
    window: MainWindow, track: int
) -> None:
    document = window.session.document
    assert document is not None
    window.session.set_range(2, 5)
    window.table.action("frame.verified").trigger()
    told = window.messages.message
    assert told is not None
    assert told.text == "4 frames are verified now."
    window.session.submit(edits.set_track_locked(document, track, True))
    assert window.messages.message is not told
    assert document.is_verified(5)


def test_the_pose_of_the_previous_frame_is_copied(window: MainWindow, track: int, qtbot: QtBot) -> None:
    window.session.select(track)
    press_key(window, Qt.Key.Key_Right)
    wait_for_frame(qtbot, window, 1)
    press_key(window, Qt.Key.Key_V, _CTRL | _SHIFT)
    assert np.array_equal(shown(window, track, 1).keypoints, shown(window, track).keypoints)
    assert set(shown(window, track, 1).sources[shown(window, track, 1).located]) == {JointSource.PROPAGATED}


def test_a_copied_pose_is_pasted_as_a_new_person_where_the_first_one_is(window: MainWindow, track: int) -> None:
    document = window.session.document
    assert document is not None
    window.session.select(track)
    press_key(window, Qt.Key.Key_C, _CTRL)
    press_key(window, Qt.Key.Key_V, _CTRL)
    assert len(document.persons(0)) == 2
    assert window.session.selected_track != track


def test_left_and_right_are_swapped_on_this_frame(window: MainWindow, track: int) -> None:
    window.session.select(track)
    before = shown(window, track)
    press_key(window, Qt.Key.Key_L, _CTRL | _SHIFT)
    assert np.array_equal(shown(window, track).keypoints[9], before.keypoints[10])
    assert np.array_equal(shown(window, track).keypoints[10], before.keypoints[9])


def test_a_person_is_added_by_clicking_its_joints_as_one_step(window: MainWindow, mouse: Mouse) -> None:
    document = window.session.document
    assert document is not None
    press_key(window, Qt.Key.Key_Insert, _SHIFT)
    assert "head top" in window.status.hint.text()
    wanted = standing_person(80, 48).keypoints
    mouse.click(wanted[2])
    mouse.click(wanted[0], button=Qt.MouseButton.RightButton)
    press_key(window, Qt.Key.Key_O)
    mouse.click(wanted[6])
    assert not document.persons(0)
    press_key(window, Qt.Key.Key_Return)
    (one,) = document.persons(0).values()
    assert one.keypoints[2] == pytest.approx(wanted[2])
    assert one.visibility[[2, 0, 1, 6]].tolist() == [2, 1, 0, 2]
    assert len(document.history()) == 1
    assert window.session.tool == "select"


def test_a_head_box_is_drawn_for_the_selected_person(window: MainWindow, mouse: Mouse, track: int) -> None:
    window.session.select(track)
    press_key(window, Qt.Key.Key_H, _CTRL | _SHIFT)
    mouse.drag([54, 10], [66, 22])
    assert shown(window, track).head_box_xyxy == pytest.approx([54, 10, 66, 22])
    assert window.session.tool == "select"


def test_a_joint_outside_the_picture_is_dragged_in_by_its_mark_on_the_edge(window: MainWindow, mouse: Mouse) -> None:
    one = standing_person(60, 48)
    keypoints = one.keypoints.copy()
    keypoints[WRIST] = [300, 54]
    track = add(window, Person(keypoints, one.scores, one.visibility, one.sources))
    window.session.select(track)
    mouse.drag([159, 54], [140, 50])
    assert shown(window, track).keypoints[WRIST] == pytest.approx([140, 50])


def test_down_goes_through_the_joints_and_tab_through_the_persons(window: MainWindow, track: int) -> None:
    other = add(window, standing_person(120, 48))
    press_key(window, Qt.Key.Key_Tab)
    assert window.session.selected_track == track
    press_key(window, Qt.Key.Key_Tab)
    assert window.session.selected_track == other
    press_key(window, Qt.Key.Key_Down)
    press_key(window, Qt.Key.Key_Down)
    assert window.session.selected_joints == {0}  # head top first, then the nose


def test_skeletons_hide_while_h_is_held_and_stay_hidden_after_a_tap(window: MainWindow, track: int) -> None:
    assert window.canvas.scene.persons
    window.canvas.toggle_hidden()
    window.canvas.end_peek(held_s=1.0)
    assert window.canvas.scene.persons
    press_key(window, Qt.Key.Key_H)
    assert not window.canvas.scene.persons
