"""Spoiled pictures: the same for the same seed, alike at every resolution, and only around the person."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from dcpose_core.degradations import DEGRADATIONS, degrade, frozen, person_size
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, ImageArray

BOX = np.array([150.0, 60.0, 330.0, 480.0])
NAMES = sorted(DEGRADATIONS)


def scene(scale: int = 1, *, width_px: int = 480, height_px: int = 540) -> ImageArray:
    """A picture with large and small structure everywhere."""
    y, x = np.mgrid[0:height_px, 0:width_px].astype(float)
    waves = [np.sin(x / 9 + k) + np.cos(y / 11 - k) + np.sin((x + 2 * y) / 40) for k in range(3)]
    image = (np.stack(waves, axis=-1) * 35 + 128).astype(np.uint8)
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC), np.uint8)


def spoiled(name: str, image: ImageArray, *, seed: int = 0, strength: float = 1.0, scale: int = 1) -> ImageArray:
    return degrade(name, image, np.random.default_rng(seed), box_xyxy=BOX * scale, strength=strength)


def change(name: str, *, scale: int = 1, strength: float = 1.0) -> float:
    """Mean difference to the clean picture over a few seeds, in grey levels."""
    clean = scene(scale)
    spoils = [spoiled(name, clean, seed=seed, strength=strength, scale=scale) for seed in range(3)]
    return float(np.mean([np.abs(image.astype(float) - clean).mean() for image in spoils]))


def test_the_benchmark_and_the_training_find_their_degradations() -> None:
    assert {"motion_blur", "defocus", "limb_occluder", "torso_occluder", "jpeg", "low_light"} <= set(NAMES)
    assert {"low_resolution", "cutout", "pasted_parts"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_and_the_input_stays_as_it_is(name: str) -> None:
    clean = scene()
    before = clean.copy()
    first = spoiled(name, clean, seed=3)
    assert np.array_equal(first, spoiled(name, clean, seed=3))
    assert not np.array_equal(first, spoiled(name, clean, seed=4))
    assert not np.array_equal(first, clean)
    assert np.array_equal(clean, before)
    assert (first.dtype, first.shape) == (clean.dtype, clean.shape)


@pytest.mark.parametrize("name", NAMES)
def test_only_the_surroundings_of_the_person_change(name: str) -> None:
    clean = scene(width_px=1200)
    changed = np.any(spoiled(name, clean, strength=1.5) != clean, axis=(0, 2))
    assert changed[150:330].any()
    assert not changed[600:].any()


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_and_its_enlargement_suffer_alike(name: str) -> None:
    assert change(name, scale=2) == pytest.approx(change(name, scale=1), rel=0.25)


@pytest.mark.parametrize("name", NAMES)
def test_strength_is_how_much_changes(name: str) -> None:
    assert change(name, strength=0.0) < 1.5
    assert change(name, strength=0.5) < change(name, strength=1.5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "box", [[-80.0, -60.0, 60.0, 200.0], [470.0, 500.0, 600.0, 900.0], [100.0, 100.0, 100.5, 101.0]]
)
def test_a_person_at_the_border_or_of_no_size_is_no_error(name: str, box: list[float]) -> None:
    clean = scene()
    image = degrade(name, clean, np.random.default_rng(0), box_xyxy=np.array(box), strength=1.5)
    assert image.shape == clean.shape


@pytest.mark.parametrize("name", NAMES)
def test_nothing_happens_for_a_person_outside_the_picture(name: str) -> None:
    clean = scene()
    box = np.array([2000.0, 2000.0, 2100.0, 2300.0])
    assert np.array_equal(degrade(name, clean, np.random.default_rng(0), box_xyxy=box), clean)


def test_motion_blur_smears_a_point_into_a_line_of_the_stated_length() -> None:
    dot = np.zeros((540, 480, 3), np.uint8)
    dot[268:273, 238:243] = 255
    for seed in range(5):
        image = spoiled("motion_blur", dot, seed=seed, strength=1.0)[..., 0].astype(float)
        y, x = np.nonzero(image > image.max() * 0.4)
        extent = np.linalg.svd(np.stack([x - x.mean(), y - y.mean()], axis=1) / np.sqrt(len(x)))[1] * np.sqrt(12)
        assert 0.04 * person_size(BOX) < extent[0] < 0.17 * person_size(BOX)
        assert extent[1] < 8
        assert image.sum() == pytest.approx(25 * 255, rel=0.1)


def test_limb_occluders_hide_two_outer_limbs_of_the_given_pose() -> None:
    clean, pose = scene(), raised_arms()
    image = degrade("limb_occluder", clean, np.random.default_rng(1), box_xyxy=BOX, keypoints=pose)
    index = POSETRACK_17.index
    middles = [
        (pose[index(f"{side}_{a}")] + pose[index(f"{side}_{b}")]) / 2
        for side in ("left", "right")
        for a, b in (("elbow", "wrist"), ("knee", "ankle"))
    ]
    assert sum(hidden(image, clean, middle) for middle in middles) == 2


def test_a_torso_occluder_hides_the_trunk_but_not_the_feet() -> None:
    clean, pose = scene(), raised_arms()
    image = degrade("torso_occluder", clean, np.random.default_rng(1), box_xyxy=BOX, keypoints=pose)
    trunk = pose[[POSETRACK_17.index(f"{side}_{j}") for side in ("left", "right") for j in ("shoulder", "hip")]]
    assert hidden(image, clean, trunk.mean(axis=0))
    assert not hidden(image, clean, pose[POSETRACK_17.index("left_ankle")])


def test_joints_that_are_not_known_are_taken_from_a_standing_person() -> None:
    clean = scene()
    unknown = np.full((17, 2), np.nan)
    for name in ("limb_occluder", "torso_occluder", "cutout", "pasted_parts"):
        image = degrade(name, clean, np.random.default_rng(2), box_xyxy=BOX, keypoints=unknown)
        assert np.array_equal(image, spoiled(name, clean, seed=2))


def test_every_third_picture_of_a_frozen_sequence_is_the_one_before() -> None:
    assert [frozen(index) for index in range(7)] == [0, 1, 1, 3, 4, 4, 6]


def test_a_name_or_strength_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="motion_blur"):
        spoiled("rain", scene())
    with pytest.raises(ValueError, match="strength"):
        spoiled("jpeg", scene(), strength=-1.0)
    with pytest.raises(ValueError, match="strength"):
        spoiled("jpeg", scene(), strength=float("nan"))


def raised_arms() -> FloatArray:
    """A person in `BOX` whose arms point up: elbows and wrists above the shoulders."""
    pose = np.zeros((17, 2))
    places = {"shoulder": (30, 190), "elbow": (60, 140), "wrist": (65, 90), "hip": (25, 290), "knee": (28, 370)}
    places["ankle"] = (30, 440)
    for joint, (dx, y) in places.items():
        pose[POSETRACK_17.index(f"left_{joint}")] = 240 + dx, y
        pose[POSETRACK_17.index(f"right_{joint}")] = 240 - dx, y
    for joint in ("nose", "head_bottom", "head_top", "left_ear", "right_ear"):
        pose[POSETRACK_17.index(joint)] = 240, 150
    return pose


def hidden(image: ImageArray, clean: ImageArray, point: FloatArray) -> bool:
    x, y = np.round(point).astype(int)
    part = slice(y - 4, y + 5), slice(x - 4, x + 5)
    return bool((np.any(image[part] != clean[part], axis=-1)).mean() > 0.9)
