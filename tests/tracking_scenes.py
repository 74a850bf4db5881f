"""Simulated people for tracker tests: true boxes, what a detector would report of them, and how well tracks fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from dcpose_core.geometry import iou
from dcpose_core.trackers import Tracker, bridge_tracks
from dcpose_core.types import Detection, TrackedBox

Box = NDArray[np.float64]
#: One frame of truth: person -> box.
Truth = dict[str, Box]
#: A person's centre (px) at a time in seconds, or None while out of view.
Path = Callable[[float], tuple[float, float] | None]

_POSE = np.random.default_rng(7).uniform(-0.5, 0.5, (17, 2))  # joints in units of the box


@dataclass(frozen=True)
class Person:
    path: Path
    height_px: float = 120.0
    width_px: float = 45.0

    def box(self, time_s: float) -> Box | None:
        centre = self.path(time_s)
        if centre is None:
            return None
        half = np.array([self.width_px, self.height_px]) / 2
        return np.concatenate([np.array(centre) - half, np.array(centre) + half])


def walk(start: tuple[float, float], velocity: tuple[float, float]) -> Path:
    """A straight walk: start in px, velocity in px/s."""
    return lambda time_s: (start[0] + velocity[0] * time_s, start[1] + velocity[1] * time_s)


def hidden(path: Path, from_s: float, to_s: float) -> Path:
    """The same path, out of the detector's sight for a while."""
    return lambda time_s: None if from_s <= time_s < to_s else path(time_s)


def truth(persons: dict[str, Person], times_s: Sequence[float]) -> list[Truth]:
    frames = []
    for time_s in times_s:
        boxes = {name: person.box(time_s) for name, person in persons.items()}
        frames.append({name: box for name, box in boxes.items() if box is not None})
    return frames


def times(fps: float, seconds: float) -> list[float]:
    return [i / fps for i in range(round(fps * seconds))]


def detect(
    frame: Truth,
    rng: np.random.Generator,
    *,
    jitter: float = 0.02,
    miss: float = 0.0,
    false_positives: float = 0.0,
    with_keypoints: bool = True,
) -> list[Detection]:
    """What a detector reports: noisy boxes; whoever is more than half hidden by a nearer (lower) person is missed.

    jitter: of place and size, in box heights. miss: chance to overlook anyone. false_positives: mean number.
    """
    detections = []
    names = list(frame)
    boxes = np.array([frame[name] for name in names]).reshape(-1, 4)
    overlaps = iou(boxes, boxes)
    for i, box in enumerate(boxes):
        nearer = boxes[:, 3] > box[3]
        if overlaps[i, nearer].max(initial=0.0) > 0.5 or rng.random() < miss:
            continue
        detections.append(_detection(box + rng.normal(size=4) * jitter * (box[3] - box[1]), rng, 0.6, with_keypoints))
    for _ in range(rng.poisson(false_positives)):
        x, y = rng.uniform(0, 600, 2)
        anything = np.array([x, y, x + 50, y + 120])
        detections.append(_detection(anything, rng, 0.45, with_keypoints))
    return detections


def _detection(box: Box, rng: np.random.Generator, score: float, with_keypoints: bool) -> Detection:
    if not with_keypoints:
        return Detection(box, score)
    size = box[2:] - box[:2]
    keypoints = (box[:2] + box[2:]) / 2 + (_POSE + rng.normal(size=(17, 2)) * 0.03) * size
    return Detection(box, score, keypoints, np.full(17, 0.5))


def crowd(rng: np.random.Generator, *, n_persons: int, fps: float, seconds: float) -> list[Truth]:
    """People who cross a square at different distances, some of whom stop for a while."""
    persons: dict[str, Person] = {}
    for i in range(n_persons):
        depth = rng.uniform(0.6, 1.4)
        side = rng.choice([-1.0, 1.0])
        speed = -side * rng.uniform(55, 95) * depth
        start = (350 + side * 380 - speed * rng.uniform(0, seconds * 0.6), 120 + 220 * depth)
        drift, pause_s = rng.uniform(-12, 12), rng.uniform(0, seconds)
        persons[f"person {i}"] = Person(
            _stroll(start, speed, drift, pause_s), height_px=110 * depth, width_px=40 * depth
        )
    return truth(persons, times(fps, seconds))


def _stroll(start: tuple[float, float], speed: float, drift: float, pause_s: float) -> Path:
    def path(time_s: float) -> tuple[float, float] | None:
        walked_s = min(time_s, pause_s) + max(0.0, time_s - pause_s - 1.5)
        x = start[0] + speed * walked_s
        return (x, start[1] + drift * walked_s) if -30 < x < 730 else None

    return path


def run(
    tracker: Tracker, frames: Sequence[Sequence[Detection]], times_s: Sequence[float], *, lookahead: int = 8
) -> list[list[TrackedBox]]:
    """The bridged tracks of all frames."""

    def updates() -> Iterator[tuple[int, list[TrackedBox]]]:
        for index, (detections, time_s) in enumerate(zip(frames, times_s, strict=True)):
            yield index, tracker.update(index, time_s, detections)

    bridged = list(bridge_tracks(updates(), lookahead=lookahead))
    assert [index for index, _ in bridged] == list(range(len(frames)))
    return [boxes for _, boxes in bridged]


def identities(frames: Sequence[Truth], tracks: Sequence[Sequence[TrackedBox]]) -> dict[str, list[int]]:
    """The ids that each person had, in order, without repetition: one entry per person is perfect."""
    history: dict[str, list[int]] = {}
    for persons, boxes in zip(frames, tracks, strict=True):
        for name, box in _matched(persons, boxes).items():
            ids = history.setdefault(name, [])
            if not ids or ids[-1] != box.track_id:
                ids.append(box.track_id)
    return history


@dataclass(frozen=True)
class Scores:
    """CLEAR-MOT and identity scores of boxes at IoU 0.5."""

    mota: float
    idf1: float
    switches: int
    fragments: int


def score(frames: Sequence[Truth], tracks: Sequence[Sequence[TrackedBox]]) -> Scores:
    n_true = sum(len(persons) for persons in frames)
    n_tracked = sum(len(boxes) for boxes in tracks)
    pairs: Counter[tuple[str, int]] = Counter()
    last_frame: dict[str, int] = {}
    n_matched = fragments = 0
    for index, (persons, boxes) in enumerate(zip(frames, tracks, strict=True)):
        matched = _matched(persons, boxes)
        n_matched += len(matched)
        for name, box in matched.items():
            pairs[name, box.track_id] += 1
            fragments += name in last_frame and last_frame[name] < index - 1
            last_frame[name] = index
    switches = sum(len(ids) - 1 for ids in identities(frames, tracks).values())
    names, ids = sorted({name for name, _ in pairs}), sorted({track for _, track in pairs})
    table = np.array([[pairs[name, track] for track in ids] for name in names]).reshape(len(names), len(ids))
    identity_matches = int(table[linear_sum_assignment(-table)].sum())
    return Scores(
        mota=1 - (n_true - n_matched + n_tracked - n_matched + switches) / n_true,
        idf1=2 * identity_matches / (n_true + n_tracked),
        switches=switches,
        fragments=fragments,
    )


def _matched(persons: Truth, boxes: Sequence[TrackedBox]) -> dict[str, TrackedBox]:
    names = list(persons)
    overlaps = iou(
        np.array([persons[name] for name in names]).reshape(-1, 4),
        np.array([box.box_xyxy for box in boxes]).reshape(-1, 4),
    )
    pairs = zip(*linear_sum_assignment(-overlaps), strict=True)
    return {names[row]: boxes[int(column)] for row, column in pairs if overlaps[row, column] >= 0.5}
