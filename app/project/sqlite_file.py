"""Opening, making, copying and migrating SQLite files, with errors that people can act on."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from app.project.errors import DamagedProjectError, NewerProjectError, UnwritableProjectError
from app.project.network_drives import is_on_network
from dcpose_core.errors import ProjectError
from dcpose_core.files import replacing

#: Stands in the file's header: this is a project, not any SQLite file.
APPLICATION_ID = int.from_bytes(b"DCPA", "big")
Migrations = Mapping[int, Callable[[sqlite3.Connection], None]]


@contextmanager
def told_as_project_errors(path: Path) -> Iterator[None]:
    """Whatever SQLite or the system has against `path` becomes one `ProjectError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _project_error(path, error) from error
    except OSError as error:
        raise ProjectError(f"{path}: {error.strerror or error}") from error


def create(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """A new file with what `fill` writes into it, whole or not at all."""
    with told_as_project_errors(path), replacing(path) as temporary, closing(_connect(temporary, "rwc")) as connection:
        # 6 persons a page; with 4096 a third of every page stayed empty.
        connection.execute("PRAGMA page_size = 8192")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("BEGIN")
        fill(connection)
        connection.execute("COMMIT")


def open_for_writing(path: Path, *, version: int, migrations: Migrations) -> sqlite3.Connection:
    """A connection whose commits outlast the process; with a log (see `has_log`), the machine only after `sync_log`.

    An older file is migrated first, on a copy. May be used on any thread, on one at a time.
    """
    with told_as_project_errors(path), ExitStack() as on_failure:
        connection = _connect(path, "rw")
        on_failure.callback(connection.close)
        found = _checked_version(path, connection, version)
        if found < version:
            connection.close()
            _migrate(path, found, version, migrations)
            connection = _connect(path, "rw")
            on_failure.callback(connection.close)
        _set_journal(path, connection)
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if has_log(connection) else 'FULL'}")
        on_failure.pop_all()
    return connection


def has_log(connection: sqlite3.Connection) -> bool:
    """Whether commits go to a log (WAL) beside the file, so that others read while somebody writes."""
    return bool(connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal")


def open_beside(path: Path) -> sqlite3.Connection:
    """A connection to a file with a log that reads what is committed at the time, also while somebody writes."""
    with told_as_project_errors(path):
        return _connect(path, "ro")


def open_for_reading(path: Path, *, version: int) -> sqlite3.Connection:
    """A connection that sees the file as it is now, whatever a writer does meanwhile (with the classic journal: as it
    is at every moment, since a reader that stays would keep the writer out)."""
    with told_as_project_errors(path), ExitStack() as on_failure:
        connection = _connect(path, "ro")
        on_failure.callback(connection.close)
        try:
            found = _checked_version(path, connection, version)
        except sqlite3.OperationalError:
            # WAL wants to write beside the file, which a read-only folder forbids. Without a log nothing is missed.
            log = _log_of(path)
            if log.exists() and log.stat().st_size:
                raise
            connection = _connect(path, "ro&immutable=1")
            on_failure.callback(connection.close)
            found = _checked_version(path, connection, version)
        _refuse_older(path, found, version)
        if has_log(connection):
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        on_failure.pop_all()
    return connection


def copy(connection: sqlite3.Connection, target: Path) -> None:
    """What `connection` sees, as a file of its own, whole or not at all."""
    with (
        told_as_project_errors(target),
        replacing(target) as temporary,
        closing(_connect(temporary, "rwc")) as written,
    ):
        connection.backup(written, pages=4096)
        written.execute("PRAGMA journal_mode = DELETE")  # one file, wherever it is carried


def checkpoint(path: Path) -> None:
    """Move the log into the file as far as nobody reads it, beside a writer. What fails is done at closing."""
    with suppress(sqlite3.Error), closing(_connect(path, "rw")) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()


def sync_log(path: Path) -> None:
    """Have what is committed outlast the machine. SQLite locks no log, so that closing it here lets go of nothing."""
    with told_as_project_errors(path), _log_of(path).open("rb+") as log:
        os.fsync(log.fileno())


def check(path: Path) -> None:
    """Read the whole file. Raises `ProjectError` if any of it is damaged."""
    with told_as_project_errors(path), closing(_connect(path, "ro")) as connection:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise DamagedProjectError(f"{path}: damaged ({found})")


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _checked_version(path: Path, connection: sqlite3.Connection, version: int) -> int:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        if path.stat().st_size == 0:
            raise DamagedProjectError(f"{path}: damaged, or not a project (it is empty)")
        raise ProjectError(f"{path}: not a project; choose a .dcpose file")
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found // 1000 > version // 1000:
        raise NewerProjectError(
            f"{path}: written by a newer version (format {found // 1000}, this program knows up to {version // 1000}); "
            "update the program"
        )
    return found


def _refuse_older(path: Path, found: int, version: int) -> None:
    if found < version:
        raise ProjectError(f"{path}: written by an older version; open it for writing once, to convert it")


def _migrate(path: Path, found: int, version: int, migrations: Migrations) -> None:
    """Replace the file by a migrated copy; the old one stays beside it under its version."""
    kept = path.with_name(f"{path.stem}.v{found // 1000}.{found % 1000}{path.suffix}")
    with closing(_connect(path, "rw")) as connection:
        copy(connection, kept)
        with replacing(path) as temporary:
            copy(connection, temporary)
            with closing(_connect(temporary, "rw")) as migrated:
                migrated.execute("BEGIN")
                for step in sorted(step for step in migrations if found < step <= version):
                    migrations[step](migrated)
                migrated.execute(f"PRAGMA user_version = {version}")
                migrated.execute("COMMIT")
            connection.close()  # Windows replaces no file that is open


def _set_journal(path: Path, connection: sqlite3.Connection) -> None:
    """WAL where it is safe, else the classic journal: WAL needs memory that all processes on the file share."""
    if not is_on_network(path):
        with suppress(sqlite3.OperationalError):  # some folders do not say what they are, and refuse
            if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] == "wal":
                return
    connection.execute("PRAGMA journal_mode = DELETE")


def _project_error(path: Path, error: sqlite3.Error) -> ProjectError:
    text = str(error)
    if "not a database" in text or "malformed" in text:
        return DamagedProjectError(f"{path}: damaged, or not a project ({text})")
    if "readonly" in text or "unable to open" in text:
        return UnwritableProjectError(
            f"{path}: cannot be written: the file or its folder is read-only; "
            "open it read-only, or save a copy elsewhere"
        )
    return ProjectError(f"{path}: {_advice(text)}")


def _advice(text: str) -> str:
    if "full" in text:
        return "the disk is full; nothing was changed: make room and try again"
    if "locked" in text or "busy" in text:
        return "another program is using the file; close it there and try again"
    if "I/O" in text:
        return (
            f"its drive fails or is gone ({text}); what was done before is kept: see to it, then open the project again"
        )
    return f"cannot be read or written ({text})"
