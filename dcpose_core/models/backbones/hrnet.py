"""HRNet: parallel branches at several resolutions that exchange features (Sun et al., CVPR 2019).

Module names are the key names of the published "pose_hrnet" checkpoints, so that these load without translation.
Branch i works at 1/2^(i+2) of the image's resolution with `width` x 2^i channels.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from dcpose_core.models.backbones.base import JOINTS, Backbone
from dcpose_core.models.backbones.residual_blocks import BasicBlock, Bottleneck, bottleneck_layer, conv3x3

_STEM_CHANNELS = 64
_BLOCKS_PER_BRANCH = 4


class HRNet(Backbone):
    """HRNet with `width` channels at the highest resolution: 32 and 48 are the published ones.

    Input RGB, (x / 255 - ImageNet mean) / ImageNet std. The heatmaps are linear: no activation after the last layer.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = [width * 2**branch for branch in range(4)]
        self.conv1 = conv3x3(3, _STEM_CHANNELS, stride=2)
        self.bn1 = nn.BatchNorm2d(_STEM_CHANNELS)
        self.conv2 = conv3x3(_STEM_CHANNELS, _STEM_CHANNELS, stride=2)
        self.bn2 = nn.BatchNorm2d(_STEM_CHANNELS)
        self.layer1 = bottleneck_layer(_STEM_CHANNELS, width=64, blocks=4)
        self.transition1 = Transition([64 * Bottleneck.expansion], channels[:2])
        self.stage2 = stage(channels[:2], modules=1)
        self.transition2 = Transition(channels[:2], channels[:3])
        self.stage3 = stage(channels[:3], modules=4)
        self.transition3 = Transition(channels[:3], channels)
        self.stage4 = stage(channels, modules=3, last_resolutions=1)
        self.final_layer = nn.Conv2d(channels[0], JOINTS, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images `[N, 3, H, W]` -> heatmaps `[N, 17, H/4, W/4]`."""
        features = F.relu(self.bn1(self.conv1(images)), inplace=True)
        features = F.relu(self.bn2(self.conv2(features)), inplace=True)
        features = self.layer1(features)
        branches = self.stage2(self.transition1([features]))
        branches = self.stage3(self.transition2(branches))
        branches = self.stage4(self.transition3(branches))
        heatmaps: Tensor = self.final_layer(branches[0])
        return heatmaps


def stage(channels: Sequence[int], *, modules: int, last_resolutions: int | None = None) -> nn.Sequential:
    """A row of exchange modules; the last one may give only the first `last_resolutions` branches."""
    outputs = [len(channels)] * (modules - 1) + [last_resolutions or len(channels)]
    return nn.Sequential(*(ExchangeModule(channels, resolutions=count) for count in outputs))


class Transition(nn.ModuleList):
    """Adds lower-resolution branches, made from the last one, and adapts channel counts that differ.

    A branch that passes through has no parameters, its slot is an `Identity`.
    """

    def __init__(self, channels_in: Sequence[int], channels_out: Sequence[int]) -> None:
        super().__init__()
        for branch, out in enumerate(channels_out):
            if branch >= len(channels_in):
                # The published keys have one more level on a new branch.
                self.append(nn.Sequential(_conv_bn_relu(channels_in[-1], out, stride=2)))
            elif channels_in[branch] != out:
                self.append(_conv_bn_relu(channels_in[branch], out, stride=1))
            else:
                self.append(nn.Identity())

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        last = len(branches) - 1
        return [adapt(branches[min(branch, last)]) for branch, adapt in enumerate(self)]


class ExchangeModule(nn.Module):
    """Four basic blocks per branch, then every output resolution sums all branches, resampled to it."""

    def __init__(self, channels: Sequence[int], *, resolutions: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width) for _ in range(_BLOCKS_PER_BRANCH))) for width in channels
        )
        self.fuse_layers = nn.ModuleList(Fusion(channels, target) for target in range(resolutions))

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        features = [blocks(branch) for blocks, branch in zip(self.branches, branches, strict=True)]
        return [fuse(features) for fuse in self.fuse_layers]


class Fusion(nn.ModuleList):
    """All branches, resampled to the resolution and channel count of branch `target`, summed."""

    def __init__(self, channels: Sequence[int], target: int) -> None:
        super().__init__(_resample(channels, source, target) for source in range(len(channels)))

    def forward(self, features: list[Tensor]) -> Tensor:
        first, *others = (resample(branch) for resample, branch in zip(self, features, strict=True))
        total: Tensor = sum(others, start=first)
        return F.relu(total)


def _resample(channels: Sequence[int], source: int, target: int) -> nn.Module:
    """Branch `source` at the resolution and channel count of branch `target`."""
    if source == target:
        return nn.Identity()
    if source > target:
        return nn.Sequential(
            nn.Conv2d(channels[source], channels[target], 1, bias=False),
            nn.BatchNorm2d(channels[target]),
            nn.Upsample(scale_factor=2 ** (source - target), mode="nearest"),
        )
    halvings = [_conv_bn_relu(channels[source], channels[source], stride=2) for _ in range(target - source - 1)]
    last = nn.Sequential(conv3x3(channels[source], channels[target], stride=2), nn.BatchNorm2d(channels[target]))
    return nn.Sequential(*halvings, last)


def _conv_bn_relu(channels_in: int, channels_out: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(
        conv3x3(channels_in, channels_out, stride=stride), nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True)
    )
