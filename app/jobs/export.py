"""Writing a project's poses to files, with frame images and an overlay video if wanted; a job, see `app.jobs.worker`.

The job opens the project itself, read-only, so that people can go on working while it runs: it writes what the
project held when it began.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from app.jobs.read_back import ReadBack, read_back
from app.jobs.worker import Step
from app.project.convert import What, to_sequence
from app.project.document import Document
from app.project.export_checks import Problem, export_checks
from dcpose_core.annotation import with_ranking_scores
from dcpose_core.errors import FormatError, UsageError, VideoError
from dcpose_core.files import replacing
from dcpose_core.formats import FORMATS, write_poses
from dcpose_core.render import render_overlay
from dcpose_core.types import FramePoses, ImageArray, PoseSequence
from dcpose_core.video import FrameSource, open_frames

_JPEG_QUALITY = 95


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What to write.

    video: where it is now; fingerprint: what it has to hold. first, last: frames, both included; last None: to the
    end. track_ids: None for all. sequence_name: inside the file; empty for the format's default. images: the folder
    in which the frame images get their places and names as the file has them, or None. overlay: a video with the
    poses drawn on it, or None.
    """

    project: Path
    video: Path
    fingerprint: str
    output: Path
    format: str
    what: What = "view"
    first: int = 0
    last: int | None = None
    track_ids: frozenset[int] | None = None
    sequence_name: str = ""
    images: Path | None = None
    overlay: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """n_frames: labelled frames, n_persons: person-frames, n_tracks: identities in the files. n_images: images
    written. damaged: frames that could not be decoded, a sentence each. check: what reading the files back showed."""

    files: list[Path]
    overlay: Path | None
    n_frames: int
    n_persons: int
    n_tracks: int
    n_images: int
    damaged: list[str]
    check: ReadBack


def check_job(request: ExportRequest) -> Generator[Step, None, list[Problem]]:
    """What people want to know before they export; nothing is written. Raises `ProjectError`."""
    yield Step(0, 2, "Collecting poses")
    sequence = _sequence(request)
    yield Step(1, 2, "Checking")
    return export_checks(sequence, format=request.format)


def export_job(request: ExportRequest) -> Generator[Step, None, ExportResult]:
    """Write, read back, and score against itself. What is written already stays if it is cancelled; each file is
    whole or not there.

    Raises `UsageError` for paths that cannot be meant, `FormatError` for what the format cannot hold, `VideoError`
    for a video that cannot be read or written.
    """
    check_paths(request)
    yield Step(0, 0, "Collecting poses")
    sequence = with_ranking_scores(_sequence(request))
    blocking = [problem.sentence for problem in export_checks(sequence, format=request.format) if problem.blocks]
    if blocking:
        raise FormatError(f"{request.output}: not written: {blocking[0]}")
    yield Step(0, 0, "Writing annotations")
    files = write_poses([sequence], request.output, format=request.format, source=request.video)
    yield Step(0, 0, "Reading back")
    check = read_back(sequence, files, format=request.format)
    n_images, damaged = 0, []
    if request.images is not None or request.overlay is not None:
        with open_frames(request.video) as source:
            if source.fingerprint != request.fingerprint:
                raise VideoError(f"{request.video}: not the video of this project any more; open the project again")
            n_images = yield from _pictures(request, sequence, check.frames, source)
            damaged = [stretch.message for stretch in source.damaged]
    labelled = [frame for frame in sequence.frames if frame.is_labeled]
    persons = [person for frame in labelled for person in frame.persons]
    return ExportResult(
        files=files,
        overlay=request.overlay,
        n_frames=len(labelled),
        n_persons=len(persons),
        n_tracks=len({person.track_id for person in persons}),
        n_images=n_images,
        damaged=damaged,
        check=check,
    )


def check_paths(request: ExportRequest) -> None:
    """Raises `UsageError` that says which path cannot be meant."""
    if request.format not in FORMATS:
        raise UsageError(f"unknown format {request.format!r}: use one of {', '.join(FORMATS)}")
    if request.output.suffix.lower() != ".json":
        raise UsageError(f"{request.output}: annotations are written as .json; give the file that ending")
    if request.overlay is not None and request.overlay.suffix.lower() != ".mp4":
        raise UsageError(f"{request.overlay}: the overlay video is written as .mp4; give the file that ending")
    for path in (request.output, request.overlay):
        if path is not None and path.is_dir():
            raise UsageError(f"{path} is a folder: name a file to write")
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.parent}; choose one that exists")
    if request.images is not None and request.images.exists() and not request.images.is_dir():
        raise UsageError(f"{request.images} is a file: choose a folder for the frame images")
    kept = {request.project.resolve(), request.video.resolve()}
    for path in (request.output, request.overlay):
        if path is not None and path.resolve() in kept:
            raise UsageError(f"{path} is the project or its video: choose another name")


def _sequence(request: ExportRequest) -> PoseSequence:
    with Document.open(request.project, read_only=True) as document:
        return to_sequence(
            document,
            what=request.what,
            first=request.first,
            last=request.last,
            track_ids=request.track_ids,
            name=request.sequence_name,
        )


def _pictures(
    request: ExportRequest, sequence: PoseSequence, written: Sequence[FramePoses], source: FrameSource
) -> Generator[Step, None, int]:
    """Frame images and overlay of the exported range; returns how many images were written."""
    last = len(sequence.frames) - 1 if request.last is None else min(request.last, len(sequence.frames) - 1)
    indices = range(request.first, last + 1)
    total = len(indices) * ((request.images is not None) + (request.overlay is not None))
    done = n_images = 0
    if request.images is not None:
        for _ in _write_images(request.images, written, source, indices):
            n_images += 1
            done += 1
            yield Step(done, total, "Writing frame images" if n_images == 1 else None)
        done = len(indices)
    if request.overlay is not None:
        poses = sequence.frames[indices.start : indices.stop]
        for number, _ in enumerate(render_overlay(source, poses, request.overlay)):
            yield Step(done + number + 1, total, "Drawing the overlay video" if number == 0 else None)
    return n_images


def _write_images(folder: Path, written: Sequence[FramePoses], source: FrameSource, indices: range) -> Iterator[Path]:
    """The frames as JPEG files, under the names that the annotation file gives them. Damaged frames are left out."""
    for frame in source.frames(indices.start, indices.stop):
        name = PurePosixPath(written[frame.index].file_name or "")
        if name.is_absolute() or ".." in name.parts or not name.suffix:
            raise FormatError(f"frame {frame.index}: {str(name)!r} in the annotation file is no name for an image")
        path = folder / name
        _write_jpeg(path, frame.image)
        yield path


def _write_jpeg(path: Path, image: ImageArray) -> None:
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise VideoError(f"{path}: the image could not be encoded")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_bytes(np.asarray(data).tobytes())
    except OSError as error:
        raise VideoError(f"{path}: cannot be written: {error.strerror or error}") from error
