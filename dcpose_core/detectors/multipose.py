"""MoveNet MultiPose, read at its heads: a person is a peak of the centre heatmap.

The published network reports six persons at most; its heads hold everyone in view.

Why two scales: of 211 people in 36 frames of a car park (768 x 576, median height 81 px) one pass at 384 found 0.90
with a precision of 0.96, and 0.82 of those under 75 px; 512 found 0.97 with 0.98, and 0.99 of the small ones, but
missed people as high as the image, whom 256 finds. Adding 2 x 2 tiles found 0.99, with a precision of 0.82 and at 4.7
times the cost. CPU time of an image on one thread: 384: 41 ms, 512: 74, 256 and 512: 94, with tiles: 440.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Self

import cv2
import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from dcpose_core.boxes import MULTIPOSE_BOXES, to_convention
from dcpose_core.detectors.suppression import suppress
from dcpose_core.detectors.views import View, views_of
from dcpose_core.errors import DeviceError
from dcpose_core.head_joints import posetrack_from_coco
from dcpose_core.types import Detection, FloatArray, ImageArray

# Input pixels per heatmap cell, and what height and width of the input have to be multiples of.
_CELL_PX = 4
_SIZE_MULTIPLE_PX = 32
# Spread of the weight around a regressed joint, over the smaller side of the heatmap; the published graph's.
_JOINT_REACH = 0.3

Map = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Heads:
    """The network's outputs for one view, in heatmap cells; pairs are (y, x) and joints COCO-17.

    peaks: `[h, w]` centre heatmap, 0..1, zero where a cell within 2 is higher. box_size, box_offset: `[2, h, w]`.
    keypoint_regression: `[34, h, w]` from a centre to its joints. keypoint_heatmap: `[17, h, w]`, 0..1, of every
    person. keypoint_offset: `[34, h, w]` from a cell to the joint.
    """

    peaks: Map
    box_size: Map
    box_offset: Map
    keypoint_regression: Map
    keypoint_heatmap: Map
    keypoint_offset: Map


@dataclass(frozen=True, slots=True)
class _Persons:
    """N persons, in image pixels: boxes `[N, 4]`, scores `[N]`, COCO-17 keypoints `[N, 17, 2]`, scores `[N, 17]`."""

    boxes_xyxy: FloatArray
    scores: FloatArray
    keypoints: FloatArray
    keypoint_scores: FloatArray

    def __getitem__(self, chosen: NDArray[Any]) -> _Persons:
        return _Persons(
            self.boxes_xyxy[chosen], self.scores[chosen], self.keypoints[chosen], self.keypoint_scores[chosen]
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        return cls(
            np.concatenate([part.boxes_xyxy for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.keypoints for part in parts]),
            np.concatenate([part.keypoint_scores for part in parts]),
        )


class MultiPoseDetector:
    """MoveNet MultiPose through onnxruntime.

    Args:
        device: `cpu` or a CUDA device.
        threads: CPU threads of the network, None for as many as there are cores.
        scales: long sides in pixels at which the whole image is looked at; the largest decides how small a person may
            be, smaller ones find people who fill the image.
        tiles: 1, or n to look at n x n overlapping parts of the image too, for small people.
        min_score: lowest height of a centre peak, 0..1. Below about 0.3 many are nobody; a tracker that begins no
            person with them still uses them to keep sight of one.
        max_iou: overlap above which two boxes are one person.

    Raises:
        DeviceError: onnxruntime cannot use the device.
    """

    def __init__(
        self,
        *,
        device: torch.device,
        threads: int | None = None,
        scales: Sequence[int] = (256, 512),
        tiles: int = 1,
        min_score: float = 0.15,
        max_iou: float = 0.7,
    ) -> None:
        self._session = _open_session(device, threads)
        self._scales = tuple(scales)
        self._tiles = tiles
        self._min_score = min_score
        self._max_iou = max_iou

    def detect(self, image: ImageArray) -> list[Detection]:
        """Persons in an image uint8 `[H, W, 3]`, RGB, best first, with rough keypoints."""
        height_px, width_px = image.shape[:2]
        found = []
        for view in views_of(width_px=width_px, height_px=height_px, scales=self._scales, tiles=self._tiles):
            persons = self._look(image, view)
            found.append(persons[view.believed(persons.boxes_xyxy, width_px=width_px, height_px=height_px)])
        persons = _Persons.joined(found)
        kept = suppress(
            persons.boxes_xyxy, persons.scores, persons.keypoints, persons.keypoint_scores, max_iou=self._max_iou
        )
        persons = persons[kept]
        boxes = to_convention(persons.boxes_xyxy, MULTIPOSE_BOXES)
        keypoints, keypoint_scores = posetrack_from_coco(persons.keypoints, persons.keypoint_scores)
        return [
            Detection(box, float(score), points, point_scores)
            for box, score, points, point_scores in zip(boxes, persons.scores, keypoints, keypoint_scores, strict=True)
        ]

    def _look(self, image: ImageArray, view: View) -> _Persons:
        part = image[view.y1 : view.y2, view.x1 : view.x2]
        pixels, scale = _scaled_and_padded(part, view.long_side_px)
        outputs = self._session.run(None, {"image": pixels[None]})
        persons = _read_heads(_Heads(*(output[0] for output in outputs)), min_score=self._min_score)
        # The network counts from the image's corner, we from the centre of the first pixel.
        corner = np.array([view.x1, view.y1]) - 0.5
        return _Persons(
            persons.boxes_xyxy * _CELL_PX / np.tile(scale, 2) + np.tile(corner, 2),
            persons.scores,
            persons.keypoints * _CELL_PX / scale + corner,
            persons.keypoint_scores,
        )


def _open_session(device: torch.device, threads: int | None) -> onnxruntime.InferenceSession:
    refused = f"the person detector cannot run on {str(device)!r}"
    if device.type == "cpu":
        name, settings = "CPUExecutionProvider", {}
    elif device.type == "cuda":
        name, settings = "CUDAExecutionProvider", {"device_id": str(device.index or 0)}
        if not torch.cuda.is_available():
            raise DeviceError(f"{refused}: no CUDA device found; use cpu")
    else:
        raise DeviceError(f"{refused}: use cpu or cuda")
    if name not in onnxruntime.get_available_providers():
        raise DeviceError(f"{refused}: the installed onnxruntime has no {name}; install onnxruntime-gpu or use cpu")
    options = onnxruntime.SessionOptions()
    # Threads that wait by spinning take the core from whatever else runs, the pose network's threads among them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if threads is not None:
        options.intra_op_num_threads = threads
    network = (resources.files("dcpose_resources") / "detectors" / "movenet_multipose.onnx").read_bytes()
    session = onnxruntime.InferenceSession(network, options, providers=[(name, settings)])
    if session.get_providers()[0] != name:  # onnxruntime goes on with the CPU if a provider does not start
        raise DeviceError(f"{refused}: {name} did not start; check that its CUDA and cuDNN libraries are installed")
    return session


def _scaled_and_padded(image: ImageArray, long_side_px: int) -> tuple[ImageArray, FloatArray]:
    """The image with its longer side at `long_side_px`, padded with black right and below; and the (x, y) scale."""
    height_px, width_px = image.shape[:2]
    scale = long_side_px / max(height_px, width_px)
    new_width, new_height = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    padded = [-(-side // _SIZE_MULTIPLE_PX) * _SIZE_MULTIPLE_PX for side in (new_height, new_width)]
    pixels = np.zeros((*padded, 3), dtype=np.uint8)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    pixels[:new_height, :new_width] = cv2.resize(image, (new_width, new_height), interpolation=interpolation)
    return pixels, np.array([new_width / width_px, new_height / height_px])


def _read_heads(heads: _Heads, *, min_score: float) -> _Persons:
    """Persons in heatmap cells."""
    rows, columns = np.nonzero(heads.peaks >= min_score)
    cells = np.stack([columns, rows], axis=1).astype(np.float64)  # [N, 2] (x, y)
    centres = cells + heads.box_offset[::-1, rows, columns].T
    half_sizes = np.maximum(heads.box_size[::-1, rows, columns].T, 0.0) / 2
    regressed = heads.keypoint_regression[:, rows, columns].T.reshape(-1, 17, 2)[..., ::-1]  # [N, 17, 2] (x, y)
    boxes = np.concatenate([centres - half_sizes, centres + half_sizes], axis=1)
    keypoints = np.zeros((len(cells), 17, 2))
    keypoint_scores = np.zeros((len(cells), 17))
    for person, joints in enumerate(cells[:, None] + regressed):
        keypoints[person], keypoint_scores[person] = _refine_keypoints(heads, boxes[person], joints)
    return _Persons(boxes, heads.peaks[rows, columns].astype(np.float64), keypoints, keypoint_scores)


def _refine_keypoints(heads: _Heads, box_xyxy: FloatArray, joints: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The joints of one person: the best cell of each heatmap in the box and around the regressed joint, exactly.

    argmax over cells in the box of heatmap x exp(-d^2 / (0.3 x smaller side of the map)), d to the regressed joint;
    plus the offset at that cell. All in cells. Without a cell in the box: the regressed joints with score 0.
    """
    height, width = heads.peaks.shape
    x1, y1 = np.clip(np.ceil(box_xyxy[:2]).astype(int), 0, (width, height))
    x2, y2 = np.clip(np.ceil(box_xyxy[2:]).astype(int), 0, (width, height))
    if x1 >= x2 or y1 >= y2:
        return joints, np.zeros(17)
    across = np.square(np.arange(x1, x2) - joints[:, :1])  # [17, w]
    down = np.square(np.arange(y1, y2) - joints[:, 1:])  # [17, h]
    reach = _JOINT_REACH * min(height, width)
    nearness = np.exp(-down / reach)[:, :, None] * np.exp(-across / reach)[:, None, :]
    best = (heads.keypoint_heatmap[:, y1:y2, x1:x2] * nearness).reshape(17, -1).argmax(axis=1)
    row, column = y1 + best // (x2 - x1), x1 + best % (x2 - x1)
    joint = np.arange(17)
    offset = heads.keypoint_offset.reshape(17, 2, height, width)[joint, ::-1, row, column]  # [17, 2] (x, y)
    return np.stack([column, row], axis=1) + offset, heads.keypoint_heatmap[joint, row, column].astype(np.float64)
