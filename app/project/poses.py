"""Between the engine's `PersonPose` and the project's `Person`."""

from __future__ import annotations

import numpy as np

from app.project.records import JOINTS, JointSource, Person
from dcpose_core.boxes import box_of_joints
from dcpose_core.types import FloatArray, PersonPose


def person_of(pose: PersonPose, source: JointSource = JointSource.MODEL) -> Person:
    """A pose in PoseTrack-17 joints as a person. Without scores, as in ground truth, located joints are certain."""
    return Person(
        keypoints=pose.keypoints,
        scores=pose.located.astype(np.float64) if pose.scores is None else pose.scores,
        visibility=pose.visibility,
        sources=np.full(JOINTS, source, np.uint8),
        box_xyxy=pose.box_xyxy,
        head_box_xyxy=pose.head_box_xyxy,
        score=pose.score,
        refinement_px=None if pose.refinement_px is None else pose.refinement_px.astype(np.float32),
    )


def pose_of(person: Person, track_id: int) -> PersonPose:
    """A person as a pose in PoseTrack-17 joints."""
    return PersonPose(
        keypoints=person.keypoints,
        visibility=person.visibility,
        scores=person.scores,
        track_id=track_id,
        box_xyxy=person.box_xyxy,
        head_box_xyxy=person.head_box_xyxy,
        score=person.score,
        refinement_px=None if person.refinement_px is None else person.refinement_px.astype(np.float64),
    )


def body_box(person: Person) -> FloatArray | None:
    """The person's box `xyxy` `[4]`, or that of the joints; None where there is neither."""
    return box_of_joints(pose_of(person, 0)) if person.box_xyxy is None else person.box_xyxy
