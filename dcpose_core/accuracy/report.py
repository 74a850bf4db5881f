"""Accuracy studies as tables for people and as JSON for scripts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from dcpose_core.accuracy.study import Row, Spread, Study
from dcpose_core.wording import counted

#: Heading and number of decimals of every column.
_COLUMNS = {
    "pckh_50": ("PCKh\n@0.5", 1),
    "pckh_20": ("PCKh\n@0.2", 1),
    "pckh_50_fast": ("@0.5\nfast", 1),
    "oks_ap": ("OKS-AP", 1),
    "poseval_ap": ("AP", 1),
    "ranking": ("ranking", 1),
    "error": ("error", 3),
    "jitter": ("jitter", 3),
    "calibration_error": ("calibr.\nerror", 3),
    "recovered": ("recovered", 0),
}
_WITH_DEVIATION = ("oks_ap",)
_LEGEND = (
    "Percent, mean over the seeds ± standard deviation; crops from the boxes of the labels.",
    "fast: joints that move farther than 0.2 head lengths a frame.",
    "OKS-AP ranks persons by their mean joint score; AP, by PoseTrack's rules, ranks joints by their scores.",
    "ranking: AP as a share of what the same positions reach with perfect scores.",
    "error, jitter (error of the acceleration): in head lengths, head_bottom to head_top.",
    "calibration error: of the joint score as the probability to be within 0.2 head lengths, 0 to 1.",
    "recovered: of the OKS-AP that the single frame loses to the degradation.",
)


def accuracy_tables(study: Study) -> list[Table]:
    """OKS-AP at a glance, conditions by methods at the first interval, then every figure."""
    return [_overview(study), _details(study)]


def accuracy_notes(study: Study) -> list[str]:
    """What the columns mean, and what to know about the labels, a line each."""
    return [*_LEGEND, f"Joints: {', '.join(study.labelled.joints)}.", *study.labelled.notes]


def accuracy_json(studies: Sequence[Study]) -> list[dict[str, Any]]:
    """One object a set; figures that are not defined are null."""
    return [
        {
            "set": study.labelled.name,
            "sequences": [sequence.name for sequence in study.labelled.sequences],
            "frames": sum(len(sequence.frames) for sequence in study.labelled.sequences),
            "person_frames": len(study.labelled.persons),
            "joints": list(study.labelled.joints),
            "notes": list(study.labelled.notes),
            "models": dict(study.models),
            "seeds": study.settings.seeds,
            "intervals": list(study.settings.intervals),
            "backbone_passes": study.passes,
            "rows": [_row_json(row) for row in study.rows],
        }
        for study in studies
    ]


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "condition": str(row.condition),
        "degradation": row.condition.degradation,
        "situation": str(row.condition.situation),
        "interval": row.interval,
        "method": row.method,
        "figures": {
            name: {
                "mean": _number(spread.mean),
                "deviation": _number(spread.deviation),
                "per_seed": [_number(value) for value in spread.per_seed],
            }
            for name, spread in row.figures.items()
        },
        "reliability": [
            {
                "from": each.low,
                "to": each.high,
                "joints": each.joints,
                "score": _number(each.score),
                "right": _number(each.right),
            }
            for each in row.reliability
        ],
    }


def _overview(study: Study) -> Table:
    interval = study.settings.intervals[0]
    shown = [row for row in study.rows if row.interval in (None, interval)]
    methods = list(dict.fromkeys(row.method for row in shown))
    table = Table(
        title=f"{_title(study)}: OKS-AP, T = {interval}", title_justify="left", box=SIMPLE_HEAD, padding=(0, 0)
    )
    table.add_column("", no_wrap=True)
    for method in methods:
        table.add_column(method.replace(", ", ",\n"), justify="right", no_wrap=True)
    for condition in study.settings.conditions:
        here = {row.method: row for row in shown if row.condition == condition}
        table.add_row(str(condition), *(_cell(here[method].figures["oks_ap"], 1, True) for method in methods))
    return table


def _details(study: Study) -> Table:
    table = Table(title=f"{_title(study)}: all figures", title_justify="left", box=SIMPLE_HEAD, padding=(0, 0))
    for heading in ("condition", "T", "method"):
        table.add_column(heading, no_wrap=True)
    for heading, _ in _COLUMNS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    order = {condition: place for place, condition in enumerate(study.settings.conditions)}
    rows = sorted(study.rows, key=lambda row: (order[row.condition], row.interval or 0))
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        table.add_row(
            str(row.condition),
            "" if row.interval is None else str(row.interval),
            row.method,
            *(_cell(row.figures[name], digits, name in _WITH_DEVIATION) for name, (_, digits) in _COLUMNS.items()),
            end_section=following is not None and following.condition != row.condition,
        )
    return table


def _title(study: Study) -> str:
    persons, seeds = len(study.labelled.persons), study.settings.seeds
    return f"{study.labelled.name}, {persons} person-frames, {counted(seeds, 'seed')}"


def _cell(spread: Spread, digits: int, with_deviation: bool) -> str:
    if math.isnan(spread.mean):
        return "–"
    deviation = f" ±{spread.deviation:.{digits}f}" if with_deviation and not math.isnan(spread.deviation) else ""
    return f"{spread.mean:.{digits}f}{deviation}"


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
