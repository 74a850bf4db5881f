"""From the file names of frames to sequences and frame indices. Ids are never decoded: tools number them differently.

The names are only taken apart as text; nothing is ever opened by a name found inside a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dcpose_core.formats._json import reject

_NUMBER = re.compile(r"[0-9]{1,15}")
_SEPARATOR = re.compile(r"[/\\]")


@dataclass(frozen=True, slots=True)
class FramesOfSequence:
    """One sequence of a file. frames: (frame index, position in the file's list), by ascending frame index."""

    name: str
    frames: list[tuple[int, int]]


def folder_of(file_name: str) -> str:
    """Everything before the last separator; empty if there is none."""
    return "/".join(_SEPARATOR.split(file_name)[:-1])


def stem_of(file_name: str) -> str:
    """The last part without its extension."""
    return _SEPARATOR.split(file_name)[-1].partition(".")[0]


def group_frames(
    file_names: Iterable[str],
    *,
    file: str,
    field: Callable[[int], str],
    default_name: str,
    one_based: bool,
    strict: bool,
) -> list[FramesOfSequence]:
    """Sequences of a file, one for each folder in its frames' names, in order of appearance.

    The frame index is the number that is the whole stem of a name. `one_based` (PoseTrack17) counts from 1, except
    in sequences of 6-digit names (PoseTrack18 frames in the 2017 layout) and in those that have a frame 0. A sequence
    with a name that is no number is counted by position.
    A number that comes twice is a `FormatError` if `strict`, else (stills, whose names are no frame numbers) the
    sequence is counted by position. field: what messages call a position, e.g. `images[3].file_name`.
    """
    folders: dict[str, list[tuple[int, str]]] = {}
    for position, name in enumerate(file_names):
        folders.setdefault(folder_of(name), []).append((position, name))
    sequences = []
    for folder, members in folders.items():
        stems = [stem_of(name) for _, name in members]
        numbers = [int(stem) if _NUMBER.fullmatch(stem) else -1 for stem in stems]
        if min(numbers) < 0:
            numbers = list(range(len(members)))
        elif len(set(numbers)) < len(numbers):
            if strict:
                first = {number: i for i, number in reversed(list(enumerate(numbers)))}
                twice = next(i for i, number in enumerate(numbers) if first[number] != i)
                reject(file, field(members[twice][0]), f"frame {numbers[twice]} is listed twice")
            numbers = list(range(len(members)))
        elif one_based and min(numbers) > 0 and {len(stem) for stem in stems} != {6}:
            numbers = [number - 1 for number in numbers]
        frames = sorted(zip(numbers, (position for position, _ in members), strict=True))
        sequences.append(FramesOfSequence(name=folder.rpartition("/")[2] or default_name, frames=frames))
    return sequences
