"""Configuration files of training runs: TOML, every key checked, every fault one line that names file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import msgspec

from dcpose_core.errors import TrainingError
from dcpose_core.training.settings import Augmentation, Section, TrainingSettings
from dcpose_core.training.sources import Source


class ModelSection(Section, frozen=True):
    """What is trained.

    name: of the new model in the catalogue. base: the model there whose backbone is used.
    head: of `TEMPORAL_HEADS`, by default `dcpose`. settings: the head's own, by name.
    start: `own`, the head's start; `reference` or `paper`, as these initialise `dcpose`; `base`, the trained temporal
    modules of the base model, with its head and settings.
    backbone_statistics: `kept`, or `drifting` as in the published implementation, where the frozen backbone's batch
    normalisations go on to learn.
    max_interval: the largest distance T between frames that the data has. replace: the model that
    has the name already. title, licence: what `dcpose models info` shows.
    """

    name: str
    base: str = "movenet_thunder"
    head: str | None = None
    settings: dict[str, Any] = msgspec.field(default_factory=dict)
    start: Literal["own", "reference", "paper", "base"] = "own"
    backbone_statistics: Literal["kept", "drifting"] = "kept"
    max_interval: int = 1
    title: str = ""
    licence: str = ""
    replace: bool = False


class RunConfig(Section, frozen=True):
    """A whole configuration. data, validation: one or more sources each; the latter may be missing.

    augmentation: of image samples in training. device: `auto`, `cpu`, `cuda` or `cuda:i`.
    """

    model: ModelSection
    data: tuple[Source, ...]
    validation: tuple[Source, ...] = ()
    augmentation: Augmentation = Augmentation()
    training: TrainingSettings = TrainingSettings()
    device: str = "auto"


def recipes() -> dict[str, str]:
    """The recipes that come with the program: name -> TOML text."""
    folder = resources.files("dcpose_core.training") / "recipes"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): file.read_text(encoding="utf-8") for file in files}


def load_config(source: str | Path, overrides: Sequence[str] = ()) -> RunConfig:
    """The configuration in a file, or the recipe of that name, with some keys set anew.

    overrides: `key=value` each, as `training.batch_size=16` or `data.0.root=/data/posetrack`; the number may be left
    out where there is one source. A value is TOML, and text where it is none.

    Raises `TrainingError` naming file and key.
    """
    text = _text(source)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{source}: not a TOML file: {error}") from error
    for override in overrides:
        _override(content, override)
    try:
        return msgspec.convert(content, RunConfig)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        key = place.removesuffix("`").removeprefix(".")
        raise TrainingError(f"{source}: {key + ': ' if key else ''}{what[:1].lower()}{what[1:]}") from error


def _text(source: str | Path) -> str:
    known = recipes()
    path = Path(source)
    if str(source) in known and not path.exists():
        return known[str(source)]
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise TrainingError(
            f"{source}: cannot be read ({error.strerror or error}); give a file, or a recipe: {', '.join(known)}"
        ) from error
    except UnicodeDecodeError as error:
        raise TrainingError(f"{source}: not a TOML file: it is not UTF-8 text") from error


def _override(content: dict[str, Any], override: str) -> None:
    """Set one key of a parsed file; the sections on the way to it are made where they are missing."""
    key, equals, text = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise TrainingError(f"--set {override}: write key=value, as training.batch_size=16")
    place: Any = content
    for depth, part in enumerate(parts):
        if isinstance(place, list) and len(place) == 1 and not part.isdecimal():
            place = place[0]
        at: Any = part
        if isinstance(place, list):
            if not part.isdecimal() or int(part) >= len(place):
                where = ".".join(parts[:depth])
                raise TrainingError(f"--set {override}: say which of the {len(place)}, {where}.0 or the like")
            at = int(part)
        elif not isinstance(place, dict):
            raise TrainingError(f"--set {override}: {'.'.join(parts[:depth])} is a value, not a section")
        if depth == len(parts) - 1:
            place[at] = _toml_value(text.strip())
        else:
            place = place[at] if isinstance(place, list) else place.setdefault(at, {})


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
