"""Persons as bytes: one record of fixed size a person, the records of a frame one after the other.

A record starts with its head (track id, lowest score), which is all that timelines and track lists need; the heads
alone are read when a project is opened. Coordinates are float64, so that an imported file comes out as it went in.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from itertools import product

import numpy as np
from numpy.typing import NDArray

from app.project.records import JOINTS, Person
from dcpose_core.types import FloatArray

RECORD = np.dtype(
    [
        ("track_id", "<i4"),
        ("lowest", "<f4"),
        ("score", "<f8"),
        ("box", "<f8", (4,)),
        ("head_box", "<f8", (4,)),
        ("keypoints", "<f8", (JOINTS, 2)),
        ("scores", "<f8", (JOINTS,)),
        ("visibility", "u1", (JOINTS,)),
        ("sources", "u1", (JOINTS,)),
        ("present", "u1"),
        ("padding", "u1"),
        ("refinement", "<f4", (JOINTS,)),
    ]
)
HEAD = np.dtype([("track_id", "<i4"), ("lowest", "<f4")])
MAX_TRACK_ID = 2**31 - 1
#: What `present` says is there.
_SCORE, _BOX, _HEAD_BOX, _REFINEMENT = 1, 2, 4, 8
_PRESENT = {
    there: bytes((sum(flag * bit for flag, bit in zip(there, (_SCORE, _BOX, _HEAD_BOX, _REFINEMENT), strict=True)), 0))
    for there in product((False, True), repeat=4)
}
_TRACK_ID = struct.Struct("<i")
_FRONT = struct.Struct("<ifd")  # track id, lowest, score
_NO_BOX = bytes(32)
_NO_REFINEMENT = bytes(4 * JOINTS)
_N_FLOATS = 1 + 4 + 4 + 3 * JOINTS

#: The records of one frame and layer, by track id.
Packed = dict[int, bytes]


def pack(track_id: int, person: Person) -> bytes:
    """The record of a person. Raises `ValueError` for a number that is not finite."""
    located, box, head_box, refinement = person.located, person.box_xyxy, person.head_box_xyxy, person.refinement_px
    # Adding 0 turns -0 into 0: records are compared byte by byte.
    keypoints, scores = person.keypoints + 0.0, person.scores + 0.0
    score = 0.0 if person.score is None else person.score + 0.0
    record = b"".join(
        (
            _FRONT.pack(track_id, scores[located].min() if located.any() else np.nan, score),
            _NO_BOX if box is None else (box + 0.0).tobytes(),
            _NO_BOX if head_box is None else (head_box + 0.0).tobytes(),
            keypoints.tobytes(),
            scores.tobytes(),
            person.visibility.tobytes(),
            person.sources.tobytes(),
            _PRESENT[person.score is not None, box is not None, head_box is not None, refinement is not None],
            _NO_REFINEMENT if refinement is None else (refinement + np.float32(0)).tobytes(),
        )
    )
    finite = np.isfinite(np.frombuffer(record, np.float64, _N_FLOATS, _FRONT.size - 8)).all()
    if not finite or (refinement is not None and not np.isfinite(refinement).all()):
        raise ValueError(f"a number of person {track_id} is not finite")
    return record


def unpack(data: bytes) -> dict[int, Person]:
    """The persons of a frame, by track id; their arrays are read-only views of `data`."""
    if not data:
        return {}
    records = np.frombuffer(data, RECORD)
    keypoints, scores = records["keypoints"], records["scores"]
    visibility, sources = records["visibility"], records["sources"]
    boxes, head_boxes, refinement = records["box"], records["head_box"], records["refinement"]
    person_scores, present = records["score"].tolist(), records["present"].tolist()
    return {
        track_id: _person(
            keypoints[i],
            scores[i],
            visibility[i],
            sources[i],
            boxes[i] if present[i] & _BOX else None,
            head_boxes[i] if present[i] & _HEAD_BOX else None,
            person_scores[i] if present[i] & _SCORE else None,
            refinement[i] if present[i] & _REFINEMENT else None,
        )
        for i, track_id in enumerate(records["track_id"].tolist())
    }


def _person(
    keypoints: FloatArray,
    scores: FloatArray,
    visibility: NDArray[np.uint8],
    sources: NDArray[np.uint8],
    box_xyxy: FloatArray | None,
    head_box_xyxy: FloatArray | None,
    score: float | None,
    refinement_px: NDArray[np.float32] | None,
) -> Person:
    """A person around arrays that are known to be right, without the copies and checks of its constructor."""
    person = object.__new__(Person)
    set_ = object.__setattr__
    set_(person, "keypoints", keypoints)
    set_(person, "scores", scores)
    set_(person, "visibility", visibility)
    set_(person, "sources", sources)
    set_(person, "box_xyxy", box_xyxy)
    set_(person, "head_box_xyxy", head_box_xyxy)
    set_(person, "score", score)
    set_(person, "refinement_px", refinement_px)
    return person


def split(data: bytes) -> Packed:
    """The records of a frame, by track id."""
    size = RECORD.itemsize
    records = [data[start : start + size] for start in range(0, len(data), size)]
    return {_TRACK_ID.unpack_from(record)[0]: record for record in records}


def join(packed: Mapping[int, bytes]) -> bytes:
    """The records of a frame in the order of track ids."""
    return b"".join(packed[track_id] for track_id in sorted(packed))


def heads_of(data: bytes) -> bytes:
    """The heads of the records of a frame, 8 bytes each, see `HEAD`."""
    size = RECORD.itemsize
    return b"".join([data[start : start + HEAD.itemsize] for start in range(0, len(data), size)])


def records_of(rows: Iterable[tuple[int, bytes]]) -> tuple[NDArray[np.int64], NDArray[np.void]]:
    """The records of several frames as one structured array, with the frame index of each."""
    rows = list(rows)
    counts = [len(data) // RECORD.itemsize for _, data in rows]
    frames = np.repeat(np.array([frame for frame, _ in rows], np.int64), counts)
    return frames, np.frombuffer(b"".join(data for _, data in rows), RECORD)


def boxes_of(records: NDArray[np.void]) -> FloatArray:
    """The persons' boxes, float64 `[R, 4]`, nan where there is none."""
    return np.where((records["present"] & _BOX > 0)[:, None], records["box"], np.nan)


def refinement_of(records: NDArray[np.void]) -> NDArray[np.float32]:
    """How far each joint was refined, float32 `[R, 17]` in pixels, nan where nobody knows."""
    known = (records["present"] & _REFINEMENT > 0)[:, None]
    return np.where(known, records["refinement"], np.float32(np.nan))
