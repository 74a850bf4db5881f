"""Starting weights of the temporal modules."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from dcpose_core.models.pcn import ModulatedDeformableConv, PoseCorrectionNetwork
from dcpose_core.models.ptm import PoseTemporalMerger, SummedMerger
from dcpose_core.models.settings import DCPoseSettings

# Mean and variance of the embedded backbone's heatmaps, mostly empty, over 8 frames of the labelled handball sequence.
_HEATMAP_MEAN, _HEATMAP_VARIANCE = 0.0009, 0.00018
_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def initialise(
    network: nn.Module,
    *,
    std: float = 0.001,
    deformable: Literal["identity", "gaussian"] = "identity",
    generator: torch.Generator | None = None,
) -> None:
    """Start all layers of `network` as the reference does; load a pretrained backbone afterwards.

    Convolutions N(0, std), biases 0, batch normalisations scale 1, shift 0 and statistics reset. The kernels of the
    deformable convolutions start as the identity, or with `gaussian` like the others, as the paper says.
    """
    for module in network.modules():
        if isinstance(module, _CONVOLUTIONS):
            nn.init.normal_(module.weight, std=std, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, ModulatedDeformableConv):
            module.reset_parameters()
            if deformable == "gaussian":
                nn.init.normal_(module.weight, std=std, generator=generator)


def start_as_identity(ptm: nn.Module, pcn: PoseCorrectionNetwork, settings: DCPoseSettings, *, joints: int) -> None:
    """Let fresh temporal modules give the key frame's heatmaps back: with merger `sum`, the mean of the frames'.

    PTM's shortcut picks c and its other path starts at 0. PCN starts without offsets, with masks of 1; its deformable
    kernels are the identity anyway. In training PTM's shortcut normalises with the batch, so there the start is the
    identity up to a factor per joint.
    """
    if isinstance(ptm, PoseTemporalMerger):
        _pick_current(ptm, settings, joints=joints)
    elif isinstance(ptm, SummedMerger):
        nn.init.dirac_(ptm.conv.weight)
        with torch.no_grad():
            ptm.conv.weight /= 1 + settings.use_previous + settings.use_next
            ptm.conv.get_parameter("bias").zero_()
    for conv in [*pcn.offsets, *pcn.masks]:
        nn.init.zeros_(conv.get_parameter("weight"))
    for conv in pcn.offsets:
        nn.init.zeros_(conv.get_parameter("bias"))
    for conv in pcn.masks:
        nn.init.ones_(conv.get_parameter("bias"))


def _pick_current(ptm: PoseTemporalMerger, settings: DCPoseSettings, *, joints: int) -> None:
    block = ptm.chain.get_submodule("0")
    nn.init.zeros_(block.get_parameter("merge.bn.weight"))
    weight = block.get_parameter("shortcut.conv.weight")  # [J, frames x J, 1, 1], per joint [J, frames, 1, 1]
    frames = 1 + settings.use_previous + settings.use_next
    current = int(settings.use_previous) if settings.frame_order == "in_time" else 0
    joint = torch.arange(joints)
    bn = block.get_submodule("shortcut.bn")
    with torch.no_grad():
        weight.zero_()
        weight[joint, current + (0 if settings.convolutions == "per_joint" else frames * joint)] = 1.0
        block.get_parameter("shortcut.conv.bias").zero_()
        # What the normalisation takes away it gives back.
        bn.get_buffer("running_mean").fill_(_HEATMAP_MEAN)
        bn.get_buffer("running_var").fill_(_HEATMAP_VARIANCE)
        bn.get_parameter("bias").fill_(_HEATMAP_MEAN)
        bn.get_parameter("weight").fill_((_HEATMAP_VARIANCE + nn.BatchNorm2d(1).eps) ** 0.5)
