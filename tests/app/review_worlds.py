"""A project where people stand still, but for the joints that a test puts elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.jobs.review import Review
from app.project.document import Document
from app.project.prediction_run import replace_predictions
from app.project.records import Edit
from app.project.review_poses import ProjectPoses
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, FramePoses
from tests.app.projects import video_facts
from tests.app.ui.docks.small_project import standing

WRIST = POSETRACK_17.index("left_wrist")
KNEE = POSETRACK_17.index("right_knee")
#: (frame, track id, joint) -> by how many pixels it is off.
Wrong = Mapping[tuple[int, int, int], tuple[float, float]]


def still_people(
    document: Document,
    wrong: Wrong,
    *,
    n_tracks: int = 2,
    height_px: float = 60.0,
    centre: tuple[float, float] = (40.0, 48.0),
) -> Edit:
    """Everybody predicted on all frames, as a model would; side by side, the first one at `centre`."""
    frames = []
    for frame in range(document.n_frames):
        persons = []
        for track_id in range(n_tracks):
            place = (centre[0] + height_px * track_id, centre[1])
            pose = standing(place, height_px=height_px, track_id=track_id, score=0.95)
            keypoints = pose.keypoints.copy()
            for (on, of, joint), by in wrong.items():
                if (on, of) == (frame, track_id):
                    keypoints[joint] += by
            persons.append(replace(pose, keypoints=keypoints))
        frames.append(FramePoses(frame, tuple(persons)))
    return replace_predictions(document, frames, label="Annotate")


def project_of(folder: Path, wrong: Wrong, *, n_frames: int = 60) -> Document:
    document = Document.create(folder / "still.dcpose", video_facts(folder, n_frames))
    document.apply(still_people(document, wrong))
    return document


def poses_of(document: Document) -> ProjectPoses:
    return ProjectPoses(document.path, document.video, document.frame_states())


def whole_review(document: Document) -> Review:
    """A review that has looked at everything."""
    review = Review(poses_of(document))
    work_off(review)
    return review


def work_off(review: Review) -> int:
    """Let it do all that is to be done; returns in how many slices."""
    n_slices = 0
    while review.has_work:
        review.work()
        n_slices += 1
    return n_slices


def right_place(document: Document, track_id: int, joint: int) -> FloatArray:
    """Where a joint belongs: on frame 0 nothing is wrong."""
    person = document.person(0, track_id)
    assert person is not None
    return np.asarray(person.keypoints[joint])
