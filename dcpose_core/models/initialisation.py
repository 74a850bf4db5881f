"""Starting weights of the temporal modules."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from dcpose_core.models.pcn import ModulatedDeformableConv

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
