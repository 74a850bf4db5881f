"""`python -m app.benchmarks`: run them, print a table, write JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.benchmarks import BENCHMARKS, TARGETS, Figures


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit status: 1 if a benchmark did not come to its end."""
    parser = argparse.ArgumentParser(prog="python -m app.benchmarks", description="How fast the window is here.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; all without one")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)  # in this process, JSON to stdout
    options = parser.parse_args(argv)
    unknown = sorted(set(options.names) - BENCHMARKS.keys())
    if unknown:
        parser.error(f"no such benchmark: {', '.join(unknown)}")
    if options.alone:
        json.dump(_alone(options.names[0]), sys.stdout)
        return 0
    if not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    results: dict[str, Any] = {"machine": _machine(), "targets": TARGETS}
    failed = False
    for name in options.names or BENCHMARKS:
        load = os.getloadavg()[0]
        made = subprocess.run(
            [sys.executable, "-m", "app.benchmarks", "--alone", name], stdout=subprocess.PIPE, check=False
        )
        if made.returncode:
            failed = True
            sys.stderr.write(f"{name}: ended with status {made.returncode}\n")
            continue
        results[name] = {**json.loads(made.stdout), "load_average": load}
        sys.stdout.write(_table(name, results[name]))
        sys.stdout.flush()
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return int(failed)


def _alone(name: str) -> Figures:
    with tempfile.TemporaryDirectory(prefix="dcpose-bench-") as folder:
        home = Path(folder) / "home"
        for variable in ("CONFIG", "CACHE", "DATA"):
            os.environ[f"XDG_{variable}_HOME"] = str(home / variable.lower())
        return BENCHMARKS[name](Path(folder))


def _machine() -> dict[str, str | int]:
    return {
        "platform": platform.platform(),
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "display": os.environ.get("QT_QPA_PLATFORM") or "as the system has it",
    }


def _table(name: str, figures: Figures) -> str:
    lines = [name]
    for key, value in figures.items():
        target = TARGETS.get(name, {}).get(key)
        goal = "" if target is None else f"   target {target:g}{'' if value <= target else ', missed'}"
        lines.append(f"  {key:<28}{value:>12.2f}{goal}")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
