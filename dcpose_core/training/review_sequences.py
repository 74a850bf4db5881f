"""Sequences of poses as the model answers them, with the truth beside them: what the review's ranking is fitted on.

Synthetic ones have a known truth. Clips have pseudo truth, where it is known, and are spoiled for some frames at a time
before the model looks at them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from dcpose_core.degradations import degrade
from dcpose_core.estimation import CropRequest, Evidence, PoseEstimator, WindowEvidence
from dcpose_core.files import replacing
from dcpose_core.review.block import block_of
from dcpose_core.review.source import JOINTS, BoolArray, PoseRows
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.synthesis.sequences import SyntheticSequence
from dcpose_core.training.making_real_triples import FROZEN, MIXTURE
from dcpose_core.training.pseudo_truth import PersonTruth
from dcpose_core.types import FloatArray, Frame, ImageArray
from dcpose_core.video import FrameSource

#: A joint is wrong from so many head lengths on.
WRONG_HEAD_LENGTHS = 0.2
#: Of each person's frames in a clip, and the mean and highest number of frames spoiled in a row.
_SPOILED_SHARE = (0.15, 0.4)
_EPISODE_MEAN, _EPISODE_MOST = 4.0, 14
_STRENGTH, _STRENGTH_OF_TWO = (0.5, 1.5), (0.3, 0.9)
#: How often a person has its sides exchanged for some frames, a joint elsewhere for some, is lost for some, and how
#: often two persons are exchanged.
_FLIPPED, _SLIPPED, _LOST, _EXCHANGED = 0.5, 0.8, 0.4, 0.5
#: How far, standard deviation as a share of the box's height: about a head length.
_SLIP = 0.15
_ARMS, _LEGS = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
_SIDES = ((*_ARMS, *_LEGS), _ARMS, _LEGS)
#: Spread of a tracked box's place and size, shares of its size.
_BOX_SHIFT, _BOX_SCALE = 0.05, 0.08


@dataclass(frozen=True, slots=True, eq=False)
class AnsweredSequence:
    """P persons in F frames, as a model answered and as they are; a `ReviewSource` of the answers.

    times_s: `[F]`. size_px: of the picture. present: bool `[F, P]`. keypoints, truth: `[F, P, 17, 2]`, image pixels.
    scores, refinement_px: `[F, P, 17]`. boxes_xyxy: `[F, P, 4]`. known: bool `[F, P, 17]`, where the truth is known.
    """

    times_s: FloatArray
    size_px: tuple[int, int]
    present: BoolArray
    keypoints: FloatArray
    scores: FloatArray
    refinement_px: FloatArray
    boxes_xyxy: FloatArray
    truth: FloatArray
    known: BoolArray

    def rows(self, first: int, stop: int) -> PoseRows:
        frame, person = np.nonzero(self.present[first:stop])
        at = (frame + first, person)
        return PoseRows(
            frames=at[0],
            track_ids=person,
            keypoints=self.keypoints[at],
            located=self.located[at],
            human=np.zeros((len(frame), JOINTS), np.bool_),
            scores=self.scores[at],
            refinement_px=self.refinement_px[at],
            boxes_xyxy=self.boxes_xyxy[at],
        )

    def verified(self, first: int, stop: int) -> BoolArray:
        return np.zeros(stop - first, np.bool_)

    def examined(self, first: int, stop: int) -> BoolArray:
        return np.ones(stop - first, np.bool_)

    @property
    def located(self) -> BoolArray:
        """bool `[F, P, 17]`: joints that the model placed."""
        return np.asarray(self.present[..., None] & (self.scores > 0))

    def wrong(self) -> tuple[BoolArray, BoolArray]:
        """Which joints are wrong, and of which that can be said; bool `[F, P, 17]` each. In true head lengths."""
        frame, person = np.nonzero(self.known.any(axis=2))
        unknown = np.full((len(frame), JOINTS), np.nan)
        rows = PoseRows(
            frames=frame,
            track_ids=person,
            keypoints=self.truth[frame, person],
            located=self.known[frame, person],
            human=self.known[frame, person],
            scores=unknown,
            refinement_px=unknown,
            boxes_xyxy=self.boxes_xyxy[frame, person],
        )
        block = block_of(
            rows,
            first=0,
            n_frames=len(self.times_s),
            times_s=self.times_s,
            examined=self.examined(0, len(self.times_s)),
            size_px=self.size_px,
        )
        head_px = np.full(self.present.shape, np.nan)
        head_px[:, block.track_ids] = block.head_px
        off = np.linalg.norm(self.keypoints - self.truth, axis=-1) / head_px[..., None]
        judged = self.known & self.located & np.isfinite(off)
        return judged & (off > WRONG_HEAD_LENGTHS), judged

    def save(self, path: Path) -> None:
        with replacing(path) as temporary:
            np.savez_compressed(
                temporary,
                times_s=self.times_s,
                size=np.array(self.size_px),
                present=self.present,
                keypoints=self.keypoints.astype(np.float32),
                scores=self.scores.astype(np.float32),
                refinement=self.refinement_px.astype(np.float32),
                boxes=self.boxes_xyxy.astype(np.float32),
                truth=self.truth.astype(np.float32),
                known=self.known,
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        with np.load(path) as stored:
            width, height = stored["size"].tolist()
            return cls(
                times_s=stored["times_s"],
                size_px=(width, height),
                present=stored["present"],
                keypoints=stored["keypoints"],
                scores=stored["scores"],
                refinement_px=stored["refinement"],
                boxes_xyxy=stored["boxes"],
                truth=stored["truth"],
                known=stored["known"],
            )


def answered_synthetic(sequence: SyntheticSequence, estimator: PoseEstimator) -> AnsweredSequence:
    """What the temporal modules answer to a synthetic video.

    estimator: with temporal modules, of a model whose maps are decoded without offset maps: synthetic ones have none.
    """
    n_frames, n_persons = sequence.joints_px.shape[:2]
    evidence = {
        (frame, person): Evidence(sequence.heatmaps[frame, person].float(), None, sequence.matrices[frame, person])
        for frame in range(n_frames)
        for person in range(n_persons)
    }
    inside = (sequence.joints_px >= 0) & (sequence.joints_px <= [sequence.width_px - 1, sequence.height_px - 1])
    return _answered(
        evidence,
        estimator,
        times_s=sequence.times_s,
        size_px=(sequence.width_px, sequence.height_px),
        boxes_xyxy=sequence.boxes_xyxy,
        truth=sequence.joints_px,
        known=np.asarray(inside.all(axis=-1)),
    )


def answered_clip(
    source: FrameSource, truths: Sequence[PersonTruth], estimator: PoseEstimator, rng: np.random.Generator
) -> AnsweredSequence:
    """What the model answers to a clip with each person spoiled for some frames at a time, in the persons' true boxes.

    truths: of `pseudo_truth`.
    """
    track_ids = sorted({truth.track_id for truth in truths})
    at = {(truth.frame_index, track_ids.index(truth.track_id)): truth for truth in truths}
    n_frames, n_persons = len(source), len(track_ids)
    spoils = _draw_spoils(n_frames, n_persons, rng)
    shape = (n_frames, n_persons)
    boxes, joints = np.full((*shape, 4), np.nan), np.zeros((*shape, JOINTS, 2))
    known = np.zeros((*shape, JOINTS), np.bool_)
    evidence: dict[tuple[int, int], Evidence] = {}
    before: Frame | None = None
    for frame in source.frames():
        here = {key: at[key] for person in range(n_persons) if (key := (frame.index, person)) in at}
        requests = []
        for key, truth in here.items():
            boxes[key], joints[key], known[key] = truth.box_xyxy, truth.joints, truth.known
            image = _spoiled(frame, before, truth, spoils.get(key))
            requests.append(CropRequest(image, estimator.crop_matrix(truth.box_xyxy)))
        evidence.update(zip(here, estimator.evidence(requests), strict=True))
        before = frame
    return _answered(
        evidence,
        estimator,
        times_s=source.times_s,
        size_px=(source.width_px, source.height_px),
        boxes_xyxy=boxes,
        truth=joints,
        known=known,
    )


def with_loose_boxes(sequence: AnsweredSequence, rng: np.random.Generator) -> AnsweredSequence:
    """The sequence with boxes as trackers draw them: those of the truth would say where the joints are."""
    boxes = sequence.boxes_xyxy
    size = boxes[..., 2:] - boxes[..., :2]
    moved = boxes + np.tile(rng.normal(scale=_BOX_SHIFT, size=size.shape) * size, 2)
    grown = rng.normal(scale=_BOX_SCALE, size=size.shape) * size / 2
    return replace(sequence, boxes_xyxy=moved + np.concatenate([-grown, grown], axis=-1))


def with_track_faults(sequence: AnsweredSequence, rng: np.random.Generator) -> AnsweredSequence:
    """The sequence with faults that neither heatmaps nor spoiled pictures have, each for some frames: sides exchanged,
    a joint elsewhere though its score is as good as ever, persons lost, two persons exchanged."""
    present, boxes = sequence.present.copy(), sequence.boxes_xyxy.copy()
    of_joints = [values.copy() for values in (sequence.keypoints, sequence.scores, sequence.refinement_px)]
    n_frames, n_persons = present.shape

    def draw_frames(mean: float) -> slice:
        first = int(rng.integers(n_frames))
        return slice(first, first + min(int(rng.geometric(1 / mean)), _EPISODE_MOST))

    for person in range(n_persons):
        if rng.random() < _FLIPPED:
            names, frames = _SIDES[rng.integers(len(_SIDES))], draw_frames(3.0)
            swapped = np.array([joint.split("_")[-1] in names for joint in POSETRACK_17.joints])
            order = np.where(swapped, POSETRACK_17.flip_order, np.arange(JOINTS))
            for values in of_joints:
                values[frames, person] = values[frames, person][:, order]
        if rng.random() < _SLIPPED:
            joint, frames = rng.integers(JOINTS), draw_frames(2.0)
            height = np.nan_to_num(boxes[frames, person, 3] - boxes[frames, person, 1])
            of_joints[0][frames, person, joint] += _SLIP * height[:, None] * rng.normal(size=2)
        if rng.random() < _LOST:
            present[draw_frames(6.0), person] = False
    if n_persons > 1 and rng.random() < _EXCHANGED:
        pair, frames = rng.choice(n_persons, 2, replace=False), draw_frames(4.0)
        present[frames, pair] = present[frames, pair[::-1]]
        for values in (*of_joints, boxes):
            values[frames, pair] = values[frames, pair[::-1]]
    keypoints, scores, refinement_px = of_joints
    return replace(
        sequence,
        present=present,
        keypoints=keypoints,
        scores=scores,
        refinement_px=refinement_px,
        boxes_xyxy=boxes,
        known=sequence.known & present[..., None],
    )


def _answered(
    evidence: Mapping[tuple[int, int], Evidence],
    estimator: PoseEstimator,
    *,
    times_s: FloatArray,
    size_px: tuple[int, int],
    boxes_xyxy: FloatArray,
    truth: FloatArray,
    known: BoolArray,
) -> AnsweredSequence:
    """evidence: by (frame, person); the key frame's stands in where a neighbour has none."""
    windows = []
    border = estimator.border_margin
    for (frame, person), current in evidence.items():
        previous, following = evidence.get((frame - 1, person)), evidence.get((frame + 1, person))
        margin = (border if previous is None else 1, border if following is None else 1)
        windows.append(WindowEvidence(current, previous or current, following or current, margin))
    estimates = estimator.estimate(windows)
    assert estimates.refinement_px is not None
    present = np.zeros(truth.shape[:2], np.bool_)
    keypoints = np.zeros(truth.shape)
    scores, refinement_px = np.zeros(truth.shape[:3]), np.zeros(truth.shape[:3])
    at = tuple(np.array(list(evidence), np.int64).reshape(-1, 2).T)
    present[at], keypoints[at], scores[at] = True, estimates.keypoints, estimates.scores
    refinement_px[at] = estimates.refinement_px
    return AnsweredSequence(
        times_s=times_s,
        size_px=size_px,
        present=present,
        keypoints=keypoints,
        scores=scores,
        refinement_px=refinement_px,
        boxes_xyxy=boxes_xyxy,
        truth=truth,
        known=known & present[..., None],
    )


#: What happens to a person's picture: degradations, their strength and seed.
_Spoil = tuple[tuple[str, ...], float, int]


def _draw_spoils(n_frames: int, n_persons: int, rng: np.random.Generator) -> dict[tuple[int, int], _Spoil]:
    kinds, shares = list(MIXTURE), np.array(list(MIXTURE.values()))
    spoils: dict[tuple[int, int], _Spoil] = {}
    for person in range(n_persons):
        wanted = rng.uniform(*_SPOILED_SHARE) * n_frames
        while wanted > 0:
            length = min(1 + int(rng.geometric(1 / _EPISODE_MEAN)), _EPISODE_MOST)
            first = int(rng.integers(n_frames))
            kind = kinds[rng.choice(len(kinds), p=shares / shares.sum())]
            strength = rng.uniform(*(_STRENGTH if len(kind) == 1 else _STRENGTH_OF_TWO))
            for frame in range(first, min(first + length, n_frames)):
                spoils[frame, person] = (kind, strength, int(rng.integers(1 << 30)))
            wanted -= length
    return spoils


def _spoiled(frame: Frame, before: Frame | None, truth: PersonTruth, spoil: _Spoil | None) -> ImageArray:
    if spoil is None:
        return frame.image
    kind, strength, seed = spoil
    if kind == FROZEN:
        return frame.image if before is None else before.image
    image = frame.image
    joints = np.where(truth.known[:, None], truth.joints, truth.measured)
    for name in kind:
        image = degrade(
            name,
            image,
            np.random.default_rng(seed),
            box_xyxy=truth.box_xyxy,
            keypoints=joints,
            strength=strength,
        )
    return image
