"""Where the video of a project is now. It is known by its content, never guessed from its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.project.video_facts import VideoFacts
from dcpose_core.errors import VideoError
from dcpose_core.video.fingerprint import file_fingerprint
from dcpose_core.video.image_sequence import IMAGE_SUFFIXES, ImageSequenceReader, is_pattern

#: Files that are looked at beside the project and where the video was last, if none has its name; each costs 4 MB.
_MAX_LOOKED_AT = 200
_VIDEO_SUFFIXES = frozenset(
    (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp")
)


@dataclass(frozen=True, slots=True)
class VideoFound:
    """The very video. path: where it is, perhaps not where it was."""

    path: Path


@dataclass(frozen=True, slots=True)
class VideoChanged:
    """There is a video of its name, but with other content: somebody has to say what it is."""

    path: Path


@dataclass(frozen=True, slots=True)
class VideoMissing:
    """It is nowhere near. expected: where it was last."""

    expected: Path


VideoLink = VideoFound | VideoChanged | VideoMissing


def find_video(project: Path, video: VideoFacts) -> VideoLink:
    """Look where the video was, where it was in relation to the project, beside the project, and under any name in
    these folders."""
    folder = project.absolute().parent
    likely = [video.path, folder / video.path.name]
    if video.relative_path is not None:
        likely.insert(1, folder / video.relative_path)
    changed: Path | None = None
    for path in dict.fromkeys(likely):
        found = fingerprint_of(path)
        if found == video.fingerprint:
            return VideoFound(path)
        if found is not None and changed is None:
            changed = path
    for path in _files_near(dict.fromkeys(path.parent for path in likely)):
        if fingerprint_of(path) == video.fingerprint:
            return VideoFound(path)
    return VideoMissing(video.path) if changed is None else VideoChanged(changed)


def fingerprint_of(path: Path) -> str | None:
    """What names the content of a video file, or of a folder of images; None if there is none to be read."""
    try:
        if path.is_dir() or is_pattern(path) or path.suffix.lower() in IMAGE_SUFFIXES:
            with ImageSequenceReader.open(path) as images:
                return images.fingerprint
        return file_fingerprint(path)
    except (OSError, VideoError):
        return None


def _files_near(folders: dict[Path, None]) -> Iterator[Path]:
    looked_at = 0
    for folder in folders:
        try:
            files = sorted(file for file in folder.iterdir() if file.suffix.lower() in _VIDEO_SUFFIXES)
        except OSError:
            continue
        for file in files[: _MAX_LOOKED_AT - looked_at]:
            looked_at += 1
            yield file
