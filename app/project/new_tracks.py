"""Names and colours of tracks that are new."""

from __future__ import annotations

from app.project.document import Document
from app.project.records import Track

#: Distinct on dark and light frames and far from the joints' green, orange and blue; used in turn.
TRACK_COLOURS = (
    "#e6194b", "#ffe119", "#911eb4", "#42d4f4", "#f032e6", "#bfef45",
    "#fabed4", "#469990", "#dcbeff", "#9a6324", "#fffac8", "#aaffc3",
)  # fmt: skip


def new_track(document: Document, track_id: int | None = None) -> Track:
    """A track that does not exist yet, under the next free id if none is given."""
    if track_id is None:
        track_id = document.next_free_track_id()
    return Track(track_id, f"Person {track_id}", TRACK_COLOURS[track_id % len(TRACK_COLOURS)])
