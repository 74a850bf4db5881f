"""Proposals put into the poses of an annotation file: what is sure enough, and surer, replaces what was there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from dcpose_core.propagation.proposals import Proposal
from dcpose_core.skeletons import POSETRACK_17, Skeleton
from dcpose_core.types import PersonPose, PoseSequence, Visibility

#: A joint that moves by less stays where it was.
_SAME_PX = 0.01


class Fate(StrEnum):
    """What became of a proposal."""

    REPLACED = "replaced"  #: the output has it
    AGREED = "agreed"  #: the joint was there already
    UNSURE = "unsure"  #: below the confidence asked for, or less sure than what was there: the joint stays as it was


@dataclass(frozen=True, slots=True, kw_only=True)
class FileProposal:
    """A proposal as users name things. moved_px: from where the joint was, None if it was absent."""

    frame: int
    person: int
    joint: str
    x: float
    y: float
    confidence: float
    reason: str
    moved_px: float | None
    fate: Fate


def applied(
    proposals: Iterable[Proposal], sequence: PoseSequence, *, min_confidence: float
) -> tuple[PoseSequence, list[FileProposal]]:
    """The sequence with all proposals that are confident enough, and what became of each.

    proposals: one at most for a joint; those about joints that the sequence's skeleton lacks are dropped.
    """
    by_person: dict[tuple[int, int | None], list[Proposal]] = {}
    for proposal in sorted(proposals, key=lambda one: one[:3]):
        by_person.setdefault((proposal.frame, proposal.track_id), []).append(proposal)
    said: list[FileProposal] = []
    frames = []
    for frame in sequence.frames:
        persons = []
        for person in frame.persons:
            changed, told = _corrected(
                person,
                by_person.get((frame.index, person.track_id), []),
                skeleton=sequence.skeleton,
                min_confidence=min_confidence,
            )
            persons.append(changed)
            said += told
        frames.append(replace(frame, persons=tuple(persons)))
    return sequence.with_frames(frames), said


def _corrected(
    person: PersonPose, proposals: Sequence[Proposal], *, skeleton: Skeleton, min_confidence: float
) -> tuple[PersonPose, list[FileProposal]]:
    """A person with the confident ones of its proposals."""
    keypoints, visibility = person.keypoints.copy(), person.visibility.copy()
    scores = None if person.scores is None else person.scores.copy()
    said = []
    for proposal in proposals:
        name = POSETRACK_17.joints[proposal.joint]
        if name not in skeleton.joints:
            continue
        joint, position = skeleton.index(name), np.array(proposal.position)
        moved_px = float(np.hypot(*(position - person.keypoints[joint]))) if person.located[joint] else None
        if moved_px is not None and moved_px <= _SAME_PX:
            fate = Fate.AGREED
        else:
            fate = Fate.REPLACED if proposal.is_sure(min_confidence) else Fate.UNSURE
        if fate is Fate.REPLACED:
            keypoints[joint] = position
            if moved_px is None:
                visibility[joint] = Visibility.VISIBLE
            if scores is not None:
                scores[joint] = proposal.confidence * (person.score or 1.0)
        said.append(
            FileProposal(
                frame=proposal.frame,
                person=proposal.track_id,
                joint=name,
                x=proposal.position[0],
                y=proposal.position[1],
                confidence=proposal.confidence,
                reason=proposal.reason,
                moved_px=moved_px,
                fate=fate,
            )
        )
    box = person.box_xyxy
    changed = [skeleton.index(one.joint) for one in said if one.fate is Fate.REPLACED]
    if not changed:
        return person, said
    if box is not None:
        points = keypoints[changed]
        box = np.concatenate([np.minimum(box[:2], points.min(axis=0)), np.maximum(box[2:], points.max(axis=0))])
    return replace(person, keypoints=keypoints, visibility=visibility, scores=scores, box_xyxy=box), said
