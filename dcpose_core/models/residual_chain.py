"""The residual chain of PTM, PRF and PCN, adapted by DCPose from the steps block of RSN (Cai et al., ECCV 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_BRANCHES = 4


class ConvUnit(nn.Module):
    """Convolution with bias, batch normalisation, and ReLU unless `relu` is off; the resolution stays."""

    def __init__(self, channels_in: int, channels_out: int, *, kernel: int, groups: int, relu: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, groups=groups)
        self.bn = nn.BatchNorm2d(channels_out)
        self.relu = relu

    def forward(self, features: Tensor) -> Tensor:
        normalised: Tensor = self.bn(self.conv(features))
        return F.relu(normalised, inplace=True) if self.relu else normalised


class Steps(nn.ModuleList):
    """One branch: 3x3 steps in a row, each of which also takes the output of the same step of the branch before."""

    def __init__(self, channels: int, count: int, *, groups: int) -> None:
        super().__init__(ConvUnit(channels, channels, kernel=3, groups=groups) for _ in range(count))

    def forward(self, features: Tensor, above: list[Tensor]) -> list[Tensor]:
        """The output of every step; `above` are those of the branch before, which is one step shorter."""
        outputs = []
        for column, step in enumerate(self):
            features = step(features + above[column] if column < len(above) else features)
            outputs.append(features)
        return outputs


class StepsBlock(nn.Module):
    """Four branches s1..s4 of growing depth, branch r with r 3x3 steps, around a shortcut.

    y11 = f11(s1); y21 = f21(s2 + y11); y22 = f22(y21); y31 = f31(s3 + y21); y32 = f32(y31 + y22); y33 = f33(y32);
    y41 = f41(s4 + y31); y42 = f42(y41 + y32); y43 = f43(y42 + y33); y44 = f44(y43). The output is
    ReLU(merge(y11, y22, y33, y44) + shortcut), so never negative.

    With `groups` > 1 no convolution mixes groups: channels are group-major in the input and in the output.
    """

    def __init__(self, channels_in: int, channels_out: int, *, groups: int, project_shortcut: bool) -> None:
        super().__init__()
        self.groups = groups
        # 26/64 of the input, rounded down: 27 for 68, 13 for 34, 20 for 51, 26 for 64 channels.
        width = groups * max(1, channels_in // groups * 26 // 64)
        self.split = ConvUnit(channels_in, _BRANCHES * width, kernel=1, groups=groups)
        self.branches = nn.ModuleList(Steps(width, count, groups=groups) for count in range(1, _BRANCHES + 1))
        self.merge = ConvUnit(_BRANCHES * width, channels_out, kernel=1, groups=groups, relu=False)
        self.shortcut = (
            ConvUnit(channels_in, channels_out, kernel=1, groups=groups, relu=False) if project_shortcut else None
        )

    def forward(self, features: Tensor) -> Tensor:
        # [B, groups, 4, width / groups, h, w], so that every branch gets its share of every group
        split = torch.unflatten(self.split(features), 1, (self.groups, _BRANCHES, -1))
        above: list[Tensor] = []
        last_steps: list[Tensor] = []
        for index, branch in enumerate(self.branches):
            above = branch(split[:, :, index].flatten(1, 2), above)
            last_steps.append(torch.unflatten(above[-1], 1, (self.groups, -1)))
        merged = self.merge(torch.stack(last_steps, dim=2).flatten(1, 3))
        return F.relu(merged + (features if self.shortcut is None else self.shortcut(features)))


class ResidualChain(nn.Sequential):
    """`blocks` steps blocks, `[B, channels_in, h, w]` -> `[B, channels_out, h, w]`; only the first projects."""

    def __init__(self, channels_in: int, channels_out: int, *, blocks: int, groups: int = 1) -> None:
        super().__init__(
            *(
                StepsBlock(
                    channels_in if block == 0 else channels_out,
                    channels_out,
                    groups=groups,
                    project_shortcut=block == 0,
                )
                for block in range(blocks)
            )
        )
