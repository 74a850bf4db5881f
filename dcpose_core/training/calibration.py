"""What the joint score of a trained head means: fitted on samples whose truth is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dcpose_core.detectors import Detector
from dcpose_core.errors import TrainingError
from dcpose_core.estimation import CropRequest, PoseEstimator
from dcpose_core.geometry import iou
from dcpose_core.head_sizes import HEAD_SIZE_OF_LENGTH, head_size_of
from dcpose_core.heatmaps import CELL_PX, decode
from dcpose_core.models.backbones.base import JOINTS
from dcpose_core.models.description import DecodeRule
from dcpose_core.models.joint_score import READINGS, JointScore, fit_joint_score, read_maps, two_peaks
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.training.samples import HeatmapTriple, TripleDataset
from dcpose_core.types import FloatArray, PersonPose, Visibility
from dcpose_core.video import FrameSource

_TRIES = 20
#: A joint is right within this many head lengths.
RIGHT_HEAD_LENGTHS = 0.2


class Readings(NamedTuple):
    """What the score is fitted to, at the two peaks of each joint's map.

    values: float64 `[N, 17, 2, R]` of `read_maps`. correct, known: bool `[N, 17, 2]`; not known where there is no peak.
    """

    values: FloatArray
    correct: NDArray[np.bool_]
    known: NDArray[np.bool_]


def read_samples(temporal: nn.Module, samples: TripleDataset, *, rule: DecodeRule, seed: int = 0) -> Readings:
    """The readings of a head on heatmap triples, and where it was right.

    temporal: in eval mode. rule: how refined maps are decoded. seed: of the samples, where they are drawn. Samples
    whose head length is unknown are left out.
    Raises `TrainingError` if none are left.
    """
    rows = list(_rows(temporal, samples, rule=rule, seed=seed))
    if not rows:
        raise TrainingError("no sample has enough joints to tell how long the head is: the score cannot be fitted")
    values, correct, known = (np.stack(column) for column in zip(*rows, strict=True))
    return Readings(values, correct, known)


def read_backgrounds(source: FrameSource, model: PoseModel, detector: Detector, *, count: int, seed: int) -> Readings:
    """The readings where nobody is: boxes in frames of a video that no detection touches; all joints are wrong there.

    A head that has only seen persons makes confident peaks of the faintest noise, so the score has to know better.
    count: boxes at most.
    """
    rng = np.random.default_rng(seed)
    estimator = PoseEstimator(model, device=torch.device("cpu"), batch_size=8, temporal=True, announce=lambda _: None)
    assert model.temporal is not None
    values, known = [], []
    with closing(estimator):
        for index in np.sort(rng.choice(np.arange(1, len(source) - 1), min(count, len(source) - 2), replace=False)):
            frames = [source.read(int(i)) for i in (index - 1, index, index + 1)]
            taken = np.array([found.box_xyxy for found in detector.detect(frames[1].image)]).reshape(-1, 4)
            box_xyxy = _empty_box(source.width_px, source.height_px, taken, rng)
            if box_xyxy is None:
                continue
            matrix = estimator.crop_matrix(box_xyxy)
            looks = estimator.evidence([CropRequest(frame.image, matrix) for frame in frames])
            previous, current, following = (look.heatmaps[None] for look in looks)
            with torch.inference_mode():
                refined = model.temporal(current, previous, following, torch.ones(1, 2, dtype=torch.int64)).float()
                peaks = two_peaks(refined)
                values.append(read_maps(peaks, current, previous, following)[0].double().numpy())
                known.append((peaks.heights[0] > 0).numpy())
    if not known:
        shape = (0, JOINTS, 2)
        return Readings(np.zeros((*shape, len(READINGS))), np.zeros(shape, np.bool_), np.zeros(shape, np.bool_))
    return Readings(np.stack(values), np.zeros_like(known), np.stack(known))


def _empty_box(width_px: int, height_px: int, taken: FloatArray, rng: np.random.Generator) -> FloatArray | None:
    """A box of a person's shape that touches none of the boxes `taken`, or None if there is no room."""
    for _ in range(_TRIES):
        height = height_px * rng.uniform(0.15, 0.6)
        width = height * rng.uniform(0.3, 0.8)
        x, y = rng.uniform(0, max(width_px - width, 1)), rng.uniform(0, max(height_px - height, 1))
        box_xyxy = np.array([x, y, x + width, y + height])
        if iou(box_xyxy[None], taken).max(initial=0.0) == 0.0:
            return box_xyxy
    return None


def fit_score(readings: Readings) -> JointScore:
    """The joint score that these readings speak for; see `fit_joint_score`."""
    return fit_joint_score(readings.values, readings.correct, readings.known)


def _rows(
    temporal: nn.Module, samples: TripleDataset, *, rule: DecodeRule, seed: int
) -> Iterator[tuple[FloatArray, NDArray[np.bool_], NDArray[np.bool_]]]:
    for index in range(len(samples)):
        sample = samples.sample(index, epoch=0, seed=seed)
        if not isinstance(sample, HeatmapTriple):
            raise TrainingError("the score is fitted on heatmap triples, not on images")
        head_length_px = _head_length_px(sample)
        if head_length_px is None:
            continue
        previous, current, following = (maps[None].float() for maps in sample.heatmaps)
        with torch.inference_mode():
            refined = temporal(current, previous, following, torch.tensor([sample.margin])).float()
            peaks = two_peaks(refined)
            values = read_maps(peaks, current, previous, following)[0].double().numpy()
            positions = torch.stack([decode(refined, rule=rule, cells=cells)[0] for cells in peaks.cells.unbind(2)], 2)
        distances = np.linalg.norm(positions[0].double().numpy() * CELL_PX - sample.joints[:, None], axis=-1)
        known = (sample.weights > 0)[:, None] & (peaks.heights[0] > 0).numpy()
        yield values, distances <= RIGHT_HEAD_LENGTHS * head_length_px, known


def _head_length_px(sample: HeatmapTriple) -> float | None:
    """Length of the head in the crop, as far as the known joints tell."""
    visibility = np.where(sample.weights > 0, Visibility.VISIBLE, Visibility.ABSENT).astype(np.uint8)
    size = head_size_of(PersonPose(sample.joints, visibility))
    return None if size is None else size[0] / HEAD_SIZE_OF_LENGTH
