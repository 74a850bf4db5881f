"""What a project remembers of its video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcpose_core.types import FloatArray, read_only
from dcpose_core.video import FrameSource


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class VideoFacts:
    """path: where it was seen last. fingerprint: names its content. times_s: float64 `[N]`, presentation times.
    relative_path: where it was seen last, from the project's folder; None if nothing is known."""

    path: Path
    fingerprint: str
    width_px: int
    height_px: int
    frame_rate: float
    times_s: FloatArray
    relative_path: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "times_s", read_only(self.times_s, np.float64, (None,), "times_s"))

    @property
    def n_frames(self) -> int:
        return len(self.times_s)

    @classmethod
    def of(cls, source: FrameSource) -> VideoFacts:
        """The facts of an open video or image sequence."""
        return cls(
            path=source.path.absolute(),
            fingerprint=source.fingerprint,
            width_px=source.width_px,
            height_px=source.height_px,
            frame_rate=source.frame_rate,
            times_s=source.times_s,
        )
