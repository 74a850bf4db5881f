"""Reading a written file again, to see that it says what was meant, and that an evaluation agrees."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dcpose_core.formats import FORMATS, read_poses, to_skeleton
from dcpose_core.formats._export_checks import MAX_FRAMES
from dcpose_core.metrics.poseval import poseval
from dcpose_core.skeletons import POSETRACK_15, POSETRACK_17
from dcpose_core.types import FloatArray, FramePoses, PersonPose, PoseSequence

#: More of the same tells nobody anything.
_MOST_TOLD = 20
_EARS = [POSETRACK_17.index("left_ear"), POSETRACK_17.index("right_ear")]


@dataclass(frozen=True, slots=True)
class ReadBack:
    """differences: what the file does not say as meant, a sentence each. ap, mota: of the file against itself, the
    lowest over all joints, in percent; None where nothing can be scored. frames: as read, in the order written."""

    differences: tuple[str, ...]
    ap: float | None
    mota: float | None
    frames: tuple[FramePoses, ...]

    @property
    def is_right(self) -> bool:
        return not self.differences and self.ap in (None, 100.0) and self.mota in (None, 100.0)


def read_back(meant: PoseSequence, files: Sequence[Path], *, format: str) -> ReadBack:
    """Compare files that `write_poses` made of `meant` with it, and score them against themselves.

    Compared is what the format holds (see `write_poses`). Raises `FormatError` if a file cannot be read or scored.
    """
    sequences = [sequence for file in files for sequence in read_poses(file)]
    frames = tuple(frame for sequence in sequences for frame in sequence.frames)
    differences: list[str] = []
    for difference in _differences(meant, frames, format):
        if len(differences) == _MOST_TOLD:
            differences.append("... and more")
            break
        differences.append(difference)
    ap: list[float] = []
    mota: list[float] = []
    for sequence in map(_with_head_boxes, sequences):
        score, present = poseval([sequence], [sequence]), _joints_present(sequence)
        ap += score.detection.ap[:-1][present].tolist()  # the last one is the mean
        if score.tracking is not None:
            mota += score.tracking.mota[:-1][present].tolist()
    return ReadBack(tuple(differences), _lowest(ap), _lowest(mota), frames)


def _joints_present(sequence: PoseSequence) -> NDArray[np.bool_]:
    """bool `[15]`, in the evaluation's order: the joints that anybody has. The official figure of the others is 0."""
    present = np.zeros(len(POSETRACK_15), np.bool_)
    for frame in to_skeleton(sequence, POSETRACK_15).frames:
        for person in frame.persons:
            present |= person.located
    return present


def _with_head_boxes(sequence: PoseSequence) -> PoseSequence:
    """COCO has no head boxes, whose size is the evaluation's unit of distance. All distances are 0 here, so that the
    body's box does as well."""
    return sequence.with_frames(
        replace(
            frame,
            persons=tuple(
                replace(person, head_box_xyxy=person.box_xyxy) if person.head_box_xyxy is None else person
                for person in frame.persons
            ),
        )
        for frame in sequence.frames
    )


def _differences(meant: PoseSequence, frames: Sequence[FramePoses], format: str) -> Iterator[str]:
    form = FORMATS[format]
    converted = to_skeleton(meant, form.skeleton)
    if len(frames) != len(meant.frames):
        yield f"{len(meant.frames)} frames were written, {len(frames)} came back"
        return
    track_ids = _file_track_ids(converted, is_posetrack=form.is_posetrack)
    for expected, found in zip(converted.frames, frames, strict=True):
        place = f"frame {expected.index}"
        number = expected.index % MAX_FRAMES if form.is_posetrack else expected.index
        if found.index != number:
            yield f"{place} came back as frame {found.index}"
        if form.is_posetrack and found.is_labeled != expected.is_labeled:
            yield f"{place} came back as {'labelled' if found.is_labeled else 'not labelled'}"
        if len(found.persons) != len(expected.persons):
            yield f"{place}: {len(expected.persons)} persons were written, {len(found.persons)} came back"
            continue
        ids = track_ids[expected.index // MAX_FRAMES if form.is_posetrack else 0]
        for before, after in zip(expected.persons, found.persons, strict=True):
            if after.track_id != ids.get(before.track_id):
                yield f"{place}: track {before.track_id} came back as {after.track_id}"
            for what in _person_differences(before, after, format):
                yield f"{place}, track {before.track_id}: {what}"


def _person_differences(before: PersonPose, after: PersonPose, format: str) -> Iterator[str]:
    form = FORMATS[format]
    held = np.ones(len(form.skeleton), np.bool_)
    if form.is_posetrack:
        held[_EARS] = False
    located = before.located & held
    if not np.array_equal(after.located, located):
        yield "other joints are located"
        return
    if not np.array_equal(after.keypoints[located], before.keypoints[located]):
        yield "joints lie elsewhere"
    if format != "posetrack18" and not np.array_equal(after.visibility[located], before.visibility[located]):
        yield "other joints are occluded"
    if before.scores is not None and (
        after.scores is None or not np.array_equal(after.scores[located], before.scores[located])
    ):
        yield "scores of joints differ"
    if after.score != before.score:
        yield f"score {before.score} came back as {after.score}"
    if format != "posetrack17" and before.box_xyxy is not None and not _same_box(after.box_xyxy, before.box_xyxy):
        yield "the box differs"
    head_box = before.head_box_xyxy if form.is_posetrack else None
    if head_box is not None and not _same_box(after.head_box_xyxy, head_box):
        yield "the head box differs"


def _same_box(one: FloatArray | None, other: FloatArray) -> bool:
    return one is not None and np.allclose(one, other, rtol=0.0, atol=1e-6)


def _file_track_ids(sequence: PoseSequence, *, is_posetrack: bool) -> dict[int, dict[int | None, int | None]]:
    """For each part: track id -> that in the file. PoseTrack numbers the tracks of a part 0, 1, ... in their order."""
    parts: dict[int, set[int]] = {}
    for frame in sequence.frames:
        part = parts.setdefault(frame.index // MAX_FRAMES if is_posetrack else 0, set())
        part.update(person.track_id for person in frame.persons if person.track_id is not None)
    return {
        number: {track_id: i if is_posetrack else track_id for i, track_id in enumerate(sorted(part))}
        for number, part in parts.items()
    }


def _lowest(figures: Sequence[float]) -> float | None:
    defined = [figure for figure in figures if not math.isnan(figure)]
    return min(defined) if defined else None
