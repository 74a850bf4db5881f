"""The job that lets a model annotate a range of the video. It only computes: its poses come as payloads, and the thread
that owns the document takes them into it (`PredictionRun`)."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import torch

from app.jobs.worker import Step
from dcpose_core.annotation import DEFAULT_MODEL
from dcpose_core.detectors import DETECTORS, Detector
from dcpose_core.devices import choose_device
from dcpose_core.errors import VideoError
from dcpose_core.models.catalogue import load_model
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.pipeline import AnalysisSettings, analyse
from dcpose_core.trackers import TRACKERS, GivenTracks
from dcpose_core.types import Detection, FramePoses
from dcpose_core.video import FrameSource, open_frames

#: Poses are handed on at most this late, and at most so many frames at once.
_HAND_ON_S, _HAND_ON_FRAMES = 0.2, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotateRequest:
    """One run. fingerprint: of the document's video; another one is refused.

    settings: range, temporal or not, and so on; see `AnalysisSettings`. boxes: frame -> boxes with the document's
    track ids, in place of detector and tracker (`boxes_of_tracks`, or one box that somebody drew).
    """

    video: Path
    fingerprint: str
    model: str = DEFAULT_MODEL
    device: str = "auto"
    detector: str = "multipose"
    tiles: int = 1
    tracker: str = "motion_oks"
    settings: AnalysisSettings = field(default_factory=AnalysisSettings)
    boxes: Mapping[int, Sequence[Detection]] | None = None


@dataclass(frozen=True, slots=True)
class RunStarted:
    """Payload: where the network really runs, `CPU` or `cuda:0 (name of the card)`, and the model's title."""

    device: str
    model: str


@dataclass(frozen=True, slots=True)
class PredictedFrames:
    """Payload: the poses of some frames, in order, for `PredictionRun.take`."""

    frames: tuple[FramePoses, ...]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """n_frames: analysed. n_poses: persons on them. damaged: what could not be decoded, a sentence each."""

    device: str
    n_frames: int
    n_poses: int
    damaged: tuple[str, ...]


def annotate_job(request: AnnotateRequest) -> Generator[Step, None, RunSummary]:
    """Analyse the video as asked for. Yields payloads `RunStarted`, then `PredictedFrames`; messages tell what goes on
    differently than asked for. Raises any `DCPoseError`."""
    messages: list[str] = []
    yield Step(message="Opening the video")
    with open_frames(request.video) as source:
        if source.fingerprint != request.fingerprint:
            raise VideoError(f"{request.video}: not the video of this project any more; choose the right one")
        total = len(request.settings.key_frames(len(source)))
        yield Step(0, total, "Loading the model")
        model = load_model(request.model)
        device = choose_device(request.device, messages.append)
        detector = DETECTORS[request.detector](device=device, tiles=request.tiles) if request.boxes is None else None
        return (yield from predict(source, request, model=model, device=device, detector=detector, messages=messages))


def predict(
    source: FrameSource,
    request: AnnotateRequest,
    *,
    model: PoseModel,
    device: torch.device,
    detector: Detector | None,
    messages: list[str],
) -> Generator[Step, None, RunSummary]:
    """`annotate_job` with everything opened. messages: what to tell people; more is appended and told in time."""
    key_frames = request.settings.key_frames(len(source))
    boxes = request.boxes
    given = {box.track_id for found in (boxes or {}).values() for box in found if box.track_id is not None}
    name = describe_device(device)
    if request.settings.temporal and model.temporal is None:
        messages.append(f"{model.description.title} has no trained temporal modules: these are single-frame results")
    yield Step(0, len(key_frames), payload=RunStarted(name, model.description.title))
    yield from _told(messages, 0, len(key_frames))
    ready: list[FramePoses] = []
    handed_on_s = time.monotonic()
    n_frames = n_poses = 0
    analysis = analyse(
        source,
        model=model,
        device=device,
        detector=detector,
        tracker=TRACKERS[request.tracker]() if boxes is None else GivenTracks(reserved_ids=given),
        settings=request.settings,
        announce=messages.append,
        given_boxes=boxes,
    )
    with closing(analysis):  # a cancelled job lets go of decoder and networks at once
        for poses in analysis:
            ready.append(poses)
            n_frames, n_poses = n_frames + 1, n_poses + len(poses.persons)
            done = poses.index + 1 - key_frames.start
            yield from _told(messages, done, len(key_frames))
            if len(ready) >= _HAND_ON_FRAMES or time.monotonic() - handed_on_s >= _HAND_ON_S:
                yield Step(done, len(key_frames), payload=PredictedFrames(tuple(ready)))
                ready, handed_on_s = [], time.monotonic()
    if ready:
        yield Step(len(key_frames), len(key_frames), payload=PredictedFrames(tuple(ready)))
    return RunSummary(name, n_frames, n_poses, tuple(stretch.message for stretch in source.damaged))


def describe_device(device: torch.device) -> str:
    """`CPU`, or `cuda:0 (name of the card)`."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    return "CPU"


def _told(messages: list[str], done: int, total: int) -> Generator[Step, None, None]:
    while messages:
        yield Step(done, total, messages.pop(0))
