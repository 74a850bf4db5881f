"""Small data sets in the layouts of PoseTrack17 and 18: a person of 17 coloured dots who walks to the right."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import cv2
import numpy as np

from dcpose_core.formats import write_poses
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, FramePoses, ImageArray, PersonPose, PoseSequence, Visibility

HEIGHT_PX, WIDTH_PX = 240, 320
FRAMES = 5
#: One colour a joint; the ears are never annotated and not drawn.
COLOURS = list(product((60, 155, 250), repeat=3))[:17]
_SHARP = [
    cv2.IMWRITE_JPEG_QUALITY, 100, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
]  # fmt: skip
LAYOUTS = {"posetrack17": "images/bonn_5sec/{}/{:08d}.jpg", "posetrack18": "images/train/{}/{:06d}.jpg"}


def joints_of(frame: int, *, x: float = 80.0) -> FloatArray:
    """Where the 17 joints are in a frame, image pixels."""
    at = np.array([(16.0 * (joint % 3), 30.0 * (joint // 3)) for joint in range(17)])
    moved: FloatArray = at + np.array([x + 10.0 * frame, 40.0])
    return moved


def picture(frame: int) -> ImageArray:
    image = np.zeros((HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)
    for joint, (x, y) in enumerate(joints_of(frame)):
        if joint not in (3, 4):
            cv2.circle(image, (round(x), round(y)), 5, COLOURS[joint], thickness=-1)
    return image


def person(frame: int, *, box: bool = True) -> PersonPose:
    visibility = np.full(17, Visibility.VISIBLE, dtype=np.uint8)
    visibility[3:5] = Visibility.ABSENT
    points = joints_of(frame)
    extent = np.concatenate([points.min(axis=0) - 15, points.max(axis=0) + 15])
    return PersonPose(points, visibility, track_id=0, box_xyxy=extent if box else None)


def write_folder(root: Path, layout: str, *, sequences: int = 2, split: str = "train") -> Path:
    """A data set with `sequences` clips of 5 frames; nobody is labelled in frame 4."""
    numbers = [
        f"{number + 1:06d}_mpii" + ("" if layout == "posetrack17" else f"_{split}") for number in range(sequences)
    ]
    (root / "annotations" / split).mkdir(parents=True)
    for name in numbers:
        frames = []
        for frame in range(FRAMES):
            file_name = LAYOUTS[layout].format(name, frame + (layout == "posetrack17"))
            path = root / file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), cv2.cvtColor(picture(frame), cv2.COLOR_RGB2BGR), _SHARP)
            persons = () if frame == FRAMES - 1 else (person(frame),)
            frames.append(FramePoses(frame, persons, is_labeled=bool(persons), file_name=file_name))
        sequence = PoseSequence(name, tuple(frames), WIDTH_PX, HEIGHT_PX, POSETRACK_17)
        write_poses([sequence], root / "annotations" / split / f"{name}.json", format=layout)
    return root
