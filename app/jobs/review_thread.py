"""The review of the open project on a thread of its own: it must not wait behind an annotation run."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from app.jobs.review import Arrived, Ended, Looked, Review, ReviewState
from dcpose_core.errors import DCPoseError
from dcpose_core.review.source import ReviewSource

#: While it works, the state is told so often.
_TELL_EVERY_S = 0.3


@dataclass(frozen=True, slots=True)
class ReviewFailed:
    """The thread has ended, as the project cannot be read. error: one line for people."""

    error: str


Event = ReviewState | Arrived | Looked | Ended | ReviewFailed
Command = Callable[[Review], Arrived | Looked | Ended | None]


class ReviewThread:
    """Makes a review of `source` and works on it. `post` is called on the thread with every event."""

    def __init__(self, source: ReviewSource, post: Callable[[Event], None]) -> None:
        self._source = source
        self._post = post
        self._commands: deque[Command] = deque()
        self._changed = threading.Condition()  # guards `_commands` and `_closed`
        self._closed = False
        self._told_s = 0.0
        self._thread = threading.Thread(target=self._run, name="review", daemon=True)
        self._thread.start()

    def do(self, command: Command) -> None:
        """Have something done, in turn and before further work; what it returns is posted, behind the new state."""
        with self._changed:
            self._commands.append(command)
            self._changed.notify()

    def close(self) -> None:
        """Give up; when this returns, nothing is read any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._work()
        except (DCPoseError, OSError) as error:  # anything else is a bug, and goes to `threading.excepthook`
            self._post(ReviewFailed(str(error)))

    def _work(self) -> None:
        review = Review(self._source)
        while (commands := self._wait(review)) is not None:
            answers = [command(review) for command in commands]
            if not commands:
                review.work()
            self._tell(review, at_once=bool(commands) or not review.has_work)
            for answer in answers:
                if answer is not None:
                    self._post(answer)

    def _wait(self, review: Review) -> list[Command] | None:
        """The commands that came, for as long as there is no work to do meanwhile; None when it is over."""
        with self._changed:
            if not review.has_work:
                self._changed.wait_for(lambda: self._closed or self._commands)
            commands = list(self._commands)
            self._commands.clear()
            return None if self._closed else commands

    def _tell(self, review: Review, *, at_once: bool) -> None:
        if at_once or time.monotonic() - self._told_s > _TELL_EVERY_S:
            self._post(review.state())
            self._told_s = time.monotonic()
