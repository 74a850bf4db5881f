"""Motion capture: what is read from its files, and what is said about damaged ones."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcpose_core.errors import FormatError
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.synthesis.bullet import parse_bullet
from dcpose_core.synthesis.bvh import parse_bvh
from dcpose_core.synthesis.motion import Motion, read_motions
from dcpose_core.types import FloatArray
from tests.motions import BVH_JOINTS, bvh_text, bvh_values, humanoid_json, walking

_INDEX = POSETRACK_17.index
#: Upper arms, forearms, thighs and shins: the limbs of one side.
_BONES = [(a, b) for a, b in POSETRACK_17.limbs if a >= _INDEX("left_shoulder") and b == a + 2]


def _joints(values: FloatArray) -> FloatArray:
    rig, _ = parse_bvh(bvh_text(values).encode(), name="test.bvh")
    return rig.posetrack_joints()


def test_a_standing_person_is_upright_with_its_left_on_the_left() -> None:
    joints = _joints(bvh_values(3))[0]
    assert joints[_INDEX("left_shoulder"), 0] > 0.1 > -0.1 > joints[_INDEX("right_shoulder"), 0]
    heights = [joints[_INDEX(name), 1] for name in ("head_top", "left_ear", "head_bottom", "left_shoulder", "left_hip")]
    assert heights == sorted(heights, reverse=True)
    assert joints[_INDEX("nose"), 2] > joints[_INDEX("left_ear"), 2] + 0.08, "the nose is in front of the ears"
    assert 1.4 < joints[_INDEX("head_top"), 1] - joints[_INDEX("left_ankle"), 1] < 1.8


def test_a_raised_arm_points_up() -> None:
    turned = np.zeros((2, 3))
    turned[:, 0] = 90.0  # the left arm lies along x in the rest pose; 90 degrees about z bring it up
    joints = _joints(bvh_values(2, {"lShldr": turned}))
    arm = joints[:, _INDEX("left_wrist")] - joints[:, _INDEX("left_shoulder")]
    np.testing.assert_allclose(arm / np.linalg.norm(arm, axis=1, keepdims=True), [[0, 1, 0]] * 2, atol=1e-6)


def test_rotations_apply_in_the_order_of_the_file() -> None:
    """Z, then X about the turned axis: the arm along x goes up, then forward."""
    joints = _joints(bvh_values(2, {"lShldr": np.array([[90.0, 90.0, 0.0]] * 2)}))
    arm = joints[0, _INDEX("left_wrist")] - joints[0, _INDEX("left_shoulder")]
    np.testing.assert_allclose(arm / np.linalg.norm(arm), [0, 1, 0], atol=1e-6)
    joints = _joints(bvh_values(2, {"lShldr": np.array([[90.0, 0.0, 90.0]] * 2)}))
    arm = joints[0, _INDEX("left_wrist")] - joints[0, _INDEX("left_shoulder")]
    np.testing.assert_allclose(arm / np.linalg.norm(arm), [0, 0, -1], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    turns=st.dictionaries(st.sampled_from(BVH_JOINTS), st.tuples(*[st.floats(-180, 180)] * 3), min_size=1, max_size=6),
    away=st.tuples(*[st.floats(-500, 500)] * 3),
)
def test_bones_keep_their_lengths_however_joints_turn(
    turns: dict[str, tuple[float, float, float]], away: tuple[float, float, float]
) -> None:
    values = bvh_values(2, {joint: np.array([angles] * 2) for joint, angles in turns.items()})
    values[1, :3] += away
    joints = _joints(values)
    rest = _joints(bvh_values(2))
    starts, ends = np.array(_BONES).T
    lengths, at_rest = (np.linalg.norm(points[:, starts] - points[:, ends], axis=-1) for points in (joints, rest))
    np.testing.assert_allclose(lengths, at_rest, atol=1e-4)
    moved = joints[1] - joints[0]
    np.testing.assert_allclose(moved, np.tile(moved[:1], (17, 1)), atol=1e-4)


def test_the_t_pose_is_left_out_and_time_goes_on_at_60_hz(tmp_path: Path) -> None:
    values = bvh_values(121)
    values[:, 2] = np.arange(121)  # 120 units a second at 120 frames per second
    path = tmp_path / "walk.bvh"
    path.write_text(bvh_text(values, frame_time_s=1 / 120))
    (motion,) = read_motions(path)
    assert motion.rate_hz == 60
    assert motion.duration_s == pytest.approx(1.0, abs=0.02)
    step = np.diff(motion.joints[:, _INDEX("nose"), 2])
    np.testing.assert_allclose(step, 2 * 0.01, rtol=1e-3)


def test_between_frames_a_motion_goes_straight_and_it_stays_where_it_ends() -> None:
    joints = np.zeros((3, 17, 3))
    joints[:, :, 0] = np.array([0.0, 1.0, 3.0])[:, None]
    motion = Motion(joints, rate_hz=2.0)
    np.testing.assert_allclose(motion.at(np.array([-1.0, 0.25, 0.75, 9.0]))[:, 0, 0], [0.0, 0.5, 2.0, 3.0])


def test_bullets_knees_bend_backwards_and_its_left_is_its_left() -> None:
    rig, rate_hz = parse_bullet(humanoid_json(knee_rad=-0.8), name="humanoid3d_test.txt")
    joints = rig.posetrack_joints()[0]
    forward, left = np.array([1.0, 0, 0]), np.array([0, 0, -1.0])
    assert rate_hz == pytest.approx(30)
    assert joints[_INDEX("nose")] @ forward > joints[_INDEX("left_ear")] @ forward
    assert (joints[_INDEX("left_shoulder")] - joints[_INDEX("right_shoulder")]) @ left > 0.3
    assert joints[_INDEX("left_ankle")] @ forward < joints[_INDEX("left_knee")] @ forward - 0.2
    assert 1.3 < joints[_INDEX("head_top"), 1] - joints[_INDEX("left_ankle"), 1] < 1.8


def test_a_folder_and_an_archive_of_it_hold_the_same_motions(tmp_path: Path) -> None:
    folder = tmp_path / "motions"
    folder.mkdir()
    (folder / "b.bvh").write_text(bvh_text(bvh_values(60)))
    (folder / "a.bvh").write_text(bvh_text(bvh_values(90)))
    (folder / "short.bvh").write_text(bvh_text(bvh_values(5)))
    (folder / "humanoid3d_stand.txt").write_bytes(humanoid_json())
    (folder / "notes.txt").write_text("not a motion")
    archive = tmp_path / "motions.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(folder, arcname="motions")
    from_folder, from_archive = read_motions(folder), read_motions(archive)
    assert [len(motion.joints) for motion in from_folder] == [90, 60, 59]
    for one, other in zip(from_folder, from_archive, strict=True):
        np.testing.assert_array_equal(one.joints, other.joints)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["motions", "motions.tar.xz"], "nothing is unpacked"


_GOOD = bvh_text(bvh_values(3))
_LINES = _GOOD.splitlines()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "HIERARCHY or MOTION is missing"),
        (_GOOD.partition("MOTION")[0], "HIERARCHY or MOTION is missing"),
        ("HIERARCHY\nMOTION\nFrames: 0\nFrame Time: 0.1\n", "the hierarchy is empty"),
        ("\n".join(_LINES[:-1]), "numbers for 4 frames"),
        (_GOOD.replace("Frames:\t4", "Frames:\tmany"), "many"),
        (_GOOD.replace("Frame Time:\t0.0166667", "Frame Time:\t0"), "frame time"),
        (_GOOD.replace("90.000000", "nan", 1), "not finite"),
        (_GOOD.replace("90.000000", "ninety", 1), "ninety"),
        (_GOOD.replace("}", "", 1), "not closed"),
        (_GOOD.replace("OFFSET 17 17 0", "OFFSET 17"), "'CHANNELS'"),
        (_GOOD.replace("ROOT hip\n{\n", "", 1), "before the first joint"),
        (_GOOD.replace("Zrotation", "Wrotation"), "unknown channels"),
        (_GOOD.replace("ROOT hip", "MAGIC hip"), "'MAGIC'"),
        (_GOOD.replace("lFoot", "lHoof"), "left_ankle (lFoot or LeftFoot)"),
        (bvh_text(bvh_values(1)), "needs two"),
    ],
)
def test_a_damaged_bvh_file_is_one_clear_error(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "broken.bvh"
    path.write_text(text)
    with pytest.raises(FormatError) as raised:
        read_motions(path)
    message = str(raised.value)
    assert "broken.bvh" in message
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[1, 2]",
        b'{"Frames": 3}',
        b'{"Frames": [["a"]]}',
        b'{"Frames": [[1, 2], [3]]}',
        b'{"Frames": [[1, 2], [3, 4]]}',
        humanoid_json().replace(b"0.85", b"NaN"),
        humanoid_json().replace(b"[0.0333", b"[-0.0333"),
    ],
)
def test_a_damaged_humanoid_file_is_one_clear_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "humanoid3d_broken.txt"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"humanoid3d_broken\.txt") as raised:
        read_motions(path)
    assert "\n" not in str(raised.value)


def test_an_archive_that_is_cut_off_is_one_clear_error(tmp_path: Path) -> None:
    whole = tmp_path / "whole.tar.xz"
    member = tmp_path / "a.bvh"
    rng = np.random.default_rng(0)
    member.write_text(bvh_text(bvh_values(400, {"lShldr": rng.uniform(-90, 90, size=(400, 3))})))
    with tarfile.open(whole, "w:xz") as tar:
        tar.add(member, arcname="a.bvh")
    cut = tmp_path / "cut.tar.xz"
    cut.write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(FormatError, match=r"cut\.tar\.xz"):
        read_motions(cut)


def test_what_holds_no_motion_says_what_a_motion_is_called(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2")
    for path in (tmp_path, tmp_path / "a.csv"):
        with pytest.raises(FormatError, match=r"\*\.bvh"):
            read_motions(path)
    with pytest.raises(FormatError, match=r"missing\.bvh: cannot be read"):
        read_motions(tmp_path / "missing.bvh")


def test_published_motions_are_people(shared: Path, tmp_path: Path) -> None:
    with tarfile.open(shared / "data/motion/cmu_bvh.tar.xz", "r|xz") as archive:
        member = next(m for m in archive if m.name.endswith(".bvh"))
        content = archive.extractfile(member)
        assert content is not None
        (tmp_path / "one.bvh").write_bytes(content.read())
    motions = [*read_motions(tmp_path), *read_motions(shared / "data/motion/pybullet")]
    assert len(motions) == 1 + 20
    for motion in motions:
        thigh = motion.joints[:, _INDEX("left_hip")] - motion.joints[:, _INDEX("left_knee")]
        assert np.all(np.abs(np.linalg.norm(thigh, axis=-1) - 0.4) < 0.06), motion.name
        speed = np.linalg.norm(np.diff(motion.joints, axis=0), axis=-1).max() * motion.rate_hz
        assert speed < 16.5, f"{motion.name}: a joint at {speed:.0f} m/s"
        assert abs(motion.joints[:, :, 1].min()) < 0.02, motion.name


def test_a_motion_ends_where_a_joint_jumps_and_another_begins(tmp_path: Path) -> None:
    values = bvh_values(120)
    values[50:, 0] += 60  # 0.6 m in 1/60 s
    values[110:, 0] += 60
    (tmp_path / "jumps.bvh").write_text(bvh_text(values))
    assert [len(motion.joints) for motion in read_motions(tmp_path)] == [50, 60]


def test_walking_goes_ahead() -> None:
    joints = walking().joints
    assert joints[-1, _INDEX("left_hip"), 2] - joints[0, _INDEX("left_hip"), 2] > 3
