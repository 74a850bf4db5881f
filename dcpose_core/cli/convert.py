"""`dcpose convert IN OUT --to FORMAT`."""

from __future__ import annotations

import argparse
from pathlib import Path

from dcpose_core.cli.console import announce, out
from dcpose_core.errors import UsageError
from dcpose_core.formats import FORMATS, read_poses, write_poses


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "convert",
        help="convert between PoseTrack 2017, 2018, 2021 and COCO keypoints",
        description="Read any supported annotation file (its flavour is recognised) and write it in another one.",
    )
    parser.add_argument("input", type=Path, metavar="IN")
    parser.add_argument("output", type=Path, metavar="OUT")
    parser.add_argument("--to", required=True, choices=sorted(FORMATS), help="format of OUT")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    if options.output.exists() and options.output.resolve() == options.input.resolve():
        raise UsageError(f"{options.output} is the input itself: name another file to write")
    sequences = read_poses(options.input)
    for path in write_poses(sequences, options.output, format=options.to):
        out.print(str(path))
    if any((options.to == "coco") != sequence.skeleton.name.startswith("coco") for sequence in sequences):
        announce("COCO has no head_bottom and head_top, PoseTrack no eyes: these joints are absent in the result")
    return 0
