"""The review queue as an order of visits: a desk seen as the queue sees a project."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from dcpose_core.effort.desk import Desk
from dcpose_core.effort.orders import Order
from dcpose_core.effort.truth import BoolArray, Visit
from dcpose_core.effort.worlds import World
from dcpose_core.propagation.proposals import JOINTS
from dcpose_core.review.queue import ReviewQueue
from dcpose_core.review.source import PoseRows
from dcpose_core.types import FloatArray

_FRAME_RATE_HZ = 30.0


class DeskSource:
    """A `ReviewSource`: the poses on the desk as they stand. Joints that are not asked for count as decided.

    refinement_px: how far refining moved the joints at first; nan of those that stand somewhere else by now.
    """

    def __init__(self, desk: Desk, world: World, refinement_px: Mapping[Visit, FloatArray]) -> None:
        self._desk = desk
        self._world = world
        self._refinement_px = refinement_px
        self._first = {visit: desk.pose(visit) for visit in desk.visits}
        self._on_frame: dict[int, list[Visit]] = {}
        for visit in sorted(desk.visits):
            self._on_frame.setdefault(visit.frame, []).append(visit)

    @property
    def times_s(self) -> FloatArray:
        return np.arange(self._world.footage.n_frames) / _FRAME_RATE_HZ

    @property
    def size_px(self) -> tuple[int, int] | None:
        return self._world.footage.size_px

    def rows(self, first: int, stop: int) -> PoseRows:
        visits = [visit for frame in range(first, stop) for visit in self._on_frame.get(frame, ())]
        poses = [self._desk.pose(visit) for visit in visits]

        def stacked(values: list[FloatArray], *shape: int) -> FloatArray:
            return np.array(values, np.float64).reshape(-1, *shape)

        return PoseRows(
            frames=np.array([visit.frame for visit in visits], np.int64),
            track_ids=np.array([visit.track_id for visit in visits], np.int64),
            keypoints=stacked([pose.keypoints for pose in poses], JOINTS, 2),
            located=np.array([pose.located for pose in poses], np.bool_).reshape(-1, JOINTS),
            human=np.array([pose.human | ~self._world.joints for pose in poses], np.bool_).reshape(-1, JOINTS),
            scores=stacked([pose.scores for pose in poses], JOINTS),
            refinement_px=stacked([self._refinement_of(visit) for visit in visits], JOINTS),
            boxes_xyxy=stacked([np.full(4, np.nan) if p.box_xyxy is None else p.box_xyxy for p in poses], 4),
        )

    def verified(self, first: int, stop: int) -> BoolArray:
        """Frames on which everybody was looked at; those without anybody are not."""
        return np.array([self._is_verified(frame) for frame in range(first, stop)], np.bool_)

    def examined(self, first: int, stop: int) -> BoolArray:
        return np.array([frame in self._on_frame for frame in range(first, stop)], np.bool_)

    def _is_verified(self, frame: int) -> bool:
        visits = self._on_frame.get(frame, ())
        return bool(visits) and all(self._desk.was_visited(visit) for visit in visits)

    def _refinement_of(self, visit: Visit) -> FloatArray:
        known = self._refinement_px.get(visit)
        if known is None:
            return np.full(JOINTS, np.nan)
        first, now = self._first[visit], self._desk.pose(visit)
        return np.where((first.keypoints == now.keypoints).all(axis=1), known, np.nan)


def review_queue(world: World, refinement_px: Mapping[Visit, FloatArray]) -> Order:
    """The queue from its top, ranked anew with all that changes; then those with whom no check found anything."""

    def order(desk: Desk) -> Iterator[Visit]:
        queue = ReviewQueue(DeskSource(desk, world, refinement_px))
        for _ in queue.compute():
            pass
        waiting = {visit: desk.pose(visit) for visit in desk.visits}
        while waiting:
            visit = _first(queue, waiting)
            del waiting[visit]
            yield visit
            changed = {other.frame for other, pose in waiting.items() if desk.pose(other) is not pose}
            queue.changed(sorted({visit.frame, *changed}))
            for _ in queue.catch_up():
                pass
            waiting = {other: desk.pose(other) for other in waiting}

    return order


def _first(queue: ReviewQueue, waiting: Collection[Visit]) -> Visit:
    for everyone in (False, True):
        for item in queue.items(1, everyone=everyone) or ():
            if (visit := Visit(item.track_id, item.frame)) in waiting:
                return visit
    return next(iter(waiting))
