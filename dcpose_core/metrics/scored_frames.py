"""What a PoseTrack evaluation looks at: the frames, persons and joints that are left after the official clean-up.

Rules (PoseTrack evaluation, "poseval"): a prediction belongs to the ground truth of the same name, frame by frame in
order. Frames in which the ground truth has no person are left out, whatever was predicted there. Joints strictly
inside an ignore region of the ground truth are removed on both sides, and so are the persons of that frame who have
no joint left; a frame that loses its last annotated person this way stays, so what is predicted there is wrong.
A joint counts as soon as it has a place, visible or not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dcpose_core.boxes import box_of_joints
from dcpose_core.errors import FormatError
from dcpose_core.metrics.pairing import SequencePair
from dcpose_core.metrics.pck import head_size_px
from dcpose_core.skeletons import POSETRACK_15, joint_selection
from dcpose_core.types import FloatArray, FramePoses, IntArray, PersonPose, PoseSequence, Visibility

JOINT_COUNT = len(POSETRACK_15)
#: Score of a predicted joint or person of whom the file states none: below every real score.
MISSING_SCORE = -9999.0

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ScoredPersons:
    """Persons of one side of one frame, in the order of the file, with the 15 PoseTrack joints.

    points: float64 `[N, 15, 2]` image pixels. located: bool `[N, 15]`. joint_scores: float64 `[N, 15]`.
    scores: float64 `[N]`, the persons'. track_ids: int64 `[N]`, -1 where the file has none.
    areas_px2: float64 `[N]` person box areas, 0 where unknown.
    """

    points: FloatArray
    located: BoolArray
    joint_scores: FloatArray
    scores: FloatArray
    track_ids: IntArray
    areas_px2: FloatArray

    def __len__(self) -> int:
        return len(self.points)

    @property
    def have_joints(self) -> BoolArray:
        """bool `[N]`: who has at least one joint."""
        return np.asarray(self.located.any(axis=1), dtype=np.bool_)

    def select(self, index: BoolArray | slice) -> ScoredPersons:
        return ScoredPersons(
            points=self.points[index],
            located=self.located[index],
            joint_scores=self.joint_scores[index],
            scores=self.scores[index],
            track_ids=self.track_ids[index],
            areas_px2=self.areas_px2[index],
        )


@dataclass(frozen=True, slots=True, eq=False)
class ScoredFrame:
    """One frame that is scored. head_sizes_px: float64 `[G]`, the PCKh reference of every annotated person."""

    annotated: ScoredPersons
    predicted: ScoredPersons
    head_sizes_px: FloatArray

    def joint_distances(self) -> FloatArray:
        """float64 `[15, G, P]`: distances in head sizes; infinity where either side lacks the joint."""
        offsets = self.annotated.points[:, None] - self.predicted.points[None]  # [G, P, 15, 2]
        both = self.annotated.located[:, None] & self.predicted.located[None]
        # A head box without extent is a reference that nothing can match, as in the official tool.
        with np.errstate(divide="ignore", invalid="ignore"):
            distances = np.sqrt((offsets**2).sum(axis=-1)) / self.head_sizes_px[:, None, None]
        usable = both & ~np.isnan(distances)
        return np.where(usable, distances, np.inf).transpose(2, 0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class ScoredSequence:
    """The scored frames of one video, in order. has_tracks: both sides carry track ids."""

    name: str
    frames: tuple[ScoredFrame, ...]
    has_tracks: bool


def scored_sequences(pairs: Sequence[SequencePair]) -> list[ScoredSequence]:
    """Apply the clean-up of the official evaluation to pairs of (ground truth, prediction).

    Raises `FormatError`, naming sequence and frame, when the numbers of frames differ, a track id occurs twice in a
    frame, only some persons have a track id, or an annotated person has no head box.
    """
    truth_has_tracks = _has_track_ids("ground truth", [truth for truth, _ in pairs])
    prediction_has_tracks = _has_track_ids("predictions", [prediction for _, prediction in pairs])
    has_tracks = truth_has_tracks and prediction_has_tracks
    return [_scored_sequence(truth, prediction, has_tracks) for truth, prediction in pairs]


def _has_track_ids(side: str, sequences: Sequence[PoseSequence]) -> bool:
    """False if no person of this side has a track id (a file of detections), True if all have."""
    lacking: str | None = None
    present = False
    for sequence in sequences:
        for frame in sequence.frames:
            track_ids = [person.track_id for person in frame.persons]
            repeated = [track for track, count in Counter(track_ids).items() if count > 1 and track is not None]
            if repeated:
                raise FormatError(f"{_place(side, sequence, frame)}: track id {repeated[0]} occurs more than once")
            present = present or any(track is not None for track in track_ids)
            if lacking is None and None in track_ids:
                lacking = _place(side, sequence, frame)
    if lacking is not None and present:
        raise FormatError(f"{lacking}: a person has no track id, while others have; give all of them one, or none")
    return lacking is None


def _place(side: str, sequence: PoseSequence, frame: FramePoses) -> str:
    return f"{side}, sequence {sequence.name}, frame {frame.index}"


def _scored_sequence(truth: PoseSequence, prediction: PoseSequence, has_tracks: bool) -> ScoredSequence:
    if len(truth.frames) != len(prediction.frames):
        raise FormatError(
            f"sequence {truth.name}: {len(truth.frames)} frames in the ground truth, but "
            f"{len(prediction.frames)} in the prediction; frames are compared one by one"
        )
    positions = [position for position, frame in enumerate(truth.frames) if frame.persons]
    annotated = _persons_by_frame(truth, positions)
    predicted = _persons_by_frame(prediction, positions)
    frames = []
    for position, annotated_here, predicted_here in zip(positions, annotated, predicted, strict=True):
        frame = truth.frames[position]
        head_sizes = _head_sizes(truth, frame)
        if frame.ignore_regions:
            annotated_here, kept = _outside_of(frame.ignore_regions, annotated_here)
            head_sizes = head_sizes[kept]
            predicted_here, _ = _outside_of(frame.ignore_regions, predicted_here)
        frames.append(ScoredFrame(annotated_here, predicted_here, head_sizes))
    return ScoredSequence(truth.name, tuple(frames), has_tracks)


def _persons_by_frame(sequence: PoseSequence, positions: Sequence[int]) -> list[ScoredPersons]:
    """The persons of the frames at `positions`. All persons are stacked once: one small array each would be slow."""
    frames = [sequence.frames[position] for position in positions]
    persons = [person for frame in frames for person in frame.persons]
    ends = np.cumsum([0, *(len(frame.persons) for frame in frames)])
    everyone = _stack(persons, joint_selection(sequence.skeleton, POSETRACK_15), joints=len(sequence.skeleton))
    return [everyone.select(slice(start, end)) for start, end in pairwise(ends)]


def _stack(persons: Sequence[PersonPose], selection: IntArray, *, joints: int) -> ScoredPersons:
    # One column more than the skeleton has, never located: index -1 of the selection, a missing joint, ends there.
    points = np.zeros((len(persons), joints + 1, 2))
    visibility = np.full((len(persons), joints + 1), Visibility.ABSENT, dtype=np.uint8)
    joint_scores = np.full((len(persons), joints + 1), MISSING_SCORE)
    for row, person in enumerate(persons):
        points[row, :joints] = person.keypoints
        visibility[row, :joints] = person.visibility
        if person.scores is not None:
            joint_scores[row, :joints] = person.scores
    points, located = points[:, selection], visibility[:, selection] != Visibility.ABSENT
    joint_scores = joint_scores[:, selection]
    # A person without a score of his own ranks by the mean over his joints, as COCO-style results usually do.
    means = np.where(located, joint_scores, 0).sum(axis=1) / np.maximum(located.sum(axis=1), 1)
    scores = [mean if person.score is None else person.score for person, mean in zip(persons, means, strict=True)]
    return ScoredPersons(
        points=points,
        located=located,
        joint_scores=joint_scores,
        scores=np.array(scores, dtype=np.float64),
        track_ids=np.array([-1 if p.track_id is None else p.track_id for p in persons], dtype=np.int64),
        areas_px2=np.array([_area_px2(person) for person in persons], dtype=np.float64),
    )


def _area_px2(person: PersonPose) -> float:
    box = box_of_joints(person) if person.box_xyxy is None else person.box_xyxy
    return 0.0 if box is None else float(max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0))


def _head_sizes(sequence: PoseSequence, frame: FramePoses) -> FloatArray:
    boxes = np.zeros((len(frame.persons), 4))
    for row, person in enumerate(frame.persons):
        if person.head_box_xyxy is not None:
            boxes[row] = person.head_box_xyxy
        elif person.located.any():
            who = f"person {row}" if person.track_id is None else f"track {person.track_id}"
            raise FormatError(
                f"{_place('ground truth', sequence, frame)}, {who}: no head box (`bbox_head`, in 2017 files `x1` to "
                "`y2`); the evaluation measures distances in head sizes"
            )
    return head_size_px(boxes)


def _outside_of(regions: Sequence[FloatArray], persons: ScoredPersons) -> tuple[ScoredPersons, BoolArray]:
    """Persons without their joints in `regions`, and which persons `[N]` are left with any."""
    ignored = np.zeros(persons.located.shape, dtype=np.bool_)
    for region in regions:
        ignored |= strictly_inside(persons.points, region)
    rest = replace(persons, located=persons.located & ~ignored)
    return rest.select(rest.have_joints), rest.have_joints


def strictly_inside(points: FloatArray, polygon: FloatArray) -> BoolArray:
    """Which points `[..., 2]` lie inside a polygon `[K, 2]` but not on its border, by the even-odd rule.

    The polygon may be given closed or open; fewer than three corners enclose nothing.
    """
    x, y = points[..., 0, None], points[..., 1, None]
    if len(polygon) < 3:
        return np.zeros(points.shape[:-1], dtype=np.bool_)
    start, end = polygon, np.roll(polygon, -1, axis=0)
    (x1, y1), (x2, y2) = start.T, end.T
    side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)  # [..., K], 0 on the line through an edge
    within_x = (x >= np.minimum(x1, x2)) & (x <= np.maximum(x1, x2))
    within_y = (y >= np.minimum(y1, y2)) & (y <= np.maximum(y1, y2))
    on_border = ((side == 0) & within_x & within_y).any(axis=-1)
    # A ray to the right crosses an edge that spans y (lower end included, upper not) and lies to the right.
    crosses = ((y1 <= y) & (y < y2) & (side > 0)) | ((y2 <= y) & (y < y1) & (side < 0))
    inside = crosses.sum(axis=-1) % 2 == 1
    return np.asarray(inside & ~on_border, dtype=np.bool_)
