"""The exception tree. Every error says what happened, to which file, and what to do, in one line.

The command line prints `DCPoseError` as one line (exit status `exit_status`); anything else is a bug.
"""

from __future__ import annotations


class DCPoseError(Exception):
    """A known failure that a user can act on."""

    #: Exit status of the command line: 2 for bad input, 1 for other known failures.
    exit_status = 1


class UsageError(DCPoseError):
    """The request itself cannot be carried out: options that contradict each other, a name that does not exist."""

    exit_status = 2


class VideoError(DCPoseError):
    """A video or image sequence cannot be opened or decoded."""

    exit_status = 2


class WeightsError(DCPoseError):
    """A checkpoint or an embedded model cannot be used."""

    exit_status = 2


class FormatError(DCPoseError):
    """An annotation file does not hold what its format demands; names file, field and index."""

    exit_status = 2


class DeviceError(DCPoseError):
    """A device was asked for that cannot be used here."""


class TrainingError(DCPoseError):
    """A training run cannot start or go on: its configuration, its data, or its checkpoint."""

    exit_status = 2


class ProjectError(DCPoseError):
    """A project file cannot be opened, locked or written."""

    exit_status = 2
