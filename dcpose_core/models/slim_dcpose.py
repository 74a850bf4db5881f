"""DCPose by the paper, slim: PTM, PRF and PCN for one joint, with weights that all joints share.

The paper groups PTM's convolutions by joint (3.1); here all three modules see one joint only, which makes it a batch
item, and the same small networks serve every joint. They work at half resolution on blocks of 2 x 2 cells with their
values as channels, so that nothing is lost on the way. Before training the result is the key frame's heatmaps (with
merger `sum`, the mean of the three frames').
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dcpose_core.models.joint_batches import (
    JointMaps,
    ResidualBlock,
    conv3x3,
    join_joints,
    split_joints,
    to_blocks,
)
from dcpose_core.models.map_correction import MapCorrection, weighted_frames
from dcpose_core.models.settings import SlimSettings
from dcpose_core.models.slim_correction import SlimCorrection


class SlimDCPose(nn.Module):
    """PTM, PRF and PCN: heatmaps of previous, key and next frame -> corrected heatmaps of the key frame."""

    def __init__(self, settings: SlimSettings | None = None) -> None:
        super().__init__()
        self.settings = settings = settings or SlimSettings()
        self.ptm = MERGERS[settings.merger](settings)
        self.prf = FUSIONS[settings.fusion](settings)
        self.pcn = SlimCorrection(settings)

    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, margin: Tensor) -> Tensor:
        """As `TemporalHead.forward`: heatmaps `[B, 17, h, w]`, margin `[B, 2]` -> `[B, 17, h, w]`, linear, float32."""
        return join_joints(self.correct(split_joints(current, previous, next_, margin)), current)

    def correct(self, joints: JointMaps) -> Tensor:
        """As `forward`, for whichever single joints -> `[N, 1, h, w]`."""
        corrected: Tensor = self.pcn(self.ptm(joints), self.prf(joints))
        return corrected


class SlimMerger(nn.Module):
    """PTM: residual blocks over c, w_p p and w_n n of a joint (equations 2 and 3) -> its merged map.

    c of the other side's joint comes in addition: the backbone's second peaks are mostly there. The blocks say what to
    change in c.
    """

    def __init__(self, settings: SlimSettings) -> None:
        super().__init__()
        self.settings = settings
        self.correct = MapCorrection(
            1 + settings.use_previous + settings.use_next + settings.use_opposite,
            size=settings.downscale,
            width=settings.ptm_width,
            block_dilations=settings.ptm_blocks,
        )

    def forward(self, joints: JointMaps) -> Tensor:
        """-> merged map in blocks, `[N, s^2, h / s, w / s]`"""
        settings = self.settings
        frames = weighted_frames(
            joints, previous=settings.use_previous, next_=settings.use_next, opposite=settings.use_opposite
        )
        merged: Tensor = self.correct(frames)
        return merged


class SlimSummedMerger(nn.Module):
    """Ablation without PTM (i): one 3x3 convolution of h(p) + h(c) + h(n), at first their mean."""

    def __init__(self, settings: SlimSettings) -> None:
        super().__init__()
        self.settings = settings
        self.conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        nn.init.dirac_(self.conv.weight)
        with torch.no_grad():
            self.conv.weight /= 1 + settings.use_previous + settings.use_next

    def forward(self, joints: JointMaps) -> Tensor:
        """-> merged map in blocks, `[N, s^2, h / s, w / s]`"""
        total = joints.current
        if self.settings.use_previous:
            total = total + joints.previous
        if self.settings.use_next:
            total = total + joints.next
        return to_blocks(self.conv(total), self.settings.downscale)


class SlimKeyFrameMerger(nn.Module):
    """Ablation without PTM (ii): the key frame's map as it is."""

    def __init__(self, settings: SlimSettings) -> None:
        super().__init__()
        self.settings = settings

    def forward(self, joints: JointMaps) -> Tensor:
        """-> merged map in blocks, `[N, s^2, h / s, w / s]`"""
        return to_blocks(joints.current, self.settings.downscale)


class SlimFusion(nn.Module):
    """PRF: a residual block over c - p and c - n of a joint, as they are and weighted (equations 4 and 5).

    Both differences are towards the key frame, so that they change places when time runs backwards.
    """

    def __init__(self, settings: SlimSettings) -> None:
        super().__init__()
        self.settings = settings
        residuals = 2 * (settings.use_previous + settings.use_next)
        self.stem = conv3x3(residuals * settings.downscale**2, settings.prf_width)
        self.block = ResidualBlock(settings.prf_width)

    def forward(self, joints: JointMaps) -> Tensor:
        """-> features `[N, prf_width, h / s, w / s]`"""
        residuals = []
        if self.settings.use_previous:
            residuals.append(joints.current - joints.previous)
        if self.settings.use_next:
            residuals.append(joints.current - joints.next)
        features: Tensor = self.block(self._stem(torch.cat(residuals, dim=1), joints.weights.previous))
        return features

    def _stem(self, residuals: Tensor, weight: Tensor) -> Tensor:
        """`stem` over x and w x of the residuals x, `[N, 1 or 2, h, w]`. weight: the previous frame's, `[N, 1, 1, 1]`.

        A convolution is linear: x goes through once, with the kernel for x and that for w x, and the results are
        weighted. That takes 1.3 instead of 2.2 ms a person. The next frame's weight is 1 - w.
        """
        kernels = torch.unflatten(self.stem.weight, 1, (residuals.shape[1], 2, -1))
        own, weighted = kernels.unbind(dim=2)  # each [width, residuals, s^2, 3, 3]
        if self.settings.use_next:
            following = weighted[:, -1:]
            own = torch.cat([own[:, :-1], own[:, -1:] + following], dim=1)
            weighted = torch.cat([weighted[:, :-1], -following], dim=1)
        both = torch.cat([own, weighted]).flatten(1, 2)
        blocks = to_blocks(residuals, self.settings.downscale)
        bias = F.pad(self.stem.get_parameter("bias"), (0, len(own)))
        own, weighted = F.conv2d(blocks, both, bias, padding=1).chunk(2, dim=1)
        return torch.addcmul(own, weighted, weight)


class SlimSummedFusion(nn.Module):
    """Ablation without PRF: one 3x3 convolution of h(c) - h(p) + h(n) - h(c)."""

    def __init__(self, settings: SlimSettings) -> None:
        super().__init__()
        self.settings = settings
        self.conv = conv3x3(settings.downscale**2, settings.prf_width)

    def forward(self, joints: JointMaps) -> Tensor:
        """-> features `[N, prf_width, h / s, w / s]`"""
        total = torch.zeros_like(joints.current)
        if self.settings.use_previous:
            total = total + (joints.current - joints.previous)
        if self.settings.use_next:
            total = total + (joints.next - joints.current)
        features: Tensor = self.conv(to_blocks(total, self.settings.downscale))
        return features


MERGERS = {"ptm": SlimMerger, "sum": SlimSummedMerger, "key_frame": SlimKeyFrameMerger}
FUSIONS = {"prf": SlimFusion, "sum": SlimSummedFusion}
