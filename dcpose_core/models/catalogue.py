"""The models there are: those that come with the program, and those the user imported.

A model is two files: `<name>.json`, its `ModelDescription`, and `<name>.safetensors`, its weights under `backbone.` and
`temporal.` (the latter alone where the description has `backbone_of`), with the SHA-256 that the description states.
Embedded ones are package data, imported ones lie in the user's data folder.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace as replaced
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError

from dcpose_core import paths
from dcpose_core.checkpoint_file import read_state_dict
from dcpose_core.errors import DCPoseError, UsageError, WeightsError
from dcpose_core.files import write_files
from dcpose_core.models.description import CropSpec, DecodeRule, ModelDescription
from dcpose_core.models.pose_model import PoseModel, untrained_model
from dcpose_core.models.temporal_heads import TEMPORAL_HEADS
from dcpose_core.weights import COUNTER, is_reference_state, load_strictly, recognise_backbone, reference_key

#: The crop of the published DCPose, HRNet and SimpleBaseline networks at their larger size.
REFERENCE_CROP = CropSpec(
    width_px=288,
    height_px=384,
    enlargement=1.25,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    decode=DecodeRule.QUARTER_OFFSET,
)
_BACKBONE_NOTES = (
    "No temporal modules: results are those of the backbone on single frames. Its channels are taken as PoseTrack's "
    "joints; of a checkpoint trained on COCO, head_bottom and head_top would be the eyes."
)
_BACKBONE = "backbone."
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
# Words of the command line, and file names that Windows keeps for devices.
_RESERVED = {"auto", "default", "none", "all", "con", "prn", "aux", "nul"} | {
    f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)
}


def catalogue() -> dict[str, ModelDescription]:
    """All models by name, embedded ones first. Raises `WeightsError` if a description cannot be read."""
    return {**_descriptions(_embedded_folder()), **_descriptions(_imported_folder())}


def describe(name: str) -> ModelDescription:
    """The description of one model. Raises `UsageError` that lists the models there are, or `WeightsError`."""
    return _read_description(_folder_of(name) / f"{name}.json")


def is_embedded(name: str) -> bool:
    """Whether a model comes with the program."""
    return _is_valid_name(name) and (_embedded_folder() / f"{name}.json").is_file()


def load_model(name: str) -> PoseModel:
    """A model of the catalogue, on the CPU, in eval mode.

    Raises:
        UsageError: there is no model of that name; the message lists those there are.
        WeightsError: its files are damaged, or its weights are not those that its description names.
    """
    description = describe(name)
    state = _weights(description, _folder_of(name))
    if description.backbone_of is not None:
        owner = _read_embedded(description)
        weights = _weights(owner, _embedded_folder())
        state |= {key: tensor for key, tensor in weights.items() if key.startswith(_BACKBONE)}
    model = untrained_model(description)
    load_strictly(model, state, source=str(_folder_of(name) / f"{name}.safetensors"))
    return model.eval()


def _weights(description: ModelDescription, folder: Traversable) -> dict[str, torch.Tensor]:
    """What the weights file of a model holds, if it is the one that the description means."""
    file = folder / f"{description.name}.safetensors"
    try:
        data = file.read_bytes()
    except OSError as error:
        raise WeightsError(f"{file}: cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(data).hexdigest() != description.sha256:
        raise WeightsError(f"{file}: not the weights of model {description.name}, or damaged; import it again")
    try:
        return safetensors.torch.load(data)
    except SafetensorError as error:
        raise WeightsError(f"{file}: not a safetensors file: {error}") from error


def _read_embedded(description: ModelDescription) -> ModelDescription:
    """The description of the embedded model whose backbone this one uses."""
    owner = _descriptions(_embedded_folder()).get(description.backbone_of or "")
    if owner is None or owner.backbone != description.backbone:
        raise WeightsError(
            f"model {description.name}: uses the {description.backbone} of an embedded model "
            f"{description.backbone_of!r}, which there is not; train or import it again"
        )
    return owner


def import_model(
    path: str | Path,
    *,
    name: str,
    title: str | None = None,
    licence: str = "unknown",
    origin: str | None = None,
    crop: CropSpec = REFERENCE_CROP,
    max_interval: int = 1,
    replace: bool = False,
) -> ModelDescription:
    """Add a checkpoint to the catalogue, as safetensors with a description.

    What it is, a published DCPose network or a backbone alone, is recognised by its keys; it has to load strictly.

    Args:
        path: the checkpoint; see `dcpose_core.checkpoint_file`. It is only read.
        name: letters, digits, `-` and `_`; compared without regard to case.
        title, licence, origin: what `dcpose models info` shows; by default what is known, the file's name as origin.
        crop: the crop that the network was trained for.
        max_interval: the largest distance T between key frame and neighbours that it was trained for.
        replace: overwrite an imported model of the same name.

    Raises:
        UsageError: the name is not allowed or taken.
        WeightsError: the checkpoint cannot be used, or the model not be stored.
    """
    path = Path(path)
    check_new_name(name, replace=replace)
    state = read_state_dict(path)
    temporal = is_reference_state(state)
    backbone = recognise_backbone(state, path)
    description = ModelDescription(
        name=name,
        title=title or (f"DCPose on {backbone}" if temporal else f"{backbone} alone"),
        backbone=backbone,
        temporal=temporal,
        crop=crop,
        licence=licence,
        origin=origin or path.name,
        sha256="",
        notes="" if temporal else _BACKBONE_NOTES,
        max_interval=max_interval,
    )
    model = untrained_model(description)
    if temporal:
        load_strictly(model, state, source=path, name_in_file=reference_key)
    else:
        load_strictly(model.backbone, state, source=path, may_miss=COUNTER)
    return save_model(model, replace=replace)


def save_model(model: PoseModel, *, replace: bool = False) -> ModelDescription:
    """Store a model among the imported ones, under the name in its description; returns that with the right hash.

    A model appears with its description, which is put in place last.

    Raises:
        UsageError: the name is not allowed or taken.
        WeightsError: the files cannot be written.
    """
    check_new_name(model.description.name, replace=replace)
    return write_model(model, _imported_folder())


def write_model(model: PoseModel, folder: Path) -> ModelDescription:
    """Write the two files of a model to any folder; returns its description with the right hash.

    Raises `WeightsError` if they cannot be written.
    """
    name = model.description.name
    own = model.state_dict()
    if model.description.backbone_of is not None:
        own = {key: tensor for key, tensor in own.items() if not key.startswith(_BACKBONE)}
    weights = safetensors.torch.save({key: tensor.contiguous() for key, tensor in own.items()})
    description = replaced(model.description, sha256=hashlib.sha256(weights).hexdigest())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = msgspec.json.format(msgspec.json.encode(description), indent=2)
        write_files({folder / f"{name}.json": text, folder / f"{name}.safetensors": weights})
    except OSError as error:
        raise WeightsError(f"{folder}: model {name} cannot be stored: {error.strerror or error}") from error
    return description


def remove_model(name: str) -> None:
    """Delete an imported model. Raises `UsageError` if it is not one, `WeightsError` if it cannot be deleted."""
    folder = _imported_folder()
    if not _is_valid_name(name) or not (folder / f"{name}.json").is_file():
        raise UsageError(f"no imported model is called {name!r}; there are {', '.join(catalogue()) or 'none'}")
    try:
        (folder / f"{name}.json").unlink()
        (folder / f"{name}.safetensors").unlink(missing_ok=True)
    except OSError as error:
        raise WeightsError(f"{folder}: model {name} cannot be deleted: {error.strerror or error}") from error


def _embedded_folder() -> Traversable:
    return resources.files("dcpose_resources") / "models"


def _imported_folder() -> Path:
    return paths.data_dir() / "models"


def _folder_of(name: str) -> Traversable:
    """Where the model called `name` lies. Raises `UsageError` that lists the models there are."""
    for folder in (_embedded_folder(), _imported_folder()):
        if _is_valid_name(name) and (folder / f"{name}.json").is_file():
            return folder
    raise UsageError(f"there is no model called {name!r}; there are {', '.join(catalogue()) or 'none'}")


def _descriptions(folder: Traversable) -> dict[str, ModelDescription]:
    if not folder.is_dir():
        return {}
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".json")), key=lambda file: file.name)
    return {description.name: description for description in map(_read_description, files)}


def _read_description(file: Traversable) -> ModelDescription:
    try:
        description = _decode_description(file.read_bytes())
    except (OSError, msgspec.MsgspecError, DCPoseError) as error:
        raise WeightsError(f"{file}: not a model description ({error}); delete it or import the model again") from error
    if f"{description.name}.json" != file.name:
        raise WeightsError(f"{file}: describes a model called {description.name!r}; rename or delete it")
    return description


def _decode_description(data: bytes) -> ModelDescription:
    """The type of the settings depends on the head, so they are read once that is known."""
    fields = msgspec.json.decode(data, type=dict[str, Any])
    settings = fields.pop("settings", None)
    description = msgspec.convert(fields, ModelDescription)
    if settings is None:
        return description
    if description.head not in TEMPORAL_HEADS:
        raise WeightsError(
            f"temporal head {description.head!r} is not known here; known are {', '.join(TEMPORAL_HEADS)}"
        )
    return replaced(description, settings=msgspec.convert(settings, TEMPORAL_HEADS[description.head].settings))


def check_new_name(name: str, *, replace: bool, replaced_by: str = "--replace") -> None:
    """Raise the `UsageError` that `save_model` would, for a name that is not allowed or taken.

    replaced_by: how its reader says that the model of that name is to be replaced.
    """
    if not _is_valid_name(name):
        raise UsageError(
            f"{name!r} cannot be the name of a model: use up to 64 letters, digits, '-' and '_', "
            "a letter or digit first, and no reserved word"
        )
    if name.lower() in {other.lower() for other in _descriptions(_embedded_folder())}:
        raise UsageError(f"{name!r} is the name of an embedded model; choose another")
    imported = {other.lower(): other for other in _descriptions(_imported_folder())}
    taken = imported.get(name.lower())
    if taken is not None and not (replace and taken == name):
        raise UsageError(
            f"a model called {taken!r} exists already; choose another name, or replace that one ({replaced_by})"
        )


def _is_valid_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name.lower() not in _RESERVED
