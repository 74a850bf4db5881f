"""The curves of an effort study as PNG files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dcpose_core.effort.methods import Family
from dcpose_core.effort.study import EffortStudy, Row
from dcpose_core.effort.tally import COURSE, together
from dcpose_core.files import replacing

#: Of the share of wrong joints at the start: points beyond are not drawn.
_FARTHEST = 2.0


def plot_effort(study: EffortStudy, folder: Path) -> list[Path]:
    """Two files a group, a panel for each tolerance: `<group>_touched.png`, touched joints against wrong ones that are
    left, and `<group>_found.png`, wrong joints found against poses visited. Returns the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for group in dict.fromkeys(group for group, _ in study.groups):
        tables = [(tolerance, study.table(name, tolerance)) for name, tolerance in study.groups if name == group]
        stem = re.sub(r"\W+", "_", group)
        for what, draw in (("touched", _draw_touched), ("found", _draw_found)):
            written.append(_plot(group, tables, draw, folder / f"{stem}_{what}.png"))
    return written


def _plot(
    group: str,
    tables: Sequence[tuple[float, dict[str, Row]]],
    draw: Callable[[Any, dict[str, Row]], None],
    path: Path,
) -> Path:
    from matplotlib import colormaps  # takes half a second, and only plots need it
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0 * len(tables), 6.0), dpi=100, layout="constrained")
    for at, (tolerance, rows) in enumerate(tables):
        axes = figure.add_subplot(1, len(tables), at + 1)
        axes.set_prop_cycle(color=list(colormaps["tab20"](range(20))))
        draw(axes, rows)
        axes.set_title(f"{group}: {tolerance:g} head lengths")
        axes.set_ylim(bottom=0)
        axes.legend(fontsize="x-small")
    with replacing(path) as temporary:
        figure.savefig(temporary)
    return path


def _draw_touched(axes: Any, rows: dict[str, Row]) -> None:
    """Every way as the course of its walk; ways without one as the point at their end, unless it lies so far off that
    the courses would be a speck beside it, as of `from scratch`."""
    found = {row: together(row.efforts) for row in rows.values() if row.family is not Family.ORDER and row.efforts}
    walks = [whole for whole in found.values() if whole.wrong_course is not None]
    most = _FARTHEST * max((100 * whole.wrong_at_start / whole.joint_frames for whole in walks), default=100.0)
    for row, whole in found.items():
        if whole.wrong_course is None or whole.touched_course is None:
            left = 100 * whole.wrong_at_end / whole.joint_frames
            if max(whole.per_100, left) <= most:
                axes.plot(whole.per_100, left, "o", label=row.method)
            continue
        touched, wrong = (100 * course / whole.joint_frames for course in (whole.touched_course, whole.wrong_course))
        axes.plot(touched, wrong, ":" if "first" in row.method else "-", label=row.method)
    axes.set(xlabel="joints touched per 100", ylabel="joints still wrong, %")


def _draw_found(axes: Any, rows: dict[str, Row]) -> None:
    for row in rows.values():
        if row.family is Family.ORDER and row.efforts:
            found = [together(row.efforts).found_after(float(share)) for share in COURSE]
            axes.plot(100 * COURSE, np.array(found), "--" if row.method.endswith("first") else "-", label=row.method)
    axes.set(xlabel="poses visited, %", ylabel="wrong joints found, %")
