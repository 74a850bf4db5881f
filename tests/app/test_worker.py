"""The worker: jobs one after the other, told of in plain events, paused, cancelled, and never left running."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator

import pytest
import torch

from app.jobs.worker import (
    Cancelled,
    Event,
    Failed,
    Finished,
    Produced,
    Progressed,
    Started,
    Step,
    Worker,
)
from dcpose_core.errors import DeviceError


class Events:
    """What a worker posted; waits for what is to come."""

    def __init__(self) -> None:
        self.all: list[Event] = []
        self._changed = threading.Condition()

    def post(self, event: Event) -> None:
        with self._changed:
            self.all.append(event)
            self._changed.notify_all()

    def wait_for(self, kind: type[Event], job_id: int) -> Event:
        def found() -> Event | None:
            return next((event for event in self.all if isinstance(event, kind) and event.job_id == job_id), None)

        with self._changed:
            assert self._changed.wait_for(lambda: found() is not None, timeout=20), (kind, job_id, self.all)
            event = found()
        assert event is not None
        return event


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def worker(events: Events) -> Iterator[Worker]:
    worker = Worker(events.post)
    yield worker
    worker.close()
    assert not any(thread.name.startswith("jobs") for thread in threading.enumerate())


def counting(n: int) -> Generator[Step, None, str]:
    for i in range(n):
        yield Step(i + 1, n, payload=i)
    return "done"


class Endless:
    """A job that goes on until it is stopped, and says when it was closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.n_steps = 0

    def job(self) -> Generator[Step, None, None]:
        try:
            while True:
                self.n_steps += 1
                yield Step(self.n_steps, 0)
        finally:
            self.closed.set()


def test_a_job_is_told_of_from_start_to_result(worker: Worker, events: Events) -> None:
    job_id = worker.submit("Count", counting(5))
    assert events.wait_for(Finished, job_id) == Finished(job_id, "done")
    assert events.all[0] == Started(job_id, "Count")
    assert [event.payload for event in events.all if isinstance(event, Produced)] == [0, 1, 2, 3, 4]
    last = [event for event in events.all if isinstance(event, Progressed)][-1]
    assert (last.done, last.total) == (5, 5)
    assert events.all[-1] == Finished(job_id, "done")


def test_rate_and_remaining_time_are_told(worker: Worker, events: Events) -> None:
    def slow() -> Generator[Step, None, None]:
        for i in range(4):
            threading.Event().wait(0.06)
            yield Step(i + 1, 8, "counting")

    job_id = worker.submit("Slow", slow())
    events.wait_for(Finished, job_id)
    last = [event for event in events.all if isinstance(event, Progressed)][-1]
    assert last.message == "counting"
    assert last.rate is not None
    assert 0 < last.rate < 1 / 0.06
    assert last.eta_s == pytest.approx(4 / last.rate)


def test_jobs_run_one_after_the_other(worker: Worker, events: Events) -> None:
    ids = [worker.submit(f"Job {i}", counting(3)) for i in range(3)]
    events.wait_for(Finished, ids[-1])
    ends = [event for event in events.all if isinstance(event, Started | Finished)]
    assert [event.job_id for event in ends] == [ids[0], ids[0], ids[1], ids[1], ids[2], ids[2]]
    assert not worker.busy


def test_cancelling_closes_the_job_and_what_waits_goes_on(worker: Worker, events: Events) -> None:
    endless, waiting = Endless(), Endless()
    first = worker.submit("Endless", endless.job())
    second = worker.submit("Never begins", waiting.job())
    third = worker.submit("Count", counting(2))
    worker.cancel(second)
    events.wait_for(Progressed, first)
    worker.cancel(first)
    events.wait_for(Finished, third)
    assert endless.closed.is_set()
    assert waiting.n_steps == 0
    assert Cancelled(first) in events.all
    assert Cancelled(second) in events.all
    assert Started(second, "Never begins") not in events.all
    worker.cancel(first)  # it is over: nothing to do
    assert events.all[-1] == Finished(third, "done")


def test_a_paused_job_stands_still_until_it_is_resumed(worker: Worker, events: Events) -> None:
    endless = Endless()
    worker.pause()
    job_id = worker.submit("Endless", endless.job())
    other = worker.submit("Other", counting(1))
    events.wait_for(Progressed, job_id)
    worker.cancel(other)  # which wakes nobody else up
    threading.Event().wait(0.05)
    assert worker.paused
    assert endless.n_steps == 1
    worker.resume()
    while endless.n_steps < 3:
        threading.Event().wait(0.01)
    worker.pause()
    worker.cancel(job_id)
    events.wait_for(Cancelled, job_id)


def test_a_known_failure_is_its_sentence_and_a_bug_is_a_report(worker: Worker, events: Events) -> None:
    def failing(error: Exception) -> Generator[Step, None, None]:
        yield Step()
        raise error

    cases = [
        (DeviceError("the card is gone; choose the CPU"), "the card is gone; choose the CPU", True),
        (torch.OutOfMemoryError("CUDA out of memory"), "the device has not enough memory left", True),
        (MemoryError(), "not enough memory", True),
        (FileNotFoundError(2, "No such file or directory", "clip.mp4"), "clip.mp4: No such file or directory", True),
        (KeyError("x"), "KeyError: 'x'", False),
    ]
    for error, sentence, known in cases:
        job_id = worker.submit("Fail", failing(error))
        failed = events.wait_for(Failed, job_id)
        assert isinstance(failed, Failed)
        assert failed.error.startswith(sentence)
        assert failed.known is known
        assert type(error).__name__ in failed.report
    assert events.wait_for(Finished, worker.submit("Next", counting(1)))


def test_closing_cancels_everything_and_leaves_no_thread(events: Events) -> None:
    worker, endless = Worker(events.post, name="closing"), Endless()
    running, waiting = worker.submit("Endless", endless.job()), worker.submit("Waiting", counting(3))
    events.wait_for(Progressed, running)
    worker.pause()
    worker.close()
    assert endless.closed.is_set()
    assert {Cancelled(running), Cancelled(waiting)} <= set(events.all)
    assert not any(thread.name.startswith("closing") for thread in threading.enumerate())
    with pytest.raises(ValueError, match="closed"):
        worker.submit("Late", counting(1))
