"""How heatmaps are coloured, on the frame and on crops alike: clear where they say nothing, orange to light yellow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dcpose_core.types import FloatArray

_LOW_RGB, _HIGH_RGB = np.array([255.0, 90.0, 0.0]), np.array([255.0, 250.0, 170.0])
#: A map without a peak is noise and stays dark.
DIMMEST_PEAK = 0.1
_MOST_OPAQUE = 0.9


def brightened(values: FloatArray) -> FloatArray:
    """`[h, w]` with its highest value at 1, or lower where there is no peak."""
    return np.asarray(np.clip(values / max(DIMMEST_PEAK, float(values.max())), 0.0, 1.0))


def heat_bgra(values: FloatArray) -> NDArray[np.uint8]:
    """The colours of values 0..1 `[h, w]`, uint8 `[h, w, 4]`: Qt's premultiplied ARGB32 in memory."""
    value = np.clip(values, 0.0, 1.0)[..., None]
    rgb = _LOW_RGB * (1 - value) + _HIGH_RGB * value
    alpha = value**0.7 * _MOST_OPAQUE
    return np.ascontiguousarray(np.concatenate([rgb[..., ::-1] * alpha, alpha * 255], axis=2).round(), np.uint8)
