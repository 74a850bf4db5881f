"""PoseTrack17 and 18 as training samples: which frames and persons, where joints lie in the crops, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dcpose_core.errors import FormatError, TrainingError
from dcpose_core.models.catalogue import REFERENCE_CROP
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.training.augmentation import training_crop
from dcpose_core.training.posetrack import PoseTrackTriples
from dcpose_core.training.samples import ImageTriple
from dcpose_core.training.settings import Augmentation
from dcpose_core.types import FloatArray, ImageArray
from tests.unit.posetrack_folders import COLOURS, FRAMES, WIDTH_PX, joints_of, person, write_folder

PLAIN = Augmentation(half_body_probability=0, scale=0, rotation_probability=0, flip_probability=0)
ANNOTATED = [joint for joint in range(17) if joint not in (3, 4)]


def opened(root: Path, **options: Any) -> PoseTrackTriples:
    return PoseTrackTriples.open(root, crop=REFERENCE_CROP, **options)


@pytest.fixture(params=["posetrack17", "posetrack18"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data", request.param)


def middle_of(crop: ImageArray, joint: int, *, near: FloatArray, reach_px: float = 14.0) -> FloatArray | None:
    """Where the colour of a joint is in a crop, pixels; None if it is not within reach of `near`."""
    rows, columns = np.nonzero(np.abs(crop.astype(int) - COLOURS[joint]).max(axis=2) < 30)
    within = np.hypot(columns - near[0], rows - near[1]) < reach_px  # edges of other dots have mixed colours
    return np.array([columns[within].mean(), rows[within].mean()]) if within.sum() > 8 else None


def joints_seen(triple: ImageTriple, *, mirrored: bool = False) -> int:
    """Each weighted joint well inside the key frame's crop has to lie on its dot; returns how many there were."""
    crop = triple.images[1].numpy()
    # In a mirror image the left wrist is where the right one was drawn.
    drawn = POSETRACK_17.flip_order if mirrored else np.arange(17)
    inside = np.flatnonzero(triple.weights * ((triple.joints > 20) & (triple.joints < [268, 364])).all(axis=1))
    for joint in inside:
        seen = middle_of(crop, drawn[joint], near=triple.joints[joint])
        assert seen is not None, joint
        assert np.abs(seen - triple.joints[joint]).max() < 3, joint
    return len(inside)


def test_every_labelled_person_is_a_sample(root: Path) -> None:
    assert len(opened(root)) == 2 * (FRAMES - 1)


def test_joints_lie_where_they_are_seen_in_the_crop(root: Path) -> None:
    data = opened(root)
    for index in range(len(data)):
        triple = data.sample(index, epoch=0, seed=0)
        assert triple.images.shape == (3, 384, 288, 3)
        assert triple.images.dtype == torch.uint8
        assert triple.weights.tolist() == [float(joint in ANNOTATED) for joint in range(17)]
        assert joints_seen(triple) >= 12


def test_the_neighbours_are_the_frames_beside_in_the_same_crop(root: Path) -> None:
    data = opened(root)
    # The second frame; a frame's person is 10 image pixels to the right of the one before.
    triple = data.sample(1, epoch=0, seed=0)
    assert triple.margin == (1, 1)
    scale = np.linalg.norm(triple.joints[5] - triple.joints[16]) / np.linalg.norm(joints_of(0)[5] - joints_of(0)[16])
    for frame, shift_px in ((0, -10), (1, 0), (2, 10)):
        expected = triple.joints[10] + [shift_px * scale, 0]
        seen = middle_of(triple.images[frame].numpy(), 10, near=expected)
        assert seen is not None
        assert seen == pytest.approx(expected, abs=2)


def test_where_the_clip_ends_the_key_frame_stands_in(root: Path) -> None:
    first = opened(root).sample(0, epoch=0, seed=0)
    assert first.margin == (1, 1)
    assert torch.equal(first.images[0], first.images[1])
    assert not torch.equal(first.images[2], first.images[1])
    assert opened(root, border_margin=0).sample(0, epoch=0, seed=0).margin == (0, 1)


def test_distances_are_the_largest_in_validation_and_drawn_in_training(root: Path) -> None:
    assert opened(root, interval=3).sample(1, epoch=0, seed=0).margin == (1, 3)
    training = opened(root, interval=3, augmentation=PLAIN)
    assert {training.sample(1, epoch=epoch, seed=0).margin for epoch in range(40)} == {(1, 1), (1, 2), (1, 3)}


def test_the_box_is_clipped_to_the_image_and_enlarged(tmp_path: Path) -> None:
    root = write_folder(tmp_path, "posetrack18", sequences=1)
    (file,) = (root / "annotations" / "train").glob("*.json")
    content = json.loads(file.read_text())
    content["annotations"][0]["bbox"] = [-1000.0, 30.0, 1100.0, 120.0]
    file.write_text(json.dumps(content))
    triple = opened(root).sample(0, epoch=0, seed=0)
    # 0..100 x 30..150, grown to 100 x 133.3, times 1.25: 288 crop pixels are 125 of the image.
    expected = (joints_of(0) - [50.0, 90.0]) * (288 / 125) + [144, 192]
    np.testing.assert_allclose(triple.joints[ANNOTATED], expected[ANNOTATED])
    assert triple.weights[np.any(expected < 0, axis=1)].sum() == 0


@pytest.mark.parametrize("flip_probability", [0.0, 1.0])
def test_augmented_samples_have_the_joints_where_they_are_seen(root: Path, flip_probability: float) -> None:
    augmentation = Augmentation(half_body_joints=4, half_body_probability=0.5, flip_probability=flip_probability)
    data = opened(root, augmentation=augmentation)
    plain = opened(root).sample(1, epoch=0, seed=0)
    checked = 0
    for epoch in range(12):
        triple = data.sample(1, epoch=epoch, seed=3)
        assert not np.allclose(triple.joints, plain.joints)
        checked += joints_seen(triple, mirrored=flip_probability == 1)
    assert checked > 60


def test_the_same_numbers_give_the_same_sample(root: Path) -> None:
    data = opened(root, augmentation=Augmentation())
    first, again, other = (data.sample(2, epoch=epoch, seed=1) for epoch in (4, 4, 5))
    assert torch.equal(first.images, again.images)
    np.testing.assert_array_equal(first.joints, again.joints)
    assert not torch.equal(first.images, other.images)


def drawn_crops(augmentation: Augmentation, count: int = 400) -> tuple[FloatArray, FloatArray]:
    """Scale (1 for the plain crop) and rotation in degrees of many crops of the same person."""
    pose = person(0)
    assert pose.box_xyxy is not None
    scales, angles = [], []
    for seed in range(count):
        matrices = [
            training_crop(
                pose.box_xyxy,
                pose.keypoints,
                pose.located.astype(float),
                image_width_px=WIDTH_PX,
                crop=REFERENCE_CROP,
                augmentation=each,
                rng=np.random.default_rng(seed),
            )[0]
            for each in (None, augmentation)
        ]
        plain, varied = (matrix[:, 0] for matrix in matrices)
        scales.append(np.linalg.norm(plain) / np.linalg.norm(varied))
        angles.append(np.degrees(np.arctan2(varied[1], varied[0])))
    return np.array(scales), np.array(angles)


def test_scale_and_rotation_have_the_published_spread() -> None:
    scales, angles = drawn_crops(Augmentation(half_body_probability=0, flip_probability=0))
    assert scales.min() == pytest.approx(0.65)
    assert scales.max() == pytest.approx(1.35)
    assert np.mean((scales > 0.66) & (scales < 1.34)) == pytest.approx(0.68, abs=0.08)  # within one deviation
    assert np.abs(angles).max() == pytest.approx(90)
    assert np.mean(angles == 0) == pytest.approx(0.4, abs=0.08)
    assert angles[angles != 0].std() == pytest.approx(45, abs=8)


def test_half_bodies_replace_the_box_and_its_enlargement() -> None:
    plain = Augmentation(half_body_probability=0, scale=0, rotation_probability=0, flip_probability=0)
    assert np.allclose(drawn_crops(plain, 20)[0], 1)
    half = Augmentation(half_body_probability=1, scale=0, rotation_probability=0, flip_probability=0)
    assert len(np.unique(drawn_crops(half, 40)[0].round(6))) == 2  # upper or lower half
    few = Augmentation(
        half_body_probability=1, half_body_joints=15, scale=0, rotation_probability=0, flip_probability=0
    )
    assert np.allclose(drawn_crops(few, 20)[0], 1)


def test_missing_images_are_one_error_that_names_the_first(root: Path) -> None:
    images = sorted((root / "images").rglob("*.jpg"))
    images[2].unlink()
    images[4].unlink()  # of frame 4, in which nobody is labelled: wanted as the frame after
    with pytest.raises(TrainingError, match=rf"^{images[2]}: no such image, and 1 more are missing; .*annotations"):
        opened(root)


def test_a_missing_folder_of_images_is_the_same_error(root: Path) -> None:
    (root / "images").rename(root / "pictures")
    with pytest.raises(TrainingError, match=r"images/.*\.jpg: no such image, and \d+ more are missing"):
        opened(root)


def test_missing_folders_and_annotations_are_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nowhere: no such folder"):
        opened(tmp_path / "nowhere")
    with pytest.raises(FormatError, match=r"annotations/train"):
        opened(tmp_path)


def test_a_damaged_image_is_named(root: Path) -> None:
    images = sorted((root / "images").rglob("*.jpg"))
    data = opened(root)
    images[1].write_bytes(b"no image")
    with pytest.raises(TrainingError, match=f"^{images[1]}: not an intact image"):
        data.sample(0, epoch=0, seed=0)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../../secret/000000.jpg", "leads out of the images' folder"),
        ("/etc/000000.jpg", "leads out of the images' folder"),
        ("C:\\images\\000000.jpg", "leads out of the images' folder"),
        ("images/train/000001_mpii_train/first.jpg", "is no number"),
    ],
)
def test_image_names_in_files_are_not_trusted(name: str, message: str, tmp_path: Path) -> None:
    root = write_folder(tmp_path, "posetrack18", sequences=1)
    (file,) = (root / "annotations" / "train").glob("*.json")
    content = json.loads(file.read_text())
    content["images"][0]["file_name"] = name
    file.write_text(json.dumps(content))
    with pytest.raises(TrainingError, match=message):
        opened(root)


def test_nobody_labelled_is_one_clear_error(tmp_path: Path) -> None:
    root = write_folder(tmp_path, "posetrack18", sequences=1)
    (file,) = (root / "annotations" / "train").glob("*.json")
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"annotations": []}))
    with pytest.raises(TrainingError, match="nobody is labelled"):
        opened(root)
