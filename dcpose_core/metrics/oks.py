"""Average precision by object keypoint similarity (OKS), as in the COCO keypoint evaluation, on PoseTrack's 15 joints.

OKS of a prediction and an annotated person of area A: the mean over his annotated joints of
exp(-d^2 / (2 A (2 sigma)^2)), d the distance in pixels and sigma the joint's fall-off. The evaluation itself is
faster-coco-eval's; this module feeds it the frames, persons and joints that the PoseTrack evaluation scores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster

from dcpose_core.errors import FormatError
from dcpose_core.metrics.pairing import pair_sequences
from dcpose_core.metrics.scored_frames import (
    JOINT_COUNT,
    ScoredFrame,
    ScoredPersons,
    ScoredSequence,
    scored_sequences,
)
from dcpose_core.skeletons import POSETRACK_15
from dcpose_core.types import PoseSequence

#: Where a joint that was not predicted is put: too far off to resemble any annotation.
_NOWHERE_PX = -1e6


@dataclass(frozen=True, slots=True)
class OksResult:
    """Percentages: mean AP over OKS 0.50, 0.55, ... 0.95, AP at 0.50 and at 0.75, and mean recall over the same.

    At most 20 predictions per frame count, those with the highest person scores. NaN if nobody is annotated.
    """

    ap: float
    ap50: float
    ap75: float
    ar: float


def oks_average_precision(ground_truth: Sequence[PoseSequence], predictions: Sequence[PoseSequence]) -> OksResult:
    """Score predictions against ground truth; sequences are paired as in `poseval`, which also says what it raises."""
    pairs, unused = pair_sequences(ground_truth, predictions)
    if unused:
        raise FormatError(f"no ground truth for sequence {', '.join(unused)}")
    return oks_of(scored_sequences(pairs))


def oks_of(sequences: Sequence[ScoredSequence]) -> OksResult:
    """As `oks_average_precision`, of sequences that are already paired and cleaned up.

    A person is as large as his box, or as the box of his joints where the file has none; an annotated person with
    neither (a single joint) is ignored: matching him is neither right nor wrong.
    """
    frames = [frame for sequence in sequences for frame in sequence.frames]
    truth = COCO(
        {
            "info": {},
            "images": [{"id": image_id} for image_id in range(len(frames))],
            "annotations": _annotations(frames),
            "categories": [{"id": 1, "name": "person"}],
        }
    )
    evaluation = COCOeval_faster(
        truth, truth.loadRes(_detections(frames)), "keypoints", kpt_oks_sigmas=list(POSETRACK_15.oks_sigmas)
    )
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    stats = evaluation.stats_as_dict
    ap, ap50, ap75, ar = (
        100 * float(stats[key]) if stats[key] >= 0 else float("nan") for key in ("AP_all", "AP_50", "AP_75", "AR_all")
    )
    return OksResult(ap=ap, ap50=ap50, ap75=ap75, ar=ar)


def _annotations(frames: Sequence[ScoredFrame]) -> list[dict[str, Any]]:
    annotations: list[dict[str, Any]] = []
    for image_id, frame in enumerate(frames):
        areas = frame.annotated.areas_px2.tolist()
        counts = frame.annotated.located.sum(axis=1).tolist()
        for pose, area, count in zip(_poses(image_id, frame.annotated), areas, counts, strict=True):
            size = {"area": area, "iscrowd": int(area == 0), "num_keypoints": count}
            annotations.append({"id": len(annotations) + 1, **pose, **size})
    return annotations


def _detections(frames: Sequence[ScoredFrame]) -> list[dict[str, Any]]:
    detections = []
    for image_id, frame in enumerate(frames):
        persons = frame.predicted.select(frame.predicted.have_joints)
        for pose, score in zip(_poses(image_id, persons), persons.scores.tolist(), strict=True):
            detections.append({**pose, "score": score})
    return detections


def _poses(image_id: int, persons: ScoredPersons) -> Iterator[dict[str, Any]]:
    """Keypoints and their extent as COCO lists, one dict per person."""
    located = persons.located[:, :, None]
    points = np.where(located, persons.points, _NOWHERE_PX)
    keypoints = np.concatenate([points, np.where(located, 2.0, 0.0)], axis=2).reshape(len(persons), 3 * JOINT_COUNT)
    low = np.where(located, persons.points, np.inf).min(axis=1)
    high = np.where(located, persons.points, -np.inf).max(axis=1)
    boxes_xywh = np.where(np.isfinite(low[:, [0, 1, 0, 1]]), np.concatenate([low, high - low], axis=1), 0.0)
    for values, box in zip(keypoints.tolist(), boxes_xywh.tolist(), strict=True):
        yield {"image_id": image_id, "category_id": 1, "keypoints": values, "bbox": box}
