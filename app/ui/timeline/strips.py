"""The state and confidence strips as images, one pixel column at a time for all columns at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor, QImage

from app.ui import theme
from app.ui.timeline.time_axis import TimeAxis

#: From here on frames are told apart by a gap between them.
_SEPARATED_PX = 6.0
_STATE_ROLES = ("state_model", "state_human", "state_verified")
#: Share of a colour that a single frame in a crowded column still gets, so that nothing rare is invisible.
_FAINTEST = 0.4


def state_strip(shares: NDArray[np.float32]) -> QImage:
    """Three steps on top of each other, so that the state shows by height as well as by colour: 9 rows to stretch.

    The lowest is filled where a model spoke, the one above where a person corrected, the top one where frames are
    verified; as strongly as that is true of the frames in a column. shares: `[3, columns]` of `state_shares`.
    """
    columns = shares.shape[1]
    pixels = np.zeros((9, columns, 4), dtype=np.uint8)
    for role, share, top in zip(_STATE_ROLES, shares, (6, 3, 0), strict=True):
        strength = np.where(share > 0, _FAINTEST + (1 - _FAINTEST) * share, 0.0)
        # A row of background between the steps keeps them countable.
        pixels[top + (top > 0) : top + 3] = _premultiplied(np.array(_rgb(theme.colour(role))), strength)
    return _image(pixels)


def track_strip(covered: NDArray[np.bool_], colour: QColor, *, hatched: bool = False) -> QImage:
    """One row to stretch, or eight hatched ones: `colour` in the columns where `covered`, bool `[columns]`."""
    filled = covered[None]
    if hatched:
        filled = covered & ((np.arange(len(covered)) + np.arange(8)[:, None]) % 4 < 2)
    bgra = _premultiplied(np.array(_rgb(colour)), np.array([colour.alphaF()]))[0]
    return _image(np.where(filled[..., None], bgra, np.uint8(0)))


def confidence_strip(lowest: NDArray[np.float32], height: int) -> QImage:
    """Bars as high as the lowest joint score, 0..1, warm where it is low. lowest: `[columns]`, nan: nobody there."""
    columns = len(lowest)
    known = ~np.isnan(lowest)
    value = np.clip(np.where(known, lowest, 0.0), 0.0, 1.0)
    low, high = (np.array(_rgb(theme.colour(role))) for role in ("playhead", "state_model"))
    # Below a third the colour is the warning's; the ramp to the calm colour ends at two thirds.
    mix = np.clip((value - 1 / 3) * 3, 0.0, 1.0)[:, None]
    colours = low * (1 - mix) + high * mix
    pixels = np.zeros((height, columns, 4), dtype=np.uint8)
    bar_px = np.where(known, np.maximum(np.round(value * height), 1), 0)
    filled = np.arange(height, 0, -1)[:, None] <= bar_px
    pixels[filled] = np.broadcast_to(_premultiplied(colours, np.ones(columns)), (height, columns, 4))[filled]
    return _image(pixels)


def bar_strip(shares: NDArray[np.float32], role: str, height: int) -> QImage:
    """Bars as high as `shares`, float32 `[columns]`, 0..1, in the colour of `role`; what is above 0 is seen."""
    bar_px = np.where(shares > 0, np.maximum(np.round(np.minimum(shares, 1.0) * height), 2), 0)
    filled = np.arange(height, 0, -1)[:, None] <= bar_px
    bgra = _premultiplied(np.array(_rgb(theme.colour(role))), np.ones(1))[0]
    return _image(np.where(filled[..., None], bgra, np.uint8(0)))


def frame_ends(axis: TimeAxis, columns: int) -> NDArray[np.int64]:
    """The last column of every frame, to be left clear where frames are wide enough to be told apart; else none."""
    if columns / axis.span < _SEPARATED_PX:
        return np.zeros(0, dtype=np.int64)
    starts, _ = axis.column_starts(columns)
    return np.flatnonzero(np.diff(starts))


def _premultiplied(rgb: NDArray[np.float64] | NDArray[np.int64], alpha: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Qt's ARGB32 in memory, `[columns, 4]`: blue, green, red, alpha. rgb: `[3]` or `[columns, 3]`; alpha: 0..1."""
    bgr = np.broadcast_to(rgb, (len(alpha), 3))[:, ::-1] * alpha[:, None]
    return np.concatenate([bgr, alpha[:, None] * 255], axis=1).round().astype(np.uint8)


def _rgb(colour: QColor) -> tuple[int, int, int]:
    return colour.red(), colour.green(), colour.blue()


def _image(pixels: NDArray[np.uint8]) -> QImage:
    height, columns, _ = pixels.shape
    image = QImage(pixels.tobytes(), columns, height, columns * 4, QImage.Format.Format_ARGB32_Premultiplied)
    return image.copy()  # of its own memory: the bytes above go away
