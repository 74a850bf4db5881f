"""From a video to an annotation file: what `dcpose annotate` and the window's export both do.

The poses of every finished frame go to a journal beside the output at once; the output is written, whole, at the
end. An interrupted run is continued from its journal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from dcpose_core.detectors import DETECTORS
from dcpose_core.devices import Announce, choose_device
from dcpose_core.errors import UsageError
from dcpose_core.estimation import StageClock
from dcpose_core.files import asked_for
from dcpose_core.formats import FORMATS, boxes_from_file, write_poses
from dcpose_core.journal import Journal, RunDescription
from dcpose_core.models.catalogue import load_model
from dcpose_core.pipeline import AnalysisSettings, analyse
from dcpose_core.render import render_overlay
from dcpose_core.trackers import TRACKERS, GivenTracks
from dcpose_core.types import Detection, FramePoses, PersonPose, PoseSequence
from dcpose_core.video import FrameSource, ImageSequenceReader, open_frames

DEFAULT_MODEL = "dcpose_thunder"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationRequest:
    """One run. tiles: look for distant people in tiles x tiles parts of each frame too. boxes: an annotation file
    that gives boxes and identities in place of detector and tracker.

    sequence_name: name inside the file; None for the format's default. resume: continue an interrupted run.
    """

    video: Path
    output: Path
    format: str = "posetrack18"
    device: str = "auto"
    model: str = DEFAULT_MODEL
    detector: str = "multipose"
    tiles: int = 1
    tracker: str = "motion_oks"
    boxes: Path | None = None
    overlay: Path | None = None
    sequence_name: str | None = None
    resume: bool = False
    settings: AnalysisSettings = field(default_factory=AnalysisSettings)


class Progress(NamedTuple):
    """`done` of `total` frames of a stage ("analysing", "drawing") are done."""

    stage: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationResult:
    """files: the annotation files written. overlay: the video written or None. n_frames: frames in the files,
    n_analysed: those that were analysed, n_poses: person-frames, n_tracks: identities. damaged: what could not be
    decoded. device: where the network ran. seconds: by stage, this run's part only."""

    files: list[Path]
    overlay: Path | None
    n_frames: int
    n_analysed: int
    n_poses: int
    n_tracks: int
    damaged: list[str]
    device: str
    seconds: dict[str, float]


def journal_path(output: Path) -> Path:
    """Where the finished frames of an unfinished run are kept."""
    return output.with_name(output.name + ".partial")


def annotate(request: AnnotationRequest, announce: Announce) -> Generator[Progress, None, AnnotationResult]:
    """Analyse a video and write its annotation file (and overlay video); a generator of progress that returns the
    result. Closing it early keeps the finished frames in the journal.

    Raises any `DCPoseError`, before any work where the request itself is at fault.
    """
    _check(request)
    clock = StageClock()
    settings = request.settings
    with open_frames(request.video) as source:
        key_frames = settings.key_frames(len(source))
        given = None if request.boxes is None else _given_boxes(request.boxes, source)
        if given is not None and not any(given.get(index) for index in key_frames):
            raise UsageError(f"{request.boxes}: no box in frames {key_frames.start} to {key_frames.stop - 1}")
        model = load_model(request.model)
        device = choose_device(request.device, announce)
        if settings.temporal and model.temporal is None:
            announce(f"{request.model} has no trained temporal modules: these are single-frame results")
        detector = None if given is not None else DETECTORS[request.detector](device=device, tiles=request.tiles)
        tracker = TRACKERS[request.tracker]() if given is None else GivenTracks(reserved_ids=_track_ids(given))
        run = _run_description(request, source, model_sha256=model.description.sha256)
        beside = journal_path(request.output)
        with (
            asked_for(request.output, instead_of=beside),
            Journal.open(beside, run, resume=request.resume) as journal,
        ):
            done = 0 if journal.last_finished is None else journal.last_finished + 1 - key_frames.start
            yield Progress("analysing", done, len(key_frames))
            for poses in analyse(
                source,
                model=model,
                device=device,
                detector=detector,
                tracker=tracker,
                settings=settings,
                announce=announce,
                given_boxes=given,
                journal=journal,
                clock=clock,
            ):
                yield Progress("analysing", poses.index + 1 - key_frames.start, len(key_frames))
            sequence = _sequence(request, source, journal.poses())
            files = write_poses(
                [with_ranking_scores(sequence)], request.output, format=request.format, source=request.video
            )
            if request.overlay is not None:
                analysed = [frame for frame in sequence.frames if frame.index in key_frames]
                for done, _ in enumerate(render_overlay(source, analysed, request.overlay), start=1):
                    yield Progress("drawing", done, len(key_frames))
            journal.discard()
        finished = [frame for frame in sequence.frames if frame.is_labeled]
        persons = [person for frame in finished for person in frame.persons]
        if not persons and settings.persons is not None:
            announce(f"no person had track id {', '.join(map(str, sorted(settings.persons)))} in these frames")
        return AnnotationResult(
            files=files,
            overlay=request.overlay,
            n_frames=len(sequence.frames),
            n_analysed=len(finished),
            n_poses=len(persons),
            n_tracks=len({person.track_id for person in persons}),
            damaged=[stretch.message for stretch in source.damaged],
            device=str(device),
            seconds=dict(clock.seconds),
        )


def _given_boxes(path: Path, source: FrameSource) -> dict[int, list[Detection]]:
    image_names = [image.name for image in source.file_paths] if isinstance(source, ImageSequenceReader) else None
    return boxes_from_file(path, image_names=image_names)


def _track_ids(boxes: Mapping[int, Sequence[Detection]]) -> set[int]:
    return {box.track_id for found in boxes.values() for box in found if box.track_id is not None}


def _check(request: AnnotationRequest) -> None:
    for name, registry in ((request.format, FORMATS), (request.detector, DETECTORS), (request.tracker, TRACKERS)):
        if name not in registry:
            raise UsageError(f"unknown name {name!r}: use one of {', '.join(sorted(registry))}")
    for path in (request.output, request.overlay):
        if path is not None and path.is_dir():
            raise UsageError(f"{path} is a folder: name a file to write")
        if path is not None and not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
    if request.output.suffix.lower() != ".json":
        raise UsageError(f"{request.output}: annotations are written as .json; give the output that ending")
    if request.overlay is not None and request.overlay.suffix.lower() != ".mp4":
        raise UsageError(f"{request.overlay}: the overlay video is written as .mp4; give it that ending")
    paths = [path.resolve() for path in (request.video, request.output, request.overlay, request.boxes) if path]
    if len(set(paths)) < len(paths):
        raise UsageError("video, output, overlay and boxes must be different files")


def _run_description(request: AnnotationRequest, source: FrameSource, *, model_sha256: str) -> RunDescription:
    settings = request.settings
    return RunDescription(
        fingerprint=source.fingerprint,
        video=request.video.name,
        model=request.model,
        model_sha256=model_sha256,
        settings={
            "--start": settings.start,
            "--stop": settings.stop,
            "--temporal": settings.temporal,
            "--backbone-mode": str(settings.backbone_mode),
            "--interval": settings.interval,
            "--views": settings.views,
            "--persons": None if settings.persons is None else ",".join(map(str, sorted(settings.persons))),
            "--boxes": None if request.boxes is None else hashlib.sha256(request.boxes.read_bytes()).hexdigest(),
            "--detector": request.detector,
            "--tiles": request.tiles,
            "--tracker": request.tracker,
        },
    )


def _sequence(request: AnnotationRequest, source: FrameSource, analysed: Iterator[FramePoses]) -> PoseSequence:
    """All frames of the video: the analysed ones with their poses, the others listed as not labelled."""
    by_index = {frame.index: frame for frame in analysed}
    frames = tuple(
        by_index.get(index) or FramePoses(index, time_s=float(time_s), is_labeled=False)
        for index, time_s in enumerate(source.times_s)
    )
    return PoseSequence(request.sequence_name or "", frames, width_px=source.width_px, height_px=source.height_px)


def with_ranking_scores(sequence: PoseSequence) -> PoseSequence:
    """Joint scores times the person's score, by which the reference ranks joints for AP."""
    return sequence.with_frames(
        replace(frame, persons=tuple(_ranked(person) for person in frame.persons)) for frame in sequence.frames
    )


def _ranked(person: PersonPose) -> PersonPose:
    if person.scores is None or person.score is None:
        return person
    return replace(person, scores=person.scores * person.score)
