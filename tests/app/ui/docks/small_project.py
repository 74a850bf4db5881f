"""A small project for tests of docks and dialogs: people who walk side by side, predicted, partly corrected."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.project import edits
from app.project.document import Document
from app.project.prediction_run import replace_predictions
from app.project.video_facts import VideoFacts
from dcpose_core.boxes import box_of_joints
from dcpose_core.types import FloatArray, FramePoses, PersonPose, Visibility

WIDTH_PX, HEIGHT_PX = 640, 480
#: Joints of an upright person in units of its height, PoseTrack-17 order, about the hips.
_STANDING = np.array(
    [
        [0.03, -0.40], [0.00, -0.32], [0.00, -0.48], [0.0, 0.0], [0.0, 0.0],
        [0.10, -0.28], [-0.10, -0.28], [0.14, -0.14], [-0.14, -0.14], [0.15, 0.00], [-0.15, 0.00],
        [0.06, 0.00], [-0.06, 0.00], [0.07, 0.22], [-0.07, 0.22], [0.08, 0.45], [-0.08, 0.45],
    ]
)  # fmt: skip


def standing(
    centre: tuple[float, float], *, height_px: float = 200.0, track_id: int = 0, score: float = 0.8
) -> PersonPose:
    """A person upright at `centre`, ears absent."""
    keypoints = _STANDING * height_px + np.array(centre)
    visibility = np.full(17, Visibility.VISIBLE, np.uint8)
    visibility[[3, 4]] = Visibility.ABSENT
    scores = np.where(visibility > 0, score, 0.0)
    pose = PersonPose(keypoints, visibility, scores=scores, track_id=track_id, score=score)
    return PersonPose(
        keypoints, visibility, scores=scores, track_id=track_id, score=score, box_xyxy=box_of_joints(pose)
    )


def facts(n_frames: int, video: Path | None = None, times_s: FloatArray | None = None) -> VideoFacts:
    """Facts of a video of 25 frames a second that need not exist."""
    return VideoFacts(
        path=video or Path("walk.mp4"),
        fingerprint="0" * 32,
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        frame_rate=25.0,
        times_s=np.arange(n_frames) / 25.0 if times_s is None else times_s,
    )


def small_project(path: Path, *, n_frames: int = 40, video: Path | None = None) -> Document:
    """Track 0 is on all frames, track 1 on 5 to 24 and 30 to 34, track 2 on 10 to the end.

    Frame 3 is verified; on frame 12 somebody moved the left wrist of track 0.
    """
    document = Document.create(path, facts(n_frames, video))
    on = {0: range(n_frames), 1: (*range(5, 25), *range(30, 35)), 2: range(10, n_frames)}
    frames = [
        FramePoses(
            frame,
            tuple(
                standing((120.0 + 160 * track_id + frame, 240.0), track_id=track_id, score=0.9 - 0.2 * track_id)
                for track_id, where in on.items()
                if frame in where
            ),
        )
        for frame in range(n_frames)
    ]
    document.apply(replace_predictions(document, frames, label="Annotate"))
    document.apply(edits.set_verified(document, [3], verified=True))
    document.apply(edits.move_joint(document, 12, 0, 9, np.array([200.0, 200.0])))
    return document
