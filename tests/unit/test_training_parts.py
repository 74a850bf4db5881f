"""Targets, losses, learning rates, the order of samples, validation figures and metrics files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dcpose_core.errors import TrainingError
from dcpose_core.heatmaps import decode, encode
from dcpose_core.models.description import DecodeRule
from dcpose_core.training.events import Accuracy, CheckpointSaved, Finished, Stepped, Validated
from dcpose_core.training.losses import heatmap_loss, peak_weighted_loss
from dcpose_core.training.metrics_file import append_event, drop_later, read_events
from dcpose_core.training.plots import plot_metrics
from dcpose_core.training.sampling import Mixture, visit
from dcpose_core.training.schedules import learning_rate
from dcpose_core.training.settings import ConstantRate, CosineRate, IntegerTargets, MilestoneRate, SubcellTargets
from dcpose_core.training.targets import draw_targets
from dcpose_core.training.validation import AccuracySum, training_pck
from tests.unit.training_samples import MovingPeaks


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.floats(-120, 420), st.floats(-120, 500)), min_size=1, max_size=4),
    st.sampled_from([1.0, 2.0, 3.0]),
)
def test_integer_targets_on_the_device_are_those_of_encode(points: list[tuple[float, float]], sigma: float) -> None:
    joints = np.array(points)
    expected, expected_weights = encode(joints, np.ones(len(joints)), width_px=288, height_px=384, sigma_hm=sigma)
    targets, weights = draw_targets(
        torch.tensor(joints)[None], torch.ones(1, len(joints)), IntegerTargets(sigma=sigma), height=96, width=72
    )
    np.testing.assert_array_equal(weights[0].numpy(), expected_weights)
    seen = expected_weights > 0
    np.testing.assert_allclose(targets[0].numpy()[seen], expected[seen], atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(st.floats(30, 250), st.floats(30, 350))
def test_subcell_targets_decode_to_the_joint_itself(x: float, y: float) -> None:
    joints = torch.tensor([[[x, y]]], dtype=torch.float64)
    for shift, rule, tolerance in ((0.5, DecodeRule.DARK, 0.02), (0.0, DecodeRule.QUARTER_OFFSET, 0.36)):
        targets, weights = draw_targets(joints, torch.ones(1, 1), SubcellTargets(shift=shift), height=96, width=72)
        positions, _ = decode(targets, rule=rule)
        assert weights.item() == 1
        assert (positions * 4 - joints).abs().max() / 4 < tolerance


def test_a_joint_far_off_the_map_does_not_count() -> None:
    joints = torch.tensor([[[-20.0, 40.0], [-40.0, 40.0], [100.0, 600.0]]])
    _, weights = draw_targets(joints, torch.full((1, 3), 0.5), SubcellTargets(sigma=2), height=96, width=72)
    assert weights.tolist() == [[0.5, 0.0, 0.0]]


def test_the_peak_weighted_loss_counts_cells_by_their_target() -> None:
    target = torch.zeros(1, 1, 1, 2)
    target[..., 1] = 1.0
    predicted = torch.full((1, 1, 1, 2), 0.5)
    assert peak_weighted_loss(predicted, target, torch.ones(1, 1, 1), peak=10).item() == pytest.approx(0.25 * 12 / 2)
    assert peak_weighted_loss(predicted, target, torch.ones(1, 1, 1), peak=0) == heatmap_loss(
        predicted, target, torch.ones(1, 1, 1)
    )


def rates(schedule: ConstantRate | MilestoneRate | CosineRate, steps: int) -> list[float]:
    return [learning_rate(1.0, schedule, step=step, steps_per_epoch=2, total_steps=steps) for step in range(steps)]


def test_milestones_count_from_the_epoch_that_they_name_and_twice_if_named_twice() -> None:
    assert rates(MilestoneRate(epochs=(1, 3, 3), gamma=0.5), 8) == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.125, 0.125]
    assert rates(ConstantRate(), 3) == [1, 1, 1]


def test_a_cosine_rises_over_the_warm_up_and_falls_to_its_end() -> None:
    values = rates(CosineRate(warmup_steps=4, final=0.1), 104)
    assert values[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert values[54] == pytest.approx(0.55)
    assert values[-1] == pytest.approx(0.1, abs=1e-3)
    assert values[4:] == sorted(values[4:], reverse=True)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 30), st.integers(0, 5))
def test_every_pass_visits_every_sample_once(length: int, seed: int) -> None:
    visits = [visit(position, length=length, seed=seed) for position in range(3 * length)]
    for number in range(3):
        assert sorted(index for at, index in visits if at == number) == list(range(length))


def test_a_mixture_keeps_its_shares_and_goes_through_each_source_pass_by_pass() -> None:
    small, large = MovingPeaks(4), MovingPeaks(16)
    mixture = Mixture([(small, 3.0), (large, 1.0)])
    assert len(mixture) == 20
    for epoch in range(4):
        for index in range(20):
            mixture.sample(index, epoch=epoch, seed=5)
    assert Counter(index for index, _, _ in small.asked) == dict.fromkeys(range(4), 15)
    assert {epoch for _, epoch, _ in small.asked} == set(range(15))
    assert len(large.asked) == 20
    assert Counter(index for index, epoch, _ in large.asked if epoch == 0) == dict.fromkeys(range(16), 1)


def test_an_empty_source_in_a_mixture_is_one_clear_error() -> None:
    with pytest.raises(TrainingError, match="data source 2 of 2 has no samples"):
        Mixture([(MovingPeaks(3), 1.0), (MovingPeaks(0), 1.0)])
    with pytest.raises(TrainingError, match="data source 1 of 2 has too small a share"):
        Mixture([(MovingPeaks(3), 1e-6), (MovingPeaks(3), 1.0)])


def test_the_training_pck_has_the_thresholds_of_the_published_log() -> None:
    # Half of a tenth of the map's height (96) in x, of its width (72) in y: 4.8 and 3.6 cells.
    target, predicted = torch.zeros(1, 6, 96, 72), torch.zeros(1, 6, 96, 72)
    target[0, :, 40, 30] = 1.0
    for joint, (dx, dy) in enumerate([(4, 0), (5, 0), (0, 3), (0, 4), (0, 0)]):
        predicted[0, joint, 40 + dy, 30 + dx] = 1.0
    target[0, 4] = 0.0
    target[0, 4, 1, 30] = 1.0  # in the first two rows: not counted
    weight = torch.ones(1, 6)
    weight[0, 5] = 0.0
    correct, counted = training_pck(predicted, target, weight)
    assert correct.tolist() == [1, 0, 1, 0, 0, 0]
    assert counted.tolist() == [1, 1, 1, 1, 0, 0]


def test_nothing_to_measure_gives_no_figure() -> None:
    sums = AccuracySum(rule=DecodeRule.DARK, device=torch.device("cpu"))
    sums.add(torch.rand(1, 17, 8, 8), torch.rand(1, 17, 8, 8), torch.zeros(1, 17), torch.zeros(1, 17, 2))
    accuracy = sums.accuracy()
    assert np.isnan(accuracy.pck)
    assert np.isnan(accuracy.error_cells)


def _events(path: Path) -> None:
    for step in range(1, 7):
        append_event(path, Stepped(epoch=0, step=step, loss=1 / step, rate=0.1, samples_per_s=9.0))
        append_event(path, CheckpointSaved(epoch=0, step=step, path=path))
    accuracy = Accuracy(pck=float("nan"), error_cells=1.0)
    append_event(path, Validated(epoch=0, step=6, loss=0.1, refined=accuracy, single_frame=accuracy))
    append_event(path, Finished(step=6, seconds=1.0))


def test_a_metrics_file_holds_the_figures_and_forgets_what_a_resumed_run_says_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    _events(path)
    assert [event["event"] for event in read_events(path)] == ["Stepped"] * 6 + ["Validated", "Finished"]
    with path.open("ab") as file:
        file.write(b'{"event": "Stepp')  # what a killed run leaves
    drop_later(path, 4)
    assert [event["step"] for event in read_events(path)] == [1, 2, 3, 4]
    path.write_bytes(b"no metric\n")
    with pytest.raises(TrainingError, match="line 1 is no metric"):
        list(read_events(path))


def test_curves_are_drawn_as_png_files(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    _events(path)
    assert plot_metrics(path, tmp_path) == [tmp_path / "loss.png", tmp_path / "validation.png"]
    for file in tmp_path.glob("*.png"):
        assert file.read_bytes().startswith(b"\x89PNG")
        assert file.stat().st_size > 5000
