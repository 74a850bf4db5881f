"""The ways of whole persons over the last frames, read in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.project.packing import records_of
from app.project.records import JointSource, Layer
from app.project.store import Store
from dcpose_core.types import FloatArray, Visibility


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """A track on K frames that follow each other, oldest first.

    keypoints: float64 `[K, 17, 2]`, image pixels. located: bool `[K, 17]`. scores: float64 `[K, 17]`, 1 for what did
    not come from a model.
    """

    keypoints: FloatArray
    located: NDArray[np.bool_]
    scores: FloatArray


def read_trails(store: Store, *, first: int, last: int) -> Mapping[int, Trail]:
    """Track id -> its trail up to frame `last`, as far as it is on all frames since, but not before `first`."""
    found: dict[int, dict[int, np.void]] = {}
    for layer in (Layer.PREDICTION, Layer.ANNOTATION):  # the annotation comes last and wins
        frames, records = records_of(store.persons_between(layer, first, last))
        for frame, record in zip(frames.tolist(), records, strict=True):
            found.setdefault(int(record["track_id"]), {})[frame] = record
    trails = {}
    for track_id, at in found.items():
        run = []
        for frame in range(last, first - 1, -1):
            if frame not in at:
                break
            run.append(at[frame])
        if len(run) > 1:
            trails[track_id] = _trail(np.array(run[::-1]))
    return trails


def _trail(records: NDArray[np.void]) -> Trail:
    of_model = records["sources"] == JointSource.MODEL
    return Trail(
        keypoints=records["keypoints"],
        located=records["visibility"] != Visibility.ABSENT,
        scores=np.where(of_model, records["scores"], 1.0),
    )
