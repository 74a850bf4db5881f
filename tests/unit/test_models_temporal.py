"""The temporal modules and their settings: every ablation of the paper, and the paper where the code differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dcpose_core.errors import UsageError
from dcpose_core.models.dcpose import DCPose, TemporalHead
from dcpose_core.models.initialisation import initialise
from dcpose_core.models.pcn import ModulatedDeformableConv
from dcpose_core.models.residual_chain import ResidualChain
from dcpose_core.models.settings import PAPER, REFERENCE, DCPoseSettings
from dcpose_core.models.weighting import NeighbourWeights, neighbour_weights
from tests.unit.tiny_backbone import TinyBackbone

_MARGIN = torch.tensor([[1, 3], [2, 1]])


def _heatmaps() -> tuple[Tensor, Tensor, Tensor]:
    """Current, previous and next `[2, 17, 16, 12]`, different everywhere."""
    generator = torch.Generator().manual_seed(7)
    current, previous, next_ = torch.rand(3, 2, 17, 16, 12, generator=generator)
    return current, previous, next_


def _head(**settings: Any) -> TemporalHead:
    torch.manual_seed(3)
    head = TemporalHead(DCPoseSettings(**settings)).eval()
    with torch.no_grad():
        for module in head.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)  # type: ignore[union-attr]  # a buffer, always there
    return head


def _inputs_of(module: nn.Module, run: Any) -> Tensor:
    seen: list[Tensor] = []
    hook = module.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with torch.inference_mode():
        run()
    hook.remove()
    return seen[0]


ABLATIONS: dict[str, dict[str, Any]] = {
    "complete": {},
    "without PTM, sum": {"merger": "sum"},
    "without PTM, key frame": {"merger": "key_frame"},
    "without PRF": {"fusion": "sum"},
    "1 dilation": {"dilations": (3,)},
    "2 dilations": {"dilations": (3, 6)},
    "3 dilations": {"dilations": (3, 6, 9)},
    "4 dilations": {"dilations": (3, 6, 9, 12)},
    "without previous frame": {"use_previous": False},
    "without next frame": {"use_next": False},
    "without PTM, sum, and previous frame": {"merger": "sum", "use_previous": False},
    "without PRF and next frame": {"fusion": "sum", "use_next": False},
}
VARIANTS: dict[str, dict[str, Any]] = {
    "grouped convolutions": {"convolutions": "per_joint"},
    "frames in time": {"frame_order": "in_time"},
    "residuals in time": {"residuals": "in_time"},
    "PTM first": {"correction_input": "ptm_first"},
    "separate chains": {"correction_chains": "separate"},
    "bounded masks": {"masks": "sigmoid"},
}


@pytest.mark.parametrize("settings", [*ABLATIONS.values(), *VARIANTS.values()], ids=[*ABLATIONS, *VARIANTS])
def test_every_setting_gives_heatmaps_and_trains_all_its_parameters(settings: dict[str, Any]) -> None:
    head = _head(**settings).train()
    output = head(*_heatmaps(), _MARGIN)
    assert output.shape == (2, 17, 16, 12)
    output.square().mean().backward()
    without_gradient = [name for name, p in head.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert without_gradient == []


def test_the_papers_settings_together_give_heatmaps() -> None:
    torch.manual_seed(0)
    assert TemporalHead(PAPER).eval()(*_heatmaps(), _MARGIN).shape == (2, 17, 16, 12)


def test_the_reference_is_the_default() -> None:
    assert TemporalHead().settings == DCPoseSettings() == REFERENCE
    assert REFERENCE.dilations == (3, 6, 9, 12, 15)


@pytest.mark.parametrize(
    "settings",
    [
        {"dilations": ()},
        {"dilations": (6, 3)},
        {"dilations": (3, 3)},
        {"dilations": (0, 3)},
        {"use_previous": False, "use_next": False},
    ],
)
def test_settings_without_meaning_are_a_usage_error(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        DCPoseSettings(**settings)


def test_without_ptm_the_sum_of_the_frames_is_convolved_once() -> None:
    head = _head(merger="sum")
    current, previous, next_ = _heatmaps()
    merged = head.ptm(current, previous, next_, neighbour_weights(_MARGIN))
    torch.testing.assert_close(merged, head.ptm.get_submodule("conv")(current + previous + next_))


def test_without_ptm_the_key_frames_heatmaps_are_resampled() -> None:
    current, previous, next_ = _heatmaps()
    head = _head(merger="key_frame")
    resampled = _inputs_of(head.pcn.deformable[0], lambda: head(current, previous, next_, _MARGIN))
    assert torch.equal(resampled, current)


def test_without_prf_the_sum_of_the_residuals_is_convolved_once() -> None:
    head = _head(fusion="sum")
    current, previous, next_ = _heatmaps()
    features = head.prf(current, previous, next_, neighbour_weights(_MARGIN))
    expected = head.prf.get_submodule("conv")(current - previous + next_ - current)
    torch.testing.assert_close(features, expected)


@pytest.mark.parametrize("merger", ["ptm", "sum"])
@pytest.mark.parametrize("fusion", ["prf", "sum"])
@pytest.mark.parametrize("removed", ["previous", "next"])
def test_a_removed_frame_does_not_matter_and_the_other_does(merger: str, fusion: str, removed: str) -> None:
    head = _head(merger=merger, fusion=fusion, **{f"use_{removed}": False})
    current, previous, next_ = _heatmaps()
    frames = {"previous": previous, "next_": next_}
    gone = "previous" if removed == "previous" else "next_"
    kept = "next_" if removed == "previous" else "previous"
    with torch.inference_mode():
        output = head(current, margin=_MARGIN, **frames)
        without = head(current, margin=_MARGIN, **{**frames, gone: torch.zeros_like(current)})
        other = head(current, margin=_MARGIN, **{**frames, kept: torch.zeros_like(current)})
    assert torch.equal(output, without)
    assert not torch.allclose(output, other)


def test_the_final_heatmaps_are_the_mean_over_the_dilations() -> None:
    head = _head(dilations=(3, 9))
    parts: list[Tensor] = []
    for module in head.pcn.deformable:
        module.register_forward_hook(lambda module, inputs, output: parts.append(output))
    with torch.inference_mode():
        output = head(*_heatmaps(), _MARGIN)
    assert [module.dilation for module in head.pcn.deformable] == [3, 9]
    torch.testing.assert_close(output, (parts[0] + parts[1]) / 2)


@pytest.mark.parametrize("in_time", [False, True])
def test_ptm_takes_the_frames_of_each_joint_side_by_side(in_time: bool) -> None:
    head = _head(frame_order="in_time" if in_time else "current_first")
    current, previous, next_ = _heatmaps()
    channels = _inputs_of(head.ptm.get_submodule("chain"), lambda: head(current, previous, next_, _MARGIN))
    # sample 0: margins 1 and 3, so the previous frame is nearer and weighs 3/4
    c, p, n = current[0, 5], 0.75 * previous[0, 5], 0.25 * next_[0, 5]
    expected = torch.stack([p, c, n] if in_time else [c, p, n])
    torch.testing.assert_close(channels[0, 15:18], expected)


@pytest.mark.parametrize("in_time", [False, True])
def test_prf_takes_the_residuals_of_each_joint_side_by_side(in_time: bool) -> None:
    head = _head(residuals="in_time" if in_time else "from_neighbour")
    current, previous, next_ = _heatmaps()
    channels = _inputs_of(head.prf.get_submodule("chain"), lambda: head(current, previous, next_, _MARGIN))
    from_previous, to_next = (current - previous)[0, 5], (next_ - current)[0, 5]
    if in_time:
        expected = [from_previous, to_next, 0.75 * from_previous, 0.25 * to_next]
    else:
        expected = [from_previous, 0.75 * from_previous, -to_next, 0.25 * -to_next]
    torch.testing.assert_close(channels[0, 20:24], torch.stack(expected))


@pytest.mark.parametrize("ptm_first", [False, True])
def test_pcn_takes_both_features_in_the_order_of_its_setting(ptm_first: bool) -> None:
    head = _head(correction_input="ptm_first" if ptm_first else "prf_first")
    frames = _heatmaps()
    inputs = _inputs_of(head.pcn.combine, lambda: head(*frames, _MARGIN))
    with torch.inference_mode():
        merged = head.ptm(*frames, neighbour_weights(_MARGIN))
    own = inputs[:, :17] if ptm_first else inputs[:, 34:]
    torch.testing.assert_close(own, merged)


def test_dense_convolutions_mix_joints_and_grouped_ones_do_not() -> None:
    current, previous, next_ = _heatmaps()
    changed = current.clone()
    changed[:, 3] = 0
    weights = neighbour_weights(_MARGIN)
    for convolutions, affected in (("per_joint", {3}), ("dense", set(range(17)))):
        head = _head(convolutions=convolutions)
        for module in (head.ptm, head.prf):
            with torch.inference_mode():
                difference = module(current, previous, next_, weights) - module(changed, previous, next_, weights)
            moved = {int(joint) for joint in difference.unflatten(1, (17, -1)).abs().sum(dim=(0, 2, 3, 4)).nonzero()}
            assert moved <= affected
            assert 3 in moved
            assert (len(moved) > 1) == (convolutions == "dense")


def test_a_grouped_chain_equals_one_dense_chain_per_group() -> None:
    torch.manual_seed(1)
    grouped = ResidualChain(6, 4, blocks=1, groups=2).eval()
    features = torch.randn(1, 6, 8, 8)
    state = grouped.state_dict()
    parts = []
    for group in range(2):
        single = ResidualChain(3, 2, blocks=1).eval()
        # Along the first axis every tensor of a grouped layer is the groups' tensors one after the other.
        single.load_state_dict({key: t if t.ndim == 0 else t.chunk(2)[group] for key, t in state.items()})
        parts.append(single(features[:, 3 * group : 3 * group + 3]))
    torch.testing.assert_close(grouped(features), torch.cat(parts, dim=1))


def test_offsets_and_masks_share_one_chain_unless_they_are_separate() -> None:
    assert _head().pcn.combine_for_masks is None
    head = _head(correction_chains="separate")
    assert head.pcn.combine_for_masks is not None
    frames = _heatmaps()
    before = _inputs_of(head.pcn.masks[0], lambda: head(*frames, _MARGIN))
    with torch.no_grad():
        for parameter in head.pcn.combine.parameters():
            parameter.zero_()
    after = _inputs_of(head.pcn.masks[0], lambda: head(*frames, _MARGIN))
    assert torch.equal(before, after)


@pytest.mark.parametrize(("masks", "bounded"), [("unbounded", False), ("sigmoid", True)])
def test_masks_are_used_raw_unless_bounded(masks: str, bounded: bool) -> None:
    head = _head(masks=masks)
    seen: list[Tensor] = []
    head.pcn.deformable[0].register_forward_pre_hook(lambda module, inputs: seen.append(inputs[2]))
    with torch.inference_mode():
        head(*_heatmaps(), _MARGIN)
    assert bool((seen[0] < 0).any()) is not bounded
    assert (head.pcn.masks[0].bias is not None) is bounded
    assert (head.pcn.offsets[0].bias is not None) is bounded


def _weights(margin: Sequence[int]) -> list[float]:
    weights = neighbour_weights(torch.tensor([margin]))
    return [weights.previous.item(), weights.next.item()]


def test_the_nearer_neighbour_weighs_more() -> None:
    assert _weights([1, 1]) == [0.5, 0.5]
    assert _weights([1, 3]) == [0.75, 0.25]
    assert _weights([3, 1]) == [0.25, 0.75]


def test_at_a_border_the_reference_weighs_both_sides_alike_and_the_papers_formula_does_not() -> None:
    no_previous_frame = {"reference": [REFERENCE.border_margin, 1], "paper": [PAPER.border_margin, 1]}
    assert _weights(no_previous_frame["reference"]) == [0.5, 0.5]
    assert _weights(no_previous_frame["paper"]) == [1.0, 0.0]
    assert _weights([2, PAPER.border_margin]) == [0.0, 1.0]


def test_a_clip_of_one_frame_has_finite_weights() -> None:
    assert _weights([0, 0]) == [0.5, 0.5]


def test_a_new_deformable_convolution_passes_its_input_on() -> None:
    conv = ModulatedDeformableConv(17, dilation=3)
    heatmaps = torch.rand(1, 17, 8, 8)
    output = conv(heatmaps, torch.zeros(1, 306, 8, 8), torch.ones(1, 153, 8, 8))
    torch.testing.assert_close(output, heatmaps)


def test_offsets_move_the_samples_down_and_right_of_one_joint_only() -> None:
    conv = ModulatedDeformableConv(17, dilation=3)
    heatmaps = torch.rand(1, 17, 8, 8)
    offset = torch.zeros(1, 306, 8, 8)
    joint, centre_tap = 4, 4
    offset[:, 18 * joint + 2 * centre_tap] = 2.0  # dy
    offset[:, 18 * joint + 2 * centre_tap + 1] = 1.0  # dx
    output = conv(heatmaps, offset, torch.ones(1, 153, 8, 8))
    torch.testing.assert_close(output[:, joint, :-2, :-1], heatmaps[:, joint, 2:, 1:])
    assert not output[:, joint, -2:].any(), "samples off the map count as 0"
    torch.testing.assert_close(output[:, :joint], heatmaps[:, :joint])


def test_the_network_is_its_backbone_on_three_frames_and_then_the_temporal_modules() -> None:
    torch.manual_seed(0)
    network = DCPose(TinyBackbone(), _head()).eval()
    frames = torch.randn(2, 9, 64, 32)
    with torch.inference_mode():
        current, previous, next_ = (network.backbone(frames[:, channel : channel + 3]) for channel in (0, 3, 6))
        expected = network.temporal(current, previous, next_, _MARGIN)
        torch.testing.assert_close(network(frames, _MARGIN), expected)


def test_half_precision_autocast_gives_float32_heatmaps_close_to_full_precision() -> None:
    head = _head()
    frames = _heatmaps()
    with torch.inference_mode():
        full = head(*frames, _MARGIN)
        with torch.autocast("cpu", torch.bfloat16):
            half = head(*(frame.bfloat16() for frame in frames), _MARGIN)
    assert half.dtype == torch.float32
    assert (half - full).abs().max() < 0.05 * full.abs().max()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_channels_last_and_autocast_on_the_gpu_agree_with_the_cpu() -> None:
    head = _head()
    frames = _heatmaps()
    with torch.inference_mode():
        expected = head(*frames, _MARGIN)
        head.to("cuda").to(memory_format=torch.channels_last)
        on_gpu = [frame.to("cuda", memory_format=torch.channels_last) for frame in frames]
        with torch.autocast("cuda", torch.float16):
            half = head(*on_gpu, _MARGIN.to("cuda"))
    assert half.dtype == torch.float32
    assert (half.cpu() - expected).abs().max() < 0.02 * expected.abs().max()


def test_channels_last_gives_the_same_heatmaps() -> None:
    head = _head()
    frames = _heatmaps()
    with torch.inference_mode():
        expected = head(*frames, _MARGIN)
        head.to(memory_format=torch.channels_last)
        output = head(*(frame.contiguous(memory_format=torch.channels_last) for frame in frames), _MARGIN)
    torch.testing.assert_close(output, expected, atol=1e-5, rtol=1e-4)


def test_an_initialised_network_starts_as_the_reference_does() -> None:
    head = _head()
    initialise(head, generator=torch.Generator().manual_seed(0))
    weights = torch.cat([m.weight.flatten() for m in head.modules() if isinstance(m, nn.Conv2d)])
    assert weights.mean().item() == pytest.approx(0, abs=1e-5)
    assert weights.std().item() == pytest.approx(0.001, rel=0.01)
    assert all(not p.any() for name, p in head.named_parameters() if name.endswith("bias"))
    assert all(torch.equal(m.running_var, torch.ones_like(m.running_var)) for m in _normalisations(head))
    assert all(not m.running_mean.any() for m in _normalisations(head))
    for module in _deformable(head):
        assert torch.equal(module.weight, nn.init.dirac_(torch.empty(17, 17, 3, 3)))
    with torch.inference_mode():
        output = head.eval()(*_heatmaps(), _MARGIN)
    assert output.abs().max() < 1e-6, "raw masks of tiny weights leave nothing"


def test_the_papers_initialisation_makes_deformable_kernels_small_too() -> None:
    head = TemporalHead()
    initialise(head, deformable="gaussian", generator=torch.Generator().manual_seed(0))
    for module in _deformable(head):
        assert module.weight.std().item() == pytest.approx(0.001, rel=0.1)


def _deformable(head: TemporalHead) -> list[ModulatedDeformableConv]:
    return [m for m in head.modules() if isinstance(m, ModulatedDeformableConv)]


def _normalisations(module: nn.Module) -> list[Any]:
    return [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]


@pytest.mark.parametrize("keep_statistics", [False, True])
def test_a_frozen_backbone_gets_no_gradient_and_keeps_its_statistics_only_if_asked(keep_statistics: bool) -> None:
    torch.manual_seed(0)
    network = DCPose(TinyBackbone(), _head()).freeze_backbone(keep_statistics=keep_statistics).train()
    before = network.backbone.get_buffer("bn.running_mean").clone()
    network(torch.randn(2, 9, 64, 32), _MARGIN).sum().backward()

    assert all(parameter.grad is None for parameter in network.backbone.parameters())
    assert all(parameter.grad is not None for parameter in network.temporal.parameters())
    assert network.temporal.training
    assert torch.equal(network.backbone.get_buffer("bn.running_mean"), before) is keep_statistics
    assert network.backbone.training is not keep_statistics
    assert not any(module.training for module in network.eval().modules())


def test_the_papers_settings_take_every_variant() -> None:
    for setting in VARIANTS.values():
        for name, value in setting.items():
            assert getattr(PAPER, name) == value != getattr(REFERENCE, name)


def test_weights_follow_the_type_of_the_heatmaps() -> None:
    weights: NeighbourWeights = neighbour_weights(_MARGIN, torch.float64)
    assert weights.previous.dtype == torch.float64
    assert weights.previous.shape == (2, 1, 1, 1)
