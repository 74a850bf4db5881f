"""Person, history and trajectory docks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QWidget
from pytestqt.qtbot import QtBot

from app.project import edits
from app.project.document import Document
from app.project.records import JointSource
from app.ui.panels.history import HistoryPanel
from app.ui.panels.joint_table import NAME, SCORE, STATE, X, Y
from app.ui.panels.person import PersonPanel
from app.ui.panels.trajectory import TrajectoryPanel, _chunks_of
from app.ui.panels.trajectory_plots import TrajectoryPlots
from app.ui.propagation.deciding import Deciding
from app.ui.propagation.proposals import Proposals
from app.ui.session import Session
from dcpose_core.types import Visibility

Show = Callable[[QWidget, int, int], None]
_LEFT = Qt.MouseButton.LeftButton
_LEFT_WRIST, _RIGHT_WRIST, _LEFT_EAR = 9, 10, 3


@pytest.fixture
def person(session: Session, show: Show) -> PersonPanel:
    session.go_to(12)
    session.select(0)
    proposals = Proposals(session)
    made = PersonPanel(session, proposals, Deciding(session, proposals))
    show(made, 380, 600)
    return made


def _cells(panel: PersonPanel, joint: int) -> list[str]:
    return [panel.joints.model().index(joint, column).data() for column in (NAME, X, Y, SCORE, STATE)]


def test_the_table_shows_what_is_known_of_each_joint(person: PersonPanel) -> None:
    assert _cells(person, _LEFT_WRIST) == ["L wrist", "200.0", "200.0", "1.00", "● visible"]
    assert _cells(person, _LEFT_EAR) == ["L ear", "", "", "", "– absent"]
    spoken = person.joints.model().index(_LEFT_WRIST, NAME).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "left wrist at 200.0, 200.0, visible, score 1.00, by hand"


def test_rows_and_selected_joints_are_the_same(person: PersonPanel, session: Session) -> None:
    index = person.joints.model().index(_RIGHT_WRIST, NAME)
    QTest.mouseClick(person.joints.viewport(), _LEFT, pos=person.joints.visualRect(index).center())
    assert session.selected_joints == {_RIGHT_WRIST}
    session.select(0, [1, 2])
    assert {index.row() for index in person.joints.selectionModel().selectedRows()} == {1, 2}


def test_the_state_is_chosen_from_the_table(person: PersonPanel, document: Document) -> None:
    index = person.joints.model().index(_RIGHT_WRIST, STATE)
    person.joints.edit(index)
    box = person.joints.findChild(QComboBox)
    assert box is not None
    box.setCurrentIndex(box.findData(int(Visibility.OCCLUDED)))
    box.activated.emit(box.currentIndex())
    changed = document.person(12, 0)
    assert changed is not None
    assert changed.visibility[_RIGHT_WRIST] == Visibility.OCCLUDED
    assert _cells(person, _RIGHT_WRIST)[-1] == "○ occluded"


def test_a_joint_without_a_place_cannot_be_made_visible_and_it_says_why(
    person: PersonPanel, document: Document, told: list[str]
) -> None:
    label = document.undo_label
    model = person.joints.model()
    assert not model.setData(model.index(_LEFT_EAR, STATE), int(Visibility.VISIBLE))
    assert told == ["Nobody knows where the left ear is: put it on the picture first."]
    assert document.undo_label == label


def test_coordinates_are_typed_and_nonsense_is_refused(person: PersonPanel, document: Document) -> None:
    model = person.joints.model()
    assert model.setData(model.index(_RIGHT_WRIST, X), "123,5")
    moved = document.person(12, 0)
    assert moved is not None
    assert moved.keypoints[_RIGHT_WRIST, 0] == 123.5
    assert moved.sources[_RIGHT_WRIST] == JointSource.HUMAN
    for nonsense in ("", "x", "nan", "inf"):
        assert not model.setData(model.index(_RIGHT_WRIST, X), nonsense)


def test_a_locked_track_cannot_be_edited_here(person: PersonPanel, document: Document) -> None:
    document.apply(edits.set_track_locked(document, 0, True))
    model = person.joints.model()
    assert not model.setData(model.index(_RIGHT_WRIST, X), "1")
    assert not person._copy.isEnabled()
    assert "locked" in person._state.text()


def test_left_and_right_are_swapped_and_the_previous_pose_is_copied(person: PersonPanel, document: Document) -> None:
    person._swap_left_right("whole")
    swapped = document.person(12, 0)
    assert swapped is not None
    assert swapped.keypoints[_RIGHT_WRIST].tolist() == [200.0, 200.0]
    document.undo()
    QTest.mouseClick(person._copy, _LEFT)
    copied, previous = document.person(12, 0), document.person(11, 0)
    assert copied is not None
    assert previous is not None
    np.testing.assert_array_equal(copied.keypoints, previous.keypoints)


def test_one_pair_is_swapped_where_a_joint_of_it_is_selected(
    person: PersonPanel, session: Session, document: Document
) -> None:
    session.select(0, [_LEFT_WRIST])
    person._name_pair()
    assert person._pair.text() == "Only the wrists"
    before = document.person(12, 0)
    person._pair.trigger()
    after = document.person(12, 0)
    assert before is not None
    assert after is not None
    changed = np.flatnonzero((before.keypoints != after.keypoints).any(axis=1))
    assert changed.tolist() == [_LEFT_WRIST, _RIGHT_WRIST]


def test_running_the_model_again_names_frame_and_person_or_wants_a_box(
    person: PersonPanel, session: Session, qtbot: QtBot
) -> None:
    own_box, drawn_box = person._rerun.menu().actions()
    with qtbot.waitSignal(person.rerun_requested) as asked:
        own_box.trigger()
    assert asked.args == [12, 0]
    drawn_box.trigger()
    assert session.tool == "rerun_box"


def test_a_narrow_dock_still_shows_names_and_states(person: PersonPanel) -> None:
    person.resize(264, 600)
    assert person.joints.columnWidth(NAME) > 80
    assert _cells(person, _LEFT_WRIST)[-1] == "●"


def test_without_a_person_the_dock_says_what_to_do(person: PersonPanel, session: Session) -> None:
    session.select(None)
    assert person._state.text() == "No person selected. Click on one, or press Tab."
    assert not person.joints.isVisible()
    assert not person._swap.isEnabled()


@pytest.fixture
def history(session: Session, show: Show) -> HistoryPanel:
    made = HistoryPanel(session)
    show(made, 260, 300)
    return made


def _labels(panel: HistoryPanel) -> list[str]:
    model = panel.list.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_a_click_on_a_step_goes_to_the_state_after_it_and_back(history: HistoryPanel, document: Document) -> None:
    assert _labels(history) == ["Project begun", "Annotate", "Mark verified", "Move left wrist"]
    index = history.list.model().index(1, 0)
    QTest.mouseClick(history.list.viewport(), _LEFT, pos=history.list.visualRect(index).center())
    assert document.undo_label == "Annotate"
    assert not document.is_verified(3)
    assert history.list.currentIndex().row() == 1
    assert "undone" in history.list.model().index(3, 0).data(Qt.ItemDataRole.AccessibleTextRole)
    history.go_to(history.list.model().index(3, 0))
    assert document.undo_label == "Move left wrist"
    history.go_to(history.list.model().index(0, 0))
    assert document.tracks() == {}


def test_the_list_grows_with_edits_and_forgets_what_a_new_edit_replaces(
    history: HistoryPanel, document: Document
) -> None:
    document.undo()
    document.undo()
    document.apply(edits.rename_track(document, 0, "walker"))
    assert _labels(history) == ["Project begun", "Annotate", "Rename track"]


@pytest.fixture
def trajectory(session: Session, show: Show, qtbot: QtBot) -> TrajectoryPanel:
    made = TrajectoryPanel(session)
    show(made, 600, 300)
    session.select(0, [_LEFT_WRIST])

    def is_drawn() -> bool:
        drawn = None if made.plots is None else made.plots.human[0].xData
        return drawn is not None and len(drawn) > 0

    qtbot.waitUntil(is_drawn)
    return made


def plots(trajectory: TrajectoryPanel) -> TrajectoryPlots:
    assert trajectory.plots is not None
    return trajectory.plots


def test_the_models_path_is_whole_and_the_humans_only_where_somebody_edited(
    trajectory: TrajectoryPanel, document: Document
) -> None:
    model_x, human_x, human_y = plots(trajectory).model[0], plots(trajectory).human[0], plots(trajectory).human[1]
    assert len(model_x.xData) == 40
    assert (human_x.xData.tolist(), human_x.yData.tolist(), human_y.yData.tolist()) == ([12], [200.0], [200.0])
    assert trajectory._title.text() == "left wrist of Person 0: thin by the model, bold by hand"


def test_gaps_break_the_line(trajectory: TrajectoryPanel, session: Session, qtbot: QtBot) -> None:
    session.select(1, [_LEFT_WRIST])
    qtbot.waitUntil(lambda: len(plots(trajectory).model[0].xData) == 26)
    values = plots(trajectory).model[0].yData
    assert np.isnan(values).sum() == 1
    assert np.isnan(values[20])


def test_an_edit_is_drawn_and_the_line_follows_the_frame(
    trajectory: TrajectoryPanel, session: Session, document: Document, qtbot: QtBot
) -> None:
    document.apply(edits.move_joint(document, 13, 0, _LEFT_WRIST, np.array([210.0, 190.0])))
    qtbot.waitUntil(lambda: len(plots(trajectory).human[0].xData) == 2)
    session.go_to(33)
    assert [line.value() for line in plots(trajectory).lines] == [33, 33]


def test_a_click_on_the_plot_goes_to_that_frame(trajectory: TrajectoryPanel, session: Session) -> None:
    view = plots(trajectory).views[0]
    scene = view.vb.mapViewToScene(view.vb.mapSceneToView(view.vb.sceneBoundingRect().center()))
    expected = round(view.vb.mapSceneToView(scene).x())
    position: QPoint = plots(trajectory).mapFromScene(scene)
    QTest.mouseClick(plots(trajectory).viewport(), _LEFT, pos=position)
    assert abs(session.frame - expected) <= 1
    assert session.frame > 5


def test_only_the_window_of_the_timeline_is_shown(trajectory: TrajectoryPanel, qtbot: QtBot) -> None:
    trajectory.set_window(10, 19)
    qtbot.waitUntil(lambda: plots(trajectory).views[0].viewRange()[0] == [9.5, 19.5])


def test_no_joint_no_plot_but_a_hint(trajectory: TrajectoryPanel, session: Session) -> None:
    session.select(0)
    assert trajectory._empty.isVisible()
    assert trajectory._empty.text() == "Select one joint to see its path over time."


def test_a_long_run_of_changed_frames_touches_the_same_parts_of_a_trajectory_as_its_frames_one_by_one() -> None:
    assert _chunks_of(range(1000, 2049)) == _chunks_of(frozenset(range(1000, 2049))) == {0, 1024, 2048}
    assert _chunks_of(range(1024, 2048)) == {1024}
    assert _chunks_of(range(0)) == set()
