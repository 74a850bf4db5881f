"""Where the points of one image lie in the next: dense flow (OpenCV DIS) and pyramidal Lucas-Kanade on small crops.

Points are float64 `[K, 2]` in pixels of the crops, (0, 0) the centre of the top-left pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dcpose_core.types import FloatArray, ImageArray

#: Side of the square whose structure tells whether a point can be followed, pixels of the crop.
_TEXTURE_WINDOW = 9
#: Lucas-Kanade compares squares of this side, about two thirds of a head at the crop's scale.
_LK_WINDOW = 19
_LK_LEVELS = 3
_LK_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.01)
#: Dense flow is read as the mean over a square of this side, weighted towards its middle.
_DIS_WINDOW = 5


class Step(NamedTuple):
    """points: `[K, 2]` in the second crop, not finite where lost. round_trip_px: `[K]`, from where a point came to
    where the way back ends. texture: `[K]`, smaller eigenvalue of the structure around it, 0 where nothing is seen.
    """

    points: FloatArray
    round_trip_px: FloatArray
    texture: FloatArray


Follow = Callable[[ImageArray, ImageArray, FloatArray], Step]


class DenseFlow:
    """DIS optical flow (Kroeger et al. 2016), both ways."""

    def __init__(self) -> None:
        self._dis: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def __call__(self, first: ImageArray, second: ImageArray, points: FloatArray) -> Step:
        """Crops uint8 `[h, w]` of one size, at least 16 pixels a side."""
        there = self._flow(first, second)
        moved = points + _read(there, points)
        returned = moved + _read(self._flow(second, first), moved)
        return Step(moved, np.linalg.norm(returned - points, axis=-1), _texture(first, points))

    def _flow(self, first: ImageArray, second: ImageArray) -> NDArray[np.float32]:
        flow = self._dis.calc(first, second, None)
        return np.asarray(cv2.GaussianBlur(flow, (_DIS_WINDOW, _DIS_WINDOW), 0), np.float32)


def lucas_kanade(first: ImageArray, second: ImageArray, points: FloatArray) -> Step:
    """Pyramidal Lucas-Kanade (Bouguet 2001), both ways. Crops uint8 `[h, w]` of one size."""
    there, found = _lucas_kanade(first, second, points)
    back, found_back = _lucas_kanade(second, first, there)
    moved = np.where((found & found_back)[:, None], there, np.nan)
    return Step(moved, np.linalg.norm(back - points, axis=-1), _texture(first, points))


def _lucas_kanade(first: ImageArray, second: ImageArray, points: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    given: Any = points.astype(np.float32)[:, None]
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        first, second, given, given.copy(), winSize=(_LK_WINDOW, _LK_WINDOW), maxLevel=_LK_LEVELS, criteria=_LK_STOP
    )
    return np.asarray(moved[:, 0], np.float64), np.asarray(found[:, 0] == 1)


def _read(maps: NDArray[np.float32], points: FloatArray) -> FloatArray:
    """Values `[K]` or `[K, C]` of maps `[h, w]` or `[h, w, C]` at points, bilinear, the border's beyond it."""
    x, y = points.astype(np.float32).T[:, :, None]
    values = cv2.remap(maps, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(values, np.float64)[:, 0]


def _texture(image: ImageArray, points: FloatArray) -> FloatArray:
    """Grey levels per pixel, about: the square root of the smaller eigenvalue of the structure tensor."""
    eigenvalues = cv2.cornerMinEigenVal(image, _TEXTURE_WINDOW, ksize=3)
    return np.sqrt(np.maximum(_read(np.asarray(eigenvalues, np.float32), points), 0.0)) * 255
