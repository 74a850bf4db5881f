"""A whole training run in a folder: from a configuration to a model of the catalogue."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import torch

from dcpose_core.devices import Announce, choose_device, keep_freed_memory
from dcpose_core.errors import DCPoseError, TrainingError
from dcpose_core.files import write_files
from dcpose_core.models.catalogue import check_new_name, load_model, save_model, write_model
from dcpose_core.models.description import DecodeRule, ModelDescription
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.models.settings import REFERENCE
from dcpose_core.training import checkpoints, metrics_file
from dcpose_core.training.config import RunConfig
from dcpose_core.training.distributed import World, world_from_environment
from dcpose_core.training.events import Finished, TrainingEvent, Validated
from dcpose_core.training.frozen_backbone import FrozenBackbone
from dcpose_core.training.loop import train
from dcpose_core.training.plots import plot_metrics
from dcpose_core.training.sampling import Mixture
from dcpose_core.training.sources import SampleForm, Source
from dcpose_core.training.trained_model import finished_model, start_model

_CONFIG_NAME = "config.json"
#: Sections that have to stay the same when a run goes on; the loop compares `training` itself.
_COMPARED = ("model", "data", "augmentation")


def run_training(
    config: RunConfig, folder: Path, *, resume: bool = False, announce: Announce
) -> Generator[TrainingEvent]:
    """Train as `config` says, keep everything in `folder`, and put the model into the catalogue.

    The folder gets `config.json`, `checkpoint.safetensors`, `metrics.jsonl`, `loss.png`, `validation.png`, and at the
    end the two files of the model. Closing the generator stops; `resume` goes on. Under `torchrun` all processes call
    this with the same arguments, and the first one writes.

    Raises `DCPoseError`: `TrainingError` for what the configuration, the folder or the data do not allow, `UsageError`
    for a model name that cannot be used, and what `training.loop.train` raises.
    """
    world = world_from_environment()
    metrics = folder / metrics_file.FILE_NAME
    replace = config.model.replace or (resume and (folder / f"{config.model.name}.json").exists())
    check_new_name(config.model.name, replace=replace, replaced_by="--set model.replace=true")
    device = choose_device(_device_name(config.device, world), announce)
    if device.type == "cpu":
        keep_freed_memory()
    base = load_model(config.model.base)
    model = start_model(config.model, base, seed=config.training.seed)
    assert model.temporal is not None
    crop, settings = model.description.crop, model.description.settings or REFERENCE
    form = SampleForm(crop, settings.border_margin, config.augmentation)
    data = _mixture(config.data, form, "data")
    validation = _mixture(config.validation, form._replace(augmentation=None), "validation")
    if data is None:
        raise TrainingError("data: the configuration names no source of samples")
    _prepare(folder, config, world, resume=resume, announce=announce)
    events = train(
        model.temporal,
        data,
        config.training,
        device=device,
        backbone=FrozenBackbone(model.backbone, crop, keep_statistics=config.model.backbone_statistics == "kept"),
        validation=validation,
        rule=_refined_rule(model.description),
        folder=folder,
        resume=resume,
    )
    with closing(events):
        for number, event in enumerate(events):
            if world.is_first:
                if number == 0:
                    metrics_file.drop_later(metrics, event.step)
                metrics_file.append_event(metrics, event)
                if isinstance(event, Validated | Finished):
                    plot_metrics(metrics, folder)
            if isinstance(event, Finished) and world.is_first:
                finished = finished_model(model, metrics)
                write_model(finished, folder)
                _put_into_catalogue(finished, folder, replace=replace)
            yield event


def _put_into_catalogue(model: PoseModel, folder: Path, *, replace: bool) -> None:
    try:
        save_model(model, replace=replace)
    except DCPoseError as error:  # such as another run of the same name, finished since this one began
        raise TrainingError(
            f"{folder}: the training is finished and its model is kept there, but the catalogue cannot have it: {error}"
            "; the same command with --resume replaces what the catalogue has"
        ) from error


def _device_name(name: str, world: World) -> str:
    """Each of several processes gets a GPU of its own, if there are any and no other device is asked for."""
    if world.is_several and name in ("auto", "cuda") and torch.cuda.is_available():
        return f"cuda:{world.local_rank}"
    return name


def _refined_rule(description: ModelDescription) -> DecodeRule:
    """The backbone's offset maps speak of its own peaks, so refined heatmaps of such a model are decoded by DARK."""
    rule = description.crop.decode
    return DecodeRule.DARK if rule is DecodeRule.OFFSET_MAP else rule


def _mixture(sources: Sequence[Source], form: SampleForm, section: str) -> Mixture | None:
    opened = []
    for number, source in enumerate(sources):
        try:
            opened.append((source.open(form), source.share))
        except DCPoseError as error:
            raise TrainingError(f"{section}[{number}]: {error}") from error
    return Mixture(opened) if opened else None


def _prepare(folder: Path, config: RunConfig, world: World, *, resume: bool, announce: Announce) -> None:
    """See that `folder` can take this run, and note there what the run is."""
    noted, has_checkpoint = folder / _CONFIG_NAME, (folder / checkpoints.FILE_NAME).exists()
    if has_checkpoint and not resume:
        raise TrainingError(f"{folder}: holds a run already; go on with it by --resume, or give another --output")
    if resume and not has_checkpoint:
        announce(f"{folder} holds no checkpoint: the run begins at the start")
    now = msgspec.json.decode(msgspec.json.encode(config), type=dict[str, Any])
    if has_checkpoint and noted.exists():
        try:
            before = msgspec.json.decode(noted.read_bytes(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise TrainingError(f"{noted}: not the configuration of a run ({error}); delete it") from error
        for section in _COMPARED:
            if before.get(section) != now[section]:
                raise TrainingError(f"{noted}: the run was started with another [{section}]; begin a new run")
    if world.is_first:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_files({noted: msgspec.json.format(msgspec.json.encode(config), indent=2)})
        except OSError as error:
            raise TrainingError(f"{folder}: cannot be written: {error.strerror or error}") from error
