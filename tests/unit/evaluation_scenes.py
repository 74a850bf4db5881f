"""Small made-up sequences for the tests of the metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dcpose_core.skeletons import POSETRACK_15
from dcpose_core.types import FloatArray, FramePoses, PersonPose, PoseSequence, Visibility

JOINTS = len(POSETRACK_15)
#: Diagonal 100, so a head size of 60 px: joints match up to 30 px.
HEAD_BOX = np.array([0.0, 0.0, 60.0, 80.0])
#: One joint each 100 px, so that no joint is taken for another.
BODY = np.stack([np.full(JOINTS, 50.0), 100.0 * np.arange(JOINTS)], axis=1)
BODY_BOX = np.array([0.0, 0.0, 400.0, 1500.0])


def annotated(track_id: int | None = 0, *, at: FloatArray = BODY, joints: Sequence[int] = range(JOINTS)) -> PersonPose:
    """A ground-truth person with `joints` located at their places in `at`, with head box and body box."""
    return PersonPose(at, _visibility(joints), track_id=track_id, head_box_xyxy=HEAD_BOX, box_xyxy=BODY_BOX)


def predicted(
    track_id: int | None = 0,
    *,
    at: FloatArray = BODY,
    joints: Sequence[int] = range(JOINTS),
    score: float | None = 0.5,
) -> PersonPose:
    """A predicted person, all joints with `score`; None leaves the scores out."""
    scores = None if score is None else np.full(JOINTS, score)
    return PersonPose(at, _visibility(joints), scores, track_id=track_id, score=score)


def _visibility(joints: Sequence[int]) -> NDArray[np.uint8]:
    visibility = np.full(JOINTS, Visibility.ABSENT, dtype=np.uint8)
    visibility[list(joints)] = Visibility.VISIBLE
    return visibility


def sequence(
    *frames: Sequence[PersonPose], name: str = "000001_mpii_test", regions: Sequence[FloatArray] = ()
) -> PoseSequence:
    """A sequence of these frames; the ignore regions are on every one of them."""
    return PoseSequence(
        name,
        tuple(FramePoses(index, tuple(persons), ignore_regions=tuple(regions)) for index, persons in enumerate(frames)),
        skeleton=POSETRACK_15,
    )


def moved(x: float, y: float = 0.0) -> FloatArray:
    return np.asarray(BODY + np.array([x, y]), dtype=np.float64)


@dataclass(frozen=True)
class Scene:
    ground_truth: list[PoseSequence]
    predictions: list[PoseSequence]


def random_scene(seed: int, *, noise_px: float = 25.0) -> Scene:
    """Sequences of up to four persons far from each other; predictions miss joints, persons and frames, swap ids."""
    rng = np.random.default_rng(seed)
    truths, predictions = [], []
    for number in range(int(rng.integers(1, 4))):
        people = int(rng.integers(1, 5))
        ids = np.arange(people)
        truth_frames, prediction_frames = [], []
        for _ in range(int(rng.integers(2, 9))):
            if rng.random() < 0.3:
                rng.shuffle(ids)
            places = [moved(1000.0 * person, float(rng.uniform(0, 40))) for person in range(people)]
            truth_frames.append(
                [
                    annotated(person, at=place, joints=np.flatnonzero(rng.random(JOINTS) < 0.9).tolist())
                    for person, place in enumerate(places)
                    if rng.random() < 0.9
                ]
            )
            prediction_frames.append(
                [
                    replace(
                        predicted(
                            int(ids[person]),
                            at=place + rng.normal(0, noise_px, place.shape),
                            joints=np.flatnonzero(rng.random(JOINTS) < 0.9).tolist(),
                        ),
                        scores=rng.random(JOINTS),
                        score=float(rng.random()),
                    )
                    for person, place in enumerate(places)
                    if rng.random() < 0.9
                ]
            )
        truths.append(sequence(*truth_frames, name=f"{number:06d}_mpii_test"))
        predictions.append(sequence(*prediction_frames, name=f"{number:06d}_mpii_test"))
    return Scene(truths, predictions)
