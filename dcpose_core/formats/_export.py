"""From pose sequences to what a file of one sequence holds: checked, split, named, with every id and box settled.

The rules are those that the consumers of PoseTrack files were measured to need; an encoder only writes them down.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, groupby

import numpy as np

from dcpose_core.boxes import box_of_joints, scale_box
from dcpose_core.formats._export_checks import MAX_FRAMES, MAX_TRACKS, check_exportable, place_of
from dcpose_core.formats._frame_names import group_frames, stem_of
from dcpose_core.formats._head_box import derive_head_box
from dcpose_core.formats._json import reject
from dcpose_core.formats._sequence_names import sequence_number
from dcpose_core.formats._skeleton_conversion import boxes_of, to_skeleton
from dcpose_core.skeletons import Skeleton
from dcpose_core.types import FramePoses, PersonPose, PoseSequence

_SAFE_PATH = re.compile(r"[\w. -]+(/[\w. -]+)*")


@dataclass(frozen=True, slots=True)
class ExportPerson:
    """pose: in the format's skeleton. box_xywh, head_box_xyxy: as written; `head_box_is_derived` if nobody drew it.

    Only PoseTrack has head boxes; elsewhere `head_box_xyxy` is empty.
    """

    pose: PersonPose
    track_id: int | None
    person_id: int | None
    box_xywh: list[float]
    head_box_xyxy: list[float]
    head_box_is_derived: bool


@dataclass(frozen=True, slots=True)
class ExportFrame:
    """number: 0-based frame number inside the part, the file's own; `source.index` is the video's."""

    number: int
    file_name: str
    source: FramePoses
    persons: list[ExportPerson]


@dataclass(frozen=True, slots=True)
class ExportPart:
    """One sequence of a written file.

    source_name: what the sequence was called before. number, type_digit: make the frames' ids. frame_count: frames
    that the sequence has at least, by its numbers. source_track_ids: position = track id in the file; None if the
    persons had no tracks and are numbered within each frame. keeps_person_ids: whether identities reach beyond the
    part and have to be written.
    """

    name: str
    source_name: str
    type_digit: int
    number: int
    frames: list[ExportFrame]
    frame_count: int
    width_px: int | None
    height_px: int | None
    source_track_ids: list[int] | None
    keeps_person_ids: bool


@dataclass(frozen=True, slots=True)
class Format:
    """A file format that `write_poses` offers.

    skeleton: the joints that its encoder is given. encode: parts -> what goes into one file as JSON. name_sequences:
    distinct names that the format allows. name_frame: (sequence name, 0-based number) -> file name of a frame.
    one_based: whether those names count from 1. is_posetrack: one sequence a file, at most `MAX_FRAMES` long, dense
    track ids, a head box on every person.
    """

    title: str
    skeleton: Skeleton
    encode: Callable[[Sequence[ExportPart]], object]
    name_sequences: Callable[[Sequence[str]], list[str]]
    name_frame: Callable[[str, int], str]
    one_based: bool = False
    is_posetrack: bool = True


def export_parts(sequences: Sequence[PoseSequence], format: Format, *, file: str) -> list[ExportPart]:
    """What has to be written of `sequences`. Raises `FormatError` naming `file`, sequence, frame and person."""
    if not sequences:
        reject(file, "", "not written: there is no sequence")
    for sequence in sequences:
        check_exportable(sequence, is_posetrack=format.is_posetrack, file=file)
    converted = [to_skeleton(_with_boxes(sequence, file), format.skeleton) for sequence in sequences]
    chunks = [
        (sequence, person_ids, frames)
        for sequence, person_ids in zip(converted, _person_ids(converted), strict=True)
        for frames in _split(sequence.frames, format)
    ]
    names = format.name_sequences([sequence.name for sequence, _, _ in chunks])
    parts = []
    for i, (name, (sequence, person_ids, frames)) in enumerate(zip(names, chunks, strict=True), start=1):
        tracks = {person.track_id for frame in frames for person in frame.persons if person.track_id is not None}
        is_tracked = bool(tracks) or not any(frame.persons for frame in frames)
        if format.is_posetrack and len(tracks) > MAX_TRACKS:
            what = f"{len(tracks)} tracks, but a PoseTrack sequence holds {MAX_TRACKS}"
            reject(file, f"sequence {name!r}", f"{what}; write fewer frames at a time, or COCO")
        track_ids = {track: i for i, track in enumerate(sorted(tracks))} if format.is_posetrack else None
        numbers = [frame.index % MAX_FRAMES if format.is_posetrack else frame.index for frame in frames]
        file_names = _file_names(name, numbers, frames, format, is_alone=len(chunks) == 1)
        type_digit, number = sequence_number(name, default=i)
        parts.append(
            ExportPart(
                name=name,
                source_name=sequence.name,
                type_digit=type_digit,
                number=number,
                frames=[
                    ExportFrame(n, file_name, frame, _persons(frame, track_ids, person_ids, format))
                    for n, file_name, frame in zip(numbers, file_names, frames, strict=True)
                ],
                frame_count=numbers[-1] + 1,
                width_px=sequence.width_px,
                height_px=sequence.height_px,
                source_track_ids=sorted(tracks) if is_tracked else None,
                keeps_person_ids=len(frames) < len(sequence.frames)
                or any(person.person_id is not None for frame in frames for person in frame.persons),
            )
        )
    return parts


def _split(frames: Sequence[FramePoses], format: Format) -> Iterator[Sequence[FramePoses]]:
    """Blocks of `MAX_FRAMES` frame numbers, so that a frame's number in its part follows from its index alone."""
    if not format.is_posetrack:
        yield frames
        return
    for _, block in groupby(frames, key=lambda frame: frame.index // MAX_FRAMES):
        yield list(block)


def _persons(
    frame: FramePoses,
    track_ids: dict[int, int] | None,
    person_ids: dict[int, int],
    format: Format,
) -> list[ExportPerson]:
    persons = []
    for i, pose in enumerate(frame.persons):
        assert pose.box_xyxy is not None
        box: list[float] = pose.box_xyxy.tolist()
        is_derived = format.is_posetrack and pose.head_box_xyxy is None
        head_box: list[float] = []
        if format.is_posetrack:
            head_box = derive_head_box(pose, box) if pose.head_box_xyxy is None else pose.head_box_xyxy.tolist()
        track_id = pose.track_id
        if track_ids is not None:
            # Nobody tracked: PoseTrack still wants an id, and the official writers number within the frame, too.
            track_id = i if track_id is None else track_ids[track_id]
        person_id = pose.person_id
        if person_id is None:
            person_id = person_ids[i if pose.track_id is None else pose.track_id]
        persons.append(
            ExportPerson(
                pose=pose,
                track_id=track_id,
                person_id=person_id,
                box_xywh=[box[0], box[1], box[2] - box[0], box[3] - box[1]],
                head_box_xyxy=head_box,
                head_box_is_derived=is_derived,
            )
        )
    return persons


def _with_boxes(sequence: PoseSequence, file: str) -> PoseSequence:
    """`sequence` with a body box on every person: the given one, else that of the joints, else the head's."""
    if all(person.box_xyxy is not None for frame in sequence.frames for person in frame.persons):
        return sequence
    factor = 1 / boxes_of(sequence.skeleton).to_convention
    frames = []
    for frame in sequence.frames:
        persons = list(frame.persons)
        for i, person in enumerate(persons):
            if person.box_xyxy is None:
                box = box_of_joints(person, min_score=-np.inf)
                if box is not None:
                    box = scale_box(box, factor)
                elif person.located.any():
                    box = np.tile(person.keypoints[person.located][0], 2)
                elif person.head_box_xyxy is not None:
                    box = person.head_box_xyxy
                else:
                    reject(file, place_of(sequence, frame, i), "has neither a joint nor a box")
                # mmpose and DCPose drop persons without area.
                pad = np.maximum(1.0 - (box[2:] - box[:2]), 0.0) / 2
                persons[i] = replace(person, box_xyxy=np.concatenate([box[:2] - pad, box[2:] + pad]))
        frames.append(replace(frame, persons=tuple(persons)))
    return sequence.with_frames(frames)


def _person_ids(sequences: Sequence[PoseSequence]) -> list[dict[int, int]]:
    """For each sequence: track id (or number within the frame, where nobody is tracked) -> identity.

    Identities that the persons bring stay; the other tracks get new ones, distinct over all sequences.
    """
    given: list[dict[int, int]] = []
    tracks: list[set[int]] = []
    for sequence in sequences:
        persons = [(i, person) for frame in sequence.frames for i, person in enumerate(frame.persons)]
        keys = [(i if person.track_id is None else person.track_id, person.person_id) for i, person in persons]
        given.append({key: person_id for key, person_id in keys if person_id is not None})
        tracks.append({key for key, _ in keys})
    free = count(max((max(ids.values()) for ids in given if ids), default=-1) + 1)
    return [
        {key: ids[key] if key in ids else next(free) for key in sorted(keys)}
        for ids, keys in zip(given, tracks, strict=True)
    ]


def _file_names(
    name: str, numbers: Sequence[int], frames: Sequence[FramePoses], format: Format, *, is_alone: bool
) -> list[str]:
    """Names of the frames: those they came with if all of them say the same as the format's own, else the latter.

    "The same" is what a reader takes from a name, sequence and frame number, and no step out of a folder.
    """
    generated = [format.name_frame(name, number) for number in numbers]
    brought = [frame.file_name or "" for frame in frames]
    is_safe = all(_SAFE_PATH.fullmatch(path) and ".." not in path.split("/") for path in brought)
    if not is_safe or len(set(brought)) < len(brought):
        return generated
    if format.is_posetrack and [stem_of(path) for path in brought] != [stem_of(path) for path in generated]:
        return generated
    groups = group_frames(
        brought,
        file="",
        field=str,
        # Stills of COCO lie in no folder, which says nothing about the sequence as long as there is but one.
        default_name=name if is_alone and not format.is_posetrack else "",
        one_based=format.one_based,
        strict=False,
    )
    read_back = [(group.name, index) for group in groups for index, _ in group.frames]
    return brought if read_back == [(name, number) for number in numbers] else generated
