"""The layout `images` + `annotations` + `categories` that PoseTrack18, PoseTrack21 and COCO keypoint files share.

The flavour shows in the joint names of the person category. It decides the skeleton and what a visibility flag means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from dcpose_core.formats._frame_names import group_frames
from dcpose_core.formats._json import Coordinate, Identity, SizePx, TrackIdentity, decode, encode_each, reject
from dcpose_core.skeletons import COCO_17, POSETRACK_15, POSETRACK_17, Skeleton
from dcpose_core.types import FloatArray, FramePoses, PersonPose, PoseSequence, Visibility

PERSON_CATEGORY = 1
_FLAGS = frozenset((0.0, 1.0, 2.0))
#: Pairs of 1-based joint numbers that COCO draws as limbs. PoseTrack's files hold the same list, though there it joins
#: the wrong joints of the head.
RELEASED_LIMBS = [
    [16, 14], [14, 12], [17, 15], [15, 13], [12, 13], [6, 12], [7, 13], [6, 7], [6, 8], [7, 9], [8, 10], [9, 11],
    [2, 3], [1, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, 7],
]  # fmt: skip


class _Image(msgspec.Struct):
    id: Identity
    file_name: str
    is_labeled: bool | None = None
    has_labeled_person: bool | None = None
    vid_id: str | int | None = None
    ignore_regions_x: list[list[Coordinate]] | None = None
    ignore_regions_y: list[list[Coordinate]] | None = None
    width: SizePx | None = None
    height: SizePx | None = None


class _Attributes(msgspec.Struct):
    track_id: TrackIdentity | None = None


class _Annotation(msgspec.Struct):
    image_id: Identity
    id: Identity | None = None
    category_id: Identity | None = None
    keypoints: list[Coordinate] | None = None
    scores: list[float] | None = None
    score: float | None = None
    bbox: list[Coordinate] | None = None
    bbox_head: list[Coordinate] | None = None
    track_id: TrackIdentity | None = None
    person_id: Identity | None = None
    iscrowd: bool | int | None = None
    attributes: _Attributes | None = None

    @property
    def track(self) -> int | None:
        """The track id, also where CVAT keeps it."""
        return self.track_id if self.track_id is not None or self.attributes is None else self.attributes.track_id


class _Category(msgspec.Struct):
    id: Identity
    name: str | None = None
    keypoints: list[str] | None = None


class _File(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category] | None = None


def document(images: Iterable[Any], annotations: Iterable[Any], skeleton: Skeleton) -> dict[str, Any]:
    """The content of a file in this layout, with its one category."""
    category = {
        "supercategory": "person",
        "id": PERSON_CATEGORY,
        "name": "person",
        "keypoints": list(skeleton.joints),
        "skeleton": RELEASED_LIMBS,
    }
    return {"images": encode_each(images), "annotations": encode_each(annotations), "categories": [category]}


def read(data: bytes, *, file: str) -> list[PoseSequence]:
    """Sequences of a PoseTrack18, PoseTrack21 or COCO keypoint file, in `POSETRACK_17` or `COCO_17`.

    Every image of the file becomes a frame, whether anybody is in it or not. Annotations of other categories than
    the person, and COCO's crowd regions, are no persons and left out.
    Raises `FormatError` with file, field and index.
    """
    content = decode(data, type=_File, file=file)
    if not content.images:
        reject(file, "images", "the list is empty, so there are no frames")
    categories, category, joints = _person_category(content, file)
    skeleton = COCO_17 if set(joints) == set(COCO_17.joints) else POSETRACK_17
    positions = _positions_by_id(content.images, file)
    _check_references(content.annotations, categories, positions, file)
    order = np.array([skeleton.index(joint) if joint in skeleton.joints else -1 for joint in joints])
    persons = _persons(content.annotations, category=category, order=order, skeleton=skeleton, file=file)
    persons_of: dict[int, list[PersonPose]] = {}
    for image_id, person in persons:
        persons_of.setdefault(positions[image_id], []).append(person)
    groups = group_frames(
        (image.file_name for image in content.images),
        file=file,
        field="images[{}].file_name".format,
        default_name=Path(file).stem,
        one_based=False,
        strict=skeleton is POSETRACK_17,
    )
    sequences = []
    for group in groups:
        images = [content.images[position] for _, position in group.frames]
        frames = tuple(
            _frame(index, position, content.images[position], persons_of.get(position, []), file)
            for index, position in group.frames
        )
        sizes = {(image.width, image.height) for image in images}
        # Stills of several sizes have no common one.
        width_px, height_px = sizes.pop() if len(sizes) == 1 else (None, None)
        sequences.append(PoseSequence(group.name, frames, width_px, height_px, skeleton))
    return sequences


def _person_category(content: _File, file: str) -> tuple[set[int], int, Sequence[str]]:
    """Ids of all categories (none if the file does not list them), that of the person, and its joint names."""
    is_posetrack21 = any(annotation.person_id is not None for annotation in content.annotations) or any(
        image.has_labeled_person is not None for image in content.images
    )
    if content.categories is None:
        # Only PoseTrack21 predictions may come without.
        if not is_posetrack21:
            reject(file, "categories", "missing; without them the joints of the file are unknown")
        return set(), PERSON_CATEGORY, POSETRACK_17.joints
    ids: set[int] = set()
    for i, category in enumerate(content.categories):
        if category.id in ids:
            reject(file, f"categories[{i}].id", f"{category.id} is used twice")
        ids.add(category.id)
    persons = [i for i, category in enumerate(content.categories) if category.name == "person"]
    if len(persons) != 1:
        reject(file, "categories", f'{len(persons)} categories are named "person", expected one')
    category = content.categories[persons[0]]
    if not category.keypoints:
        is_posetrack = is_posetrack21 or any(image.vid_id is not None for image in content.images)
        return ids, category.id, POSETRACK_17.joints if is_posetrack else COCO_17.joints
    names = set(category.keypoints)
    is_coco = names == set(COCO_17.joints)
    is_posetrack = names >= set(POSETRACK_15.joints) and len(category.keypoints) in (15, 17)
    if len(names) < len(category.keypoints) or not (is_coco or is_posetrack):
        missing = sorted(set(POSETRACK_15.joints) - names)
        what = f"{len(category.keypoints)} names that are the joints neither of PoseTrack"
        reject(file, f"categories[{persons[0]}].keypoints", f"{what} (missing: {', '.join(missing)}) nor of COCO")
    return ids, category.id, category.keypoints


def _positions_by_id(images: list[_Image], file: str) -> dict[int, int]:
    positions: dict[int, int] = {}
    for position, image in enumerate(images):
        if image.id in positions:
            reject(file, f"images[{position}].id", f"{image.id} is used twice")
        positions[image.id] = position
    return positions


def _frame(index: int, position: int, image: _Image, persons: list[PersonPose], file: str) -> FramePoses:
    field = f"images[{position}].ignore_regions_x"
    regions_x, regions_y = image.ignore_regions_x or [], image.ignore_regions_y or []
    if len(regions_x) != len(regions_y):
        reject(file, field, f"{len(regions_x)} polygons, but {len(regions_y)} in ignore_regions_y")
    for i, (xs, ys) in enumerate(zip(regions_x, regions_y, strict=True)):
        if len(xs) != len(ys):
            reject(file, f"{field}[{i}]", f"{len(xs)} numbers, but {len(ys)} in ignore_regions_y[{i}]")
    return FramePoses(
        index=index,
        persons=tuple(persons),
        is_labeled=image.is_labeled is not False,
        ignore_regions=tuple(
            np.array([xs, ys], dtype=np.float64).T for xs, ys in zip(regions_x, regions_y, strict=True)
        ),
        file_name=image.file_name,
    )


def _check_references(
    annotations: list[_Annotation], categories: set[int], positions: dict[int, int], file: str
) -> None:
    annotation_ids: set[int] = set()
    tracks: set[tuple[int, int]] = set()
    for i, annotation in enumerate(annotations):
        field = f"annotations[{i}]"
        if annotation.image_id not in positions:
            reject(file, f"{field}.image_id", f"no image of the file has the id {annotation.image_id}")
        if categories and annotation.category_id is not None and annotation.category_id not in categories:
            reject(file, f"{field}.category_id", f"no category of the file has the id {annotation.category_id}")
        if annotation.id is not None:
            if annotation.id in annotation_ids:
                reject(file, f"{field}.id", f"{annotation.id} is used twice")
            annotation_ids.add(annotation.id)
        if annotation.track is not None:
            track = (annotation.image_id, annotation.track)
            if track in tracks:
                reject(file, f"{field}.track_id", f"{annotation.track} is used twice in image {annotation.image_id}")
            tracks.add(track)


def _persons(
    annotations: list[_Annotation], *, category: int, order: NDArray[np.int64], skeleton: Skeleton, file: str
) -> Iterator[tuple[int, PersonPose]]:
    """(image id, person) of every annotation that is a person. order: slot in `skeleton` of each joint of the file."""
    counted = [
        (i, annotation)
        for i, annotation in enumerate(annotations)
        if not annotation.iscrowd and annotation.category_id in (None, category)
    ]
    no_joints = [0.0] * (3 * len(order))
    numbers = [_joint_numbers(annotation, i, len(order), file) or no_joints for i, annotation in counted]
    values = np.array(numbers).reshape(len(counted), len(order), 3)
    slots = order[order >= 0]
    keypoints = np.zeros((len(counted), len(skeleton), 2))
    visibility = np.zeros((len(counted), len(skeleton)), dtype=np.uint8)
    keypoints[:, slots] = values[:, order >= 0, :2]
    rule = coco_visibility if skeleton is COCO_17 else posetrack_visibility
    visibility[:, slots] = rule(values)[:, order >= 0]
    for (i, annotation), points, states in zip(counted, keypoints, visibility, strict=True):
        field = f"annotations[{i}]"
        scores = None
        # Ground truth has an empty list.
        if annotation.scores:
            if len(annotation.scores) != len(order):
                reject(file, f"{field}.scores", f"{len(annotation.scores)} numbers, expected {len(order)}")
            scores = np.zeros(len(skeleton))
            scores[slots] = np.array(annotation.scores)[order >= 0]
        yield (
            annotation.image_id,
            PersonPose(
                keypoints=points,
                visibility=states,
                scores=scores,
                track_id=annotation.track,
                box_xyxy=box_from_xywh(annotation.bbox, file=file, field=f"{field}.bbox"),
                head_box_xyxy=box_from_xywh(annotation.bbox_head, file=file, field=f"{field}.bbox_head"),
                score=annotation.score,
                person_id=annotation.person_id,
            ),
        )


def _joint_numbers(annotation: _Annotation, i: int, joint_count: int, file: str) -> list[float] | None:
    """The checked `keypoints`; None where there are none, as in boxes of PoseTrack21 that nobody posed."""
    numbers = annotation.keypoints
    if not numbers:
        return None
    field = f"annotations[{i}].keypoints"
    if len(numbers) != 3 * joint_count:
        reject(file, field, f"{len(numbers)} numbers, expected {3 * joint_count}")
    if not _FLAGS.issuperset(numbers[2::3]):
        wrong = next(k for k in range(2, len(numbers), 3) if numbers[k] not in _FLAGS)
        reject(file, f"{field}[{wrong}]", f"visibility {numbers[wrong]:g}, expected 0, 1 or 2")
    return numbers


def posetrack_visibility(values: FloatArray) -> NDArray[np.uint8]:
    """`Visibility` of joints `[..., 3]` (x, y, flag) as the official evaluation takes them.

    Only 0, 0, 0 is absent: coordinates with flag 0 count as located (PoseTrack21 marks occluded joints so), and so
    does a joint at the corner of the image with flag 1.
    """
    located = values.any(axis=-1)
    return np.where(values[..., 2] > 0, Visibility.VISIBLE, np.where(located, Visibility.OCCLUDED, 0)).astype(np.uint8)


def coco_visibility(values: FloatArray) -> NDArray[np.uint8]:
    """`Visibility` of joints `[..., 3]` (x, y, flag) in COCO: 0 not labelled, 1 labelled but hidden, 2 visible."""
    return values[..., 2].astype(np.uint8)


def box_from_xywh(box: list[float] | None, *, file: str, field: str) -> FloatArray | None:
    """A file's `[x, y, width, height]` as `xyxy`; None stays None. Raises `FormatError` on a box that is none."""
    if box is None:
        return None
    if len(box) != 4:
        reject(file, field, f"{len(box)} numbers, expected 4")
    x, y, width, height = box
    if width < 0 or height < 0:
        reject(file, field, f"width {width:g} and height {height:g} must not be negative")
    return np.array([x, y, x + width, y + height])
