"""Human motion in three dimensions, read from motion capture: what synthetic persons do.

Frame of reference: metres, y is up; the lowest joint of a motion is at y = 0.
"""

from __future__ import annotations

import fnmatch
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Protocol

import numpy as np
from scipy.interpolate import CubicSpline

from dcpose_core.errors import FormatError
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.synthesis.body import Rig
from dcpose_core.synthesis.bullet import parse_bullet
from dcpose_core.synthesis.bvh import parse_bvh
from dcpose_core.types import FloatArray, read_only

#: Enough for straight lines between frames: an arm that turns with 100 m/s^2 is off by 3 mm halfway.
_RATE_HZ = 60.0
#: Shorter motions have no room for three frames at a usual frame rate.
_MIN_DURATION_S = 0.4
#: No joint is faster; the feet of a sprinter reach about this.
_FASTEST_M_S = 16.0
_MAX_FILE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """One person over time.

    joints: float64 `[T, 17, 3]`, metres, PoseTrack-17 order, read-only. rate_hz: frames per second. name: of its file.
    """

    joints: FloatArray
    rate_hz: float
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "joints", read_only(self.joints, np.float64, (None, len(POSETRACK_17), 3), "joints"))

    @property
    def duration_s(self) -> float:
        return (len(self.joints) - 1) / self.rate_hz

    def at(self, times_s: FloatArray) -> FloatArray:
        """Joints `[N, 17, 3]` at `times_s` `[N]`, on straight lines between frames; its ends before and after."""
        frame = np.clip(np.asarray(times_s, dtype=np.float64) * self.rate_hz, 0, len(self.joints) - 1)
        before = np.minimum(frame.astype(np.int64), max(len(self.joints) - 2, 0))
        after = np.minimum(before + 1, len(self.joints) - 1)
        share = (frame - before)[:, None, None]
        return np.asarray((1 - share) * self.joints[before] + share * self.joints[after])


class _Parser(Protocol):
    def __call__(self, data: bytes, *, name: str) -> tuple[Rig, float]: ...


#: Which files of a folder or archive are motions, and what reads them: CMU's BVH files, and PyBullet's humanoid.
READERS: dict[str, _Parser] = {
    "*.bvh": parse_bvh,
    "*humanoid3d_*.txt": parse_bullet,
    "*/motions/walker/*.txt": parse_bullet,
}


def read_motions(path: Path) -> list[Motion]:
    """The motions of a BVH or humanoid file, or of all such files in a folder or tar archive, in the order of names.

    They come at 60 frames per second, on cubic splines through the frames of the file. Where a joint jumps, as from the
    T-pose that begins CMU's files and where markers were mixed up, a motion ends and another one begins; those shorter
    than 0.4 s are left out. Archives are read where they are, nothing is unpacked.
    Raises `FormatError` that names the file if one is damaged, or if there is no motion.
    """
    motions = [motion for parser, data, name in _files(path) for motion in _pieces(*parser(data, name=name), name)]
    if not motions:
        raise FormatError(f"{path}: no motion in it; motions are files called {', '.join(READERS)}")
    return sorted(motions, key=lambda motion: motion.name)


def _files(path: Path) -> Iterator[tuple[_Parser, bytes, str]]:
    """The motion files at `path`: what reads them, their content, their name in messages."""
    try:
        parser = _parser(path.absolute())
        if path.is_dir():
            for file in path.rglob("*"):
                parser = _parser(file.absolute())
                if parser is not None and file.is_file():
                    yield parser, file.read_bytes(), str(file)
        elif parser is not None:
            yield parser, path.read_bytes(), str(path)
        elif tarfile.is_tarfile(path):
            yield from _archived(path)
        else:
            raise FormatError(f"{path}: neither a motion nor a folder or tar archive of them ({', '.join(READERS)})")
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from error


def _archived(path: Path) -> Iterator[tuple[_Parser, bytes, str]]:
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                parser = _parser(PurePosixPath("/", member.name))
                if parser is None or not member.isfile():
                    continue
                if member.size > _MAX_FILE_BYTES:
                    raise FormatError(f"{path}: {member.name} has {member.size} bytes; too many for a motion")
                content = archive.extractfile(member)
                if content is not None:
                    yield parser, content.read(), f"{path}: {member.name}"
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise FormatError(f"{path}: the archive is damaged: {error}") from error


def _parser(path: PurePath) -> _Parser | None:
    return next((parser for pattern, parser in READERS.items() if fnmatch.fnmatchcase(path.as_posix(), pattern)), None)


def _pieces(rig: Rig, rate_hz: float, name: str) -> Iterator[Motion]:
    """What is between jumps, where it is long enough."""
    joints = rig.posetrack_joints()
    speeds = np.linalg.norm(np.diff(joints, axis=0), axis=-1).max(axis=1) * rate_hz
    for piece in np.split(joints, np.flatnonzero(speeds > _FASTEST_M_S) + 1):
        duration_s = (len(piece) - 1) / rate_hz
        if duration_s >= _MIN_DURATION_S:
            times_s = np.arange(int(duration_s * _RATE_HZ + 1e-6) + 1) / _RATE_HZ
            # Some files have their ground far from 0.
            grounded = piece - [0.0, piece[..., 1].min(), 0.0]
            yield Motion(CubicSpline(np.arange(len(piece)) / rate_hz, grounded)(times_s), _RATE_HZ, name)
