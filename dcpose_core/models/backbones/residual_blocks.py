"""The two residual blocks of ResNet (He et al., 2016), shared by HRNet and SimpleBaseline; published key names."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


def conv3x3(channels_in: int, channels_out: int, *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False)


def projection(channels_in: int, channels_out: int, *, stride: int = 1) -> nn.Sequential:
    """The shortcut of a block whose output differs in shape from its input."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 1, stride=stride, bias=False), nn.BatchNorm2d(channels_out)
    )


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around an identity shortcut, `[N, channels, h, w]` -> the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(channels, channels)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = conv3x3(channels, channels)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        inner = F.relu(self.bn1(self.conv1(features)), inplace=True)
        return F.relu(self.bn2(self.conv2(inner)) + features, inplace=True)


class Bottleneck(nn.Module):
    """1x1 reduce, 3x3, 1x1 expand to 4 x `width` channels; the stride sits on the 3x3 convolution."""

    expansion = 4

    def __init__(self, channels_in: int, width: int, *, stride: int = 1) -> None:
        super().__init__()
        channels_out = width * self.expansion
        self.conv1 = nn.Conv2d(channels_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = conv3x3(width, width, stride=stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, channels_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels_out)
        same_shape = stride == 1 and channels_in == channels_out
        self.downsample = None if same_shape else projection(channels_in, channels_out, stride=stride)

    def forward(self, features: Tensor) -> Tensor:
        shortcut = features if self.downsample is None else self.downsample(features)
        inner = F.relu(self.bn1(self.conv1(features)), inplace=True)
        inner = F.relu(self.bn2(self.conv2(inner)), inplace=True)
        return F.relu(self.bn3(self.conv3(inner)) + shortcut, inplace=True)


def bottleneck_layer(channels_in: int, width: int, blocks: int, *, stride: int = 1) -> nn.Sequential:
    """`blocks` bottlenecks in a row; only the first changes the resolution and the number of channels."""
    first = Bottleneck(channels_in, width, stride=stride)
    rest = (Bottleneck(width * Bottleneck.expansion, width) for _ in range(blocks - 1))
    return nn.Sequential(first, *rest)
