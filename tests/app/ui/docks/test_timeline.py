"""The timeline as hands and eyes meet it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from app.project import edits
from app.project.document import Document
from app.ui import frame_actions, theme
from app.ui.dialogs.preferences import PreferencesDialog
from app.ui.playback import Playback
from app.ui.session import Session
from app.ui.settings import Settings
from app.ui.timeline.actions import actions
from app.ui.timeline.painting import HEADER_PX
from app.ui.timeline.preview import LanePreview, LanePreviews
from app.ui.timeline.rows import LANE_PX, ROWS, Row, StripRoom, row_layout
from app.ui.timeline.strips import bar_strip
from app.ui.timeline.timeline_widget import Timeline
from app.ui.timeline.transport import Transport
from tests.app.ui.docks.small_project import facts

_LAYOUT = row_layout(ROWS, 200)
STATES_TOP, CONFIDENCE_TOP = _LAYOUT.tops
STATES_PX = ROWS[0].height_px
LANES_TOP = _LAYOUT.lanes_top
_LEFT = Qt.MouseButton.LeftButton
_PLAIN, _SHIFT, _ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


@pytest.fixture
def previews(qapp: QApplication) -> LanePreviews:
    return LanePreviews()


@pytest.fixture
def timeline(session: Session, previews: LanePreviews, show: Callable[[QWidget, int, int], None]) -> Timeline:
    """40 frames, 20 pixels wide each."""
    made = Timeline(session, previews)
    show(made, HEADER_PX + 800 + 10, LANES_TOP + 4 * LANE_PX)
    return made


def _at(frame: float, y: int = STATES_TOP + 4) -> QPoint:
    return QPoint(HEADER_PX + round(frame * 20 + 10), y)


def _drag(
    timeline: Timeline, start: QPoint, end: QPoint, modifier: Qt.KeyboardModifier = _PLAIN, *, release: bool = True
) -> None:
    QTest.mousePress(timeline, _LEFT, modifier, start)
    QTest.mouseMove(timeline, (start + end) / 2)
    QTest.mouseMove(timeline, end)
    if release:
        QTest.mouseRelease(timeline, _LEFT, modifier, end)


def _pixels(timeline: Timeline) -> NDArray[np.uint8]:
    """RGB of the widget as it is on the screen."""
    image = timeline.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def _rgb(role: str) -> list[int]:
    colour = theme.colour(role)
    return [colour.red(), colour.green(), colour.blue()]


def test_a_click_goes_to_the_frame_under_it(timeline: Timeline, session: Session) -> None:
    QTest.mouseClick(timeline, _LEFT, _PLAIN, _at(17))
    assert session.frame == 17


def test_dragging_scrubs_through_the_frames_and_beyond_the_ends_stays_inside(
    timeline: Timeline, session: Session
) -> None:
    seen: list[int] = []
    session.frame_changed.connect(seen.append)
    _drag(timeline, _at(10), _at(20))
    assert seen == [10, 15, 20]
    _drag(timeline, _at(30), _at(60))
    assert session.frame == 39


def test_shift_drag_selects_frames_and_does_not_seek(timeline: Timeline, session: Session) -> None:
    _drag(timeline, _at(22), _at(8), _SHIFT)
    assert session.frame_range == (8, 22)
    assert session.frame == 0
    QTest.mouseClick(timeline, _LEFT, _SHIFT, _at(30))
    assert session.frame_range == (8, 30)


def test_alt_drag_zooms_to_the_frames_and_alt_click_shows_all_again(timeline: Timeline, session: Session) -> None:
    _drag(timeline, _at(10), _at(29), _ALT)
    assert (timeline.axis.first_frame, timeline.axis.last_frame) == (10, 29)
    assert session.frame == 0
    QTest.mouseClick(timeline, _LEFT, _ALT, _at(5))
    assert timeline.axis.is_whole


def test_the_wheel_zooms_at_the_cursor_and_with_shift_moves_along(timeline: Timeline) -> None:
    def turn(notches: int, modifier: Qt.KeyboardModifier = _PLAIN) -> None:
        at = QPointF(_at(20))
        event = QWheelEvent(
            at,
            QPointF(timeline.mapToGlobal(at)),
            QPoint(),
            QPoint(0, 120 * notches),
            Qt.MouseButton.NoButton,
            modifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(timeline, event)

    turn(3)
    assert timeline.axis.span < 25
    assert timeline.axis.frame_at(20 * 20 + 10) == 20
    first = timeline.axis.first_frame
    turn(-2, _SHIFT)
    assert timeline.axis.first_frame > first


def test_keys_zoom_and_turn_pages(timeline: Timeline) -> None:
    timeline.setFocus()
    QTest.keyClick(timeline, Qt.Key.Key_Plus)
    QTest.keyClick(timeline, Qt.Key.Key_Plus)
    assert timeline.axis.span < 20
    QTest.keyClick(timeline, Qt.Key.Key_PageDown)
    assert timeline.axis.first_frame > 10
    QTest.keyClick(timeline, Qt.Key.Key_0)
    assert timeline.axis.is_whole


def test_the_current_frame_stays_in_view_while_zoomed(timeline: Timeline, session: Session) -> None:
    timeline.set_axis(timeline.axis.showing(0, 9))
    session.go_to(33)
    assert timeline.axis.first_frame <= 33 <= timeline.axis.last_frame


def test_states_show_by_height_and_colour(timeline: Timeline) -> None:
    pixels = _pixels(timeline)
    top, middle, bottom = (STATES_TOP + round(STATES_PX * part) for part in (1 / 6, 0.55, 0.9))

    def colours(frame: int) -> list[bool]:
        x = _at(frame).x() - 6
        wanted = ((top, "state_verified"), (middle, "state_human"), (bottom, "state_model"))
        return [pixels[y, x].tolist() == _rgb(role) for y, role in wanted]

    assert colours(3) == [True, True, True]
    assert colours(12) == [False, True, True]
    assert colours(20) == [False, False, True]


def test_lanes_show_where_each_track_is(timeline: Timeline, document: Document) -> None:
    pixels = _pixels(timeline)
    y = LANES_TOP + LANE_PX + LANE_PX // 2 - 2
    colour = QColor(document.tracks()[1].colour)
    shown = [frame for frame in range(40) if QColor(*pixels[y, _at(frame).x()].tolist()) == colour]
    assert shown == [*range(5, 25), *range(30, 35)]


def test_confidence_bars_are_as_high_as_the_lowest_score(timeline: Timeline) -> None:
    """Frame 2 has only track 0 (0.9), frame 20 also track 2 (0.5)."""
    pixels = _pixels(timeline)
    y = CONFIDENCE_TOP + 7  # within the upper half
    empty = pixels[CONFIDENCE_TOP, _at(20).x() - 4].tolist()
    assert pixels[y, _at(2).x() - 4].tolist() != empty
    assert pixels[y, _at(20).x() - 4].tolist() == empty


def test_a_click_on_a_lane_selects_its_person(timeline: Timeline, session: Session) -> None:
    QTest.mouseClick(timeline, _LEFT, _PLAIN, _at(33, LANES_TOP + 2 * LANE_PX + 5))
    assert (session.frame, session.selected_track) == (33, 2)
    QTest.mouseClick(timeline, _LEFT, _PLAIN, QPoint(20, LANES_TOP + 5))
    assert (session.frame, session.selected_track) == (33, 0)


def test_an_edit_is_seen_at_once(timeline: Timeline, document: Document) -> None:
    before = _pixels(timeline)
    document.apply(edits.set_verified(document, [20], verified=True))
    changed = np.argwhere((before != _pixels(timeline)).any(axis=2))
    assert changed[:, 1].min() >= _at(20).x() - 10
    assert changed[:, 1].max() <= _at(20).x() + 10


def test_a_preview_shows_what_would_be_and_leaves_no_trace(timeline: Timeline, previews: LanePreviews) -> None:
    before = _pixels(timeline)
    previews.show(LanePreview(10, 20, {0: [(0, 9), (21, 39)]}))
    during = _pixels(timeline)
    x = _at(15).x() - 2
    y = LANES_TOP + LANE_PX // 2 - 2
    assert during[y, x].tolist() != before[y, x].tolist()
    assert (during[y, _at(5).x()] == before[y, _at(5).x()]).all()
    previews.show(None)
    assert (_pixels(timeline) == before).all()


def test_a_low_timeline_still_shows_several_lanes(timeline: Timeline, session: Session) -> None:
    timeline.resize(HEADER_PX + 800 + 10, 98)
    layout = timeline.layout_px
    assert (98 - layout.lanes_top) // layout.lane_px >= 2
    QTest.mouseClick(timeline, _LEFT, _PLAIN, _at(33, layout.lanes_top + layout.lane_px + 5))
    assert session.selected_track == 1


def test_one_strip_can_be_drawn_again_alone(timeline: Timeline) -> None:
    drawn: list[str] = []
    value = 0.0

    def image(title: str) -> Callable[[Document, StripRoom], QImage]:
        def of_row(_document: Document, room: StripRoom) -> QImage:
            drawn.append(title)
            return bar_strip(np.full(room.columns, value, np.float32), "playhead", room.height_px)

        return of_row

    first, second = (Row(title=title, height_px=12, image=image(title)) for title in ("first", "second"))
    timeline.add_row(first)
    timeline.add_row(second)
    before = _pixels(timeline)
    drawn.clear()
    value = 1.0
    timeline.refresh_row(second)
    after = _pixels(timeline)
    assert drawn == ["second"]
    changed = np.flatnonzero((before != after).any(axis=(1, 2)))
    top = timeline.layout_px.tops[-1]
    assert top <= changed.min() <= changed.max() < top + 12
    timeline.refresh()
    assert (_pixels(timeline)[top : top + 12] == after[top : top + 12]).all()


def test_tooltips_say_frame_time_state_and_person(timeline: Timeline) -> None:
    text = timeline.tooltip_at(_at(12, LANES_TOP + 5))
    assert text == "Person 0\nFrame 12, 00:00.480, edited by hand\nlowest joint score 0.50"
    assert "verified" in timeline.tooltip_at(_at(3))


def test_screen_readers_hear_the_current_frame(timeline: Timeline, session: Session) -> None:
    session.go_to(3)
    assert timeline.accessibleName() == "Timeline"
    assert timeline.accessibleDescription() == "Frame 3, 00:00.120, verified"


def test_moving_the_playhead_over_200_000_frames_reads_nothing_of_the_project(
    qapp: QApplication,
    tmp_path: Path,
    previews: LanePreviews,
    show: Callable[[QWidget, int, int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Document.create(tmp_path / "long.dcpose", facts(200_000)) as document:
        session = Session()
        session.set_document(document)
        made = Timeline(session, previews)
        show(made, 1000, 200)
        made.grab()
        reads: list[str] = []
        for name in ("frame_states", "confidence", "spans"):
            monkeypatch.setattr(document, name, lambda *_, name=name: reads.append(name))
        for frame in (5, 70_000, 150_000):
            session.go_to(frame)
            made.grab()
        assert reads == []
        session.set_document(None)


def test_an_empty_timeline_says_what_to_do_and_survives_every_gesture(
    qapp: QApplication, previews: LanePreviews, show: Callable[[QWidget, int, int], None]
) -> None:
    session = Session()
    made = Timeline(session, previews)
    show(made, 700, 120)
    for modifier in (_PLAIN, _SHIFT, _ALT):
        _drag(made, QPoint(300, 40), QPoint(400, 40), modifier)
    made.zoom(2.0)
    made.zoom_to_range()
    assert made.tooltip_at(QPoint(300, 40)) == ""
    assert session.frame == 0


@pytest.fixture
def transport(session: Session, show: Callable[[QWidget, int, int], None]) -> Transport:
    made = Transport(session, Playback(session))
    show(made, 900, 40)
    return made


def test_a_frame_number_that_is_typed_is_gone_to(transport: Transport, session: Session) -> None:
    transport.edit_frame()
    field = transport.focusWidget()
    QTest.keyClicks(field, "27")
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert session.frame == 27


def test_a_step_of_several_frames_is_as_long_as_the_preferences_say(session: Session) -> None:
    several = {spec.name: spec.handler for spec in frame_actions.actions(session, go_on=lambda: None)}
    several["frame.step_forward"]()
    assert session.frame == 10
    dialog = PreferencesDialog(session, Settings())
    dialog.step.setValue(4)
    several["frame.step_forward"]()
    several["frame.step_forward"]()
    several["frame.step_back"]()
    assert session.frame == 14


def test_the_place_counted_from_one_stands_beside_the_number_if_wanted(transport: Transport, session: Session) -> None:
    def shown() -> str:
        return next(label.text() for label in transport.findChildren(QLabel) if label.text().startswith("/"))

    session.go_to(3)
    assert shown() == f"/ {session.n_frames - 1}"
    PreferencesDialog(session, Settings()).counts_from_one.click()
    assert shown() == f"/ {session.n_frames - 1}  (4 of {session.n_frames})"
    session.go_to(0)
    assert shown() == f"/ {session.n_frames - 1}  (1 of {session.n_frames})"


def test_actions_reach_track_events_and_ranges_by_key(
    timeline: Timeline, transport: Transport, session: Session, told: list[str]
) -> None:
    specs = {
        spec.name: spec for spec in actions(session, playback=Playback(session), timeline=timeline, transport=transport)
    }
    seen = []
    for _ in range(5):
        specs["track.next_event"].handler()
        seen.append((session.frame, session.selected_track))
    assert seen == [(5, 1), (10, 2), (25, 1), (34, 1), (34, 1)]
    assert told[2] == "Person 1 has a gap of 5 frames here."
    assert told[-1].startswith("No track begins")
    specs["track.previous_event"].handler()
    assert session.frame == 25
    for _ in range(3):
        specs["range.extend_forward"].handler()
    assert (session.frame, session.frame_range) == (28, (25, 28))
    for _ in range(5):
        specs["range.extend_back"].handler()
    assert session.frame_range == (23, 25)
    specs["range.end_here"].handler()
    session.go_to(7)
    specs["range.start_here"].handler()
    assert session.frame_range == (7, 23)
    specs["range.clear"].handler()
    assert session.frame_range is None


def test_no_two_keys_of_time_and_none_destructive_collide(
    timeline: Timeline, transport: Transport, session: Session
) -> None:
    specs = actions(session, playback=Playback(session), timeline=timeline, transport=transport)
    for preset in ("default", "cvat", "sleap", "labelme"):
        keys = [key for spec in specs for key in spec.keys(preset)]
        assert len(keys) == len(set(keys))
