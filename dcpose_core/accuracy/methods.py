"""The rivals: ways to get the key frame's pose from what the backbone says about three frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from dcpose_core.accuracy.crops import Look
from dcpose_core.estimation import Estimates, PoseEstimator, WindowEvidence

SINGLE_FRAME = "single frame"


class Window(NamedTuple):
    """The three looks of one person at one key frame. margin: (key - previous, next - key) in frames."""

    current: Look
    previous: Look
    next: Look
    margin: tuple[int, int]


class Method(NamedTuple):
    """A row of the table. own_boxes: neighbours are cropped with their own boxes (`shared`), not the key frame's
    (`exact`). border_margin: the margin given where the key frame stands in for a neighbour.
    looks_around: False for what sees the key frame only.
    """

    name: str
    estimate: Callable[[Sequence[Window]], Estimates]
    own_boxes: bool = False
    border_margin: int = 1
    looks_around: bool = True


def plain_methods() -> list[Method]:
    """The single frame, and the mean and median of three single-frame answers, joint by joint."""
    methods = [Method(SINGLE_FRAME, single_frame, looks_around=False)]
    for name, estimate in (("mean of 3", mean_of_three), ("median of 3", median_of_three)):
        methods += [
            Method(f"{name}, {boxes}", estimate, own_boxes=boxes == "own boxes") for boxes in ("key box", "own boxes")
        ]
    return methods


def model_methods(name: str, estimator: PoseEstimator) -> list[Method]:
    """A model's temporal modules, in both modes of the pipeline; none for a model without any."""
    if not estimator.temporal:
        return []

    def refine(windows: Sequence[Window]) -> Estimates:
        return estimator.estimate(
            [WindowEvidence(w.current.evidence, w.previous.evidence, w.next.evidence, w.margin) for w in windows]
        )

    return [
        Method(f"{name}, {mode}", refine, own_boxes=mode == "shared", border_margin=estimator.border_margin)
        for mode in ("exact", "shared")
    ]


def single_frame(windows: Sequence[Window]) -> Estimates:
    return Estimates(
        np.stack([window.current.keypoints for window in windows]),
        np.stack([window.current.scores for window in windows]),
    )


def mean_of_three(windows: Sequence[Window]) -> Estimates:
    three = _three(windows)
    return Estimates(three.keypoints.mean(axis=0), three.scores.mean(axis=0))


def median_of_three(windows: Sequence[Window]) -> Estimates:
    """x, y and score each the middle one of three: where the key frame stands in for a neighbour, the key frame's."""
    three = _three(windows)
    return Estimates(np.median(three.keypoints, axis=0), np.median(three.scores, axis=0))


def _three(windows: Sequence[Window]) -> Estimates:
    """Keypoints `[3, N, 17, 2]` and scores `[3, N, 17]`."""
    looks = [[window.current, window.previous, window.next] for window in windows]
    keypoints = np.array([[look.keypoints for look in three] for three in looks])
    scores = np.array([[look.scores for look in three] for three in looks])
    return Estimates(keypoints.swapaxes(0, 1), scores.swapaxes(0, 1))
