"""`dcpose propagate VIDEO POSES -o OUT.json --from FRAMES`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from dcpose_core.cli.console import announce, out, print_json, progress_bar
from dcpose_core.errors import UsageError
from dcpose_core.formats import FORMATS

if TYPE_CHECKING:
    from dcpose_core.propagation.annotation_file import PropagationRequest, PropagationResult
    from dcpose_core.propagation.applying import FileProposal

_MOST_FRAMES = 1_000_000


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "propagate",
        help="carry corrected frames of an annotation file to the frames around them",
        description="POSES is an annotation file of VIDEO; on the frames that --from names a person has set the joints "
        "right. These are carried to the frames around them, up to the next such frame, the end of the track or a "
        "scene cut. Where that is confident enough, it replaces what the file had.",
    )
    parser.add_argument("video", type=Path, metavar="VIDEO_OR_FOLDER")
    parser.add_argument("poses", type=Path, metavar="POSES")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.json")
    parser.add_argument(
        "--from", dest="corrected", required=True, metavar="FRAMES", help="corrected frames, 0-based: 12,40 or 12-15,40"
    )
    parser.add_argument("--tracks", metavar="ID,ID", help="only these track ids (default: all)")
    parser.add_argument("--joints", metavar="NAME,NAME", help="only these joints, such as left_wrist (default: all)")
    parser.add_argument("--method", metavar="NAME", help="how; a wrong name lists all (default: blend)")
    parser.add_argument("--direction", choices=("forward", "backward", "both"), default="both")
    parser.add_argument("--frames", type=int, metavar="N", help="at most N frames from each corrected one")
    parser.add_argument(
        "--until",
        choices=("human", "unsure", "cut"),
        default="unsure",
        help="human: only between corrected frames; unsure: to where confidence drops (default); cut: all the scene",
    )
    parser.add_argument(
        "--min-confidence",
        type=float,
        default=0.5,
        metavar="P",
        help="what is less sure stays as it was (default: 0.5)",
    )
    parser.add_argument("--format", choices=sorted(FORMATS), help="default: that of POSES")
    parser.add_argument("--model", metavar="NAME", help="see `dcpose models list` (default: the embedded one)")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda[:i]")
    parser.add_argument("--json", action="store_true", help="print every proposal as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    # The engine takes seconds to import: not for `--help`, nor for a mistyped option.
    from dcpose_core.annotation import DEFAULT_MODEL
    from dcpose_core.propagation import DEFAULT_PROPAGATOR
    from dcpose_core.propagation.annotation_file import PropagationRequest, Until
    from dcpose_core.propagation.spans import Direction

    request = PropagationRequest(
        video=options.video,
        poses=options.poses,
        output=options.output,
        corrected=_frames(options.corrected),
        tracks=_track_ids(options.tracks),
        joints=None if options.joints is None else frozenset(options.joints.split(",")),
        method=options.method or DEFAULT_PROPAGATOR,
        direction=Direction(options.direction),
        until=Until(options.until),
        count=options.frames,
        min_confidence=options.min_confidence,
        format=options.format,
        model=options.model or DEFAULT_MODEL,
        device=options.device,
    )
    result = _run_with_progress(request)
    if options.json:
        print_json(result)
    else:
        _print_summary(result)
    return 0


def _frames(text: str) -> list[int]:
    frames: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(f"--from {text}: give frame numbers, such as 12,40 or 12-15")
        if dash and int(last) < int(first):
            raise UsageError(f"--from {text}: {part.strip()} runs backwards")
        if dash and int(last) - int(first) > _MOST_FRAMES:
            raise UsageError(f"--from {text}: nobody corrects more than {_MOST_FRAMES} frames")
        frames.update(range(int(first), int(last or first) + 1))
    return sorted(frames)


def _track_ids(text: str | None) -> frozenset[int] | None:
    if text is None:
        return None
    try:
        return frozenset(int(part) for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--tracks {text}: give track ids, such as 0,3") from error


def _run_with_progress(request: PropagationRequest) -> PropagationResult:
    from dcpose_core.propagation.annotation_file import propagate_file

    steps = propagate_file(request, announce)
    with progress_bar() as bar:
        task = bar.add_task("propagating", total=None)
        while True:
            try:
                _, done, total = next(steps)
            except StopIteration as finished:
                result: PropagationResult = finished.value
                return result
            bar.update(task, completed=done, total=total)


def _print_summary(result: PropagationResult) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("person", "frames", "joints replaced", "were right", "too unsure", "mean confidence"):
        table.add_column(title, justify="right")
    for person in sorted({proposal.person for proposal in result.proposals}):
        table.add_row(str(person), *_row([one for one in result.proposals if one.person == person]))
    if result.proposals:
        out.print(table)
    else:
        announce("nothing was proposed: the file is written as it was")
    for path in result.files:
        out.print(f"annotations: {path}")


def _row(proposals: list[FileProposal]) -> list[str]:
    replaced = [one for one in proposals if one.fate == "replaced"]
    frames = sorted({one.frame for one in replaced})
    counts = [str(sum(one.fate == fate for one in proposals)) for fate in ("replaced", "agreed", "unsure")]
    confidence = f"{sum(one.confidence for one in replaced) / len(replaced):.2f}" if replaced else ""
    return [f"{frames[0]} to {frames[-1]}" if frames else "none", *counts, confidence]
