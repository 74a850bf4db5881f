"""What a written file cannot hold, found before anything is written and named by sequence, frame, person and joint."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from dcpose_core.formats._json import MAX_COORDINATE_PX, reject
from dcpose_core.types import FloatArray, FramePoses, PoseSequence

#: poseval stops at a frame number of 10,000; its annotation ids hold 100 persons a frame and its README 1,000 tracks.
MAX_FRAMES = 10_000
MAX_TRACKS = 1_000
MAX_PERSONS_PER_FRAME = 100
#: Far below what the reader takes, so that derived boxes and widths stay readable.
_MAX_WRITTEN_PX = MAX_COORDINATE_PX / 10


def place_of(sequence: PoseSequence, frame: FramePoses, person: int | None = None) -> str:
    place = f"sequence {sequence.name!r}, frame {frame.index}"
    return place if person is None else f"{place}, person {person}"


def check_exportable(sequence: PoseSequence, *, is_posetrack: bool, file: str) -> None:
    """Everything that a file cannot hold, found before anything is written."""
    if not sequence.frames:
        reject(file, f"sequence {sequence.name!r}", "not written: it has no frames")
    indices = [frame.index for frame in sequence.frames]
    if indices[0] < 0 or any(later <= earlier for earlier, later in pairwise(indices)):
        reject(file, f"sequence {sequence.name!r}", "not written: its frame indices must ascend from 0 or above")
    any_tracked = any(person.track_id is not None for frame in sequence.frames for person in frame.persons)
    for frame in sequence.frames:
        _check_identities(sequence, frame, file, is_posetrack=is_posetrack, any_tracked=any_tracked)
        for i, region in enumerate(frame.ignore_regions):
            if not _all_fit(region):
                reject(file, place_of(sequence, frame), f"ignore region {i} has a corner that is no place in an image")
    _check_numbers(sequence, file)


def _check_identities(
    sequence: PoseSequence, frame: FramePoses, file: str, *, is_posetrack: bool, any_tracked: bool
) -> None:
    tracks = [person.track_id for person in frame.persons]
    if is_posetrack and len(tracks) > MAX_PERSONS_PER_FRAME:
        what = f"{len(tracks)} persons, but PoseTrack ids hold {MAX_PERSONS_PER_FRAME} a frame"
        reject(file, place_of(sequence, frame), what)
    known = [track for track in tracks if track is not None]
    if len(set(known)) < len(known):
        twice = next(track for i, track in enumerate(known) if track in known[:i])
        reject(file, place_of(sequence, frame), f"track id {twice} is used twice")
    if any(track < 0 for track in known):
        reject(file, place_of(sequence, frame), f"track id {min(known)} is negative")
    if is_posetrack and any_tracked and len(known) < len(tracks):
        what = "has no track id, but others of the sequence have"
        reject(file, place_of(sequence, frame, tracks.index(None)), what)


def _check_numbers(sequence: PoseSequence, file: str) -> None:
    places = [(frame, i, person) for frame in sequence.frames for i, person in enumerate(frame.persons)]
    for frame, i, person in places:
        if len(person.keypoints) != len(sequence.skeleton):
            what = f"{len(person.keypoints)} joints, but {sequence.skeleton.name} has {len(sequence.skeleton)}"
            reject(file, place_of(sequence, frame, i), what)
        for name, box in (("body box", person.box_xyxy), ("head box", person.head_box_xyxy)):
            if box is not None:
                x1, y1, x2, y2 = box.tolist()
                if not (_all_fit(box) and x1 <= x2 and y1 <= y2):
                    what = f"{name} ({x1:g}, {y1:g}) to ({x2:g}, {y2:g}) is no box in an image"
                    reject(file, place_of(sequence, frame, i), what)
        if person.score is not None and not math.isfinite(person.score):
            reject(file, place_of(sequence, frame, i), f"score {person.score} is not finite")
    if not places:
        return
    positions = np.abs(np.stack([person.keypoints for _, _, person in places])).max(axis=2)
    for which, joint in np.argwhere(~(positions <= _MAX_WRITTEN_PX))[:1].tolist():
        frame, i, person = places[which]
        x, y = person.keypoints[joint].tolist()
        what = f"{sequence.skeleton.joints[joint]} is at ({x:g}, {y:g}), which is no place in an image"
        reject(file, place_of(sequence, frame, i), what)
    scored = [(frame, i, person.scores) for frame, i, person in places if person.scores is not None]
    if not scored:
        return
    finite = np.isfinite(np.stack([scores for _, _, scores in scored]))
    for which, joint in np.argwhere(~finite)[:1].tolist():
        frame, i, scores = scored[which]
        what = f"{sequence.skeleton.joints[joint]} has the score {scores[joint]}, which is not finite"
        reject(file, place_of(sequence, frame, i), what)


def _all_fit(values: FloatArray) -> bool:
    return bool((np.abs(values) <= _MAX_WRITTEN_PX).all())
