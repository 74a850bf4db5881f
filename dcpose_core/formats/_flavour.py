"""Which format a file is in, for those who write it again."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dcpose_core.formats._json import decode, read_bytes
from dcpose_core.formats._reading import read_poses
from dcpose_core.skeletons import COCO_17


def format_of(path: str | Path) -> str:
    """The key in `FORMATS` of a file that `read_poses` takes; what nobody writes (lists, the demo's output) is the
    nearest of them. Raises `FormatError` as that does."""
    (*_, last) = read_poses(path)
    if last.skeleton.name == COCO_17.name:
        return "coco"
    fields = decode(read_bytes(Path(path)), type=dict[str, msgspec.Raw], file=str(path))
    if "annolist" in fields:
        return "posetrack17"
    # Only PoseTrack21 says so of its images.
    return "posetrack21" if b'"has_labeled_person"' in bytes(fields.get("images", b"")) else "posetrack18"
