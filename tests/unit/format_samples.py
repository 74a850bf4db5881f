"""Small annotation files and poses for the tests of `dcpose_core.formats`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from dcpose_core.skeletons import COCO_17, POSETRACK_17
from dcpose_core.types import FramePoses, PersonPose, PoseSequence, Visibility


def joint_numbers(x: float = 100.0, flag: float = 1) -> list[float]:
    """17 located joints as x, y, flag."""
    return [number for joint in range(17) for number in (x + joint, x + 2 * joint, flag)]


def posetrack18(frames: int = 3, **annotation: Any) -> dict[str, Any]:
    """A PoseTrack18 file with one person a frame."""
    return {
        "images": [
            {
                "id": 10000010000 + i,
                "file_name": f"images/val/000001_mpii_test/{i:06d}.jpg",
                "frame_id": 10000010000 + i,
            }
            for i in range(frames)
        ],
        "annotations": [
            {
                "id": 100 + i,
                "image_id": 10000010000 + i,
                "track_id": 0,
                "category_id": 1,
                "keypoints": joint_numbers(),
                "bbox": [90.0, 80.0, 40.0, 60.0],
                "bbox_head": [95.0, 85.0, 10.0, 12.0],
                "scores": [],
                **annotation,
            }
            for i in range(frames)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(POSETRACK_17.joints)}],
    }


def coco(file_names: list[str], **annotation: Any) -> dict[str, Any]:
    """A COCO keypoint file with one person an image."""
    return {
        "images": [{"id": 7 + i, "file_name": name} for i, name in enumerate(file_names)],
        "annotations": [
            {
                "id": 1 + i,
                "image_id": 7 + i,
                "category_id": 1,
                "keypoints": joint_numbers(flag=2),
                "bbox": [100.0, 100.0, 20.0, 40.0],
                "iscrowd": 0,
                **annotation,
            }
            for i in range(len(file_names))
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO_17.joints)}],
    }


def posetrack17(frames: int = 3, first: int = 1, **person: Any) -> dict[str, Any]:
    """A PoseTrack17 file with one person a frame."""

    def points() -> list[dict[str, Any]]:
        return [{"id": [i], "x": [100.0 + i], "y": [200.0 + i], "is_visible": [1]} for i in range(15)]

    return {
        "annolist": [
            {
                "image": [{"name": f"images/bonn_5sec/000342_mpii/{first + i:08d}.jpg"}],
                "imgnum": [first + i],
                "annorect": [
                    {
                        "x1": [10], "y1": [20], "x2": [30], "y2": [45], "track_id": [4],
                        "annopoints": [{"point": points()}], **person,
                    }
                ],
            }
            for i in range(frames)
        ]
    }  # fmt: skip


def save(content: object, path: Path) -> Path:
    """`content` as a JSON file; NaN and Infinity go through."""
    path.write_text(json.dumps(content))
    return path


def person(track_id: int | None = 0, *, x: float = 100.0, **fields: Any) -> PersonPose:
    """A person with all joints visible except the ears."""
    keypoints = np.array([[x + 3 * joint, x + 5 * joint] for joint in range(17)])
    visibility = np.full(17, Visibility.VISIBLE, dtype=np.uint8)
    visibility[3:5] = Visibility.ABSENT
    return PersonPose(**{"keypoints": keypoints, "visibility": visibility, "track_id": track_id, **fields})


def sequence(frames: int = 3, *, name: str = "demo", first: int = 0) -> PoseSequence:
    """A sequence with one tracked person."""
    return PoseSequence(
        name,
        tuple(FramePoses(first + i, (person(),), time_s=(first + i) / 25) for i in range(frames)),
        width_px=640,
        height_px=480,
    )
