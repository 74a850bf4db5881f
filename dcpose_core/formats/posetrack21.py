"""PoseTrack 2021: PoseTrack18 with identities across sequences and joints that are marked as occluded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dcpose_core.formats._coco_layout import document
from dcpose_core.formats._export import ExportPart, Format
from dcpose_core.formats._sequence_names import free_names
from dcpose_core.formats.posetrack18 import annotation_record, image_record, name_frame
from dcpose_core.skeletons import POSETRACK_17


def encode(parts: Sequence[ExportPart]) -> dict[str, Any]:
    """The content of a file. An occluded joint has coordinates and flag 0."""
    frames = [(part, frame) for part in parts for frame in part.frames]
    images = (image_record(part, frame) | {"has_labeled_person": bool(frame.persons)} for part, frame in frames)
    annotations = (
        annotation_record(part, frame, i, occluded_flag=0) | {"person_id": person.person_id}
        for part, frame in frames
        for i, person in enumerate(frame.persons)
    )
    return document(images, annotations, POSETRACK_17)


FORMAT = Format(
    title="PoseTrack 2021",
    skeleton=POSETRACK_17,
    encode=encode,
    name_sequences=free_names,
    name_frame=name_frame,
)
