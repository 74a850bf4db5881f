"""`dcpose evaluate GT PRED`."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from dcpose_core.cli.console import out, print_json
from dcpose_core.files import write_files


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "evaluate",
        help="score predictions against ground truth by the official PoseTrack rules",
        description="By the official PoseTrack rules: AP with the precision and recall of the detected joints, MOTA "
        "and MOTP with those of the tracking (`pre` and `rec` at the top of the JSON). And OKS-AP.",
    )
    parser.add_argument("ground_truth", type=Path, metavar="GT", help="file, or folder with one file a sequence")
    parser.add_argument("prediction", type=Path, metavar="PRED", help="file or folder; files are matched by name")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write the figures to FILE ('-': only print them)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dcpose_core.metrics.evaluation import evaluate
    from dcpose_core.metrics.report import results_table, to_json

    evaluation = evaluate(options.ground_truth, options.prediction)
    if options.json is not None and str(options.json) == "-":
        print_json(to_json(evaluation))
        return 0
    out.print(results_table(evaluation))
    if options.json is not None:
        write_files({options.json: msgspec.json.format(msgspec.json.encode(to_json(evaluation)), indent=2)})
    return 0
