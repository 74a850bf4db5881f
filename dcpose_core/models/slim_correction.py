"""PCN of the slim DCPose: resample the merged map of a joint where the temporal features say (paper, 3.3)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dcpose_core.models.joint_batches import ResidualBlock, conv3x3, to_maps
from dcpose_core.models.settings import SlimSettings

_STEPS = (-1, 0, 1)
_TAPS = len(_STEPS) ** 2  # of a 3x3 kernel
# Cells per unit that an offset convolution gives, so that offsets of several cells are learned as fast as masks of 1.
_OFFSET_GAIN = 12.0


class SlimCorrection(nn.Module):
    """PCN: per dilation, offsets and masks for one modulated deformable convolution; the mean of all (eq. 6 to 9).

    Offsets and masks are those of a block of `downscale` x `downscale` cells, what is sampled are single cells.
    Masks are not bounded: a sigmoid would hold them away from 0 and from more than 1, and both are needed, to take a
    false peak away and to give a weak one its height.

    It starts as the identity: no offsets, kernels of ones, masks that open the centre tap only. (With the identity in
    the kernel instead, the other taps' offsets and masks would get no gradient until the kernel had changed.)
    """

    def __init__(self, settings: SlimSettings) -> None:
        super().__init__()
        self.dilations = settings.dilations
        self.downscale = settings.downscale
        width = settings.pcn_width
        self.combine = nn.Sequential(conv3x3(self.downscale**2 + settings.prf_width, width), ResidualBlock(width))
        # Offsets and masks are two convolutions in one, 18 and 9 channels, which look as far as the taps reach.
        self.reaches = [max(1, round(dilation / self.downscale)) for dilation in self.dilations]
        self.steer = nn.ModuleList(conv3x3(width, 3 * _TAPS, dilation=reach, start="zero") for reach in self.reaches)
        for conv in self.steer:
            nn.init.ones_(conv.get_parameter("bias")[2 * _TAPS + _TAPS // 2])
        self.kernels = nn.Parameter(torch.ones(len(self.dilations), _TAPS))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, merged: Tensor, residuals: Tensor) -> Tensor:
        """PTM's map in blocks `[N, s^2, h / s, w / s]` and PRF's features `[N, C, h / s, w / s]` -> `[N, 1, h, w]`."""
        features = self.combine(torch.cat([merged, residuals], dim=1)).relu_()
        shifted = shifted_copies(to_maps(merged.float(), self.downscale), self.downscale)
        samples = []
        # One dilation after the other: what is sampled is nine times as large as the map.
        kernels = self.kernels / len(self.dilations)
        for dilation, reach, conv, kernel in zip(self.dilations, self.reaches, self.steer, kernels, strict=True):
            steering = _steering(features, conv, kernel, reach=reach).permute(0, 2, 3, 1).float()
            offsets, weights = steering[..., : 2 * _TAPS], steering[..., 2 * _TAPS :]
            samples.append(resample(shifted, offsets, weights, dilation=dilation, cells_per_unit=_OFFSET_GAIN))
        return to_maps(sum(samples[1:], start=samples[0]), self.downscale) + self.bias


def _steering(features: Tensor, conv: nn.Module, kernel: Tensor, *, reach: int) -> Tensor:
    """What `conv` gives, its masks times `kernel` `[9]`: multiplied where it is small, in the convolution's weights."""
    gain = torch.cat([kernel.new_ones(2 * _TAPS), kernel])
    weight, bias = conv.get_parameter("weight") * gain[:, None, None, None], conv.get_parameter("bias") * gain
    return F.conv2d(features, weight, bias, padding=reach, dilation=reach)


def shifted_copies(maps: Tensor, scale: int) -> Tensor:
    """A map `[N, 1, h, w]` -> `[N, scale^2, h + scale - 1, w + scale - 1]`; channel (a, b) is shifted by (a, b) cells.

    One place in it gives the samples of all cells of a block. Beyond the map there are zeros.
    """
    margin = scale - 1
    padded = F.pad(maps, (margin, margin, margin, margin))
    height, width = padded.shape[-2] - margin, padded.shape[-1] - margin
    shifts = [(a, b) for a in range(scale) for b in range(scale)]
    return torch.cat([padded[..., a : a + height, b : b + width] for a, b in shifts], dim=1)


def resample(
    shifted: Tensor, offsets: Tensor, weights: Tensor, *, dilation: int, cells_per_unit: float = 1.0
) -> Tensor:
    """Modulated deformable 3x3 convolution of single maps, with one sampling pattern for every block of s x s cells.

    The same as torchvision's `deform_conv2d` with offsets and weights repeated over the block, which on a CPU is four
    times as slow (28 against 7 ms for one person, one dilation and s = 2, on one thread of a busy machine): here a
    place is worked out once for all cells of a block. Positions are float32 under autocast too.

    Args:
        shifted: float32, `shifted_copies` of maps `[N, 1, h, w]`; samples off the map count as 0.
        offsets: `[N, h / s, w / s, 18]`, (dx, dy) of tap 3 row + column, in units of `cells_per_unit`.
        weights: `[N, h / s, w / s, 9]`, mask times kernel.
        dilation: of the taps, in cells.

    Returns:
        float32, in blocks, `[N, s^2, h / s, w / s]`.
    """
    rows, columns = weights.shape[1:3]
    scale = math.isqrt(shifted.shape[1])
    height, width = shifted.shape[-2:]
    # `grid_sample` with align_corners=True has -1 and 1 on the centres of the first and last cell. Places without
    # offsets are those of the first block, [18] as offsets are, and so many blocks to the right and down.
    cell = shifted.new_tensor([2 / (width - 1), 2 / (height - 1)] * _TAPS)
    taps = shifted.new_tensor([dilation * step for dy in _STEPS for dx in _STEPS for step in (dx, dy)])
    first = (taps + scale - 1) * cell - 1
    right, down = (cell * shifted.new_tensor(step * _TAPS) for step in ([scale, 0], [0, scale]))
    columns_right = torch.arange(columns, device=cell.device)[:, None] * right
    rows_down = torch.arange(rows, device=cell.device)[:, None, None] * down
    places = rows_down + (first + columns_right)  # [rows, columns, 18]
    grid = torch.addcmul(places, offsets, cell * cells_per_unit)
    samples = F.grid_sample(
        shifted, grid.reshape(-1, rows, columns * _TAPS, 2), mode="bilinear", padding_mode="zeros", align_corners=True
    )
    # [N, s^2, rows, columns x 9]; in place where no gradient needs the samples: they are the largest tensor of all
    weighted = torch.mul(samples, weights.flatten(2).unsqueeze(1), out=None if torch.is_grad_enabled() else samples)
    # The sum over the taps: as a product with ones it takes a third of the time of `sum`, which is slow over so few.
    with torch.autocast(weighted.device.type, enabled=False):
        return torch.unflatten(weighted, 3, (columns, _TAPS)) @ weighted.new_ones(_TAPS)
