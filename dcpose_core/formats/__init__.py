"""Annotation files: PoseTrack 2017, 2018, 2021 and COCO keypoints, in and out.

Reading finds the flavour from the content and takes what the known tools write; everything else is one `FormatError`
with file, field and index. Writing follows what the consumers of such files were measured to need. Names and paths
inside files are never used to open anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from dcpose_core.errors import UsageError
from dcpose_core.formats import coco, posetrack17, posetrack18, posetrack21
from dcpose_core.formats._boxes_from_file import boxes_from_file
from dcpose_core.formats._export import ExportPart, Format, export_parts
from dcpose_core.formats._flavour import format_of
from dcpose_core.formats._json import write_documents
from dcpose_core.formats._manifest import manifest
from dcpose_core.formats._reading import read_poses
from dcpose_core.formats._skeleton_conversion import to_skeleton
from dcpose_core.types import PoseSequence

__all__ = [
    "FORMATS",
    "Format",
    "boxes_from_file",
    "format_of",
    "manifest_path",
    "read_poses",
    "to_skeleton",
    "write_poses",
]

FORMATS: dict[str, Format] = {
    "posetrack18": posetrack18.FORMAT,
    "posetrack17": posetrack17.FORMAT,
    "posetrack21": posetrack21.FORMAT,
    "coco": coco.FORMAT,
}


def write_poses(
    sequences: Sequence[PoseSequence], path: str | Path, *, format: str, source: str | Path | None = None
) -> list[Path]:
    """Write sequences of any skeleton and return the annotation files.

    One sequence, and COCO always, goes to `path` itself. Several PoseTrack sequences, and the parts of one with more
    than 10,000 frames, go to files beside it, `<stem of path>_<sequence>.json`; if `path` is a folder, each is
    `<sequence>.json` in it. PoseTrack files get one manifest (`manifest_path`) that maps their frames to those of
    `source`, the video, and says which head boxes were derived.

    What each format holds of a pose, so that it reads back equal:
    * all: located joints, their coordinates exactly, scores of located joints, the person's score, the body box
      (not posetrack17) up to rounding of its width, frame indices below 10,000, empty frames;
    * PoseTrack: track ids, renumbered 0, 1, ... in their order; head boxes; ignore regions; `is_labeled`; no ears;
    * posetrack17 and 21 and COCO: which joints are occluded (posetrack18 calls them visible);
    * posetrack21: person_id; posetrack18: only of persons that have one, or of a split video; COCO: as 18;
    * COCO: COCO's joints only, track ids as they are, scores of absent joints; no ignore regions;
    * sequence names as far as the format allows them (posetrack18: `000001_mpii_test`; others: safe as a folder);
    * presentation times: only the manifest.

    Nothing is written unless everything can be. Raises `FormatError` naming sequence, frame and person for what a
    file cannot hold, `UsageError` for an unknown `format`.
    """
    path = Path(path)
    if format not in FORMATS:
        raise UsageError(f"unknown format {format!r}; choose one of {', '.join(FORMATS)}")
    parts = export_parts(sequences, FORMATS[format], file=str(path))
    if FORMATS[format].is_posetrack:
        files = dict(zip(_part_paths(path, parts), ([part] for part in parts), strict=True))
    else:
        files = {_single_path(path, parts[0].name): parts}
    contents = {file: msgspec.json.encode(FORMATS[format].encode(held)) for file, held in files.items()}
    written = list(contents)
    if FORMATS[format].is_posetrack:
        notes = manifest(
            dict(zip(files, parts, strict=True)), format=format, source=Path(source).name if source else None
        )
        contents[manifest_path(path)] = msgspec.json.encode(notes)
    write_documents(contents)
    return written


def manifest_path(path: str | Path) -> Path:
    """Where `write_poses` puts the manifest: not in a `.json` file, as evaluators take every such file for poses."""
    path = Path(path)
    return path / "sequences.manifest" if path.is_dir() else path.with_name(f"{path.name}.manifest")


def _part_paths(path: Path, parts: Sequence[ExportPart]) -> list[Path]:
    if len(parts) == 1 or path.is_dir():
        return [_single_path(path, part.name) for part in parts]
    return [path.with_name(f"{path.stem}_{part.name}.json") for part in parts]


def _single_path(path: Path, name: str) -> Path:
    return path / f"{name}.json" if path.is_dir() else path
