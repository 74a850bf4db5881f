"""Motions of Bullet's humanoid (the `humanoid3d` files of PyBullet): file -> where joints are.

A frame has 44 numbers: its duration in seconds, the root's position, and rotations: quaternions (w, x, y, z) of joints
that turn freely and angles about z of knees and elbows. The humanoid looks along x, y is up, its right side is +z.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from scipy.spatial.transform import Rotation

from dcpose_core.errors import FormatError
from dcpose_core.synthesis.body import Rig
from dcpose_core.types import FloatArray

_COLUMNS = 44
#: (joint, parent, offset from the parent in metres, how many numbers turn it), in the order of the numbers.
_TREE: tuple[tuple[str, str, tuple[float, float, float], int], ...] = (
    ("root", "", (0.0, 0.0, 0.0), 4),
    ("chest", "root", (0.0, 0.236, 0.0), 4),
    ("neck", "chest", (0.0, 0.224, 0.0), 4),
    ("right_hip", "root", (0.0, 0.0, 0.085), 4),
    ("right_knee", "right_hip", (0.0, -0.422, 0.0), 1),
    ("right_ankle", "right_knee", (0.0, -0.410, 0.0), 4),
    ("right_shoulder", "chest", (-0.024, 0.244, 0.183), 4),
    ("right_elbow", "right_shoulder", (0.0, -0.275, 0.0), 1),
    ("left_hip", "root", (0.0, 0.0, -0.085), 4),
    ("left_knee", "left_hip", (0.0, -0.422, 0.0), 1),
    ("left_ankle", "left_knee", (0.0, -0.410, 0.0), 4),
    ("left_shoulder", "chest", (-0.024, 0.244, -0.183), 4),
    ("left_elbow", "left_shoulder", (0.0, -0.275, 0.0), 1),
)
#: Joints that nothing turns.
_ENDS: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("right_wrist", "right_elbow", (0.0, -0.259, 0.0)),
    ("left_wrist", "left_elbow", (0.0, -0.259, 0.0)),
    ("skull", "neck", (0.0, 0.115, 0.0)),
)
#: Columns left, up, forward in the humanoid's own axes.
_HEAD_AXES = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]])


def parse_bullet(data: bytes, *, name: str) -> tuple[Rig, float]:
    """Joints and head over time of a file's content, and its frames per second; y is up. name: for messages.

    Raises `FormatError` if it is no such file.
    """
    try:
        document = msgspec.json.decode(data, type=dict[str, Any])
        frames = np.array(document["Frames"], dtype=np.float64)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise FormatError(f"{name}: not a motion of Bullet's humanoid: {error}") from error
    if frames.ndim != 2 or frames.shape[1] != _COLUMNS or len(frames) < 2:
        raise FormatError(f"{name}: not a motion of Bullet's humanoid: {frames.shape}, expected frames of {_COLUMNS}")
    duration_s = float(frames[0, 0])  # of the last frame it may be 0
    quaternion_columns = np.square(frames[:, 4:8]).sum(axis=1)
    if not (np.isfinite(frames).all() and duration_s > 0 and (quaternion_columns > 0.5).all()):
        raise FormatError(f"{name}: frame times or rotations make no sense")
    positions, rotations = _forward_kinematics(frames)
    joints = {joint: positions[joint] for joint in positions if joint.partition("_")[0] in ("left", "right")}
    return Rig(joints, positions["skull"], rotations["neck"] @ _HEAD_AXES), 1.0 / duration_s


def _forward_kinematics(frames: FloatArray) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Positions `[T, 3]` and rotations to the world `[T, 3, 3]` by joint."""
    positions, rotations = {"": frames[:, 1:4]}, {"": np.broadcast_to(np.eye(3), (len(frames), 3, 3))}
    column = 4
    for joint, parent, offset, numbers in _TREE:
        positions[joint] = positions[parent] + rotations[parent] @ np.array(offset)
        turn = frames[:, column : column + numbers]
        column += numbers
        own = (
            Rotation.from_quat(np.roll(turn, -1, axis=1)) if numbers == 4 else Rotation.from_euler("z", turn)
        ).as_matrix()
        rotations[joint] = rotations[parent] @ own
    for joint, parent, offset in _ENDS:
        positions[joint] = positions[parent] + rotations[parent] @ np.array(offset)
    return positions, rotations
