"""The backbone as training uses it: it looks, but does not learn."""

from __future__ import annotations

import torch
from torch import Tensor

from dcpose_core.geometry import normalise
from dcpose_core.models.backbones.base import Backbone
from dcpose_core.models.description import CropSpec

# Frames of a sample are in the order of time; the reference's batch holds all current frames first, then all previous.
_BATCH_ORDER = [1, 0, 2]
_TIME_ORDER = [1, 0, 2]


class FrozenBackbone:
    """A backbone that gets no gradients.

    crop: how its images are normalised. keep_statistics: whether its batch normalisations stay as they are too; in the
    published implementation they use the batch and move their running statistics (`DCPose.freeze_backbone`).
    """

    def __init__(self, backbone: Backbone, crop: CropSpec, *, keep_statistics: bool = True) -> None:
        self.backbone = backbone.requires_grad_(requires_grad=False).eval()
        self.keep_statistics = keep_statistics
        self._crop = crop

    def heatmaps(self, images: Tensor, *, training: bool) -> Tensor:
        """Images uint8 `[B, 3, H, W, 3]` -> heatmaps `[B, 3, 17, h, w]`, both in the order of time."""
        frames = images[:, _BATCH_ORDER].transpose(0, 1)  # [3, B, H, W, 3]
        pixels = normalise(frames.flatten(0, 1), mean=self._crop.mean, std=self._crop.std)
        self.backbone.train(training and not self.keep_statistics)
        with torch.no_grad():
            maps = self.backbone(pixels)
        return torch.stack(maps.chunk(3), dim=1)[:, _TIME_ORDER]
