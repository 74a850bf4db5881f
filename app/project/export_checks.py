"""What stands in the way of an export, or should be looked at before it, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dcpose_core.errors import FormatError
from dcpose_core.formats import FORMATS
from dcpose_core.formats._export_checks import MAX_FRAMES, MAX_TRACKS, check_exportable
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FramePoses, PersonPose, PoseSequence

#: Keeps "file: sequence ..., frame ...:" in front of the sentence short and easy to cut off.
_FILE = "-"


@dataclass(frozen=True, slots=True)
class Problem:
    """frame, track_id: where to look; None: it concerns more than one. blocks: the file cannot be written with it."""

    sentence: str
    frame: int | None = None
    track_id: int | None = None
    blocks: bool = False


def export_checks(sequence: PoseSequence, *, format: str) -> list[Problem]:
    """Everything about `sequence` (PoseTrack-17 joints) that people want to know before they write it as `format`."""
    is_posetrack = FORMATS[format].is_posetrack
    problems = list(_of_all(sequence, is_posetrack=is_posetrack))
    for frame in sequence.frames:
        problems += _faults(sequence, frame, is_posetrack=is_posetrack)
        for person in frame.persons:
            problems += (
                Problem(sentence, frame.index, person.track_id)
                for sentence in _oddities(sequence, person, is_posetrack=is_posetrack)
            )
    return problems


def _of_all(sequence: PoseSequence, *, is_posetrack: bool) -> Iterator[Problem]:
    labelled = [frame for frame in sequence.frames if frame.is_labeled]
    if not labelled:
        yield Problem("No frame of this choice has anything to export.", blocks=True)
    elif not any(frame.persons for frame in labelled):
        yield Problem("All frames of this choice are empty.")
    if is_posetrack:
        tracks = {person.track_id for frame in sequence.frames for person in frame.persons}
        if len(tracks) > MAX_TRACKS:
            sentence = f"{len(tracks)} tracks, but a PoseTrack sequence holds {MAX_TRACKS}: choose fewer, or COCO."
            yield Problem(sentence, blocks=True)
        n_files = sequence.frames[-1].index // MAX_FRAMES + 1 if sequence.frames else 1
        if n_files > 1:
            yield Problem(f"PoseTrack sequences hold {MAX_FRAMES} frames: this one becomes {n_files} files.")


def _faults(sequence: PoseSequence, frame: FramePoses, *, is_posetrack: bool) -> Iterator[Problem]:
    """What `check_exportable` refuses, by person where it is one person's."""
    sentence = _refusal(sequence, frame, is_posetrack=is_posetrack)
    if sentence is None:
        return
    of_persons = [
        Problem(alone, frame.index, person.track_id, blocks=True)
        for person in frame.persons
        if (alone := _refusal(sequence, replace(frame, persons=(person,)), is_posetrack=is_posetrack))
    ]
    yield from of_persons or [Problem(sentence, frame.index, blocks=True)]


def _refusal(sequence: PoseSequence, frame: FramePoses, *, is_posetrack: bool) -> str | None:
    try:
        check_exportable(sequence.with_frames([frame]), is_posetrack=is_posetrack, file=_FILE)
    except FormatError as error:
        return str(error).removeprefix(f"{_FILE}: sequence {sequence.name!r}, ")
    return None


def _oddities(sequence: PoseSequence, person: PersonPose, *, is_posetrack: bool) -> Iterator[str]:
    points = person.keypoints[person.located]
    if not len(points):
        yield "This person has no joint."
        return
    if sequence.width_px is not None and sequence.height_px is not None:
        size = np.array([sequence.width_px, sequence.height_px])
        outside = ((person.keypoints < -0.5) | (person.keypoints > size - 0.5)).any(axis=1) & person.located
        if outside.any():
            yield f"{_names(outside)} outside the image."
    if is_posetrack and not person.located[_HEAD].any() and person.head_box_xyxy is None:
        yield "No joint of the head and no head box: one is made up from the body."


_HEAD = [POSETRACK_17.index(joint) for joint in ("nose", "head_bottom", "head_top")]


def _names(joints: np.ndarray) -> str:
    names = [POSETRACK_17.joints[joint].replace("_", " ") for joint in np.flatnonzero(joints)]
    if len(names) == 1:
        return f"{names[0].capitalize()} lies"
    return f"{', '.join(names[:-1]).capitalize()} and {names[-1]} lie"
