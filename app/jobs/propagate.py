"""The jobs of propagation: proposals frame by frame, and looking ahead so that the next ones come at once.

They only compute. What the document holds comes to them as snapshots; their proposals come as payloads.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from app.jobs.footage_keeper import FootageChoice, FootageKeeper, OpenFootage
from app.jobs.worker import Step
from app.project.poses import body_box
from app.project.records import JointSource, Person
from app.project.track_snapshot import TrackSnapshot
from dcpose_core.errors import VideoError
from dcpose_core.geometry import crop_affine, warp_crop
from dcpose_core.propagation import PROPAGATORS, WITHOUT_MODEL, PersonTrack, ProposedPose, TrackPose
from dcpose_core.propagation.spans import Direction, span, until_cut, until_unsure
from dcpose_core.propagation.track_boxes import box_at
from dcpose_core.types import FloatArray, ImageArray

Until = Literal["count", "human", "unsure", "cut"]

#: Of `WITHOUT_MODEL`, what stands in while the model is being loaded.
DRAFT = "flow"
#: Nobody looks through more proposals than this.
MOST_FRAMES = 250
#: Size of the pictures of the film strip.
CROP_WIDTH_PX, CROP_HEIGHT_PX = 144, 192
_CROP_OF_BOX = 1.1
_POLL_S = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class TrackWish:
    """A track, and which of its joints to propagate, bool `[17]`."""

    track: TrackSnapshot
    joints: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class PropagateRequest:
    """From frame `start` to others. method: key in `PROPAGATORS`. direction: as `Direction`.

    until: `count` frames; the next frame that a person set (`human`); where the confidence drops below `least`
    (`unsure`); the end of the scene (`cut`). No way leads over a cut. left_out: frames that are not to be touched.
    """

    footage: FootageChoice
    wishes: tuple[TrackWish, ...]
    start: int
    method: str
    direction: str = "forward"
    until: Until = "count"
    count: int = 5
    least: float = 0.0
    left_out: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class ProposedFrame:
    """Payload: one person's proposal with a picture of it.

    crop: uint8 `[h, w, 3]`, or None where the frame cannot be seen. matrix: float64 `[2, 3]`, image pixels -> crop
    pixels. is_draft: to be replaced as soon as the model is there.
    """

    pose: ProposedPose
    crop: ImageArray | None
    matrix: FloatArray
    is_draft: bool = False


@dataclass(frozen=True, slots=True)
class PropagationSummary:
    """n_proposed: frames with a proposal. n_asked: frames that the span has."""

    n_proposed: int
    n_asked: int


def propagate_job(keeper: FootageKeeper, request: PropagateRequest) -> Generator[Step, None, PropagationSummary]:
    """Propagate as asked for; yields payloads `ProposedFrame`. Raises any `DCPoseError`."""
    footage = keeper.open(request.footage)
    ways = [way for wish in request.wishes for way in _ways(footage, request, wish)]
    total = sum(len(way.frames) for way in ways)
    yield Step(0, total)
    if request.method not in WITHOUT_MODEL and not footage.model_is_ready:
        footage.want_model()
        for way in ways:
            for pose in _proposals(footage, replace(request, method=DRAFT), way):
                yield Step(0, total, payload=_pictured(footage, way.track, pose, is_draft=True))
        yield from _until_model_is_ready(footage, total)
    done = n_proposed = 0
    for way in ways:
        for pose in _proposals(footage, request, way):
            n_proposed += 1
            at = done + way.frames.index(pose.frame) + 1
            yield Step(at, total, payload=_pictured(footage, way.track, pose))
        done += len(way.frames)
    return PropagationSummary(n_proposed, total)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAheadRequest:
    """Frames that propagation will look at next; boxes: the person's, by frame, for the model to look at."""

    footage: FootageChoice
    frames: range
    boxes: Mapping[int, FloatArray]
    asks_model: bool


def look_ahead_job(keeper: FootageKeeper, request: LookAheadRequest) -> Generator[Step, None, None]:
    """Decode frames, load the model and let it look at boxes, so that a preview after this needs no time for it."""
    footage = keeper.open(request.footage)
    for frame in request.frames:
        yield Step()
        if 0 <= frame < footage.frames.n_frames:
            _try_image(footage, frame)
    if request.asks_model:
        yield from _until_model_is_ready(footage, 0)
        for frame, box in request.boxes.items():
            yield Step()
            if _try_image(footage, frame) is not None:
                footage.frames.evidence(frame, box)


def let_go_job(keeper: FootageKeeper) -> Generator[Step, None, None]:
    """Let go of the video."""
    keeper.let_go()
    yield Step()


@dataclass(frozen=True, slots=True, eq=False)
class _Way:
    """One track in one direction. frames: nearest first."""

    track: PersonTrack
    joints: NDArray[np.bool_]
    frames: list[int]


def _ways(footage: OpenFootage, request: PropagateRequest, wish: TrackWish) -> Iterator[_Way]:
    track = person_track(wish.track)
    for step in Direction(request.direction).steps:
        frames = span(
            track,
            request.start,
            step,
            n_video_frames=footage.frames.n_frames,
            joints=wish.joints,
            count=min(request.count, MOST_FRAMES) if request.until == "count" else MOST_FRAMES,
            past_human=request.until == "cut",
        )
        yield _Way(track, wish.joints, [frame for frame in frames if frame not in request.left_out])


def _proposals(footage: OpenFootage, request: PropagateRequest, way: _Way) -> Iterator[ProposedPose]:
    propagator = PROPAGATORS[request.method](footage.frames)
    proposals = until_cut(propagator.propagate(way.track, way.frames, way.joints), footage.cuts, start=request.start)
    return until_unsure(proposals, threshold=request.least) if request.until == "unsure" else proposals


def _pictured(footage: OpenFootage, track: PersonTrack, pose: ProposedPose, *, is_draft: bool = False) -> ProposedFrame:
    box = box_at(track, pose.frame, containing=pose.keypoints[pose.proposed])
    matrix = crop_affine(box, width_px=CROP_WIDTH_PX, height_px=CROP_HEIGHT_PX, enlargement=_CROP_OF_BOX)
    image = _try_image(footage, pose.frame)
    crop = None if image is None else warp_crop(image, matrix, width_px=CROP_WIDTH_PX, height_px=CROP_HEIGHT_PX)
    return ProposedFrame(pose, crop, matrix, is_draft)


def _until_model_is_ready(footage: OpenFootage, total: int) -> Generator[Step, None, None]:
    """Waits so that it can be cancelled."""
    footage.want_model()
    while not footage.model_is_ready:
        yield Step(0, total, "Loading the model")
        time.sleep(_POLL_S)


def _try_image(footage: OpenFootage, frame: int) -> ImageArray | None:
    try:
        return footage.frames.image(frame)
    except VideoError:
        return None  # damaged: there is nothing to see


def person_track(snapshot: TrackSnapshot) -> PersonTrack:
    """A track as propagation takes it. What a person set is the truth; what one accepted of a propagation is not."""
    poses = {frame: _track_pose(person, snapshot.predicted.get(frame)) for frame, person in snapshot.shown.items()}
    return PersonTrack(snapshot.track_id, poses)


def _track_pose(person: Person, predicted: Person | None) -> TrackPose:
    human = person.sources == JointSource.HUMAN
    said = person if predicted is None and not human.any() else predicted
    box = body_box(person)
    return TrackPose(
        keypoints=person.keypoints,
        scores=person.scores,
        located=person.located,
        human=human,
        box_xyxy=box if box is not None and (box[2:] > box[:2]).all() else None,
        predicted=None if said is None else np.where(said.located[:, None], said.keypoints, np.nan),
    )
