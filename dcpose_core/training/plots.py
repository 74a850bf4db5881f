"""Curves of a run, as PNG files beside its metrics."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dcpose_core.files import replacing
from dcpose_core.training.metrics_file import read_events

_SMOOTHED_OVER = 200  # points of a loss curve, at most


def plot_metrics(metrics: Path, folder: Path) -> list[Path]:
    """Draw `loss.png` and, where there was validation, `validation.png` from a metrics file; returns the files."""
    events = list(read_events(metrics))
    steps = [event for event in events if event["event"] == "Stepped"]
    validations = [event for event in events if event["event"] == "Validated"]
    written = []
    if steps:
        written.append(_plot_loss(steps, validations, folder / "loss.png"))
    if validations:
        written.append(_plot_accuracy(validations, folder / "validation.png"))
    return written


def _plot_loss(steps: Sequence[dict[str, Any]], validations: Sequence[dict[str, Any]], path: Path) -> Path:
    at, loss = (np.array([event[key] for event in steps], dtype=float) for key in ("step", "loss"))
    # Single steps scatter: their mean over a stretch is what shows a trend.
    stretches = np.array_split(np.arange(len(at)), min(len(at), _SMOOTHED_OVER))
    figure, (axes,) = _figure(1)
    axes.plot([at[s].mean() for s in stretches], [loss[s].mean() for s in stretches], label="training")
    if validations:
        axes.plot(
            [event["step"] for event in validations], [event["loss"] for event in validations], "o-", label="validation"
        )
    axes.set_yscale("log")
    axes.set(xlabel="step", ylabel="loss")
    axes.legend()
    return _save(figure, path)


def _plot_accuracy(validations: Sequence[dict[str, Any]], path: Path) -> Path:
    at = [event["step"] for event in validations]
    figure, panels = _figure(2)
    for axes, key, label in zip(panels, ("pck", "error_cells"), ("PCK, %", "mean error, cells"), strict=True):
        axes.plot(at, [event["refined"][key] for event in validations], "o-", label="refined")
        axes.plot(at, [event["single_frame"][key] for event in validations], "--", label="single frame")
        axes.set(xlabel="step", ylabel=label)
        axes.legend()
    return _save(figure, path)


def _figure(panels: int) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure  # takes half a second, and only training needs it

    figure = Figure(figsize=(6.4 * panels, 4.0), dpi=100, layout="constrained")
    return figure, [figure.add_subplot(1, panels, panel + 1) for panel in range(panels)]


def _save(figure: Any, path: Path) -> Path:
    with replacing(path) as temporary:
        figure.savefig(temporary)
    return path
