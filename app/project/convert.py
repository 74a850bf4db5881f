"""Between a project and `PoseSequence`, which files are written from and read into."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from app.project.document import Document
from app.project.frame_notes import regions_change
from app.project.new_tracks import new_track
from app.project.packing import MAX_TRACK_ID
from app.project.poses import body_box, person_of, pose_of
from app.project.records import (
    AnalysedChange,
    Change,
    FrameState,
    JointSource,
    Layer,
    Person,
    PersonChange,
    TrackChange,
)
from app.project.wide_edits import WideEdit
from dcpose_core.errors import ProjectError
from dcpose_core.formats import to_skeleton
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.trackers import GivenTracks
from dcpose_core.types import Detection, FloatArray, FramePoses, PersonPose, PoseSequence

#: What to take out of a project. view: the annotation, else the prediction. human: annotations, and all of a frame that
#: is verified. verified: verified frames only.
What = Literal["view", "human", "verified"]
_LEAST_STATE = {"view": FrameState.MODEL, "human": FrameState.HUMAN, "verified": FrameState.VERIFIED}


def to_sequence(
    document: Document,
    *,
    what: What = "view",
    first: int = 0,
    last: int | None = None,
    track_ids: Collection[int] | None = None,
    name: str = "",
) -> PoseSequence:
    """All frames of the video: those of `first` to `last` (included) that `what` has something to say about with
    their persons, the others listed as not labelled."""
    last = document.n_frames - 1 if last is None else last
    states, tracks = document.frame_states(), document.tracks()
    frames = []
    for frame in range(document.n_frames):
        says = first <= frame <= last and states[frame] >= _LEAST_STATE[what]
        persons = _persons(document, frame, what) if says else {}
        poses = tuple(
            replace(pose_of(person, track_id), person_id=tracks[track_id].person_id)
            for track_id, person in persons.items()
            if track_ids is None or track_id in track_ids
        )
        frames.append(
            FramePoses(
                frame,
                poses,
                time_s=float(document.times_s[frame]),
                is_labeled=bool(says),
                ignore_regions=document.ignore_regions(frame),
            )
        )
    return PoseSequence(name, tuple(frames), width_px=document.video.width_px, height_px=document.video.height_px)


def _persons(document: Document, frame: int, what: What) -> dict[int, Person]:
    if what == "human" and not document.is_verified(frame):
        return dict(sorted(document.layer_persons(frame, Layer.ANNOTATION).items()))
    return dict(document.persons(frame))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImportPlan:
    """What an import brings. n_replaced: poses of the project that make room. notes: what the project cannot hold or
    what looks odd, a sentence each."""

    name: str
    layer: Layer
    keep_track_ids: bool
    frames: Sequence[tuple[int, Mapping[int, PersonPose]]]
    regions: Mapping[int, tuple[FloatArray, ...]]
    n_persons: int
    n_tracks: int
    n_replaced: int
    notes: tuple[str, ...]

    @property
    def n_frames(self) -> int:
        return len(self.frames)

    def edit(self, document: Document) -> WideEdit:
        """The edit that does it, on the document as it is then."""
        return WideEdit(f"Import {self.name}".strip(), self._changes(document), self.n_persons + self.n_frames)

    def _changes(self, document: Document) -> Iterator[Change]:
        track_of = _track_ids(document, self.frames, keep=self.keep_track_ids)
        new = sorted(set(track_of.values()) - document.tracks().keys())
        person_ids = _person_ids(self.frames, track_of)
        for track_id in new:
            yield TrackChange(None, replace(new_track(document, track_id), person_id=person_ids.get(track_id)))
        for track_id in sorted(person_ids.keys() - set(new)):
            track = document.tracks()[track_id]
            if track.person_id != person_ids[track_id]:
                yield TrackChange(track, replace(track, person_id=person_ids[track_id]))
        for frame, regions in self.regions.items():
            change = regions_change(frame, document.ignore_regions(frame), regions)
            if change.before != change.after:
                yield change
        source = JointSource.HUMAN if self.layer is Layer.ANNOTATION else JointSource.MODEL
        for frame, persons in self.frames:
            for of_file, pose in persons.items():
                track_id = track_of[of_file]
                before, after = document.person(frame, track_id, self.layer), person_of(pose, source)
                yield PersonChange(self.layer, frame, track_id, before, after)
            if not document.is_analysed(frame):
                yield AnalysedChange(frame, False, True)


def plan_import(document: Document, sequence: PoseSequence, *, layer: Layer, keep_track_ids: bool = True) -> ImportPlan:
    """What it takes to bring a file's poses into the project, over those of the same tracks on the same frames.

    keep_track_ids: a track of the file is the project's track of that id; else every one becomes a new track. Persons
    without an id are tracked. Raises `ProjectError` where the file cannot be about this video, `FormatError` where a
    frame gives one id to two persons.
    """
    _check_fits(document, sequence)
    frames = _tracked(document, to_skeleton(sequence, POSETRACK_17).frames)
    track_of = _track_ids(document, frames, keep=keep_track_ids)
    replaced = (
        document.person(frame, track_of[track_id], layer) is not None for frame, found in frames for track_id in found
    )
    return ImportPlan(
        name=sequence.name,
        layer=layer,
        keep_track_ids=keep_track_ids,
        frames=frames,
        regions={poses.index: poses.ignore_regions for poses in sequence.frames if poses.ignore_regions},
        n_persons=sum(len(persons) for _, persons in frames),
        n_tracks=len(track_of),
        n_replaced=sum(replaced),
        notes=tuple(_notes(document, sequence)),
    )


def _track_ids(
    document: Document, frames: Iterable[tuple[int, Mapping[int, PersonPose]]], *, keep: bool
) -> dict[int, int]:
    """Track id of the file -> of the project. Raises `ProjectError` for one that is too large."""
    found = sorted({track_id for _, persons in frames for track_id in persons})
    free = document.next_free_track_id()
    track_of = {track_id: track_id if keep else free + i for i, track_id in enumerate(found)}
    if max(track_of.values(), default=0) > MAX_TRACK_ID:
        raise ProjectError(f"track id {max(found)} is too large for a project; import with new track ids")
    return track_of


def _check_fits(document: Document, sequence: PoseSequence) -> None:
    name = sequence.name or "the file"
    last = max((poses.index for poses in sequence.frames), default=-1)
    if last >= document.n_frames:
        raise ProjectError(
            f"{name}: has poses up to frame {last}, but the video ends at frame {document.n_frames - 1}; "
            "import it into the project of its own video"
        )
    size = (sequence.width_px, sequence.height_px)
    if None not in size and size != (document.video.width_px, document.video.height_px):
        raise ProjectError(
            f"{name}: is about images of {size[0]} x {size[1]} pixels, but the video has "
            f"{document.video.width_px} x {document.video.height_px}; import it into the project of its own video"
        )


def _notes(document: Document, sequence: PoseSequence) -> Iterable[str]:
    if 0 < len(sequence.frames) < document.n_frames:
        count = f"The file lists {len(sequence.frames)} frames, the video has {document.n_frames}"
        yield f"{count}: check that they start together."


def _person_ids(frames: Iterable[tuple[int, Mapping[int, PersonPose]]], track_of: Mapping[int, int]) -> dict[int, int]:
    """Track id of the project -> the identity beyond the video that the file gives it first."""
    ids: dict[int, int] = {}
    for _, persons in frames:
        for of_file, pose in persons.items():
            if pose.person_id is not None:
                ids.setdefault(track_of[of_file], pose.person_id)
    return ids


def _tracked(document: Document, frames: Iterable[FramePoses]) -> list[tuple[int, dict[int, PersonPose]]]:
    """(frame index, track id -> pose) of every labelled frame; persons without an id get that of a tracker."""
    labelled = sorted((poses for poses in frames if poses.is_labeled), key=lambda poses: poses.index)
    given = {person.track_id for poses in labelled for person in poses.persons if person.track_id is not None}
    tracker = GivenTracks(reserved_ids=given | document.tracks().keys())
    result = []
    for poses in labelled:
        named = {person.track_id: person for person in poses.persons if person.track_id is not None}
        if len(named) < sum(person.track_id is not None for person in poses.persons):
            raise ProjectError(f"frame {poses.index}: the file gives one track id to two persons; correct the file")
        nameless = [(person, box) for person in poses.persons if person.track_id is None and (box := _place(person))]
        detections = [Detection(np.array(box), 1.0) for _, box in nameless]
        ids: dict[tuple[float, ...], list[int]] = {}
        for tracked in tracker.update(poses.index, float(document.times_s[poses.index]), detections):
            ids.setdefault(tuple(tracked.box_xyxy.tolist()), []).append(tracked.track_id)
        named.update({ids[box].pop(): person for person, box in nameless})
        result.append((poses.index, named))
    return result


def _place(pose: PersonPose) -> tuple[float, ...] | None:
    """Where somebody is, as a box `xyxy`; None for somebody without a joint or box."""
    box = body_box(person_of(pose))
    if box is None and pose.located.any():
        box = np.tile(pose.keypoints[pose.located][0], 2) + np.array([-1.0, -1.0, 1.0, 1.0])
    return None if box is None else tuple(box.tolist())
