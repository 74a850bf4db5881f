"""Measure what the backbone says about joints, in good frames and in spoiled ones, for `dcpose_core.synthesis`.

    python packaging/models/measure_heatmaps.py CLIP [CLIP ...] -o dcpose_core/synthesis/heatmap_levels.json

The published table is that of sports2d_demo.mp4, pose2sim_multi_cam02.mp4, pose2sim_multi_cam04.mp4 (BSD-3-Clause, in
the PyPI packages sports2d==0.8.34 and pose2sim==0.10.49) and intel_asl_walk.mkv (CC-BY-4.0, Intel's sample videos).

Persons whose joints three views of a good frame agree on are looked at again with the degradations of
`dcpose_core.degradations`, each the same on previous, key and next frame. What is recorded are the network's raw
heatmaps around and away from where a joint is known to be, and how far its regression is off: of these two
`MoveNetThunder` makes the heatmaps of a person.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from dcpose_core.boxes import POSETRACK_ENLARGEMENT
from dcpose_core.degradations import DEGRADATIONS, degrade
from dcpose_core.detectors import MultiPoseDetector
from dcpose_core.files import write_files
from dcpose_core.geometry import crop_affine, invert_affine, iou, normalise, transform_points, warp_crop
from dcpose_core.heatmaps import CELL_PX
from dcpose_core.models.backbones.movenet import (
    PEAK_SHIFT_CELLS,
    MoveNetHeads,
    MoveNetThunder,
    regressed_joints,
    weight_to_own_person,
)
from dcpose_core.models.catalogue import load_model
from dcpose_core.skeletons import COCO_17, POSETRACK_17, joint_selection
from dcpose_core.synthesis.fitting import Observation, StrayPlace, fit_levels
from dcpose_core.synthesis.levels import AWAY_CELLS, CLEAN, JOINTS, LINKED, OPPOSITE
from dcpose_core.types import FloatArray, ImageArray
from dcpose_core.video import FrameSource, open_frames

#: Channels of the network's own maps for the 15 joints.
CHANNELS = joint_selection(COCO_17, POSETRACK_17)[JOINTS]

#: Persons looked at in each clip, and the degradations that each is looked at with.
_PERSONS_PER_CLIP = 16
_KINDS_PER_PERSON = 4
_GAPS = (1, 2, 4)
_STRENGTHS = (0.25, 1.25)
_MIN_HEIGHT_PX = 120.0
_MIN_DETECTION = 0.5
_MAX_IOU = 0.15
#: A joint is known where the views agree: mean height at least, and distance at most, as a share of the person.
_KNOWN_HEIGHT = 0.12
_KNOWN_DISTANCE = 0.03
#: (enlargement of the crop, mirrored)
_VIEWS = ((1.0, False), (1.0, True), (1.14, False))

#: How far a peak may lie from its joint, from the opposite one if these are apart.
_OWN_CELLS, _RIVAL_CELLS, _APART_CELLS = 5.0, 3.5, 9.0
_AT_JOINT_CELLS = 5.0


class Subject(NamedTuple):
    """One person in three frames.

    images: previous, key, next. box_xyxy: `[4]`, of the key frame. truth: `[3, 15, 2]`, image pixels.
    known: `[3, 15]`. gaps_s: seconds to the neighbours.
    """

    images: list[ImageArray]
    box_xyxy: FloatArray
    truth: FloatArray
    known: NDArray[np.bool_]
    gaps_s: FloatArray


class Network:
    """The embedded backbone on crops of one box."""

    def __init__(self) -> None:
        model = load_model("movenet_thunder")
        if not isinstance(model.backbone, MoveNetThunder):
            raise TypeError("the embedded model is not MoveNet Thunder")
        self._backbone, self._spec = model.backbone, model.description.crop

    def matrix(self, box_xyxy: FloatArray, enlargement: float = 1.0) -> FloatArray:
        spec = self._spec
        return crop_affine(
            box_xyxy,
            width_px=spec.width_px,
            height_px=spec.height_px,
            enlargement=spec.enlargement * enlargement,
        )

    def heads(self, images: Sequence[ImageArray], matrix: FloatArray, *, mirrored: bool = False) -> MoveNetHeads:
        """Raw heads of the crops of `images`, or of their mirror images."""
        spec = self._spec
        crops = [warp_crop(image, matrix, width_px=spec.width_px, height_px=spec.height_px) for image in images]
        batch = np.stack([crop[:, ::-1] for crop in crops] if mirrored else crops)
        with torch.inference_mode():
            return self._backbone.raw_heads(normalise(batch, mean=spec.mean, std=spec.std))

    def joints(
        self, images: Sequence[ImageArray], box_xyxy: FloatArray, *, enlargement: float, mirrored: bool
    ) -> tuple[FloatArray, FloatArray]:
        """What one view says: positions `[N, 15, 2]`, image pixels, and heights `[N, 15]` of the 15 joints."""
        matrix = self.matrix(box_xyxy, enlargement)
        heads = self.heads(images, matrix, mirrored=mirrored)
        maps = weight_to_own_person(heads).flatten(2)
        width = heads.centre.shape[-1]
        at = maps.argmax(dim=2)  # [N, 17]
        offsets = heads.keypoint_offset.reshape(len(images), -1, 2, maps.shape[2]).flip(2)  # [N, 17, 2, hw] (x, y)
        offset = offsets.gather(3, at[:, :, None, None].expand(-1, -1, 2, 1))[..., 0]
        positions = ((torch.stack([at % width, at // width], dim=-1) + offset) * CELL_PX).double().numpy()
        heights = maps.gather(2, at[..., None])[..., 0].double().numpy()
        if mirrored:
            positions[..., 0] = self._spec.width_px - 1 - positions[..., 0]
            positions, heights = positions[:, COCO_17.flip_order], heights[:, COCO_17.flip_order]
        return transform_points(positions, invert_affine(matrix))[:, CHANNELS], heights[:, CHANNELS]


def subjects(source: FrameSource, network: Network, rng: np.random.Generator) -> Iterator[Subject]:
    """Persons of a clip who stand alone in their crop, evenly over the clip."""
    detector = MultiPoseDetector(device=torch.device("cpu"), threads=1)
    reach = max(_GAPS)
    found = 0
    for index in np.linspace(reach, len(source) - 1 - reach, _PERSONS_PER_CLIP, dtype=int):
        key = source.read(int(index)).image
        detections = detector.detect(key)
        boxes = np.array([detection.box_xyxy for detection in detections]).reshape(-1, 4)
        alone = (iou(boxes, boxes) > _MAX_IOU).sum(axis=1) == 1
        for detection, box, is_alone in zip(detections, boxes, alone, strict=True):
            if (
                found < _PERSONS_PER_CLIP
                and is_alone
                and detection.score > _MIN_DETECTION
                and box[3] - box[1] > _MIN_HEIGHT_PX
            ):
                before, after = (int(gap) for gap in rng.choice(_GAPS, size=2))
                images = [source.read(int(index) - before).image, key, source.read(int(index) + after).image]
                subject = _known_joints(images, box, np.array([before, after]) / source.frame_rate, network)
                if subject is not None:
                    found += 1
                    yield subject


def _known_joints(images: list[ImageArray], box: FloatArray, gaps_s: FloatArray, network: Network) -> Subject | None:
    """The person of a box with the joints that all views agree on; None where those are too few for a box."""
    positions, heights = zip(
        *(network.joints(images, box, enlargement=enlargement, mirrored=mirrored) for enlargement, mirrored in _VIEWS),
        strict=True,
    )
    views = np.array(positions)  # [views, 3, 15, 2]
    truth = views.mean(axis=0)
    size = float(np.max(box[2:] - box[:2])) / POSETRACK_ENLARGEMENT
    spread = np.linalg.norm(views - truth, axis=-1).max(axis=0) / size
    known = (np.array(heights).mean(axis=0) > _KNOWN_HEIGHT) & (spread < _KNOWN_DISTANCE)
    if known[1].sum() < 10:
        return None
    return Subject(images, box, truth, known, gaps_s)


def observe(subject: Subject, kind: str, images: list[ImageArray], network: Network) -> Observation:
    """Look at one person in three frames, of which `images` are versions."""
    matrix = network.matrix(subject.box_xyxy)
    heads = network.heads(images, matrix)
    maps = heads.keypoint_heatmap[:, CHANNELS].double().numpy()  # [3, 15, h, w]
    truth = transform_points(subject.truth, matrix) / CELL_PX - PEAK_SHIFT_CELLS  # [3, 15, 2]
    columns, rows = np.meshgrid(np.arange(maps.shape[3]), np.arange(maps.shape[2]))
    distance = np.hypot(columns - truth[..., 0, None, None], rows - truth[..., 1, None, None])  # [3, 15, h, w]
    to_opposite = distance[:, OPPOSITE]
    has_opposite = (np.arange(len(JOINTS)) != OPPOSITE) & subject.known[:, OPPOSITE]

    height, peak = _highest(maps, distance < _OWN_CELLS)
    width, aspect = _shape_of_peaks(maps, peak, height)
    rival, _ = _highest(maps, to_opposite < _RIVAL_CELLS)
    is_apart = has_opposite & (np.linalg.norm(truth - truth[:, OPPOSITE], axis=-1) > _APART_CELLS)
    away = (distance > AWAY_CELLS) & ((to_opposite > AWAY_CELLS) | ~has_opposite[..., None, None])
    stray, stray_at = _highest(maps, away)
    regressed = regressed_joints(heads)[:, CHANNELS].flip(2).double().numpy()  # (x, y)
    answer_height, answer_at = _highest(weight_to_own_person(heads)[:, CHANNELS].double().numpy(), np.ones_like(away))
    error, reach = peak - truth, regressed - truth
    traits = {
        "height": height,
        "width": width,
        "aspect": aspect,
        "error": np.linalg.norm(error, axis=-1),
        "rival": np.where(is_apart, rival, np.nan),
        "stray": stray,
        "ground": np.nanmedian(np.where(away, maps, np.nan), axis=(2, 3)),
        "reach": np.linalg.norm(reach, axis=-1),
    }
    return Observation(
        kind=kind,
        traits={trait: np.where(subject.known, values, np.nan) for trait, values in traits.items()},
        error=error,
        reach=reach,
        covered=_covered(subject, images),
        stray_place=_place_of_strays(stray_at, regressed, truth, subject.known),
        answer_error=np.where(subject.known, np.linalg.norm(answer_at - truth, axis=-1), np.nan),
        answer_height=np.where(subject.known, answer_height, np.nan),
        gaps_s=subject.gaps_s,
    )


def _highest(maps: FloatArray, where: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Height `[3, 15]` and cell `[3, 15, 2]` of the highest value of each map where it is asked for."""
    flat = np.where(where, maps, 0.0).reshape(*maps.shape[:2], -1)
    at = flat.argmax(axis=2)
    return flat.max(axis=2), np.stack([at % maps.shape[3], at // maps.shape[3]], axis=-1).astype(np.float64)


def _shape_of_peaks(maps: FloatArray, peaks: FloatArray, heights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Sigma (geometric mean) and aspect, `[3, 15]`, of the part of each peak that is above 0.3 of its height.

    The covariance of max(g - 0.3, 0) is 0.358 of that of a Gaussian g of height 1.
    """
    columns, rows = np.meshgrid(np.arange(maps.shape[3]), np.arange(maps.shape[2]))
    dx, dy = columns - peaks[..., 0, None, None], rows - peaks[..., 1, None, None]
    part = np.where(np.hypot(dx, dy) < 2 * _OWN_CELLS, np.clip(maps - 0.3 * heights[..., None, None], 0, None), 0.0)
    total = np.maximum(part.sum(axis=(2, 3)), 1e-12)

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray((part * values).sum(axis=(2, 3)) / total)

    x, y = mean(dx), mean(dy)
    xx, yy, xy = mean(dx * dx) - x * x, mean(dy * dy) - y * y, mean(dx * dy) - x * y
    covariance = np.stack([np.stack([xx, xy], axis=-1), np.stack([xy, yy], axis=-1)], axis=-2)
    variances = np.maximum(np.linalg.eigvalsh(covariance) / 0.358, 0.1)  # [3, 15, 2]
    return np.sqrt(np.sqrt(variances.prod(axis=-1))), np.sqrt(variances[..., 1] / variances[..., 0])


def _covered(subject: Subject, images: list[ImageArray]) -> NDArray[np.bool_]:
    """`[3, 15]`: whether the picture around a joint is another one than before."""
    size = float(np.max(subject.box_xyxy[2:] - subject.box_xyxy[:2]))
    reach = max(2, round(0.012 * size))
    covered = np.zeros(subject.known.shape, dtype=bool)
    for frame, joint in np.ndindex(covered.shape):
        x, y = np.maximum(np.round(subject.truth[frame, joint]).astype(int), 0)
        patch = np.s_[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        change = np.abs(subject.images[frame][patch].astype(int) - images[frame][patch])
        covered[frame, joint] = change.size > 0 and np.mean(change.max(axis=-1) > 8) > 0.7
    return covered


def _place_of_strays(
    stray_at: FloatArray, regressed: FloatArray, truth: FloatArray, known: NDArray[np.bool_]
) -> FloatArray:
    """`[3, 15]`: `StrayPlace` of each map's highest peak elsewhere, nan where the joint is not known."""
    distance = np.linalg.norm(stray_at[:, :, None] - truth[:, None], axis=-1)  # [3, 15 maps, 15 joints]
    near = (distance < _AT_JOINT_CELLS) & known[:, None]
    linked = np.zeros((len(JOINTS), len(JOINTS)), dtype=bool)
    for joint, others in enumerate(LINKED):
        linked[joint, list(others)] = True
    place = np.where(near.any(axis=2), StrayPlace.BODY, StrayPlace.ELSEWHERE)
    place = np.where((near & linked).any(axis=2), StrayPlace.LINKED, place)
    at_regressed = np.linalg.norm(stray_at - regressed, axis=-1) < _AT_JOINT_CELLS
    return np.where(known, np.where(at_regressed, StrayPlace.REGRESSED, place), np.nan)


def observe_clip(clip: Path, network: Network, rng: np.random.Generator) -> Iterator[Observation]:
    """All observations of a clip: every person in the good frames and with some of the degradations."""
    with open_frames(clip) as source:
        for subject in subjects(source, network, rng):
            yield observe(subject, CLEAN, subject.images, network)
            keypoints = np.full((len(POSETRACK_17), 2), np.nan)
            keypoints[JOINTS] = subject.truth[1]
            for kind in rng.permutation(list(DEGRADATIONS))[:_KINDS_PER_PERSON]:
                seed, strength = int(rng.integers(1 << 31)), float(rng.uniform(*_STRENGTHS))
                images = [
                    degrade(
                        str(kind),
                        image,
                        np.random.default_rng(seed),
                        box_xyxy=subject.box_xyxy,
                        keypoints=keypoints,
                        strength=strength,
                    )
                    for image in subject.images
                ]
                yield observe(subject, str(kind), images, network)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="LEVELS.json")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    network, rng = Network(), np.random.default_rng(arguments.seed)
    observations: list[Observation] = []
    for clip in arguments.clips:
        before = len(observations)
        observations += observe_clip(clip, network, rng)
        print(f"{clip.name}: {len(observations) - before} looks at three frames")
    source = f"{len(observations)} looks at three frames of {', '.join(clip.name for clip in arguments.clips)}"
    levels = fit_levels(observations, source=source)
    write_files({arguments.output: msgspec.json.encode(levels) + b"\n"})


if __name__ == "__main__":
    main()
