"""Results of a model, taken into the document while they come: as predictions, in one step of the history.

Persons keep who they are: a new track of the model that coincides with a person of the document continues that
person's track. What people said is not touched: frames that they verified, or edit while the run goes on, are left
as they are, annotations always.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from app.project.document import Document
from app.project.new_tracks import new_track
from app.project.poses import body_box, person_of
from app.project.records import AnalysedChange, Change, Edit, Layer, Person, PersonChange, TrackChange
from app.project.track_edits import frames_of, merge_tracks
from dcpose_core.geometry import oks
from dcpose_core.types import Detection, FramePoses, PersonPose

#: OKS from which on two poses on one frame are one person.
_SAME_PERSON_OKS = 0.5


class PredictionRun:
    """The open step of one run of a model. `take` what it yields, then `close`."""

    def __init__(self, document: Document, label: str, *, only_tracks: frozenset[int] | None = None) -> None:
        """only_tracks: the run was given boxes of these tracks; nobody else's predictions change, and the poses bear
        the document's track ids."""
        self._document = document
        self._only_tracks = only_tracks
        self._group = document.group(label)
        self._track_of: dict[int, int] = {}  # track id of the run -> of the document
        self._fresh: set[int] = set()  # tracks that the run made
        self._unapplied: set[int] = set()  # those of them that the document does not have yet
        self._next_id = 0
        self._thinned: set[int] = set()  # tracks that lost a person
        #: Frames whose predictions were replaced, and frames that were left to those who edited them.
        self.n_taken = self.n_skipped = 0
        #: Poses that were left out, since a person had deleted them before.
        self.n_rejected = 0

    @property
    def step(self) -> int:
        """The number of the step in the history."""
        return self._group.number

    @property
    def cancelled(self) -> bool:
        """Whether the step was undone; the run may stop."""
        return self._group.cancelled

    def take(self, frames: Sequence[FramePoses]) -> None:
        """Replace the predictions on these frames by the poses, in PoseTrack-17 joints."""
        if self.cancelled:
            return
        changes: list[Change] = []
        n_taken = 0
        for poses in frames:
            frame = poses.index
            if self._document.is_verified(frame) or not self._group.may_use_frame(frame):
                self.n_skipped += 1
                continue
            if self._only_tracks is None:
                persons = self._identified(frame, poses.persons, changes)
            else:
                # A track that was removed while the run went on is not brought back.
                known = self._document.tracks().keys() & self._only_tracks
                persons = {p.track_id: person_of(p) for p in poses.persons if p.track_id in known}
            changes += self._replaced(frame, persons)
            n_taken += 1
        self._apply(changes)
        self.n_taken += n_taken

    def close(self) -> None:
        """The run is over: tracks that it left without anybody go."""
        if not self.cancelled:
            tracks = self._document.tracks()
            emptied = [t for t in sorted(self._thinned) if t in tracks and not self._document.n_persons(t)]
            self._group.apply([TrackChange(tracks[track_id], None) for track_id in emptied])
        self._group.close()

    def _apply(self, changes: Sequence[Change]) -> None:
        self._group.apply(changes)
        self._unapplied.clear()

    def _replaced(self, frame: int, persons: Mapping[int, Person]) -> list[Change]:
        changes, gone = _replacing(self._document, frame, persons, self._only_tracks)
        self._thinned |= gone
        return changes

    def _identified(self, frame: int, poses: Sequence[PersonPose], changes: list[Change]) -> dict[int, Person]:
        """The poses under the track ids of the document; what that takes goes to `changes`, or is applied."""
        document = self._document
        view = document.persons(frame)
        annotated = {t for t in view if document.layer_of(frame, t) is Layer.ANNOTATION}
        poses = self._without_rejected(frame, poses, {t: view[t] for t in annotated})
        persons = [person_of(pose) for pose in poses]
        same_as = _coinciding(persons, view)
        result: dict[int, Person] = {}
        rest: list[tuple[int, int]] = []  # index and track id of the run of those without an annotation
        for i, pose in enumerate(poses):
            run_id = -1 - i if pose.track_id is None else pose.track_id
            there = same_as.get(i)
            if there is None or there not in annotated:
                rest.append((i, run_id))
                continue
            result[there] = persons[i]
            known = self._track_of.get(run_id)
            if known != there and there not in self._track_of.values() and self._group.may_use_track(there):
                if known in self._fresh:
                    self._rename(known, there, frame, changes)
                self._track_of[run_id] = there
        for i, run_id in rest:
            track_id = self._track_of.get(run_id)
            if track_id is not None and (not self._exists(track_id) or track_id in annotated or track_id in result):
                track_id = None
            there = same_as.get(i)
            if track_id is None and there is not None and there not in result:
                taken = there in self._track_of.values()
                track_id = there if not taken and self._group.may_use_track(there) else None
            if track_id is None:
                track_id = self._make_track(changes)
            self._track_of[run_id] = track_id
            result[track_id] = persons[i]
        return result

    def _without_rejected(
        self, frame: int, poses: Sequence[PersonPose], annotated: Mapping[int, Person]
    ) -> Sequence[PersonPose]:
        """The poses less those that a person deleted on this frame, unless somebody is annotated there since."""
        rejected = dict(enumerate(self._document.rejected(frame)))
        if not rejected:
            return poses
        persons = [person_of(pose) for pose in poses]
        wrong = _coinciding(persons, rejected).keys() - _coinciding(persons, annotated).keys()
        self.n_rejected += len(wrong)
        return [pose for i, pose in enumerate(poses) if i not in wrong]

    def _exists(self, track_id: int) -> bool:
        known = track_id in self._document.tracks() and self._group.may_use_track(track_id)
        return known or track_id in self._unapplied

    def _make_track(self, changes: list[Change]) -> int:
        track_id = max(self._next_id, self._document.next_free_track_id())
        self._next_id = track_id + 1
        self._fresh.add(track_id)
        self._unapplied.add(track_id)
        changes.append(TrackChange(None, new_track(self._document, track_id)))
        return track_id

    def _rename(self, fresh: int, track_id: int, frame: int, changes: list[Change]) -> None:
        """Somebody annotated who this is: the run's own track of that person joins the annotated one."""
        self._apply(changes)
        changes.clear()
        if fresh not in self._document.tracks():
            return
        joined = merge_tracks(self._document, track_id, fresh, 0, frame).changes
        if not all(self._group.may_use_frame(c.frame) for c in joined if isinstance(c, PersonChange)):
            # Some of it is in other hands now; the track stays for them.
            joined = tuple(c for c in joined if isinstance(c, PersonChange))
        self._group.apply(joined)


def replace_predictions(document: Document, frames: Iterable[FramePoses], *, label: str) -> Edit:
    """An edit that replaces the predictions on these frames; the poses bear the document's track ids, and new ones
    become tracks."""
    changes: list[Change] = []
    new: set[int] = set()
    for poses in frames:
        persons = {p.track_id: person_of(p) for p in poses.persons if p.track_id is not None}
        unknown = sorted(persons.keys() - document.tracks().keys() - new)
        changes += [TrackChange(None, new_track(document, track_id)) for track_id in unknown]
        new |= set(unknown)
        changes += _replacing(document, poses.index, persons, None)[0]
    return Edit(label, tuple(changes))


def boxes_of_tracks(document: Document, track_ids: Iterable[int], first: int, last: int) -> dict[int, list[Detection]]:
    """Frame -> the boxes in which the view has these tracks, for a run on these persons only."""
    boxes: dict[int, list[Detection]] = {}
    for track_id in sorted(set(track_ids)):
        for frame in frames_of(document, track_id, first, last):
            box = body_box(document.persons(frame)[track_id])
            if box is not None:
                boxes.setdefault(frame, []).append(Detection(box, 1.0, track_id=track_id))
    return boxes


def _replacing(
    document: Document, frame: int, persons: Mapping[int, Person], only_tracks: frozenset[int] | None
) -> tuple[list[Change], set[int]]:
    """The changes that make `persons` the predictions of a frame, and the tracks that lose a person by it."""
    before = document.layer_persons(frame, Layer.PREDICTION)
    replaced = before.keys() if only_tracks is None else before.keys() & only_tracks
    gone = replaced - persons.keys()
    changes: list[Change] = [
        PersonChange(Layer.PREDICTION, frame, track_id, before.get(track_id), persons.get(track_id))
        for track_id in sorted(gone | persons.keys())
        if before.get(track_id) != persons.get(track_id)
    ]
    if not document.is_analysed(frame):
        changes.append(AnalysedChange(frame, False, True))
    return changes, set(gone)


def _coinciding(persons: Sequence[Person], view: Mapping[int, Person]) -> dict[int, int]:
    """Index in `persons` -> track id of the person in view that is the same one."""
    track_ids = [track_id for track_id, person in view.items() if body_box(person) is not None]
    if not persons or not track_ids:
        return {}
    known = [view[track_id] for track_id in track_ids]
    boxes = np.stack([box for person in known if (box := body_box(person)) is not None])
    similarity = oks(
        np.stack([person.keypoints for person in persons]),
        np.stack([person.keypoints for person in known]),
        areas=(boxes[:, 2:] - boxes[:, :2]).prod(axis=1),
        valid_a=np.stack([person.located for person in persons]),
        valid_b=np.stack([person.located for person in known]),
    )
    pairs = zip(*linear_sum_assignment(similarity, maximize=True), strict=True)
    return {int(i): track_ids[j] for i, j in pairs if similarity[i, j] >= _SAME_PERSON_OKS}
