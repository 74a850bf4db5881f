"""Several looks at one crop, for work that has time: other sizes of what it shows, and its mirror image.

A peak that owes to how a person happens to be framed is outvoted. Every look costs a backbone pass.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dcpose_core.errors import UsageError
from dcpose_core.types import FloatArray


class View(NamedTuple):
    """factor: on the size of what the crop shows. mirrored: the crop's left and right change places."""

    factor: float = 1.0
    mirrored: bool = False


#: By the number of looks; the crop as it is comes first.
VIEWS: dict[int, tuple[View, ...]] = {
    1: (View(),),
    2: (View(), View(mirrored=True)),
    4: (View(), View(0.88), View(1.0, mirrored=True), View(1.14, mirrored=True)),
}


def check_views(looks: int) -> None:
    """Raises `UsageError` unless `VIEWS` knows so many."""
    if looks not in VIEWS:
        raise UsageError(f"there can be {', '.join(map(str, VIEWS))} views of a person, not {looks}")


def view_matrix(matrix: FloatArray, view: View, *, width_px: int, height_px: int) -> FloatArray:
    """The affine `[2, 3]`, image pixels -> crop pixels, of a view of a crop.

    matrix: `[2, 3]`, the same of the crop as it is, of width_px x height_px.

    The centre (width_px / 2, height_px / 2) stays; in a mirror image x becomes width_px - x.
    """
    centre = np.array([[width_px / 2], [height_px / 2]])
    linear = np.diag([-1.0 if view.mirrored else 1.0, 1.0]) / view.factor
    return np.concatenate([linear @ matrix[:, :2], linear @ (matrix[:, 2:] - centre) + centre], axis=1)
