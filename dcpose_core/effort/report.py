"""An effort study as tables for people and as JSON for scripts."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from dcpose_core.accuracy.study import Spread
from dcpose_core.effort.bars import bars_of
from dcpose_core.effort.desk import HAND_NOISE
from dcpose_core.effort.methods import PREVIEWED, Family
from dcpose_core.effort.study import EffortStudy, Row
from dcpose_core.effort.tally import COURSE, Accepted, Effort, together

#: Found errors are told after these shares of the visits.
_AFTER = (0.05, 0.1, 0.2)
#: First distance of each class of accepted proposals, frames from the correction.
_DISTANCES = (1, 2, 3, 5, 9)

#: Figures of the table: heading, decimals.
_FIGURES: dict[str, tuple[str, int, Callable[[Effort], float]]] = {
    "touched_per_100": ("touched\nper 100", 1, lambda effort: effort.per_100),
    "visits": ("poses\nvisited", 0, lambda effort: effort.visits),
    "visits_touched": ("with a\ntouch", 0, lambda effort: effort.visits_touched),
    "acceptances": ("accept\ngestures", 0, lambda effort: effort.acceptances),
    "previewed": ("poses\npreviewed", 0, lambda effort: effort.previewed),
    "repaired": ("repaired", 0, lambda effort: effort.repaired),
    "spoiled": ("spoiled", 0, lambda effort: effort.spoiled),
    "error": ("error", 3, lambda effort: effort.error),
    "far": ("> 0.2\n%", 1, lambda effort: effort.far_share),
}


def effort_tables(study: EffortStudy) -> list[Table]:
    """For each group and tolerance what each way costs, then what each order finds; at the end what is right how far
    from a correction, and the bars."""
    tables = []
    for group, tolerance in study.groups:
        rows = study.table(group, tolerance)
        tables += [_costs(study, rows, group, tolerance), _orders(rows, group, tolerance)]
    return [*tables, _by_distance(study), _bars(study)]


def effort_notes(study: EffortStudy) -> list[str]:
    """How the annotator is modelled and what the columns mean, a line each."""
    settings = study.settings
    propagation = settings.propagation
    return [
        "Mean ± standard deviation over the seeds (of the hand, and of what spoils or makes the sequence).",
        "touched per 100: joints placed by hand for every 100 joints that the labels have. A pose is one person on one "
        "frame; poses visited counts them.",
        "The annotator looks at every pose once, corrects each joint that is farther from the truth than the "
        f"tolerance, with {HAND_NOISE} head lengths of noise in x and in y, and confirms the others with one key; "
        "what is corrected or confirmed never changes again.",
        f"After a correction the touched joints are proposed on up to {propagation.reach} frames either way, to the "
        "next confirmed one. One gesture, counted apart, accepts without a look all joints with a confidence of "
        f"{propagation.threshold:g} or more. Previewed: instead the annotator looks along the proposals and accepts "
        "each joint up to the first frame where it is wrong, with a gesture a joint and side.",
        "repaired, spoiled: joints that accepted proposals set right, and that were right before.",
        "error: mean distance at the end in head lengths; > 0.2: joints farther off or missing at the end.",
        "lines: joints by hand on the key frames, straight lines between. Corrected: then, in order, each joint that "
        "is too far off becomes a key of its own. Where lines are worst: the annotator knows where that is, and adds a "
        "key there until no joint is too far off; better than anybody can.",
        "Persons are cropped with the boxes of the labels, as in bench accuracy: nobody is missed.",
        "found: of the joints that are wrong at the start, those that are not any more.",
        f"Looking at everything and the models' poses took {study.seconds_at_first:.0f} s in all.",
    ]


def effort_json(study: EffortStudy) -> dict[str, Any]:
    """Everything in the tables, by seed, and the courses of the plots; figures that are not defined are null."""
    settings = study.settings
    return {
        "model": study.model,
        "default_propagator": settings.default,
        "seeds": settings.seeds,
        "hand_noise": HAND_NOISE,
        "reach": settings.propagation.reach,
        "threshold": settings.propagation.threshold,
        "notes": effort_notes(study),
        "rows": [_row_json(row) for row in study.rows],
        "bars": [
            {
                "group": bar.group,
                "tolerance": bar.tolerance,
                "bar": bar.name,
                "measured": _number(bar.measured),
                "wanted": bar.wanted,
                "is_met": bar.is_met,
                "text": bar.text,
            }
            for bar in bars_of(study)
        ],
    }


def _row_json(row: Row) -> dict[str, Any]:
    whole = together(row.efforts) if row.efforts else None
    return {
        "group": row.group,
        "tolerance": row.tolerance,
        "family": str(row.family),
        "method": row.method,
        "why_not": row.why_not,
        "seconds": row.seconds,
        "joint_frames": [effort.joint_frames for effort in row.efforts],
        "wrong_at_start": [effort.wrong_at_start for effort in row.efforts],
        "figures": {name: _spread_json(row.spread(figure)) for name, (_, _, figure) in _FIGURES.items()}
        | {f"found_after_{100 * share:.0f}_percent": _spread_json(row.spread(_found_after(share))) for share in _AFTER},
        "accepted": []
        if whole is None
        else [{**one._asdict(), "joints": times} for one, times in sorted(whole.accepted.items())],
        "course": None
        if whole is None or whole.wrong_course is None or whole.touched_course is None
        else {
            "visited": COURSE.tolist(),
            "wrong": whole.wrong_course.tolist(),
            "touched": whole.touched_course.tolist(),
        },
    }


def _costs(study: EffortStudy, rows: dict[str, Row], group: str, tolerance: float) -> Table:
    alone = rows[study.model]
    start = together(alone.efforts)
    wrong = 100 * start.wrong_at_start / start.joint_frames
    title = (
        f"{group}, joints off by more than {tolerance:g} head lengths corrected; {start.joint_frames} joints in "
        f"{len(alone.efforts)} runs, {wrong:.1f} % of them wrong at the start"
    )
    table = _table(title, "annotated", *(heading for heading, _, _ in _FIGURES.values()), "of no\npropagation", "s")
    shown = [row for row in rows.values() if row.family is not Family.ORDER]
    touched = alone.spread(lambda effort: effort.per_100).mean
    for row, following in zip(shown, [*shown[1:], None], strict=True):
        ends = following is None or following.family is not row.family
        if not row.efforts:
            table.add_row(row.method, row.why_not, end_section=ends)
            continue
        name = f"{row.method} ({row.why_not})" if row.why_not else row.method
        cells = [_cell(row.spread(figure), digits) for _, digits, figure in _FIGURES.values()]
        ratio = row.spread(lambda effort: effort.per_100).mean / touched if touched else math.nan
        table.add_row(name, *cells, _percent(ratio), f"{row.seconds:.1f}", end_section=ends)
    return table


def _orders(rows: dict[str, Row], group: str, tolerance: float) -> Table:
    table = _table(
        f"{group}, {tolerance:g} head lengths: wrong joints found after a share of the visits, %",
        "order",
        *(f"after\n{share:.0%}" for share in _AFTER),
        "touched\nper 100",
    )
    for row in rows.values():
        if row.family is Family.ORDER:
            if not row.efforts:
                table.add_row(row.method, row.why_not)
                continue
            found = [_cell(row.spread(_found_after(share)), 0) for share in _AFTER]
            table.add_row(row.method, *found, _cell(row.spread(lambda effort: effort.per_100), 1))
    return table


def _found_after(share: float) -> Callable[[Effort], float]:
    return lambda effort: effort.found_after(share)


def _by_distance(study: EffortStudy) -> Table:
    """What became of gross, of other wrong and of right joints whose proposals were accepted without a look."""
    headings = [
        f"{first}" if last is None or last == first + 1 else f"{first}-{last - 1}"
        for first, last in zip(_DISTANCES, [*_DISTANCES[1:], None], strict=True)
    ]
    table = _table(
        "accepted by frames from the correction: gross errors (> 0.5) repaired / other wrong joints repaired / right "
        "joints spoiled, % (joints)",
        "annotated",
        "HL",
        *headings[:-1],
        f"{headings[-1]}+",
    )
    sums: dict[tuple[str, float], list[Effort]] = defaultdict(list)
    for row in study.rows:
        if row.family is Family.PROPAGATION and PREVIEWED not in row.method:
            sums[row.method, row.tolerance] += row.efforts
    for (method, tolerance), efforts in sums.items():
        fates: dict[int, Counter[Accepted]] = {first: Counter() for first in _DISTANCES}
        for one, times in together(efforts).accepted.items() if efforts else ():
            fates[max(first for first in _DISTANCES if first <= one.distance)][one._replace(distance=0)] += times
        if any(fates.values()):
            table.add_row(method, f"{tolerance:g}", *(_fate(counts) for counts in fates.values()))
    return table


def _fate(counts: Counter[Accepted]) -> str:
    """counts: by what the joints were and are, whatever the distance."""
    shares = []
    for was_wrong, was_gross in ((True, True), (True, False), (False, False)):
        of_kind = [(one, n) for one, n in counts.items() if (one.was_wrong, one.was_gross) == (was_wrong, was_gross)]
        changed = sum(n for one, n in of_kind if one.is_wrong != was_wrong)
        total = sum(n for _, n in of_kind)
        shares.append(f"{100 * changed / total:.0f}" if total else "–")
    return f"{' / '.join(shares)} ({counts.total()})" if counts else "–"


def _bars(study: EffortStudy) -> Table:
    table = _table("bars", "table", "HL", "bar", "met", "measured")
    for column in table.columns[2:]:
        column.justify = "left"
    for bar in bars_of(study):
        table.add_row(bar.group, f"{bar.tolerance:g}", bar.name, "yes" if bar.is_met else "NO", bar.text)
    return table


def _table(title: str, first: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 0))
    table.add_column(first, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _cell(spread: Spread, digits: int) -> str:
    """Mean ± deviation; that only where there is any."""
    if math.isnan(spread.mean):
        return "–"
    deviation = f"{spread.deviation:.{digits}f}"
    varies = not math.isnan(spread.deviation) and float(deviation) > 0
    return f"{spread.mean:.{digits}f}{f' ±{deviation}' if varies else ''}"


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{share:.0%}"


def _spread_json(spread: Spread) -> dict[str, Any]:
    return {
        "mean": _number(spread.mean),
        "deviation": _number(spread.deviation),
        "per_seed": [_number(value) for value in spread.per_seed],
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
