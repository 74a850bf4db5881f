"""From an annotation file with some corrected frames to one whose neighbouring frames are corrected too."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcpose_core.annotation import DEFAULT_MODEL, Progress
from dcpose_core.boxes import to_convention
from dcpose_core.devices import Announce, choose_device
from dcpose_core.errors import UsageError
from dcpose_core.estimation import PoseEstimator
from dcpose_core.formats import FORMATS, format_of, read_poses, write_poses
from dcpose_core.formats._skeleton_conversion import boxes_of
from dcpose_core.models.catalogue import describe, load_model
from dcpose_core.propagation import DEFAULT_PROPAGATOR, PROPAGATORS
from dcpose_core.propagation.applying import FileProposal, applied
from dcpose_core.propagation.footage import VideoFootage
from dcpose_core.propagation.proposals import JOINTS, PersonTrack, Propagator, Proposal, ProposedPose, TrackPose
from dcpose_core.propagation.scene_cuts import SceneCuts, within
from dcpose_core.propagation.spans import Direction, Step, span, until_cut, until_unsure
from dcpose_core.skeletons import POSETRACK_17, Skeleton, joint_selection
from dcpose_core.types import PersonPose, PoseSequence
from dcpose_core.video import FrameSource, open_frames

_BATCH = 4


class Until(StrEnum):
    """How far from a corrected frame. A scene cut, the end of the track and the next corrected frame always end it."""

    HUMAN = "human"  #: to the next corrected frame; where there is none, not at all
    UNSURE = "unsure"  #: to where the confidence drops, joint by joint
    CUT = "cut"  #: as far as the scene goes


@dataclass(frozen=True, slots=True, kw_only=True)
class PropagationRequest:
    """One run. corrected: frames of `poses` on which a person set all `joints` of `tracks`: absent ones too.

    tracks: track ids, None for all. joints: names of `POSETRACK_17`, None for all. method: key in `PROPAGATORS`.
    count: frames from each corrected one at most. min_confidence: joints below it, or less sure than they are already,
    stay as they are. format: key in
    `FORMATS`, None for that of `poses`.
    """

    video: Path
    poses: Path
    output: Path
    corrected: Sequence[int]
    tracks: frozenset[int] | None = None
    joints: frozenset[str] | None = None
    method: str = DEFAULT_PROPAGATOR
    direction: Direction = Direction.BOTH
    until: Until = Until.UNSURE
    count: int | None = None
    min_confidence: float = 0.5
    format: str | None = None
    model: str = DEFAULT_MODEL
    device: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class PropagationResult:
    """files: the annotation files written, in `format`."""

    files: list[Path]
    format: str
    method: str
    proposals: list[FileProposal]


def propagate_file(request: PropagationRequest, announce: Announce) -> Generator[Progress, None, PropagationResult]:
    """Carry corrections of an annotation file to the frames around them and write the result; a generator of progress.

    Corrected joints never change, and other joints only where a proposal is confident enough. Nothing is written before
    the end. Raises any `DCPoseError`, before any work where the request itself is at fault.
    """
    _check(request)
    sequence = _only_sequence(request.poses)
    format_ = request.format or format_of(request.poses)
    joints = np.array([request.joints is None or joint in request.joints for joint in POSETRACK_17.joints])
    with open_frames(request.video) as source:
        _check_frames(request, sequence, source)
        tracks = _tracks(request, sequence, joints, announce)
        starts = [(track, frame) for track in tracks for frame in request.corrected if frame in track.poses]

        def estimator() -> PoseEstimator:
            model, device = load_model(request.model), choose_device(request.device, announce)
            temporal = model.temporal is not None
            return PoseEstimator(model, device=device, batch_size=_BATCH, temporal=temporal, announce=announce)

        best: dict[tuple[int, int, int], Proposal] = {}
        with VideoFootage(source, estimator) as footage:
            carrier = _Carrier(request, PROPAGATORS[request.method](footage), SceneCuts(footage), joints, len(source))
            for done, (track, frame) in enumerate(starts):
                yield Progress("propagating", done, len(starts))
                for step in request.direction.steps:
                    for pose in carrier.carried(track, frame, step):
                        for proposal in pose.joints():
                            key = proposal.frame, proposal.track_id, proposal.joint
                            # From either side of a frame the same joint may come: the surer one counts.
                            if key not in best or best[key].confidence < proposal.confidence:
                                best[key] = proposal
        yield Progress("propagating", len(starts), len(starts))
    changed, proposals = applied(best.values(), sequence, min_confidence=request.min_confidence)
    files = write_poses([changed], request.output, format=format_, source=request.video)
    return PropagationResult(files=files, format=format_, method=request.method, proposals=proposals)


@dataclass(frozen=True, slots=True)
class _Carrier:
    """Carries single corrections as the request wants it."""

    request: PropagationRequest
    propagator: Propagator
    cuts: SceneCuts
    joints: NDArray[np.bool_]
    n_video_frames: int

    def carried(self, track: PersonTrack, frame: int, step: Step) -> Iterator[ProposedPose]:
        """What is proposed in one direction from one corrected frame."""
        corrected = [other for other in self.request.corrected if other in track.poses]
        if self.request.until is Until.HUMAN and not any((other - frame) * step > 0 for other in corrected):
            return
        frames = span(
            track, frame, step, n_video_frames=self.n_video_frames, joints=self.joints, count=self.request.count
        )
        first = max((other for other in corrected if other < frame), default=frame)
        last = min((other for other in corrected if other > frame), default=frame)
        seen = within(track, self.cuts.scene(frame, first=first, last=last))
        found: Iterator[ProposedPose] = self.propagator.propagate(seen, frames, self.joints)
        found = until_cut(found, self.cuts, start=frame)
        if self.request.until is Until.UNSURE:
            found = until_unsure(found, threshold=self.request.min_confidence)
        yield from found


def _check(request: PropagationRequest) -> None:
    known = ((request.method, PROPAGATORS), (request.format or "coco", FORMATS))
    for name, registry in known:
        if name not in registry:
            raise UsageError(f"unknown name {name!r}: use one of {', '.join(sorted(registry))}")
    strangers = sorted((request.joints or frozenset()) - set(POSETRACK_17.joints))
    if strangers:
        raise UsageError(f"unknown joint {strangers[0]!r}: use some of {', '.join(POSETRACK_17.joints)}")
    if not request.corrected:
        raise UsageError("name the frames that a person corrected, such as --from 12,40")
    if request.count is not None and request.count < 1:
        raise UsageError(f"the number of frames to propagate to must be at least 1, not {request.count}")
    if not 0.0 <= request.min_confidence <= 1.0:
        raise UsageError(f"a confidence lies between 0 and 1, not at {request.min_confidence}")
    if request.output.suffix.lower() != ".json":
        raise UsageError(f"{request.output}: annotations are written as .json; give the output that ending")
    if request.output.resolve() in (request.poses.resolve(), request.video.resolve()):
        raise UsageError(f"{request.output} is an input itself: name another file to write")
    describe(request.model)


def _only_sequence(path: Path) -> PoseSequence:
    sequences = read_poses(path)
    if len(sequences) != 1:
        raise UsageError(f"{path}: holds {len(sequences)} sequences, give a file with the poses of one video")
    return sequences[0]


def _check_frames(request: PropagationRequest, sequence: PoseSequence, source: FrameSource) -> None:
    listed = {frame.index for frame in sequence.frames}
    for index in request.corrected:
        if index not in listed:
            raise UsageError(f"{request.poses}: does not list frame {index}, which --from names")
    last = max(listed)
    if last >= len(source):
        raise UsageError(
            f"{request.poses}: lists frame {last}, but {request.video} has only frames 0 to {len(source) - 1}: "
            "they do not belong together"
        )
    sizes = (sequence.width_px, sequence.height_px), (source.width_px, source.height_px)
    if None not in sizes[0] and sizes[0] != sizes[1]:
        (a, b), (c, d) = sizes
        raise UsageError(f"{request.poses}: made for images of {a} x {b}, but {request.video} has {c} x {d}")


def _tracks(
    request: PropagationRequest, sequence: PoseSequence, joints: NDArray[np.bool_], announce: Announce
) -> list[PersonTrack]:
    """The tracks asked for, those on a corrected frame. Raises `UsageError` if there is none."""
    poses: dict[int, dict[int, TrackPose]] = {}
    for frame in sequence.frames:
        for person in frame.persons:
            if person.track_id is None:
                raise UsageError(
                    f"{request.poses}: frame {frame.index} has a person without track id; without these nobody "
                    "is known on the next frame"
                )
            human = joints & (frame.index in request.corrected)
            of_track = poses.setdefault(person.track_id, {})
            if frame.index in of_track:
                raise UsageError(f"{request.poses}: frame {frame.index} has track {person.track_id} twice")
            of_track[frame.index] = _track_pose(person, sequence.skeleton, human)
    strangers = sorted((request.tracks or frozenset()) - set(poses))
    if strangers:
        raise UsageError(f"{request.poses}: has no track {strangers[0]}; it has {', '.join(map(str, sorted(poses)))}")
    wanted = [PersonTrack(track, poses[track]) for track in sorted(poses) if track in (request.tracks or poses)]
    found = [track for track in wanted if any(index in track.poses for index in request.corrected)]
    if not found:
        raise UsageError(f"{request.poses}: nobody to start from on frame {', '.join(map(str, request.corrected))}")
    for index in request.corrected:
        if not any(index in track.poses for track in found):
            announce(f"nobody to start from on frame {index}")
    return found


def _track_pose(person: PersonPose, skeleton: Skeleton, human: NDArray[np.bool_]) -> TrackPose:
    selection = joint_selection(skeleton, POSETRACK_17)
    missing = selection < 0
    located = ~missing & person.located[selection]
    # A file without scores does not say how sure its joints are.
    scores = np.full(JOINTS, 0.5)
    if person.scores is not None:
        # Files hold joint scores times the person's; taken apart again they are what the model said.
        scores = np.clip(person.scores[selection] / (person.score or 1.0), 0.0, 1.0)
    return TrackPose(
        keypoints=person.keypoints[selection],
        scores=np.where(located, scores, 0.0),
        located=located,
        # A joint that the file cannot hold was not decided either.
        human=human & ~missing,
        box_xyxy=None if person.box_xyxy is None else to_convention(person.box_xyxy, boxes_of(skeleton)),
    )
