"""What makes a project file of one format version one of the next. Runs on a copy; see `sqlite_file`.

What is damaged raises `sqlite3.DatabaseError`, which `sqlite_file` tells as any other damage of the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

#: Of format 2.1.
NOTES_TABLE = (
    "CREATE TABLE notes (kind INTEGER NOT NULL, frame INTEGER NOT NULL, data BLOB NOT NULL, "
    "PRIMARY KEY (kind, frame)) STRICT"
)
#: A person's record in format 1.0, and in 2.0, which has the refinement at its end. Older programs cannot read the
#: longer ones, so it is a new major version.
_RECORD_1_0 = np.dtype([("kept", "V523"), ("padding", "V5")])
_RECORD_2_0 = np.dtype([("kept", "V523"), ("padding", "V1"), ("refinement", "V68")])


def add_refinement(connection: sqlite3.Connection) -> None:
    """1.0 -> 2.0: persons, those of the history too, say how far each joint was refined: so far, nobody knows."""
    _convert(connection, "predictions", "persons", _widened)
    _convert(connection, "annotations", "persons", _widened)
    _convert(connection, "history_parts", "data", _widened_part)


def add_notes(connection: sqlite3.Connection) -> None:
    """2.0 -> 2.1: frames have notes (regions to ignore, rejected persons), tracks an identity beyond the video."""
    connection.execute(NOTES_TABLE)
    connection.execute("ALTER TABLE tracks ADD COLUMN person_id INTEGER")


def _convert(connection: sqlite3.Connection, table: str, column: str, convert: Callable[[bytes], bytes]) -> None:
    for (row,) in connection.execute(f"SELECT rowid FROM {table}").fetchall():
        (data,) = connection.execute(f"SELECT {column} FROM {table} WHERE rowid = ?", (row,)).fetchone()
        connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (convert(data), row))


def _widened(records: bytes) -> bytes:
    if len(records) % _RECORD_1_0.itemsize:
        raise sqlite3.DatabaseError("malformed: persons are cut off")
    old = np.frombuffer(records, _RECORD_1_0)
    new = np.zeros(len(old), _RECORD_2_0)
    new["kept"] = old["kept"]
    return new.tobytes()


def _widened_part(data: bytes) -> bytes:
    """A part of a step: an array whose second element is the records; see `history`."""
    try:
        part: list[Any] = msgspec.msgpack.decode(data, type=list[Any])
    except msgspec.MsgspecError as error:
        raise sqlite3.DatabaseError(f"malformed history: {error}") from error
    part[1] = _widened(part[1])
    return msgspec.msgpack.encode(part)
