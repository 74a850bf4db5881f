"""Samples for what spreads labels: a labelled neighbour, and a key frame with the neighbour's mistakes.

A person corrects joints that the network had wrong, and what is wrong in one frame is mostly wrong in the next in the
same way: the other side's joint, another limb, something in the background, or nothing at all. So in many samples the
backbone's maps of both frames share a mistake, and the label is what tells the right peak from the wrong one.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dcpose_core.errors import TrainingError
from dcpose_core.heatmaps import CELL_PX
from dcpose_core.models.backbones.base import JOINTS
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.training.samples import HeatmapTriple, TripleDataset
from dcpose_core.training.settings import SubcellTargets
from dcpose_core.training.targets import draw_targets
from dcpose_core.types import FloatArray

#: How far labels are off, cells (standard deviation on each axis), and how often: a hand, and steps that went before.
_LABEL_NOISE_CELLS = (0.2, 0.8, 2.0)
_LABEL_NOISE_SHARES = (0.5, 0.35, 0.15)
#: Share of the joints with a mistake that lasts, and of those the shares of its kinds.
_MISTAKEN = 0.45
_OPPOSITE, _OTHER_JOINT, _BACKGROUND, _NOTHING = range(4)
_KIND_SHARES = (0.45, 0.2, 0.15, 0.2)
#: Ranges: what is left of the joint's own map, and the height of the wrong peak.
_LEFT_OVER = (0.1, 0.95)
_LEFT_OVER_OF_NOTHING = (0.0, 0.2)
_WRONG_HEIGHT = (0.3, 0.85)
_PEAK_SIGMA_CELLS = 1.4
#: Of maps with less no peak can be made.
_FAINTEST = 0.02


class LabelledNeighbours(TripleDataset):
    """The triples of another source, as what spreads labels sees them; joints without a label do not count.

    The three maps are the label of a neighbour, the key frame's and, in the place of the next frame, the backbone's own
    map of the labelled neighbour. Time runs from the label to the key frame, be it forward or backwards.

    targets: how labels are drawn; as the targets of the training.
    Raises `TrainingError` when a sample comes without heatmaps or without the truth of its neighbours.
    """

    def __init__(self, triples: TripleDataset, *, targets: SubcellTargets | None = None) -> None:
        self._triples = triples
        self._targets = targets or SubcellTargets()

    def __len__(self) -> int:
        return len(self._triples)

    def sample(self, index: int, *, epoch: int, seed: int) -> HeatmapTriple:
        """The sample `index` of an epoch; see `TripleDataset`."""
        triple = self._triples.sample(index, epoch=epoch, seed=seed)
        if not isinstance(triple, HeatmapTriple) or triple.neighbours is None:
            raise TrainingError("labels for neighbours need a source that knows where the neighbours' joints are")
        rng = np.random.default_rng((seed, epoch, index, 1))
        side = int(rng.integers(2))
        heatmaps = with_lasting_mistakes(triple.heatmaps.float(), rng)
        noise = rng.choice(_LABEL_NOISE_CELLS, size=(JOINTS, 1), p=_LABEL_NOISE_SHARES)
        labels, on_map = draw_targets(
            torch.tensor(triple.neighbours.joints[side] + CELL_PX * noise * rng.standard_normal((JOINTS, 2)))[None],
            torch.tensor(triple.neighbours.weights[side])[None],
            self._targets,
            height=heatmaps.shape[-2],
            width=heatmaps.shape[-1],
        )
        return HeatmapTriple(
            torch.stack([labels[0], heatmaps[1], heatmaps[2 * side]]),
            (triple.margin[side], triple.margin[side]),
            triple.joints,
            triple.weights * (on_map[0].numpy() > 0),
        )


def with_lasting_mistakes(heatmaps: Tensor, rng: np.random.Generator) -> Tensor:
    """A copy of heatmaps `[3, 17, h, w]` in which some joints are mistaken in the same way in all frames."""
    result = heatmaps.clone()
    kinds = np.where(rng.random(JOINTS) < _MISTAKEN, rng.choice(len(_KIND_SHARES), size=JOINTS, p=_KIND_SHARES), -1)
    kinds[(kinds == _OPPOSITE) & (POSETRACK_17.flip_order == np.arange(JOINTS))] = _OTHER_JOINT
    height, width = heatmaps.shape[-2:]
    for joint in np.flatnonzero(kinds >= 0).tolist():
        kind, left_over = kinds[joint], rng.uniform(*_LEFT_OVER)
        wrong_height, place = rng.uniform(*_WRONG_HEIGHT), rng.uniform((0, 0), (width, height))
        other = int(rng.integers(JOINTS))
        if kind == _NOTHING:
            result[:, joint] *= rng.uniform(*_LEFT_OVER_OF_NOTHING)
            continue
        if kind == _BACKGROUND:
            wrong = torch.from_numpy(_peak(place, height=height, width=width)).expand(len(heatmaps), -1, -1)
        else:
            wrong = heatmaps[:, POSETRACK_17.flip_order[joint] if kind == _OPPOSITE else other]
        peak = wrong.amax(dim=(1, 2), keepdim=True)
        if peak.min() > _FAINTEST:
            result[:, joint] = torch.maximum(left_over * heatmaps[:, joint], wrong * (wrong_height / peak))
    return result


def _peak(place: FloatArray, *, height: int, width: int) -> NDArray[np.float32]:
    across = np.exp(-np.square(np.arange(width) - place[0]) / (2 * _PEAK_SIGMA_CELLS**2))
    down = np.exp(-np.square(np.arange(height) - place[1]) / (2 * _PEAK_SIGMA_CELLS**2))
    return np.asarray(down[:, None] * across, dtype=np.float32)
