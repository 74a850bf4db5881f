"""The `{"Info": [...]}` files of the DCPose demo: one entry a person, frames with 8-digit names counted from 0."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from dcpose_core.boxes import COCO_BOXES, to_convention
from dcpose_core.formats._coco_layout import box_from_xywh
from dcpose_core.formats._frame_names import group_frames
from dcpose_core.formats._json import Coordinate, decode, reject
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FramePoses, PersonPose, PoseSequence, Visibility


class _Person(msgspec.Struct):
    image_path: str
    bbox: list[Coordinate] | None = None
    keypoints: list[list[Coordinate]] | None = None


class _File(msgspec.Struct, rename={"persons": "Info"}):
    persons: list[_Person]


def read(data: bytes, *, file: str) -> list[PoseSequence]:
    """Sequences of a demo file, in `POSETRACK_17`, without tracks; frames without persons are not in such files.

    Its boxes come from a detector that was trained on COCO boxes and are brought to the engine's convention.
    Raises `FormatError` with file, field and index.
    """
    content = decode(data, type=_File, file=file)
    if not content.persons:
        reject(file, "Info", "the list is empty, so there are no frames")
    frames: dict[str, list[PersonPose]] = {}
    for i, record in enumerate(content.persons):
        frames.setdefault(record.image_path, []).append(_person(record, field=f"Info[{i}]", file=file))
    paths = list(frames)
    first = {record.image_path: i for i, record in reversed(list(enumerate(content.persons)))}
    groups = group_frames(
        paths,
        file=file,
        field=lambda position: f"Info[{first[paths[position]]}].image_path",
        default_name=Path(file).stem,
        one_based=False,
        strict=True,
    )
    return [
        PoseSequence(
            group.name,
            tuple(
                FramePoses(index=index, persons=tuple(frames[paths[position]]), file_name=paths[position])
                for index, position in group.frames
            ),
        )
        for group in groups
    ]


def _person(record: _Person, *, field: str, file: str) -> PersonPose:
    if record.bbox is None and record.keypoints is None:
        reject(file, field, "neither bbox nor keypoints")
    values = np.zeros((len(POSETRACK_17), 3))
    if record.keypoints is not None:
        if len(record.keypoints) != len(POSETRACK_17):
            reject(file, f"{field}.keypoints", f"{len(record.keypoints)} joints, expected {len(POSETRACK_17)}")
        for j, joint in enumerate(record.keypoints):
            if len(joint) != 3:
                reject(file, f"{field}.keypoints[{j}]", f"{len(joint)} numbers, expected 3")
        values = np.array(record.keypoints)
    box = box_from_xywh(record.bbox, file=file, field=f"{field}.bbox")
    return PersonPose(
        keypoints=values[:, :2],
        visibility=np.where(values.any(axis=1), Visibility.VISIBLE, Visibility.ABSENT).astype(np.uint8),
        scores=values[:, 2] if record.keypoints is not None else None,
        box_xyxy=None if box is None else to_convention(box, COCO_BOXES),
    )
