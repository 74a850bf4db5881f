"""Words that messages of the engine, the command line and the window share."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """`1 joint`, `5 joints`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
