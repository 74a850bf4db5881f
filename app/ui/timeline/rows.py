"""The strips above the lanes, each one value a frame: one table. Another one is a function and an entry in `ROWS`, or
`Timeline.add_row` for a part that comes with state of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from app.project.document import Document
from app.ui.timeline.columns import lowest_values, state_shares
from app.ui.timeline.strips import confidence_strip, state_strip
from app.ui.timeline.time_axis import TimeAxis

RULER_PX = 24
GAP_PX = 4
LANE_PX = 20
LOW_LANE_PX = 15
#: A timeline lower than this spares room.
_LOW_PX = 150
_LOW_SHARE, _LOW_GAP_PX = 0.65, 1


@dataclass(frozen=True, slots=True, eq=False)
class StripRoom:
    """What a strip is drawn for: the frames of `axis` on `columns` pixel columns, `height_px` device pixels high.
    frame_ends: columns to leave clear, so that wide frames can be told apart."""

    axis: TimeAxis
    columns: int
    height_px: int
    frame_ends: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """title: in the header. image: draws the strip; it is stretched to the row. tooltip: about one frame."""

    title: str
    height_px: int
    image: Callable[[Document, StripRoom], QImage]
    tooltip: Callable[[Document, int], str] = lambda _document, _frame: ""


def _states(document: Document, room: StripRoom) -> QImage:
    shares = state_shares(document.frame_states(), room.axis, room.columns)
    shares[:, room.frame_ends] = 0.0
    return state_strip(shares)


def _confidence(document: Document, room: StripRoom) -> QImage:
    lowest = lowest_values(document.confidence(), room.axis, room.columns)
    lowest[room.frame_ends] = np.nan
    return confidence_strip(lowest, room.height_px)


def _lowest_score(document: Document, frame: int) -> str:
    lowest = float(document.confidence()[frame])
    if math.isnan(lowest):
        return ""
    return f"lowest joint score {lowest:.2f}" if lowest < 0.995 else "lowest joint score above 0.99"


ROWS = (
    Row(title="State", height_px=16, image=_states),
    Row(title="Confidence", height_px=18, image=_confidence, tooltip=_lowest_score),
)


@dataclass(frozen=True, slots=True)
class RowLayout:
    """Where everything lies from top to bottom, in pixels. Where there is little room, rows and lanes are lower, so
    that more than one lane is seen. tops, heights_px: of the rows; lanes_top, lane_px: of the lanes below them."""

    tops: tuple[int, ...]
    heights_px: tuple[int, ...]
    lanes_top: int
    lane_px: int


def row_layout(rows: Sequence[Row], height_px: int) -> RowLayout:
    """The layout in a timeline of this height."""
    is_low = height_px < _LOW_PX
    share, gap_px = (_LOW_SHARE, _LOW_GAP_PX) if is_low else (1.0, GAP_PX)
    tops, heights, top = [], [], RULER_PX + gap_px
    for row in rows:
        tops.append(top)
        heights.append(round(row.height_px * share))
        top += heights[-1] + gap_px
    return RowLayout(tuple(tops), tuple(heights), top, LOW_LANE_PX if is_low else LANE_PX)
