"""Shortcuts: every preset, and what a user makes of them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtGui import QKeySequence

from app.ui.cheat_sheet import CheatSheet
from app.ui.keymaps import MOVING_LETTERS, PRESETS, conflicts, dangerous, keys_in_force, normalised
from app.ui.main_window import MainWindow
from app.ui.palette import match_score
from app.ui.shortcut_dialog import ShortcutDialog


@pytest.fixture
def idle(open_window: Callable[..., MainWindow]) -> MainWindow:
    """A window without a video."""
    return open_window()


def test_no_preset_gives_one_key_to_two_actions_or_a_deed_to_a_moving_letter(idle: MainWindow) -> None:
    specs = list(idle.table.specs.values())
    for preset in PRESETS:
        keys = keys_in_force(specs, preset)
        assert conflicts(keys) == {}, preset
        assert dangerous(specs, keys) == [], preset


def test_every_key_of_every_action_is_one_that_qt_knows(idle: MainWindow) -> None:
    for spec in idle.table.specs.values():
        for preset in PRESETS:
            for key in spec.keys(preset):
                assert QKeySequence(normalised(key)).count() == 1, (spec.name, key)


def test_what_takes_something_away_is_marked_so(idle: MainWindow) -> None:
    for spec in idle.table.specs.values():
        if "delete" in spec.name:
            assert spec.destructive, spec.name


def test_the_presets_have_the_keys_that_hands_know(idle: MainWindow) -> None:
    specs = list(idle.table.specs.values())
    cvat, labelme = keys_in_force(specs, "cvat"), keys_in_force(specs, "labelme")
    assert "F" in cvat["frame.next"]
    assert "D" in cvat["frame.previous"]
    assert "V" in cvat["frame.step_forward"]
    assert "D" in labelme["frame.next"]
    assert "A" in labelme["frame.previous"]
    assert {"W", "S"} <= {*labelme["joint.previous"], *labelme["joint.next"]}
    assert MOVING_LETTERS.isdisjoint(key for keys in keys_in_force(specs, "default").values() for key in keys)


def test_a_key_that_is_given_away_is_taken_from_the_one_that_had_it(idle: MainWindow) -> None:
    dialog = ShortcutDialog(idle.table, idle.settings, idle)
    dialog.changed.connect(idle.apply_keys)
    dialog.set_keys("view.fit", ["q"])
    dialog.accept()
    assert idle.table.action("view.fit").shortcut().toString() == "Q"
    assert idle.table.action("joint.occluded").shortcuts() == []
    assert conflicts({name: idle.table.keys_of(name) for name in idle.table.specs}) == {}


def test_own_keys_and_preset_are_there_the_next_time(open_window: Callable[..., MainWindow]) -> None:
    window = open_window()
    dialog = ShortcutDialog(window.table, window.settings, window)
    dialog.preset.setCurrentIndex(dialog.preset.findData("cvat"))
    dialog.set_keys("view.fit", ["Ctrl+Alt+F", "F9"])
    dialog.accept()
    window.close()
    again = open_window()
    assert list(again.table.keys_of("view.fit")) == ["Ctrl+Alt+F", "F9"]
    assert "F" in again.table.keys_of("frame.next")


def test_the_cheat_sheet_shows_the_keys_in_force_and_can_be_searched(idle: MainWindow) -> None:
    sheet = CheatSheet(idle.table, idle)
    assert "Ctrl+Shift+L" in sheet.page.toPlainText()
    assert "Drag a joint" in sheet.page.toPlainText()
    sheet.field.setText("swap left")
    assert "Ctrl+Shift+L" in sheet.page.toPlainText()
    assert "Drag a joint" not in sheet.page.toPlainText()


def test_tooltips_tell_the_key(idle: MainWindow) -> None:
    assert idle.table.action("edit.undo").toolTip() == "Undo (Ctrl+Z)"


def test_the_palette_prefers_beginnings_of_words() -> None:
    titles = ["Swap Left and Right", "Show Whole Video in Timeline", "Split Track Here", "Copy Pose"]
    scores = {title: match_score("slr", title) for title in titles}
    assert scores["Swap Left and Right"] == max(score for score in scores.values() if score is not None)
    assert match_score("xyz", "Copy Pose") is None
    assert match_score("", "Copy Pose") == 0
