"""PoseTrack 2017: `annolist` of frames, every scalar wrapped in a list of one, 15 joints by id, frames from 1.

The boxes of this format are head boxes; it has no body boxes, and joints nobody annotated are simply not listed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import numpy as np

from dcpose_core.formats._export import ExportFrame, ExportPart, ExportPerson, Format
from dcpose_core.formats._frame_names import group_frames
from dcpose_core.formats._json import Coordinate, TrackIdentity, decode, encode_each, reject
from dcpose_core.formats._sequence_names import free_names
from dcpose_core.skeletons import POSETRACK_15, POSETRACK_17
from dcpose_core.types import FloatArray, FramePoses, PersonPose, PoseSequence, Visibility

_Flag = Annotated[int, msgspec.Meta(ge=0, le=1)]
_JointId = Annotated[int, msgspec.Meta(ge=0, le=len(POSETRACK_15) - 1)]

#: What the official evaluation takes for the score of a joint without one.
_NO_SCORE = -9999.0


#: Slot of every joint id in `POSETRACK_17`.
_SLOTS = [POSETRACK_17.index(joint) for joint in POSETRACK_15.joints]

# An attribute of an enumeration costs more than all else that happens to a joint.
_ABSENT, _OCCLUDED, _VISIBLE = int(Visibility.ABSENT), int(Visibility.OCCLUDED), int(Visibility.VISIBLE)

T = TypeVar("T")


class _Joint(msgspec.Struct):
    id: list[_JointId]
    x: list[Coordinate]
    y: list[Coordinate]
    is_visible: list[_Flag] = []
    score: list[float] = []


class _Joints(msgspec.Struct):
    point: list[_Joint] = []


class _Person(msgspec.Struct):
    x1: list[Coordinate] = []
    y1: list[Coordinate] = []
    x2: list[Coordinate] = []
    y2: list[Coordinate] = []
    score: list[float] = []
    track_id: list[TrackIdentity] = []
    annopoints: list[_Joints] = []


class _Corner(msgspec.Struct):
    x: list[Coordinate]
    y: list[Coordinate]


class _Region(msgspec.Struct):
    point: list[_Corner] = []


class _Image(msgspec.Struct):
    name: str


class _Frame(msgspec.Struct):
    annorect: list[_Person] = []
    is_labeled: list[_Flag] = []
    ignore_regions: list[_Region] = []


class _File(msgspec.Struct):
    annolist: list[msgspec.Raw]


class _FrameName(msgspec.Struct):
    image: list[_Image] | _Image


def read(data: bytes, *, file: str) -> list[PoseSequence]:
    """Sequences of a PoseTrack17 file, in `POSETRACK_17` (its ears absent).

    A person whose only joint lies at (0, 0) is left out: DCPose's writer puts such a dummy on every empty frame.
    A joint without a score among joints with one gets -9999, as in the official evaluation.
    Raises `FormatError` with file, field and index.
    """
    content = decode(data, type=_File, file=file)
    if not content.annolist:
        reject(file, "annolist", "the list is empty, so there are no frames")
    names = []
    for i, frame in enumerate(content.annolist):
        image = decode(frame, type=_FrameName, file=file, field=f"annolist[{i}]").image
        names.append(_one(image, f"annolist[{i}].image", file).name if isinstance(image, list) else image.name)
    groups = group_frames(
        names,
        file=file,
        field="annolist[{}].image[0].name".format,
        default_name=Path(file).stem,
        one_based=True,
        strict=True,
    )
    return [
        PoseSequence(
            group.name,
            tuple(
                _frame(index, content.annolist[position], names[position], field=f"annolist[{position}]", file=file)
                for index, position in group.frames
            ),
        )
        for group in groups
    ]


def _frame(index: int, data: msgspec.Raw, name: str, *, field: str, file: str) -> FramePoses:
    frame = decode(data, type=_Frame, file=file, field=field)
    persons = []
    tracks: set[int] = set()
    for i, record in enumerate(frame.annorect):
        person_field = f"{field}.annorect[{i}]"
        person = _person(record, field=person_field, file=file)
        if person.track_id is not None:
            if person.track_id in tracks:
                reject(file, f"{person_field}.track_id", f"{person.track_id} is used twice in this frame")
            tracks.add(person.track_id)
        if not _is_dummy(person, record):
            persons.append(person)
    return FramePoses(
        index=index,
        persons=tuple(persons),
        is_labeled=frame.is_labeled != [0],
        ignore_regions=tuple(
            _polygon(region, field=f"{field}.ignore_regions[{i}]", file=file)
            for i, region in enumerate(frame.ignore_regions)
        ),
        file_name=name,
    )


def _is_dummy(person: PersonPose, record: _Person) -> bool:
    return person.located.sum() == 1 and not person.keypoints.any() and not record.x1


def _person(record: _Person, *, field: str, file: str) -> PersonPose:
    keypoints = [(0.0, 0.0)] * len(POSETRACK_17)
    visibility = [_ABSENT] * len(POSETRACK_17)
    scores = [0.0] * len(POSETRACK_17)
    has_scores = False
    groups = record.annopoints
    joints = _one(groups, f"{field}.annopoints", file).point if groups else []
    for i, joint in enumerate(joints):
        _check_joint(joint, field=f"{field}.annopoints[0].point[{i}]", file=file)
        slot = _SLOTS[joint.id[0]]
        if visibility[slot] != _ABSENT:
            reject(file, f"{field}.annopoints[0].point[{i}].id", f"joint {joint.id[0]} is listed twice")
        keypoints[slot] = joint.x[0], joint.y[0]
        visibility[slot] = _OCCLUDED if joint.is_visible == [0] else _VISIBLE
        has_scores = has_scores or bool(joint.score)
        scores[slot] = joint.score[0] if joint.score else _NO_SCORE
    return PersonPose(
        keypoints=np.array(keypoints),
        visibility=np.array(visibility, dtype=np.uint8),
        scores=np.array(scores) if has_scores else None,
        track_id=_at_most_one(record.track_id, f"{field}.track_id", file),
        head_box_xyxy=_head_box(record, field=field, file=file),
        score=_at_most_one(record.score, f"{field}.score", file),
    )


def _check_joint(joint: _Joint, *, field: str, file: str) -> None:
    """Every value in a list of one. The messages are only made in case of need: files hold joints by the million."""
    if len(joint.id) != 1:
        _one(joint.id, f"{field}.id", file)
    if len(joint.x) != 1 or len(joint.y) != 1:
        _one(joint.x, f"{field}.x", file)
        _one(joint.y, f"{field}.y", file)
    if len(joint.is_visible) > 1 or len(joint.score) > 1:
        _at_most_one(joint.is_visible, f"{field}.is_visible", file)
        _at_most_one(joint.score, f"{field}.score", file)


def _head_box(record: _Person, *, field: str, file: str) -> FloatArray | None:
    corners = {"x1": record.x1, "y1": record.y1, "x2": record.x2, "y2": record.y2}
    if not any(corners.values()):
        return None
    x1, y1, x2, y2 = (_one(values, f"{field}.{name}", file) for name, values in corners.items())
    return np.array([min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)])


def _polygon(region: _Region, *, field: str, file: str) -> FloatArray:
    corners = [
        (_one(corner.x, f"{field}.point[{i}].x", file), _one(corner.y, f"{field}.point[{i}].y", file))
        for i, corner in enumerate(region.point)
    ]
    return np.array(corners, dtype=np.float64).reshape(-1, 2)


def encode(parts: Sequence[ExportPart]) -> dict[str, Any]:
    """The content of a file."""
    return {"annolist": encode_each(_frame_record(frame) for part in parts for frame in part.frames)}


def _frame_record(frame: ExportFrame) -> dict[str, Any]:
    return {
        "image": [{"name": frame.file_name}],
        "imgnum": [frame.number + 1],
        "is_labeled": [int(frame.source.is_labeled)],
        "ignore_regions": [
            {"point": [{"x": [x], "y": [y]} for x, y in region.tolist()]} for region in frame.source.ignore_regions
        ],
        "annorect": [_person_record(person) for person in frame.persons],
    }


def _person_record(person: ExportPerson) -> dict[str, Any]:
    pose = person.pose
    positions, states = pose.keypoints.tolist(), pose.visibility.tolist()
    scores = None if pose.scores is None else pose.scores.tolist()
    joints = []
    for joint_id, slot in enumerate(_SLOTS):
        if states[slot] == _ABSENT:
            continue
        x, y = positions[slot]
        joint = {"id": [joint_id], "x": [x], "y": [y], "is_visible": [int(states[slot] == _VISIBLE)]}
        if scores is not None:
            joint["score"] = [scores[slot]]
        joints.append(joint)
    record: dict[str, Any] = {
        corner: [value] for corner, value in zip(("x1", "y1", "x2", "y2"), person.head_box_xyxy, strict=True)
    }
    if pose.score is not None:
        record["score"] = [pose.score]
    record["track_id"] = [person.track_id]
    record["annopoints"] = [{"point": joints}] if joints else []
    return record


def name_frame(sequence: str, number: int) -> str:
    """`images/000342_mpii/00000001.jpg` is frame 0."""
    return f"images/{sequence}/{number + 1:08d}.jpg"


def _one(values: list[T], field: str, file: str) -> T:
    if len(values) != 1:
        reject(file, field, f"{len(values)} entries, expected one")
    return values[0]


def _at_most_one(values: list[T], field: str, file: str) -> T | None:
    return _one(values, field, file) if values else None


FORMAT = Format(
    title="PoseTrack 2017",
    skeleton=POSETRACK_17,
    encode=encode,
    name_sequences=free_names,
    name_frame=name_frame,
    one_based=True,
)
