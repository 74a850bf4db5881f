"""Motion capture in the BVH format, as the Carnegie Mellon database is published in it: file -> where joints are.

A BVH file has a tree of joints with their offsets in a rest pose, and per frame the rotations of all joints and the
position of the root. Rotations are applied in the order in which the file names them; angles are degrees.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from dcpose_core.errors import FormatError
from dcpose_core.synthesis.body import Rig
from dcpose_core.types import FloatArray

#: Our name -> names in the releases of the CMU database for Daz and for MotionBuilder.
_NAMES = {
    "head": ("head", "Head"),
    **{
        f"{side}_{ours}": tuple(f"{prefix}{name}" for prefix, name in zip((side[0], side.title()), names, strict=True))
        for side in ("left", "right")
        for ours, names in {
            "shoulder": ("Shldr", "Arm"),
            "elbow": ("ForeArm", "ForeArm"),
            "wrist": ("Hand", "Hand"),
            "hip": ("Thigh", "UpLeg"),
            "knee": ("Shin", "Leg"),
            "ankle": ("Foot", "Foot"),
        }.items()
    },
}
_POSITIONS = ("Xposition", "Yposition", "Zposition")
_ROTATIONS = ("Xrotation", "Yrotation", "Zrotation")
#: Hip to ankle along the bones; BVH files do not say their unit of length.
_LEG_M = 0.83


@dataclass(slots=True)
class _Joint:
    name: str
    parent: int
    offset: FloatArray = field(default_factory=lambda: np.zeros(3))
    channels: tuple[str, ...] = ()
    first_channel: int = 0


def parse_bvh(data: bytes, *, name: str) -> tuple[Rig, float]:
    """Joints and head over time of a BVH file's content, and its frames per second; y is up.

    The first frame, which is a T-pose in the CMU files, is left out. Lengths are scaled so that the leg has that of an
    adult. name: of the file, for messages.
    Raises `FormatError` if it is no BVH, has too few or too many numbers or lacks joints of a person.
    """
    try:
        skeleton, values, frame_time_s = _parse(data.decode("ascii", errors="replace"))
    except (ValueError, IndexError) as error:
        raise FormatError(f"{name}: not a BVH file that can be read: {error}") from error
    if len(values) < 3:
        raise FormatError(f"{name}: {len(values)} frames; a motion needs two beside the T-pose that comes first")
    index = {joint.name: i for i, joint in enumerate(skeleton)}
    found = {ours: next((index[n] for n in names if n in index), None) for ours, names in _NAMES.items()}
    missing = [f"{ours} ({' or '.join(_NAMES[ours])})" for ours, at in found.items() if at is None]
    if missing:
        raise FormatError(f"{name}: joints are missing: {', '.join(missing)}; use files of the CMU releases")
    joints = {ours: at for ours, at in found.items() if at is not None}
    leg = np.linalg.norm(skeleton[joints["left_knee"]].offset) + np.linalg.norm(skeleton[joints["left_ankle"]].offset)
    if not leg > 0:
        raise FormatError(f"{name}: the left leg has no length")
    positions, rotations = _forward_kinematics(skeleton, values[1:], joints.values())
    metres = _LEG_M / leg
    return Rig(
        joints={ours: positions[at] * metres for ours, at in joints.items() if ours != "head"},
        skull=positions[joints["head"]] * metres,
        # The rest pose of these files looks along z, left is x.
        skull_axes=rotations[joints["head"]],
    ), 1.0 / frame_time_s


def _parse(text: str) -> tuple[list[_Joint], FloatArray, float]:
    """Joints, parents first; the numbers of all frames `[T, C]`; seconds between frames."""
    hierarchy, separator, motion = text.partition("MOTION")
    if not separator or "HIERARCHY" not in hierarchy:
        raise ValueError("HIERARCHY or MOTION is missing")
    skeleton = _parse_hierarchy(hierarchy.split())
    words = motion.split(maxsplit=5)
    if words[0] != "Frames:" or words[2:4] != ["Frame", "Time:"]:
        raise ValueError("after MOTION come 'Frames:' and 'Frame Time:'")
    n_frames, frame_time_s = int(words[1]), float(words[4])
    if not (math.isfinite(frame_time_s) and frame_time_s > 0):
        raise ValueError(f"the frame time is {words[4]}")
    values = np.array(words[5].split() if len(words) > 5 else [], dtype=np.float64)
    n_channels = sum(len(joint.channels) for joint in skeleton)
    if values.size != n_frames * n_channels or n_channels == 0:
        raise ValueError(f"{values.size} numbers for {n_frames} frames of {n_channels} channels")
    if not np.isfinite(values).all():
        raise ValueError("a number is not finite")
    return skeleton, values.reshape(n_frames, n_channels), frame_time_s


def _parse_hierarchy(words: Sequence[str]) -> list[_Joint]:
    """End sites are joints called "End Site" here, without channels."""
    skeleton: list[_Joint] = []
    open_joints: list[int] = []  # braces that are open
    n_channels = 0
    i = words.index("HIERARCHY") + 1
    while i < len(words):
        match words[i]:
            case "ROOT" | "JOINT" | "End":
                name = "End Site" if words[i] == "End" else words[i + 1]
                skeleton.append(_Joint(name, parent=open_joints[-1] if open_joints else -1))
                i += 2
            case "{":
                open_joints.append(len(skeleton) - 1)
                i += 1
            case "}" if not open_joints:
                raise ValueError("'}' without '{'")
            case "}":
                open_joints.pop()
                i += 1
            case "OFFSET" | "CHANNELS" if not skeleton:
                raise ValueError(f"{words[i]} before the first joint")
            case "OFFSET":
                x, y, z = (float(word) for word in words[i + 1 : i + 4])
                skeleton[-1].offset = np.array([x, y, z])
                i += 4
            case "CHANNELS":
                count = int(words[i + 1])
                channels = tuple(words[i + 2 : i + 2 + count])
                if set(channels) - {*_POSITIONS, *_ROTATIONS}:
                    raise ValueError(f"unknown channels {' '.join(channels)}")
                skeleton[-1].channels, skeleton[-1].first_channel = channels, n_channels
                n_channels += count
                i += 2 + count
            case word:
                raise ValueError(f"unexpected {word!r} in the hierarchy")
    if open_joints or not skeleton:
        raise ValueError("the hierarchy is not closed" if open_joints else "the hierarchy is empty")
    return skeleton


def _forward_kinematics(
    skeleton: Sequence[_Joint], values: FloatArray, wanted: Iterable[int]
) -> tuple[dict[int, FloatArray], dict[int, FloatArray]]:
    """Positions `[T, 3]` and rotations to the world `[T, 3, 3]` of the wanted joints and all between them and the root.

    position = parent's position + parent's rotation (offset + own position channels), rotation = parent's x own.
    """
    needed: set[int] = set()
    for end in wanted:
        i = end
        while i >= 0:
            needed.add(i)
            i = skeleton[i].parent
    positions: dict[int, FloatArray] = {-1: np.zeros((len(values), 3))}
    rotations: dict[int, FloatArray] = {-1: np.broadcast_to(np.eye(3), (len(values), 3, 3))}
    for i in sorted(needed):
        joint = skeleton[i]
        columns = {channel: joint.first_channel + at for at, channel in enumerate(joint.channels)}
        offset = np.tile(joint.offset, (len(values), 1))
        for axis, channel in enumerate(_POSITIONS):
            if channel in columns:
                offset[:, axis] += values[:, columns[channel]]
        turns = [channel for channel in joint.channels if channel in _ROTATIONS]
        rotation = rotations[joint.parent]
        positions[i] = positions[joint.parent] + (rotation @ offset[..., None])[..., 0]
        if turns:
            angles = values[:, [columns[channel] for channel in turns]]
            order = "".join(channel[0] for channel in turns)  # capital letters: about the axes as they are turned
            rotation = rotation @ Rotation.from_euler(order, angles, degrees=True).as_matrix()
        rotations[i] = rotation
    return positions, rotations
