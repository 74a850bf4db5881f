"""The model of a run: its head before training, and the model of the catalogue afterwards."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import msgspec
import torch
from torch import nn

from dcpose_core.errors import TrainingError
from dcpose_core.models.catalogue import is_embedded
from dcpose_core.models.initialisation import initialise
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.models.settings import TemporalSettings
from dcpose_core.models.temporal_heads import TEMPORAL_HEADS, build_temporal
from dcpose_core.training.config import ModelSection
from dcpose_core.training.events import Validated
from dcpose_core.training.metrics_file import read_events


def start_model(section: ModelSection, base: PoseModel, *, seed: int) -> PoseModel:
    """The model to be trained: the backbone of `base` under a new description, with a head that starts as asked for.

    Raises `TrainingError` naming the key, for a head or settings that there are not.
    """
    if section.start == "base":
        if base.temporal is None:
            raise TrainingError(f"model.start: {section.base!r} has no temporal modules to start from")
        if section.settings or section.head is not None:
            raise TrainingError("model.start: the base model's temporal modules have their own head and settings")
        kind, settings, head = base.description.head, base.description.settings, base.temporal
    else:
        kind = section.head or "dcpose"
        settings = _settings(kind, section)
        head = _new_head(kind, settings, section, seed=seed)
    licence = section.licence or f"not stated (temporal modules), {base.description.licence} (backbone)"
    description = replace(
        base.description,
        name=section.name,
        title=section.title or f"{kind} on {base.description.backbone}",
        temporal=True,
        head=kind,
        settings=settings,
        backbone_of=_shared_backbone(section, base),
        score=None,
        licence=licence,
        origin=f"trained by `dcpose train`; backbone: {base.description.origin}",
        sha256="",
        notes="",
        max_interval=section.max_interval,
    )
    return PoseModel(description, base.backbone, head)


def _shared_backbone(section: ModelSection, base: PoseModel) -> str | None:
    """The embedded model whose backbone stays as it is, so that the new model's file need not repeat it."""
    if section.backbone_statistics != "kept" or not is_embedded(base.description.backbone_of or section.base):
        return None
    return base.description.backbone_of or section.base


def finished_model(model: PoseModel, metrics: Path) -> PoseModel:
    """`model` with a description that says how well it did in the last validation of a metrics file."""
    validations = [event for event in read_events(metrics) if event["event"] == Validated.__name__]
    figures = [
        f"{whose.replace('_', ' ')} PCK {_rounded(validations[-1][whose]['pck'])} %, "
        f"mean error {_rounded(validations[-1][whose]['error_cells'])} cells"
        for whose in ("refined", "single_frame")
        if validations
    ]
    notes = f"Last validation: {'; '.join(figures)}." if figures else "Not validated in training."
    return PoseModel(replace(model.description, notes=notes), model.backbone, model.temporal)


def _rounded(figure: float | None) -> str:
    """None is how the metrics file says that there was nothing to measure."""
    return "unknown" if figure is None else f"{figure:.2f}"


def _settings(kind: str, section: ModelSection) -> TemporalSettings:
    if kind not in TEMPORAL_HEADS:
        raise TrainingError(f"model.head: there is no head called {kind!r}; known are {', '.join(TEMPORAL_HEADS)}")
    type_ = TEMPORAL_HEADS[kind].settings
    known = [field.name for field in fields(type_)]  # type: ignore[arg-type]  # all kinds of settings are dataclasses
    unknown = sorted(section.settings.keys() - set(known))
    if unknown:
        raise TrainingError(f"model.settings.{unknown[0]}: head {kind!r} has no such setting, but {', '.join(known)}")
    try:
        return msgspec.convert(section.settings, type_)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        raise TrainingError(f"model.settings{place.removesuffix('`')}: {what[:1].lower()}{what[1:]}") from error


def _new_head(kind: str, settings: TemporalSettings, section: ModelSection, *, seed: int) -> nn.Module:
    if section.start != "own" and kind != "dcpose":
        raise TrainingError(f"model.start: {section.start!r} is a way to start the head 'dcpose', not {kind!r}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = build_temporal(kind, settings)
        if section.start != "own":
            initialise(head, deformable="identity" if section.start == "reference" else "gaussian")
    return head
