"""The network that MoveNet Thunder and MoveNet MultiPose share: MobileNetV2, feature pyramid, CenterNet heads.

Both are published as TensorFlow graphs with the batch normalisations folded into the convolutions; the scripts in
`packaging/models` rename their weights to the names used here. Fully convolutional: any height and width that are
multiples of 32. Sandler et al., MobileNetV2 (2018); Lin et al., Feature Pyramid Networks (2017); Zhou et al.,
Objects as Points (2019).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F

# MobileNetV2 at width 1: (channels, repeats, stride of the first) of each group of blocks.
_BLOCK_GROUPS = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
_TRUNK_CHANNELS = 1280
# The blocks at stride 4, 8 and 16 that the pyramid takes; at stride 16 three more follow (96 channels at width 1).
_LATERAL_BLOCKS = (2, 5, 9)
_LATERAL_CHANNELS = (24, 32, 64, 64)  # at stride 4, 8, 16, 32
_SMOOTH_CHANNELS = (24, 24, 32)  # at stride 4, 8, 16
_HEAD_CHANNELS = 96


def _relu6(features: Tensor) -> Tensor:
    # In place: fresh buffers for the activations double the time on a CPU (measured 97 against 48 ms a crop).
    return F.relu6(features, inplace=True)


def scaled_channels(channels: int, width: float) -> int:
    """Channels x width, rounded to a multiple of 8, as MobileNetV2 does it."""
    return int(channels * width + 4) // 8 * 8


class DownConv(nn.Conv2d):
    """3x3 convolution with stride 2 and TensorFlow's `SAME` padding, which on even sizes is only right and below."""

    def __init__(self, channels_in: int, channels_out: int, *, groups: int = 1) -> None:
        super().__init__(channels_in, channels_out, 3, stride=2, groups=groups)

    def forward(self, input: Tensor) -> Tensor:
        # The value is stated because onnxruntime merges a padding into its convolution only if it is.
        return super().forward(F.pad(input, (0, 1, 0, 1), value=0.0))


class InvertedResidual(nn.Module):
    """Expand (1x1), filter every channel on its own (3x3), project (1x1, linear); shortcut where the shapes agree."""

    def __init__(self, channels_in: int, channels_out: int, *, stride: int, expansion: int) -> None:
        super().__init__()
        inner = channels_in * expansion
        self.expand = nn.Conv2d(channels_in, inner, 1) if expansion > 1 else None
        self.depthwise = (
            nn.Conv2d(inner, inner, 3, padding=1, groups=inner) if stride == 1 else DownConv(inner, inner, groups=inner)
        )
        self.project = nn.Conv2d(inner, channels_out, 1)
        self.shortcut = stride == 1 and channels_in == channels_out

    def forward(self, features: Tensor) -> Tensor:
        inner = features if self.expand is None else _relu6(self.expand(features))
        projected: Tensor = self.project(_relu6(self.depthwise(inner)))
        return features + projected if self.shortcut else projected


class MobileNetV2(nn.Module):
    """Image `[N, 3, H, W]` -> features at stride 4, 8, 16 and 32, finest first."""

    def __init__(self, width: float) -> None:
        super().__init__()
        channels = scaled_channels(32, width)
        self.stem = DownConv(3, channels)
        self.blocks = nn.ModuleList()
        self.channels: list[int] = []
        for group, repeats, stride in _BLOCK_GROUPS:
            for repeat in range(repeats):
                block = InvertedResidual(
                    channels,
                    scaled_channels(group, width),
                    stride=stride if repeat == 0 else 1,
                    expansion=6 if len(self.blocks) else 1,
                )
                channels = scaled_channels(group, width)
                if len(self.blocks) in _LATERAL_BLOCKS:
                    self.channels.append(channels)
                self.blocks.append(block)
        self.last = nn.Conv2d(channels, _TRUNK_CHANNELS, 1)
        self.channels.append(_TRUNK_CHANNELS)

    def forward(self, images: Tensor) -> list[Tensor]:
        features = _relu6(self.stem(images))
        pyramid = []
        for index, block in enumerate(self.blocks):
            features = block(features)
            if index in _LATERAL_BLOCKS:
                pyramid.append(features)
        return [*pyramid, _relu6(self.last(features))]


class SeparableConv(nn.Module):
    """3x3 per channel, then 1x1 across channels, then ReLU."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels_in, channels_in, 3, padding=1, groups=channels_in, bias=False)
        self.pointwise = nn.Conv2d(channels_in, channels_out, 1)

    def forward(self, features: Tensor) -> Tensor:
        return F.relu(self.pointwise(self.depthwise(features)), inplace=True)


class FeaturePyramid(nn.Module):
    """Features at stride 4, 8, 16, 32 -> one map of 24 channels at stride 4, coarse context added on the way."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(
            nn.Conv2d(trunk, lateral, 1) for trunk, lateral in zip(channels, _LATERAL_CHANNELS, strict=True)
        )
        self.smooth = nn.ModuleList(
            SeparableConv(lateral, smooth)
            for lateral, smooth in zip(_LATERAL_CHANNELS[:3], _SMOOTH_CHANNELS, strict=True)
        )

    def forward(self, pyramid: list[Tensor]) -> Tensor:
        merged: Tensor = self.laterals[-1](pyramid[-1])
        for level in (2, 1, 0):
            coarse = F.interpolate(merged, scale_factor=2.0, mode="bilinear", align_corners=False)
            merged = self.smooth[level](coarse + self.laterals[level](pyramid[level]))
        return merged


class Head(nn.Module):
    """One dense prediction at stride 4; the output is linear."""

    def __init__(self, channels_out: int) -> None:
        super().__init__()
        self.hidden = SeparableConv(_SMOOTH_CHANNELS[0], _HEAD_CHANNELS)
        self.output = nn.Conv2d(_HEAD_CHANNELS, channels_out, 1)

    def forward(self, features: Tensor) -> Tensor:
        output: Tensor = self.output(self.hidden(features))
        return output


class MoveNetGraph(nn.Module):
    """Image -> the named dense predictions.

    Args:
        width: channel multiplier of the trunk.
        heads: output channels of each head by name.
    """

    def __init__(self, *, width: float, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.trunk = MobileNetV2(width)
        self.pyramid = FeaturePyramid(self.trunk.channels)
        self.heads = nn.ModuleDict({name: Head(channels) for name, channels in heads.items()})

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Images `[N, 3, H, W]` in -1..1, RGB -> maps `[N, C, H/4, W/4]` by head, before any sigmoid."""
        features = self.pyramid(self.trunk(images))
        return {name: head(features) for name, head in self.heads.items()}
