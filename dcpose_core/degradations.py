"""What spoils real frames, done to good ones: blur, occlusion, compression, darkness.

Two uses: to see how poses suffer (`dcpose bench accuracy`), and to train the temporal modules on frames whose poses are
known from before they were spoiled.

Every length is a share of the person's size, so that a crop of 300 x 800 and a frame of 1920 x 1080 suffer alike, and
what acts on pixels (compression, noise) acts at one scale of the person. Only the person's surroundings change, a
little more than the crop that any of our models sees; beyond them the image stays as it is. So one call spoils one
person: start each person from the clean frame.

The seed decides everything: an image, a box and the state of `rng` give one result. Strength 1 is the level of the
accuracy benchmark; 0 changes nothing or next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from dcpose_core.boxes import POSETRACK_ENLARGEMENT, scale_box
from dcpose_core.geometry import grow_to_aspect
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, ImageArray

#: What changes: the box grown to this aspect ratio, that of our models' crops, and enlarged by this factor; the models
#: enlarge by up to 1.25.
_CROP_ASPECT = 3 / 4
_SURROUNDINGS = 1.4
#: Person height at which compression and sensor noise act: about that in the crop of a tall person (384 px high).
_WORKING_SIZE_PX = 260.0

_JOINT = POSETRACK_17.index
#: Ends of the parts that the limb occluder hides.
_OUTER_LIMBS = tuple(
    (_JOINT(f"{side}_{a}"), _JOINT(f"{side}_{b}"))
    for a, b in (("elbow", "wrist"), ("knee", "ankle"))
    for side in ("left", "right")
)
_TORSO = [_JOINT(f"{side}_{joint}") for joint in ("shoulder", "hip") for side in ("left", "right")]
#: A standing person as shares of a box in the convention of `dcpose_core.boxes`, for persons without keypoints.
_STANDING = np.array(
    [
        (0.50, 0.17), (0.50, 0.24), (0.50, 0.12), (0.55, 0.16), (0.45, 0.16),
        (0.66, 0.28), (0.34, 0.28), (0.74, 0.42), (0.26, 0.42), (0.78, 0.54), (0.22, 0.54),
        (0.60, 0.53), (0.40, 0.53), (0.61, 0.70), (0.39, 0.70), (0.62, 0.87), (0.38, 0.87),
    ]
)  # fmt: skip


class _Subject(NamedTuple):
    """The person in the part of the image that changes. size_px: extent of the joints along the box's longer side.

    keypoints: `[17, 2]`, pixels of that part.
    """

    size_px: float
    keypoints: FloatArray


_Degradation = Callable[[ImageArray, np.random.Generator, _Subject, float], ImageArray]


def degrade(
    name: str,
    image: ImageArray,
    rng: np.random.Generator,
    *,
    box_xyxy: FloatArray,
    keypoints: FloatArray | None = None,
    strength: float = 1.0,
) -> ImageArray:
    """A copy of `image` in which the surroundings of one person are spoiled.

    name: a key of `DEGRADATIONS`. image: uint8 `[H, W, 3]`, RGB; stays as it is. rng: all that is random is drawn here.
    box_xyxy: `[4]`, image pixels, in the convention of `dcpose_core.boxes`.
    keypoints: `[17, 2]` image pixels, not finite where unknown, for what covers or moves parts of the body. Unknown
    ones are taken to be where a person who stands in the box has them.
    strength: factor on lengths, sizes or what else makes it hard, from 0.
    Raises `ValueError` for an unknown name or a negative strength.
    """
    if name not in DEGRADATIONS:
        raise ValueError(f"unknown degradation {name!r}: use one of {', '.join(DEGRADATIONS)}")
    if not strength >= 0:
        raise ValueError(f"the strength of a degradation is 0 or more, not {strength}")
    box = np.asarray(box_xyxy, dtype=np.float64)
    left, top, right, bottom = _surroundings(box, image)
    degraded = image.copy()
    if right > left and bottom > top:
        joints = box[:2] + _STANDING * (box[2:] - box[:2])
        if keypoints is not None:
            joints = np.where(np.isfinite(keypoints), keypoints, joints)
        subject = _Subject(max(person_size(box), 1.0), joints - [left, top])
        degraded[top:bottom, left:right] = DEGRADATIONS[name](
            image[top:bottom, left:right].copy(), rng, subject, strength
        )
    return degraded


def person_size(box_xyxy: FloatArray) -> float:
    """The person's size, image pixels: the longer side of the extent of the joints, from a `dcpose_core.boxes` box."""
    return float(np.max(box_xyxy[2:] - box_xyxy[:2])) / POSETRACK_ENLARGEMENT


def frozen(frame_index: int, *, every: int = 3) -> int:
    """Index of the frame whose picture is seen at `frame_index`: every third one (2, 5, 8, ...) repeats the one before.

    As a video with a lost frame, or one converted from a lower frame rate, does.
    """
    return frame_index - 1 if frame_index % every == every - 1 else frame_index


def motion_blur(image: ImageArray, rng: np.random.Generator, subject: _Subject, strength: float) -> ImageArray:
    """Blur along one direction over 0.05 to 0.15 of the person: a hand at 10 m/s in 1/125 to 1/40 s."""
    length = rng.uniform(0.05, 0.15) * strength * subject.size_px
    angle = rng.uniform(0.0, math.pi)
    # The mean of two copies shifted apart by half the length, of that by a quarter, ...: after k times a streak of 2^k
    # even samples, faster than a large kernel.
    size = (image.shape[1], image.shape[0])
    while length > 0.5:
        length /= 2
        dx, dy = math.cos(angle) * length / 2, math.sin(angle) * length / 2
        ahead, behind = (
            cv2.warpAffine(image, np.array([[1, 0, s * dx], [0, 1, s * dy]]), size, borderMode=cv2.BORDER_REPLICATE)
            for s in (1, -1)
        )
        image = np.asarray(cv2.addWeighted(ahead, 0.5, behind, 0.5, 0.0), np.uint8)
    return image


def defocus(image: ImageArray, rng: np.random.Generator, subject: _Subject, strength: float) -> ImageArray:
    """Every point becomes a disc with a radius of 0.025 to 0.05 of the person."""
    radius = rng.uniform(0.025, 0.05) * strength * subject.size_px
    reach = math.ceil(radius) + 1
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(dx, dy), 0.0, 1.0)  # an edge one pixel soft
    kernel[reach, reach] = 1.0
    return _convolve(image, kernel.astype(np.float32))


def limb_occluder(image: ImageArray, rng: np.random.Generator, subject: _Subject, strength: float) -> ImageArray:
    """Two things, each over a forearm or a lower leg and 0.16 to 0.26 of the person wide."""
    for limb in rng.permutation(len(_OUTER_LIMBS))[:2]:
        centre = subject.keypoints[list(_OUTER_LIMBS[limb])].mean(axis=0)
        centre = centre + rng.normal(scale=0.02, size=2) * subject.size_px
        _cover(image, rng, centre, rng.uniform(0.16, 0.26, size=2) * strength * subject.size_px)
    return image


def torso_occluder(image: ImageArray, rng: np.random.Generator, subject: _Subject, strength: float) -> ImageArray:
    """One thing over the trunk, 0.26 to 0.4 of the person in width and height."""
    centre = subject.keypoints[_TORSO].mean(axis=0) + rng.normal(scale=0.03, size=2) * subject.size_px
    _cover(image, rng, centre, rng.uniform(0.26, 0.40, size=2) * strength * subject.size_px)
    return image


def jpeg(image: ImageArray, rng: np.random.Generator, subject: _Subject, strength: float) -> ImageArray:
    """JPEG of quality 5 to 10 where the person is 260 pixels tall."""
    quality = round(float(rng.uniform(5.0, 10.0)) / max(strength, 0.04))
    small = _resized(image, _WORKING_SIZE_PX / subject.size_px)
    _, encoded = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, min(max(quality, 1), 100)])
    decoded = cv2.imdecode(encoded, cv2.IMREAD_COLOR)
    return _resized_to(np.asarray(decoded, np.uint8)[..., ::-1], image)


def low_light(image: ImageArray, rng: np.random.Generator, subject: _Subject, strength: float) -> ImageArray:
    """A twelfth to a sixth of the light, with the noise of so few photons and of the sensor."""
    light = rng.uniform(1 / 12, 1 / 6) ** strength
    read_noise = rng.uniform(3.0, 6.0) * strength
    scale = min(_WORKING_SIZE_PX / subject.size_px, 1.0)
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    grain = rng.standard_normal((height, width, 3), dtype=np.float32)
    noise = cv2.resize(grain, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_NEAREST)
    dark = image.astype(np.float32) * light
    return _as_bytes(dark + noise * np.sqrt(read_noise**2 + 0.5 * strength * dark))


def low_resolution(image: ImageArray, rng: np.random.Generator, subject: _Subject, strength: float) -> ImageArray:
    """A person 24 to 48 pixels tall, enlarged."""
    wanted = rng.uniform(24.0, 48.0) / max(strength, 1e-3)
    return _resized_to(_resized(image, wanted / subject.size_px), image)


def cutout(image: ImageArray, rng: np.random.Generator, subject: _Subject, strength: float) -> ImageArray:
    """One to three black, grey or white rectangles anywhere on the person, 0.12 to 0.35 of it a side."""
    low, high = subject.keypoints.min(axis=0), subject.keypoints.max(axis=0)
    for _ in range(rng.integers(1, 4)):
        size = rng.uniform(0.12, 0.35, size=2) * strength * subject.size_px
        rows, columns = _patch(image, rng.uniform(low, high), size)
        image[rows, columns] = rng.choice([0, 127, 255])
    return image


def pasted_parts(image: ImageArray, rng: np.random.Generator, subject: _Subject, strength: float) -> ImageArray:
    """One to three limbs of the person once more, turned, near where they are: a second answer for their joints."""
    clean = image.copy()
    for limb in rng.permutation(len(POSETRACK_17.limbs))[: rng.integers(1, 4)]:
        ends = subject.keypoints[list(POSETRACK_17.limbs[limb])]
        centre, axis = ends.mean(axis=0), (ends[1] - ends[0]) / 2
        half_length = float(np.hypot(*axis)) + 0.04 * subject.size_px
        to = centre + rng.normal(scale=0.12 * strength, size=2) * subject.size_px
        turn_deg = rng.normal(scale=50.0 * strength)
        turn = np.asarray(
            cv2.getRotationMatrix2D((0.0, 0.0), turn_deg, 1 + rng.uniform(-0.1, 0.2) * strength), np.float64
        )
        rows, columns = _patch(image, to, np.full(2, 3 * half_length))
        corner = np.array([columns.start, rows.start])
        turn[:, 2] = to - corner - turn[:, :2] @ centre
        size = (columns.stop - columns.start, rows.stop - rows.start)
        if min(size) > 0:
            mask = np.zeros((size[1], size[0]), np.uint8)
            angle = math.degrees(math.atan2(axis[1], axis[0])) - turn_deg
            ellipse = (tuple((to - corner).tolist()), (2 * half_length, 0.14 * subject.size_px), angle)
            cv2.ellipse(mask, ellipse, 255, thickness=-1)
            moved = cv2.warpAffine(clean, turn, size, borderMode=cv2.BORDER_REFLECT)
            image[rows, columns] = np.where(mask[..., None] > 0, moved, image[rows, columns])
    return image


#: Everything that can spoil the picture of one person. `frozen` spoils a sequence and has its own function.
DEGRADATIONS: dict[str, _Degradation] = {
    "motion_blur": motion_blur,
    "defocus": defocus,
    "limb_occluder": limb_occluder,
    "torso_occluder": torso_occluder,
    "jpeg": jpeg,
    "low_light": low_light,
    "low_resolution": low_resolution,
    "cutout": cutout,
    "pasted_parts": pasted_parts,
}


def _surroundings(box_xyxy: FloatArray, image: ImageArray) -> tuple[int, int, int, int]:
    """left, top, right, bottom (not included) of the part of the image that changes."""
    region = scale_box(grow_to_aspect(box_xyxy, aspect=_CROP_ASPECT), _SURROUNDINGS)
    height, width = image.shape[:2]
    low = np.clip(np.floor(region[:2]), 0, [width, height]).astype(int)
    high = np.clip(np.ceil(region[2:]) + 1, 0, [width, height]).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _convolve(image: ImageArray, kernel: NDArray[np.float32]) -> ImageArray:
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT), np.uint8)


def _cover(image: ImageArray, rng: np.random.Generator, centre: FloatArray, size: FloatArray) -> None:
    """Put a rectangle or an ellipse, turned at random, over `centre`; flat, or with a texture of its own."""
    angle, is_round = float(rng.uniform(0.0, 180.0)), rng.random() < 0.5
    colour = rng.integers(0, 256, size=3)
    contrast = 0.0 if rng.random() < 0.5 else rng.uniform(20.0, 70.0)
    knots = rng.standard_normal((*rng.integers(3, 24, size=2), 3), dtype=np.float32)
    rows, columns = _patch(image, centre, np.full(2, math.sqrt(2) * float(size.max()) + 2))
    patch = image[rows, columns]
    if not patch.size:
        return
    mask = np.zeros(patch.shape[:2], np.uint8)
    shape = (tuple((centre - [columns.start, rows.start]).tolist()), tuple(size.tolist()), angle)
    if is_round:
        cv2.ellipse(mask, shape, 255, thickness=-1)
    else:
        cv2.fillConvexPoly(mask, np.round(cv2.boxPoints(shape)).astype(np.int32), 255)
    texture = cv2.resize(knots, (patch.shape[1], patch.shape[0]), interpolation=cv2.INTER_LINEAR)
    patch[mask > 0] = _as_bytes(colour + contrast * texture)[mask > 0]


def _patch(image: ImageArray, centre: FloatArray, size: FloatArray) -> tuple[slice, slice]:
    """Rows and columns of a rectangle of `size` (x, y) about `centre`, as far as it lies in the image."""
    limits = np.array([image.shape[1], image.shape[0]])
    low = np.clip(np.round(centre - size / 2), 0, limits).astype(int)
    high = np.clip(np.round(centre + size / 2), 0, limits).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


def _resized(image: ImageArray, scale: float) -> ImageArray:
    """Smaller by `scale`, each pixel the mean of what it covers; never larger."""
    scale = min(scale, 1.0)
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _resized_to(image: ImageArray, like: ImageArray) -> ImageArray:
    resized = cv2.resize(image, (like.shape[1], like.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def _as_bytes(values: NDArray[Any]) -> ImageArray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
