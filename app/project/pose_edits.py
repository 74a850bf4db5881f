"""Edits of persons on frames. A person that is changed by hand becomes an annotation; the prediction stays below it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from app.project.document import Document
from app.project.frame_notes import rejection
from app.project.new_tracks import new_track
from app.project.records import (
    Change,
    Edit,
    JointSource,
    Layer,
    NoteChange,
    Person,
    PersonChange,
    TrackChange,
)
from app.project.wide_edits import WideEdit
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, IntArray, Visibility

_ARMS = ("shoulder", "elbow", "wrist")
_LEGS = ("hip", "knee", "ankle")
#: The (left, right) joint indices that each part exchanges.
PARTS: dict[str, tuple[tuple[int, int], ...]] = {
    "whole": POSETRACK_17.flip_pairs,
    "arms": tuple(pair for pair in POSETRACK_17.flip_pairs if POSETRACK_17.joints[pair[0]].endswith(_ARMS)),
    "legs": tuple(pair for pair in POSETRACK_17.flip_pairs if POSETRACK_17.joints[pair[0]].endswith(_LEGS)),
}
Part = Literal["whole", "arms", "legs"]


def set_person(document: Document, frame: int, track_id: int, person: Person, *, label: str = "Set pose") -> Edit:
    """The annotation of a track on a frame becomes `person`."""
    before = document.person(frame, track_id, Layer.ANNOTATION)
    return Edit(label, (PersonChange(Layer.ANNOTATION, frame, track_id, before, person),))


def add_person(document: Document, frame: int, person: Person, *, track_id: int | None = None) -> Edit:
    """A person where the track has none; without `track_id`, in a track of its own."""
    changes: list[Change] = []
    if track_id is None:
        track = new_track(document)
        track_id = track.track_id
        changes.append(TrackChange(None, track))
    before = document.person(frame, track_id, Layer.ANNOTATION)
    changes.append(PersonChange(Layer.ANNOTATION, frame, track_id, before, person))
    return Edit("Add person", tuple(changes))


def move_joint(document: Document, frame: int, track_id: int, joint: int, xy: FloatArray) -> Edit:
    """A joint, absent or not, is put at `xy` `[2]`."""
    return move_joints(document, frame, track_id, {joint: xy})


def move_joints(document: Document, frame: int, track_id: int, positions: Mapping[int, FloatArray]) -> Edit:
    """Joints are put at new positions; an absent one becomes visible."""
    person = _in_view(document, frame, track_id)
    keypoints, visibility = person.keypoints.copy(), person.visibility.copy()
    for joint, xy in positions.items():
        keypoints[joint] = xy
        if visibility[joint] == Visibility.ABSENT:
            visibility[joint] = Visibility.VISIBLE
    moved = replace(person, keypoints=keypoints, visibility=visibility)
    name = POSETRACK_17.joints[next(iter(positions))].replace("_", " ") if len(positions) == 1 else "joints"
    return set_person(document, frame, track_id, _by_hand(moved, positions), label=f"Move {name}")


def move_person(document: Document, frame: int, track_id: int, shift_xy: FloatArray) -> Edit:
    """All joints and boxes are moved by `shift_xy` `[2]`."""
    shift = np.asarray(shift_xy, np.float64)
    return _transform(document, frame, track_id, np.eye(2), shift, box_factors=np.ones(2), label="Move person")


def rotate_person(document: Document, frame: int, track_id: int, angle_rad: float, *, centre_xy: FloatArray) -> Edit:
    """All joints are turned about `centre_xy`, clockwise on the screen; boxes follow their centres."""
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    matrix = np.array([[cos, -sin], [sin, cos]])
    shift = centre_xy - matrix @ centre_xy
    return _transform(document, frame, track_id, matrix, shift, box_factors=np.ones(2), label="Rotate person")


def scale_person(
    document: Document, frame: int, track_id: int, factor_xy: tuple[float, float], *, centre_xy: FloatArray
) -> Edit:
    """All joints and boxes are scaled by the factors, above 0, about `centre_xy`."""
    matrix, factors = np.diag(factor_xy), np.array(factor_xy)
    shift = centre_xy - matrix @ centre_xy
    return _transform(document, frame, track_id, matrix, shift, box_factors=factors, label="Scale person")


def set_visibility(
    document: Document, frame: int, track_id: int, joints: Collection[int], visibility: Visibility
) -> Edit:
    """Joints become visible, occluded or absent. An absent one comes back where the model saw it; one that the model
    did not see either stays absent: it needs a position first."""
    person = _in_view(document, frame, track_id)
    predicted = document.person(frame, track_id, Layer.PREDICTION)
    keypoints, states = person.keypoints.copy(), person.visibility.copy()
    changed = []
    for joint in joints:
        if states[joint] == visibility:
            continue
        if states[joint] == Visibility.ABSENT:
            if predicted is None or not predicted.located[joint]:
                continue
            keypoints[joint] = predicted.keypoints[joint]
        states[joint] = visibility
        changed.append(joint)
    if not changed:
        return Edit("Set visibility", ())
    after = _by_hand(replace(person, keypoints=keypoints, visibility=states), changed)
    return set_person(document, frame, track_id, after, label=f"Mark {visibility.name.lower()}")


def delete_joint(document: Document, frame: int, track_id: int, joints: Collection[int]) -> Edit:
    """Joints become absent."""
    return replace(set_visibility(document, frame, track_id, joints, Visibility.ABSENT), label="Delete joint")


def delete_person(document: Document, frame: int, track_id: int) -> Edit:
    """The person goes, annotation and prediction; the track too if it was its last."""
    gone = list(deleted(document, frame, track_id))
    n_persons = sum(isinstance(change, PersonChange) for change in gone)
    was_last = bool(gone) and document.n_persons(track_id) == n_persons
    end = [TrackChange(document.tracks()[track_id], None)] if was_last else []
    return Edit("Delete person", (*gone, *end))


def deleted(document: Document, frame: int, track_id: int) -> Iterator[PersonChange | NoteChange]:
    """A person goes from a frame, annotation and prediction. A prediction is remembered: a model that sees it again
    later is not believed."""
    for layer in Layer:
        person = document.person(frame, track_id, layer)
        if person is not None:
            yield PersonChange(layer, frame, track_id, person, None)
            if layer is Layer.PREDICTION and person.located.any():
                yield rejection(frame, document.rejected(frame), [person])


def copy_pose_from(document: Document, source_frame: int, frame: int, track_id: int) -> Edit:
    """The track's pose on `source_frame`, on `frame`: as a start for correcting, its joints count as propagated."""
    person = _in_view(document, source_frame, track_id)
    sources = np.where(person.located, JointSource.PROPAGATED, person.sources)
    copied = replace(person, sources=sources, refinement_px=None)
    return set_person(document, frame, track_id, copied, label="Copy pose")


def accept_person(document: Document, frames: Iterable[int], track_ids: Collection[int]) -> Edit:
    """Predictions become annotations as they are: somebody looked at them and found them right."""
    changes: list[Change] = []
    for frame in frames:
        for track_id in track_ids:
            person = document.person(frame, track_id)
            if person is None or (person.sources[person.located] == JointSource.HUMAN).all():
                continue
            accepted = _by_hand(person, np.flatnonzero(person.located).tolist())
            before = document.person(frame, track_id, Layer.ANNOTATION)
            changes.append(PersonChange(Layer.ANNOTATION, frame, track_id, before, accepted))
    return Edit("Accept pose", tuple(changes))


def swapping_left_right(
    document: Document, frames: Sequence[int], track_ids: Collection[int], part: Part | tuple[int, int] = "whole"
) -> WideEdit:
    """Left and right are exchanged on every frame where the tracks are: of the whole body, the arms, the legs, or of
    one (left, right) pair of joints. Scores, states and sources go with their joints."""
    pairs = PARTS[part] if isinstance(part, str) else (part,)
    order = np.arange(len(POSETRACK_17))
    for left, right in pairs:
        order[[left, right]] = right, left

    def changes() -> Iterator[Change]:
        for frame in frames:
            for track_id in track_ids:
                person = document.person(frame, track_id)
                if person is not None:
                    before = document.person(frame, track_id, Layer.ANNOTATION)
                    yield PersonChange(Layer.ANNOTATION, frame, track_id, before, _reordered(person, order))

    return WideEdit("Swap left and right", changes(), len(frames) * len(track_ids))


def swap_left_right(
    document: Document, frames: Iterable[int], track_ids: Collection[int], part: Part | tuple[int, int] = "whole"
) -> Edit:
    """`swapping_left_right`, at once."""
    return swapping_left_right(document, list(frames), track_ids, part).at_once()


def _reordered(person: Person, order: IntArray) -> Person:
    return replace(
        person,
        keypoints=person.keypoints[order],
        scores=person.scores[order],
        visibility=person.visibility[order],
        sources=person.sources[order],
        refinement_px=None if person.refinement_px is None else person.refinement_px[order],
    )


def set_box(document: Document, frame: int, track_id: int, box_xyxy: FloatArray | None) -> Edit:
    """The person's box becomes `box_xyxy` `[4]`."""
    person = _in_view(document, frame, track_id)
    return set_person(document, frame, track_id, replace(person, box_xyxy=box_xyxy), label="Set box")


def set_head_box(document: Document, frame: int, track_id: int, box_xyxy: FloatArray | None) -> Edit:
    """The head box becomes `box_xyxy` `[4]`; None: derived from the joints at export."""
    person = _in_view(document, frame, track_id)
    return set_person(document, frame, track_id, replace(person, head_box_xyxy=box_xyxy), label="Set head box")


def _in_view(document: Document, frame: int, track_id: int) -> Person:
    person = document.person(frame, track_id)
    if person is None:
        raise ValueError(f"track {track_id} has nobody on frame {frame}")
    return person


def _by_hand(person: Person, joints: Iterable[int]) -> Person:
    """`person` with these joints set by a human: certain, or certainly absent. Its box grows to hold them."""
    sources, scores = person.sources.copy(), person.scores.copy()
    joints = list(joints)
    sources[joints] = JointSource.HUMAN
    scores[joints] = person.located[joints]
    box = person.box_xyxy
    if box is not None and person.located.any():
        points = person.keypoints[person.located]
        box = np.concatenate([np.minimum(box[:2], points.min(axis=0)), np.maximum(box[2:], points.max(axis=0))])
    return replace(person, sources=sources, scores=scores, box_xyxy=box)


def _transform(
    document: Document,
    frame: int,
    track_id: int,
    matrix: FloatArray,
    shift: FloatArray,
    *,
    box_factors: FloatArray,
    label: str,
) -> Edit:
    """`x -> matrix @ x + shift`, `[2, 2]` and `[2]`, on joints and box centres; boxes stay upright."""
    person = _in_view(document, frame, track_id)
    moved = replace(
        person,
        keypoints=person.keypoints @ matrix.T + shift,
        box_xyxy=_moved_box(person.box_xyxy, matrix, shift, box_factors),
        head_box_xyxy=_moved_box(person.head_box_xyxy, matrix, shift, box_factors),
    )
    located = np.flatnonzero(person.located).tolist()
    return set_person(document, frame, track_id, _by_hand(moved, located), label=label)


def _moved_box(box: FloatArray | None, matrix: FloatArray, shift: FloatArray, factors: FloatArray) -> FloatArray | None:
    if box is None:
        return None
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * factors
    centre = matrix @ centre + shift
    return np.concatenate([centre - half, centre + half])
