"""Reviewing in the window, opened as `main` does: the list fills, the walk leads, and what is fixed is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QToolButton
from pytestqt.qtbot import QtBot

from app.jobs.review_pace import ENOUGH
from app.project import edits
from app.project.document import Document
from app.project.records import Edit, FrameState, Layer, Person, PersonChange
from app.ui.keymaps import PRESETS, conflicts, keys_in_force
from app.ui.main_window import MainWindow
from app.ui.panels.review.item_delegate import row_height
from app.ui.panels.review.list_model import ITEM, ShownItem
from app.ui.panels.review.wording import caption, pace_text
from dcpose_core.review.walk import Place
from tests.app.review_worlds import KNEE, WRIST, Wrong, right_place, still_people
from tests.app.ui.conftest import press_key, shown, wait_for_frame

_SHIFT, _CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
WRONG: Wrong = {(30, 1, WRIST): (25.0, -10.0), (70, 0, KNEE): (0.0, 25.0)}


@pytest.fixture
def document(window: MainWindow) -> Document:
    """Two people who stand still on 96 frames, but for two joints."""
    opened = window.session.document
    assert opened is not None
    opened.apply(still_people(opened, WRONG))
    return opened


@pytest.fixture
def reviewed(window: MainWindow, document: Document, qtbot: QtBot) -> MainWindow:
    """The window when every frame was looked at."""
    qtbot.waitUntil(lambda: {(30, 1), (70, 0)} <= set(_places(window)) and _is_complete(window), timeout=30_000)
    return window


def _is_complete(window: MainWindow) -> bool:
    return window.reviewing.state is not None and window.reviewing.state.is_complete


def _places(window: MainWindow) -> list[Place]:
    model = window.review.model
    places = [model.place_at(row) for row in range(model.rowCount())]
    return [place for place in places if place is not None]


def _person_at(window: MainWindow, place: Place) -> Person:
    return shown(window, place.track_id, place.frame)


def _has_fewer_items(window: MainWindow, than: int) -> bool:
    return window.reviewing.n_items < than


def _walk_to(window: MainWindow, qtbot: QtBot, place: Place, key: Callable[[], None]) -> None:
    key()
    qtbot.waitUntil(lambda: window.reviewing.current is not None and window.reviewing.current.place == place)
    wait_for_frame(qtbot, window, place.frame)


def _next(window: MainWindow, qtbot: QtBot, place: Place) -> None:
    _walk_to(window, qtbot, place, lambda: press_key(window, Qt.Key.Key_N))


def test_what_looks_wrong_is_listed_and_counted(reviewed: MainWindow) -> None:
    places = _places(reviewed)
    assert {(30, 1), (70, 0)} == set(places[:2])
    item = reviewed.review.model.index(places.index(Place(30, 1)), 0).data(ITEM)
    assert isinstance(item, ShownItem)
    assert item.name == "Person 1"
    assert "left wrist" in item.reason
    assert reviewed.windowTitle() == f"clip.mp4.dcpose ({len(places)} to review) - DCPose Annotator"
    assert reviewed.table.action("review.begin").iconText() == f"Review ● {len(places)}"
    assert reviewed.review.summary.text().startswith(f"{len(places)} to review, about ")
    assert reviewed.review.verified_text.text() == "0 of 96 verified"
    strip = next(row for row in reviewed.timeline._rows if row.title == "Review")
    document = reviewed.session.document
    assert document is not None
    assert "joints wrong" in strip.tooltip(document, 30)
    assert strip.tooltip(document, 10) == ""


def test_n_walks_to_the_worst_with_its_joints_selected_and_the_person_close_up(
    reviewed: MainWindow, qtbot: QtBot
) -> None:
    first, second = _places(reviewed)[:2]
    _next(reviewed, qtbot, first)
    assert reviewed.session.selected_track == first.track_id
    assert {(30, 1): WRIST, (70, 0): KNEE}[first] in reviewed.session.selected_joints
    joints = _person_at(reviewed, first).keypoints[5:]
    middle = (joints.min(axis=0) + joints.max(axis=0)) / 2
    seen = reviewed.canvas.transform.to_canvas(middle)
    canvas = reviewed.canvas
    assert abs(seen[0] - canvas.width() / 2) < 0.1 * canvas.width()
    assert reviewed.review.list.currentIndex().row() == 0
    tooltip = reviewed.review.list.currentIndex().data(Qt.ItemDataRole.ToolTipRole)
    assert {(30, 1): "left wrist", (70, 0): "right knee"}[first] in tooltip
    assert len(tooltip.splitlines()) == 1 + len(reviewed.reviewing.reasons)
    _next(reviewed, qtbot, second)
    _walk_to(reviewed, qtbot, first, lambda: press_key(reviewed, Qt.Key.Key_N, _SHIFT))


def test_of_somebody_whose_joints_are_too_faint_to_be_drawn_the_walk_shows_all_the_same(
    reviewed: MainWindow, document: Document, qtbot: QtBot
) -> None:
    before = _person_at(reviewed, Place(50, 0))
    faint = replace(before, scores=np.where(np.arange(17) == WRIST, 0.9, 0.05))
    document.apply(Edit("Faint", (PersonChange(Layer.PREDICTION, 50, 0, before, faint),)))
    qtbot.waitUntil(lambda: Place(50, 0) in _places(reviewed))
    _walk_to(reviewed, qtbot, Place(50, 0), lambda: reviewed.reviewing.visit(Place(50, 0)))
    seen, canvas = reviewed.canvas.transform.to_canvas(faint.keypoints[faint.located]), reviewed.canvas
    assert (seen >= 0).all()
    assert (seen <= [canvas.width(), canvas.height()]).all()


def test_the_reason_is_painted_over_the_picture_while_the_walk_is_there(reviewed: MainWindow, qtbot: QtBot) -> None:
    def corner() -> list[int]:
        image = reviewed.canvas.grab().toImage()
        where = image.pixelColor(14, 16)
        return [where.red(), where.green(), where.blue()]

    _next(reviewed, qtbot, _places(reviewed)[0])
    with_caption = corner()
    reviewed.session.step(1)
    wait_for_frame(qtbot, reviewed, reviewed.session.frame)
    assert corner() != with_caption


def test_a_corrected_joint_is_gone_from_the_list_and_undo_brings_it_back(reviewed: MainWindow, qtbot: QtBot) -> None:
    document = reviewed.session.document
    assert document is not None
    edit = edits.move_joint(document, 30, 1, WRIST, right_place(document, 1, WRIST))
    assert reviewed.session.submit(edit)
    qtbot.waitUntil(lambda: not any(place.track_id == 1 for place in _places(reviewed)))
    assert (70, 0) in _places(reviewed)
    press_key(reviewed, Qt.Key.Key_Z, _CTRL)
    qtbot.waitUntil(lambda: Place(30, 1) in _places(reviewed))


def test_k_verifies_and_goes_on_to_the_next_item_in_a_walk_and_to_the_next_frame_otherwise(
    reviewed: MainWindow, qtbot: QtBot
) -> None:
    document = reviewed.session.document
    assert document is not None
    first, second = _places(reviewed)[:2]
    press_key(reviewed, Qt.Key.Key_K)
    assert (reviewed.session.frame, document.frame_state(0)) == (1, FrameState.VERIFIED)
    _next(reviewed, qtbot, first)
    _walk_to(reviewed, qtbot, second, lambda: press_key(reviewed, Qt.Key.Key_K))
    assert document.is_verified(first.frame)
    assert first not in _places(reviewed)
    qtbot.waitUntil(lambda: reviewed.review.verified.value() == 2)
    reviewed.session.step(1)
    press_key(reviewed, Qt.Key.Key_K)
    assert reviewed.session.frame == second.frame + 2


def test_a_person_who_is_right_can_be_accepted_without_verifying_the_frame(reviewed: MainWindow, qtbot: QtBot) -> None:
    document = reviewed.session.document
    assert document is not None
    first, second = _places(reviewed)[:2]
    _next(reviewed, qtbot, first)
    _walk_to(reviewed, qtbot, second, lambda: press_key(reviewed, Qt.Key.Key_K, _CTRL))
    assert first not in _places(reviewed)
    assert document.frame_state(first.frame) == FrameState.HUMAN


def test_filters_leave_what_they_ask_for_in_list_and_walk(reviewed: MainWindow, qtbot: QtBot) -> None:
    filters = reviewed.review.filters
    row = filters.track.findText("Person 1")
    filters.track.setCurrentIndex(row)
    filters.track.activated.emit(row)
    qtbot.waitUntil(lambda: {place.track_id for place in _places(reviewed)} == {1})
    _next(reviewed, qtbot, Place(30, 1))
    row = filters.joint.findText("Right knee")
    filters.joint.setCurrentIndex(row)
    filters.joint.activated.emit(row)
    qtbot.waitUntil(lambda: not _places(reviewed))
    assert reviewed.review.empty.text() == "Nothing matches the filters."
    reviewed.review.show_all.click()
    qtbot.waitUntil(lambda: {(30, 1), (70, 0)} <= set(_places(reviewed)))
    assert filters.track.currentText() == "Everybody"


def test_hidden_persons_leave_the_list_with_a_hint_and_come_back_with_one_click(
    reviewed: MainWindow, qtbot: QtBot
) -> None:
    document, panel = reviewed.session.document, reviewed.review
    assert document is not None
    everything, n_items = _places(reviewed), reviewed.reviewing.n_items
    n_hidden = sum(place.track_id == 1 for place in everything)
    assert panel.show_hidden.isHidden()
    reviewed.commands.toggle_visible(1)
    qtbot.waitUntil(lambda: {place.track_id for place in _places(reviewed)} == {0})
    assert reviewed.reviewing.n_items == n_items
    assert panel.hidden_text.text() == f"{n_hidden} of them of hidden persons"
    assert reviewed.table.action("review.show_hidden").isEnabled()
    panel.show_hidden.click()
    qtbot.waitUntil(lambda: _places(reviewed) == everything)
    assert document.undo_label == "Show tracks"
    assert panel.show_hidden.isHidden()
    assert panel.hidden_text.isHidden()


def test_n_says_so_where_all_that_is_left_is_hidden(reviewed: MainWindow, qtbot: QtBot) -> None:
    reviewed.commands.toggle_visible(0)
    reviewed.commands.toggle_visible(1)
    qtbot.waitUntil(lambda: not _places(reviewed))
    assert reviewed.review.empty.text() == "What is left is of hidden persons."
    press_key(reviewed, Qt.Key.Key_N)
    qtbot.waitUntil(lambda: reviewed.messages.message is not None)
    message = reviewed.messages.message
    assert message is not None
    assert message.action == "Show Them"
    assert message.handler is not None
    message.handler()
    qtbot.waitUntil(lambda: {place.track_id for place in _places(reviewed)} == {0, 1})


def test_the_time_left_stands_in_the_panel_once_there_is_a_pace(
    window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    now_s = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    document = window.session.document
    assert document is not None
    wrong: Wrong = {(frame, 0, WRIST): (25.0, -10.0) for frame in range(5, 90, 5)}
    document.apply(still_people(document, wrong))
    qtbot.waitUntil(lambda: _is_complete(window) and Place(30, 0) in _places(window), timeout=30_000)
    assert window.review.pace.isHidden()
    for frame in range(5, 5 + 5 * (ENOUGH + 1), 5):
        n_items, now_s = window.reviewing.n_items, now_s + 30.0
        window.session.submit(edits.move_joint(document, frame, 0, WRIST, right_place(document, 0, WRIST)))
        qtbot.waitUntil(partial(_has_fewer_items, window, n_items))
    assert window.review.pace.text().startswith("about ")
    assert window.review.pace.text().endswith(" min at your pace")
    assert not window.review.pace.isHidden()
    known_s = window.reviewing.items_left_s
    path = document.path
    window.close_document()
    window.opener.open(path)
    qtbot.waitUntil(lambda: _is_complete(window) and window.reviewing.n_items > 0, timeout=30_000)
    assert window.reviewing.items_left_s == pytest.approx(known_s)
    assert not window.review.pace.isHidden()


def test_the_time_left_is_told_no_more_exactly_than_it_is_known() -> None:
    texts = [pace_text(60.0 * minutes) for minutes in (0.2, 4.4, 23.0, 118.0, 150.0, 600.0)]
    amounts = [text.removeprefix("about ").removesuffix(" at your pace") for text in texts]
    assert amounts == ["1 min", "4 min", "25 min", "120 min", "2 h", "10 h"]
    assert pace_text(None) == ""


def test_a_click_in_the_list_goes_there_and_the_walk_goes_on_from_it(reviewed: MainWindow, qtbot: QtBot) -> None:
    reviewed.docks.open("review")
    first, second = _places(reviewed)[:2]
    where = reviewed.review.list.visualRect(reviewed.review.model.index(1, 0)).center()
    click = Qt.MouseButton.LeftButton
    _walk_to(reviewed, qtbot, second, lambda: QTest.mouseClick(reviewed.review.list.viewport(), click, pos=where))
    _next(reviewed, qtbot, first)


def test_the_walk_ends_with_a_word_and_can_start_over(reviewed: MainWindow, qtbot: QtBot) -> None:
    places = _places(reviewed)
    for place in places:
        _next(reviewed, qtbot, place)
    press_key(reviewed, Qt.Key.Key_N)
    qtbot.waitUntil(lambda: reviewed.messages.message is not None)
    message = reviewed.messages.message
    assert message is not None
    assert message.action == "Start Over"
    assert message.handler is not None
    press_key(reviewed, Qt.Key.Key_K)
    assert reviewed.session.frame == places[-1].frame + 1
    _walk_to(reviewed, qtbot, places[0], message.handler)  # type: ignore[arg-type]  # what it returns is of no interest


def test_an_empty_project_says_what_to_do(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: _is_complete(window), timeout=30_000)
    assert "Ctrl+R" in window.review.empty.text()
    assert window.table.action("review.begin").iconText() == "Review"
    assert not window.table.action("review.next").isEnabled()


def test_closing_the_project_ends_the_review(reviewed: MainWindow) -> None:
    reviewed.close_document()
    assert not any("review" in thread.name for thread in threading.enumerate())
    assert reviewed.review.model.rowCount() == 0
    assert reviewed.windowTitle() == "DCPose Annotator"


def test_a_project_that_is_open_for_reading_only_is_reviewed_too(
    reviewed: MainWindow, video: Path, open_window: Callable[..., MainWindow], qtbot: QtBot
) -> None:
    second = open_window(video)
    qtbot.waitUntil(lambda: second.messages.message is not None, timeout=20_000)
    message = second.messages.message
    assert message is not None
    assert message.handler is not None
    message.handler()
    wait_for_frame(qtbot, second, 0)
    qtbot.waitUntil(lambda: _places(second) == _places(reviewed), timeout=30_000)
    assert not second.table.action("review.accept").isEnabled()


def test_the_keys_of_the_review_are_free_in_every_preset(window: MainWindow) -> None:
    for preset in PRESETS:
        keys = keys_in_force(window.table.specs.values(), preset)
        assert not conflicts(keys)
        assert keys["review.next"]
        assert keys["review.previous"]


def test_of_somebody_who_is_all_wrong_no_single_joints_are_selected(reviewed: MainWindow, qtbot: QtBot) -> None:
    document = reviewed.session.document
    assert document is not None
    assert reviewed.session.submit(edits.swap_left_right(document, [50], [1]))
    qtbot.waitUntil(lambda: Place(50, 1) in _places(reviewed))
    reviewed.reviewing.visit(Place(50, 1))
    qtbot.waitUntil(lambda: reviewed.session.frame == 50)
    assert len(reviewed.reviewing.suspects) > 8
    assert (reviewed.session.selected_track, reviewed.session.selected_joints) == (1, frozenset())


def test_every_part_of_the_panel_has_a_name_for_screen_readers(reviewed: MainWindow) -> None:
    panel = reviewed.review
    filters = panel.filters
    parts = (panel.list, panel.verified, filters.check, filters.track, filters.joint, filters.minimum)
    buttons = panel.findChildren(QToolButton)
    assert len(buttons) == 5
    assert all(part.accessibleName() for part in (*parts, *buttons))
    spoken = panel.model.index(0, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.startswith("Frame ")
    assert "joints are wrong" in spoken


def test_rows_have_room_for_two_lines_of_a_large_font() -> None:
    label = QLabel()
    small = row_height(label)
    font = label.font()
    font.setPointSize(font.pointSize() * 2)
    label.setFont(font)
    assert row_height(label) >= small + 2 * np.floor(font.pointSize() / 2)


def test_a_caption_tells_few_reasons_and_how_many_more_there_are() -> None:
    assert caption("Person 2", []) == "Person 2: nothing looks wrong here any more"
    assert caption("Person 2", ["a", "b", "c", "d"]) == "Person 2: a\nb\nand 2 more"
