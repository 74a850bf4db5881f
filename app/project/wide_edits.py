"""Edits of long ranges, a slice at a time, so that the window breathes in between; one step of the history."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.project.document import Document
from app.project.records import Edit

#: Frames a slice: short enough to go unnoticed between two frames on the screen.
SLICE_FRAMES = 256


def apply_in_slices(
    document: Document, label: str, build: Callable[[int, int], Edit], first: int, last: int
) -> Iterator[int]:
    """Apply `build(first of slice, last of slice)` over frames `first` to `last` (included); yields how many frames
    are done. Closing it, or undoing, ends it; what is done stays as one step, like every other."""
    group = document.group(label)
    try:
        for start in range(first, last + 1, SLICE_FRAMES):
            if group.cancelled:
                return
            end = min(start + SLICE_FRAMES - 1, last)
            group.apply(build(start, end).changes)
            yield end + 1 - first
    finally:
        group.close()
