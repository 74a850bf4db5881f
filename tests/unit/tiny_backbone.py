"""A backbone small enough to build, save and load within milliseconds."""

from __future__ import annotations

import pytest
from torch import Tensor, nn

from dcpose_core.models.backbones import BACKBONES
from dcpose_core.models.backbones.base import JOINTS, Backbone


class TinyBackbone(Backbone):
    """One convolution and one batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, JOINTS, 4, stride=4)
        self.bn = nn.BatchNorm2d(JOINTS)

    def forward(self, images: Tensor) -> Tensor:
        heatmaps: Tensor = self.bn(self.conv(images))
        return heatmaps


def make_it_the_only_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(BACKBONES):
        monkeypatch.delitem(BACKBONES, name)
    monkeypatch.setitem(BACKBONES, "tiny", TinyBackbone)
