"""The annotator's walk through a sequence: look, correct, let the method do what it does, go on."""

from __future__ import annotations

from collections.abc import Callable

from dcpose_core.effort.desk import Desk
from dcpose_core.effort.orders import Order
from dcpose_core.effort.tally import Effort
from dcpose_core.effort.truth import BoolArray, Visit

#: What follows from a corrected pose: desk, the pose, and the joints `[17]` that were touched, at least one.
Response = Callable[[Desk, Visit, BoolArray], None]


def nothing_follows(_desk: Desk, _visit: Visit, _touched: BoolArray) -> None:
    """A correction stays where it is."""


def walk(desk: Desk, order: Order, response: Response = nothing_follows) -> Effort:
    """Look at everything once, in this order; returns what it cost."""
    for visit in order(desk):
        touched = desk.look(visit)
        if touched.any():
            response(desk, visit, touched)
        desk.note_progress()
    return desk.effort()
