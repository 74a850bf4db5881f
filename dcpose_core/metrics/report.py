"""An evaluation as JSON for scripts and as a table for people."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from dcpose_core.metrics.average_precision import AveragePrecision
from dcpose_core.metrics.clear_mot import ClearMot
from dcpose_core.metrics.evaluation import Evaluation
from dcpose_core.metrics.oks import OksResult
from dcpose_core.metrics.poseval import JOINT_GROUPS, JOINT_NAMES, group_means
from dcpose_core.types import FloatArray

_Lists = dict[str, list[float | None]]

#: Two pairs of precision and recall go by the same names.
_MEANING = {
    "pre, rec": "of the tracking, the figures beside mota and motp; the same as in mot",
    "detection": "ap, and the precision and recall of all detected joints, whoever they are taken for",
}

#: Room for -1300.0.
_NUMBER_WIDTH = 7


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """JSON-ready figures in percent; lists have 15 joints in `joint_order` and their mean, null is "not defined".

    `ap`, `mota`, `motp`, `pre` and `rec` are the benchmark's five figures, pre and rec being those of the tracking,
    as in `mot`. `detection` holds AP with the precision and recall of all detections. `meaning` says so in the file.
    Without track ids `mot` is null and the four tracking lists hold nulls. Counts are of what is left after the
    official clean-up.
    """
    result = evaluation.poseval
    mot = None if result.tracking is None else _mot_lists(result.tracking)
    nothing = [None] * (len(JOINT_NAMES) + 1)
    return {
        "meaning": _MEANING,
        "joint_order": [*JOINT_NAMES, "total"],
        "group_order": [*JOINT_GROUPS, "Total"],
        "ap": _numbers(result.detection.ap),
        **(mot or dict.fromkeys(("mota", "motp", "pre", "rec"), nothing)),
        "ap_groups": _numbers(group_means(result.detection.ap).values()),
        "mota_groups": None if result.tracking is None else _numbers(group_means(result.tracking.mota).values()),
        "detection": _detection_lists(result.detection),
        "mot": mot,
        "oks": _oks_numbers(evaluation.oks),
        "per_sequence": {name: _mot_lists(tracking) for name, tracking in result.tracking_per_sequence.items()},
        "sequences": list(evaluation.sequences),
        "unused_predictions": list(evaluation.unused_predictions),
        "frames_after_cleanup": result.frame_count,
        "gt_people": result.annotated_person_count,
        "pred_people": result.predicted_person_count,
        "n_gt_per_joint": result.detection.annotated_counts.tolist(),
        "n_pred_per_joint": result.detection.predicted_counts.tolist(),
        "n_true_positive_per_joint": result.detection.correct_counts.tolist(),
    }


def results_table(evaluation: Evaluation) -> Table:
    """The figures by joint group, in percent; a dash where a figure is not defined."""
    result = evaluation.poseval
    detection, tracking = result.detection, result.tracking
    rows: dict[str, FloatArray] = {
        "AP": detection.ap,
        "AP precision": detection.precision,
        "AP recall": detection.recall,
    }
    caption = f"{_oks_line(evaluation.oks)}\nAP precision and recall are those of all detected joints"
    if tracking is None:
        caption += ".\nNo tracking figures: a file has no track ids."
    else:
        caption += ", MOT precision and recall those of the tracking."
        rows |= {"MOTA": tracking.mota, "MOTP": tracking.motp}
        rows |= {"MOT precision": tracking.precision, "MOT recall": tracking.recall}
    if evaluation.unused_predictions:
        caption += f"\nPredictions without ground truth, not counted: {', '.join(evaluation.unused_predictions)}"
    # Narrow enough for 80 columns even with three-digit negative MOTA; a figure cut short would be a wrong one.
    table = Table(title=_title(evaluation), caption=caption, caption_justify="left", box=SIMPLE_HEAD, padding=(0, 0))
    table.add_column("%", no_wrap=True)
    for group in (*JOINT_GROUPS, "Total"):
        table.add_column(group, justify="right", no_wrap=True, min_width=_NUMBER_WIDTH)
    for name, per_joint in rows.items():
        table.add_row(name, *map(_cell, group_means(per_joint).values()))
    return table


def _title(evaluation: Evaluation) -> str:
    sequences = len(evaluation.sequences)
    return (
        f"{evaluation.sequences[0] if sequences == 1 else f'{sequences} sequences'}: "
        f"{evaluation.poseval.frame_count} frames, {evaluation.poseval.annotated_person_count} annotated persons"
    )


def _oks_line(oks: OksResult) -> str:
    return f"OKS: AP {_cell(oks.ap)}, AP50 {_cell(oks.ap50)}, AP75 {_cell(oks.ap75)}, AR {_cell(oks.ar)}"


def _cell(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1f}"


def _detection_lists(detection: AveragePrecision) -> _Lists:
    return {
        "ap": _numbers(detection.ap),
        "pre": _numbers(detection.precision),
        "rec": _numbers(detection.recall),
    }


def _mot_lists(tracking: ClearMot) -> _Lists:
    return {
        "mota": _numbers(tracking.mota),
        "motp": _numbers(tracking.motp),
        "pre": _numbers(tracking.precision),
        "rec": _numbers(tracking.recall),
    }


def _oks_numbers(oks: OksResult) -> dict[str, float | None]:
    ap, ap50, ap75, ar = _numbers((oks.ap, oks.ap50, oks.ap75, oks.ar))
    return {"ap": ap, "ap50": ap50, "ap75": ap75, "ar": ar}


def _numbers(values: Iterable[float] | FloatArray) -> list[float | None]:
    return [None if math.isnan(value) else float(value) for value in values]
