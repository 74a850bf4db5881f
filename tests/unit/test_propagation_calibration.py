"""What propagators are calibrated on, and that what comes out means what it says."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path

import msgspec
import numpy as np
import pytest
import torch

from dcpose_core.degradations import DEGRADATIONS
from dcpose_core.estimation import CropRequest, PoseEstimator
from dcpose_core.models.catalogue import load_model
from dcpose_core.propagation import PROPAGATORS
from dcpose_core.propagation.calibration import (
    SIGNS,
    Calibration,
    Claim,
    confidence,
    encode,
    listening,
    sigmoid,
    using,
)
from dcpose_core.propagation.networks import READINGS
from dcpose_core.training.propagation_trials import STAGES, Outcome, Samples, Trial, reliability, run, tasks
from dcpose_core.training.propagation_worlds import (
    MISTAKEN,
    Spoil,
    SpoiledFootage,
    World,
    as_people_set_it,
    draw_spoils,
    mistaken,
)
from tests.unit.moving_person import ALL_JOINTS, STANDING, ArrayFootage, aside, moving_footage, truth
from tests.unit.propagation_worlds import WalkingPerson


class Walked(ArrayFootage):
    """Images nobody looks at, and no model."""

    def __init__(self, n_frames: int) -> None:
        super().__init__([np.zeros((8, 8, 3), np.uint8)] * n_frames)


def world(n_frames: int = 30, *, error_px: float = 30.0) -> World:
    """Somebody who swings from left to right; the model is off."""
    frames = np.arange(n_frames)
    joints = np.stack([STANDING + aside(40 * np.sin(frame / 5)) for frame in frames])
    known = np.ones((n_frames, 17), np.bool_)
    boxes = np.tile([0.0, 0.0, 300.0, 300.0], (n_frames, 1))
    scores = np.full((n_frames, 17), 0.5)
    return World("swing", frames, joints, known, joints + error_px, scores, Walked(n_frames), boxes, "swing")


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
    found = list(tasks(world(60), np.random.default_rng(0)))
    assert {task.gap for task in found} >= {0, 4, 8}
    for task in found:
        assert not set(task.human) & set(task.targets)
        assert set(task.targets) <= set(range(60))


def test_what_the_model_has_wrong_is_what_is_carried_on() -> None:
    wrong = world()
    answers = wrong.joints.copy()
    answers[:, 9] += 30.0
    found = list(tasks(replace(wrong, answers=answers), np.random.default_rng(0)))
    assert all(task.joints[9] for task in found)
    assert np.mean([task.joints.sum() for task in found]) < 6  # and a few of the others


def test_interpolation_is_measured_against_the_truth_and_listened_to() -> None:
    samples: dict[str, Samples] = {}
    outcomes = run([Trial(world(), 0)], ("interpolate", "linear"), samples=samples)
    assert set(samples) == {"interpolate", "linear", "model"}
    assert len(samples["linear"]) == sum(outcome.method == "linear" for outcome in outcomes)
    correct = np.concatenate(samples["linear"].correct)
    errors = np.array([outcome.error for outcome in outcomes if outcome.method == "linear"])
    np.testing.assert_array_equal(correct, errors <= 0.2)
    assert np.median([outcome.stays for outcome in outcomes]) == pytest.approx(30 * np.sqrt(2) / 20, rel=0.1)


def test_what_a_network_said_is_kept_and_said_again(tmp_path: Path) -> None:
    person = WalkingPerson(n_frames=20)
    frames = np.arange(20)
    known = np.ones((20, 17), np.bool_)
    boxes = np.stack([person.box(frame) for frame in range(20)])
    walks = World(
        "walk", frames, person.joints, known, person.joints + 20.0, np.full((20, 17), 0.5), person, boxes, "walk"
    )
    first, asked = run([Trial(walks, 0, tmp_path)], ("dcpose",)), len(person.looked_at)
    assert first
    assert asked
    assert run([Trial(walks, 0, tmp_path)], ("dcpose",)) == first
    assert len(person.looked_at) == asked
    table = {"dcpose": Calibration({}, (2.0,) * 17)}
    with using(table):  # calibrated as things stand now
        again = run([Trial(walks, 0, tmp_path)], ("dcpose",))
    np.testing.assert_allclose([one.confidence for one in again], sigmoid(np.array(2.0)))


def test_a_mistaken_look_shows_some_joints_where_others_are() -> None:
    person = WalkingPerson(n_frames=1)
    look = person.evidence(0, person.box(0))
    found = mistaken(look, np.random.default_rng(1))
    changed = [joint for joint in range(17) if not torch.equal(found.heatmaps[joint], look.heatmaps[joint])]
    assert 1 <= len(changed) <= 12
    for joint in changed:
        peak = int(found.heatmaps[joint].argmax())
        assert peak != int(look.heatmaps[joint].argmax())
        assert peak in {int(look.heatmaps[other].argmax()) for other in range(17)}
    again = mistaken(look, np.random.default_rng(1))
    assert torch.equal(again.heatmaps, found.heatmaps)  # through a stretch of frames the same ones


def test_the_curve_counts_each_joint_in_the_class_of_its_confidence() -> None:
    outcomes = [
        Outcome("flow", "w", 0, 1, 0, error=0.1 if i % 4 else 0.5, confidence=0.72, stays=0.0, as_is=0.0)
        for i in range(40)
    ]
    (found,) = reliability(outcomes)["flow"]
    assert found.said == pytest.approx(0.72)
    assert (found.was_right, found.joints) == (0.75, 40)
    assert not reliability(outcomes[:5])["flow"]


def test_every_voice_of_the_program_is_calibrated() -> None:
    claims: list[Claim] = []
    voices = {voice for stage in STAGES for voice in stage.voices}
    assert voices >= {"flow", "interpolate", "dcpose", "label_warp", "blend: model"}
    with listening(claims.append):
        for voice in voices:
            claim = Claim(voice, 0, STANDING, ALL_JOINTS, dict.fromkeys(_ANY_READING, np.zeros(17)))
            sure = confidence(claim)
            assert ((sure > 0) & (sure < 1)).all()
            assert np.ptp(sure) > 0  # joints differ: what was never calibrated says 0.5 of all
    assert len(claims) == len(voices)


_ANY_READING = (
    "gap", "near", "moved", "bent", "steps", "round trip", "path", "longest step", "texture", "better", "worse",
    "apart", "score", "correction", "as before", "own", "for", "against", "log speed", *READINGS,
)  # fmt: skip


def test_no_weight_of_the_program_makes_what_speaks_against_a_joint_speak_for_it() -> None:
    path = resources.files("dcpose_core.propagation").joinpath("calibration.json")
    table = msgspec.json.decode(path.read_bytes(), type=dict[str, Calibration])
    readings = {name for one in table.values() for name in one.weights}
    assert readings == set(SIGNS)
    assert all(SIGNS[name] * weight >= 0 for one in table.values() for name, weight in one.weights.items())


def test_a_table_is_written_as_it_is_read() -> None:
    samples = Samples()
    x, right = np.arange(17) / 17, np.arange(17) % 3 > 0
    samples.add({"x": x}, right, ALL_JOINTS)
    fitted = samples.fit()
    assert b'"linear"' in encode({"linear": fitted})
    assert len(fitted.biases) == 17


def test_stretches_of_frames_are_spoiled_by_one_thing_each() -> None:
    spoils = draw_spoils(np.arange(200), np.random.default_rng(3))
    assert 60 < len(spoils) < 160
    assert MISTAKEN in {name for name, _ in spoils.values()} <= {MISTAKEN, *DEGRADATIONS}
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
        spoils={1: Spoil("low_light", 4), 2: Spoil(MISTAKEN, 4)},
    )
    np.testing.assert_array_equal(footage.image(0), images[0])
    assert footage.image(1).mean() < 0.9 * images[1].mean()
    assert footage.image(1) is footage.image(1)
    np.testing.assert_array_equal(footage.image(2), images[2])  # only the model is mistaken
    assert not torch.equal(
        footage.evidence(2, box).heatmaps, model.evidence([CropRequest(images[2], model.crop_matrix(box))])[0].heatmaps
    )
    model.close()


def test_each_propagator_but_blends_sources_is_fitted_before_what_builds_on_it() -> None:
    ran: set[str] = set()
    for stage in STAGES:
        ran |= set(stage.methods)
    assert ran == set(PROPAGATORS)


def test_people_and_the_model_disagree_about_a_joint_alike_on_every_frame() -> None:
    joints = np.random.default_rng(3).normal(scale=50.0, size=(30, 17, 2))
    joints[:, 1], joints[:, 2] = 0.0, [0.0, 40.0]  # a head of 40 pixels
    moved = as_people_set_it(joints, np.random.default_rng(4)) - joints
    np.testing.assert_allclose(moved, np.broadcast_to(moved[0], moved.shape), atol=1e-9)
    assert 1.0 < np.sqrt(np.square(moved[0]).sum(axis=-1).mean()) < 7.0  # 0.09 head lengths are 3.6 pixels
