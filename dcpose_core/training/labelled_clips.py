"""Annotation files and the numbered images that belong to them, checked before training begins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from dcpose_core.boxes import box_of_joints
from dcpose_core.errors import TrainingError
from dcpose_core.formats import read_poses, to_skeleton
from dcpose_core.formats.image_names import relative_image_path
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, ImageArray, PersonPose
from dcpose_core.video.image_header import stored_size_px
from dcpose_core.video.image_sequence import read_image

_NUMBERED = re.compile(r"([0-9]{1,15})(\.\w+)")


class Clip(NamedTuple):
    """A folder of numbered images, `first` to `last`; digits: of the numbers in their names."""

    folder: Path
    digits: int
    suffix: str
    first: int
    last: int

    def path(self, number: int) -> Path:
        return self.folder / f"{number:0{self.digits}d}{self.suffix}"

    def image(self, number: int) -> ImageArray:
        """uint8 `[H, W, 3]`, RGB. Raises `TrainingError` if the file is no intact image."""
        image = read_image(self.path(number))
        if image is None:
            raise _damaged(self.path(number))
        return image


class LabelledPerson(NamedTuple):
    """Somebody in image `number` of a clip. clip: position in the list. box_xyxy: `[4]`, clipped to the image."""

    clip: int
    number: int
    box_xyxy: FloatArray
    pose: PersonPose


def find_labelled_clips(source: Path, root: Path, *, interval: int) -> tuple[list[Clip], list[LabelledPerson]]:
    """The clips below `root` in which the annotations at `source` label somebody, and everybody who can be cropped.

    A person needs a body box, or two located joints to draw one around. All images up to `interval` beside a labelled
    one have to be there, as far as the clip goes.

    Raises `TrainingError` for images that are missing or have no number for a name, and if nobody is found;
    `FormatError` from the annotations.
    """
    clips: list[Clip] = []
    found: list[LabelledPerson] = []
    missing: list[Path] = []
    for sequence in read_poses(source):
        poses = to_skeleton(sequence, POSETRACK_17)
        frames = (frame for frame in poses.frames if frame.is_labeled and frame.persons)
        labelled = {_number(frame.file_name or "", source): frame.persons for frame in frames}
        if not labelled:
            continue
        clip, present = _clip([frame.file_name or "" for frame in poses.frames], root, source)
        near = {number + distance for number in labelled for distance in range(-interval, interval + 1)}
        missing += [clip.path(number) for number in sorted(near - present) if clip.first <= number <= clip.last]
        if not missing:
            found += _usable(labelled, clip, position=len(clips))
            clips.append(clip)
    if missing:
        others = f", and {len(missing) - 1} more are missing" if len(missing) > 1 else ""
        raise TrainingError(
            f"{missing[0]}: no such image{others}; {source} needs it, for a label in it or in a frame beside it"
        )
    if not found:
        raise TrainingError(f"{source}: nobody is labelled in it with a box or two joints")
    return clips, found


def _clip(file_names: Sequence[str], root: Path, source: Path) -> tuple[Clip, set[int]]:
    """The folder of a sequence's images, and the numbers of the images that are there."""
    path = _relative_path(file_names[0], source)
    listed = [_number(name, source) for name in file_names]
    digits = min(len(PurePosixPath(name).stem) for name in file_names)
    folder = root / path.parent
    matches = [_NUMBERED.fullmatch(file.name) for file in (folder.iterdir() if folder.is_dir() else ())]
    present = {int(match[1]) for match in matches if match and match[2] == path.suffix and len(match[1]) >= digits}
    numbers = {*listed, *present}
    return Clip(folder, digits, path.suffix, first=min(numbers), last=max(numbers)), present


def _usable(labelled: Mapping[int, Sequence[PersonPose]], clip: Clip, *, position: int) -> Iterator[LabelledPerson]:
    some_image = clip.path(next(iter(labelled)))
    size = stored_size_px(some_image)
    if size is None:
        raise _damaged(some_image)
    last_pixel = np.tile(np.array(size, dtype=np.float64) - 1, 2)
    for number, persons in labelled.items():
        for pose in persons:
            box = pose.box_xyxy if pose.box_xyxy is not None else box_of_joints(pose)
            if box is None or not pose.located.any():
                continue
            box = np.clip(box, 0, last_pixel)
            if (box[2:] > box[:2]).all():
                yield LabelledPerson(position, number, box, pose)


def _number(file_name: str, source: Path) -> int:
    match = _NUMBERED.fullmatch(_relative_path(file_name, source).name)
    if match is None:
        raise TrainingError(
            f"{source}: the image name {file_name[:200]!r} is no number, so nothing says what comes before and after it"
        )
    return int(match[1])


def _relative_path(file_name: str, source: Path) -> PurePosixPath:
    path = relative_image_path(file_name)
    if path is None:
        raise TrainingError(f"{source}: the image name {file_name[:200]!r} leads out of the images' folder")
    return path


def _damaged(path: Path) -> TrainingError:
    return TrainingError(f"{path}: not an intact image; get it again")
