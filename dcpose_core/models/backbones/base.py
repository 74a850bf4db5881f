"""What every backbone offers: an image in, one heatmap per joint out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

from torch import Tensor, nn

from dcpose_core.skeletons import POSETRACK_17

#: Channels of every heatmap tensor: the joints of `POSETRACK_17`, in its order.
JOINTS = len(POSETRACK_17)


class BackboneOutput(NamedTuple):
    """What a backbone says about one image.

    heatmaps: `[N, 17, H/4, W/4]`. offsets: `[N, 17, 2, H/4, W/4]`, (dx, dy) in heatmap cells from a cell's index to the
    joint, for backbones that regress it; else None. A peak at cell (x, y) then lies at (x + dx, y + dy).
    """

    heatmaps: Tensor
    offsets: Tensor | None


class Backbone(nn.Module, ABC):
    """A single-image pose network.

    Fully convolutional: H and W are any multiples of 32. The images are normalised as the model's `CropSpec` says.
    Constructors in `BACKBONES` take no argument and leave the weights untrained; the weights file of a model
    (safetensors) holds them under `backbone.` and those of its temporal modules under `temporal.`.
    """

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor:
        """Images float32 `[N, 3, H, W]` -> heatmaps `[N, 17, H/4, W/4]`."""

    def evidence(self, images: Tensor) -> BackboneOutput:
        """Heatmaps, and offsets where the backbone has them, from one pass over `[N, 3, H, W]` images."""
        return BackboneOutput(heatmaps=self(images), offsets=None)
