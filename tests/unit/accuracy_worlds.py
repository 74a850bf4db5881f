"""Labelled sets of the dot world, on disk: what each joint's place is follows from the drawing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from dcpose_core.accuracy import LabelledSet, load_labelled_set
from dcpose_core.formats import write_poses
from dcpose_core.types import FloatArray, FramePoses, PersonPose, PoseSequence, Visibility
from tests.scenes import DOT_OFFSETS, DotVideo, box, position

#: Head size in pixels (PCKh: 0.6 x diagonal of the head box); small enough for the persons to be fast.
HEAD_PX = 15.0
#: Head length in pixels.
HEAD_LENGTH_PX = HEAD_PX / 0.755
#: How far a person moves from frame to frame, pixels.
STEP_PX = float(np.hypot(4.0, 1.5))
NAME = "000001_mpii_test"


def dots(person: int, index: int) -> FloatArray:
    """`[17, 2]`: where `DotBackbone` sees the joints."""
    return np.asarray(position(person, index) + np.repeat(DOT_OFFSETS, [9, 4, 4], axis=0))


def labelled_person(person: int, index: int, *, track_id: int | None = None) -> PersonPose:
    """The truth about a person of the dot world, with a head box of `HEAD_PX`."""
    half = HEAD_PX / 0.6 / np.sqrt(8)
    x, y = position(person, index)
    return PersonPose(
        dots(person, index),
        np.full(17, Visibility.VISIBLE, dtype=np.uint8),
        track_id=person if track_id is None else track_id,
        box_xyxy=box(person, index),
        head_box_xyxy=np.array([x - half, y - half, x + half, y + half]),
    )


def write_world(folder: Path, *, n_frames: int = 12, n_persons: int = 1, format: str = "posetrack18") -> Path:
    """Labels of the dot world in `folder`, images in `folder / "images"`; returns the annotation file."""
    frames = tuple(
        FramePoses(index, tuple(labelled_person(person, index) for person in range(n_persons)))
        for index in range(n_frames)
    )
    (folder / "images").mkdir(parents=True)
    labels = folder / f"{NAME}.json"
    write_poses([PoseSequence(NAME, frames)], labels, format=format)
    video = DotVideo(n_frames, n_persons=n_persons)
    for index in range(n_frames):
        # PNG in spite of the name, which the formats give: JPEG would move the dots.
        _, png = cv2.imencode(".png", video.read(index).image[..., ::-1])
        (folder / "images" / f"{index:06d}.jpg").write_bytes(png.tobytes())
    return labels


def load_world(folder: Path, *, n_frames: int = 12, n_persons: int = 1, format: str = "posetrack18") -> LabelledSet:
    """The same, loaded."""
    labels = write_world(folder, n_frames=n_frames, n_persons=n_persons, format=format)
    return load_labelled_set(labels, folder / "images")
