"""Tiny sequences whose effort can be counted by hand: one person, most joints where they belong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from dcpose_core.effort.truth import BoolArray, TruePose
from dcpose_core.propagation.proposals import JOINTS, PersonTrack, ProposedPose, TrackPose
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray

HEAD_PX = 20.0
WRIST, KNEE = POSETRACK_17.index("left_wrist"), POSETRACK_17.index("right_knee")
BOX = np.array([0.0, 0.0, 100.0, 200.0])
#: Far from right, and right but not exact, in pixels.
WRONG, NEAR = 2.0 * HEAD_PX, 0.1 * HEAD_PX


def place(frame: int) -> FloatArray:
    """`[17, 2]`: everybody walks to the right, three pixels a frame."""
    return np.stack([np.arange(JOINTS) * 10.0 + 3.0 * frame, np.arange(JOINTS) * 5.0], axis=1)


def truth(n_frames: int, *, joints: Sequence[int] = range(JOINTS), track_id: int = 0) -> dict[int, dict[int, TruePose]]:
    labelled = np.isin(np.arange(JOINTS), joints)
    return {track_id: {frame: TruePose(place(frame), labelled, HEAD_PX, BOX) for frame in range(n_frames)}}


def poses(
    n_frames: int, errors_px: Mapping[int, Mapping[int, float]], *, score: float = 0.9, track_id: int = 0
) -> dict[int, dict[int, TrackPose]]:
    """The model's: `errors_px` by joint and frame, upwards; those joints have a tenth of the score."""
    found = {}
    for frame in range(n_frames):
        keypoints, scores = place(frame), np.full(JOINTS, score)
        for joint, by_frame in errors_px.items():
            if frame in by_frame:
                keypoints[joint, 1] -= by_frame[frame]
                scores[joint] = score / 10
        everything, nothing = np.ones(JOINTS, np.bool_), np.zeros(JOINTS, np.bool_)
        found[frame] = TrackPose(keypoints, scores, everything, nothing, BOX)
    return {track_id: found}


class Oracle:
    """Proposes the true place plus `error_px`, with a confidence by distance to the nearest human frame."""

    def __init__(self, *, error_px: float = 0.0, confidence: Sequence[float] = (0.9,)) -> None:
        self.error_px = error_px
        self.confidence = confidence
        self.asked: list[list[int]] = []

    def propagate(self, track: PersonTrack, frames: Sequence[int], joints: BoolArray) -> Iterator[ProposedPose]:
        self.asked.append(list(frames))
        for at, frame in enumerate(frames):
            confidence = self.confidence[min(at, len(self.confidence) - 1)]
            proposed = joints & ~track.poses[frame].human
            yield ProposedPose(
                frame,
                track.track_id,
                "oracle",
                place(frame) - [0.0, self.error_px],
                np.full(JOINTS, confidence),
                proposed,
                tuple("test" if one else "" for one in proposed),
            )
