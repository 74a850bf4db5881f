"""An edit that takes what the model said when it looked again into the predictions, where it is surer than before."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from app.project.document import Document
from app.project.proposal_edits import Placement, placed
from app.project.records import Change, Edit, Layer, PersonChange
from dcpose_core.wording import counted

#: Less sure than this, the model would more likely be wrong than right.
_LEAST_SURE = 0.5


def replace_by_reinference(document: Document, placements: Iterable[Placement]) -> Edit:
    """Joints of predictions, marked as propagated. Annotations, verified frames and locked tracks stay as they are."""
    changes: list[Change] = []
    n_joints = 0
    for placement in placements:
        frame, track_id = placement.frame, placement.track_id
        track = document.tracks().get(track_id)
        if track is None or track.locked or document.is_verified(frame):
            continue
        before = document.person(frame, track_id, Layer.PREDICTION)
        if before is None or document.layer_of(frame, track_id) != Layer.PREDICTION:
            continue
        joints = placement.joints & (placement.confidence >= np.maximum(_LEAST_SURE, before.scores))
        if joints.any():
            n_joints += int(joints.sum())
            changes.append(PersonChange(Layer.PREDICTION, frame, track_id, before, placed(before, placement, joints)))
    label = f"Model looked again: {counted(n_joints, 'joint')} on {counted(len(changes), 'frame')}"
    return Edit(label, tuple(changes))
