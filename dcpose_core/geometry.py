"""Boxes, crops and similarities between people: pure functions.

Frame of reference: pixels, (0, 0) is the centre of the top-left pixel, in images and crops alike. An affine is
float64 `[2, 3]` and maps column vectors: `p' = A[:, :2] p + A[:, 2]`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, ImageArray


def grow_to_aspect(box_xyxy: FloatArray, *, aspect: float) -> FloatArray:
    """Boxes `[..., 4]` with the short side grown about the centre until width / height = `aspect`."""
    box = np.asarray(box_xyxy, dtype=np.float64)
    centre = (box[..., :2] + box[..., 2:]) / 2
    size = box[..., 2:] - box[..., :2]
    width = np.maximum(size[..., 0], size[..., 1] * aspect)
    half = np.stack([width, width / aspect], axis=-1) / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def crop_affine(
    box_xyxy: FloatArray, *, width_px: int, height_px: int, enlargement: float, rotation_deg: float = 0.0
) -> FloatArray:
    """The similarity from image pixels to the pixels of the crop of a person, as the reference network wants it.

    The box is grown to the crop's aspect ratio and enlarged; its centre lands on `(width_px / 2, height_px / 2)`
    (no half-pixel term) and its width on `width_px`.

    box_xyxy: `[4]`, image pixels. enlargement: factor on the box. rotation_deg: the direction in the image that
    becomes "up" in the crop, positive clockwise as seen. Returns float64 `[2, 3]`.
    Raises `ValueError` for a box without extent.
    """
    x1, y1, x2, y2 = np.asarray(box_xyxy, dtype=np.float64).tolist()
    if not (math.isfinite(x1 + y1 + x2 + y2) and x2 >= x1 and y2 >= y1 and (x2 > x1 or y2 > y1)):
        raise ValueError(f"a crop needs a box with a positive, finite extent, not {[x1, y1, x2, y2]}")
    source_width = max(x2 - x1, (y2 - y1) * width_px / height_px) * enlargement
    scale = width_px / source_width
    cos, sin = scale * math.cos(math.radians(rotation_deg)), scale * math.sin(math.radians(rotation_deg))
    linear = np.array([[cos, sin], [-sin, cos]])
    shift = np.array([width_px / 2, height_px / 2]) - linear @ np.array([(x1 + x2) / 2, (y1 + y2) / 2])
    return np.concatenate([linear, shift[:, None]], axis=1)


def invert_affine(matrix: FloatArray) -> FloatArray:
    """Inverse of affines `[..., 2, 3]`. Raises `numpy.linalg.LinAlgError` for a singular one."""
    linear = np.linalg.inv(np.asarray(matrix, dtype=np.float64)[..., :2])
    return np.concatenate([linear, -(linear @ matrix[..., 2:])], axis=-1)


def transform_points(points: FloatArray, matrix: FloatArray) -> FloatArray:
    """Points `[..., 2]` through an affine `[2, 3]`, or through one per leading axis: `[N, J, 2]` by `[N, 2, 3]`."""
    matrix = np.asarray(matrix, dtype=np.float64)
    shift = matrix[:, 2] if matrix.ndim == 2 else matrix[..., None, :, 2]
    return np.asarray(np.asarray(points, dtype=np.float64) @ np.swapaxes(matrix[..., :2], -1, -2) + shift)


def warp_crop(image: ImageArray, matrix: FloatArray, *, width_px: int, height_px: int) -> ImageArray:
    """The crop uint8 `[height_px, width_px, 3]` of an image uint8 `[H, W, 3]`: bilinear, zero outside the image.

    matrix: image pixels -> crop pixels, as `crop_affine` gives it.
    """
    crop = cv2.warpAffine(
        image, matrix, (width_px, height_px), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(crop, dtype=np.uint8)


def normalise(crops: ImageArray | torch.Tensor, *, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """Network input float32 `[N, 3, H, W]` = (x / 255 - mean) / std from RGB crops uint8 `[N, H, W, 3]`.

    On the device of the crops, so that only bytes need to travel to it.
    """
    pixels = crops if isinstance(crops, torch.Tensor) else torch.tensor(crops)
    values = pixels.permute(0, 3, 1, 2).to(torch.float32).div(255.0)
    channel = (1, 3, 1, 1)
    values -= torch.tensor(mean, dtype=torch.float32, device=values.device).reshape(channel)
    values /= torch.tensor(std, dtype=torch.float32, device=values.device).reshape(channel)
    return values.contiguous()


def iou(boxes_a: FloatArray, boxes_b: FloatArray) -> FloatArray:
    """Intersection over union, `[N, M]`, of boxes `xyxy` `[N, 4]` and `[M, 4]`; 0 where both have no area."""
    a, b = np.asarray(boxes_a, dtype=np.float64)[:, None], np.asarray(boxes_b, dtype=np.float64)[None, :]
    overlap = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0.0, None)
    intersection = overlap.prod(axis=-1)
    union = (a[..., 2:] - a[..., :2]).prod(axis=-1) + (b[..., 2:] - b[..., :2]).prod(axis=-1) - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0))


def oks(
    keypoints_a: FloatArray,
    keypoints_b: FloatArray,
    *,
    areas: ArrayLike,
    sigmas: Sequence[float] = POSETRACK_17.oks_sigmas,
    valid_a: NDArray[Any] | None = None,
    valid_b: NDArray[Any] | None = None,
) -> FloatArray:
    """Object keypoint similarity of every pair of persons, `[N, M]`, 0..1.

    OKS = mean over joints of exp(-d^2 / (2 area (2 sigma)^2)), as in the COCO keypoint evaluation.

    keypoints_a, keypoints_b: `[N, J, 2]` and `[M, J, 2]` in one frame of reference.
    areas: person areas in that frame's square pixels, broadcast against `[N, M]`: `[M]` for those of b.
    valid_a, valid_b: bool `[N, J]` and `[M, J]`; the mean is over joints valid on both sides (None: all are).
    A pair without such a joint has OKS 0.
    """
    a, b = np.asarray(keypoints_a, dtype=np.float64), np.asarray(keypoints_b, dtype=np.float64)
    pairs = (a.shape[0], b.shape[0])
    counts = np.ones((*pairs, a.shape[1]), dtype=bool)
    if valid_a is not None:
        counts &= np.asarray(valid_a, dtype=bool)[:, None]
    if valid_b is not None:
        counts &= np.asarray(valid_b, dtype=bool)[None]
    area = np.maximum(np.broadcast_to(np.asarray(areas, dtype=np.float64), pairs), np.finfo(np.float64).eps)
    squared_distance = np.square(a[:, None] - b[None]).sum(axis=-1)  # [N, M, J]
    fall_off = 2.0 * np.square(2.0 * np.asarray(sigmas, dtype=np.float64))
    similarity = np.where(counts, np.exp(-squared_distance / (area[..., None] * fall_off)), 0.0).sum(axis=-1)
    return np.asarray(similarity / np.maximum(counts.sum(axis=-1), 1))
