"""What a frame keeps beside its persons, as bytes: regions that an evaluation leaves out, and who is not there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from app.project.errors import DamagedProjectError
from app.project.packing import pack, unpack
from app.project.records import NoteChange, NoteKind, Person
from dcpose_core.types import FloatArray


def encode_regions(regions: Sequence[FloatArray]) -> bytes:
    """Polygons float64 `[K, 2]`; no bytes for none."""
    return msgspec.msgpack.encode([region.tolist() for region in regions]) if regions else b""


def decode_regions(data: bytes) -> tuple[FloatArray, ...]:
    """What `encode_regions` made. Raises `ProjectError` if it is damaged."""
    if not data:
        return ()
    try:
        regions = msgspec.msgpack.decode(data, type=list[list[tuple[float, float]]])
    except msgspec.MsgspecError as error:
        raise DamagedProjectError(f"ignore regions are damaged ({error})") from error
    return tuple(np.array(region, np.float64).reshape(-1, 2) for region in regions)


def encode_rejected(persons: Iterable[Person]) -> bytes:
    """Persons whom somebody deleted, in order."""
    return b"".join(pack(number, person) for number, person in enumerate(persons))


def decode_rejected(data: bytes) -> tuple[Person, ...]:
    """What `encode_rejected` made."""
    return tuple(unpack(data).values())


def regions_change(frame: int, before: Sequence[FloatArray], after: Sequence[FloatArray]) -> NoteChange:
    """Other regions for a frame."""
    return NoteChange(NoteKind.IGNORE_REGIONS, frame, encode_regions(before), encode_regions(after))


def rejection(frame: int, before: Sequence[Person], more: Sequence[Person]) -> NoteChange:
    """The frame's predictions `more` are deleted by a person: a model that sees them again is wrong."""
    return NoteChange(NoteKind.REJECTED, frame, encode_rejected(before), encode_rejected([*before, *more]))
