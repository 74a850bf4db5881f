"""A rival to networks on whole maps: a small one on the peaks of the three frames, a few thousand parameters."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dcpose_core.heatmaps import decode
from dcpose_core.models.description import DecodeRule
from dcpose_core.models.joint_batches import join_joints, split_joints
from dcpose_core.models.settings import TemporalSettings, check_sizes

_FRAMES = 3
_CANDIDATES = 4  # the peaks of c, p and n, and the point between p and n
# Unit of distances as features: about an upper arm of a person who fills the crop.
_CELLS = 10.0
_KEY_FRAME_LOGIT = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CoordinateFusionSettings(TemporalSettings):
    """width: of the two hidden layers. sigma_hm: of the peak that is drawn, in cells."""

    width: int = 40
    sigma_hm: float = 2.0

    def __post_init__(self) -> None:
        check_sizes(widths=(self.width,))


class CoordinateFusion(nn.Module):
    """Where the peaks lie, how high they are and what the other frames say there -> one peak.

    For every joint, with shared weights: the result is a Gaussian at a weighted mean of the peaks of c, p and n and of
    the point between p and n (by the paper's weights); its height is learned too. Before training it lies near the
    peak of c and is as high as that.
    """

    def __init__(self, settings: CoordinateFusionSettings | None = None) -> None:
        super().__init__()
        self.settings = settings = settings or CoordinateFusionSettings()
        features = _FRAMES * _CANDIDATES + _CANDIDATES * (_CANDIDATES - 1) // 2 + 2 + 2
        last = nn.Linear(settings.width, _CANDIDATES + 1)
        nn.init.zeros_(last.weight)
        last.bias.data = torch.tensor([_KEY_FRAME_LOGIT] + [0.0] * _CANDIDATES)
        self.judge = nn.Sequential(
            nn.Linear(features, settings.width), nn.ReLU(), nn.Linear(settings.width, settings.width), nn.ReLU(), last
        )

    def forward(self, current: Tensor, previous: Tensor, next_: Tensor, margin: Tensor) -> Tensor:
        """As `TemporalHead.forward`."""
        maps = split_joints(current, previous, next_, margin)
        frames = torch.cat([maps.current, maps.previous, maps.next], dim=1)  # [N, 3, h, w]
        peaks = _peaks(frames)  # [N, 3, 2]
        weights = torch.cat([maps.weights.previous, maps.weights.next], dim=1)[..., 0]  # [N, 2, 1]
        between = (weights * peaks[:, 1:]).sum(dim=1, keepdim=True)
        candidates = torch.cat([peaks, between], dim=1)  # [N, 4, 2]
        heights = _values_at(frames, candidates)  # [N, 3, 4]
        opposite_peak = _peaks(maps.opposite)
        opposite = torch.cat([maps.opposite.amax(dim=(2, 3)), _distance(opposite_peak[:, 0], between[:, 0])], dim=1)
        apart = [_distance(candidates[:, a], candidates[:, b]) for a in range(4) for b in range(a)]
        features = torch.cat([heights.flatten(1), *apart, opposite, weights[..., 0]], dim=1)
        judged = self.judge(features)
        shares = judged[:, :_CANDIDATES].softmax(dim=1)
        place = (shares[..., None] * candidates).sum(dim=1)  # [N, 2]
        height = heights[:, 0, 0] + judged[:, _CANDIDATES]
        return join_joints(self._draw(place, height, frames), current)

    def _draw(self, place: Tensor, height: Tensor, like: Tensor) -> Tensor:
        rows, columns = like.shape[-2:]
        x = torch.arange(columns, device=like.device, dtype=like.dtype) - place[:, :1]
        y = torch.arange(rows, device=like.device, dtype=like.dtype) - place[:, 1:]
        squared = y.square()[:, :, None] + x.square()[:, None, :]
        return height[:, None, None] * torch.exp(-squared / (2 * self.settings.sigma_hm**2))


def _peaks(maps: Tensor) -> Tensor:
    """Positions `[N, C, 2]` (x, y) of the peaks of `[N, C, h, w]`, in cells from the first cell's index."""
    positions, _ = decode(maps, rule=DecodeRule.DARK)
    return positions - 0.5  # which the rule adds for the backbone's sake


def _values_at(maps: Tensor, places: Tensor) -> Tensor:
    """Values `[N, C, P]` of maps `[N, C, h, w]` at places `[N, P, 2]`, bilinear, 0 off the map."""
    size = torch.tensor([maps.shape[-1] - 1, maps.shape[-2] - 1], device=maps.device, dtype=maps.dtype)
    values = F.grid_sample(maps, (places * (2 / size) - 1).unsqueeze(1), padding_mode="zeros", align_corners=True)
    return values[:, :, 0]


def _distance(a: Tensor, b: Tensor) -> Tensor:
    """log(1 + distance) `[N, 1]` between places `[N, 2]`, in units of `_CELLS`."""
    apart: Tensor = torch.linalg.vector_norm(a - b, dim=1, keepdim=True)
    return (apart / _CELLS).log1p()
