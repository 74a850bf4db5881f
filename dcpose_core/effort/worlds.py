"""What is annotated in the benchmark: labelled sequences as they are and spoiled, and synthetic ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from dcpose_core.accuracy.conditions import CLEAN, STANDARD
from dcpose_core.accuracy.labels import LabelledSequence, LabelledSet
from dcpose_core.degradations import DEGRADATIONS
from dcpose_core.effort.footage import BenchFootage, Episode, ImageFootage, SyntheticFootage
from dcpose_core.effort.truth import BoolArray, TruePose, Truth, Visit
from dcpose_core.errors import UsageError
from dcpose_core.estimation import PoseEstimator
from dcpose_core.head_sizes import HEAD_SIZE_OF_LENGTH, head_size_of
from dcpose_core.heatmaps import CELL_PX
from dcpose_core.models.description import CropSpec
from dcpose_core.skeletons import POSETRACK_15, POSETRACK_17
from dcpose_core.synthesis.heatmaps import HEIGHT, WIDTH, HeatmapSampler
from dcpose_core.synthesis.levels import load_levels
from dcpose_core.synthesis.motion import Motion
from dcpose_core.synthesis.sequences import SyntheticSequence, synthetic_sequence
from dcpose_core.types import FloatArray, PersonPose, Visibility

#: Every episode spoiled by something else.
MIXED = "mixed"
#: Of the frames of a spoiled sequence, and how many frames in a row.
SPOILED_SHARE = 0.35
_EPISODE_FRAMES = (3, 8)
_HEAD = np.isin(POSETRACK_17.joints, ("head_bottom", "head_top"))


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """One sequence to annotate. joints: bool `[17]`, those that are asked for at all. seeds: of the annotator's hand,
    each a run of its own."""

    name: str
    truth: Truth
    footage: BenchFootage
    joints: BoolArray
    seeds: tuple[int, ...]

    @property
    def boxes(self) -> Mapping[Visit, FloatArray]:
        return {
            Visit(track_id, frame): pose.box_xyxy
            for track_id, track in self.truth.items()
            for frame, pose in track.items()
        }


def check_condition(name: str) -> str:
    """Raises `UsageError` for a name that is none."""
    if name not in (CLEAN, MIXED, *DEGRADATIONS):
        raise UsageError(f"unknown condition {name!r}; it is one of {', '.join((CLEAN, MIXED, *DEGRADATIONS))}")
    return name


def labelled_worlds(labelled: LabelledSet, estimator: PoseEstimator, *, condition: str, seeds: int) -> Iterator[World]:
    """The sequences of a set, `condition` as `check_condition` takes it.

    Spoiled, each comes once a seed, with that seed's episodes; clean, it comes once for all.
    """
    joints = np.isin(POSETRACK_17.joints, labelled.joints)
    for sequence in labelled.sequences:
        truth = _labelled_truth(sequence)
        if not truth:
            continue
        if condition == CLEAN:
            footage = ImageFootage(sequence, estimator)
            yield World(sequence.name, truth, footage, joints, tuple(range(seeds)))
            continue
        for seed in range(seeds):
            episodes = draw_episodes(sorted(sequence.frames), condition, np.random.default_rng((seed, 1)))
            footage = ImageFootage(sequence, estimator, episodes=episodes, seed=seed)
            yield World(sequence.name, truth, footage, joints, (seed,))


def synthetic_worlds(
    motions: Sequence[Motion],
    estimator: PoseEstimator,
    *,
    crop: CropSpec,
    n_frames: int,
    n_persons: int,
    seeds: int,
) -> Iterator[World]:
    """One sequence a seed. Raises `UsageError` for a model that the synthetic heatmaps are not those of."""
    width_px, height_px = WIDTH * CELL_PX, HEIGHT * CELL_PX
    if (crop.width_px, crop.height_px) != (width_px, height_px):
        raise UsageError(
            f"synthetic sequences are made for models with crops of {width_px} x {height_px}; this one's are "
            f"{crop.width_px} x {crop.height_px}: leave out --motions"
        )
    sampler = HeatmapSampler(load_levels())
    joints = np.isin(POSETRACK_17.joints, POSETRACK_15.joints)
    for seed in range(seeds):
        sequence = synthetic_sequence(
            motions,
            sampler,
            crop=crop,
            n_frames=n_frames,
            n_persons=n_persons,
            rng=np.random.default_rng((seed, 2)),
            spoiled_share=SPOILED_SHARE,
        )
        yield World(
            f"synthetic {seed}",
            _synthetic_truth(sequence, joints),
            SyntheticFootage(sequence, estimator),
            joints,
            (seed,),
        )


def draw_episodes(frames: Sequence[int], condition: str, rng: np.random.Generator) -> list[Episode]:
    """Episodes of 3 to 8 frames that cover about 35 % of `frames`, a sorted list, spread evenly at random."""
    wanted = round(SPOILED_SHARE * len(frames))
    lengths: list[int] = []
    while sum(lengths) < wanted:
        lengths.append(min(int(rng.integers(_EPISODE_FRAMES[0], _EPISODE_FRAMES[1] + 1)), wanted - sum(lengths)))
    kinds = [name for name in STANDARD if name in DEGRADATIONS] if condition == MIXED else [condition]
    # Where the episodes begin among the frames that stay good.
    begins = np.sort(rng.integers(0, len(frames) - wanted + 1, size=len(lengths)))
    episodes, before = [], 0
    for begin, length in zip(begins.tolist(), lengths, strict=True):
        first = begin + before
        episodes.append(Episode(str(rng.choice(kinds)), frames[first], frames[first + length - 1] + 1))
        before += length
    return episodes


def _labelled_truth(sequence: LabelledSequence) -> Truth:
    truth: dict[int, dict[int, TruePose]] = {}
    for index, frame in sequence.frames.items():
        for identity, person in frame.persons.items():
            truth.setdefault(identity, {})[index] = TruePose(
                person.pose.keypoints,
                person.pose.located,
                person.head_size_px / HEAD_SIZE_OF_LENGTH,
                person.box_xyxy,
            )
    return truth


def _synthetic_truth(sequence: SyntheticSequence, joints: BoolArray) -> Truth:
    frames, persons = sequence.joints_px.shape[:2]
    return {
        person: {
            frame: TruePose(
                sequence.joints_px[frame, person],
                joints,
                _head_length_px(sequence.joints_px[frame, person]),
                sequence.boxes_xyxy[frame, person],
            )
            for frame in range(frames)
        }
        for person in range(persons)
    }


def _head_length_px(keypoints: FloatArray) -> float:
    """Of the head as it is seen or, if longer, as trunk and limbs tell it: some cameras see a head from above."""
    sizes = []
    for hidden in (np.zeros_like(_HEAD), _HEAD):
        visibility = np.where(hidden, Visibility.ABSENT, Visibility.VISIBLE).astype(np.uint8)
        found = head_size_of(PersonPose(keypoints, visibility))
        sizes.append(found[0] if found else 0.0)
    return max(sizes) / HEAD_SIZE_OF_LENGTH
