"""Content fingerprints: which video this is, whatever it is called and wherever it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

_WHOLE_BYTES = 8 << 20  # files up to this size are hashed completely
_CHUNK_BYTES = 64 << 10
_CHUNKS = 64


def file_fingerprint(path: Path) -> str:
    """Hex fingerprint of a file's content: its size and all of it, or 64 chunks of 64 KiB spread over a large file.

    Stable under renaming and copying. Raises `OSError` if the file cannot be read.
    """
    size = path.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=20)
    with path.open("rb") as file:
        if size <= _WHOLE_BYTES:
            digest.update(file.read())
        else:
            for i in range(_CHUNKS):
                file.seek((size - _CHUNK_BYTES) * i // (_CHUNKS - 1))
                digest.update(file.read(_CHUNK_BYTES))
    return digest.hexdigest()


def files_fingerprint(paths: Iterable[Path]) -> str:
    """Hex fingerprint of an ordered list of files: their names, sizes and first and last 4 KiB."""
    digest = hashlib.blake2b(digest_size=20)
    for path in paths:
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode(errors="surrogateescape"))
        with path.open("rb") as file:
            digest.update(file.read(4096))
            file.seek(max(0, size - 4096))
            digest.update(file.read(4096))
    return digest.hexdigest()
