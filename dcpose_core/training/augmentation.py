"""The reference's augmentations of one training person: half body, scale, rotation, mirror image."""

from __future__ import annotations

import numpy as np

from dcpose_core.geometry import crop_affine, grow_to_aspect, transform_points
from dcpose_core.models.description import CropSpec
from dcpose_core.skeletons import POSETRACK_17, Skeleton
from dcpose_core.training.settings import Augmentation
from dcpose_core.types import FloatArray

#: Joints of `POSETRACK_17` above and below the hips' line, hips below.
UPPER_BODY = tuple(range(11))
LOWER_BODY = tuple(range(11, 17))
_HALF_BODY_ENLARGEMENT = 1.5
_HALF_BODY_MIN_JOINTS = 3


def half_body_box(
    keypoints: FloatArray, visibility: FloatArray, *, aspect: float, normal_draw: float
) -> FloatArray | None:
    """The box `xyxy` `[4]` around the upper or lower half of a person, or None where neither has enough joints.

    It replaces the person's box and its enlargement: centre = mean of the visible joints of the half, size = their
    extent grown to the crop's aspect ratio, times 1.5.

    keypoints: `[17, 2]`, image pixels. visibility: `[17]`, 0 = does not count. aspect: width / height of the crop.
    normal_draw: a draw from N(0, 1); below 0.5 prefers the upper half. A half needs 3 joints to be preferred.
    """
    visible = np.asarray(visibility) > 0
    upper = [joint for joint in UPPER_BODY if visible[joint]]
    lower = [joint for joint in LOWER_BODY if visible[joint]]
    if len(upper) >= _HALF_BODY_MIN_JOINTS and (normal_draw < 0.5 or len(lower) < _HALF_BODY_MIN_JOINTS):
        chosen = upper
    else:
        chosen = lower if len(lower) >= _HALF_BODY_MIN_JOINTS else upper
    if len(chosen) < 2:
        return None
    points = np.asarray(keypoints, dtype=np.float64)[chosen]
    centre, half = points.mean(axis=0), (points.max(axis=0) - points.min(axis=0)) / 2 * _HALF_BODY_ENLARGEMENT
    return grow_to_aspect(np.concatenate([centre - half, centre + half]), aspect=aspect)


def flip_keypoints(
    keypoints: FloatArray, visibility: FloatArray, *, width_px: int, skeleton: Skeleton = POSETRACK_17
) -> tuple[FloatArray, FloatArray]:
    """Keypoints `[J, 2]` and visibility `[J]` in the mirror image of an image `width_px` wide.

    x becomes width - 1 - x, left and right change places, and joints that are not visible go to (0, 0).
    """
    mirrored = np.array(keypoints, dtype=np.float64)
    mirrored[:, 0] = width_px - 1 - mirrored[:, 0]
    order = skeleton.flip_order
    flipped_visibility = np.asarray(visibility)[order]
    return mirrored[order] * (flipped_visibility > 0)[:, None], flipped_visibility


def hide_outside_crop(keypoints: FloatArray, visibility: FloatArray, *, width_px: int, height_px: int) -> FloatArray:
    """Visibility `[J]` with 0 for joints `[J, 2]` (crop pixels) beyond the crop; its right and bottom edge count."""
    points = np.asarray(keypoints)
    inside = np.all((points >= 0) & (points <= [width_px, height_px]), axis=1)
    return np.where(inside, visibility, 0)


def training_crop(
    box_xyxy: FloatArray,
    keypoints: FloatArray,
    visibility: FloatArray,
    *,
    image_width_px: int,
    crop: CropSpec,
    augmentation: Augmentation | None,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The crop of one person, varied as `augmentation` says (None: not at all), in the reference's order.

    box_xyxy: `[4]`, of the person. keypoints: `[17, 2]`, image pixels. visibility: `[17]`, 0 or 1.
    Returns the affine `[2, 3]` from image to crop (of a mirror image: with the mirror in it), the keypoints in crop
    pixels, and their visibility, 0 for those beyond the crop.
    """
    points, visible = np.asarray(keypoints, dtype=np.float64), np.asarray(visibility, dtype=np.float64)
    mirror = np.eye(2, 3)
    enlargement, rotation_deg = crop.enlargement, 0.0
    if augmentation is not None:
        half_draw, rotation_draw, flip_draw = rng.random(3)
        half_normal, scale_normal, rotation_normal = rng.standard_normal(3)
        if half_draw < augmentation.half_body_probability and visible.sum() > augmentation.half_body_joints:
            aspect = crop.width_px / crop.height_px
            half_box = half_body_box(points, visible, aspect=aspect, normal_draw=half_normal)
            if half_box is not None:
                box_xyxy, enlargement = half_box, 1.0
        enlargement *= 1 + float(np.clip(augmentation.scale * scale_normal, -augmentation.scale, augmentation.scale))
        if rotation_draw < augmentation.rotation_probability:
            rotation_deg = augmentation.rotation_deg * float(np.clip(rotation_normal, -2, 2))
        if flip_draw < augmentation.flip_probability:
            points, visible = flip_keypoints(points, visible, width_px=image_width_px)
            mirror = np.array([[-1.0, 0.0, image_width_px - 1.0], [0.0, 1.0, 0.0]])
            x1, y1, x2, y2 = box_xyxy
            box_xyxy = np.array([image_width_px - 1 - x2, y1, image_width_px - 1 - x1, y2])
    matrix = crop_affine(
        box_xyxy,
        width_px=crop.width_px,
        height_px=crop.height_px,
        enlargement=enlargement,
        rotation_deg=rotation_deg,
    )
    points = transform_points(points, matrix)
    visible = hide_outside_crop(points, visible, width_px=crop.width_px, height_px=crop.height_px)
    return matrix @ np.vstack([mirror, [0.0, 0.0, 1.0]]), points, visible
