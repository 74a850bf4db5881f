"""What the checks say about an annotation file: what `dcpose check` prints."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec
from rich.table import Table

from dcpose_core.formats import read_poses
from dcpose_core.review.findings import joint_name
from dcpose_core.review.queue import ReviewQueue
from dcpose_core.review.sequence import SequencePoses

#: So many reasons of a person stand in the table.
_REASONS_SHOWN = 3


class Reason(msgspec.Struct, frozen=True):
    """A finding. joint: None where it speaks of the whole person. probability: of the joint to be wrong, or the highest
    of all joints."""

    check: str
    joint: str | None
    strength: float
    probability: float
    text: str


class ReportedPerson(msgspec.Struct, frozen=True):
    """A person on a frame with whom a check found something. frame: its index in the file."""

    rank: int
    sequence: str
    frame: int
    image: str | None
    track: int
    expected_wrong: float
    reasons: tuple[Reason, ...]


class FileReport(msgspec.Struct, frozen=True):
    """frames, persons: looked at. expected_wrong: joints, in all of them. counts: persons by check, before anything was
    left out. persons_found: with what was asked for, of whom `found` has the first."""

    file: str
    frames: int
    persons: int
    expected_wrong: float
    counts: dict[str, int]
    persons_found: int
    found: tuple[ReportedPerson, ...]


def check_file(
    path: Path,
    *,
    checks: Collection[str],
    min_probability: float,
    limit: int | None,
    frame_rate_hz: float,
) -> FileReport:
    """Run the checks on all sequences of a PoseTrack or COCO file.

    checks: names in `CHECKS` of those to report. min_probability: findings on joints that are less probably wrong are
    left out. limit: persons to report at most. frame_rate_hz: of files that give no times.
    Raises `FormatError`.
    """
    found: list[ReportedPerson] = []
    counts = dict.fromkeys(checks, 0)
    n_frames = n_persons = 0
    expected_wrong = 0.0
    for sequence in read_poses(path):
        source = SequencePoses(sequence, frame_rate_hz=frame_rate_hz)
        queue = ReviewQueue(source)
        for _ in queue.compute():
            pass
        n_frames, n_persons = n_frames + len(source.times_s), n_persons + source.n_persons
        expected_wrong += queue.progress().expected_wrong
        of_sequence = queue.counts()
        counts = {check: count + of_sequence[check] for check, count in counts.items()}
        found += _found(queue, source, sequence.name, checks=checks, min_probability=min_probability)
    found.sort(key=lambda person: -person.expected_wrong)
    return FileReport(
        file=str(path),
        frames=n_frames,
        persons=n_persons,
        expected_wrong=round(expected_wrong, 2),
        counts=counts,
        persons_found=len(found),
        found=tuple(msgspec.structs.replace(one, rank=rank) for rank, one in enumerate(found[:limit], start=1)),
    )


def _found(
    queue: ReviewQueue, source: SequencePoses, name: str, *, checks: Collection[str], min_probability: float
) -> Iterator[ReportedPerson]:
    expected = {(i.frame, i.track_id): i.expected_wrong for i in queue.items() if not set(checks).isdisjoint(i.checks)}
    for frame, track_id, findings in queue.findings_on(expected):
        reasons = tuple(
            Reason(
                check=finding.check,
                joint=None if finding.joint is None else joint_name(finding.joint),
                strength=round(finding.strength, 2),
                probability=round(finding.probability, 3),
                text=finding.reason,
            )
            for finding in findings
            if finding.check in checks and finding.probability >= min_probability
        )
        if reasons:
            yield ReportedPerson(
                rank=0,
                sequence=name,
                frame=int(source.frame_indices[frame]),
                image=source.file_names[frame],
                track=track_id,
                expected_wrong=round(expected[frame, track_id], 2),
                reasons=reasons,
            )


def report_table(report: FileReport) -> Table:
    """The persons found, for people at a terminal: a reason a line, folded where there is no room."""
    table = Table(box=None, pad_edge=False)
    for heading in _headings(report):
        is_text = heading in ("sequence", "reasons")
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=heading != "reasons")
    for person in report.found:
        more = len(person.reasons) - _REASONS_SHOWN
        reasons = [reason.text for reason in person.reasons[:_REASONS_SHOWN]] + [f"{more} more"] * (more > 0)
        table.add_row(*_facts(report, person), "\n".join(reasons))
    return table


def report_lines(report: FileReport) -> Iterator[str]:
    """The same for other programs: a line a person with all reasons, columns parted by tabs."""
    yield "\t".join(_headings(report))
    for person in report.found:
        yield "\t".join([*_facts(report, person), "; ".join(reason.text for reason in person.reasons)])


def _headings(report: FileReport) -> list[str]:
    return ["rank", *(["sequence"] if _has_several(report) else []), "frame", "track", "wrong", "reasons"]


def _facts(report: FileReport, person: ReportedPerson) -> list[str]:
    sequence = [person.sequence] if _has_several(report) else []
    return [str(person.rank), *sequence, str(person.frame), str(person.track), f"{person.expected_wrong:.1f}"]


def _has_several(report: FileReport) -> bool:
    return len({person.sequence for person in report.found}) > 1


def report_summary(report: FileReport) -> str:
    """One line: how much was looked at, and what it comes to. Of all joints more are wrong than those to look at: some
    of the others are, and nobody can tell which."""
    shown = "" if len(report.found) == report.persons_found else f" (listed: {len(report.found)})"
    return (
        f"{report.frames} frames, {report.persons} poses: {report.persons_found} to look at{shown}; "
        f"of all joints about {report.expected_wrong:.0f} are wrong"
    )
