"""What a person detector is to the rest of the engine."""

from __future__ import annotations

from typing import Protocol

from dcpose_core.types import Detection, ImageArray


class Detector(Protocol):
    """Finds the persons of one image."""

    def detect(self, image: ImageArray) -> list[Detection]:
        """Persons in an image uint8 `[H, W, 3]`, RGB, best first; boxes in the convention of `dcpose_core.boxes`."""
        ...
