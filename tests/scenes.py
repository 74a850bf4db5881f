"""A small world for pipeline tests: persons of three dots move over dark frames, and a network that sees dots."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch
from torch import nn

from dcpose_core.models.backbones.base import Backbone, BackboneOutput
from dcpose_core.models.description import CropSpec, DecodeRule, ModelDescription
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.types import Detection, FloatArray, Frame
from dcpose_core.video import DamagedStretch

WIDTH, HEIGHT = 400, 300
BOX_SIZE = np.array([48.0, 64.0])
#: Where the red, green and blue dot of a person lie about its position; red is the position itself.
DOT_OFFSETS = np.array([[0.0, 0.0], [13.0, 19.0], [-14.0, -20.0]])


def position(person: int, index: int) -> FloatArray:
    """Where the dot of `person` is in frame `index`, image pixels."""
    return np.array([60.0 + 4.0 * index, 70.0 + 120.0 * person + 1.5 * index])


def box(person: int, index: int) -> FloatArray:
    """A box around the dot that follows it, but not rigidly: its size breathes a little."""
    centre, half = position(person, index) + np.array([1.0, -2.0]), BOX_SIZE / 2 * (1.0 + 0.03 * (index % 3))
    return np.concatenate([centre - half, centre + half])


class DotVideo:
    """A frame source whose frames are drawn when they are read; it counts how often and how many are alive."""

    def __init__(self, n_frames: int, *, n_persons: int = 1, damaged_frames: frozenset[int] = frozenset()) -> None:
        self._n_frames = n_frames
        self._n_persons = n_persons
        self._damaged_frames = damaged_frames
        self.reads: list[int] = []
        self._images: list[weakref.ref[np.ndarray]] = []
        self.closed_early = False

    def __len__(self) -> int:
        return self._n_frames

    path = Path("dots.mp4")
    width_px, height_px, frame_rate, fingerprint = WIDTH, HEIGHT, 25.0, "dots"

    @property
    def times_s(self) -> FloatArray:
        return np.arange(self._n_frames) / self.frame_rate

    @property
    def damaged(self) -> tuple[DamagedStretch, ...]:
        return tuple(DamagedStretch(index, index, f"frame {index}") for index in sorted(self._damaged_frames))

    def read(self, index: int) -> Frame:
        self.reads.append(index)
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for person in range(self._n_persons):
            for colour, offset in enumerate(DOT_OFFSETS):
                dot_x, dot_y = position(person, index) + offset
                rows, columns = slice(int(dot_y) - 10, int(dot_y) + 11), slice(int(dot_x) - 10, int(dot_x) + 11)
                y, x = np.mgrid[rows, columns]
                image[rows, columns, colour] = 255 * np.exp(-((x - dot_x) ** 2 + (y - dot_y) ** 2) / (2 * 2.0**2))
        self._images.append(weakref.ref(image))
        return Frame(image, index, index / self.frame_rate)

    @property
    def images_alive(self) -> int:
        """How many of the images handed out are still held by someone."""
        return sum(image() is not None for image in self._images)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        try:
            for index in range(start, self._n_frames if stop is None else stop):
                if index not in self._damaged_frames:
                    yield self.read(index)
        except GeneratorExit:
            self.closed_early = True
            raise

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class DotBackbone(Backbone):
    """Puts joints 0 to 8 on the red dot, 9 to 12 on the green and 13 to 16 on the blue one; counts its passes."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.evidence(images).heatmaps

    def evidence(self, images: torch.Tensor) -> BackboneOutput:
        self.passes += len(images)
        # DARK adds half a cell to its peak, so cell i has to stand for crop pixel 4 (i + 0.5).
        maps = nn.functional.avg_pool2d(images, 3, stride=1, padding=1)[..., 2::4, 2::4]
        return BackboneOutput(maps.repeat_interleave(torch.tensor([9, 4, 4]), dim=1), None)


class Fusion(nn.Module):
    """Temporal modules reduced to one formula, so that a test can see which frame the network looked at."""

    def __init__(
        self,
        formula: Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> None:
        super().__init__()
        self.formula = formula
        self.margins: list[list[int]] = []

    def forward(
        self, current: torch.Tensor, previous: torch.Tensor, following: torch.Tensor, margin: torch.Tensor
    ) -> torch.Tensor:
        self.margins += margin.tolist()
        return self.formula(current, previous, following, margin)


def dot_model(temporal: nn.Module | None = None, backbone: DotBackbone | None = None) -> PoseModel:
    description = ModelDescription(
        name="dots",
        title="Dots",
        backbone="dots",
        temporal=temporal is not None,
        crop=CropSpec(96, 128, 1.25, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), DecodeRule.DARK),
        licence="Apache-2.0",
        origin="test",
        sha256="0" * 64,
    )
    return PoseModel(description=description, backbone=backbone or DotBackbone(), temporal=temporal)


def given_boxes(n_frames: int, n_persons: int = 1) -> dict[int, list[Detection]]:
    return {
        index: [Detection(box(person, index), 0.9, track_id=10 + person) for person in range(n_persons)]
        for index in range(n_frames)
    }


class DotDetector:
    """Finds every person's box, but nobody in the calls numbered in `blind`; counts its calls."""

    def __init__(self, n_persons: int = 1, *, blind: range = range(0)) -> None:
        self._n_persons = n_persons
        self._blind = blind
        self.calls = 0

    def detect(self, image: np.ndarray) -> list[Detection]:
        self.calls += 1
        found: list[Detection] = []
        if self.calls - 1 in self._blind:
            return found
        for person in range(self._n_persons):
            band = image[10 + 120 * person : 130 + 120 * person, :, 0]
            y, x = np.unravel_index(int(band.argmax()), band.shape)
            centre = np.array([x, y + 10 + 120 * person], float)
            found.append(Detection(np.concatenate([centre - BOX_SIZE / 2, centre + BOX_SIZE / 2]), 0.9))
        return found
