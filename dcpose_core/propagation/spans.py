"""How far to propagate: frames from a corrected one in one direction, and when to stop on the way."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from dcpose_core.propagation.proposals import JOINTS, PersonTrack, ProposedPose
from dcpose_core.propagation.scene_cuts import SceneCuts

Step = Literal[1, -1]


class Direction(StrEnum):
    FORWARD = "forward"
    BACKWARD = "backward"
    BOTH = "both"

    @property
    def steps(self) -> tuple[Step, ...]:
        """1 forward in time, -1 backward. Propagate each with a call of its own: they stop independently."""
        both: tuple[Step, ...] = (1, -1)
        return {Direction.FORWARD: both[:1], Direction.BACKWARD: both[1:], Direction.BOTH: both}[self]


def span(
    track: PersonTrack,
    start: int,
    step: Step,
    *,
    n_video_frames: int,
    joints: NDArray[np.bool_],
    count: int | None = None,
    past_human: bool = False,
    past_gaps: bool = False,
) -> range:
    """The frames to propagate to from `start`, nearest first, without `start`.

    It ends with the video, after `count` frames, before the next frame on which a person decided about any of `joints`
    `[17]` (unless `past_human`: then those joints are left out there) and before the first frame that the track is not
    on (unless `past_gaps`).
    """
    end = n_video_frames if step > 0 else -1
    if count is not None:
        end = min(end, start + count + 1) if step > 0 else max(end, start - count - 1)
    for frame in range(start + step, end, step):
        pose = track.poses.get(frame)
        if (pose is None and not past_gaps) or (pose is not None and not past_human and (pose.human & joints).any()):
            return range(start + step, frame, step)
    return range(start + step, end, step)


def until_unsure(
    proposals: Iterator[ProposedPose], *, threshold: float, patience: int = 2
) -> Generator[ProposedPose, None, None]:
    """The proposals of one direction, each joint up to where its confidence drops.

    A joint ends at the frame on which it has been below `threshold`, or not proposed, `patience` times in a row; it
    does not come back. A single unsure frame on the way stays in, with its low confidence. Once all joints have ended,
    `proposals` is closed and computes nothing more.
    """
    if patience < 1:
        raise ValueError(f"the patience must be at least 1, not {patience}")
    unsure, goes_on = np.zeros(JOINTS, np.int64), np.ones(JOINTS, np.bool_)
    try:
        for pose in proposals:
            unsure = np.where(pose.proposed & (pose.confidence >= threshold), 0, unsure + 1)
            goes_on &= unsure < patience
            if not goes_on.any():
                return
            if (pose.proposed & goes_on).any():
                yield restricted(pose, goes_on)
    finally:
        _close(proposals)


def until_cut(proposals: Iterator[ProposedPose], cuts: SceneCuts, *, start: int) -> Generator[ProposedPose, None, None]:
    """The proposals of one direction up to the first scene cut after (or before) `start`.

    The propagator itself may draw on a human frame beyond the cut, unless it was given a track `within` the scene.
    """
    last = start
    try:
        for pose in proposals:
            passed = range(last + 1, pose.frame + 1) if pose.frame > last else range(pose.frame + 1, last + 1)
            if any(cuts.is_cut(frame) for frame in passed):
                return
            last = pose.frame
            yield pose
    finally:
        _close(proposals)


def restricted(pose: ProposedPose, joints: NDArray[np.bool_]) -> ProposedPose:
    """Only what is proposed about some joints, bool `[17]`."""
    proposed = pose.proposed & joints
    reasons = tuple(reason if said else "" for reason, said in zip(pose.reasons, proposed, strict=True))
    return replace(pose, proposed=proposed, reasons=reasons)


def _close(proposals: Iterator[ProposedPose]) -> None:
    """Propagators are generators by contract, lists serve in tests."""
    if isinstance(proposals, Generator):
        proposals.close()
