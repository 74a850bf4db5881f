"""`dcpose bench effort`: its options, progress and output."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from dcpose_core.cli.bench_accuracy import labelled_set_paths, print_whole
from dcpose_core.cli.console import announce, messages, out, progress_bar
from dcpose_core.errors import UsageError


def add_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "effort", "takes --labels, --images, --conditions, --seeds, --batch-size and --quick of accuracy, too"
    )
    group.add_argument(
        "--motions", type=Path, metavar="PATH", help="captured motion: synthetic sequences with known truth"
    )
    group.add_argument(
        "--tolerances", type=float, nargs="+", metavar="HL", help="corrected is what is farther off (default: 0.2 0.5)"
    )
    group.add_argument("--propagators", nargs="+", metavar="NAME", help="default: all")
    group.add_argument("--propagator", metavar="NAME", help="the one that the bars and orders are about")
    group.add_argument("--reach", type=int, default=10, metavar="N", help="frames a correction is carried either way")
    group.add_argument(
        "--threshold", type=float, default=0.5, metavar="P", help="proposals this confident are accepted (default: 0.5)"
    )
    group.add_argument(
        "--sequence-frames", type=int, metavar="N", help="of a synthetic sequence (default: 60)", dest="sequence_frames"
    )
    group.add_argument("--plots", type=Path, metavar="FOLDER", help="curves as PNG files")


def run(options: argparse.Namespace, device: Any, model_name: str) -> dict[str, Any]:
    """Measure and print; returns the figures for JSON. Tables are left out where JSON goes to standard output."""
    from dcpose_core import effort
    from dcpose_core.accuracy import load_labelled_set
    from dcpose_core.estimation import PoseEstimator
    from dcpose_core.models.catalogue import load_model
    from dcpose_core.synthesis.motion import read_motions

    if not options.labels and options.motions is None:
        raise UsageError("bench effort needs sequences with known truth: --labels FILE, --motions PATH, or both")
    settings = _settings(options)
    sets = [load_labelled_set(*paths) for paths in (labelled_set_paths(options) if options.labels else ())]
    model = load_model(model_name)
    if model.temporal is None:
        raise UsageError(f"bench effort needs a model with temporal modules, which {model_name} has not")
    groups = [group for labelled in sets for group in effort.labelled_groups(labelled, settings)]
    if options.motions is not None:
        groups.append(effort.synthetic_group(read_motions(options.motions), model.description.crop, settings))
    estimator = PoseEstimator(model, device=device, batch_size=options.batch_size, temporal=True, announce=announce)
    with closing(estimator):
        study = _finish(effort.measure_effort(groups, estimator=estimator, model=model_name, settings=settings))
    if options.json != "-":
        for table in effort.effort_tables(study):
            print_whole(table)
        for note in effort.effort_notes(study):
            out.print(note)
    for file in effort.plot_effort(study, options.plots) if options.plots else ():
        announce(f"wrote {file}")
    return effort.effort_json(study)


def _settings(options: argparse.Namespace) -> Any:
    from dcpose_core.effort import EffortSettings, PropagationSettings

    settings = EffortSettings(propagation=PropagationSettings(reach=options.reach, threshold=options.threshold))
    if options.quick:
        settings = replace(settings, seeds=2, conditions=("clean", "mixed"), frames=24, persons=1)
    given = {
        "seeds": options.seeds,
        "tolerances": options.tolerances and tuple(dict.fromkeys(options.tolerances)),
        "conditions": options.conditions and tuple(dict.fromkeys(options.conditions)),
        "frames": options.sequence_frames,
        "propagators": options.propagators and tuple(dict.fromkeys(options.propagators)),
        "default": options.propagator,
    }
    return replace(settings, **{name: value for name, value in given.items() if value is not None})


def _finish(study: Any) -> Any:
    """Run a study to its end behind a progress bar; where there is no terminal, with a line for every tenth."""
    tenths = 0
    with progress_bar() as bar:
        task = bar.add_task("effort", total=None)
        while True:
            try:
                progress = next(study)
            except StopIteration as finished:
                return finished.value
            bar.update(task, description=progress.now, completed=progress.done, total=progress.total)
            if not messages.is_terminal and progress.done * 10 // progress.total != tenths:
                tenths = progress.done * 10 // progress.total
                messages.print(f"effort: {progress.done} of {progress.total}, {progress.now}")
