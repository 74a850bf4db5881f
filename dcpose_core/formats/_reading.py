"""Which reader a file needs shows in its content, never in its name."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dcpose_core.errors import FormatError
from dcpose_core.formats import _coco_layout, _dcpose_demo, _result_lists, posetrack17
from dcpose_core.formats._json import decode, read_bytes
from dcpose_core.types import PoseSequence

#: The field at the top of a file that gives its layout away.
_READERS = {
    "annolist": posetrack17.read,
    "Info": _dcpose_demo.read,
    "images": _coco_layout.read,
    "annotations": _coco_layout.read,
}


def read_poses(path: str | Path) -> list[PoseSequence]:
    """Read an annotation or prediction file, or all `*.json` files of a folder in order of their names.

    The flavour is found from the content: PoseTrack 2017, 2018, 2021, COCO keypoints, the DCPose demo's output, or a
    bare list of COCO results or person detections. PoseTrack and demo files give `POSETRACK_17` sequences, COCO files
    and lists `COCO_17` (`to_skeleton` converts). A file that holds several videos gives one sequence for each folder
    in its frames' names. Frames come by ascending index; every frame that the file lists is there, empty ones and
    ignore regions included. Coordinates and scores are exactly those of the file; `scores` is None where it has none.
    Body boxes are in the convention of the sequence's skeleton: COCO's own, else that of `dcpose_core.boxes`.

    Raises `FormatError` with file, field and index for anything that the format does not allow.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(path.glob("*.json"))
        if not files:
            raise FormatError(f"{path}: no .json file in this folder")
        return [sequence for file in files for sequence in _read_file(file)]
    return _read_file(path)


def _read_file(path: Path) -> list[PoseSequence]:
    data, file = read_bytes(path), str(path)
    if data.lstrip().startswith(b"["):
        return _result_lists.read(data, file=file)
    fields = decode(data, type=dict[str, msgspec.Raw], file=file)
    for field, read in _READERS.items():
        if field in fields:
            return read(data, file=file)
    found = ", ".join(repr(field[:40]) for field in list(fields)[:5]) or "nothing"
    raise FormatError(f"{file}: no PoseTrack or COCO file: neither 'annolist' nor 'images' in it, but {found}")
