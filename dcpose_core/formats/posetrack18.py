"""PoseTrack 2018: `images`, `annotations`, `categories`; 17 joint slots as flat x, y, flag; frames from 0.

Written so that one file passes poseval, the PoseTrack21 kit, mmpose, DCPose's own loader and pycocotools: each of
them needs some keys that the released files lack.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from dcpose_core.formats._coco_layout import PERSON_CATEGORY, document
from dcpose_core.formats._export import ExportFrame, ExportPart, Format
from dcpose_core.formats._sequence_names import poseval_names
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import PersonPose

_EAR_JOINTS = slice(POSETRACK_17.index("left_ear"), POSETRACK_17.index("right_ear") + 1)
#: Where x, y, flag of both ears lie in a row of numbers.
_EARS = slice(3 * POSETRACK_17.index("left_ear"), 3 * POSETRACK_17.index("right_ear") + 3)
#: For each flag of occluded joints: the flags of the `Visibility` values.
_FLAGS = {flag: np.array([0, flag, 1]) for flag in (0, 1)}


def encode(parts: Sequence[ExportPart]) -> dict[str, Any]:
    """The content of a file. Visible and occluded joints both get flag 1, which is all that the format knows."""
    frames = [(part, frame) for part in parts for frame in part.frames]
    images = (image_record(part, frame) for part, frame in frames)
    annotations = (
        annotation_record(part, frame, i, occluded_flag=1) for part, frame in frames for i in range(len(frame.persons))
    )
    return document(images, annotations, POSETRACK_17)


def image_id(part: ExportPart, frame: ExportFrame) -> int:
    """`T SSSSSS FFFF`: digit of the image type, 6 digits of the sequence's number, 4 of the frame's."""
    return part.type_digit * 10**10 + part.number * 10**4 + frame.number


def image_record(part: ExportPart, frame: ExportFrame) -> dict[str, Any]:
    """One of `images`; width and height are left out if the sequence does not know them."""
    frame_id = image_id(part, frame)
    regions = [region.T.tolist() for region in frame.source.ignore_regions]
    record = {
        "id": frame_id,
        "frame_id": frame_id,
        "file_name": frame.file_name,
        "vid_id": f"{part.number:06d}",
        "nframes": part.frame_count,
        "is_labeled": frame.source.is_labeled,
        "has_no_densepose": True,
        "ignore_regions_x": [xs for xs, _ in regions],
        "ignore_regions_y": [ys for _, ys in regions],
    }
    if part.width_px is not None and part.height_px is not None:
        record |= {"width": part.width_px, "height": part.height_px}
    return record


def annotation_record(part: ExportPart, frame: ExportFrame, i: int, *, occluded_flag: int) -> dict[str, Any]:
    """One of `annotations`: the `i`-th person of a frame."""
    person = frame.persons[i]
    pose, frame_id = person.pose, image_id(part, frame)
    _, _, width, height = person.box_xywh
    x1, y1, x2, y2 = person.head_box_xyxy
    numbers = joint_numbers(pose, occluded_flag=occluded_flag)
    record = {
        "id": frame_id * 100 + i,
        "image_id": frame_id,
        "track_id": person.track_id,
        "category_id": PERSON_CATEGORY,
        "bbox": person.box_xywh,
        "bbox_head": [x1, y1, x2 - x1, y2 - y1],
        "keypoints": numbers,
        "scores": [] if pose.scores is None else pose.scores.tolist(),
        "num_keypoints": int(np.count_nonzero(pose.visibility)) - int(np.count_nonzero(pose.visibility[_EAR_JOINTS])),
        "area": width * height,
        "iscrowd": 0,
    }
    if pose.score is not None:
        record["score"] = pose.score
    if part.keeps_person_ids:
        record["person_id"] = person.person_id
    return record


def joint_numbers(pose: PersonPose, *, occluded_flag: int) -> list[float]:
    """x, y, flag of 17 joints in a row; 0, 0, 0 for absent joints and always for the ears.

    An occluded joint at the very corner gets flag 1 all the same, as 0, 0, 0 would say that nobody annotated it.
    """
    keypoints = pose.keypoints
    flags = _FLAGS[occluded_flag][pose.visibility]
    if not occluded_flag:
        flags = np.where(pose.located & ~keypoints.any(axis=1), 1, flags)
    numbers: list[float] = [0] * (3 * len(POSETRACK_17))
    numbers[0::3], numbers[1::3] = keypoints.T.tolist()
    numbers[2::3] = flags.tolist()
    numbers[_EARS] = [0, 0, 0, 0, 0, 0]
    return numbers


def name_frame(sequence: str, number: int) -> str:
    """`images/val/009473_mpii_val/000000.jpg`, without the middle folder if the name does not end in a split."""
    split = re.search(r"_(train|val|test)$", sequence)
    return f"images/{split[1]}/{sequence}/{number:06d}.jpg" if split else f"images/{sequence}/{number:06d}.jpg"


FORMAT = Format(
    title="PoseTrack 2018",
    skeleton=POSETRACK_17,
    encode=encode,
    name_sequences=poseval_names,
    name_frame=name_frame,
)
