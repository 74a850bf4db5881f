"""Playing: at the video's own times, without waiting for pictures that come too late."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication

from app.project.document import Document
from app.ui.playback import Playback, PlaybackClock
from app.ui.session import Session
from dcpose_core.types import FloatArray
from tests.app.ui.docks.small_project import facts


class _Stage:
    """A session whose pictures come when the test says so, on a clock that the test turns."""

    def __init__(self, session: Session, *, pictures_at_once: bool = True) -> None:
        self.session = session
        self.now_s = 100.0
        self.playback = Playback(session, now=lambda: self.now_s)
        self.asked: list[int] = []
        session.frame_changed.connect(self.asked.append)
        if pictures_at_once:
            session.frame_changed.connect(session.set_shown_frame)

    def wait(self, seconds: float) -> None:
        """Time passes, and the timer that the playback set rings."""
        self.now_s += seconds
        self.playback._advance()


@pytest.fixture
def open_with_times(qapp: QApplication, tmp_path: Path) -> Callable[[FloatArray], Session]:
    def make(times_s: FloatArray) -> Session:
        session = Session()
        session.set_document(Document.create(tmp_path / "a.dcpose", facts(len(times_s), times_s=times_s)))
        return session

    return make


def test_frames_are_due_at_their_own_times_also_where_these_vary() -> None:
    clock = PlaybackClock(np.array([0.0, 0.04, 0.5, 0.54]), started_frame=0, started_s=10.0, speed=1.0)
    assert [clock.due(10.0 + s) for s in (0, 0.039, 0.04, 0.3, 0.5, 0.53, 0.54, 9)] == [0, 0, 1, 1, 2, 2, 3, 3]
    half = PlaybackClock(clock.times_s, started_frame=1, started_s=10.0, speed=0.5)
    assert half.due(10.0 + 0.9) == 1
    assert half.due(10.0 + 0.93) == 2


def test_playing_shows_every_frame_when_pictures_come_in_time(session: Session) -> None:
    stage = _Stage(session)
    stage.playback.play()
    for _ in range(5):
        stage.wait(0.04)
    assert stage.asked == [1, 2, 3, 4, 5]


def test_frames_are_dropped_while_a_picture_is_late_and_the_time_stays_right(session: Session) -> None:
    stage = _Stage(session, pictures_at_once=False)
    stage.playback.play()
    stage.wait(0.04)
    for _ in range(4):
        stage.wait(0.04)
    assert stage.asked == [1]
    session.set_shown_frame(1)
    assert stage.asked == [1, 5]


def test_a_picture_that_never_comes_does_not_stop_the_video(session: Session) -> None:
    stage = _Stage(session, pictures_at_once=False)
    stage.playback.play()
    stage.wait(0.04)
    stage.wait(1.1)
    assert stage.asked == [1, 28]


def test_double_speed_shows_every_other_frame_in_the_same_time(session: Session) -> None:
    stage = _Stage(session)
    stage.playback.set_speed(2.0)
    stage.playback.play()
    for _ in range(4):
        stage.wait(0.04)
    assert stage.asked == [2, 4, 6, 8]


def test_playing_stops_on_the_last_frame_and_starts_again_at_the_first(session: Session) -> None:
    stage = _Stage(session)
    session.go_to(38)
    stage.playback.play()
    stage.wait(0.04)
    stage.wait(0.04)
    assert session.frame == 39
    assert not stage.playback.is_playing
    stage.playback.toggle()
    assert session.frame == 0


def test_a_loop_plays_the_selected_range_again_and_again(session: Session) -> None:
    stage = _Stage(session)
    session.set_range(10, 12)
    stage.playback.set_loop(True)
    stage.playback.play()
    for _ in range(7):
        stage.wait(0.04)
    assert stage.asked == [10, 11, 12, 10, 11, 12, 10, 11]


def test_going_elsewhere_while_playing_goes_on_from_there(session: Session) -> None:
    stage = _Stage(session)
    stage.playback.play()
    stage.wait(0.04)
    session.go_to(20)
    stage.wait(0.04)
    assert session.frame == 21


def test_another_video_ends_the_playing(session: Session) -> None:
    stage = _Stage(session)
    stage.playback.play()
    session.set_document(None)
    assert not stage.playback.is_playing


def test_a_video_of_varying_rate_is_played_at_its_times(open_with_times: Callable[[FloatArray], Session]) -> None:
    session = open_with_times(np.array([0.0, 1.0, 1.1, 3.0]))
    stage = _Stage(session)
    stage.playback.play()
    stage.wait(0.9)
    assert session.frame == 0
    stage.wait(0.1)
    assert session.frame == 1
    stage.wait(0.2)
    assert session.frame == 2
    document = session.document
    session.set_document(None)
    assert document is not None
    document.close()
