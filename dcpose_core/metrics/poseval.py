"""The PoseTrack benchmark: average precision and multi-object tracking per joint.

Follows the rules of the official evaluation (poseval, with the MOTP of py-motmetrics 1.0, the version the published
results were made with). All figures are percentages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dcpose_core.errors import FormatError
from dcpose_core.metrics.average_precision import AveragePrecision, average_precision
from dcpose_core.metrics.clear_mot import ClearMot, MotCounts, clear_mot, count_events
from dcpose_core.metrics.pairing import pair_sequences
from dcpose_core.metrics.scored_frames import ScoredSequence, scored_sequences
from dcpose_core.skeletons import POSETRACK_15
from dcpose_core.types import FloatArray, PoseSequence

#: The official names, in the order of every list; the last entry of a list is the mean over the joints.
JOINT_NAMES = tuple("neck" if joint == "head_bottom" else joint for joint in POSETRACK_15.joints)
#: The groups of the published tables, by joint.
JOINT_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Head": ("nose", "neck", "head_top"),
    "Shoulder": ("right_shoulder", "left_shoulder"),
    "Elbow": ("right_elbow", "left_elbow"),
    "Wrist": ("right_wrist", "left_wrist"),
    "Hip": ("right_hip", "left_hip"),
    "Knee": ("right_knee", "left_knee"),
    "Ankle": ("right_ankle", "left_ankle"),
}


@dataclass(frozen=True, slots=True, eq=False)
class PosevalResult:
    """detection: AP with its precision and recall.

    tracking: MOTA, MOTP and their precision and recall over all sequences; None if a side carries no track ids.
    tracking_per_sequence: the same by sequence name, empty then.
    frame_count, annotated_person_count, predicted_person_count: what was scored.
    """

    detection: AveragePrecision
    tracking: ClearMot | None
    tracking_per_sequence: Mapping[str, ClearMot]
    frame_count: int
    annotated_person_count: int
    predicted_person_count: int


def poseval(ground_truth: Sequence[PoseSequence], predictions: Sequence[PoseSequence]) -> PosevalResult:
    """Score predictions against ground truth; sequences are paired by name, a single one with a single one.

    Raises `FormatError` where the official evaluation cannot work: see `pair_sequences` and `scored_sequences`.
    """
    pairs, unused = pair_sequences(ground_truth, predictions)
    if unused:
        raise FormatError(f"no ground truth for sequence {', '.join(unused)}")
    return poseval_of(scored_sequences(pairs))


def poseval_of(sequences: Sequence[ScoredSequence]) -> PosevalResult:
    """As `poseval`, of sequences that are already paired and cleaned up."""
    frames = [frame for sequence in sequences for frame in sequence.frames]
    has_tracks = all(sequence.has_tracks for sequence in sequences)
    tracked = [sequence for sequence in sequences if has_tracks and sequence.frames]
    counts = {sequence.name: count_events(sequence.frames) for sequence in tracked}
    return PosevalResult(
        detection=average_precision(frames),
        tracking=clear_mot(sum(counts.values(), MotCounts.none())) if has_tracks else None,
        tracking_per_sequence={name: clear_mot(events) for name, events in counts.items()},
        frame_count=len(frames),
        annotated_person_count=sum(len(frame.annotated) for frame in frames),
        predicted_person_count=sum(len(frame.predicted) for frame in frames),
    )


def group_means(per_joint: FloatArray) -> dict[str, float]:
    """From a list `[16]` the means of the joint groups and, as "Total", its last entry (the mean over the joints).

    NaN in a joint makes its group NaN, as in the official tables.
    """
    groups = {
        group: float(per_joint[[JOINT_NAMES.index(joint) for joint in joints]].mean())
        for group, joints in JOINT_GROUPS.items()
    }
    return groups | {"Total": float(per_joint[len(JOINT_NAMES)])}
