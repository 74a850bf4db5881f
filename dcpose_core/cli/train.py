"""`dcpose train CONFIG`."""

from __future__ import annotations

import argparse
from pathlib import Path

from dcpose_core.cli.console import announce, out
from dcpose_core.cli.training_table import TrainingTable


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "train",
        help="train temporal modules on a backbone",
        description="Train as a configuration says: a TOML file, or the name of a recipe that comes with the program "
        "(reference_posetrack17, reference_posetrack18, paper). Several GPUs: "
        "torchrun --nproc-per-node N --no-python dcpose train CONFIG.",
    )
    parser.add_argument("config", metavar="CONFIG", help="TOML file or recipe")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="folder of the run (default: runs/ and the model's name)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in that folder")
    parser.add_argument("--device", metavar="auto|cpu|cuda[:i]", help="default: what CONFIG says")
    parser.add_argument("--workers", type=int, metavar="N", help="processes that prepare samples")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="set one key of CONFIG anew; can be repeated"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dcpose_core.training.config import load_config
    from dcpose_core.training.distributed import world_from_environment
    from dcpose_core.training.run import run_training

    overrides = list(options.set)
    if options.device is not None:
        overrides.append(f'device="{options.device}"')
    if options.workers is not None:
        overrides.append(f"training.workers={options.workers}")
    config = load_config(options.config, overrides)
    folder = options.output or Path("runs") / config.model.name
    is_first = world_from_environment().is_first
    with TrainingTable(enabled=is_first) as table:
        for event in run_training(config, folder, resume=options.resume, announce=announce):
            table.show(event)
    if is_first:
        out.print(f"{folder}: trained {config.model.name!r}; use it with `dcpose annotate --model {config.model.name}`")
    return 0
