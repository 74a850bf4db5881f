"""Video: frames by exact 0-based index from files and images, and writing of H.264 files."""

from __future__ import annotations

from pathlib import Path

from dcpose_core.video.image_sequence import IMAGE_SUFFIXES, ImageSequenceReader, is_pattern
from dcpose_core.video.packets import ProgressCallback
from dcpose_core.video.reader import VideoReader
from dcpose_core.video.source import DamagedStretch, FrameSource
from dcpose_core.video.writer import VideoWriter

__all__ = [
    "DamagedStretch",
    "FrameSource",
    "ImageSequenceReader",
    "ProgressCallback",
    "VideoReader",
    "VideoWriter",
    "open_frames",
]


def open_frames(path: str | Path, on_progress: ProgressCallback | None = None) -> VideoReader | ImageSequenceReader:
    """Open a video file, a folder of images, a numbered sequence (`img_%05d.png`) or a single image.

    on_progress: see `VideoReader.open`. Raises `VideoError` if there is nothing to read.
    """
    path = Path(path)
    if path.is_dir() or is_pattern(path) or path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSequenceReader.open(path)
    return VideoReader.open(path, on_progress)
