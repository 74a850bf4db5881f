"""Which parts of an image a detector looks at, and how large it makes them.

A network finds people in a range of sizes. A whole image is therefore looked at in several scales, and overlapping
tiles of it show people who are small even at the largest scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dcpose_core.types import FloatArray

#: Share of a tile that its neighbour shows too, so that a person on a border is whole in one of them.
_TILE_OVERLAP = 0.25
#: A coarse view of the whole image is only believed about people who fill at least this share of its longer side;
#: what it says of smaller ones the finest view says better, with fewer false finds.
_LARGE_PERSON = 0.5
#: Boxes that end this close to the inner border of a tile are taken for cut, in shares of the tile's longer side.
_CUT_MARGIN = 0.01


@dataclass(frozen=True, slots=True)
class View:
    """A rectangle of an image, to be scaled so that its longer side has `long_side_px`.

    x1, y1, x2, y2: image pixels, x2 and y2 excluded. min_person_px: the smallest longer side, in image pixels, of a
    person that this view is believed about.
    """

    x1: int
    y1: int
    x2: int
    y2: int
    long_side_px: int
    min_person_px: float = 0.0

    def believed(self, boxes_xyxy: FloatArray, *, width_px: int, height_px: int) -> NDArray[np.bool_]:
        """bool `[N]`: boxes `[N, 4]` in image pixels that are large enough and not cut off by the view's border.

        width_px, height_px: size of the image; its own borders cut nobody off who could be seen better elsewhere.
        """
        margin = _CUT_MARGIN * max(self.x2 - self.x1, self.y2 - self.y1)
        large = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).max(axis=1, initial=0) >= self.min_person_px
        return np.asarray(
            large
            & ((boxes_xyxy[:, 0] > self.x1 + margin) | (self.x1 == 0))
            & ((boxes_xyxy[:, 1] > self.y1 + margin) | (self.y1 == 0))
            & ((boxes_xyxy[:, 2] < self.x2 - margin) | (self.x2 == width_px))
            & ((boxes_xyxy[:, 3] < self.y2 - margin) | (self.y2 == height_px))
        )


def views_of(*, width_px: int, height_px: int, scales: Sequence[int], tiles: int) -> list[View]:
    """The whole image at every long side in `scales`, and `tiles` x `tiles` overlapping parts at the largest."""
    finest = max(scales)
    large_px = _LARGE_PERSON * max(width_px, height_px)
    views = [View(0, 0, width_px, height_px, scale, 0.0 if scale == finest else large_px) for scale in scales]
    if tiles > 1:
        columns, rows = _parts(width_px, tiles), _parts(height_px, tiles)
        views += [View(x1, y1, x2, y2, finest) for y1, y2 in rows for x1, x2 in columns]
    return views


def _parts(length_px: int, count: int) -> list[tuple[int, int]]:
    """`count` overlapping stretches that cover `length_px`."""
    part = length_px / (count - (count - 1) * _TILE_OVERLAP)
    starts = [index * part * (1 - _TILE_OVERLAP) for index in range(count)]
    return [(int(start), min(length_px, int(np.ceil(start + part)))) for start in starts]
