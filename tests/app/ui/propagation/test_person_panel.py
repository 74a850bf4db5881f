"""What is proposed, told and decided in the Person panel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTableView
from pytestqt.qtbot import QtBot

from app.project.records import Edit, JointSource, Layer, PersonChange
from app.ui.canvas.labels import selection_text
from app.ui.main_window import MainWindow
from app.ui.panels.joint_table import NAME, PROPOSED
from tests.app.ui.conftest import WRIST, press_key, shown
from tests.app.ui.propagation.conftest import correct_wrist, go_to, open_frames_of, proposed_wrist

_ELBOW = 7
_NONE, _CTRL, _ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)


@pytest.fixture
def proposed(window: MainWindow, person_track: int, qtbot: QtBot) -> MainWindow:
    """The wrist and the elbow were corrected on frame 0; on frame 2, which is shown, both are proposed."""
    correct_wrist(window, qtbot)
    window.session.select(person_track, {_ELBOW})
    press_key(window, Qt.Key.Key_Up, _ALT)
    window.propagation.propagating.choices.set(joints="all")
    window.docks.open("propagation")
    window.propagation.propagating.propagate()
    window.docks.open("person")
    qtbot.waitUntil(lambda: 2 in open_frames_of(window) and not window.propagation.propagating.is_busy)
    go_to(window, qtbot, 2)
    window.session.select(person_track)
    qtbot.waitUntil(lambda: window.person.proposals.isVisible())
    return window


def _cell(window: MainWindow, joint: int, role: Qt.ItemDataRole = Qt.ItemDataRole.DisplayRole) -> str | None:
    text: str | None = window.person.joints.model().index(joint, PROPOSED).data(role)
    return text


def _sources(window: MainWindow, frame: int = 2) -> list[JointSource]:
    sources = shown(window, 0, frame).sources
    return [JointSource(sources[joint]) for joint in (WRIST, _ELBOW)]


def test_a_waiting_proposal_stands_in_the_row_of_its_joint_with_confidence_and_reason(proposed: MainWindow) -> None:
    assert _cell(proposed, WRIST) == "80 %"
    assert _cell(proposed, 0) is None
    reason = "Proposed, 80 % sure: drifted from frame 0"
    assert _cell(proposed, WRIST, Qt.ItemDataRole.ToolTipRole) == reason
    spoken = proposed.person.joints.model().index(WRIST, NAME).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.endswith(reason)
    assert not proposed.person.joints.isColumnHidden(PROPOSED)
    assert proposed.person.proposals.person.text.text() == "2 joints proposed, 80 % sure or more"


@pytest.mark.parametrize(
    ("layer", "source"), [(Layer.PREDICTION, "model, second look"), (Layer.ANNOTATION, "propagated")]
)
def test_what_the_model_said_when_it_looked_again_is_told_from_what_somebody_accepted(
    window: MainWindow, person_track: int, layer: Layer, source: str
) -> None:
    document, before = window.session.document, shown(window, person_track)
    assert document is not None
    after = replace(before, sources=np.full(17, JointSource.PROPAGATED, np.uint8))
    old = before if layer == Layer.PREDICTION else None
    document.apply(Edit("Put", (PersonChange(layer, 0, person_track, old, after),)))
    spoken = window.person.joints.model().index(WRIST, NAME).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken.endswith(f", {source}")
    window.session.select(person_track, {WRIST})
    assert f" · {source} 0." in selection_text(window.session)


def test_the_column_is_there_only_while_something_waits(proposed: MainWindow, qtbot: QtBot) -> None:
    go_to(proposed, qtbot, 8)
    assert proposed.person.joints.isColumnHidden(PROPOSED)
    qtbot.waitUntil(lambda: proposed.person.proposals.isHidden())


def test_the_selected_row_stays_in_sight_when_the_buttons_come(proposed: MainWindow, qtbot: QtBot) -> None:
    table, last = proposed.person.joints, 16
    go_to(proposed, qtbot, 8)
    qtbot.waitUntil(lambda: proposed.person.proposals.isHidden())
    proposed.resize(1280, 560)
    proposed.session.select(0, {last})
    qtbot.waitUntil(lambda: _bottom(table, last) <= table.viewport().height() < _bottom(table, last) + 22)
    go_to(proposed, qtbot, 2)
    qtbot.waitUntil(lambda: proposed.person.proposals.isVisible())
    qtbot.waitUntil(lambda: _bottom(table, last) <= table.viewport().height(), timeout=2000)


def _bottom(table: QTableView, joint: int) -> int:
    return table.visualRect(table.model().index(joint, NAME)).bottom()


def test_the_person_here_is_accepted_as_one_step_and_undone_as_one(proposed: MainWindow, qtbot: QtBot) -> None:
    document = proposed.session.document
    assert document is not None
    n_steps = document.steps.n_done
    proposed.person.proposals.person.accept.click()
    assert _sources(proposed) == [JointSource.PROPAGATED] * 2
    assert shown(proposed, 0, 2).keypoints[WRIST] == pytest.approx(proposed_wrist(proposed, 2))
    assert document.steps.n_done == n_steps + 1
    assert 2 not in open_frames_of(proposed)
    assert _sources(proposed, 3) == [JointSource.MODEL] * 2
    qtbot.waitUntil(lambda: proposed.person.proposals.isHidden())
    proposed.session.undo()
    assert _sources(proposed) == [JointSource.MODEL] * 2
    assert _cell(proposed, WRIST) == "80 %"


def test_the_person_here_is_rejected(proposed: MainWindow) -> None:
    proposed.person.proposals.person.reject.click()
    assert 2 not in open_frames_of(proposed)
    assert 3 in open_frames_of(proposed)
    assert _sources(proposed) == [JointSource.MODEL] * 2
    assert _cell(proposed, WRIST) is None


def test_selected_joints_are_decided_apart_from_the_person(proposed: MainWindow, qtbot: QtBot) -> None:
    lines = proposed.person.proposals
    assert lines.joints.isHidden()
    proposed.session.select(0, {_ELBOW})
    qtbot.waitUntil(lambda: not lines.joints.isHidden())
    assert lines.joints.text.text() == "Left elbow proposed, 80 % sure"
    lines.joints.reject.click()
    assert _cell(proposed, _ELBOW) is None
    assert _cell(proposed, WRIST) == "80 %"
    proposed.session.select(0, {WRIST})
    qtbot.waitUntil(lambda: lines.person.text.text() == "Left wrist proposed, 80 % sure")
    assert lines.joints.isHidden()  # the person is no more than this joint
    lines.person.accept.click()
    assert _sources(proposed) == [JointSource.PROPAGATED, JointSource.MODEL]


@pytest.mark.parametrize("modifiers", [_NONE, _CTRL])
def test_return_in_the_table_accepts_the_joint(
    proposed: MainWindow, qtbot: QtBot, modifiers: Qt.KeyboardModifier
) -> None:
    table = proposed.person.joints
    proposed.activateWindow()
    table.setFocus()
    qtbot.waitUntil(table.hasFocus)
    proposed.session.select(0, {WRIST})
    QTest.keyClick(table, Qt.Key.Key_Return, modifiers)
    assert _sources(proposed) == [JointSource.PROPAGATED, JointSource.MODEL]


def test_alt_x_in_the_table_rejects_the_joint(proposed: MainWindow, qtbot: QtBot) -> None:
    table = proposed.person.joints
    proposed.activateWindow()
    table.setFocus()
    qtbot.waitUntil(table.hasFocus)
    proposed.session.select(0, {WRIST})
    QTest.keyClick(table, Qt.Key.Key_X, _ALT)
    assert _cell(proposed, WRIST) is None
    assert _cell(proposed, _ELBOW) == "80 %"


def test_a_double_click_on_the_name_accepts_the_joint(proposed: MainWindow) -> None:
    table = proposed.person.joints
    index = table.model().index(WRIST, NAME)
    table.scrollTo(index)
    where: QPoint = table.visualRect(index).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    QTest.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=where)
    assert _sources(proposed) == [JointSource.PROPAGATED, JointSource.MODEL]


def test_the_buttons_are_reached_by_tab_and_have_names(proposed: MainWindow) -> None:
    lines = proposed.person.proposals
    buttons = [button for line in (lines.joints, lines.person) for button in (line.accept, line.reject)]
    assert all(Qt.FocusPolicy.TabFocus.value & button.focusPolicy().value for button in buttons)
    assert len({button.accessibleName() for button in buttons}) == len(buttons)
    assert np.all([button.toolTip().startswith(button.accessibleName()) for button in buttons])
