"""`dcpose bench`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from rich.table import Table

from dcpose_core.cli.console import announce, out, print_json, progress_bar

_WHAT = ("pipeline", "networks", "modes", "memory")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "bench",
        help="measure speed and memory on this machine",
        description="pipeline: person-frames a second, by stage. networks: the reference network beside the embedded "
        "backbone. modes: exact against shared, speed and PCK. memory: peak memory of a long video (takes long). "
        "all: the first three.",
    )
    parser.add_argument("what", choices=("all", *_WHAT), nargs="?", default="all")
    parser.add_argument("--video", type=Path, metavar="FILE", help="default: the bundled clip")
    parser.add_argument("--frames", type=int, default=60, metavar="N", help="frames of it (default: 60)")
    parser.add_argument("--minutes", type=float, default=10, metavar="M", help="memory: length of the video")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda[:i]")
    parser.add_argument("--model", metavar="NAME", help="default: the embedded one")
    parser.add_argument("--json", action="store_true")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from dcpose_core import benchmarks
    from dcpose_core.annotation import DEFAULT_MODEL
    from dcpose_core.devices import choose_device

    device = choose_device(options.device, announce)
    video = options.video or benchmarks.sample_clip()
    common: dict[str, Any] = {"model_name": options.model or DEFAULT_MODEL, "device": device, "announce": announce}
    chosen = _WHAT[:3] if options.what == "all" else (options.what,)
    results = []
    for what in chosen:
        if what == "pipeline":
            results.append(benchmarks.bench_pipeline(video, n_frames=options.frames, **common))
        elif what == "networks":
            results.append(benchmarks.bench_networks(device=device))
        elif what == "modes":
            results.append(benchmarks.bench_modes(video, n_frames=options.frames, **common))
        else:
            results.append(_memory(video, options.minutes, common))
        if not options.json:
            _print(results[-1])
    if options.json:
        print_json({"machine": benchmarks.machine(), "measurements": results})
    else:
        out.print(", ".join(f"{key}: {value}" for key, value in benchmarks.machine().items()))
    return 0


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
