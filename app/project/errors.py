"""What can go wrong with a project, beyond the plain `ProjectError`."""

from __future__ import annotations

from dcpose_core.errors import ProjectError


class EditConflictError(ProjectError):
    """An edit was built on a state that the document is no longer in; nothing was changed."""


class ProjectLockedError(ProjectError):
    """Another window has the project open for writing; it can be opened read-only."""


class UnwritableProjectError(ProjectError):
    """The project's folder, or its file, cannot be written; it can be opened read-only."""


class DamagedProjectError(ProjectError):
    """What stands in the project cannot be read any more; a backup may have it."""


class NewerProjectError(ProjectError):
    """The project was written by a newer version that this one does not understand."""
