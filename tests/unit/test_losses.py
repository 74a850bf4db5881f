"""The two losses; the reference's value is in the parity tests."""

from __future__ import annotations

import pytest
import torch

from dcpose_core.training.losses import heatmap_loss, paper_heatmap_loss


def test_the_reference_averages_over_pixels_batch_and_all_joints() -> None:
    predicted = torch.zeros(2, 17, 4, 3)
    target = torch.zeros(2, 17, 4, 3)
    target[0, 5] = 2.0  # one joint of one of two samples, off by 2 everywhere
    assert heatmap_loss(predicted, target, torch.ones(2, 17, 1)).item() == pytest.approx(4.0 / 2 / 17)


def test_a_joint_without_weight_costs_nothing_and_gets_no_gradient() -> None:
    predicted = torch.rand(2, 17, 4, 3, requires_grad=True)
    weight = torch.ones(2, 17, 1)
    weight[:, 3:5] = 0
    loss = heatmap_loss(predicted, torch.zeros(2, 17, 4, 3), weight)
    (gradient,) = torch.autograd.grad(loss, predicted)
    assert not gradient[:, 3:5].any()
    assert gradient[:, 5].all()


def test_the_paper_sums_over_pixels_and_divides_by_fifteen_joints() -> None:
    torch.manual_seed(0)
    predicted, target = torch.rand(2, 2, 17, 4, 3)
    weight = (torch.rand(2, 17, 1) > 0.5).float()
    expected = heatmap_loss(predicted, target, weight) * (4 * 3 * 17 / 15)
    torch.testing.assert_close(paper_heatmap_loss(predicted, target, weight), expected)
