"""The learning rate at every step: a function of the step alone, so that a resumed run needs no scheduler's state."""

from __future__ import annotations

import math

from dcpose_core.training.settings import ConstantRate, CosineRate, MilestoneRate


def learning_rate(
    base: float,
    schedule: ConstantRate | MilestoneRate | CosineRate,
    *,
    step: int,
    steps_per_epoch: int,
    total_steps: int,
) -> float:
    """The learning rate of `step`, counted from 0."""
    if isinstance(schedule, MilestoneRate):
        epoch = step // steps_per_epoch
        return base * float(schedule.gamma) ** sum(epoch >= milestone for milestone in schedule.epochs)
    if isinstance(schedule, CosineRate):
        if step < schedule.warmup_steps:
            return base * (step + 1) / schedule.warmup_steps
        done = (step - schedule.warmup_steps) / max(1, total_steps - schedule.warmup_steps)
        return base * (schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * done)) / 2)
    return base
