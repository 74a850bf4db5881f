"""What propagators are calibrated on: persons in real clips with pseudo truth, slow and fast, and synthetic sequences.

Clips are also seen with every second and fourth frame only, so that people move up to four times as far from one frame
to the next. Over stretches of frames the model errs where the truth of the clean frames is known: either the person is
hidden, blurred or darkened there (`dcpose_core.degradations`), or the picture is good and the model takes some joints
for others, as surely as ever. What follows the picture suffers from the first, not from the second. Both truths come
from the model or are what it is to see, so neither has what people and a model disagree about on every frame: where in
a hip or a shoulder the joint is. `as_people_set_it` adds that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dcpose_core.degradations import DEGRADATIONS, degrade
from dcpose_core.effort.footage import SyntheticFootage
from dcpose_core.estimation import CropRequest, Estimates, Evidence, PoseEstimator, WindowEvidence
from dcpose_core.files import replacing
from dcpose_core.models.description import CropSpec
from dcpose_core.neighbours import choose_neighbours
from dcpose_core.propagation.human_frames import head_length_px
from dcpose_core.propagation.proposals import JOINTS, Footage, PersonTrack, TrackPose
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.synthesis.heatmaps import HeatmapSampler
from dcpose_core.synthesis.levels import load_levels
from dcpose_core.synthesis.motion import Motion
from dcpose_core.synthesis.sequences import synthetic_sequence
from dcpose_core.training.pseudo_truth import PersonTruth
from dcpose_core.types import FloatArray, ImageArray, IntArray
from dcpose_core.video import open_frames

#: Head lengths by which a person misses the joint that it sets, root mean square.
_HAND_NOISE = 0.02
#: Head lengths between where people set a joint and where the model does, the same on all frames of a person, root mean
#: square. On labelled stills the median joint of the single frame, of those within 0.5, is 0.10 off.
_LASTING = 0.09
_MIN_FRAMES = 20
_MIN_KNOWN = 0.3
#: Every so manieth frame of a clip.
STRIDES = (1, 2, 4)
#: The picture is good, and the model takes joints for others.
MISTAKEN = "mistaken"
#: Of the joints, and how high at most they show themselves beside what they are taken for.
_MISTAKEN_SHARE, _MISTAKEN_SHOWS = 0.3, 0.6
_SYNTHETIC_FRAMES, _SYNTHETIC_PERSONS = 40, 2
_KEPT_IMAGES, _KEPT_EVIDENCE = 40, 60


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """One person over T frames: the truth, and what the model says.

    frames: `[T]`. joints, answers: `[T, 17, 2]`, image pixels, truth and the model's. known: bool `[T, 17]`, where the
    truth is. scores: `[T, 17]`. boxes: `[T, 4]`, in the engine's convention. clip: what it is held out with.
    """

    name: str
    frames: IntArray
    joints: FloatArray
    known: NDArray[np.bool_]
    answers: FloatArray
    scores: FloatArray
    footage: Footage
    boxes: FloatArray
    clip: str

    def track(self, human: Sequence[int], rng: np.random.Generator) -> PersonTrack:
        """The track once a person has set all known joints on the frames `human`."""
        head_px = float(np.median(np.linalg.norm(self.joints[:, 2] - self.joints[:, 1], axis=-1)))
        poses = {}
        for row, frame in enumerate(self.frames.tolist()):
            set_ = self.known[row] & (frame in human)
            hand = self.joints[row] + rng.normal(scale=_HAND_NOISE / np.sqrt(2), size=(JOINTS, 2)) * head_px
            poses[frame] = TrackPose(
                keypoints=np.where(set_[:, None], hand, self.answers[row]),
                scores=self.scores[row],
                located=np.ones(JOINTS, np.bool_),
                human=set_,
                box_xyxy=self.boxes[row],
                predicted=self.answers[row],
            )
        return PersonTrack(0, poses)

    def errors(self, frame: int, points: FloatArray, track: PersonTrack) -> tuple[FloatArray, NDArray[np.bool_]]:
        """Head lengths from `points` `[17, 2]` to the truth, `[17]`, and bool `[17]`: where that is known."""
        row = self.row(frame)
        head_px = head_length_px(track, frame) or np.nan
        return np.linalg.norm(points - self.joints[row], axis=-1) / head_px, self.known[row].copy()

    def row(self, frame: int) -> int:
        return int(np.searchsorted(self.frames, frame))


class Spoil(NamedTuple):
    """What spoils one frame: a key of `DEGRADATIONS`, or `MISTAKEN`; and its seed."""

    kind: str
    seed: int


class SpoiledFootage:
    """Images in memory in which one person is spoiled.

    boxes, keypoints: by frame, where the person is. spoils: by frame.
    """

    def __init__(
        self,
        images: Sequence[ImageArray],
        model: PoseEstimator,
        *,
        boxes: Mapping[int, FloatArray],
        keypoints: Mapping[int, FloatArray],
        spoils: Mapping[int, Spoil],
    ) -> None:
        self._images, self._model = images, model
        self._boxes, self._keypoints, self._spoils = boxes, keypoints, spoils
        self._spoiled: dict[int, ImageArray] = {}
        self._evidence: dict[tuple[int, bytes], Evidence] = {}

    @property
    def n_frames(self) -> int:
        return len(self._images)

    def image(self, frame: int) -> ImageArray:
        spoil = self._spoils.get(frame)
        if spoil is None or spoil.kind == MISTAKEN:
            return self._images[frame]
        if frame not in self._spoiled:
            self._spoiled[frame] = degrade(
                spoil.kind,
                self._images[frame],
                np.random.default_rng(spoil.seed),
                box_xyxy=self._boxes[frame],
                keypoints=self._keypoints[frame],
            )
            _forget_oldest(self._spoiled, _KEPT_IMAGES)
        return self._spoiled[frame]

    def evidence(self, frame: int, box_xyxy: FloatArray) -> Evidence:
        key = frame, box_xyxy.tobytes()
        if key not in self._evidence:
            request = CropRequest(self.image(frame), self._model.crop_matrix(box_xyxy))
            (found,) = self._model.evidence([request])
            spoil = self._spoils.get(frame)
            if spoil is not None and spoil.kind == MISTAKEN:
                found = mistaken(found, np.random.default_rng(spoil.seed))
            self._evidence[key] = found
            _forget_oldest(self._evidence, _KEPT_EVIDENCE)
        return self._evidence[key]

    def estimate(self, windows: Sequence[WindowEvidence]) -> Estimates:
        return self._model.estimate(windows)


def save_truth(truths: Sequence[PersonTruth], file: Path) -> None:
    """Keep the pseudo truth of a clip as a `.npz`."""
    columns: dict[str, Any] = {
        "tracks": [truth.track_id for truth in truths],
        "frames": [truth.frame_index for truth in truths],
        "boxes": [truth.box_xyxy for truth in truths],
        "measured": [truth.measured for truth in truths],
        "joints": [truth.joints for truth in truths],
        "known": [truth.known for truth in truths],
    }
    with replacing(file) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **columns)


def real_worlds(
    clip: Path, truth: Path, model: PoseEstimator, *, cache: Path, seed: int, strides: Sequence[int] = STRIDES
) -> Iterator[World]:
    """The persons of a clip who are in view for long and mostly known, spoiled on about half of the frames.

    truth: file of `save_truth`. cache: folder where the model's answers are kept, which take a backbone pass a frame.
    """
    with open_frames(clip) as source:
        images = [frame.image for frame in source.frames()]
    with np.load(truth) as stored:
        columns = dict(stored)
    for track_id, stride in product(np.unique(columns["tracks"]).tolist(), strides):
        chosen = (columns["tracks"] == track_id) & (columns["frames"] % stride == 0)
        frames, boxes, measured, joints, known = (
            columns[name][chosen] for name in ("frames", "boxes", "measured", "joints", "known")
        )
        frames = frames // stride
        if len(frames) < _MIN_FRAMES or known.mean() < _MIN_KNOWN:
            continue
        footage = SpoiledFootage(
            images[::stride],
            model,
            boxes=dict(zip(frames.tolist(), boxes, strict=True)),
            keypoints=dict(zip(frames.tolist(), measured, strict=True)),
            spoils=draw_spoils(frames, np.random.default_rng((seed, track_id, stride))),
        )
        name = f"{clip.stem}, person {track_id}, every {stride}"
        answers, scores = _answers(footage, frames, boxes, cache / f"{name}, seed {seed}.npz")
        joints = as_people_set_it(joints, np.random.default_rng((seed, track_id)))
        yield World(name, frames, joints, known, answers, scores, footage, boxes, clip.stem)


def draw_spoils(frames: IntArray, rng: np.random.Generator) -> dict[int, Spoil]:
    """Stretches of 5 to 21 frames, each spoiled by one thing that moves with the person, half of them `MISTAKEN`."""
    spoils: dict[int, Spoil] = {}
    at = int(rng.integers(0, 14))
    while at < len(frames):
        length, kind, seed = int(rng.integers(5, 22)), str(rng.choice(list(DEGRADATIONS))), int(rng.integers(1 << 30))
        spoil = Spoil(MISTAKEN if rng.random() < 0.5 else kind, seed)
        spoils |= {int(frame): spoil for frame in frames[at : at + length]}
        at += length + int(rng.integers(4, 22))
    return spoils


def mistaken(evidence: Evidence, rng: np.random.Generator) -> Evidence:
    """A look that takes some joints for others: the one of the other side, or any. The joint itself shows faintly."""
    heatmaps = evidence.heatmaps.clone()
    offsets = None if evidence.offsets is None else evidence.offsets.clone()
    for joint in np.flatnonzero(rng.random(JOINTS) < _MISTAKEN_SHARE).tolist():
        other = int(POSETRACK_17.flip_order[joint] if rng.random() < 0.5 else rng.integers(JOINTS))
        own = float(rng.uniform(0.0, _MISTAKEN_SHOWS)) * evidence.heatmaps[joint]
        heatmaps[joint] = evidence.heatmaps[other].maximum(own)
        if offsets is not None and evidence.offsets is not None:
            takes_other = (evidence.heatmaps[other] > own)[None]
            offsets[joint] = evidence.offsets[other].where(takes_other, evidence.offsets[joint])
    return replace(evidence, heatmaps=heatmaps, offsets=offsets)


def synthetic_worlds(
    motions: Sequence[Motion], model: PoseEstimator, *, crop: CropSpec, count: int, seed: int, cache: Path
) -> Iterator[World]:
    """Persons of synthetic sequences: captured motion, heatmaps as the backbone would make them, and no images.

    The model's answers are kept in the folder `cache`.
    """
    sampler = HeatmapSampler(load_levels())
    for number in range(count):
        made = synthetic_sequence(
            motions,
            sampler,
            crop=crop,
            n_frames=_SYNTHETIC_FRAMES,
            n_persons=_SYNTHETIC_PERSONS,
            rng=np.random.default_rng((seed, number, 977)),
        )
        footage = SyntheticFootage(made, model)
        frames = np.arange(_SYNTHETIC_FRAMES)
        for person in range(_SYNTHETIC_PERSONS):
            joints, boxes = made.joints_px[:, person], made.boxes_xyxy[:, person]
            known = np.ones(joints.shape[:2], np.bool_)
            name = f"synthetic {number}, person {person}"
            answers, scores = _answers(footage, frames, boxes, cache / f"{name}, seed {seed}.npz")
            joints = as_people_set_it(joints, np.random.default_rng((seed, number, person)))
            yield World(name, frames, joints, known, answers, scores, footage, boxes, f"synthetic {number}")


def as_people_set_it(joints: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Joints `[T, 17, 2]` of a person, image pixels, each moved by a draw of its own that stays over all frames."""
    head_px = float(np.nanmedian(np.linalg.norm(joints[:, 2] - joints[:, 1], axis=-1)))
    return joints + rng.normal(scale=_LASTING / np.sqrt(2), size=(JOINTS, 2)) * head_px


def _answers(footage: Footage, frames: IntArray, boxes: FloatArray, file: Path) -> tuple[FloatArray, FloatArray]:
    """`_asked`, kept in a file."""
    if not file.exists():
        keypoints, scores = _asked(footage, frames, boxes)
        with replacing(file) as temporary, temporary.open("wb") as stream:
            np.savez(stream, keypoints=keypoints, scores=scores)
    with np.load(file) as stored:
        return stored["keypoints"], stored["scores"]


def _asked(footage: Footage, frames: IntArray, boxes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What the model says on all frames of a person `[T, 17, 2]`, each looked at in its own box; scores `[T, 17]`."""
    keypoints, scores = [], []
    for row, frame in enumerate(frames.tolist()):
        around = choose_neighbours(row, len(frames), interval=1)
        rows = (row, around.previous, around.next)
        current, previous, following = (footage.evidence(int(frames[i]), boxes[i]) for i in rows)
        margin = (frame - int(frames[around.previous]) or 1, int(frames[around.next]) - frame or 1)
        estimates = footage.estimate([WindowEvidence(current, previous, following, margin)])
        keypoints.append(estimates.keypoints[0])
        scores.append(estimates.scores[0])
    return np.stack(keypoints), np.stack(scores)


def _forget_oldest(kept: dict[Any, Any], count: int) -> None:
    while len(kept) > count:
        kept.pop(next(iter(kept)))
