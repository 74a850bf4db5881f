"""JSON files in and out: every fault of a file becomes one `FormatError`, and no write leaves half a file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec

from dcpose_core.errors import FormatError
from dcpose_core.files import write_files

T = TypeVar("T")

#: Largest coordinate, in pixels, that a file may hold; beyond it distances between joints lose their meaning.
MAX_COORDINATE_PX = 1e7
Coordinate = Annotated[float, msgspec.Meta(ge=-MAX_COORDINATE_PX, le=MAX_COORDINATE_PX)]
Identity = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
TrackIdentity = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
SizePx = Annotated[int, msgspec.Meta(ge=1, le=int(MAX_COORDINATE_PX))]


def reject(file: str, field: str, what: str) -> NoReturn:
    """Raise the `FormatError` that names file, field (`annotations[12].keypoints`) and what is wrong there."""
    raise FormatError(f"{file}: {field}: {what}" if field else f"{file}: {what}")


def read_bytes(path: Path) -> bytes:
    """The whole file. Raises `FormatError` if there is none, it cannot be read, or it is empty."""
    if not path.is_file():
        raise FormatError(f"{path}: no such file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
    if not data.strip():
        raise FormatError(f"{path}: the file is empty")
    return data


def decode(data: bytes | msgspec.Raw, *, type: type[T], file: str, field: str = "") -> T:
    """`data` as `type`; whatever is wrong with it becomes a `FormatError` that names the field.

    `field` is where `data` lies in the file, if it is a part of it.
    """
    try:
        return msgspec.json.decode(data, type=type)
    except msgspec.ValidationError as error:
        place, what = _field_and_fault(str(error))
        reject(file, f"{field}.{place}".strip("."), what)
    except msgspec.DecodeError as error:
        reject(file, *_syntax_fault(bytes(data), str(error)))
    except UnicodeDecodeError as error:
        reject(file, field, f"not valid JSON: a text in it is not UTF-8 ({error.reason})")
    except RecursionError:
        reject(file, "", "the JSON is nested too deeply for an annotation file")


def _field_and_fault(message: str) -> tuple[str, str]:
    fault, _, place = message.partition(" - at `$")
    fault = fault.replace("`", "").replace("Object missing required field", "missing the required field")
    return place.rstrip("`").lstrip("."), fault[0].lower() + fault[1:]


def _syntax_fault(data: bytes, message: str) -> tuple[str, str]:
    if "truncated" in message:
        return "", "not valid JSON: the file ends in the middle of the text"
    # NaN and Infinity are what tools write by mistake most often, so these are worth the search for the field.
    if re.search(rb"\bNaN\b|\bInfinity\b", data):
        try:
            field = _first_non_finite(json.loads(data))
        except (ValueError, RecursionError):
            field = None
        if field is not None:
            return field, "NaN or Infinity is not a number that JSON can hold"
    return "", f"not valid JSON: {message.removeprefix('JSON is malformed: ')}"


def _first_non_finite(root: Any) -> str | None:
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        field, value = stack.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return field.lstrip(".")
        if isinstance(value, dict):
            stack.extend((f"{field}.{key}", item) for key, item in reversed(value.items()))
        elif isinstance(value, list):
            stack.extend((f"{field}[{i}]", value[i]) for i in reversed(range(len(value))))
    return None


def encode_each(records: Iterable[Any]) -> list[msgspec.Raw]:
    """Records as JSON, one at a time: millions of small objects held at once cost more time than their encoding."""
    return [msgspec.Raw(msgspec.json.encode(record)) for record in records]


def write_documents(contents: Mapping[Path, bytes]) -> None:
    """`write_files` for annotation files. Raises `FormatError` when a folder is missing or not writable."""
    try:
        write_files(contents)
    except OSError as error:
        raise FormatError(f"{error.filename2 or error.filename}: cannot be written: {error.strerror}") from error
