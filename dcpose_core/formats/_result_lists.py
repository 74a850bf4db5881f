"""Bare lists: COCO results and DCPose's person detections. They hold boxes or joints, but no list of frames."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from dcpose_core.formats._coco_layout import box_from_xywh, coco_visibility
from dcpose_core.formats._frame_names import group_frames
from dcpose_core.formats._json import Coordinate, Identity, TrackIdentity, decode, reject
from dcpose_core.skeletons import COCO_17
from dcpose_core.types import FloatArray, FramePoses, PersonPose, PoseSequence, Visibility

_PERSON_CATEGORY = 1
#: Beyond it an image id is an identity with a meaning of its own, and no frame index.
_MAX_FRAME_INDEX = 10_000_000


class _Result(msgspec.Struct):
    image_id: Identity | None = None
    image_name: str | None = None
    category_id: Identity | None = None
    bbox: list[Coordinate] | None = None
    keypoints: list[Coordinate] | None = None
    score: float | None = None
    track_id: TrackIdentity | None = None


def read(data: bytes, *, file: str) -> list[PoseSequence]:
    """Sequences of a list of results, in `COCO_17`; only frames with a result are known.

    The frame index is the number in `image_name` (6 digits counted from 0, else from 1, as DCPose does), or
    `image_id` itself where there is no name. Results of other categories than 1, the person, are left out.
    The third number of a joint is its score, as pose estimators write it, unless all of the file are flags 0, 1, 2.
    Raises `FormatError` with file, field and index.
    """
    results = decode(data, type=list[_Result], file=file)
    if not results:
        reject(file, "", "the list is empty, so there are no frames")
    is_named = results[0].image_name is not None
    names: dict[str, list[PersonPose]] = {}
    indices: dict[int, list[PersonPose]] = {}
    tracks: set[tuple[str | int | None, int]] = set()
    persons = _persons(results, file)
    for i, (result, person) in enumerate(zip(results, persons, strict=True)):
        if is_named and result.image_name is not None:
            frame = names.setdefault(result.image_name, [])
        elif not is_named and result.image_id is not None:
            if not 0 <= result.image_id <= _MAX_FRAME_INDEX:
                what = f"{result.image_id} is no frame index; give the annotation file that lists the images"
                reject(file, f"[{i}].image_id", what)
            frame = indices.setdefault(result.image_id, [])
        else:
            reject(file, f"[{i}]", f"missing the required field {'image_name' if is_named else 'image_id'}")
        if result.category_id in (None, _PERSON_CATEGORY):
            if person.track_id is not None:
                track = (result.image_name if is_named else result.image_id, person.track_id)
                if track in tracks:
                    reject(file, f"[{i}].track_id", f"{person.track_id} is used twice in this frame")
                tracks.add(track)
            frame.append(person)
    if not is_named:
        frames = tuple(FramePoses(index=index, persons=tuple(indices[index])) for index in sorted(indices))
        return [PoseSequence(Path(file).stem, frames, skeleton=COCO_17)]
    first = {result.image_name: i for i, result in reversed(list(enumerate(results)))}
    return _named_sequences(names, first, file)


def _named_sequences(names: dict[str, list[PersonPose]], first: dict[str | None, int], file: str) -> list[PoseSequence]:
    """first: index of the first result of each name, for messages."""
    listed = list(names)
    groups = group_frames(
        listed,
        file=file,
        field=lambda position: f"[{first[listed[position]]}].image_name",
        default_name=Path(file).stem,
        one_based=True,
        strict=True,
    )
    return [
        PoseSequence(
            group.name,
            tuple(
                FramePoses(index=index, persons=tuple(names[listed[position]]), file_name=listed[position])
                for index, position in group.frames
            ),
            skeleton=COCO_17,
        )
        for group in groups
    ]


def _persons(results: list[_Result], file: str) -> list[PersonPose]:
    joints: list[FloatArray | None] = []
    for i, result in enumerate(results):
        if result.bbox is None and not result.keypoints:
            reject(file, f"[{i}]", "neither bbox nor keypoints")
        if result.keypoints and len(result.keypoints) != 3 * len(COCO_17):
            reject(file, f"[{i}].keypoints", f"{len(result.keypoints)} numbers, expected {3 * len(COCO_17)}")
        joints.append(np.array(result.keypoints).reshape(-1, 3) if result.keypoints else None)
    has_flags = all(np.isin(values[:, 2], (0, 1, 2)).all() for values in joints if values is not None)
    absent: NDArray[np.uint8] = np.zeros(len(COCO_17), dtype=np.uint8)
    persons = []
    for i, (result, values) in enumerate(zip(results, joints, strict=True)):
        if values is None:
            visibility, keypoints, scores = absent, np.zeros((len(COCO_17), 2)), None
        elif has_flags:
            visibility, keypoints, scores = coco_visibility(values), values[:, :2], None
        else:
            visibility = np.where(values.any(axis=1), Visibility.VISIBLE, Visibility.ABSENT).astype(np.uint8)
            keypoints, scores = values[:, :2], values[:, 2]
        persons.append(
            PersonPose(
                keypoints=keypoints,
                visibility=visibility,
                scores=scores,
                track_id=result.track_id,
                box_xyxy=box_from_xywh(result.bbox, file=file, field=f"[{i}].bbox"),
                score=result.score,
            )
        )
    return persons
