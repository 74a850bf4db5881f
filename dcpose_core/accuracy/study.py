"""`measure_accuracy`: the accuracy table of one labelled set."""

from __future__ import annotations

import statistics
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, fields
from math import isnan
from typing import NamedTuple

import torch

from dcpose_core.accuracy.conditions import CLEAN, Condition
from dcpose_core.accuracy.figures import Figures, ReliabilityBin, Truth
from dcpose_core.accuracy.labels import LabelledSet
from dcpose_core.accuracy.methods import SINGLE_FRAME, model_methods, plain_methods
from dcpose_core.accuracy.trials import Cell, Progress, Results, StudySettings, run_trials
from dcpose_core.devices import Announce
from dcpose_core.estimation import PoseEstimator
from dcpose_core.models.pose_model import PoseModel

#: What the single frame has to lose before it makes sense to ask how much of it comes back, in points of AP.
_LEAST_LOSS = 1.0


class Spread(NamedTuple):
    """A figure over the seeds. deviation: sample standard deviation, NaN of a single seed."""

    mean: float
    deviation: float
    per_seed: list[float]


@dataclass(frozen=True, slots=True)
class Row:
    """One method on one condition. interval: T, None where the method looks at the key frame only.

    figures: the columns of `Figures` by name. `recovered` and `recovered_poseval` beside them: of the AP (OKS, poseval)
    that the single frame loses to the degradation, the percentage that this method wins back; NaN where it loses less
    than a point. reliability: of the joint scores of all seeds.
    """

    condition: Condition
    interval: int | None
    method: str
    figures: Mapping[str, Spread]
    reliability: Sequence[ReliabilityBin] = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """The table of one set. models: name -> SHA-256 of its weights. passes: of the backbone, that it took."""

    labelled: LabelledSet
    settings: StudySettings
    models: Mapping[str, str]
    rows: list[Row]
    passes: int


def measure_accuracy(
    labelled: LabelledSet,
    models: Sequence[PoseModel],
    *,
    device: torch.device,
    settings: StudySettings,
    announce: Announce,
) -> Generator[Progress, None, Study]:
    """Run every method on every condition; yields progress, which starts again for another backbone, and returns the
    table.

    Methods are the single frame, the mean and the median of three single-frame answers, and each model's temporal
    modules; all but the first with the key frame's box on all frames and with each frame's own. Models with the same
    backbone share its passes and the plain methods; another backbone brings its own. Persons are cropped with the boxes
    of the labels.
    """
    rows: list[Row] = []
    passes = 0
    groups = _by_backbone(models)
    for group in groups:
        suffix = "" if len(groups) == 1 else f" ({group[0].description.name})"
        with ExitStack() as stack:
            estimators = [
                stack.enter_context(closing(_estimator(model, device, settings, announce))) for model in group
            ]
            methods = [method._replace(name=method.name + suffix) for method in plain_methods()]
            for model, estimator in zip(group, estimators, strict=True):
                methods += model_methods(model.description.name, estimator)
            results, passes_here = yield from run_trials(
                labelled, estimator=estimators[0], methods=methods, settings=settings
            )
        passes += passes_here
        rows += _rows(results, Truth(labelled), single_frame=SINGLE_FRAME + suffix)
    hashes = {model.description.name: model.description.sha256 for model in models}
    return Study(labelled, settings, hashes, rows, passes)


def _estimator(model: PoseModel, device: torch.device, settings: StudySettings, announce: Announce) -> PoseEstimator:
    return PoseEstimator(
        model,
        device=device,
        batch_size=settings.batch_size,
        temporal=model.temporal is not None,
        announce=announce,
        views=settings.views,
    )


def _by_backbone(models: Sequence[PoseModel]) -> list[list[PoseModel]]:
    """Models whose backbone and crops are the same, bit by bit, share what it says."""
    groups: list[list[PoseModel]] = []
    for model in models:
        group = next((group for group in groups if _same_evidence(group[0], model)), None)
        if group is None:
            groups.append([model])
        else:
            group.append(model)
    return groups


def _same_evidence(a: PoseModel, b: PoseModel) -> bool:
    first, second = a.backbone.state_dict(), b.backbone.state_dict()
    return (
        a.description.backbone == b.description.backbone
        and a.description.crop == b.description.crop
        and first.keys() == second.keys()
        and all(torch.equal(first[key].cpu(), second[key].cpu()) for key in first)
    )


def _rows(results: Results, truth: Truth, *, single_frame: str) -> list[Row]:
    found = {
        cell: {seed: truth.figures(estimates) for seed, estimates in by_seed.items()}
        for cell, by_seed in results.items()
    }
    clean = found[Cell(Condition(CLEAN), None, single_frame)][0]
    rows = []
    for cell, by_seed in found.items():
        figures = {
            each.name: _spread([getattr(one, each.name) for one in by_seed.values()]) for each in fields(Figures)
        }
        lost = found[Cell(cell.condition, None, single_frame)]
        for name, ap in (("recovered", "oks_ap"), ("recovered_poseval", "poseval_ap")):
            figures[name] = _recovered(
                [(getattr(by_seed[s], ap), getattr(lost[s], ap)) for s in by_seed], getattr(clean, ap)
            )
        rows.append(Row(*cell, figures, truth.reliability(results[cell].values())))
    return rows


def _spread(per_seed: list[float]) -> Spread:
    several = [value for value in per_seed if not isnan(value)]
    deviation = statistics.stdev(several) if len(several) > 1 else float("nan")
    return Spread(statistics.fmean(per_seed), deviation, per_seed)


def _recovered(ap_of_seeds: list[tuple[float, float]], clean_ap: float) -> Spread:
    """ap_of_seeds: the method's and the single frame's. The mean is that of all seeds together, not of the ratios."""

    def share(method: float, single: float) -> float:
        return 100 * (method - single) / (clean_ap - single) if clean_ap - single >= _LEAST_LOSS else float("nan")

    per_seed = [share(*pair) for pair in ap_of_seeds]
    together = share(*(statistics.fmean(side) for side in zip(*ap_of_seeds, strict=True)))
    return _spread(per_seed)._replace(mean=together)
