"""What propagators are calibrated on: persons in real clips with pseudo truth, half spoiled, and captured motion.

A spoiled person is hidden, blurred or darkened over stretches of frames (`dcpose_core.degradations`), so that the model
is wrong where the truth of the clean frames is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dcpose_core.degradations import DEGRADATIONS, degrade
from dcpose_core.errors import VideoError
from dcpose_core.estimation import CropRequest, Estimates, Evidence, PoseEstimator, WindowEvidence
from dcpose_core.files import replacing
from dcpose_core.neighbours import choose_neighbours
from dcpose_core.propagation.human_frames import head_length_px
from dcpose_core.propagation.proposals import JOINTS, Footage, PersonTrack, TrackPose
from dcpose_core.synthesis.motion import Motion
from dcpose_core.synthesis.scenes import draw_scene
from dcpose_core.training.pseudo_truth import PersonTruth
from dcpose_core.types import FloatArray, ImageArray, IntArray
from dcpose_core.video import open_frames

#: Head lengths by which a person misses the joint that it sets, root mean square.
_HAND_NOISE = 0.02
_MIN_FRAMES = 25
_MIN_KNOWN = 0.3
_SYNTHETIC_FRAMES, _SYNTHETIC_RATE_HZ = 60, 30.0
_KEPT_IMAGES, _KEPT_EVIDENCE = 40, 150


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """One person over T frames: the truth, and what the model says.

    frames: `[T]`. joints, answers: `[T, 17, 2]`, image pixels, truth and the model's. known: bool `[T, 17]`, where the
    truth is. scores: `[T, 17]`. boxes: `[T, 4]`, or None for captured motion, which has no images either.
    """

    name: str
    frames: IntArray
    joints: FloatArray
    known: NDArray[np.bool_]
    answers: FloatArray
    scores: FloatArray
    footage: Footage
    boxes: FloatArray | None

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
                box_xyxy=None if self.boxes is None else self.boxes[row],
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


class Unseen:
    """The footage of captured motion: there is none."""

    n_frames = 0

    def image(self, frame: int) -> ImageArray:
        raise VideoError(f"frame {frame} of captured motion has no image")

    def evidence(self, frame: int, box_xyxy: FloatArray) -> Evidence:
        raise VideoError(f"frame {frame} of captured motion has no image to look at in {box_xyxy}")

    def estimate(self, windows: Sequence[WindowEvidence]) -> Estimates:
        raise VideoError(f"captured motion has no images: {len(windows)} windows")


class SpoiledFootage:
    """Images in memory in which one person is spoiled.

    boxes, keypoints: by frame, where the person is. spoils: (degradation, seed) by frame.
    """

    def __init__(
        self,
        images: Sequence[ImageArray],
        model: PoseEstimator,
        *,
        boxes: Mapping[int, FloatArray],
        keypoints: Mapping[int, FloatArray],
        spoils: Mapping[int, tuple[str, int]],
    ) -> None:
        self._images, self._model = images, model
        self._boxes, self._keypoints, self._spoils = boxes, keypoints, spoils
        self._spoiled: dict[int, ImageArray] = {}
        self._evidence: dict[tuple[int, bytes], Evidence] = {}

    @property
    def n_frames(self) -> int:
        return len(self._images)

    def image(self, frame: int) -> ImageArray:
        if frame not in self._spoils:
            return self._images[frame]
        if frame not in self._spoiled:
            kind, seed = self._spoils[frame]
            self._spoiled[frame] = degrade(
                kind,
                self._images[frame],
                np.random.default_rng(seed),
                box_xyxy=self._boxes[frame],
                keypoints=self._keypoints[frame],
            )
            _forget_oldest(self._spoiled, _KEPT_IMAGES)
        return self._spoiled[frame]

    def evidence(self, frame: int, box_xyxy: FloatArray) -> Evidence:
        key = frame, box_xyxy.tobytes()
        if key not in self._evidence:
            request = CropRequest(self.image(frame), self._model.crop_matrix(box_xyxy))
            (self._evidence[key],) = self._model.evidence([request])
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


def real_worlds(clip: Path, truth: Path, model: PoseEstimator, *, seed: int) -> Iterator[World]:
    """The persons of a clip who are in view for long and mostly known, spoiled on about half of the frames.

    truth: file of `save_truth`. The model's answers are kept beside it, since they take a backbone pass a frame.
    """
    with open_frames(clip) as source:
        images = [frame.image for frame in source.frames()]
    with np.load(truth) as stored:
        columns = dict(stored)
    for track_id in np.unique(columns["tracks"]).tolist():
        frames, boxes, measured, joints, known = (
            columns[name][columns["tracks"] == track_id] for name in ("frames", "boxes", "measured", "joints", "known")
        )
        if len(frames) < _MIN_FRAMES or known.mean() < _MIN_KNOWN:
            continue
        footage = SpoiledFootage(
            images,
            model,
            boxes=dict(zip(frames.tolist(), boxes, strict=True)),
            keypoints=dict(zip(frames.tolist(), measured, strict=True)),
            spoils=draw_spoils(frames, np.random.default_rng((seed, track_id))),
        )
        name = f"{clip.stem}, person {track_id}"
        answers, scores = _answers(footage, frames, boxes, truth.with_name(f"{name}, seed {seed}.npz"))
        yield World(name, frames, joints, known, answers, scores, footage, boxes)


def draw_spoils(frames: IntArray, rng: np.random.Generator) -> dict[int, tuple[str, int]]:
    """Stretches of 5 to 21 frames, each spoiled by one thing that moves with the person: (name, seed) by frame."""
    spoils: dict[int, tuple[str, int]] = {}
    at = int(rng.integers(0, 14))
    while at < len(frames):
        length, kind, seed = int(rng.integers(5, 22)), str(rng.choice(list(DEGRADATIONS))), int(rng.integers(1 << 30))
        spoils |= {int(frame): (kind, seed) for frame in frames[at : at + length]}
        at += length + int(rng.integers(4, 22))
    return spoils


def synthetic_worlds(motions: Sequence[Motion], *, count: int, seed: int) -> Iterator[World]:
    """Captured motion as a camera sees it; the model, which has no part in it, is always right."""
    times_s = np.arange(_SYNTHETIC_FRAMES) / _SYNTHETIC_RATE_HZ
    long = [motion for motion in motions if motion.duration_s >= times_s[-1]]
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        scene = draw_scene(long, times_s, rng, key=_SYNTHETIC_FRAMES // 2, n_persons=1, whole=True)
        joints = scene.joints_px[:, 0]
        every = np.ones(joints.shape[:2], np.bool_)
        frames = np.arange(_SYNTHETIC_FRAMES)
        yield World("captured motion", frames, joints, every, joints, every.astype(np.float64), Unseen(), None)


def _answers(footage: Footage, frames: IntArray, boxes: FloatArray, file: Path) -> tuple[FloatArray, FloatArray]:
    """What the model says on all frames of a person, each looked at in its own box, kept in a file."""
    if not file.exists():
        keypoints, scores = [], []
        for row, frame in enumerate(frames.tolist()):
            around = choose_neighbours(row, len(frames), interval=1)
            rows = (row, around.previous, around.next)
            current, previous, following = (footage.evidence(int(frames[i]), boxes[i]) for i in rows)
            margin = (frame - int(frames[around.previous]) or 1, int(frames[around.next]) - frame or 1)
            estimates = footage.estimate([WindowEvidence(current, previous, following, margin)])
            keypoints.append(estimates.keypoints[0])
            scores.append(estimates.scores[0])
        with replacing(file) as temporary, temporary.open("wb") as stream:
            np.savez(stream, keypoints=np.stack(keypoints), scores=np.stack(scores))
    with np.load(file) as stored:
        return stored["keypoints"], stored["scores"]


def _forget_oldest(kept: dict[Any, Any], count: int) -> None:
    while len(kept) > count:
        kept.pop(next(iter(kept)))
