"""Which frames the timeline shows, and at which pixel: pure arithmetic.

Frame i covers the stretch [i, i + 1) of the axis, so that every frame has a width and the last one an end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

#: Zooming in stops here: a handful of frames across the whole width says more than one giant one.
_FEWEST_FRAMES = 8
_NICE_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """A stretch of `n_frames` frames over `width_px` pixels.

    start: axis position at the left edge, in frames. span: frames over the whole width.
    """

    n_frames: int
    width_px: int
    start: float = 0.0
    span: float = 1.0

    @classmethod
    def whole(cls, n_frames: int, width_px: int) -> TimeAxis:
        """All frames over the width."""
        return cls(n_frames, max(1, width_px), 0.0, float(max(1, n_frames)))

    @property
    def is_whole(self) -> bool:
        return self.span >= self.n_frames

    @property
    def px_per_frame(self) -> float:
        return self.width_px / self.span

    @property
    def first_frame(self) -> int:
        """The first frame of which something shows."""
        return max(0, int(self.start))

    @property
    def last_frame(self) -> int:
        """The last frame of which something shows."""
        return max(0, min(self.n_frames, int(np.ceil(self.start + self.span))) - 1)

    def x_of(self, frame: float) -> float:
        """Pixel of the left end of `frame`; `x_of(frame + 1)` is its right end."""
        return (frame - self.start) * self.px_per_frame

    def frame_at(self, x: float) -> int:
        """The frame under pixel `x`, the nearest one for a pixel beside the video."""
        frame = int(np.floor(self.start + x / self.px_per_frame))
        return max(0, min(frame, self.n_frames - 1))

    def resized(self, width_px: int) -> TimeAxis:
        """The same frames over another width."""
        return replace(self, width_px=max(1, width_px))

    def zoomed(self, x: float, factor: float) -> TimeAxis:
        """`factor` times closer, with the frame under pixel `x` staying where it is."""
        at = self.start + x / self.px_per_frame
        span = self._allowed_span(self.span / factor)
        return self._placed(at - x / self.width_px * span, span)

    def panned(self, dx: float) -> TimeAxis:
        """Moved so that what was at pixel `dx` is at the left edge."""
        return self._placed(self.start + dx / self.px_per_frame, self.span)

    def showing(self, first: int, last: int) -> TimeAxis:
        """Frames `first` to `last`, both included, over the whole width."""
        span = self._allowed_span(last - first + 1.0)
        return self._placed((first + last + 1 - span) / 2, span)

    def revealing(self, frame: int) -> TimeAxis:
        """Moved by as little as brings `frame` into view; a whole page ahead where it leaves to the right."""
        if self.start <= frame and frame + 1 <= self.start + self.span:
            return self
        margin = self.span * 0.1
        is_near_end = self.start + self.span <= frame + 1 <= self.start + 2 * self.span
        return self._placed(frame - (margin if is_near_end else self.span / 2), self.span)

    def column_starts(self, columns: int) -> tuple[NDArray[np.int64], int]:
        """First frame of each of `columns` pixel columns, int64 `[columns]`, and the frame after the last one.

        Neighbouring columns start at the same frame where a frame is wider than a column, so that
        `ufunc.reduceat(values[:stop], starts)` is the value of each column either way.
        """
        edges = self.start + np.arange(columns + 1) * (self.span / columns)
        # A hair above: 3 * (1 / 3) has to be frame 1.
        frames = np.clip(np.floor(edges + 1e-9).astype(np.int64), 0, max(0, self.n_frames - 1))
        stop = min(self.n_frames, int(np.ceil(edges[-1] - 1e-9)))
        return frames[:-1], max(stop, int(frames[-2]) + 1)

    def tick_step(self, label_px: int) -> int:
        """Frames between labels of the ruler: 1, 2 or 5 times a power of ten, at least `label_px` pixels apart."""
        wanted = label_px / self.px_per_frame
        power = 1
        while True:
            for nice in _NICE_STEPS:
                if nice * power >= wanted:
                    return nice * power
            power *= 10

    def _allowed_span(self, span: float) -> float:
        return min(max(span, float(min(_FEWEST_FRAMES, self.n_frames))), float(max(1, self.n_frames)))

    def _placed(self, start: float, span: float) -> TimeAxis:
        return replace(self, start=min(max(0.0, start), max(0.0, self.n_frames - span)), span=span)
