"""Small motion capture files for tests: a person of the CMU rig's shape, and motions made with it."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np

from dcpose_core.synthesis.bvh import parse_bvh
from dcpose_core.synthesis.motion import Motion
from dcpose_core.types import FloatArray

#: (joint, parent, offset in the file's units), parents first; left is +x, the person looks along +z.
_RIG: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("hip", "", (0, 0, 0)),
    ("chest", "hip", (0, 30, 0)),
    ("head", "chest", (0, 30, 0)),
    ("lShldr", "chest", (17, 17, 0)),
    ("lForeArm", "lShldr", (28, 0, 0)),
    ("lHand", "lForeArm", (24, 0, 0)),
    ("rShldr", "chest", (-17, 17, 0)),
    ("rForeArm", "rShldr", (-28, 0, 0)),
    ("rHand", "rForeArm", (-24, 0, 0)),
    ("lThigh", "hip", (9, 0, 0)),
    ("lShin", "lThigh", (0, -42, 0)),
    ("lFoot", "lShin", (0, -41, 0)),
    ("rThigh", "hip", (-9, 0, 0)),
    ("rShin", "rThigh", (0, -42, 0)),
    ("rFoot", "rShin", (0, -41, 0)),
)
BVH_JOINTS = tuple(name for name, _, _ in _RIG)


def bvh_values(n_frames: int, turns: Mapping[str, FloatArray] | None = None) -> FloatArray:
    """Numbers `[n_frames, C]` of someone who stands, 90 units high at the hip, with `turns`: joint -> `[n_frames, 3]`,
    degrees about z, x and y."""
    values = np.zeros((n_frames, 3 + 3 * len(_RIG)))
    values[:, 1] = 90.0
    for joint, angles in (turns or {}).items():
        at = 3 + 3 * BVH_JOINTS.index(joint)
        values[:, at : at + 3] = angles
    return values


def bvh_text(values: FloatArray, *, frame_time_s: float = 1 / 60, rename: Mapping[str, str] | None = None) -> str:
    """The text of a BVH file with the T-pose first, as CMU's have it, and `values` `[T, C]` after it."""
    children: dict[str, list[int]] = {}
    for index, (_, parent, _) in enumerate(_RIG):
        children.setdefault(parent, []).append(index)

    def joint(index: int) -> str:
        name, parent, offset = _RIG[index]
        word = "JOINT" if parent else "ROOT"
        position = "6 Xposition Yposition Zposition" if not parent else "3"
        below = "".join(joint(child) for child in children.get(name, [])) or "End Site\n{\nOFFSET 0 1 0\n}\n"
        shown = (rename or {}).get(name, name)
        numbers = " ".join(str(value) for value in offset)
        channels = f"CHANNELS {position} Zrotation Xrotation Yrotation"
        return f"{word} {shown}\n{{\nOFFSET {numbers}\n{channels}\n{below}}}\n"

    rows = np.concatenate([np.zeros((1, values.shape[1])), values])
    lines = "\n".join(" ".join(f"{value:.6f}" for value in row) for row in rows)
    return f"HIERARCHY\n{joint(0)}MOTION\nFrames:\t{len(rows)}\nFrame Time:\t{frame_time_s:.7f}\n{lines}\n"


def walking(duration_s: float = 4.0) -> Motion:
    """Someone who swings arms and legs and walks ahead, arms down; 60 frames per second."""
    time_s = np.arange(int(duration_s * 60)) / 60
    swing = 35 * np.sin(2 * np.pi * time_s)
    still = np.zeros_like(swing)
    down = np.full_like(swing, 75.0)
    values = bvh_values(
        len(time_s),
        {
            "lShldr": np.stack([-down, still, swing], axis=1),
            "rShldr": np.stack([down, still, swing], axis=1),
            "lThigh": np.stack([still, swing, still], axis=1),
            "rThigh": np.stack([still, -swing, still], axis=1),
            "lShin": np.stack([still, 20 + swing / 2, still], axis=1),
            "rShin": np.stack([still, 20 - swing / 2, still], axis=1),
        },
    )
    values[:, 2] = 120 * time_s
    rig, rate_hz = parse_bvh(bvh_text(values).encode(), name="walking.bvh")
    return Motion(rig.posetrack_joints(), rate_hz, "walking")


def humanoid_json(n_frames: int = 30, *, knee_rad: float = 0.0) -> bytes:
    """A file of Bullet's humanoid who stands with both knees bent."""
    frame = [1 / 30, 0.0, 0.85, 0.0]
    free = [1.0, 0.0, 0.0, 0.0]
    frame += free * 3
    frame += [*free, knee_rad, *free, *free, 0.0] * 2  # hip, knee, ankle, shoulder, elbow; right, then left
    return json.dumps({"Loop": "wrap", "Frames": [frame] * n_frames}).encode()
