"""What a review keeps of every person on every frame: a small record, and what it says in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dcpose_core.review import CHECKS
from dcpose_core.review.assess import Assessment
from dcpose_core.review.source import JOINTS, BoolArray
from dcpose_core.skeletons import POSETRACK_17

#: probability: of each joint to be wrong, in 255ths. flags: per joint, bit i: the i-th check found something. expected:
#: the number of wrong joints. check, joint, amount, other: the main reason, `NO_REASON` where no check found anything.
ROW = np.dtype(
    [
        ("frame", "<i4"),
        ("track_id", "<i4"),
        ("expected", "<f4"),
        ("other", "<i4"),
        ("probability", "u1", (JOINTS,)),
        ("flags", "<u2", (JOINTS,)),
        ("amount", "<f4"),
        ("check", "u1"),
        ("joint", "u1"),
    ]
)
Rows = NDArray[np.void]
NO_REASON = 255
_NAMES = tuple(CHECKS)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found on one person: `joint` is None where it speaks of the whole person. strength: from 1 on.

    probability: of the joint to be wrong, or the highest of all joints.
    """

    check: str
    joint: int | None
    strength: float
    probability: float
    reason: str


def rows_of(assessment: Assessment, first: int, stop: int, verified: BoolArray) -> Rows:
    """Records of the frames `first` to `stop`, `stop` excluded; none of those that are `verified` `[stop - first]`."""
    block = assessment.block
    inside = slice(first - block.first, stop - block.first)
    frame, person = np.nonzero(block.present[inside] & ~verified[:, None])
    probability = assessment.probability[inside][frame, person]
    flags = assessment.flags[inside][frame, person]
    rows = np.zeros(len(frame), ROW)
    rows["frame"], rows["track_id"] = frame + first, block.track_ids[person]
    rows["probability"] = np.round(probability * 255)
    rows["flags"] = flags
    rows["expected"] = probability.sum(axis=1)
    rows["check"] = NO_REASON
    rows["other"] = -1
    found = np.flatnonzero(flags.any(axis=1))
    if not len(found):
        return rows
    # The main reason: on the likeliest of the joints that have one, the check that found most.
    joint = np.where(flags[found] > 0, probability[found], -1).argmax(axis=1)
    at = (frame[found] + inside.start, person[found], joint)
    measured = tuple(assessment.measured.values())
    strengths = np.stack([one.strength[at] for one in measured])
    check = strengths.argmax(axis=0)
    rows["check"][found], rows["joint"][found] = check, joint
    for number, one in enumerate(measured):
        mine = check == number
        rows["amount"][found[mine]] = one.amount[at][mine]
        if one.other is not None:
            rows["other"][found[mine]] = one.other[at][mine]
    return rows


def reason_of(row: np.void) -> str:
    """The main reason in words; empty where no check found anything."""
    if row["check"] == NO_REASON:
        return ""
    return words(_NAMES[row["check"]], int(row["joint"]), float(row["amount"]), int(row["other"]))


def words(check: str, joint: int, amount: float, other: int) -> str:
    return CHECKS[check].words(joint_name(joint), amount, other if other >= 0 else None)


def joint_name(joint: int) -> str:
    return POSETRACK_17.joints[joint].replace("_", " ")


def checks_of(flags: NDArray[np.uint16]) -> tuple[str, ...]:
    """The names of the checks that found something on any of the joints."""
    all_bits = int(np.bitwise_or.reduce(flags, axis=None)) if flags.size else 0
    return tuple(name for bit, name in enumerate(_NAMES) if all_bits >> bit & 1)


def findings_of(assessment: Assessment, frame: int, track_id: int, names: tuple[str, ...] = _NAMES) -> list[Finding]:
    """What the checks found on one person, the strongest first; of a check on whole persons one finding."""
    block = assessment.block
    f, p = frame - block.first, int(np.searchsorted(block.track_ids, track_id))
    if p == block.n_tracks or block.track_ids[p] != track_id or not block.present[f, p]:
        return []
    flags, probability = assessment.flags[f, p], assessment.probability[f, p]
    findings = []
    for bit, (name, check) in enumerate(CHECKS.items()):
        joints = np.flatnonzero(flags >> np.uint16(bit) & 1)
        if name not in names or not len(joints):
            continue
        one = assessment.measured[name]
        for joint in (joints[:1] if check.whole_person else joints).tolist():
            other = -1 if one.other is None else int(one.other[f, p, joint])
            findings.append(
                Finding(
                    check=name,
                    joint=None if check.whole_person else joint,
                    strength=float(one.strength[f, p, joint]),
                    probability=float(probability.max() if check.whole_person else probability[joint]),
                    reason=words(name, joint, float(one.amount[f, p, joint]), other),
                )
            )
    return sorted(findings, key=lambda finding: -finding.strength)
