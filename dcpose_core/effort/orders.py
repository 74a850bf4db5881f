"""In which order the annotator looks at the poses of a sequence."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from dcpose_core.effort.desk import Desk
from dcpose_core.effort.truth import BoolArray, Visit

#: Every visit of the desk once. It is asked for the next one after everything that followed from the last.
Order = Callable[[Desk], Iterator[Visit]]


def in_order(desk: Desk) -> Iterator[Visit]:
    """Person by person, frame after frame."""
    yield from desk.visits


def key_frames_first(every: int) -> Order:
    """Person by person: every so many frames and the last one, then what lies between, frame after frame."""

    def order(desk: Desk) -> Iterator[Visit]:
        for track_id in dict.fromkeys(visit.track_id for visit in desk.visits):
            visits = [visit for visit in desk.visits if visit.track_id == track_id]
            first = list(dict.fromkeys([*visits[::every], visits[-1]]))
            yield from first
            yield from (visit for visit in visits if visit not in first)

    return order


def at_random(seed: int) -> Order:
    """Without any idea."""

    def order(desk: Desk) -> Iterator[Visit]:
        visits = desk.visits
        for at in np.random.default_rng(seed).permutation(len(visits)):
            yield visits[at]

    return order


def least_confident_first(joints: BoolArray) -> Order:
    """The pose next whose scores say that most of `joints` `[17]` are wrong: the sum of 1 - score."""

    def order(desk: Desk) -> Iterator[Visit]:
        yield from _highest_first(desk, lambda visit: float((1 - desk.pose(visit).scores[joints]).sum()))

    return order


def most_wrong_first(desk: Desk) -> Iterator[Visit]:
    """The pose next with most wrong joints, as only the truth knows it: what no order can beat."""
    yield from _highest_first(desk, lambda visit: float(np.count_nonzero(desk.wrong(visit))))


def _highest_first(desk: Desk, value: Callable[[Visit], float]) -> Iterator[Visit]:
    """Highest value first, by the poses as they are then: propagation changes them."""
    waiting = {visit: (desk.pose(visit), value(visit)) for visit in desk.visits}
    while waiting:
        best = max(waiting, key=lambda visit: waiting[visit][1])
        del waiting[best]
        yield best
        for visit, (pose, _) in waiting.items():
            if desk.pose(visit) is not pose:
                waiting[visit] = desk.pose(visit), value(visit)
