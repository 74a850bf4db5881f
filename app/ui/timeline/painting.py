"""What the timeline looks like: rows from top to bottom, painted in one go into its cached picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPolygonF

from app.project.records import Track
from app.ui import theme
from app.ui.timeline.columns import Spans, covered_columns
from app.ui.timeline.preview import LanePreview
from app.ui.timeline.rows import RULER_PX, Row, StripRoom, row_layout
from app.ui.timeline.span_sets import within
from app.ui.timeline.strips import frame_ends, track_strip
from app.ui.timeline.time_axis import TimeAxis

if TYPE_CHECKING:
    from app.project.document import Document

HEADER_PX = 136
_BAR_PX = 8
_LABEL_PX = 72
_PAD_PX = 8
_PALE = 0.75
_LEAST_FONT_PX = 9


@dataclass(frozen=True)
class Lane:
    """A track's row. is_new: a track that only the preview has."""

    track: Track
    is_selected: bool = False
    is_new: bool = False


class TimelinePainter:
    """Paints rows of one timeline. Coordinates are the widget's; the strips start at `HEADER_PX`."""

    def __init__(
        self,
        painter: QPainter,
        axis: TimeAxis,
        rows: Sequence[Row],
        *,
        width_px: int,
        height_px: int,
        scale: float,
    ) -> None:
        self._painter = painter
        self._axis = axis
        self._rows = rows
        self._layout = row_layout(rows, height_px)
        self._width_px = width_px
        self._height_px = height_px
        self._columns = max(1, round(axis.width_px * scale))
        self._frame_ends = frame_ends(axis, self._columns)
        self._font = theme.tabular(label_font(painter.font()))
        lowest_px = min(self._layout.heights_px, default=self._layout.lane_px)
        if QFontMetrics(self._font).height() > lowest_px:  # one size for all labels: what the lowest row has room for
            self._font.setPixelSize(max(_LEAST_FONT_PX, lowest_px - 1))

    def background(self) -> None:
        self._painter.fillRect(0, 0, self._width_px, self._height_px, theme.colour("surface"))

    def ruler(self) -> None:
        """Frame numbers at round steps."""
        painter, axis = self._painter, self._axis
        painter.fillRect(0, 0, self._width_px, RULER_PX, theme.colour("window"))
        step = axis.tick_step(_LABEL_PX)
        minor = max(1, step // 5)
        painter.setFont(self._font)
        start = axis.first_frame // minor * minor
        for frame in range(start, axis.last_frame + 1, minor):
            x = HEADER_PX + axis.x_of(frame) + axis.px_per_frame / 2
            if x < HEADER_PX:
                continue
            is_major = frame % step == 0
            painter.setPen(theme.colour("muted" if is_major else "border"))
            painter.drawLine(QPointF(x, RULER_PX - (7 if is_major else 4)), QPointF(x, RULER_PX - 1))
            if is_major and x + _LABEL_PX / 2 < self._width_px:
                painter.drawText(QRectF(x + 4, 0, _LABEL_PX, RULER_PX - 4), Qt.AlignmentFlag.AlignVCenter, str(frame))

    def strips(self, document: Document, *, only: Sequence[Row] | None = None) -> None:
        """What there is one value a frame of. only: these rows, over what was drawn of them before."""
        painter, axis, scale = self._painter, self._axis, self._columns / self._axis.width_px
        for row, top, height_px in zip(self._rows, self._layout.tops, self._layout.heights_px, strict=True):
            if only is not None:
                if row not in only:
                    continue
                painter.fillRect(0, top, self._width_px, height_px, theme.colour("surface"))
            area = QRectF(HEADER_PX, top, axis.width_px, height_px)
            painter.fillRect(area, _faint(theme.colour("state_none"), 0.45))
            room = StripRoom(axis, self._columns, round(height_px * scale), self._frame_ends)
            painter.drawImage(area, row.image(document, room))
            self._label(row.title, QRect(_PAD_PX, top, HEADER_PX - 2 * _PAD_PX, height_px), "muted")

    def lanes(
        self,
        lanes: Sequence[Lane],
        spans_of: Callable[[int], NDArray[np.int64]],
        *,
        scroll_px: int,
        preview: LanePreview | None,
    ) -> None:
        """Track rows, of which only those in view cost anything. spans_of: track id -> runs of frames `[S, 2]`."""
        painter = self._painter
        painter.save()
        painter.setClipRect(0, self._layout.lanes_top, self._width_px, self._height_px - self._layout.lanes_top)
        lane_px = self._layout.lane_px
        for index, lane in enumerate(lanes):
            rect = QRect(0, self._layout.lanes_top + index * lane_px - scroll_px, self._width_px, lane_px)
            if rect.bottom() >= self._layout.lanes_top and rect.top() <= self._height_px:
                self._lane(lane, rect, spans_of, preview)
        painter.restore()

    def _lane(
        self,
        lane: Lane,
        rect: QRect,
        spans_of: Callable[[int], NDArray[np.int64]],
        preview: LanePreview | None,
    ) -> None:
        painter = self._painter
        before = np.zeros((0, 2), dtype=np.int64) if lane.is_new else spans_of(lane.track.track_id)
        if lane.is_selected:
            painter.fillRect(rect, theme.colour("selection"))
        colour = _on_surface(QColor(lane.track.colour))
        swatch = QRectF(_PAD_PX, rect.center().y() - 4, 9, 9)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour if lane.track.visible else Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colour, 1.5))
        painter.drawRoundedRect(swatch, 2, 2)
        name = f"{lane.track.name} (new)" if lane.is_new else lane.track.name
        label = QRect(_PAD_PX + 16, rect.top(), HEADER_PX - 2 * _PAD_PX - 16, rect.height())
        self._label(name, label, "text" if lane.track.visible else "muted")
        if not lane.track.visible:
            colour = _faint(colour, 0.4)
        after = None if preview is None else preview.after.get(lane.track.track_id)
        if preview is None or after is None:
            self._runs(before, rect, colour)
            return
        # What the operation leaves alone as it is, what it brings hatched, what it takes away faint.
        reach = QRectF(
            HEADER_PX + self._axis.x_of(preview.first),
            rect.top(),
            (preview.last - preview.first + 1) * self._axis.px_per_frame,
            rect.height(),
        )
        painter.fillRect(reach, _faint(theme.colour("accent"), 0.14))
        self._runs(before, rect, _faint(colour, 0.25))
        self._runs(within(after, 0, preview.first - 1), rect, colour)
        self._runs(within(after, preview.last + 1, self._axis.n_frames), rect, colour)
        self._runs(within(after, preview.first, preview.last), rect, colour, hatched=True)

    def _runs(self, spans: Spans | NDArray[np.int64], rect: QRect, colour: QColor, *, hatched: bool = False) -> None:
        """Bars where the track is, a thin line over its gaps, a tall mark where it begins and ends."""
        if len(spans) == 0:
            return
        painter, axis = self._painter, self._axis
        covered = covered_columns(spans, axis, self._columns)
        covered[self._frame_ends] = False
        middle = rect.center().y() + 0.5
        begin, end = HEADER_PX + axis.x_of(spans[0][0]), HEADER_PX + axis.x_of(spans[-1][1] + 1)
        right = HEADER_PX + axis.width_px
        if end > HEADER_PX and begin < right and colour.alpha() == 255:
            painter.setPen(QPen(_faint(colour, 0.7), 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(max(begin, HEADER_PX), middle), QPointF(min(end, right), middle))
        bar = QRectF(HEADER_PX, middle - _BAR_PX / 2, axis.width_px, _BAR_PX)
        painter.drawImage(bar, track_strip(covered, colour, hatched=hatched))
        if not hatched and colour.alpha() == 255:
            for x in (begin, end - 2):
                if HEADER_PX <= x <= right:
                    painter.fillRect(QRectF(x, rect.top() + 3, 2, rect.height() - 6), colour)

    def no_tracks(self, text: str) -> None:
        """What the lanes' place says while there are none."""
        area = QRect(
            HEADER_PX + _PAD_PX, self._layout.lanes_top, self._width_px - HEADER_PX - 2 * _PAD_PX, self._layout.lane_px
        )
        self._label(text, area, "muted")

    def _label(self, text: str, rect: QRect, role: str) -> None:
        painter = self._painter
        painter.setFont(self._font)
        painter.setPen(theme.colour(role))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)


def paint_range(painter: QPainter, axis: TimeAxis, chosen: tuple[int, int], height_px: int) -> None:
    """The selected frames: shaded, with an edge at either end."""
    left, right = HEADER_PX + axis.x_of(chosen[0]), HEADER_PX + axis.x_of(chosen[1] + 1)
    right = max(right, left + 2)
    accent = theme.colour("accent")
    painter.fillRect(QRectF(left, 0, right - left, height_px), _faint(accent, 0.16))
    painter.fillRect(QRectF(left, 0, right - left, 3), accent)
    for x in (left, right - 1):
        painter.fillRect(QRectF(x, 0, 1, height_px), accent)


def paint_playhead(painter: QPainter, axis: TimeAxis, frame: int, height_px: int) -> None:
    """The current frame: a line with a handle on the ruler; over the whole frame where frames are wide."""
    x = HEADER_PX + axis.x_of(frame)
    colour = theme.colour("playhead")
    if axis.px_per_frame >= 4:
        painter.fillRect(QRectF(x, RULER_PX, axis.px_per_frame, height_px - RULER_PX), _faint(colour, 0.22))
    middle = playhead_x(axis, frame)
    painter.fillRect(QRectF(middle - 0.75, RULER_PX - 6, 1.5, height_px), colour)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    handle = [(-6, 4), (6, 4), (6, RULER_PX - 12), (0, RULER_PX - 5), (-6, RULER_PX - 12)]
    painter.drawPolygon(QPolygonF([QPointF(middle + dx, y) for dx, y in handle]))


def playhead_x(axis: TimeAxis, frame: int) -> float:
    """Pixel, in the widget, of the playhead's line."""
    return HEADER_PX + axis.x_of(frame) + axis.px_per_frame / 2


def _on_surface(colour: QColor) -> QColor:
    """Pale colours, which are lost on white, a little darker there."""
    return colour.darker(140) if theme.scheme() == "light" and colour.lightnessF() > _PALE else colour


def _faint(colour: QColor, alpha: float) -> QColor:
    result = QColor(colour)
    result.setAlphaF(colour.alphaF() * alpha)
    return result


def lanes_of(tracks: Mapping[int, Track], selected: int | None, preview: LanePreview | None) -> list[Lane]:
    """One lane a track, by id; tracks that only the preview has come last."""
    lanes = [Lane(track, is_selected=track_id == selected) for track_id, track in sorted(tracks.items())]
    new = () if preview is None else sorted(set(preview.after) - set(tracks))
    grey = theme.colour("muted").name()
    return lanes + [Lane(Track(track_id, f"{track_id}", grey), is_new=True) for track_id in new]


def label_font(font: QFont) -> QFont:
    """A size smaller than the window's text."""
    result = QFont(font)
    result.setPointSizeF(max(7.0, font.pointSizeF() * 0.9))
    return result
