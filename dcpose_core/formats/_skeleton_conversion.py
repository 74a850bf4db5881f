"""The same poses in another joint set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dcpose_core.boxes import COCO_BOXES, POSETRACK_BOXES, BoxSource, scale_box
from dcpose_core.skeletons import COCO_17, Skeleton, joint_selection
from dcpose_core.types import PersonPose, PoseSequence, Visibility


def boxes_of(skeleton: Skeleton) -> BoxSource:
    """The box convention that goes with a skeleton: COCO's own, or PoseTrack's."""
    return COCO_BOXES if skeleton.name == COCO_17.name else POSETRACK_BOXES


def to_skeleton(sequence: PoseSequence, skeleton: Skeleton) -> PoseSequence:
    """`sequence` with its joints selected by name; nothing is interpolated.

    Joints that the sequence does not have become absent with score 0; joints that `skeleton` does not have are lost
    (COCO's eyes, PoseTrack's head_top and head_bottom). Body boxes change from the convention of COCO to that of
    `dcpose_core.boxes` or back where the skeletons call for it; head boxes and all else stay.
    """
    if sequence.skeleton.name == skeleton.name:
        return sequence
    selection = joint_selection(sequence.skeleton, skeleton)
    missing = selection < 0
    factor = boxes_of(sequence.skeleton).to_convention / boxes_of(skeleton).to_convention

    def convert(person: PersonPose) -> PersonPose:
        scores, box, moved = person.scores, person.box_xyxy, person.refinement_px
        return replace(
            person,
            keypoints=person.keypoints[selection],
            visibility=np.where(missing, np.uint8(Visibility.ABSENT), person.visibility[selection]),
            scores=None if scores is None else np.where(missing, 0.0, scores[selection]),
            box_xyxy=box if box is None or factor == 1.0 else scale_box(box, factor),
            refinement_px=None if moved is None else np.where(missing, 0.0, moved[selection]),
        )

    frames = (replace(frame, persons=tuple(map(convert, frame.persons))) for frame in sequence.frames)
    return replace(sequence, frames=tuple(frames), skeleton=skeleton)
