"""Reading an annotation file, and working out what it brings into a project, off the UI thread; jobs, see
`app.jobs.worker`."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from app.jobs.worker import Step
from app.project.convert import ImportPlan, plan_import
from app.project.document import Document
from app.project.records import Layer
from dcpose_core.formats import read_poses
from dcpose_core.types import PoseSequence


def import_job(path: Path) -> Generator[Step, None, list[PoseSequence]]:
    """The sequences of a file, or of all files of a folder. Raises `FormatError`."""
    yield Step(0, 0, "Reading")
    return read_poses(path)


def plan_job(
    project: Path, sequence: PoseSequence, *, layer: Layer, keep_track_ids: bool
) -> Generator[Step, None, ImportPlan]:
    """What a sequence brings into the project as it is on disk now; see `plan_import`."""
    yield Step(0, 0, "Comparing with the project")
    with Document.open(project, read_only=True) as document:
        return plan_import(document, sequence, layer=layer, keep_track_ids=keep_track_ids)
