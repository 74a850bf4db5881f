"""What a PoseTrack file has no place for: which frame of which video it shows, and which head boxes nobody drew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dcpose_core.formats._export import ExportPart


def manifest(parts: Mapping[Path, ExportPart], *, format: str, source: str | None) -> dict[str, Any]:
    """Content of the manifest of written files; only names of files are kept, no folders of this machine."""
    return {
        "format": format,
        "source": source,
        "sequences": [{"file": path.name, **_sequence_record(part)} for path, part in parts.items()],
    }


def _sequence_record(part: ExportPart) -> dict[str, Any]:
    persons = [(frame, person) for frame in part.frames for person in frame.persons]
    derived = [[frame.number, person.track_id] for frame, person in persons if person.head_box_is_derived]
    # Joints there count as annotated in poseval, but not in the PoseTrack21 kit.
    at_border = 0
    if persons:
        located = np.stack([person.pose.located for _, person in persons])
        keypoints = np.stack([person.pose.keypoints for _, person in persons])
        at_border = int((located & (keypoints <= 0).any(axis=2)).sum())
    record: dict[str, Any] = {
        "sequence": part.name,
        "source_sequence": part.source_name,
        "frame": [frame.number for frame in part.frames],
        "source_frame": [frame.source.index for frame in part.frames],
        "time_s": [frame.source.time_s for frame in part.frames],
        # Position = track id in the file.
        "source_track_ids": part.source_track_ids,
        "bbox_head_source": "derived" if derived else "given",
        "joints_at_or_beyond_the_upper_or_left_border": at_border,
    }
    if derived and len(derived) < len(persons):
        record |= {"bbox_head_source": "mixed", "derived_bbox_head_of_frame_and_track_id": derived}
    return record
