"""How much a neighbouring frame counts: the nearer one more (paper, equation 1)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class NeighbourWeights(NamedTuple):
    """Weights `[B, 1, 1, 1]` of the previous and the next frame; they sum to 1."""

    previous: Tensor
    next: Tensor


def neighbour_weights(margin: Tensor, dtype: torch.dtype = torch.float32) -> NeighbourWeights:
    """w_p = (n - c) / (n - p) and w_n = (c - p) / (n - p).

    margin: `[B, 2]`, (c - p, n - c) in frames, none negative. A margin of 0 says that the key frame itself stands in:
    that side gets weight 1, the other 0; if both are 0 there is only one frame, and each gets 1/2.
    """
    left, right = margin.to(torch.float32).unbind(dim=1)
    span = left + right
    alone = span == 0
    span = span.masked_fill(alone, 1.0)
    previous = (right / span).masked_fill(alone, 0.5)
    next_ = (left / span).masked_fill(alone, 0.5)
    return NeighbourWeights(previous.view(-1, 1, 1, 1).to(dtype), next_.view(-1, 1, 1, 1).to(dtype))
