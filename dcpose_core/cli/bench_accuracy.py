"""`dcpose bench accuracy`: its options, progress and output."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from dcpose_core.cli.console import announce, messages, out, progress_bar
from dcpose_core.errors import UsageError


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("accuracy")
    group.add_argument(
        "--labels", type=Path, action="append", metavar="FILE", help="labelled set, PoseTrack or COCO; repeatable"
    )
    group.add_argument(
        "--images", type=Path, action="append", metavar="FOLDER", help="its images; default: the folder of FILE"
    )
    group.add_argument(
        "--conditions",
        nargs="+",
        metavar="NAME",
        help="such as motion_blur (key frame), motion_blur/all (all three), clean/no_next; default: all",
    )
    group.add_argument("--seeds", type=int, metavar="N", help="seeds of the degradations (default: 3)")
    group.add_argument(
        "--intervals", type=int, nargs="+", metavar="T", help="distances to the neighbours (default: 1 2 3 4)"
    )
    group.add_argument("--batch-size", type=int, default=8, metavar="N")
    group.add_argument("--views", type=int, default=1, metavar="1|2|4", help="looks at every crop (default: 1)")
    group.add_argument("--quick", action="store_true", help="a few conditions, one seed, T = 1, unless given")


def run(options: argparse.Namespace, device: Any, model_names: list[str]) -> list[dict[str, Any]]:
    """Measure and print; returns the figures for JSON. Tables are left out where JSON goes to standard output."""
    from dcpose_core import accuracy
    from dcpose_core.models.catalogue import load_model

    settings = _settings(options)
    sets = [accuracy.load_labelled_set(*paths) for paths in labelled_set_paths(options)]
    models = [load_model(name) for name in dict.fromkeys(model_names)]
    studies = []
    for labelled in sets:
        study = accuracy.measure_accuracy(labelled, models, device=device, settings=settings, announce=announce)
        studies.append(_finish(study, labelled.name))
        if options.json != "-":
            for table in accuracy.accuracy_tables(studies[-1]):
                print_whole(table)
            for note in accuracy.accuracy_notes(studies[-1]):
                out.print(note)
    return accuracy.accuracy_json(studies)


def labelled_set_paths(options: argparse.Namespace) -> list[tuple[Path, Path]]:
    """Annotation files and the folders of their images, as the options name them."""
    if not options.labels:
        raise UsageError("bench accuracy needs --labels FILE: the labelled set to measure on")
    images = options.images or [file if file.is_dir() else file.parent for file in options.labels]
    if len(images) != len(options.labels):
        raise UsageError(f"{len(options.labels)} --labels, but {len(images)} --images; give one folder for each file")
    return list(zip(options.labels, images, strict=True))


def _settings(options: argparse.Namespace) -> Any:
    from dcpose_core import accuracy

    default = accuracy.QUICK_CONDITIONS if options.quick else accuracy.ALL_CONDITIONS
    return accuracy.StudySettings(
        conditions=accuracy.conditions_of(options.conditions) if options.conditions else default,
        seeds=(1 if options.quick else 3) if options.seeds is None else options.seeds,
        intervals=tuple(dict.fromkeys(options.intervals or ((1,) if options.quick else (1, 2, 3, 4)))),
        batch_size=options.batch_size,
        views=options.views,
    )


def _finish(study: Any, name: str) -> Any:
    """Run a study to its end behind a progress bar; where there is no terminal, with a line for every tenth."""
    tenths = 0
    with progress_bar() as bar:
        task = bar.add_task(name, total=None)
        while True:
            try:
                progress = next(study)
            except StopIteration as finished:
                return finished.value
            bar.update(task, completed=progress.done, total=progress.total)
            if not messages.is_terminal and progress.done * 10 // progress.total != tenths:
                tenths = progress.done * 10 // progress.total
                messages.print(f"{name}: {progress.done} of {progress.total}, {progress.passes} backbone passes")


def print_whole(table: Any) -> None:
    """Print a table at its full width: a figure cut short would be a wrong one. A narrow terminal wraps it."""
    width = out.width
    out.width = max(out.measure(table, options=out.options.update(width=1000)).maximum, width)
    try:
        out.print(table)
    finally:
        out.width = width
