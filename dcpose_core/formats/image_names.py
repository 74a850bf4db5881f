"""Image names found in annotation files, which anybody may have written: none may lead out of the images' folder."""

from __future__ import annotations

from pathlib import PurePosixPath


def relative_image_path(name: str) -> PurePosixPath | None:
    """The path below the images' folder that a name means, with either separator; None if it leads elsewhere."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or not path.parts or ":" in name or "\0" in name:
        return None
    return path
