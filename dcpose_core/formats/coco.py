"""COCO keypoints: all sequences in one file, 17 joints with eyes and ears, flags 0, 1 (hidden), 2 (visible).

Beside COCO's own keys it holds track ids (also where CVAT looks for them), identities and scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from dcpose_core.formats._coco_layout import PERSON_CATEGORY, document
from dcpose_core.formats._export import ExportFrame, ExportPart, ExportPerson, Format
from dcpose_core.formats._sequence_names import free_names
from dcpose_core.skeletons import COCO_17


def encode(parts: Sequence[ExportPart]) -> dict[str, Any]:
    """The content of a file.

    Of a single sequence the image ids are the frame indices, of several they go on counting. Annotation ids start
    at 1, as pycocotools takes a match with id 0 for none.
    """
    first_ids = [0, *accumulate(part.frame_count for part in parts)][: len(parts)]
    frames = [
        (part, frame, first_id + frame.number)
        for part, first_id in zip(parts, first_ids, strict=True)
        for frame in part.frames
    ]
    persons = ((person, image_id) for _, frame, image_id in frames for person in frame.persons)
    return document(
        (_image_record(part, frame, image_id) for part, frame, image_id in frames),
        (_person_record(person, i, image_id) for i, (person, image_id) in enumerate(persons, start=1)),
        COCO_17,
    )


def _image_record(part: ExportPart, frame: ExportFrame, image_id: int) -> dict[str, Any]:
    record: dict[str, Any] = {"id": image_id, "file_name": frame.file_name}
    if part.width_px is not None and part.height_px is not None:
        record |= {"width": part.width_px, "height": part.height_px}
    return record


def _person_record(person: ExportPerson, annotation_id: int, image_id: int) -> dict[str, Any]:
    pose = person.pose
    numbers: list[float] = [0] * (3 * len(COCO_17))
    numbers[0::3], numbers[1::3] = pose.keypoints.T.tolist()
    # COCO's flags are the values of `Visibility`.
    numbers[2::3] = pose.visibility.tolist()
    record: dict[str, Any] = {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": PERSON_CATEGORY,
        "keypoints": numbers,
        "num_keypoints": int(pose.located.sum()),
        "bbox": person.box_xywh,
        "area": person.box_xywh[2] * person.box_xywh[3],
        "iscrowd": 0,
        "segmentation": [],
    }
    if person.track_id is not None:
        record |= {"track_id": person.track_id, "attributes": {"track_id": person.track_id}}
    if pose.person_id is not None:
        record["person_id"] = pose.person_id
    if pose.score is not None:
        record["score"] = pose.score
    if pose.scores is not None:
        record["scores"] = pose.scores.tolist()
    return record


def name_frame(sequence: str, number: int) -> str:
    """`demo/000000.jpg`."""
    return f"{sequence}/{number:06d}.jpg"


FORMAT = Format(
    title="COCO keypoints",
    skeleton=COCO_17,
    encode=encode,
    name_sequences=free_names,
    name_frame=name_frame,
    is_posetrack=False,
)
