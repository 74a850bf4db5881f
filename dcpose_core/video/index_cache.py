"""Frame indices kept in the user's cache folder, by the content fingerprint of the video."""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np

from dcpose_core import paths
from dcpose_core.files import write_files
from dcpose_core.video.frame_index import FrameIndex

_FORMAT = 1  # raise it when the meaning of an index changes
_DIGEST_BYTES = 16


def load_index(fingerprint: str) -> FrameIndex | None:
    """The kept index, or None where there is none that this version can use: it can always be built again."""
    try:
        content = _cache_file(fingerprint).read_bytes()
        digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if digest != _digest(body):
            return None
        stored: dict[str, Any] = msgspec.msgpack.decode(body, type=dict[str, Any])
    except (OSError, msgspec.MsgspecError):
        return None
    if stored.pop("made_by", None) != _made_by() or stored.keys() != {field.name for field in fields(FrameIndex)}:
        return None
    return FrameIndex(**{name: _unpack(value) for name, value in stored.items()})


def save_index(fingerprint: str, index: FrameIndex) -> None:
    """Keep an index for the next time. A cache folder that cannot be written only costs that time again."""
    stored = {field.name: _pack(getattr(index, field.name)) for field in fields(FrameIndex)}
    body = msgspec.msgpack.encode({"made_by": _made_by(), **stored})
    target = _cache_file(fingerprint)
    with contextlib.suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_files({target: _digest(body) + body})


def drop_index(fingerprint: str) -> None:
    """Forget the kept index of a file that turned out to differ from it."""
    with contextlib.suppress(OSError):
        _cache_file(fingerprint).unlink()


def _cache_file(fingerprint: str) -> Path:
    return paths.cache_dir() / "video-index" / f"{fingerprint}.index"


def _made_by() -> list[Any]:
    """What an index depends on besides the file: our format, and the libraries that read containers and decode."""
    versions = av.library_versions
    return [_FORMAT, *versions["libavformat"], *versions["libavcodec"]]


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()


def _pack(value: Any) -> Any:
    return [value.dtype.str, value.tobytes()] if isinstance(value, np.ndarray) else value


def _unpack(value: Any) -> Any:
    match value:
        case [str(dtype), bytes(data)]:
            return np.frombuffer(data, dtype=dtype)
        case [bool(transpose), bool(flip_x), bool(flip_y)]:
            return (transpose, flip_x, flip_y)
    return value
