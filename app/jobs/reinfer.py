"""The job that looks at frames around a correction again, with what people set as neighbours."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from app.jobs.footage_keeper import FootageChoice, FootageKeeper
from app.jobs.propagate import TrackWish, person_track
from app.jobs.worker import Step
from dcpose_core.propagation import PersonTrack, ProposedPose
from dcpose_core.propagation.reinference import frames_to_reinfer, reinfer
from dcpose_core.propagation.spans import Direction, span

#: To the next human frame, if that is no farther.
_REACH_FRAMES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ReinferRequest:
    """Around frame `start`. left_out: frames that are not to be touched."""

    footage: FootageChoice
    wish: TrackWish
    start: int
    left_out: frozenset[int] = frozenset()


def reinfer_job(keeper: FootageKeeper, request: ReinferRequest) -> Generator[Step, None, list[ProposedPose]]:
    """What the model says now, frame by frame. Raises any `DCPoseError`."""
    footage = keeper.open(request.footage)
    track = person_track(request.wish.track)
    frames = _frames(footage.frames.n_frames, track, request)
    yield Step(0, len(frames))
    found: list[ProposedPose] = []
    for pose in reinfer(track, footage.frames, frames, joints=request.wish.joints):
        # A cut between here and there: the walk came over it and means nothing.
        if not any(footage.cuts.is_cut(frame) for frame in _between(request.start, pose.frame)):
            found.append(pose)
        yield Step(frames.index(pose.frame) + 1, len(frames))
    return found


def _frames(n_frames: int, track: PersonTrack, request: ReinferRequest) -> list[int]:
    worth = set(frames_to_reinfer(track, n_frames=n_frames)) - request.left_out
    frames: list[int] = []
    for step in Direction.BOTH.steps:
        frames += [
            frame
            for frame in span(
                track, request.start, step, n_video_frames=n_frames, joints=request.wish.joints, count=_REACH_FRAMES
            )
            if frame in worth
        ]
    return frames


def _between(start: int, frame: int) -> range:
    """The frames on which a cut would part the two."""
    return range(min(start, frame) + 1, max(start, frame) + 1)
