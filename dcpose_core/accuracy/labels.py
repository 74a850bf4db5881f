"""Labelled sets: an annotation file, a folder of images, and which person is who in them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np

from dcpose_core.boxes import box_of_joints
from dcpose_core.errors import FormatError, UsageError
from dcpose_core.formats import read_poses, to_skeleton
from dcpose_core.formats.image_names import relative_image_path
from dcpose_core.head_sizes import head_size_of, square_head_box
from dcpose_core.metrics.scored_frames import BoolArray
from dcpose_core.skeletons import POSETRACK_15, POSETRACK_17
from dcpose_core.types import FloatArray, ImageArray, PersonPose, PoseSequence, Visibility
from dcpose_core.video import ImageSequenceReader

_SEPARATOR = re.compile(r"[/\\]")
_NUMBER_AT_THE_END = re.compile(r"(.*?)([0-9]{1,15})")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPerson:
    """One person in one frame. row: number among all persons of the set.

    pose: `POSETRACK_17`, with a head box, and only those joints located that are evaluated. keypoints: float64
    `[17, 2]`, everything that is labelled, NaN elsewhere. box_xyxy: `[4]`, in the convention of `dcpose_core.boxes`.
    """

    row: int
    pose: PersonPose
    keypoints: FloatArray
    box_xyxy: FloatArray
    head_size_px: float


@dataclass(frozen=True, slots=True, eq=False)
class LabelledFrame:
    """index: 0-based in its sequence. persons: by identity. ignore_regions: as in `FramePoses`."""

    index: int
    image: Path
    persons: Mapping[int, LabelledPerson]
    ignore_regions: tuple[FloatArray, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSequence:
    """frames: by index, those whose image is there; also frames in which nobody is labelled."""

    name: str
    frames: Mapping[int, LabelledFrame]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledSet:
    """joints: names of the evaluated joints. notes: what a reader of the figures has to know about the labels."""

    name: str
    sequences: tuple[LabelledSequence, ...]
    joints: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def persons(self) -> list[LabelledPerson]:
        """Everybody in all frames, in order of `row`."""
        return [
            person
            for sequence in self.sequences
            for frame in sequence.frames.values()
            for person in frame.persons.values()
        ]


def load_labelled_set(labels: Path, images: Path) -> LabelledSet:
    """Read a PoseTrack or COCO file (or a folder of them) whose images lie in the folder `images`.

    Frames are numbered by their names, `000012.jpg` or, if all of a sequence begin alike, `crop_12.png`; a gap in the
    numbers is a gap in time. Other names are taken as consecutive frames in the order of the file. Persons are who
    their track ids say; in a sequence without any, nobody is followed unless he is the only one in every frame.
    Evaluated are PoseTrack's 15 joints as far as the labels' skeleton has them: 13 of COCO's.

    Raises `FormatError` for a file that cannot be used, `UsageError` for images that are not where they should be.
    """
    if not images.is_dir():
        raise UsageError(f"{images}: no such folder; it should hold the images of {labels}")
    read = read_poses(labels)
    paths = _image_paths(read, images, labels=labels)
    rows = count()
    notes: Counter[str] = Counter()
    names = _distinct(sequence.name for sequence in read)
    sequences = tuple(
        _labelled_sequence(replace(sequence, name=name), paths, rows=rows, notes=notes)
        for sequence, name in zip(read, names, strict=True)
    )
    joints = tuple(joint for joint in POSETRACK_15.joints if any(joint in each.skeleton.joints for each in read))
    result = LabelledSet(labels.stem, sequences, joints, tuple(f"{note}: {times}" for note, times in notes.items()))
    if not result.persons:
        raise FormatError(f"{labels}: nobody is labelled with a box and joints, so there is nothing to compare with")
    return result


def read_image(frame: LabelledFrame) -> ImageArray:
    """uint8 `[H, W, 3]`, RGB. Raises `VideoError` if the file is no intact image."""
    with ImageSequenceReader.open(frame.image) as reader:
        return reader.read(0).image


def _image_paths(sequences: Sequence[PoseSequence], folder: Path, *, labels: Path) -> dict[str, Path]:
    """Image name -> file: below `folder` under that name, or under the name without its first folders.

    A file says `images/val/000342_mpii/000000.jpg`; `folder` may be the one that holds `images`, or any below it.
    """
    parts = {}
    for frame in (frame for sequence in sequences for frame in sequence.frames):
        if not frame.file_name:
            raise FormatError(f"{labels}: frame {frame.index} has no image name, and accuracy is measured on images")
        parts[frame.file_name] = _relative_parts(frame.file_name, labels)
    for left_out in range(max(map(len, parts.values()))):
        paths = {name: folder.joinpath(*(part[left_out:] or part[-1:])) for name, part in parts.items()}
        if len(set(paths.values())) == len(paths) and any(path.is_file() for path in paths.values()):
            return paths
    raise UsageError(f"{folder}: holds none of the {len(parts)} images of {labels}, such as {next(iter(parts))[:200]}")


def _relative_parts(name: str, labels: Path) -> tuple[str, ...]:
    path = relative_image_path(name)
    if path is None:
        raise FormatError(
            f"{labels}: the image name {name[:200]!r} leads out of the images' folder; write names relative to it"
        )
    return path.parts


def _distinct(names: Iterable[str]) -> list[str]:
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


def _labelled_sequence(
    sequence: PoseSequence, paths: Mapping[str, Path], *, rows: Iterator[int], notes: Counter[str]
) -> LabelledSequence:
    skeleton = sequence.skeleton
    evaluated = np.array([joint in POSETRACK_15.joints and joint in skeleton.joints for joint in POSETRACK_17.joints])
    sequence = _numbered_by_name(to_skeleton(sequence, POSETRACK_17))
    alone = all(len(frame.persons) <= 1 for frame in sequence.frames)
    strangers = count(-1, -1)
    frames = {}
    for frame in sequence.frames:
        persons = {}
        for pose in frame.persons:
            if pose.track_id is None and not alone:
                notes["persons without a track id, known in one frame only"] += 1
            person = _labelled_person(pose, evaluated, rows=rows, notes=notes)
            if person is not None:
                identity = pose.track_id if pose.track_id is not None else 0 if alone else next(strangers)
                persons[identity] = person
        image = paths[frame.file_name or ""]
        if image.is_file():
            frames[frame.index] = LabelledFrame(frame.index, image, persons, frame.ignore_regions)
        elif persons:
            raise UsageError(f"{image}: no such image, though persons are labelled in it")
    return LabelledSequence(sequence.name, frames)


def _numbered_by_name(sequence: PoseSequence) -> PoseSequence:
    """Frames named like `18_14.png`, which the reader takes for consecutive, by the numbers at the end of their names.

    So stills such as `COCO_val2014_000000000785.jpg` are nobody's neighbours.
    """
    names = [_SEPARATOR.split(frame.file_name or "")[-1].partition(".")[0] for frame in sequence.frames]
    matches = [_NUMBER_AT_THE_END.fullmatch(name) for name in names]
    numbered = {int(match[2]): frame for match, frame in zip(matches, sequence.frames, strict=True) if match}
    prefixes = {match[1] if match else None for match in matches}
    if len(numbered) < len(names) or len(prefixes) > 1 or prefixes == {""}:
        return sequence
    return sequence.with_frames(
        replace(frame, index=number) for number, frame in sorted(numbered.items(), key=lambda each: each[0])
    )


def _labelled_person(
    pose: PersonPose, evaluated: BoolArray, *, rows: Iterator[int], notes: Counter[str]
) -> LabelledPerson | None:
    """None for somebody of whom the labels do not say enough."""
    box = pose.box_xyxy if pose.box_xyxy is not None else box_of_joints(pose, min_score=-np.inf)
    size = head_size_of(pose)
    if not (pose.located & evaluated).any() or box is None or np.any(box[2:] <= box[:2]) or size is None:
        notes["persons left out, without joints or box"] += 1
        return None
    size_px, origin = size
    notes[f"head sizes from {origin}"] += 1
    head_box = square_head_box((box[:2] + box[2:]) / 2, size_px) if pose.head_box_xyxy is None else pose.head_box_xyxy
    return LabelledPerson(
        row=next(rows),
        pose=PersonPose(
            keypoints=pose.keypoints,
            visibility=np.where(evaluated, pose.visibility, np.uint8(Visibility.ABSENT)),
            box_xyxy=box,
            head_box_xyxy=head_box,
        ),
        keypoints=np.where(pose.located[:, None], pose.keypoints, np.nan),
        box_xyxy=box,
        head_size_px=size_px,
    )
