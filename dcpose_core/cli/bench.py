"""`dcpose bench`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec
from rich.table import Table

from dcpose_core.cli import bench_accuracy, bench_effort
from dcpose_core.cli.console import announce, out, print_json, progress_bar
from dcpose_core.errors import UsageError
from dcpose_core.files import write_files

_WHAT = ("pipeline", "networks", "modes", "memory", "accuracy", "effort")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "bench",
        help="measure speed and memory on this machine, accuracy and effort on labelled images",
        description="pipeline: person-frames a second, by stage. networks: the reference network beside the embedded "
        "backbone and the temporal modules of each --model. modes: exact against shared, speed and PCK. "
        "memory: peak memory of a long video (takes long). "
        "accuracy: temporal models beside plain rivals, on clean and spoiled frames of labelled sets. "
        "effort: how many joints a simulated annotator has to touch, with and without propagation. "
        "all: the first three.",
    )
    parser.add_argument("what", choices=("all", *_WHAT), nargs="?", default="all")
    parser.add_argument("--video", type=Path, metavar="FILE", help="default: the bundled clip")
    parser.add_argument("--frames", type=int, default=60, metavar="N", help="frames of it (default: 60)")
    parser.add_argument("--minutes", type=float, default=10, metavar="M", help="memory: length of the video")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda[:i]")
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME",
        help="default: the embedded one; for accuracy and networks repeatable",
    )
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="FILE", help="figures as JSON, in place of tables, or also to FILE"
    )
    bench_accuracy.add_options(parser)
    bench_effort.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dcpose_core import benchmarks
    from dcpose_core.annotation import DEFAULT_MODEL
    from dcpose_core.devices import choose_device

    models = options.model or [DEFAULT_MODEL]
    if options.what not in ("accuracy", "networks") and len(models) > 1:
        raise UsageError(f"bench {options.what} takes one --model; accuracy and networks compare several")
    device = choose_device(options.device, announce)
    results: dict[str, Any] = {"machine": benchmarks.machine()}
    if options.what == "accuracy":
        results["accuracy"] = bench_accuracy.run(options, device, models)
    elif options.what == "effort":
        results["effort"] = bench_effort.run(options, device, models[0])
    else:
        results["measurements"] = _measurements(options, device, models)
    if options.json == "-":
        print_json(results)
        return 0
    out.print(", ".join(f"{key}: {value}" for key, value in benchmarks.machine().items()))
    if options.json is not None:
        write_files({Path(options.json): msgspec.json.format(msgspec.json.encode(results, enc_hook=str), indent=2)})
    return 0


def _measurements(options: argparse.Namespace, device: Any, models: list[str]) -> list[Any]:
    """Speed and memory; each table is printed as soon as it is there, unless JSON goes to standard output."""
    from dcpose_core import benchmarks

    video = options.video or benchmarks.sample_clip()
    common: dict[str, Any] = {"model_name": models[0], "device": device, "announce": announce}
    results = []
    for what in _WHAT[:3] if options.what == "all" else (options.what,):
        if what == "pipeline":
            results.append(benchmarks.bench_pipeline(video, n_frames=options.frames, **common))
        elif what == "networks":
            results.append(benchmarks.bench_networks(models, device=device))
        elif what == "modes":
            results.append(benchmarks.bench_modes(video, n_frames=options.frames, **common))
        else:
            results.append(_memory(video, options.minutes, common))
        if options.json != "-":
            _print(results[-1])
    return results


def _memory(video: Path, minutes: float, common: dict[str, Any]) -> Any:
    from dcpose_core.benchmarks import Measurement, bench_memory

    rows: dict[str, dict[str, float | str]] = {}
    with progress_bar() as bar:
        task = None
        for done, total, peak_mb in bench_memory(video, minutes=minutes, **common):
            task = bar.add_task("analysing", total=total) if task is None else task
            bar.update(task, completed=done)
            if done % max(total // 10, 1) == 0 or done == total:
                rows[f"after {done} frames"] = {"peak memory, MB": peak_mb}
    return Measurement(f"{video.name} looped to {minutes:g} minutes, {total} frames", rows)


def _print(measurement: Any) -> None:
    columns = list(dict.fromkeys(key for row in measurement.rows.values() for key in row))
    table = Table(title=measurement.title, title_justify="left", box=None, pad_edge=False)
    table.add_column("")
    for column in columns:
        table.add_column(column, justify="right")
    for name, row in measurement.rows.items():
        table.add_row(name, *(_figure(row.get(column)) for column in columns))
    out.print(table)
    for note in measurement.notes:
        out.print(note)
    out.print()


def _figure(value: float | str | None) -> str:
    return (
        "" if value is None else value if isinstance(value, str) else f"{value:.3g}" if value < 100 else f"{value:.0f}"
    )
