"""Pseudo truth: what several looks agree on and a smooth track supports."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import numpy as np
import pytest
import torch

from dcpose_core.annotation import Progress
from dcpose_core.trackers import MotionOksTracker
from dcpose_core.training.pseudo_truth import PersonTruth, agreement, pseudo_truth, smoothed
from dcpose_core.types import FloatArray
from tests.scenes import DotBackbone, DotDetector, DotVideo, dot_model, position

_Result = TypeVar("_Result")
SIZE_PX = 100.0
BOX = np.array([0.0, 0.0, 60.0, 1.3 * SIZE_PX])


def result_of(job: Generator[Progress, None, _Result]) -> tuple[list[Progress], _Result]:
    steps = []
    while True:
        try:
            steps.append(next(job))
        except StopIteration as end:
            return steps, end.value


def looks_at(*points: tuple[float, float], scores: float = 0.5) -> tuple[FloatArray, FloatArray]:
    keypoints = np.tile(np.array(points, float)[:, None], (1, 17, 1))
    return keypoints, np.full(keypoints.shape[:2], scores)


def track(path: FloatArray, *, known: bool = True) -> list[PersonTruth]:
    """A person all of whose joints are at `path` `[T, 2]`."""
    return [
        PersonTruth(10 + t, 3, BOX, np.tile(point, (17, 1)), np.tile(point, (17, 1)), np.full(17, known))
        for t, point in enumerate(path)
    ]


def test_three_looks_that_agree_outvote_the_fourth() -> None:
    keypoints, scores = looks_at((10, 10), (11, 10), (12, 10), (80, 40))
    point, known = agreement(keypoints, scores, size_px=SIZE_PX)
    assert known.all()
    assert point[0] == pytest.approx([11.0, 10.0])


def test_looks_that_scatter_or_lack_confidence_say_nothing() -> None:
    keypoints, scores = looks_at((10, 10), (11, 10), (50, 10), (80, 40))
    assert not agreement(keypoints, scores, size_px=SIZE_PX)[1].any()
    keypoints, scores = looks_at((10, 10), (10, 10), (10, 10), (10, 10), scores=0.05)
    assert not agreement(keypoints, scores, size_px=SIZE_PX)[1].any()


def test_how_far_looks_may_scatter_depends_on_the_size_of_the_person() -> None:
    keypoints, scores = looks_at((10, 10), (14, 10), (18, 10), (22, 10))
    assert not agreement(keypoints, scores, size_px=100.0)[1].any()
    assert agreement(keypoints, scores, size_px=400.0)[1].all()


def test_noise_about_a_curved_path_is_smoothed_away() -> None:
    t = np.arange(20.0)
    path = np.stack([5 * t, 0.5 * t**2], axis=1)
    noise = np.asarray(np.random.default_rng(0).normal(scale=0.7, size=(20, 2)))
    truth = smoothed(track(path + noise))
    inner = [person for person in truth[3:-3] if person.known.all()]
    assert len(inner) >= 12
    times = [person.frame_index - 10 for person in inner]
    after = np.linalg.norm(np.stack([person.joints[0] for person in inner]) - path[times], axis=1).mean()
    before = np.linalg.norm(noise[times], axis=1).mean()
    assert after < 0.75 * before


def test_a_point_off_the_path_is_not_known_and_does_not_bend_it() -> None:
    path = np.stack([4 * np.arange(15.0), np.zeros(15)], axis=1)
    jumped = path.copy()
    jumped[7] += [0.0, 30.0]
    truth = smoothed(track(jumped))
    assert not truth[7].known.any()
    for t in (4, 5, 6, 8, 9, 10):
        assert truth[t].known.all()
        assert truth[t].joints[0] == pytest.approx(path[t], abs=0.3)


def test_too_few_frames_make_no_truth() -> None:
    path = np.stack([4 * np.arange(4.0), np.zeros(4)], axis=1)
    assert not any(person.known.any() for person in smoothed(track(path)))


def test_the_truth_of_a_video_is_where_the_persons_are() -> None:
    video = DotVideo(12, n_persons=2)
    steps, truths = result_of(
        pseudo_truth(
            video,
            model=dot_model(backbone=DotBackbone()),
            device=torch.device("cpu"),
            detector=DotDetector(n_persons=2),
            tracker=MotionOksTracker(),
            announce=print,
        )
    )
    assert {step.stage for step in steps} == {"tracking", "looking again"}
    assert sorted({truth.track_id for truth in truths}) == [0, 1]
    assert [truth.frame_index for truth in truths if truth.track_id == 0] == list(range(12))
    person_of = {
        track_id: min((0, 1), key=lambda person: np.linalg.norm(first.joints[0] - position(person, first.frame_index)))
        for track_id in (0, 1)
        for first in [next(truth for truth in truths if truth.track_id == track_id)]
    }
    assert sorted(person_of.values()) == [0, 1]
    inner = [truth for truth in truths if 3 <= truth.frame_index <= 8]
    assert np.mean([truth.known.mean() for truth in inner]) > 0.9
    for truth in inner:
        there = position(person_of[truth.track_id], truth.frame_index)
        red = truth.known[:9]
        assert np.abs(truth.joints[:9][red] - there).max() < 0.7
