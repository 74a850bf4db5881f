"""Draw poses on frames, and overlay videos made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from dcpose_core.skeletons import POSETRACK_17, Skeleton
from dcpose_core.types import FramePoses, ImageArray, PersonPose, Visibility
from dcpose_core.video import FrameSource, VideoWriter

#: Below this confidence a joint is not drawn: of the embedded backbone's joints below 0.1 fewer than half are right.
MIN_JOINT_SCORE = 0.1

_LEFT, _RIGHT, _CENTRE = (60, 200, 90), (245, 150, 40), (70, 140, 250)
_LABEL_COLOURS = (
    (230, 80, 80), (80, 170, 240), (240, 190, 50), (150, 110, 230), (80, 200, 170), (235, 120, 190), (150, 150, 60),
)  # fmt: skip
# cv2 draws on an integer grid; 4 fractional bits keep sub-pixel joints where they are.
_FRACTION_BITS = 4


def side_colour(joint: str) -> tuple[int, int, int]:
    """RGB of a joint by the person's side: left green, right orange, centre blue."""
    return _LEFT if joint.startswith("left_") else _RIGHT if joint.startswith("right_") else _CENTRE


def draw_poses(
    image: ImageArray,
    persons: Iterable[PersonPose],
    *,
    skeleton: Skeleton = POSETRACK_17,
    min_joint_score: float = MIN_JOINT_SCORE,
) -> ImageArray:
    """A copy of `image` (uint8 `[H, W, 3]` RGB) with limbs, joints, box and track id of every person drawn on it.

    A limb is drawn when both its joints are located and at least `min_joint_score` confident; occluded joints are
    rings, visible ones discs.
    """
    canvas = np.ascontiguousarray(image).copy()
    for person in persons:
        _draw_person(canvas, person, skeleton, min_joint_score)
    return canvas


def _draw_person(canvas: ImageArray, person: PersonPose, skeleton: Skeleton, min_joint_score: float) -> None:
    # Joints without a limb, PoseTrack's ears, would be loose dots.
    connected = np.isin(np.arange(len(skeleton)), np.array(skeleton.limbs))
    shown = connected & person.located & (np.abs(person.keypoints) < 2**15).all(axis=1)
    if person.scores is not None:
        shown &= person.scores >= min_joint_score
    if not shown.any():
        return
    extent_px = float(np.ptp(person.keypoints[shown], axis=0).max())
    thickness = int(np.clip(round(extent_px / 90), 1, 6))
    scale = 1 << _FRACTION_BITS
    points = np.round(person.keypoints * scale).astype(int)
    for first, second in skeleton.limbs:
        if shown[first] and shown[second]:
            # The limb takes the colour of its sided end, so that both halves of the body stay apart.
            sided = second if skeleton.joints[second].startswith(("left_", "right_")) else first
            colour = side_colour(skeleton.joints[sided])
            cv2.line(
                canvas,
                tuple(points[first].tolist()),
                tuple(points[second].tolist()),
                colour,
                thickness,
                cv2.LINE_AA,
                _FRACTION_BITS,
            )
    radius = round((thickness + 1) * scale)
    for joint in np.flatnonzero(shown):
        centre = tuple(points[joint].tolist())
        filled = person.visibility[joint] == Visibility.VISIBLE
        colour = side_colour(skeleton.joints[joint])
        cv2.circle(canvas, centre, radius, colour, cv2.FILLED if filled else 1, cv2.LINE_AA, _FRACTION_BITS)
        if filled:
            cv2.circle(canvas, centre, radius, (255, 255, 255), 1, cv2.LINE_AA, _FRACTION_BITS)
    if person.track_id is not None:
        _draw_label(canvas, person, shown, thickness)


def _draw_label(canvas: ImageArray, person: PersonPose, shown: np.ndarray, thickness: int) -> None:
    track_id = person.track_id or 0
    colour = _LABEL_COLOURS[track_id % len(_LABEL_COLOURS)]
    font, font_scale = cv2.FONT_HERSHEY_SIMPLEX, 0.4 + 0.08 * thickness
    (width, height), _ = cv2.getTextSize(str(track_id), font, font_scale, 1)
    points = person.keypoints[shown]
    x = int(points[:, 0].mean() - width / 2)
    y = int(points[:, 1].min() - 6 - 2 * thickness)
    cv2.rectangle(canvas, (x - 3, y - height - 3), (x + width + 3, y + 3), colour, cv2.FILLED)
    cv2.putText(canvas, str(track_id), (x, y), font, font_scale, (255, 255, 255), 1, cv2.LINE_AA)


def render_overlay(source: FrameSource, poses: Iterable[FramePoses], path: Path) -> Iterator[int]:
    """Write an H.264 overlay video of the frames that `poses` names, in their order; yields each frame index written.

    Nothing appears at `path` until the video is complete. Damaged frames are left out.
    """
    by_index = {frame_poses.index: frame_poses for frame_poses in poses}
    if not by_index:
        return
    start, stop = min(by_index), max(by_index) + 1
    first_time_s = float(source.times_s[start])
    with VideoWriter(path, source.width_px, source.height_px, source.frame_rate) as writer:
        for frame in source.frames(start, stop):
            found = by_index.get(frame.index)
            persons = found.persons if found is not None else ()
            writer.write(draw_poses(frame.image, persons), frame.time_s - first_time_s)
            yield frame.index
