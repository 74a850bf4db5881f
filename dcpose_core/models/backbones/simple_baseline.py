"""SimpleBaseline: a ResNet and three transposed convolutions (Xiao et al., ECCV 2018).

Module names are the key names of the published "pose_resnet" checkpoints.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from dcpose_core.models.backbones.base import JOINTS, Backbone
from dcpose_core.models.backbones.residual_blocks import bottleneck_layer

#: Bottlenecks in the four layers of each published ResNet depth.
RESNET_BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_DECONVOLUTION_CHANNELS = 256


class SimpleBaseline(Backbone):
    """ResNet of depth 50, 101 or 152 to 1/32 of the resolution, then three doublings, 256 channels each.

    Input RGB, (x / 255 - ImageNet mean) / ImageNet std. The heatmaps are linear.
    """

    def __init__(self, depth: int) -> None:
        super().__init__()
        blocks = RESNET_BLOCKS[depth]
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = bottleneck_layer(64, 64, blocks[0])
        self.layer2 = bottleneck_layer(256, 128, blocks[1], stride=2)
        self.layer3 = bottleneck_layer(512, 256, blocks[2], stride=2)
        self.layer4 = bottleneck_layer(1024, 512, blocks[3], stride=2)
        self.deconv_layers = nn.Sequential(
            *_doubling(2048, _DECONVOLUTION_CHANNELS),
            *_doubling(_DECONVOLUTION_CHANNELS, _DECONVOLUTION_CHANNELS),
            *_doubling(_DECONVOLUTION_CHANNELS, _DECONVOLUTION_CHANNELS),
        )
        self.final_layer = nn.Conv2d(_DECONVOLUTION_CHANNELS, JOINTS, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images `[N, 3, H, W]` -> heatmaps `[N, 17, H/4, W/4]`."""
        features = F.relu(self.bn1(self.conv1(images)), inplace=True)
        features = F.max_pool2d(features, 3, stride=2, padding=1)
        features = self.layer4(self.layer3(self.layer2(self.layer1(features))))
        heatmaps: Tensor = self.final_layer(self.deconv_layers(features))
        return heatmaps


def _doubling(channels_in: int, channels_out: int) -> tuple[nn.Module, ...]:
    return (
        nn.ConvTranspose2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )
