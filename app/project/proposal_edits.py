"""Edits that take proposals of a propagation into the document, joint by joint.

What a person set stays, whatever is proposed; so do verified frames and locked tracks. Accepted joints are annotations
with the source `PROPAGATED`: somebody agreed to them, but nobody placed them, so later propagation starts from human
joints alone and may propose something better in their place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.project.document import Document
from app.project.records import JOINTS, Change, Edit, JointSource, Layer, Person, PersonChange
from dcpose_core.types import FloatArray, Visibility
from dcpose_core.wording import counted


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where joints of one person on one frame would go. joints: bool `[17]`. keypoints: `[17, 2]`, confidence: `[17]`,
    of those joints."""

    frame: int
    track_id: int
    joints: NDArray[np.bool_]
    keypoints: FloatArray
    confidence: FloatArray


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The edit, and what it reaches and leaves alone: counts of joints, frames and tracks."""

    edit: Edit
    n_joints: int
    n_frames: int
    n_human_joints: int
    n_verified_frames: int
    n_locked_tracks: int


def accept_placements(document: Document, placements: Iterable[Placement], *, method: str) -> Acceptance:
    """Joints become annotations where they are proposed. method: what people call the propagation."""
    changes: list[Change] = []
    n_joints = n_human = 0
    frames, verified, locked = set(), set(), set()
    for placement in placements:
        frame, track_id = placement.frame, placement.track_id
        track = document.tracks().get(track_id)
        if track is None:
            continue  # deleted meanwhile
        if track.locked:
            locked.add(track_id)
        elif document.is_verified(frame):
            verified.add(frame)
        else:
            joints = open_joints(document, placement)
            n_human += int((placement.joints & ~joints).sum())
            if joints.any():
                before = document.person(frame, track_id, Layer.ANNOTATION)
                after = placed(document.person(frame, track_id), placement, joints)
                changes.append(PersonChange(Layer.ANNOTATION, frame, track_id, before, after))
                n_joints += int(joints.sum())
                frames.add(frame)
    label = f"Propagate {counted(n_joints, 'joint')} on {counted(len(frames), 'frame')} by {method}"
    return Acceptance(Edit(label, tuple(changes)), n_joints, len(frames), n_human, len(verified), len(locked))


def open_joints(document: Document, placement: Placement) -> NDArray[np.bool_]:
    """bool `[17]`: the joints that no person has decided there."""
    person = document.person(placement.frame, placement.track_id)
    return placement.joints if person is None else placement.joints & (person.sources != JointSource.HUMAN)


def placed(person: Person | None, placement: Placement, joints: NDArray[np.bool_]) -> Person:
    """`person`, or a new one, with `joints` `[17]` where they are proposed."""
    if person is None:
        nothing = np.zeros(JOINTS)
        person = Person(np.zeros((JOINTS, 2)), nothing, nothing.astype(np.uint8), nothing.astype(np.uint8))
    visibility = np.where(joints & ~person.located, Visibility.VISIBLE, person.visibility)
    keypoints = np.where(joints[:, None], placement.keypoints, person.keypoints)
    box = person.box_xyxy
    if box is not None:
        points = placement.keypoints[joints]
        box = np.concatenate([np.minimum(box[:2], points.min(axis=0)), np.maximum(box[2:], points.max(axis=0))])
    refinement = person.refinement_px
    return replace(
        person,
        keypoints=keypoints,
        visibility=visibility.astype(np.uint8),
        scores=np.where(joints, placement.confidence, person.scores),
        sources=np.where(joints, JointSource.PROPAGATED, person.sources).astype(np.uint8),
        box_xyxy=box,
        # How far the model's refinement moved a joint says nothing about a joint that comes from elsewhere.
        refinement_px=None if refinement is None else np.where(joints, np.float32(0), refinement),
    )
