"""Sizes of the body: the head length, in which distances are told, and the lengths of limbs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dcpose_core.head_sizes import HEAD_SIZE_OF_LENGTH
from dcpose_core.skeletons import POSETRACK_17

Float32 = NDArray[np.float32]

_INDEX = POSETRACK_17.index
#: Limbs whose length says something, from the trunk outwards: (near joint, far joint).
LIMBS: tuple[tuple[int, int], ...] = tuple(
    (_INDEX(near), _INDEX(far))
    for near, far in (
        ("head_bottom", "head_top"),
        ("head_bottom", "nose"),
        ("left_shoulder", "right_shoulder"),
        ("left_hip", "right_hip"),
        *(
            (f"{side}_{near}", f"{side}_{far}")
            for near, far in (
                ("shoulder", "hip"),
                ("shoulder", "elbow"),
                ("elbow", "wrist"),
                ("hip", "knee"),
                ("knee", "ankle"),
            )
            for side in ("left", "right")
        ),
    )
)
NEAR = np.array([near for near, _ in LIMBS])
FAR = np.array([far for _, far in LIMBS])
#: For each limb that of the other side, or itself.
_FLIP = POSETRACK_17.flip_order.tolist()
MIRRORED = np.array(
    [LIMBS.index((_FLIP[a], _FLIP[b])) if (_FLIP[a], _FLIP[b]) in LIMBS else i for i, (a, b) in enumerate(LIMBS)]
)

_HEAD = (_INDEX("head_bottom"), _INDEX("head_top"))
_TRUNK = [(_INDEX("left_shoulder"), _INDEX("right_hip")), (_INDEX("right_shoulder"), _INDEX("left_hip"))]
_LONG = [
    (_INDEX(f"{side}_{near}"), _INDEX(f"{side}_{far}"))
    for near, far in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
    for side in ("left", "right")
]
# Head length over trunk and limbs: the ratios of `head_sizes`, measured on videos with drawn head boxes.
_OVER_TRUNK = 0.35 / HEAD_SIZE_OF_LENGTH
_OVER_LIMB = 0.45 / HEAD_SIZE_OF_LENGTH
_OVER_EXTENT = 0.133 / HEAD_SIZE_OF_LENGTH


def distance(a: Float32, b: Float32) -> Float32:
    """Between points `[..., 2]`, `[...]`."""
    return length(a - b)


def length(vectors: Float32) -> Float32:
    """Of vectors `[..., 2]`, `[...]`. A tenth of the time of `numpy.linalg.norm`, and coordinates do not overflow."""
    x, y = vectors[..., 0], vectors[..., 1]
    return np.sqrt(x * x + y * y)


def limb_lengths(keypoints: Float32) -> Float32:
    """Pixels `[..., len(LIMBS)]` of keypoints `[..., 17, 2]`; nan where a joint is."""
    return distance(keypoints[..., NEAR, :], keypoints[..., FAR, :])


def head_lengths(keypoints: Float32) -> Float32:
    """Head lengths in pixels `[...]` of poses `[..., 17, 2]`, each for itself; nan where nothing tells.

    The middle one of three estimates, so that no single wrong joint counts: the distance of the head's joints, the
    longer diagonal of the trunk, the second longest limb. Where none is there, the extent of the joints.
    """
    head = distance(keypoints[..., _HEAD[0], :], keypoints[..., _HEAD[1], :])
    trunk = np.fmax.reduce([distance(keypoints[..., a, :], keypoints[..., b, :]) for a, b in _TRUNK])
    limbs = np.stack([distance(keypoints[..., a, :], keypoints[..., b, :]) for a, b in _LONG])
    limbs[np.isnan(limbs)] = -1
    limb = np.partition(limbs, -2, axis=0)[-2]
    limb[limb <= 0] = np.nan
    estimates = np.sort(np.stack([head, trunk * _OVER_TRUNK, limb * _OVER_LIMB]), axis=0)
    estimates[estimates <= 0] = np.nan
    count = np.isfinite(estimates).sum(axis=0)
    middle = np.where(count == 3, estimates[1], np.where(count == 2, (estimates[0] + estimates[1]) / 2, estimates[0]))
    extent = np.fmax.reduce(keypoints, axis=-2) - np.fmin.reduce(keypoints, axis=-2)
    diagonal = np.hypot(extent[..., 0], extent[..., 1]) * _OVER_EXTENT
    length = np.where(count > 0, middle, np.where(diagonal > 0, diagonal, np.nan))
    return np.asarray(length, np.float32)
