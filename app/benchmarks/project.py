"""How fast projects are, without a window."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from app.project import edits
from app.project.document import Document
from app.project.packing import heads_of, pack
from app.project.records import Edit, Layer, Person, Track, TrackChange
from app.project.store import Store
from app.project.video_facts import VideoFacts
from dcpose_core.types import FloatArray, Visibility

_T = TypeVar("_T")
_WIDE_FRAMES = 10_000


def project_benchmark(
    folder: Path, *, n_frames: int = 200_000, n_persons: int = 5, n_edits: int = 200
) -> dict[str, float]:
    """Open, read, edit and undo in a project that is full of predictions.

    open_s: until everything can be shown. edit_ms_*: one joint moved, on disk, all listeners told. trajectory_s: one
    joint over the whole video. peak_mb: of the process. *_wide_s: two tracks exchanged over up to 10,000 frames.
    """
    path = folder / "benchmark.dcpose"
    fill_project(path, n_frames, n_persons)
    figures: dict[str, float] = {"frames": n_frames, "persons": n_persons}
    figures["file_mb"] = path.stat().st_size / 1e6
    before_mb = _resident_mb()
    document, figures["open_s"] = _timed(lambda: Document.open(path))
    with document:
        figures["opened_mb"] = _resident_mb() - before_mb
        random = np.random.default_rng(0)
        frames = random.integers(0, n_frames, n_edits).tolist()
        reads = [_timed(partial(document.persons, frame))[1] for frame in frames]
        figures["read_frame_ms_p95"] = 1e3 * float(np.percentile(reads, 95))
        times = []
        for frame in frames:
            edit = edits.move_joint(document, frame, int(random.integers(n_persons)), 5, random.uniform(0, 900, 2))
            times.append(_timed(partial(document.apply, edit))[1])
        figures["edit_ms_median"] = 1e3 * float(np.median(times))
        figures["edit_ms_p95"] = 1e3 * float(np.percentile(times, 95))
        figures["edit_ms_max"] = 1e3 * max(times)
        figures["undo_ms_p95"] = 1e3 * float(np.percentile([_timed(document.undo)[1] for _ in frames], 95))
        _, figures["trajectory_s"] = _timed(lambda: document.trajectory(0, 5, 0, n_frames - 1))
        _, figures["trajectory_2000_s"] = _timed(lambda: document.trajectory(0, 5, 0, 1999))
        figures["peak_mb"] = _resident_mb()
        last = min(n_frames, _WIDE_FRAMES) - 1
        wide, figures["build_wide_s"] = _timed(lambda: edits.swap_tracks(document, 0, 1, 0, last))
        _, figures["apply_wide_s"] = _timed(partial(document.apply, wide))
        _, figures["undo_wide_s"] = _timed(document.undo)
    return figures


def video_facts(folder: Path, n_frames: int) -> VideoFacts:
    """Of a 1080p video that need not exist."""
    return VideoFacts(
        path=folder / "benchmark.mp4",
        fingerprint="benchmark",
        width_px=1920,
        height_px=1080,
        frame_rate=25.0,
        times_s=np.arange(n_frames) / 25,
    )


#: Joints of somebody upright in units of their height, in PoseTrack-17 order, about the hips.
_UPRIGHT = np.array(
    [
        [0.03, -0.40], [0.00, -0.32], [0.00, -0.48], [0.04, -0.41], [-0.04, -0.41],
        [0.10, -0.28], [-0.10, -0.28], [0.14, -0.14], [-0.14, -0.14], [0.15, 0.00], [-0.15, 0.00],
        [0.06, 0.00], [-0.06, 0.00], [0.07, 0.22], [-0.07, 0.22], [0.08, 0.45], [-0.08, 0.45],
    ]
)  # fmt: skip


def person_at(centre_xy: FloatArray, height_px: float, random: np.random.Generator) -> Person:
    """Somebody predicted upright at `centre_xy`."""
    keypoints = centre_xy + (_UPRIGHT + random.normal(0, 0.02, _UPRIGHT.shape)) * height_px
    return Person(
        keypoints=keypoints,
        scores=random.uniform(0.3, 1, 17),
        visibility=np.full(17, Visibility.VISIBLE, np.uint8),
        sources=np.zeros(17, np.uint8),
        box_xyxy=np.concatenate([keypoints.min(axis=0), keypoints.max(axis=0)]),
        score=0.9,
    )


def fill_project(path: Path, n_frames: int, n_persons: int) -> None:
    """Make a project with so many predicted persons on every frame."""
    with Document.create(path, video_facts(path.parent, n_frames)) as document:
        tracks = [TrackChange(None, Track(i, f"Person {i}", "#ffffff")) for i in range(n_persons)]
        document.apply(Edit("Tracks", tuple(tracks)))
    random = np.random.default_rng(0)
    store = Store.open(path, read_only=False)
    persons = [person_at(random.uniform((400, 400), (1500, 700)), 600.0, random) for _ in range(50)]
    records = [[pack(track_id, person) for person in persons] for track_id in range(n_persons)]
    with store.transaction():
        for frame in range(n_frames):
            data = b"".join([of_track[(frame + i) % len(persons)] for i, of_track in enumerate(records)])
            store.put_persons(Layer.PREDICTION, frame, heads_of(data), data)
    store.close()


def _timed(action: Callable[[], _T]) -> tuple[_T, float]:
    start = time.perf_counter()
    result = action()
    return result, time.perf_counter() - start


def _resident_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)
