"""Files that are whole or not there at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path


@contextmanager
def asked_for(path: Path, *, instead_of: Path) -> Iterator[None]:
    """Errors of the system that name a temporary file name the file that was asked for."""
    try:
        yield
    except OSError as error:
        if error.filename == str(instead_of):
            error.filename, error.filename2 = str(path), None
        raise


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to: put in place on success, removed on any failure.

    So nobody ever sees a half-written file, and an existing one stays as it was until the new one is complete.
    """
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{path.suffix}")
    try:
        with asked_for(path, instead_of=temporary):
            yield temporary
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Replace every file by its content; each appears whole, none before all are written, the first one last.

    Raises `OSError` that names the file (no such folder, no space, not permitted).
    """
    with ExitStack() as replaced_at_the_end:
        for path, content in contents.items():
            temporary = replaced_at_the_end.enter_context(replacing(path))
            try:
                with temporary.open("xb") as stream:
                    stream.write(content)
                    stream.flush()
                    os.fsync(stream.fileno())
            except OSError as error:
                error.filename = str(path)
                raise
