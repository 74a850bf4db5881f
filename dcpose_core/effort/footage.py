"""What propagators look at in the benchmark: labelled images, or synthetic heatmaps without any images."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
import torch

from dcpose_core.accuracy.labels import LabelledSequence, read_image
from dcpose_core.degradations import degrade
from dcpose_core.effort.truth import Visit
from dcpose_core.errors import VideoError
from dcpose_core.estimation import CropRequest, Estimates, Evidence, PoseEstimator, WindowEvidence
from dcpose_core.geometry import iou
from dcpose_core.heatmaps import decode, warp_heatmaps
from dcpose_core.models.description import DecodeRule
from dcpose_core.propagation.proposals import Footage
from dcpose_core.synthesis.sequences import SyntheticSequence
from dcpose_core.types import FloatArray, ImageArray

#: Kept at most: images, and evidence of boxes that are not a person's own.
_IMAGES, _OTHER_BOXES = 64, 64


class NoImagesError(VideoError):
    """Asked for the images of footage that has none: propagators go without, as over a damaged frame."""


class BenchFootage(Footage, Protocol):
    """Footage of a benchmark: it knows which frames it has, and persons' own boxes are looked at once.

    size_px: width and height. refusals: how often an image was asked for that there is not.
    """

    refusals: int

    @property
    def frames(self) -> Collection[int]: ...

    @property
    def size_px(self) -> tuple[int, int]: ...

    def look_at(self, boxes: Mapping[Visit, FloatArray]) -> None:
        """Make and keep the evidence of persons' own boxes."""
        ...


class Episode(NamedTuple):
    """Some frames in a row, `first` to before `stop`, that are spoiled in one way: a key of `DEGRADATIONS`."""

    degradation: str
    first: int
    stop: int


class ImageFootage:
    """The images of a labelled sequence, spoiled in `episodes` about everyone who is labelled there.

    Through an episode what spoils the picture stays the same, at the same place of the person.
    """

    def __init__(
        self, sequence: LabelledSequence, estimator: PoseEstimator, *, episodes: Sequence[Episode] = (), seed: int = 0
    ) -> None:
        self._sequence = sequence
        self._estimator = estimator
        self._seed = seed
        self._episodes = list(episodes)
        self._own: dict[tuple[int, bytes], Evidence] = {}
        self.refusals = 0
        self._image = lru_cache(maxsize=_IMAGES)(self._read)
        self._other = lru_cache(maxsize=_OTHER_BOXES)(self._look)

    @property
    def n_frames(self) -> int:
        return max(self._sequence.frames) + 1

    @property
    def frames(self) -> Collection[int]:
        return self._sequence.frames.keys()

    @property
    def size_px(self) -> tuple[int, int]:
        """Of the first image; labelled crops may each have their own."""
        height, width = self.image(min(self._sequence.frames)).shape[:2]
        return width, height

    def image(self, frame: int) -> ImageArray:
        """uint8 `[H, W, 3]`, RGB. Raises `VideoError` for a frame without a picture or with a damaged one."""
        return self._image(frame)

    def evidence(self, frame: int, box_xyxy: FloatArray) -> Evidence:
        key = frame, np.asarray(box_xyxy, np.float64).tobytes()
        return self._own.get(key) or self._other(*key)

    def look_at(self, boxes: Mapping[Visit, FloatArray]) -> None:
        keys = [(visit.frame, box.tobytes()) for visit, box in boxes.items()]
        # Whole frames together, a batch at a time: each picture is read once.
        for start in range(0, len(keys), _IMAGES // 2):
            part = sorted(keys)[start : start + _IMAGES // 2]
            requests = [CropRequest(self.image(frame), self._matrix(box)) for frame, box in part]
            self._own.update(zip(part, self._estimator.evidence(requests), strict=True))

    def estimate(self, windows: Sequence[WindowEvidence]) -> Estimates:
        return self._estimator.estimate(windows)

    def _read(self, frame: int) -> ImageArray:
        if frame not in self._sequence.frames:
            raise VideoError(f"{self._sequence.name}: there is no picture of frame {frame}")
        labelled = self._sequence.frames[frame]
        image = read_image(labelled)
        for number, episode in enumerate(self._episodes):
            if not episode.first <= frame < episode.stop:
                continue
            for identity, person in labelled.persons.items():
                seeds = [self._seed, zlib.crc32(self._sequence.name.encode()), number, identity % 2**32]
                image = degrade(
                    episode.degradation,
                    image,
                    np.random.default_rng(seeds),
                    box_xyxy=person.box_xyxy,
                    keypoints=person.keypoints,
                )
        image.setflags(write=False)
        return image

    def _look(self, frame: int, box: bytes) -> Evidence:
        return self._estimator.evidence([CropRequest(self.image(frame), self._matrix(box))])[0]

    def _matrix(self, box: bytes) -> FloatArray:
        return self._estimator.crop_matrix(np.frombuffer(box))


class SyntheticFootage:
    """The heatmaps of a synthetic sequence; in another box than a person's own, those of the nearest person, moved.

    Offset maps, which the backbone makes and the synthesis does not, point from everywhere to the map's own peak, found
    by the DARK rule: they are only read at the peak.
    """

    def __init__(self, sequence: SyntheticSequence, estimator: PoseEstimator) -> None:
        self._sequence = sequence
        self._estimator = estimator
        self.refusals = 0
        self._look: Callable[[int, bytes], Evidence] = lru_cache(maxsize=_OTHER_BOXES)(self._made)

    @property
    def n_frames(self) -> int:
        return len(self._sequence.times_s)

    @property
    def frames(self) -> Collection[int]:
        return range(self.n_frames)

    @property
    def size_px(self) -> tuple[int, int]:
        return self._sequence.width_px, self._sequence.height_px

    def image(self, frame: int) -> ImageArray:
        """Raises `NoImagesError`."""
        self.refusals += 1
        raise NoImagesError(f"frame {frame} of a synthetic sequence has no image")

    def evidence(self, frame: int, box_xyxy: FloatArray) -> Evidence:
        return self._look(frame, np.asarray(box_xyxy, np.float64).tobytes())

    def look_at(self, boxes: Mapping[Visit, FloatArray]) -> None:
        """There is nothing to do: the heatmaps are there."""

    def estimate(self, windows: Sequence[WindowEvidence]) -> Estimates:
        return self._estimator.estimate(windows)

    def _made(self, frame: int, box: bytes) -> Evidence:
        wanted = np.frombuffer(box)
        boxes = self._sequence.boxes_xyxy[frame]
        person = int(iou(boxes, wanted[None])[:, 0].argmax())
        own, matrix = self._sequence.matrices[frame, person][None], self._estimator.crop_matrix(wanted)[None]
        if np.array_equal(boxes[person], wanted):
            matrix = own
        heatmaps = warp_heatmaps(self._sequence.heatmaps[frame, person][None].float(), own, matrix)
        return Evidence(heatmaps[0], own_peak_offsets(heatmaps)[0], matrix[0])


def own_peak_offsets(heatmaps: torch.Tensor) -> torch.Tensor:
    """Offset maps `[N, J, 2, h, w]` in cells from every cell to the peak of its heatmap, of heatmaps `[N, J, h, w]`."""
    positions, _ = decode(heatmaps, rule=DecodeRule.DARK)
    height, width = heatmaps.shape[-2:]
    x = positions[..., 0, None, None] - torch.arange(width, device=heatmaps.device)
    y = positions[..., 1, None, None] - torch.arange(height, device=heatmaps.device)[:, None]
    full = x.expand(*heatmaps.shape), y.expand(*heatmaps.shape)
    return torch.stack(full, dim=2)
