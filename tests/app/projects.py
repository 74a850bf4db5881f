"""Small projects for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.project.document import Document
from app.project.records import Edit, JointSource, Layer, Person, PersonChange, Track, TrackChange
from app.project.video_facts import VideoFacts
from dcpose_core.types import Visibility


def video_facts(folder: Path, n_frames: int = 30) -> VideoFacts:
    return VideoFacts(
        path=folder / "clip.mp4",
        fingerprint="f00d",
        width_px=640,
        height_px=480,
        frame_rate=25.0,
        times_s=np.arange(n_frames) / 25.0,
    )


def person(seed: int = 0, source: JointSource = JointSource.MODEL, **changes: object) -> Person:
    """A person of random numbers, another one for every seed; all joints visible but the two ears."""
    random = np.random.default_rng(seed)
    visibility = np.full(17, Visibility.VISIBLE, np.uint8)
    visibility[3:5] = Visibility.ABSENT
    values: dict[str, object] = {
        "keypoints": random.uniform(10, 400, (17, 2)),
        "scores": random.uniform(0.2, 0.9, 17) * (visibility > 0),
        "visibility": visibility,
        "sources": np.full(17, source, np.uint8),
        "box_xyxy": np.array([5.0, 5.0, 410.0, 410.0]),
        "score": float(random.uniform(0.5, 1)),
    }
    return Person(**{**values, **changes})  # type: ignore[arg-type]  # fields by name, as a test needs them


def new_document(folder: Path, n_frames: int = 30, n_tracks: int = 0) -> Document:
    """An open project with tracks 0, 1, ... and nobody in them."""
    document = Document.create(folder / "clip.dcpose", video_facts(folder, n_frames))
    if n_tracks:
        document.apply(Edit("Tracks", tuple(TrackChange(None, track(i)) for i in range(n_tracks))))
    return document


def track(track_id: int) -> Track:
    return Track(track_id, f"Person {track_id}", "#336699")


def predict(document: Document, track_id: int, frames: range | list[int], label: str = "Predict") -> None:
    """Person `1000 * track_id + frame` as prediction of the track on each frame."""
    changes = [PersonChange(Layer.PREDICTION, f, track_id, None, person(1000 * track_id + f)) for f in frames]
    document.apply(Edit(label, tuple(changes)))


def annotate(document: Document, track_id: int, frames: range | list[int], label: str = "Annotate") -> None:
    """Person `500000 + 1000 * track_id + frame` as annotation of the track on each frame."""
    changes = [
        PersonChange(
            Layer.ANNOTATION, f, track_id, None, person(500_000 + 1000 * track_id + f, source=JointSource.HUMAN)
        )
        for f in frames
    ]
    document.apply(Edit(label, tuple(changes)))


def content(document: Document) -> dict[str, object]:
    """All that a project says, as plain data to compare."""
    frames = range(document.n_frames)
    return {
        "persons": {
            (layer, frame, track_id): one
            for frame in frames
            for layer in Layer
            for track_id, one in document.layer_persons(frame, layer).items()
        },
        "tracks": dict(document.tracks()),
        "notes": {
            frame: (document.rejected(frame), [region.tolist() for region in document.ignore_regions(frame)])
            for frame in frames
        },
        "marks": [(document.is_verified(frame), document.is_analysed(frame)) for frame in frames],
    }


def summary(document: Document) -> dict[str, object]:
    """What the document keeps up to date beside the persons; has to be the same after reopening."""
    return {
        "states": document.frame_states().tolist(),
        "confidence": np.nan_to_num(document.confidence(), nan=-1.0).tolist(),
        "spans": {track_id: document.spans(track_id) for track_id in document.tracks()},
        "annotated": {track_id: document.annotated_spans(track_id) for track_id in document.tracks()},
        "n_persons": {track_id: document.n_persons(track_id) for track_id in document.tracks()},
        "history": document.history(),
    }
