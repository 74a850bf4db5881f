"""The tracks dock and the operations on tracks: what is said and shown before is what happens then."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from app.project import edits
from app.project.document import Document
from app.ui.actions import ActionSpec
from app.ui.dialogs import track_operations
from app.ui.dialogs.track_operations import Operation, TrackOperation
from app.ui.dialogs.track_scope import TrackScopeDialog
from app.ui.panels.track_commands import TrackCommands, actions
from app.ui.panels.track_list_model import COUNT, FRAMES, LOCKED, NAME, VISIBLE
from app.ui.panels.tracks import TracksPanel
from app.ui.session import Session
from app.ui.timeline.preview import LanePreviews
from app.ui.timeline.span_sets import Spans

_LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def previews() -> LanePreviews:
    return LanePreviews()


@pytest.fixture
def commands(session: Session, previews: LanePreviews, show: Callable[[QWidget, int, int], None]) -> TrackCommands:
    window = QWidget()
    show(window, 300, 200)
    return TrackCommands(session, previews, window)


@pytest.fixture
def panel(session: Session, commands: TrackCommands, show: Callable[[QWidget, int, int], None]) -> TracksPanel:
    made = TracksPanel(session, commands)
    show(made, 320, 300)
    return made


def _row(panel: TracksPanel, row: int) -> list[str]:
    return [panel.list.model().index(row, column).data() for column in (NAME, FRAMES, COUNT)]


def _click(panel: TracksPanel, row: int, column: int) -> None:
    index = panel.list.model().index(row, column)
    QTest.mouseClick(panel.list.viewport(), _LEFT, pos=panel.list.visualRect(index).center())


def _specs(session: Session, commands: TrackCommands) -> dict[str, ActionSpec]:
    return {spec.name: spec for spec in actions(session, commands)}


def _shown(previews: LanePreviews) -> dict[int, Spans] | None:
    return None if previews.shown is None else dict(previews.shown.after)


def test_the_list_shows_name_span_and_count(panel: TracksPanel) -> None:
    assert [_row(panel, row) for row in range(3)] == [
        ["Person 0", "0–39", "40"],
        ["Person 1", "5–34", "25"],
        ["Person 2", "10–39", "30"],
    ]


def test_a_narrow_dock_keeps_names_and_counts(panel: TracksPanel) -> None:
    panel.resize(240, 300)
    assert panel.list.isColumnHidden(FRAMES)
    assert panel.list.columnWidth(NAME) > 90


def test_the_list_follows_edits_and_undo(panel: TracksPanel, document: Document) -> None:
    document.apply(edits.delete_track(document, 1, 0, 39))
    assert [_row(panel, row)[0] for row in range(panel.list.model().rowCount())] == ["Person 0", "Person 2"]
    document.undo()
    assert _row(panel, 1) == ["Person 1", "5–34", "25"]


def test_list_and_session_select_the_same_person(panel: TracksPanel, session: Session) -> None:
    _click(panel, 2, NAME)
    assert session.selected_track == 2
    session.select(1)
    assert panel.list.currentIndex().row() == 1
    session.select(None)
    assert not panel.list.selectionModel().hasSelection()


def test_a_track_is_renamed_in_place(panel: TracksPanel, document: Document) -> None:
    panel.list.edit(panel.list.model().index(1, NAME))
    editor = panel.list.findChild(QLineEdit)
    assert editor is not None
    editor.setText("red shirt")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    QApplication.processEvents()  # the delegate commits in its own time
    assert document.tracks()[1].name == "red shirt"
    document.undo()
    assert _row(panel, 1)[0] == "Person 1"


def test_an_empty_name_is_no_name(panel: TracksPanel, document: Document) -> None:
    assert not panel.list.model().setData(panel.list.model().index(1, NAME), "  ")
    assert document.tracks()[1].name == "Person 1"


def test_clicks_on_eye_and_lock_hide_and_lock(panel: TracksPanel, document: Document) -> None:
    _click(panel, 1, VISIBLE)
    _click(panel, 2, LOCKED)
    assert [track.visible for track in document.tracks().values()] == [True, False, True]
    assert [track.locked for track in document.tracks().values()] == [False, False, True]
    _click(panel, 1, VISIBLE)
    assert document.tracks()[1].visible
    spoken = panel.list.model().index(2, LOCKED).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Person 2 is locked; click to unlock it"


def test_begins_ends_and_gaps_are_listed_and_a_click_goes_there(panel: TracksPanel, session: Session) -> None:
    panel._tabs.setCurrentWidget(panel.events)
    model = panel.events.model()
    rows = [[model.index(row, column).data() for column in range(3)] for row in range(model.rowCount())]
    assert rows == [
        ["5", "Person 1", "begins"],
        ["10", "Person 2", "begins"],
        ["25", "Person 1", "gap of 5"],
        ["34", "Person 1", "ends"],
    ]
    index = model.index(2, 1)
    QTest.mouseClick(panel.events.viewport(), _LEFT, pos=panel.events.visualRect(index).center())
    assert (session.frame, session.selected_track) == (25, 1)


_OPERATIONS = [
    TrackOperation(kind=Operation.SWAP, track_id=0, other_id=1, first=10, last=27),
    TrackOperation(kind=Operation.SWAP, track_id=1, other_id=2, first=0, last=39),
    TrackOperation(kind=Operation.MERGE, track_id=1, other_id=2, first=0, last=39),
    TrackOperation(kind=Operation.MERGE, track_id=2, other_id=1, first=0, last=12),
    TrackOperation(kind=Operation.SPLIT, track_id=1, first=20, last=39),
    TrackOperation(kind=Operation.REASSIGN, track_id=2, other_id=1, first=20, last=39),
    TrackOperation(kind=Operation.REASSIGN, track_id=1, other_id=0, first=6, last=6),
    TrackOperation(kind=Operation.DELETE, track_id=1, first=10, last=31),
    TrackOperation(kind=Operation.DELETE, track_id=1, first=0, last=39),
]


@pytest.mark.parametrize("operation", _OPERATIONS, ids=lambda o: f"{o.kind}-{o.track_id}-{o.other_id}-{o.first}")
def test_the_preview_is_what_the_operation_does_and_undo_takes_it_back(
    document: Document, operation: TrackOperation
) -> None:
    before = {track_id: document.spans(track_id) for track_id in document.tracks()}
    preview = track_operations.preview(document, operation)
    assert track_operations.problem(document, operation) is None
    document.apply(track_operations.build(document, operation).at_once())
    for track_id in before.keys() | preview.after.keys():
        assert document.spans(track_id) == preview.after.get(track_id, before.get(track_id))
    document.undo()
    assert {track_id: document.spans(track_id) for track_id in document.tracks()} == before


@pytest.mark.parametrize(
    ("operation", "text"),
    [
        (_OPERATIONS[0], "Person 0 and Person 1 swap on 18 frames (10 to 27): 2 tracks. Both are there on 15 of them."),
        (
            _OPERATIONS[2],
            "Person 1 takes over 10 frames (25 to 39) of Person 2: 2 tracks. On 20 more both are there; "
            "these stay as they are.",
        ),
        (_OPERATIONS[4], "10 frames (20 to 34) of Person 1 become a new track: 1 track."),
        (_OPERATIONS[6], "1 frame (6) of Person 1 goes to Person 0: 2 tracks. Both are there on 1 of them and swap."),
        (_OPERATIONS[7], "Person 1 is deleted on 17 frames (10 to 31): 1 track."),
        (
            _OPERATIONS[8],
            "Person 1 is deleted on 25 frames (5 to 34): 1 track. Nobody is left of it: the track goes too.",
        ),
    ],
)
def test_count_and_range_are_said_beforehand(document: Document, operation: TrackOperation, text: str) -> None:
    assert track_operations.describe(document, operation) == text


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        (TrackOperation(kind=Operation.SWAP, track_id=1, other_id=1, first=0, last=9), "two different tracks"),
        (TrackOperation(kind=Operation.SWAP, track_id=1, other_id=None, first=0, last=9), "Choose the other"),
        (TrackOperation(kind=Operation.DELETE, track_id=1, first=0, last=4), "Nobody is there"),
        (TrackOperation(kind=Operation.SPLIT, track_id=1, first=3, last=39), "Nothing would be left"),
        (TrackOperation(kind=Operation.DELETE, track_id=0, first=0, last=4), "is locked"),
    ],
)
def test_what_makes_no_sense_cannot_be_done(document: Document, operation: TrackOperation, why: str) -> None:
    document.apply(edits.set_track_locked(document, 0, True))
    assert why in (track_operations.problem(document, operation) or "")


def test_swapping_asks_for_the_scope_shows_it_on_the_lanes_and_does_it(
    session: Session, document: Document, commands: TrackCommands, previews: LanePreviews
) -> None:
    session.go_to(20)
    session.select(1)
    before = document.person(25, 2), document.person(24, 1)
    dialog = _specs(session, commands)["track.swap"].handler()
    assert isinstance(dialog, TrackScopeDialog)
    assert dialog.operation() == TrackOperation(kind=Operation.SWAP, track_id=1, other_id=0, first=20, last=39)
    dialog._other.setCurrentIndex(2)
    assert "(20 to 39)" in dialog._summary.text()
    assert _shown(previews) == {1: [(5, 39)], 2: [(10, 24), (30, 34)]}
    dialog.accept()
    assert _shown(previews) is None
    assert (document.person(25, 1), document.person(24, 2)) == before
    assert document.undo_label == "Swap tracks"


def test_cancelling_changes_nothing_and_takes_the_preview_away(
    session: Session, document: Document, commands: TrackCommands, previews: LanePreviews
) -> None:
    session.select(1)
    dialog = commands.ask(Operation.DELETE)
    assert dialog is not None
    dialog._scopes.button(2).setChecked(True)
    assert _shown(previews) == {1: []}
    label = document.undo_label
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert _shown(previews) is None
    assert document.undo_label == label


def test_a_selected_range_is_the_scope_that_is_offered(session: Session, commands: TrackCommands) -> None:
    session.select(2)
    session.set_range(12, 18)
    dialog = commands.ask(Operation.DELETE)
    assert dialog is not None
    assert (dialog.operation().first, dialog.operation().last) == (12, 18)
    dialog._last.setText("15")
    dialog._last.textEdited.emit("15")
    assert dialog.operation().last == 15
    dialog.reject()


def test_the_nearest_person_is_the_one_to_swap_with(session: Session, commands: TrackCommands) -> None:
    """Track 1 walks between 0 and 2; 2 is nearest to 1 only where 0 is not: both are 160 pixels away, 0 comes first."""
    session.go_to(12)
    session.select(2)
    dialog = commands.ask(Operation.SWAP)
    assert dialog is not None
    assert dialog.operation().other_id == 1
    dialog.reject()


def test_control_and_a_digit_assign_to_that_track_of_the_list(
    session: Session, document: Document, commands: TrackCommands, told: list[str]
) -> None:
    specs = _specs(session, commands)
    assert specs["track.assign_3"].keys("default") == ("Ctrl+3",)
    session.go_to(30)
    session.select(1)
    dialog = specs["track.assign_3"].handler()
    assert isinstance(dialog, TrackScopeDialog)
    assert dialog.operation().other_id == 2
    dialog.reject()
    specs["track.assign_9"].handler()
    assert told == ["There are 3 tracks only."]


def test_without_a_selected_person_a_message_says_so(commands: TrackCommands, told: list[str]) -> None:
    assert commands.ask(Operation.SPLIT) is None
    assert told == ["Select a person first."]


def test_two_selected_rows_are_the_two_tracks_to_merge(
    panel: TracksPanel, session: Session, commands: TrackCommands
) -> None:
    _click(panel, 0, NAME)
    index: QModelIndex = panel.list.model().index(2, NAME)
    QTest.mouseClick(
        panel.list.viewport(), _LEFT, Qt.KeyboardModifier.ControlModifier, panel.list.visualRect(index).center()
    )
    assert session.selected_track == 2
    dialog = commands.ask(Operation.MERGE)
    assert dialog is not None
    assert (dialog.operation().track_id, dialog.operation().other_id) == (2, 0)
    dialog.reject()


def test_deleting_is_marked_destructive_and_on_no_bare_letter(session: Session, commands: TrackCommands) -> None:
    spec = _specs(session, commands)["track.delete"]
    assert spec.destructive
    assert all("+" in key for key in spec.keys("default"))
