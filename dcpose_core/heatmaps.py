"""Heatmaps: training targets from keypoints, keypoints from heatmaps, and heatmaps from one crop into another.

Frame of reference: cells of the heatmap; the cell with index (x, y) lies at crop pixel (4 x, 4 y), without a
half-cell term, as in the reference network (`cell_px` = 4 for all backbones).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from dcpose_core.geometry import invert_affine, transform_points
from dcpose_core.models.description import DecodeRule
from dcpose_core.types import FloatArray

#: Crop pixels per heatmap cell.
CELL_PX = 4

# Binomial approximation of a Gaussian of sigma 1 cell: the "blur 5" of the DARK rule.
_BLUR = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
_LOG_FLOOR = 1e-10
# Within this distance a refined peak and the backbone's own are the same peak.
_SAME_PEAK_CELLS = 1.5


def encode(
    keypoints: FloatArray,
    visibility: NDArray[np.generic],
    *,
    width_px: int,
    height_px: int,
    sigma_hm: float = 3.0,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Target heatmaps of one person: a Gaussian of height 1 around the cell nearest to each joint.

    keypoints: `[J, 2]`, crop pixels. visibility: `[J]`, 0 = no target, anything above counts as 1.
    width_px, height_px: size of the crop. sigma_hm: cells; the Gaussian is cut off at +-3 sigma.
    Returns heatmaps float32 `[J, h, w]` and weights float32 `[J]`: 1 where a joint counts, 0 where it is not
    annotated or where its whole patch lies off the map.
    """
    size = np.array([width_px, height_px]) // CELL_PX
    radius = int(sigma_hm * 3)
    # Truncation toward zero, not rounding, is the reference's: it differs left of and above the map.
    centre = np.trunc(np.asarray(keypoints, dtype=np.float64) / CELL_PX + 0.5).astype(np.int64)  # [J, 2]
    # The end is exclusive, so `end == 0` is already off the map; the reference lets it count, with an empty map.
    off_map = np.any((centre - radius >= size) | (centre + radius + 1 < 0), axis=1)
    weights = np.where(off_map, 0.0, np.minimum(np.asarray(visibility, dtype=np.float32), 1.0)).astype(np.float32)

    dx = np.arange(size[0]) - centre[:, :1]  # [J, w]
    dy = np.arange(size[1]) - centre[:, 1:]  # [J, h]
    squared = (np.square(dx)[:, None, :] + np.square(dy)[:, :, None]).astype(np.float32)  # [J, h, w]
    inside = (np.abs(dx) <= radius)[:, None, :] & (np.abs(dy) <= radius)[:, :, None]
    drawn = inside & (weights > 0.5)[:, None, None]
    return np.where(drawn, np.exp(-squared / np.float32(2 * sigma_hm**2)), np.float32(0)), weights


def decode(
    heatmaps: torch.Tensor | NDArray[np.floating],
    *,
    rule: DecodeRule,
    offsets: torch.Tensor | NDArray[np.floating] | None = None,
    cells: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Position and confidence of every joint, computed on the device of the heatmaps.

    The peak is the first largest cell in row-major order and the confidence is its value. A map without a positive
    cell has its joint at (0, 0). Each model has its own rule for the part of a cell (`DecodeRule`).

    heatmaps: `[N, J, h, w]`, any floating type. offsets: `[N, J, 2, h, w]`, (dx, dy) in cells from each cell to
    its joint; only for `OFFSET_MAP`, which raises `ValueError` without them. cells: `[N, J, 2]` (x, y), peaks to take
    instead of the highest ones.
    Returns positions `[N, J, 2]` (x, y) in heatmap cells and confidence `[N, J]`, float32 (float64 for float64).
    """
    maps = heatmaps if isinstance(heatmaps, torch.Tensor) else torch.tensor(heatmaps)
    maps = maps if maps.dtype == torch.float64 else maps.float()
    width = maps.shape[-1]
    peak = _highest_cell(maps) if cells is None else _flat(cells, width)
    confidence = maps.flatten(2).gather(-1, peak[..., None]).squeeze(-1)
    peak = torch.where(confidence > 0, peak, torch.zeros_like(peak))
    x, y = peak % width, peak.div(width, rounding_mode="floor")
    positions = torch.stack([x, y], dim=-1).to(maps.dtype)
    if rule is DecodeRule.QUARTER_OFFSET:
        return positions + _quarter_offset(maps, x, y), confidence
    if rule is DecodeRule.DARK:
        return positions + _dark_offset(maps, x, y) + 0.5, confidence
    if offsets is None:
        raise ValueError("the offset-map rule needs the backbone's offset maps")
    shift = (
        (offsets if isinstance(offsets, torch.Tensor) else torch.tensor(offsets)).to(maps).flatten(3)
    )  # [N, J, 2, h*w]
    shift = shift.gather(-1, peak[..., None, None].expand(-1, -1, 2, 1)).squeeze(-1)
    return positions + shift, confidence


def decode_refined(
    refined: torch.Tensor, *, current: torch.Tensor, offsets: torch.Tensor, cells: torch.Tensor | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `decode`, for heatmaps `[N, J, h, w]` that temporal modules made of a backbone's that has offset maps.

    The DARK rule; where the refined peak lies within 1.5 cells of the backbone's own, its mean with that peak's
    offset-map point, which is the finer one: the offset map speaks of the backbone's own peak only.

    current: the backbone's heatmaps of the key frame. offsets: `[N, J, 2, h, w]`, as for `decode`. cells: of `refined`,
    as for `decode`.
    """
    positions, confidence = decode(refined, rule=DecodeRule.DARK, cells=cells)
    own_positions, own_confidence = decode(current, rule=DecodeRule.OFFSET_MAP, offsets=offsets)
    width = refined.shape[-1]
    peak, own_peak = _highest_cell(refined) if cells is None else _flat(cells, width), _highest_cell(current)
    dx = peak % width - own_peak % width
    dy = peak.div(width, rounding_mode="floor") - own_peak.div(width, rounding_mode="floor")
    same = (torch.hypot(dx.float(), dy.float()) <= _SAME_PEAK_CELLS) & (confidence > 0) & (own_confidence > 0)
    return torch.where(same[..., None], (positions + own_positions) / 2, positions), confidence


def _highest_cell(maps: torch.Tensor) -> torch.Tensor:
    """Index `[N, J]` of the highest cell in row-major order."""
    return maps.flatten(2).argmax(dim=2)  # of several equal cells the first; `max` does not promise that


def _flat(cells: torch.Tensor, width: int) -> torch.Tensor:
    """Index `[N, J]` in row-major order of cells `[N, J, 2]` (x, y)."""
    return cells[..., 1].long() * width + cells[..., 0].long()


def _quarter_offset(maps: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A quarter cell towards the higher neighbour, on each axis; nothing on the two outermost cells of the map."""
    height, width = maps.shape[-2:]
    inner = (x > 1) & (x < width - 1) & (y > 1) & (y < height - 1)
    at = _neighbourhood(maps, x, y)
    slope = torch.stack([at(1, 0) - at(-1, 0), at(0, 1) - at(0, -1)], dim=-1)
    return torch.where(inner[..., None], 0.25 * slope.sign(), torch.zeros_like(slope))


def _dark_offset(maps: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Where a Gaussian through the blurred peak has its top: -H^-1 g of the log heatmap (Zhang et al., DARK, 2020).

    Nothing where the peak is not one (the Hessian is not negative definite) or is within two cells of the border,
    and never more than one cell.
    """
    height, width = maps.shape[-2:]
    kernel = maps.new_tensor(_BLUR)
    flat = maps.reshape(-1, 1, height, width)
    flat = F.conv2d(
        F.conv2d(flat, kernel.reshape(1, 1, 1, 5), padding=(0, 2)), kernel.reshape(1, 1, 5, 1), padding=(2, 0)
    )
    at = _neighbourhood(flat.reshape(maps.shape).clamp_min(_LOG_FLOOR).log(), x, y)
    dx, dy = (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
    dxx = (at(2, 0) - 2 * at(0, 0) + at(-2, 0)) / 4
    dyy = (at(0, 2) - 2 * at(0, 0) + at(0, -2)) / 4
    dxy = (at(1, 1) - at(-1, 1) - at(1, -1) + at(-1, -1)) / 4
    determinant = dxx * dyy - dxy * dxy
    usable = (determinant > 0) & (dxx < 0) & (x > 1) & (x < width - 2) & (y > 1) & (y < height - 2)
    step = torch.stack([dxy * dy - dyy * dx, dxy * dx - dxx * dy], dim=-1)
    step = (step / torch.where(usable, determinant, torch.ones_like(determinant))[..., None]).clamp(-1.0, 1.0)
    return torch.where(usable[..., None], step, torch.zeros_like(step))


def _neighbourhood(maps: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> Callable[[int, int], torch.Tensor]:
    """A function (dx, dy) -> `[N, J]`, the values of the maps that far from (x, y); off the map, the nearest cell."""
    height, width = maps.shape[-2:]
    flat = maps.flatten(2)

    def at(dx: int, dy: int) -> torch.Tensor:
        cell = (y + dy).clamp(0, height - 1) * width + (x + dx).clamp(0, width - 1)
        return flat.gather(-1, cell[..., None]).squeeze(-1)

    return at


def to_image(positions: torch.Tensor | FloatArray, matrices: FloatArray) -> FloatArray:
    """Image pixels float64 `[N, J, 2]` of positions `[N, J, 2]` in heatmap cells.

    matrices: `[N, 2, 3]`, image pixels -> crop pixels, those that made the crops.
    """
    cells = positions.double().cpu().numpy() if isinstance(positions, torch.Tensor) else positions
    return transform_points(cells * CELL_PX, invert_affine(matrices))


def warp_heatmaps(heatmaps: torch.Tensor, from_matrix: FloatArray, to_matrix: FloatArray) -> torch.Tensor:
    """Heatmaps made in one crop, as they would lie in another crop of the same scene.

    Bilinear, zero outside the first crop. Where both crops are the same, the result is the input, bit by bit.

    heatmaps: `[N, J, h, w]`. from_matrix, to_matrix: `[N, 2, 3]`, image pixels -> pixels of the first and of the
    second crop. Returns `[N, J, h, w]` of the same type on the same device.
    """
    height, width = heatmaps.shape[-2:]
    # Second crop's cell -> image -> first crop's cell; in float64, because large image coordinates cancel here.
    back = invert_affine(to_matrix)
    linear = from_matrix[:, :, :2] @ back[:, :, :2]
    shift = (from_matrix[:, :, :2] @ back[:, :, 2:] + from_matrix[:, :, 2:]) / CELL_PX
    cell_to_cell = torch.from_numpy(np.concatenate([linear, shift], axis=2)).to(heatmaps.device, torch.float32)
    a, b, c, d, e, f = cell_to_cell.flatten(1).T[..., None, None]  # each [N, 1, 1]
    x = torch.arange(width, device=heatmaps.device, dtype=torch.float32)
    y = torch.arange(height, device=heatmaps.device, dtype=torch.float32)[:, None]
    # `grid_sample` with align_corners=True has -1 and 1 on the centres of the first and last cell.
    grid = torch.stack(
        [(a * x + b * y + c) * (2 / (width - 1)) - 1, (d * x + e * y + f) * (2 / (height - 1)) - 1], dim=-1
    )
    warped = F.grid_sample(heatmaps.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=True)
    warped = warped.to(heatmaps.dtype)
    same = np.equal(from_matrix, to_matrix).all(axis=(1, 2))
    if not same.any():
        return warped
    return torch.where(torch.from_numpy(same).to(heatmaps.device)[:, None, None, None], heatmaps, warped)
