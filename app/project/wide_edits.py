"""Edits of many frames, whose changes are worked out while they are written (`Document.applying`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.project.records import Change, Edit


@dataclass(frozen=True, slots=True, eq=False)
class WideEdit:
    """An edit like every other once it is applied, which can be done once.

    changes: worked out when they are asked for, from what the document holds then. n_changes: about how many.
    """

    label: str
    changes: Iterable[Change]
    n_changes: int

    def at_once(self) -> Edit:
        """The same with all changes worked out."""
        return Edit(self.label, tuple(self.changes))
