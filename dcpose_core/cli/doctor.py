"""`dcpose doctor [VIDEO]`."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.text import Text

from dcpose_core.cli.console import out, print_json

_MARKS = {True: ("ok  ", "green"), False: ("bad ", "red"), None: ("    ", "")}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "doctor",
        help="try what an analysis needs on this machine, and read a video's index",
        description="Run a real operation on every device, load every model, and say what is in VIDEO if one is given.",
    )
    parser.add_argument("video", type=Path, nargs="?", metavar="VIDEO", help="video or image folder to look at")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dcpose_core.doctor import examine

    findings = []
    for finding in examine(options.video):
        findings.append(finding)
        if not options.json:
            out.print(Text.assemble(_MARKS[finding.ok], f"{finding.what}: {finding.detail}"))
    if options.json:
        print_json(findings)
    return 1 if any(finding.ok is False for finding in findings) else 0
