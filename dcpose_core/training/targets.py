"""Target heatmaps of a batch, drawn on the device where they are needed."""

from __future__ import annotations

import torch
from torch import Tensor

from dcpose_core.heatmaps import CELL_PX
from dcpose_core.training.settings import IntegerTargets, SubcellTargets


def draw_targets(
    joints: Tensor, weights: Tensor, settings: IntegerTargets | SubcellTargets, *, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Gaussians of height 1 at the joints, and what each map counts.

    Args:
        joints: `[B, J, 2]`, crop pixels. weights: `[B, J]`, 0 where the joint is not known.
        height, width: size of the heatmaps in cells.

    Returns:
        Targets float32 `[B, J, h, w]` and weights float32 `[B, J]`: 0 also where the joint is so far off the map that
        nothing within 3 sigma of it is on the map.
    """
    cells = joints.double() / CELL_PX
    size = torch.tensor([width, height], device=joints.device)
    if isinstance(settings, IntegerTargets):
        # As `heatmaps.encode`: truncated toward zero; a patch that ends just before the map still counts.
        centre, reach = (cells + 0.5).trunc(), int(settings.sigma * 3)
        on_map = ((centre - reach < size) & (centre + reach + 1 >= 0)).all(dim=-1)
    else:
        centre, reach = cells - settings.shift, None
        on_map = ((centre - 3 * settings.sigma < size) & (centre + 3 * settings.sigma >= 0)).all(dim=-1)
    across, down = (
        _gaussian(torch.arange(cells_along, device=joints.device) - centre[..., axis, None], settings.sigma, reach)
        for axis, cells_along in enumerate((width, height))
    )
    return down[..., :, None] * across[..., None, :], weights.float() * on_map


def _gaussian(distance: Tensor, sigma: float, reach: int | None) -> Tensor:
    """Float32, 1 at distance 0; 0 beyond `reach` cells."""
    values = (-distance.square() / (2 * sigma**2)).exp().float()
    return values if reach is None else values * (distance.abs() <= reach)
