"""Person detectors. To add one: a class in a file of its own and one line here."""

from typing import Protocol

import torch

from dcpose_core.detectors.base import Detector
from dcpose_core.detectors.multipose import MultiPoseDetector

__all__ = ["DETECTORS", "Detector", "MultiPoseDetector"]


class _Constructor(Protocol):
    def __call__(self, *, device: torch.device, tiles: int = 1) -> Detector: ...


#: Name -> constructor; `device` is where the network runs, `tiles` > 1 looks for distant people in n x n tiles too.
DETECTORS: dict[str, _Constructor] = {"multipose": MultiPoseDetector}
