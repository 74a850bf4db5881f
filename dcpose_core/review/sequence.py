"""The poses of a file as a source for a review."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dcpose_core.boxes import box_of_joints
from dcpose_core.formats import to_skeleton
from dcpose_core.review.source import JOINTS, BoolArray, PoseRows
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.trackers import GivenTracks
from dcpose_core.types import Detection, FloatArray, FramePoses, IntArray, PersonPose, PoseSequence

#: Of files that give no times.
DEFAULT_FRAME_RATE_HZ = 30.0


class SequencePoses:
    """The labelled frames of a sequence as a `ReviewSource`, numbered 0, 1, ...; the others say nothing and are left
    out.

    frame_rate_hz: of files that give no times. Persons without a track id are followed by their boxes.
    Raises `FormatError` where a frame gives one id to two persons.
    """

    def __init__(self, sequence: PoseSequence, *, frame_rate_hz: float = DEFAULT_FRAME_RATE_HZ) -> None:
        labelled = (frame for frame in to_skeleton(sequence, POSETRACK_17).frames if frame.is_labeled)
        frames = sorted(labelled, key=lambda frame: frame.index)
        #: Frame indices as the file has them, and names of its images.
        self.frame_indices = np.array([frame.index for frame in frames], np.int64)
        self.file_names = [frame.file_name for frame in frames]
        self._times_s = _times_s(frames, frame_rate_hz)
        width, height = sequence.width_px, sequence.height_px
        self._size_px = None if width is None or height is None else (width, height)
        self._rows = _rows(_tracked(frames, self._times_s))
        self._starts = np.searchsorted(self._rows.frames, np.arange(len(frames) + 1))

    @property
    def times_s(self) -> FloatArray:
        return self._times_s

    @property
    def size_px(self) -> tuple[int, int] | None:
        return self._size_px

    @property
    def n_persons(self) -> int:
        """Persons on all frames together."""
        return len(self._rows)

    def rows(self, first: int, stop: int) -> PoseRows:
        part = slice(self._starts[first], self._starts[stop])
        rows = self._rows
        return PoseRows(
            frames=rows.frames[part],
            track_ids=rows.track_ids[part],
            keypoints=rows.keypoints[part],
            located=rows.located[part],
            human=rows.human[part],
            scores=rows.scores[part],
            refinement_px=rows.refinement_px[part],
            boxes_xyxy=rows.boxes_xyxy[part],
        )

    def verified(self, first: int, stop: int) -> BoolArray:
        return np.zeros(stop - first, np.bool_)

    def examined(self, first: int, stop: int) -> BoolArray:
        return np.ones(stop - first, np.bool_)


def _tracked(frames: Sequence[FramePoses], times_s: FloatArray) -> list[tuple[int, int, PersonPose]]:
    """(number of the frame, track id, person) of everybody, in this order."""
    given = {person.track_id for frame in frames for person in frame.persons if person.track_id is not None}
    tracker = GivenTracks(reserved_ids=given)
    persons: list[tuple[int, int, PersonPose]] = []
    for number, frame in enumerate(frames):
        boxes = [_place(person) for person in frame.persons]
        placed = [(person, box) for person, box in zip(frame.persons, boxes, strict=True) if box is not None]
        detections = [Detection(box, 1.0, track_id=person.track_id) for person, box in placed]
        ids: dict[tuple[float, ...], list[int]] = {}
        for tracked in tracker.update(frame.index, float(times_s[number]), detections):
            ids.setdefault(tuple(tracked.box_xyxy.tolist()), []).append(tracked.track_id)
        nameless = [(person, box) for person, box in placed if person.track_id is None]
        of_frame = [(person.track_id, person) for person, _ in placed if person.track_id is not None]
        taken = {track_id for track_id, _ in of_frame}
        for person, box in nameless:
            track_id = next(one for one in ids[tuple(box.tolist())] if one not in taken)
            taken.add(track_id)
            of_frame.append((track_id, person))
        persons += [(number, track_id, person) for track_id, person in sorted(of_frame, key=lambda one: one[0])]
    return persons


def _place(person: PersonPose) -> FloatArray | None:
    """Where somebody is, as a box; None for somebody without a joint or box, of whom nothing can be said."""
    box = box_of_joints(person) if person.box_xyxy is None else person.box_xyxy
    if box is None and person.located.any():
        x, y = person.keypoints[person.located][0].tolist()
        return np.array([x - 1, y - 1, x + 1, y + 1])
    return box


def _rows(persons: Sequence[tuple[int, int, PersonPose]]) -> PoseRows:
    count = len(persons)
    unknown, no_box = np.full(JOINTS, np.nan), np.full(4, np.nan)

    def stacked(values: Sequence[FloatArray], *shape: int) -> FloatArray:
        return np.array(values, np.float64).reshape(count, *shape)

    return PoseRows(
        frames=np.array([frame for frame, _, _ in persons], np.int64),
        track_ids=np.array([track_id for _, track_id, _ in persons], np.int64),
        keypoints=stacked([person.keypoints for _, _, person in persons], JOINTS, 2),
        located=np.array([person.located for _, _, person in persons], np.bool_).reshape(count, JOINTS),
        human=np.zeros((count, JOINTS), np.bool_),
        scores=stacked([unknown if p.scores is None else p.scores for _, _, p in persons], JOINTS),
        refinement_px=stacked([unknown if p.refinement_px is None else p.refinement_px for _, _, p in persons], JOINTS),
        boxes_xyxy=stacked([no_box if p.box_xyxy is None else p.box_xyxy for _, _, p in persons], 4),
    )


def _times_s(frames: Sequence[FramePoses], frame_rate_hz: float) -> FloatArray:
    known = [frame.time_s for frame in frames if frame.time_s is not None]
    if len(known) == len(frames) and all(a < b for a, b in pairwise(known)):
        return np.array(known, np.float64)
    indices: IntArray = np.array([frame.index for frame in frames], np.int64)
    return indices / frame_rate_hz
