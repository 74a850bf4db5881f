"""`dcpose check FILE`."""

from __future__ import annotations

import argparse
from pathlib import Path

from dcpose_core.cli.console import out, print_json
from dcpose_core.errors import UsageError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "check",
        help="list persons whose joints look wrong in an annotation file",
        description="Look for what is probably wrong in a PoseTrack 2017, 2018, 2021 or COCO file: joints that jump, "
        "limbs too long, left and right exchanged, and so on. The persons with most wrong joints come first.",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="PoseTrack or COCO keypoint annotations")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--check", action="append", metavar="NAME", help="report this check only; may be repeated")
    parser.add_argument(
        "--min-probability",
        type=float,
        default=0.1,
        metavar="P",
        help="leave out joints that are wrong with less probability (default: 0.1; 0: report all that was found)",
    )
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="persons to list (default: 50; 0: all)")
    parser.add_argument(
        "--frame-rate", type=float, default=30.0, metavar="HZ", help="of files that give no times (default: 30)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dcpose_core.review import CHECKS
    from dcpose_core.review.file_report import check_file, report_lines, report_summary, report_table

    checks = list(CHECKS) if options.check is None else options.check
    for name in checks:
        if name not in CHECKS:
            raise UsageError(f"unknown check {name!r}: use one of {', '.join(CHECKS)}")
    if not 0 <= options.min_probability <= 1:
        raise UsageError(f"--min-probability is between 0 and 1, not {options.min_probability}")
    if options.limit < 0:
        raise UsageError(f"--limit is 0 or more, not {options.limit}")
    if not options.frame_rate > 0:
        raise UsageError(f"--frame-rate is above 0, not {options.frame_rate}")
    report = check_file(
        options.file,
        checks=checks,
        min_probability=options.min_probability,
        limit=options.limit or None,
        frame_rate_hz=options.frame_rate,
    )
    if options.json:
        print_json(report)
        return 0
    if report.found and out.is_terminal:
        out.print(report_table(report))
    elif report.found:
        out.file.writelines(f"{line}\n" for line in report_lines(report))  # rich would make spaces of tabs
    out.print(report_summary(report))
    return 0
