"""What every source of frames offers, video file or images, and how it tells what it could not read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from dcpose_core.types import FloatArray, Frame


class DamagedStretch(NamedTuple):
    """Frames that cannot be read. first, last: 0-based frame indices, both included; they lie beyond the end of the
    source where a file ends before what it announces. message: one sentence for people."""

    first: int
    last: int
    message: str


class FrameSource(Protocol):
    """Frames by 0-based index, in presentation order. Not for use from several threads at once."""

    def __len__(self) -> int: ...

    @property
    def path(self) -> Path: ...

    @property
    def width_px(self) -> int:
        """Width of every frame, after turning it upright."""
        ...

    @property
    def height_px(self) -> int: ...

    @property
    def frame_rate(self) -> float:
        """Average frames per second."""
        ...

    @property
    def times_s(self) -> FloatArray:
        """Presentation times as the file states them, float64 `[N]`, never going back; the first need not be 0."""
        ...

    @property
    def damaged(self) -> tuple[DamagedStretch, ...]:
        """What is known so far to be unreadable; complete once all frames have been asked for."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hex string that names the content, whatever the file is called."""
        ...

    def read(self, index: int) -> Frame:
        """Frame `index`. Raises `VideoError` if it is damaged, `IndexError` if there is no such frame."""
        ...

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Frames `start` to `stop` (not included), each decoded once. Damaged ones are left out: see `damaged`."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def check_index(index: int, count: int, path: Path) -> None:
    if not 0 <= index < count:
        raise IndexError(f"{path}: there is no frame {index}, only 0 to {count - 1}")


def check_range(start: int, stop: int | None, count: int, path: Path) -> range:
    end = count if stop is None else stop
    if not 0 <= start <= end <= count:
        raise IndexError(f"{path}: there are no frames {start} to {end}, only 0 to {count}")
    return range(start, end)


def stretches(damaged: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, last) of each run of True, both included."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], damaged, [False]])))
    return [(int(first), int(end) - 1) for first, end in edges.reshape(-1, 2)]
