"""What propagators are calibrated on, and that what comes out means what it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dcpose_core.degradations import DEGRADATIONS
from dcpose_core.estimation import PoseEstimator
from dcpose_core.models.catalogue import load_model
from dcpose_core.propagation import PROPAGATORS
from dcpose_core.propagation.calibration import Claim, confidence, encode, listening, using
from dcpose_core.training.propagation_trials import STAGES, Outcome, Samples, reliability, run, tasks
from dcpose_core.training.propagation_worlds import SpoiledFootage, Unseen, World, draw_spoils, synthetic_worlds
from tests.motions import walking
from tests.unit.moving_person import ALL_JOINTS, STANDING, aside, moving_footage, truth


def world(n_frames: int = 30) -> World:
    """Somebody who swings from left to right; the model says nothing of use."""
    frames = np.arange(n_frames)
    joints = np.stack([STANDING + aside(40 * np.sin(frame / 5)) for frame in frames])
    known = np.ones((n_frames, 17), np.bool_)
    return World("swing", frames, joints, known, joints + 30.0, np.full((n_frames, 17), 0.5), Unseen(), None)


def test_a_person_misses_the_joints_it_sets_by_a_little_and_leaves_the_others() -> None:
    track = world().track([4], np.random.default_rng(0))
    assert track.poses[4].human.all()
    misses = np.linalg.norm(track.poses[4].keypoints - world().joints[4], axis=-1) / 20.0
    assert 0.005 < np.sqrt(np.mean(np.square(misses))) < 0.04
    assert not track.poses[5].human.any()
    np.testing.assert_array_equal(track.poses[5].keypoints, world().answers[5])
    np.testing.assert_array_equal(track.poses[4].predicted, world().answers[4])


def test_unknown_joints_are_not_set() -> None:
    known = np.ones((30, 17), np.bool_)
    known[4, 9] = False
    track = replace(world(), known=known).track([4], np.random.default_rng(0))
    assert not track.poses[4].human[9]
    assert track.poses[4].human.sum() == 16


def test_no_task_asks_for_a_frame_that_a_person_has_set() -> None:
    seen = replace(world(), boxes=np.zeros((30, 4)))
    found = list(tasks(seen))
    assert {task.gap for task in found} >= {0, 3, 6}
    for task in found:
        assert not set(task.human) & set(task.targets)
        assert set(task.targets) <= set(range(30))
    assert all(task.gap for task in tasks(world()))  # nobody has images of captured motion


def test_interpolation_is_measured_against_the_truth_and_listened_to() -> None:
    samples: dict[str, Samples] = {}
    outcomes, spent_ms = run([world()], ("interpolate", "linear"), seed=0, samples=samples)
    assert set(spent_ms) == {"interpolate", "linear"} == set(samples)
    assert len(samples["linear"]) == sum(outcome.method == "linear" for outcome in outcomes)
    correct = np.concatenate(samples["linear"].correct)
    errors = np.array([outcome.error for outcome in outcomes if outcome.method == "linear"])
    np.testing.assert_array_equal(correct, errors <= 0.2)
    assert np.median([outcome.stays for outcome in outcomes]) == pytest.approx(30 * np.sqrt(2) / 20, rel=0.1)


def test_a_calibration_fitted_on_captured_motion_is_reliable_on_it() -> None:
    worlds = list(synthetic_worlds([walking()], count=12, seed=5))
    samples: dict[str, Samples] = {}
    run(worlds, ("linear",), seed=0, samples=samples)
    with using({"linear": samples["linear"].fit()}):
        outcomes, _ = run(worlds, ("linear",), seed=1)
    for one in reliability(outcomes)["linear"]:
        if one.joints >= 200:
            assert one.said == pytest.approx(one.was_right, abs=0.12)


def test_the_curve_counts_each_joint_in_the_class_of_its_confidence() -> None:
    outcomes = [
        Outcome("flow", "w", 0, 1, 0, error=0.1 if i % 4 else 0.5, confidence=0.72, stays=0.0) for i in range(40)
    ]
    (found,) = reliability(outcomes)["flow"]
    assert found.said == pytest.approx(0.72)
    assert (found.was_right, found.joints) == (0.75, 40)
    assert not reliability(outcomes[:5])["flow"]


def test_every_voice_of_the_program_is_calibrated() -> None:
    claims: list[Claim] = []
    voices = {voice for stage in STAGES for voice in stage.voices}
    assert voices >= {"flow", "interpolate", "blend: model"}
    with listening(claims.append):
        for voice in voices:
            claim = Claim(voice, 0, STANDING, ALL_JOINTS, dict.fromkeys(_ANY_READING, np.zeros(17)))
            sure = confidence(claim)
            assert ((sure > 0) & (sure < 1)).all()
            assert np.ptp(sure) > 0  # joints differ: what was never calibrated says 0.5 of all
    assert len(claims) == len(voices)


_ANY_READING = (
    "gap", "near", "moved", "bent", "steps", "round trip", "path", "longest step", "texture", "better", "worse",
    "apart", "score", "correction", "as before", "own", "for", "against",
)  # fmt: skip


def test_a_table_is_written_as_it_is_read() -> None:
    samples: dict[str, Samples] = {}
    run([world()], ("linear",), seed=0, samples=samples)
    fitted = samples["linear"].fit()
    assert b'"linear"' in encode({"linear": fitted})
    assert len(fitted.biases) == 17


def test_stretches_of_frames_are_spoiled_by_one_thing_each() -> None:
    spoils = draw_spoils(np.arange(200), np.random.default_rng(3))
    assert 60 < len(spoils) < 160
    assert {name for name, _ in spoils.values()} <= set(DEGRADATIONS)
    lengths = [len(set(seeds)) for seeds in zip(*spoils.values(), strict=True)]
    assert lengths[1] < len(spoils) / 5  # a seed lasts for its stretch


def test_spoiled_footage_leaves_the_other_frames_alone() -> None:
    images = moving_footage(3).images
    box = np.array([60.0, 30.0, 180.0, 220.0])
    model = PoseEstimator(
        load_model("movenet_thunder"), device=torch.device("cpu"), batch_size=1, temporal=False, announce=lambda _: None
    )
    footage = SpoiledFootage(
        images,
        model,
        boxes=dict.fromkeys(range(3), box),
        keypoints={frame: truth(frame) for frame in range(3)},
        spoils={1: ("low_light", 4)},
    )
    np.testing.assert_array_equal(footage.image(0), images[0])
    assert footage.image(1).mean() < 0.9 * images[1].mean()
    assert footage.image(1) is footage.image(1)
    model.close()


def test_each_propagator_but_blends_sources_is_fitted_before_what_builds_on_it() -> None:
    ran: set[str] = set()
    for stage in STAGES:
        ran |= set(stage.methods)
    assert ran >= set(PROPAGATORS) - {"dcpose", "warp"}
