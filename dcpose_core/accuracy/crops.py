"""Looking at persons: which crop of which picture, spoiled how, and what the backbone says about it.

Backbone passes are the cost of a study, so each crop is looked at once, whatever methods, intervals and conditions
ask for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dcpose_core.accuracy.conditions import CLEAN, FROZEN, Condition, Situation
from dcpose_core.accuracy.labels import LabelledPerson, LabelledSequence, read_image
from dcpose_core.degradations import degrade, frozen
from dcpose_core.estimation import CropRequest, Evidence, PoseEstimator
from dcpose_core.neighbours import choose_neighbours
from dcpose_core.types import FloatArray, ImageArray

#: Crops that are cut at a time: each holds a spoiled copy of its frame.
_CUT_TOGETHER = 16


class Crop(NamedTuple):
    """A crop to look at. picture: index of the frame that is seen. identity: the person, in the box that the labels
    give in frame `box_of`. degradation: a key of `DEGRADATIONS`, or None; seed: of it."""

    picture: int
    identity: int
    box_of: int
    degradation: str | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the backbone says about a crop: evidence, and its own answer, keypoints float64 `[17, 2]` in image pixels
    and scores `[17]`."""

    evidence: Evidence
    keypoints: FloatArray
    scores: FloatArray


class Trial(NamedTuple):
    """One try of a condition. seed: of the degradation. interval: distance T to the neighbours in frames."""

    condition: Condition
    seed: int
    interval: int


class WindowCrops(NamedTuple):
    """The crops of one key frame, its previous and its next, and the margins for the temporal modules."""

    current: Crop
    previous: Crop
    next: Crop
    margin: tuple[int, int]


def window_crops(
    sequence: LabelledSequence, key: int, identity: int, *, trial: Trial, own_boxes: bool, border_margin: int
) -> WindowCrops:
    """Which crops a method looks at for the person `identity` in frame `key`.

    own_boxes: neighbours are cropped with the person's own box there, where the labels have one; else with the key
    frame's. border_margin: see `choose_neighbours`.
    """
    situation = trial.condition.situation
    first = key if situation in (Situation.NO_PREVIOUS, Situation.ALONE) else 0
    last = key if situation in (Situation.NO_NEXT, Situation.ALONE) else max(sequence.frames)
    around = choose_neighbours(
        key,
        max(sequence.frames) + 1,
        interval=trial.interval,
        border_margin=border_margin,
        available=lambda index: first <= index <= last and index in sequence.frames,
    )

    def crop(index: int) -> Crop:
        has_own = own_boxes and identity in sequence.frames[index].persons
        clean = Crop(index, identity, index if has_own else key)
        return _spoiled(clean, sequence, trial) if index == key or situation is Situation.ALL else clean

    return WindowCrops(crop(key), crop(around.previous), crop(around.next), (around.margin_left, around.margin_right))


def _spoiled(crop: Crop, sequence: LabelledSequence, trial: Trial) -> Crop:
    degradation, situation = trial.condition.degradation, trial.condition.situation
    if degradation == CLEAN:
        return crop
    if degradation != FROZEN:
        return crop._replace(degradation=degradation, seed=trial.seed)
    everything = situation is Situation.ALL
    seen = frozen(crop.picture + trial.seed) - trial.seed if everything else crop.picture - 1
    return crop._replace(picture=seen) if seen in sequence.frames else crop


class CropLooker:
    """Looks at crops of one sequence and keeps pictures and looks. passes: of the backbone, so far."""

    def __init__(self, sequence: LabelledSequence, estimator: PoseEstimator) -> None:
        self._sequence = sequence
        self._estimator = estimator
        self.passes = 0
        self._pictures: dict[int, ImageArray] = {}
        self._looks: dict[Crop, Look] = {}

    def look(self, crops: Iterable[Crop]) -> list[Look]:
        """One `Look` a crop, in their order."""
        crops = list(crops)
        missing = list(dict.fromkeys(crop for crop in crops if crop not in self._looks))
        for start in range(0, len(missing), _CUT_TOGETHER):
            part = missing[start : start + _CUT_TOGETHER]
            evidence = self._estimator.evidence([self._request(crop) for crop in part])
            answers = self._estimator.estimate_single(evidence)
            found = zip(part, evidence, answers.keypoints, answers.scores, strict=True)
            for crop, said, keypoints, scores in found:
                self._looks[crop] = Look(said, keypoints, scores)
            self.passes += len(part)
        return [self._looks[crop] for crop in crops]

    def forget_spoiled(self) -> None:
        """Let go of the looks at spoiled pictures, for which the next degradation or seed has no use."""
        self._looks = {crop: look for crop, look in self._looks.items() if crop.degradation is None}

    def _request(self, crop: Crop) -> CropRequest:
        matrix = self._estimator.crop_matrix(self._person(crop.identity, crop.box_of).box_xyxy)
        if crop.picture not in self._pictures:
            self._pictures[crop.picture] = read_image(self._sequence.frames[crop.picture])
        picture = self._pictures[crop.picture]
        if crop.degradation is None:
            return CropRequest(picture, matrix)
        # Spoiled about where the person is in this frame, whatever box crops it: every method sees the same picture.
        seen = self._sequence.frames[crop.picture].persons.get(crop.identity)
        names = [zlib.crc32(name.encode()) for name in (crop.degradation, self._sequence.name)]
        spoiled = degrade(
            crop.degradation,
            picture,
            np.random.default_rng([crop.seed, *names, crop.picture, crop.identity % 2**32]),
            box_xyxy=(seen or self._person(crop.identity, crop.box_of)).box_xyxy,
            keypoints=None if seen is None else seen.keypoints,
        )
        return CropRequest(spoiled, matrix)

    def _person(self, identity: int, index: int) -> LabelledPerson:
        return self._sequence.frames[index].persons[identity]
