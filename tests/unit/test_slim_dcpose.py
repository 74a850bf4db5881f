"""The slim DCPose: joints apart, frames that matter or not, exact resampling, and that it learns."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchvision.ops import deform_conv2d

from dcpose_core.models.joint_batches import split_joints, to_blocks, to_maps
from dcpose_core.models.settings import SlimSettings
from dcpose_core.models.slim_correction import resample, shifted_copies
from dcpose_core.models.slim_dcpose import SlimDCPose
from dcpose_core.skeletons import POSETRACK_17

_MARGIN = torch.tensor([[1, 3]])
_LEFT_WRIST, _RIGHT_WRIST = POSETRACK_17.index("left_wrist"), POSETRACK_17.index("right_wrist")


def _heatmaps() -> tuple[Tensor, Tensor, Tensor]:
    current, previous, next_ = torch.rand(3, 1, 17, 32, 24, generator=torch.Generator().manual_seed(7))
    return current, previous, next_


def _trained(settings: SlimSettings | None = None) -> SlimDCPose:
    """As after training: no weight is 0."""
    torch.manual_seed(3)
    head = SlimDCPose(settings).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return head


def _changed_joints(head: SlimDCPose, joint: int) -> set[int]:
    """The joints whose result changes with the key frame's map of one joint."""
    current, previous, next_ = _heatmaps()
    other = current.clone()
    other[:, joint] = 0
    with torch.inference_mode():
        change = head(current, previous, next_, _MARGIN) - head(other, previous, next_, _MARGIN)
    return set(change.abs().sum(dim=(0, 2, 3)).nonzero().flatten().tolist())


def test_a_joint_is_corrected_by_its_own_maps_and_the_other_sides() -> None:
    assert _changed_joints(_trained(), _LEFT_WRIST) == {_LEFT_WRIST, _RIGHT_WRIST}
    assert _changed_joints(_trained(), POSETRACK_17.index("nose")) == {POSETRACK_17.index("nose")}
    assert _changed_joints(_trained(SlimSettings(use_opposite=False)), _LEFT_WRIST) == {_LEFT_WRIST}


def test_all_joints_are_treated_alike_so_left_and_right_can_change_places() -> None:
    head = _trained()
    swapped = [frame[:, POSETRACK_17.flip_order] for frame in _heatmaps()]
    with torch.inference_mode():
        expected = head(*_heatmaps(), _MARGIN)[:, POSETRACK_17.flip_order]
        torch.testing.assert_close(head(*swapped, _MARGIN), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("removed", ["previous", "next"])
@pytest.mark.parametrize("settings", [{}, {"merger": "sum"}, {"fusion": "sum"}])
def test_a_removed_frame_does_not_matter_and_the_other_does(removed: str, settings: dict[str, str]) -> None:
    head = _trained(SlimSettings(**settings, **{f"use_{removed}": False}))  # type: ignore[arg-type]  # names of fields
    current, previous, next_ = _heatmaps()
    frames = {"previous": previous, "next": next_}
    with torch.inference_mode():
        both = head(current, *frames.values(), _MARGIN)
        kept = [frames[name] if name != removed else torch.zeros_like(current) for name in frames]
        gone = [frames[name] if name == removed else torch.zeros_like(current) for name in frames]
        assert torch.equal(head(current, *kept, _MARGIN), both)
        assert not torch.allclose(head(current, *gone, _MARGIN), both)


def test_without_ptm_the_key_frames_map_is_resampled_and_without_prf_its_residuals_are_summed() -> None:
    head = _trained(SlimSettings(merger="key_frame", fusion="sum"))
    seen: list[tuple[Tensor, ...]] = []
    head.pcn.register_forward_pre_hook(lambda module, inputs: seen.append(inputs))
    current, previous, next_ = _heatmaps()
    with torch.inference_mode():
        head(current, previous, next_, _MARGIN)
        merged, features = seen[0]
        residual = (current - previous + next_ - current).flatten(0, 1).unsqueeze(1)
        expected = head.prf.get_submodule("conv")(to_blocks(residual, 2))
    assert torch.equal(to_maps(merged, 2), current.flatten(0, 1).unsqueeze(1))
    torch.testing.assert_close(features, expected)


def test_the_result_is_the_mean_over_the_dilations() -> None:
    head = _trained(SlimSettings(dilations=(3, 9)))
    alone = []
    with torch.inference_mode():
        together = head(*_heatmaps(), _MARGIN)
        for index in range(2):
            one = SlimDCPose(SlimSettings(dilations=((3, 9)[index],))).eval()
            state = head.state_dict()
            steer = {key: state[key.replace("steer.0", f"steer.{index}")] for key in one.state_dict() if "steer" in key}
            kernels = {"pcn.kernels": state["pcn.kernels"][index : index + 1]}
            one.load_state_dict({key: state[key] for key in one.state_dict()} | steer | kernels)
            alone.append(one(*_heatmaps(), _MARGIN))
    torch.testing.assert_close(together, (alone[0] + alone[1]) / 2, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_resampling_is_the_deformable_convolution_of_torchvision(scale: int) -> None:
    generator = torch.Generator().manual_seed(1)
    maps = torch.rand(3, 1, 16, 24, generator=generator)
    offsets = 5 * torch.randn(3, 16 // scale, 24 // scale, 18, generator=generator)
    masks = torch.randn(3, 16 // scale, 24 // scale, 9, generator=generator)
    kernel = torch.randn(9, generator=generator)

    def repeated(values: Tensor) -> Tensor:
        return values.permute(0, 3, 1, 2).repeat_interleave(scale, 2).repeat_interleave(scale, 3)

    dy_dx = torch.unflatten(offsets, -1, (9, 2)).flip(-1).flatten(-2)
    expected = deform_conv2d(
        maps, repeated(dy_dx), kernel.view(1, 1, 3, 3), padding=3, dilation=3, mask=repeated(masks)
    )
    sampled = to_maps(
        resample(shifted_copies(maps, scale), offsets / 2, masks * kernel, dilation=3, cells_per_unit=2.0), scale
    )
    torch.testing.assert_close(sampled, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("half", [{"use_previous": False}, {"use_next": False}, {}])
def test_prf_sees_the_residuals_as_they_are_and_weighted(half: dict[str, bool]) -> None:
    head = _trained(SlimSettings(**half))  # type: ignore[arg-type]  # names of fields
    current, previous, next_ = torch.rand(3, 3, 17, 32, 24, generator=torch.Generator().manual_seed(2))
    joints = split_joints(current, previous, next_, torch.tensor([[1, 3], [0, 2], [0, 0]]))
    residuals = []
    if head.settings.use_previous:
        residuals += [joints.current - joints.previous, joints.weights.previous * (joints.current - joints.previous)]
    if head.settings.use_next:
        residuals += [joints.current - joints.next, joints.weights.next * (joints.current - joints.next)]
    stem, block = head.prf.get_submodule("stem"), head.prf.get_submodule("block")
    with torch.inference_mode():
        expected = block(stem(to_blocks(torch.cat(residuals, dim=1), 2)))
        torch.testing.assert_close(head.prf(joints), expected, atol=1e-5, rtol=1e-4)


def test_the_kernels_of_pcn_multiply_its_masks() -> None:
    head = _trained()
    with torch.inference_mode():
        before = head(*_heatmaps(), _MARGIN) - head.pcn.bias
        head.pcn.kernels.mul_(3)
        torch.testing.assert_close(head(*_heatmaps(), _MARGIN) - head.pcn.bias, 3 * before, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_blocks_hold_all_values_of_their_maps(size: int) -> None:
    maps = torch.rand(2, 3, 8, 12)
    blocks = to_blocks(maps, size)
    assert torch.equal(blocks, nn.functional.pixel_unshuffle(maps, size))
    assert blocks.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(to_maps(blocks[:, size**2 : 2 * size**2], size), maps[:, 1:2])


def test_half_precision_autocast_stays_close_to_full_precision() -> None:
    head = _trained()
    with torch.inference_mode():
        full = head(*_heatmaps(), _MARGIN)
        with torch.autocast("cpu", torch.bfloat16):
            half = head(*_heatmaps(), _MARGIN)
    assert half.dtype == torch.float32
    assert (half - full).abs().mean() < 0.02 * full.abs().mean()


def _peaks(places: Tensor, *, sigma: float, height: float) -> Tensor:
    """Gaussians `[N, 17, 16, 16]` at places `[N, 17, 2]`."""
    cells = torch.arange(16.0)
    x, y = places[..., :1] - cells, places[..., 1:] - cells
    squared = y.square()[..., :, None] + x.square()[..., None, :]
    return height * torch.exp(-squared / (2 * sigma**2))


def test_a_little_training_finds_a_joint_that_the_key_frame_does_not_show() -> None:
    torch.manual_seed(0)
    head = SlimDCPose(SlimSettings(dilations=(3,))).train()
    optimiser = torch.optim.Adam(head.parameters(), lr=4e-3)

    def sample() -> tuple[Tensor, Tensor]:
        """Frames `[3, 2, 17, 16, 16]` of joints that move by up to 2 cells, the key frame empty, and the truth."""
        place, step = 4 + 8 * torch.rand(2, 17, 2), 2 * torch.rand(2, 17, 2) - 1
        frames = [_peaks(place + t * step, sigma=1.2, height=0.6 * abs(t)) for t in (0, -1, 1)]
        return torch.stack(frames), _peaks(place, sigma=2.0, height=1.0)

    def error() -> Tensor:
        frames, truth = sample()
        found: Tensor = head(*frames, torch.ones(2, 2))
        return nn.functional.mse_loss(found, truth)

    losses = []
    for _ in range(60):
        loss = error()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimiser.step()
        losses.append(loss.item())
    assert sum(losses[-10:]) / 10 < 0.15 * losses[0]
