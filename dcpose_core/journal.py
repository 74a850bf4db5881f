"""The journal of an analysis: every finished step on disk as it comes, so that an interrupted run can go on.

A text file of JSON lines beside the output. The first line tells what the run is (video, model, settings); the others
are, in the order in which they were made:

* `detections` of a frame, so that a resumed run replays the tracker on them and gives everyone the same identity,
* `poses` of a key frame, once finished.

A line that a crash cut short is the last one and is dropped.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec
import numpy as np

from dcpose_core.errors import DCPoseError, UsageError
from dcpose_core.types import Detection, FloatArray, FramePoses, PersonPose

_VERSION = 1


class RunDescription(msgspec.Struct, frozen=True):
    """What has to be the same for a run to be continued; `differences` names what is not."""

    fingerprint: str
    video: str
    model: str
    model_sha256: str
    settings: dict[str, str | int | float | bool | None]
    version: int = _VERSION

    def differences(self, other: RunDescription) -> list[str]:
        """Human names of the parts in which the two runs differ."""
        names = [name for name in ("version", "model", "model_sha256") if getattr(self, name) != getattr(other, name)]
        if self.fingerprint != other.fingerprint:
            names.append("the video's content")
        keys = self.settings.keys() | other.settings.keys()
        return names + sorted(key for key in keys if self.settings.get(key) != other.settings.get(key))


class _StoredDetection(msgspec.Struct, array_like=True):
    box: list[float]
    score: float
    keypoints: list[list[float]] | None
    keypoint_scores: list[float] | None
    track_id: int | None


class _StoredPerson(msgspec.Struct, array_like=True):
    track_id: int | None
    box: list[float] | None
    score: float | None
    keypoints: list[list[float]]
    visibility: list[int]
    scores: list[float] | None
    refinement_px: list[float] | None = None  # journals of older versions lack it


class _Detections(msgspec.Struct, tag="detections"):
    index: int
    persons: list[_StoredDetection]


class _Poses(msgspec.Struct, tag="poses"):
    index: int
    time_s: float | None
    persons: list[_StoredPerson]


_encoder = msgspec.json.Encoder()
_line_decoder = msgspec.json.Decoder(_Detections | _Poses)
_header_decoder = msgspec.json.Decoder(RunDescription)


def _listed(array: FloatArray | None) -> list[float] | None:
    return None if array is None else array.tolist()


def _stored_poses(poses: FramePoses) -> _Poses:
    persons = [
        _StoredPerson(
            track_id=person.track_id,
            box=_listed(person.box_xyxy),
            score=person.score,
            keypoints=person.keypoints.tolist(),
            visibility=person.visibility.tolist(),
            scores=_listed(person.scores),
            refinement_px=_listed(person.refinement_px),
        )
        for person in poses.persons
    ]
    return _Poses(poses.index, poses.time_s, persons)


def _loaded_poses(stored: _Poses) -> FramePoses:
    persons = tuple(
        PersonPose(
            keypoints=np.array(person.keypoints),
            visibility=np.array(person.visibility, np.uint8),
            scores=None if person.scores is None else np.array(person.scores),
            track_id=person.track_id,
            box_xyxy=None if person.box is None else np.array(person.box),
            score=person.score,
            refinement_px=None if person.refinement_px is None else np.array(person.refinement_px),
        )
        for person in stored.persons
    )
    return FramePoses(stored.index, persons, stored.time_s)


def _loaded_detection(stored: _StoredDetection) -> Detection:
    return Detection(
        box_xyxy=np.array(stored.box),
        score=stored.score,
        keypoints=None if stored.keypoints is None else np.array(stored.keypoints),
        keypoint_scores=None if stored.keypoint_scores is None else np.array(stored.keypoint_scores),
        track_id=stored.track_id,
    )


class Journal:
    """Append-only record of one run. Use as a context manager; `open` starts or continues one."""

    def __init__(self, path: Path, stream: BinaryIO, last_finished: int | None) -> None:
        self._path = path
        self._stream = stream
        #: Index of the last finished key frame, None if there is none.
        self.last_finished = last_finished

    @classmethod
    def open(cls, path: Path, run: RunDescription, *, resume: bool) -> Self:
        """Start a journal at `path`, or continue the one there.

        Raises `UsageError` when a journal exists and `resume` is off (finished work is never thrown away unasked),
        or when it belongs to another video, model or settings.
        """
        if not path.exists() or not path.stat().st_size:
            stream = path.open("wb")
            stream.write(_encoder.encode(run) + b"\n")
            stream.flush()
            return cls(path, stream, None)
        if not resume:
            raise UsageError(
                f"{path} holds the finished frames of an interrupted run: add --resume to go on, or delete it"
            )
        found = read_run(path)
        differences = found.differences(run)
        if differences:
            raise UsageError(
                f"{path} belongs to a run that differs in {', '.join(differences)}: repeat its options, or delete it"
            )
        last_finished, length = _survey(path)
        os.truncate(path, length)
        return cls(path, path.open("ab"), last_finished)

    def record_detections(self, index: int, detections: Sequence[Detection]) -> None:
        """Note what was found in frame `index`; part of a finished frame's past, so flushed with it."""
        persons = [
            _StoredDetection(
                box=d.box_xyxy.tolist(),
                score=d.score,
                keypoints=None if d.keypoints is None else d.keypoints.tolist(),
                keypoint_scores=_listed(d.keypoint_scores),
                track_id=d.track_id,
            )
            for d in detections
        ]
        self._stream.write(_encoder.encode(_Detections(index, persons)) + b"\n")

    def record_poses(self, poses: FramePoses) -> None:
        """Note a finished key frame; on disk when this returns."""
        self._stream.write(_encoder.encode(_stored_poses(poses)) + b"\n")
        self._stream.flush()
        self.last_finished = poses.index

    def detections(self) -> Iterator[tuple[int, list[Detection]]]:
        """The recorded (frame index, detections), in order, read lazily."""
        self._stream.flush()
        for line in _lines(self._path):
            if isinstance(line, _Detections):
                yield line.index, [_loaded_detection(person) for person in line.persons]

    def poses(self) -> Iterator[FramePoses]:
        """The finished key frames, in order, read lazily."""
        self._stream.flush()
        for line in _lines(self._path):
            if isinstance(line, _Poses):
                yield _loaded_poses(line)

    def close(self) -> None:
        """Close; a journal without a finished frame is of use to nobody and is deleted."""
        self._stream.close()
        if self.last_finished is None:
            self._path.unlink(missing_ok=True)

    def discard(self) -> None:
        """Close and delete: the output that it stood for is written."""
        self._stream.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def read_run(path: Path) -> RunDescription:
    """The header of the journal at `path`. Raises `UsageError` if the file is something else."""
    with path.open("rb") as stream:
        line = stream.readline()
    try:
        return _header_decoder.decode(line)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UsageError(f"{path} is not the journal of an interrupted run: move it away or delete it") from error


def _lines(path: Path) -> Iterator[_Detections | _Poses]:
    with path.open("rb") as stream:
        stream.readline()
        for number, line in enumerate(stream, start=2):
            try:
                yield _line_decoder.decode(line)
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                raise DCPoseError(
                    f"{path}: line {number} is damaged ({error}); delete the file to start anew"
                ) from error


def _survey(path: Path) -> tuple[int | None, int]:
    """Last finished key frame, and the length in bytes of the whole lines."""
    last_finished = None
    length = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream):
            if not line.endswith(b"\n"):
                break
            length += len(line)
            if number and line.startswith(b'{"type":"poses"'):
                last_finished = _line_decoder.decode(line).index
    return last_finished, length
