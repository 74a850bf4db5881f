"""Presets of shortcuts, a user's own changes to them, and the check that no key means two things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from PySide6.QtGui import QKeySequence

DEFAULT = "default"
#: Preset -> how people call it.
PRESETS = {
    DEFAULT: "Default",
    "cvat": "CVAT",
    "labelme": "labelme / napari-DLC",
    "sleap": "SLEAP",
}
#: Letters that hands trained on other tools press to move about: nothing destructive lies on them.
MOVING_LETTERS = frozenset("ACDFVSW")


class HasKeys(Protocol):
    """What this module needs of an `ActionSpec`."""

    @property
    def name(self) -> str: ...
    @property
    def context(self) -> str: ...
    @property
    def destructive(self) -> bool: ...
    def keys(self, preset: str) -> tuple[str, ...]: ...


def normalised(key: str) -> str:
    """A key text as Qt writes it (`ctrl + z` -> `Ctrl+Z`); empty where it names no key."""
    portable = QKeySequence.SequenceFormat.PortableText
    return QKeySequence(key, portable).toString(portable)


def keys_in_force(
    specs: Iterable[HasKeys], preset: str, own: Mapping[str, Sequence[str]] | None = None
) -> dict[str, tuple[str, ...]]:
    """Action name -> keys: those of the preset, unless the user chose others (`own`).

    Keys that the user gave to one action are taken from every other action that has them from the preset.
    """
    own = own or {}
    taken = {normalised(key) for keys in own.values() for key in keys}
    force = {}
    for spec in specs:
        if spec.name in own:
            force[spec.name] = tuple(filter(None, map(normalised, own[spec.name])))
        else:
            keys = map(normalised, spec.keys(preset))
            force[spec.name] = tuple(key for key in keys if key and key not in taken)
    return force


def conflicts(keys: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Key -> the actions that share it, for every key with more than one.

    An action of the canvas and one of the window conflict too: Qt would call both ambiguous and do neither.
    """
    users: dict[str, list[str]] = {}
    for name, mine in keys.items():
        for key in mine:
            users.setdefault(normalised(key), []).append(name)
    return {key: names for key, names in users.items() if len(names) > 1}


def dangerous(specs: Iterable[HasKeys], keys: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """(key, action) of every destructive action on a bare moving letter."""
    return [
        (key, spec.name)
        for spec in specs
        if spec.destructive
        for key in keys.get(spec.name, ())
        if normalised(key) in MOVING_LETTERS
    ]
