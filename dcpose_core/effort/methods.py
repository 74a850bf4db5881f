"""The rows of the table: ways to annotate a sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial

import numpy as np

from dcpose_core.effort.by_hand import Finish, correct_in_order, correct_where_worst, every_joint, key_frames, leave
from dcpose_core.effort.desk import Desk
from dcpose_core.effort.first_poses import FirstPoses, refined_poses, single_frame_poses
from dcpose_core.effort.orders import (
    Order,
    at_random,
    in_order,
    key_frames_first,
    least_confident_first,
    most_wrong_first,
)
from dcpose_core.effort.responses import Acceptance, PerfectPropagator, Propagating, Reinferring
from dcpose_core.effort.review_order import review_queue
from dcpose_core.effort.tally import Effort
from dcpose_core.effort.walk import Response, nothing_follows, walk
from dcpose_core.effort.worlds import World
from dcpose_core.estimation import PoseEstimator
from dcpose_core.propagation import PROPAGATORS, Propagator

#: In the names of methods whose annotator looks at previews.
PREVIEWED = ", previewed"
#: The name of re-inference where propagators are chosen.
REINFERENCE = "re-inference"
#: Key frames of the rivals that draw lines between them.
KEY_FRAMES = (5, 10, 20)


class Family(StrEnum):
    """What a row is for."""

    BY_HAND = "by hand"
    MODEL = "model"
    PROPAGATION = "propagation"
    LIMIT = "limit"
    ORDER = "order"


@dataclass(frozen=True, slots=True, kw_only=True)
class PropagationSettings:
    """reach: frames on either side at most. threshold: of confidence. every: of `key_frames_first`."""

    reach: int = 10
    threshold: float = 0.5
    every: int = 8


class Session:
    """One world with the model's poses in it and the propagators at work on it: what all methods share."""

    def __init__(self, world: World, estimator: PoseEstimator) -> None:
        self.world = world
        self._estimator = estimator
        self._propagators: dict[str, Propagator] = {}
        world.footage.look_at(world.boxes)

    @cached_property
    def single_frame(self) -> FirstPoses:
        return single_frame_poses(self.world, self._estimator)

    @cached_property
    def refined(self) -> FirstPoses:
        return refined_poses(self.world, self._estimator)

    def propagator(self, name: str) -> Propagator:
        """One of `PROPAGATORS`."""
        if name not in self._propagators:
            self._propagators[name] = PROPAGATORS[name](self.world.footage)
        return self._propagators[name]

    def desk(self, poses: FirstPoses, *, tolerance: float, seed: int) -> Desk:
        """A fresh one; the hand is the same for all methods."""
        return Desk(self.world.truth, poses.poses, tolerance=tolerance, seed=seed)


def hand(seed: int) -> np.random.Generator:
    return np.random.default_rng((seed, 3))


#: Session, tolerance in head lengths, seed of the hand.
Run = Callable[[Session, float, int], Effort]


@dataclass(frozen=True, slots=True)
class Method:
    """A row. name: as the table has it."""

    name: str
    family: Family
    run: Run


def by_hand_methods() -> list[Method]:
    """Without any model."""

    def scratch(session: Session, tolerance: float, seed: int) -> Effort:
        return every_joint(session.world.truth, tolerance=tolerance, rng=hand(seed))

    def drawn(session: Session, tolerance: float, seed: int, *, every: int | None, finish: Finish) -> Effort:
        return key_frames(session.world.truth, every=every, finish=finish, tolerance=tolerance, rng=hand(seed))

    methods = [Method("from scratch", Family.BY_HAND, scratch)]
    for every in KEY_FRAMES:
        name = f"key frames every {every}, lines"
        methods.append(Method(name, Family.BY_HAND, partial(drawn, every=every, finish=leave)))
    for every in KEY_FRAMES:
        name = f"key frames every {every}, lines, corrected"
        methods.append(Method(name, Family.BY_HAND, partial(drawn, every=every, finish=correct_in_order)))
    worst = partial(drawn, every=None, finish=correct_where_worst)
    return [*methods, Method("key frames where lines are worst", Family.BY_HAND, worst)]


def model_methods(model: str) -> list[Method]:
    """What the model says, corrected in order, and nothing follows."""

    def single(session: Session, tolerance: float, seed: int) -> Effort:
        return walk(session.desk(session.single_frame, tolerance=tolerance, seed=seed), in_order)

    def refined(session: Session, tolerance: float, seed: int) -> Effort:
        return walk(session.desk(session.refined, tolerance=tolerance, seed=seed), in_order)

    return [Method("single frame", Family.MODEL, single), Method(model, Family.MODEL, refined)]


def propagation_methods(model: str, names: Sequence[str], settings: PropagationSettings) -> list[Method]:
    """Each propagator, frames in order and key frames first, accepted without a look and previewed.

    names: keys of `PROPAGATORS`, and `REINFERENCE`, which nobody is asked about.
    """
    orders = {"": in_order, f", every {settings.every}th first": key_frames_first(settings.every)}
    methods = []
    for name in names:
        ways = {"": _propagating(name, settings), PREVIEWED: _propagating(name, settings, Acceptance.PREVIEW)}
        for way, respond in ({"": _reinferring(settings)} if name == REINFERENCE else ways).items():
            for suffix, order in orders.items():
                run = partial(_walk_refined, order=_always(order), respond=respond)
                methods.append(Method(f"{model} + {name}{way}{suffix}", Family.PROPAGATION, run))

    def perfect(session: Session) -> Response:
        return Propagating(PerfectPropagator(session.world.truth), settings.reach, settings.threshold)

    run = partial(_walk_refined, order=_always(in_order), respond=perfect)
    return [*methods, Method("limit: perfect propagation", Family.LIMIT, run)]


def order_methods(model: str, settings: PropagationSettings, *, default: str) -> list[Method]:
    """The model's poses in several orders, alone and with the default propagator, previewed."""
    methods = []
    for name, order in (
        ("review queue", lambda session, _: review_queue(session.world, session.refined.refinement_px)),
        ("confidence", lambda session, _: least_confident_first(session.world.joints)),
        ("random", lambda _, seed: at_random(seed)),
        ("limit: most wrong first", lambda _, __: most_wrong_first),
    ):
        alone = partial(_walk_refined, order=order, respond=lambda _: nothing_follows)
        methods.append(Method(f"{model}, {name}", Family.ORDER, alone))
        followed = partial(_walk_refined, order=order, respond=_propagating(default, settings, Acceptance.PREVIEW))
        methods.append(Method(f"{model} + {default}{PREVIEWED}, {name}", Family.ORDER, followed))
    return methods


#: The order in one session, for one seed.
OrderOf = Callable[[Session, int], Order]
#: What follows from corrections in one session.
Respond = Callable[[Session], Response]


def _always(order: Order) -> OrderOf:
    return lambda _session, _seed: order


def _propagating(name: str, settings: PropagationSettings, acceptance: Acceptance = Acceptance.THRESHOLD) -> Respond:
    return lambda session: Propagating(session.propagator(name), settings.reach, settings.threshold, acceptance)


def _reinferring(settings: PropagationSettings) -> Respond:
    return lambda session: Reinferring(session.world.footage, settings.reach, settings.threshold)


def _walk_refined(session: Session, tolerance: float, seed: int, *, order: OrderOf, respond: Respond) -> Effort:
    desk = session.desk(session.refined, tolerance=tolerance, seed=seed)
    return walk(desk, order(session, seed), respond(session))
