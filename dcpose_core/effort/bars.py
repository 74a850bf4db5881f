"""What the figures have to reach, and by how much they miss it."""

from __future__ import annotations

from dataclasses import dataclass

from dcpose_core.effort.methods import PREVIEWED, Family
from dcpose_core.effort.study import EffortStudy, Row

#: Touched joints of propagation over those without.
MOST_OF_NO_PROPAGATION = 0.5
#: Touched joints over those of key frames with lines, where both end with every joint within the tolerance.
MOST_OF_KEY_FRAMES = 0.2
#: Of the wrong joints, per cent, after this share of the visits.
FOUND_PERCENT, AFTER_SHARE = 80.0, 0.2


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar in one table. measured and wanted in the bar's own unit; text: the whole in words."""

    group: str
    tolerance: float
    name: str
    measured: float
    wanted: float
    is_met: bool
    text: str


def bars_of(study: EffortStudy) -> list[Bar]:
    """Every bar on every table, and the limits that explain a miss."""
    return [bar for group, tolerance in study.groups for bar in _bars(study, group, tolerance)]


def _bars(study: EffortStudy, group: str, tolerance: float) -> list[Bar]:
    rows = study.table(group, tolerance)
    alone = rows[study.model]
    default = f"{study.model} + {study.settings.default}"
    ways = {"accepted without a look": rows[default], "previewed": rows[f"{default}{PREVIEWED}"]}
    tried = [row for row in rows.values() if row.family is Family.PROPAGATION and row.efforts]
    ways = {what: row for what, row in ways.items() if row.efforts} | {"best of all": min(tried, key=_touched)}
    # At equal remaining error: nothing is left beyond the tolerance, as with the simulated annotator. One who knows
    # where lines are worst is told beside it, for no annotator does.
    lines = [row for row in rows.values() if row.method.endswith("lines, corrected")]
    rival, knowing = min(lines, key=_touched), rows["key frames where lines are worst"]
    perfect = _touched(rows["limit: perfect propagation"])
    bars = []
    for what, row in ways.items():
        against = f"{row.method}: {_touched(row):.1f} of {_touched(alone):.1f} per 100; perfect: {perfect:.1f}"
        bars.append(
            _at_most(group, tolerance, f"of no propagation, {what}", row, alone, MOST_OF_NO_PROPAGATION, against)
        )
    for what, row in ways.items():
        against = (
            f"{row.method}: {_touched(row):.1f}, {rival.method}: {_touched(rival):.1f} per 100; "
            f"{knowing.method}: {_touched(knowing):.1f}; perfect propagation: {perfect:.1f}"
        )
        bars.append(
            _at_most(group, tolerance, f"of key frames with lines, {what}", row, rival, MOST_OF_KEY_FRAMES, against)
        )
    bars += [
        _found(group, tolerance, rows[f"{prefix}, review queue"], rows[f"{prefix}, limit: most wrong first"])
        for prefix in (study.model, f"{default}{PREVIEWED}")
    ]
    return bars


def _found(group: str, tolerance: float, queue: Row, limit: Row) -> Bar:
    found, possible = (row.spread(lambda effort: effort.found_after(AFTER_SHARE)).mean for row in (queue, limit))
    is_met = found >= FOUND_PERCENT
    missed = "" if is_met else f", {FOUND_PERCENT - found:.0f} points short"
    text = (
        f"{found:.0f} % of the wrong joints in the first {AFTER_SHARE:.0%} of visits, wanted {FOUND_PERCENT:.0f} %"
        f"{missed}; who knows where most are wrong: {possible:.0f} %"
    )
    return Bar(group, tolerance, f"found by {queue.method}", found, FOUND_PERCENT, is_met, text)


def _at_most(group: str, tolerance: float, name: str, row: Row, of: Row, wanted: float, detail: str) -> Bar:
    """The joints that `row` touches over those that `of` does."""
    touched, rival = _touched(row), _touched(of)
    measured = touched / rival if rival else float(touched > 0)
    is_met = measured <= wanted
    missed = "" if is_met else f", {measured / wanted:.1f} times as much"
    text = f"{measured:.0%}, wanted at most {wanted:.0%}{missed}; {detail}"
    return Bar(group, tolerance, f"touched joints {name}", measured, wanted, is_met, text)


def _touched(row: Row) -> float:
    return row.spread(lambda effort: effort.per_100).mean
