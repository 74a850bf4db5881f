"""Pose Correction Network: resample the merged heatmaps where the temporal features say (paper, 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dcpose_core.models.prf import FEATURES_PER_JOINT
from dcpose_core.models.residual_chain import ResidualChain
from dcpose_core.models.settings import DCPoseSettings

_CHANNELS = 64
_TAPS = 9  # of a 3x3 kernel


class PoseCorrectionNetwork(nn.Module):
    """PCN: per dilation, offsets and masks for one modulated deformable convolution; the mean of all (eq. 6 to 9)."""

    def __init__(self, joints: int, settings: DCPoseSettings) -> None:
        super().__init__()
        self.settings = settings
        self.combine = _chain(joints)
        self.combine_for_masks = _chain(joints) if settings.correction_chains == "separate" else None
        has_bias = settings.masks != "unbounded"
        self.offsets = _dilated_convs(2 * _TAPS * joints, settings.dilations, bias=has_bias)
        self.masks = _dilated_convs(_TAPS * joints, settings.dilations, bias=has_bias)
        self.deformable = nn.ModuleList(
            ModulatedDeformableConv(joints, dilation=dilation) for dilation in settings.dilations
        )

    def forward(self, merged: Tensor, residuals: Tensor) -> Tensor:
        """PTM's maps `[B, J, h, w]` and PRF's features `[B, 2 J, h, w]` -> final heatmaps `[B, J, h, w]`, linear."""
        prf_first = self.settings.correction_input == "prf_first"
        inputs = torch.cat([residuals, merged] if prf_first else [merged, residuals], dim=1)
        features = self.combine(inputs)
        mask_features = features if self.combine_for_masks is None else self.combine_for_masks(inputs)
        share = 1.0 / len(self.deformable)
        corrected = torch.zeros_like(merged, dtype=torch.promote_types(merged.dtype, torch.float32))
        # One dilation after the other: the offsets are 18 times as large as the heatmaps.
        for offset_conv, mask_conv, resample in zip(self.offsets, self.masks, self.deformable, strict=True):
            mask = mask_conv(mask_features)
            if self.settings.masks == "sigmoid":
                mask = mask.sigmoid()
            corrected = corrected + share * resample(merged, offset_conv(features), mask)
        return corrected


class ModulatedDeformableConv(nn.Module):
    """3x3 deformable convolution v2 over all joints with one sampling pattern per joint; keeps the resolution.

    offset: `[B, 18 J, h, w]`; joint j, tap k = 3 row + column: channel 18 j + 2 k is dy, the next dx, in cells.
    mask: `[B, 9 J, h, w]`, a factor on every sample, used as it is. Samples off the map count as 0.
    """

    def __init__(self, joints: int, *, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.weight = nn.Parameter(torch.empty(joints, joints, 3, 3))
        self.bias = nn.Parameter(torch.empty(joints))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """The identity: the centre tap of the same joint, so that an untrained network passes its input on."""
        nn.init.zeros_(self.bias)
        nn.init.dirac_(self.weight)

    def forward(self, heatmaps: Tensor, offset: Tensor, mask: Tensor) -> Tensor:
        """Heatmaps `[B, J, h, w]` -> the same shape, in at least float32: positions need more than half precision."""
        # Here, because importing torchvision doubles the start of a program that only needs a backbone.
        from torchvision.ops import deform_conv2d

        dtype = torch.promote_types(heatmaps.dtype, torch.float32)
        with torch.autocast(device_type=heatmaps.device.type, enabled=False):
            resampled: Tensor = deform_conv2d(
                heatmaps.to(dtype),
                offset.to(dtype),
                self.weight.to(dtype),
                self.bias.to(dtype),
                padding=self.dilation,
                dilation=self.dilation,
                mask=mask.to(dtype),
            )
        return resampled


def _chain(joints: int) -> ResidualChain:
    return ResidualChain((FEATURES_PER_JOINT + 1) * joints, _CHANNELS, blocks=2)


def _dilated_convs(channels_out: int, dilations: Sequence[int], *, bias: bool) -> nn.ModuleList:
    return nn.ModuleList(
        nn.Conv2d(_CHANNELS, channels_out, 3, padding=dilation, dilation=dilation, bias=bias) for dilation in dilations
    )
