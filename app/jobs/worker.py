"""A thread that runs jobs, one after the other, and tells of them in plain events.

A job is a generator: a yield is progress, its return value is the result, closing it cancels. Events are data and
carry the job's id, so that a view can drop those of other jobs and a process could take the thread's place.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count

import torch

from dcpose_core.errors import DCPoseError

#: Seconds of running that the rate is measured over.
_RATE_WINDOW_S = 15.0
#: Progress is told at most so often, so that a fast job does not drown the window in events.
_TELL_EVERY_S = 0.05


@dataclass(frozen=True, slots=True)
class Step:
    """What a job yields. done of total: in the job's own units, 0 of 0 where it does not know yet. message: what it
    does or has to say. payload: something that is ready to be used."""

    done: int = 0
    total: int = 0
    message: str | None = None
    payload: object = None


Job = Generator[Step, None, object]


@dataclass(frozen=True, slots=True)
class Started:
    job_id: int
    title: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """rate: units a second over the last seconds, pauses not counted; eta_s: seconds to go. None: not known yet."""

    job_id: int
    done: int
    total: int
    rate: float | None
    eta_s: float | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Produced:
    """A part of the result, ready before the end."""

    job_id: int
    payload: object


@dataclass(frozen=True, slots=True)
class Failed:
    """error: one line for people. known: the user can act on it; else it is a bug, and `report` holds the traceback."""

    job_id: int
    error: str
    known: bool
    report: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    job_id: int


@dataclass(frozen=True, slots=True)
class Finished:
    job_id: int
    result: object


Event = Started | Progressed | Produced | Failed | Cancelled | Finished
Post = Callable[[Event], None]


class _CancelledError(Exception):
    """The job was told to stop."""


class Worker:
    """One thread for jobs. `post` is called on that thread with every event; the last one of a job is `Finished`,
    `Failed` or `Cancelled`."""

    def __init__(self, post: Post, *, name: str = "jobs") -> None:
        self._post = post
        self._pool = ThreadPoolExecutor(1, name)
        self._ids = count(1)
        self._cancelled: dict[int, bool] = {}  # of every job that is not over: whether it was told to stop
        self._changed = threading.Condition()  # guards `_cancelled` and `_paused`
        self._paused = False
        self._closed = False

    def submit(self, title: str, job: Job) -> int:
        """Have `job` run when those before it are done; returns its id."""
        if self._closed:
            raise ValueError("the worker is closed")
        job_id = next(self._ids)
        with self._changed:
            self._cancelled[job_id] = False
        future = self._pool.submit(self._run, job_id, title, job)
        future.add_done_callback(lambda done: self._tell_end(job_id, done))
        return job_id

    def cancel(self, job_id: int) -> None:
        """Stop a job at its next yield, or before it starts; one that is over stays so."""
        with self._changed:
            if job_id in self._cancelled:
                self._cancelled[job_id] = True
                self._changed.notify_all()

    def pause(self) -> None:
        """Hold the running job at its next yield, and those after it."""
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    @property
    def paused(self) -> bool:
        return self._paused

    @property
    def busy(self) -> bool:
        """Whether a job is running or waiting."""
        return bool(self._cancelled)

    def close(self) -> None:
        """Cancel all jobs and wait for the thread."""
        self._closed = True
        with self._changed:
            self._cancelled = dict.fromkeys(self._cancelled, True)
            self._changed.notify_all()
        self._pool.shutdown(wait=True)

    def _run(self, job_id: int, title: str, job: Job) -> object:
        pace = _Pace()
        with closing(job):
            self._stop_if_cancelled(job_id)
            self._post(Started(job_id, title))
            while True:
                try:
                    step = next(job)
                except StopIteration as stop:
                    return stop.value
                self._tell_step(job_id, step, pace)
                with self._changed, pace.stopped():
                    self._changed.wait_for(lambda: self._cancelled[job_id] or not self._paused)
                self._stop_if_cancelled(job_id)

    def _stop_if_cancelled(self, job_id: int) -> None:
        with self._changed:
            if self._cancelled[job_id]:
                raise _CancelledError

    def _tell_step(self, job_id: int, step: Step, pace: _Pace) -> None:
        if step.payload is not None:
            self._post(Produced(job_id, step.payload))
        pace.note(step.done)
        if step.message is not None or pace.is_time_to_tell(last=step.done == step.total):
            rate = pace.rate
            eta_s = (step.total - step.done) / rate if rate else None
            self._post(Progressed(job_id, step.done, step.total, rate, eta_s, step.message))

    def _tell_end(self, job_id: int, done: Future[object]) -> None:
        with self._changed:
            del self._cancelled[job_id]
        error = done.exception()
        match error:
            case None:
                self._post(Finished(job_id, done.result()))
            case _CancelledError():
                self._post(Cancelled(job_id))
            case _:
                text, known = describe(error)
                self._post(Failed(job_id, text, known, "".join(traceback.format_exception(error))))


def describe(error: BaseException) -> tuple[str, bool]:
    """One line for people about an error, and whether they can act on it."""
    match error:
        case DCPoseError():
            return str(error), True
        case torch.OutOfMemoryError():
            return "the device has not enough memory left: close other programs that use it, or choose the CPU", True
        case MemoryError():
            return "not enough memory: close other programs, or choose a shorter range", True
        case OSError():
            return f"{error.filename or 'a file'}: {error.strerror or error}", True
        case _:
            return f"{type(error).__name__}: {error}", False


class _Pace:
    """How fast a job is, without the time for which it was paused."""

    def __init__(self) -> None:
        self._paused_s = 0.0
        self._told_s = -_TELL_EVERY_S
        self._points: deque[tuple[float, int]] = deque()

    def _now_s(self) -> float:
        return time.monotonic() - self._paused_s

    def note(self, done: int) -> None:
        now_s = self._now_s()
        if self._points and done < self._points[-1][1]:
            self._points.clear()  # a new stage counts from 0
        self._points.append((now_s, done))
        while len(self._points) > 2 and self._points[1][0] < now_s - _RATE_WINDOW_S:
            self._points.popleft()

    @property
    def rate(self) -> float | None:
        (first_s, first), (last_s, last) = self._points[0], self._points[-1]
        return (last - first) / (last_s - first_s) if last > first and last_s > first_s else None

    def is_time_to_tell(self, *, last: bool) -> bool:
        now_s = time.monotonic()
        if not last and now_s - self._told_s < _TELL_EVERY_S:
            return False
        self._told_s = now_s
        return True

    @contextmanager
    def stopped(self) -> Iterator[None]:
        start_s = time.monotonic()
        yield
        self._paused_s += time.monotonic() - start_s
