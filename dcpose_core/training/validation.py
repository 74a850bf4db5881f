"""How good heatmaps are on labelled samples, by the measure that the reference logs in training."""

from __future__ import annotations

import torch
from torch import Tensor

from dcpose_core.heatmaps import CELL_PX, decode
from dcpose_core.models.backbones.base import JOINTS
from dcpose_core.models.description import DecodeRule
from dcpose_core.training.events import Accuracy

_PCK_THRESHOLD = 0.5


def training_pck(predicted: Tensor, target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Correct and counted joints, `[J]` each, by the accuracy of the reference's training log.

    Only the cells of the maxima are compared. Correct is a distance below half of the map's height / 10 in x and its
    width / 10 in y (in this order, as published). Counted are joints with a weight whose target's maximum is beyond
    the first two rows and columns.

    predicted, target: `[B, J, h, w]`. weight: `[B, J]`.
    """
    height, width = target.shape[-2:]
    unit = torch.tensor([height, width], device=target.device) / 10
    truth = _peaks(target)
    counted = (truth > 1).all(dim=-1) & (weight > 0)
    distance = ((_peaks(predicted) - truth) / unit).norm(dim=-1)
    return ((distance < _PCK_THRESHOLD) & counted).sum(dim=0), counted.sum(dim=0)


def _peaks(maps: Tensor) -> Tensor:
    """(x, y) float `[B, J, 2]` of the first largest cell; (0, 0) where none is positive."""
    width = maps.shape[-1]
    at = maps.flatten(2).argmax(dim=-1)
    cells = torch.stack([at % width, at // width], dim=-1).float()
    return torch.where((maps.flatten(2).amax(dim=-1) > 0)[..., None], cells, 0.0)


class AccuracySum:
    """Accuracy over many batches; `counts` can be added over processes."""

    def __init__(self, *, rule: DecodeRule, device: torch.device) -> None:
        self._rule = rule
        #: Correct and counted joints by joint, then sum and number of distances.
        self.counts = torch.zeros(2 * JOINTS + 2, dtype=torch.float64, device=device)

    def add(self, predicted: Tensor, target: Tensor, weight: Tensor, joints: Tensor) -> None:
        """A batch: maps `[B, J, h, w]`, weight `[B, J]`, true joints `[B, J, 2]` in crop pixels."""
        correct, counted = training_pck(predicted, target, weight)
        positions, _ = decode(predicted, rule=self._rule)
        known = weight > 0
        distance = (positions - joints / CELL_PX).norm(dim=-1)[known].sum()
        self.counts += torch.cat([correct, counted, torch.stack([distance, known.sum()])])

    def accuracy(self) -> Accuracy:
        """PCK is the mean over the joints that were counted; NaN where nothing was."""
        correct, counted = self.counts[:-2].chunk(2)
        distance, known = self.counts[-2:].tolist()
        present = counted > 0
        pck = 100 * (correct[present] / counted[present]).mean().item()
        return Accuracy(pck=pck, error_cells=distance / known if known else float("nan"))
