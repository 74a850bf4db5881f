"""Playing the video at its own pace: the frame that is due is shown, those there was no time for are left out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from app.ui.session import Session
from dcpose_core.types import FloatArray

SPEEDS = (0.25, 0.5, 1.0, 2.0, 4.0)
#: A picture that takes longer than this is not waited for: the video goes on without it.
_PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class PlaybackClock:
    """From the wall clock to frames. At wall time `started_s` frame `started_frame` was due.

    times_s: float64 `[N]`, presentation times; never going back. speed: seconds of video per second.
    """

    times_s: FloatArray
    started_frame: int
    started_s: float
    speed: float

    def due(self, now_s: float) -> int:
        """The frame to show at wall time `now_s`; the last one for ever after the end."""
        at = float(self.times_s[self.started_frame]) + (now_s - self.started_s) * self.speed
        # A hair later: at exactly a frame's time it is that frame's turn.
        frame = int(np.searchsorted(self.times_s, at + 1e-6, side="right")) - 1
        return max(self.started_frame, min(frame, len(self.times_s) - 1))

    def seconds_until(self, frame: int, now_s: float) -> float:
        """Wall seconds until `frame` is due, never negative."""
        ahead = float(self.times_s[frame] - self.times_s[self.started_frame]) / self.speed
        return max(0.0, self.started_s + ahead - now_s)

    def lasts_until_s(self, frame: int) -> float:
        """Wall time at which `frame` has had its time on the screen; the last one gets as long as the one before."""
        times = self.times_s
        if frame + 1 < len(times):
            end = float(times[frame + 1])
        else:
            end = float(2 * times[frame] - times[frame - 1]) if frame else float(times[frame]) + 0.04
        return self.started_s + (end - float(times[self.started_frame])) / self.speed


class Playback(QObject):
    """Moves the session's frame along. Waits for each picture (`Session.frame_shown`) before it asks for the next."""

    playing_changed = Signal(bool)
    speed_changed = Signal(float)
    loop_changed = Signal(bool)

    def __init__(
        self, session: Session, parent: QObject | None = None, *, now: Callable[[], float] = time.perf_counter
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._now = now
        self._clock: PlaybackClock | None = None
        self._speed = 1.0
        self._loop = False
        self._asked: int | None = None
        self._asked_s = 0.0
        self._moving = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._advance)
        session.document_changed.connect(self.pause)
        session.frame_changed.connect(self._on_frame_changed)
        session.frame_shown.connect(self._on_frame_shown)
        session.range_changed.connect(self._on_range_changed)

    @property
    def is_playing(self) -> bool:
        return self._clock is not None

    @property
    def speed(self) -> float:
        """Seconds of video per second."""
        return self._speed

    @property
    def loop(self) -> bool:
        """Whether playing starts again: at the start of the selected range, or of the video."""
        return self._loop

    @Slot()
    def toggle(self) -> None:
        """Play, or pause."""
        if self.is_playing:
            self.pause()
        else:
            self.play()

    def play(self) -> None:
        """Play from the current frame; from the start of the range or video if the current frame is outside or last."""
        if self._session.document is None or self._session.n_frames < 2:
            return
        first, last = self._bounds()
        start = self._session.frame
        if not first <= start < last:
            start = first
        self._restart(start)
        self.playing_changed.emit(True)

    @Slot()
    def pause(self) -> None:
        """Stay on the current frame."""
        if self._clock is not None:
            self._clock = None
            self._asked = None
            self._timer.stop()
            self.playing_changed.emit(False)

    def set_speed(self, speed: float) -> None:
        """Play at another speed from now on."""
        if speed != self._speed:
            self._speed = speed
            if self._clock is not None:
                self._restart(self._session.frame)
            self.speed_changed.emit(speed)

    def change_speed(self, steps: int) -> None:
        """The next faster (1) or slower (-1) of `SPEEDS`."""
        nearest = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - self._speed))
        self.set_speed(SPEEDS[max(0, min(nearest + steps, len(SPEEDS) - 1))])

    def set_loop(self, loop: bool) -> None:
        if loop != self._loop:
            self._loop = loop
            self.loop_changed.emit(loop)

    def _bounds(self) -> tuple[int, int]:
        """First and last frame to play: the range's only while looping, so that play without a loop goes on."""
        chosen = self._session.frame_range
        if self._loop and chosen is not None and chosen[0] < chosen[1]:
            return chosen
        return 0, self._session.n_frames - 1

    def _restart(self, frame: int) -> None:
        document = self._session.document
        if document is None:
            return
        self._clock = PlaybackClock(document.times_s, frame, self._now(), self._speed)
        self._asked = None
        self._show(frame)
        self._advance()

    @Slot()
    def _advance(self) -> None:
        clock, now = self._clock, self._now()
        if clock is None:
            return
        _, last = self._bounds()
        due = clock.due(now)
        if due >= last and now >= clock.lasts_until_s(last):
            self._at_end(last)
            return
        due = min(due, last)
        if due != self._session.frame:
            is_waiting = self._asked is not None and now - self._asked_s < _PATIENCE_S
            if is_waiting:
                self._timer.start(round((_PATIENCE_S - (now - self._asked_s)) * 1000) + 1)
                return
            self._show(due)
        wait_s = clock.seconds_until(due + 1, now) if due < last else clock.lasts_until_s(last) - now
        self._timer.start(max(1, round(wait_s * 1000)))

    def _at_end(self, last: int) -> None:
        first, _ = self._bounds()
        if self._loop:
            self._restart(first)
            return
        self._show(last)
        self.pause()

    def _show(self, frame: int) -> None:
        if frame == self._session.frame:
            return
        self._asked, self._asked_s = frame, self._now()
        self._moving = True
        self._session.go_to(frame)
        self._moving = False

    @Slot(int)
    def _on_frame_shown(self, frame: int) -> None:
        if frame == self._asked:
            self._asked = None
            if self._clock is not None:
                self._advance()

    @Slot(int)
    def _on_frame_changed(self, frame: int) -> None:
        """Somebody else moved: go on from there."""
        if self._clock is not None and not self._moving:
            self._restart(frame)

    @Slot()
    def _on_range_changed(self) -> None:
        if self._clock is not None and self._loop:
            first, last = self._bounds()
            if not first <= self._session.frame <= last:
                self._restart(first)
