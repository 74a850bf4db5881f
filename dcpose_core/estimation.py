"""From person crops to poses: batches through the network, on any device, whatever memory it has."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import nn

from dcpose_core.devices import Announce, keep_freed_memory
from dcpose_core.errors import DeviceError
from dcpose_core.geometry import crop_affine, normalise, warp_crop
from dcpose_core.heatmaps import CELL_PX, decode, decode_refined, to_image, warp_heatmaps
from dcpose_core.models.backbones.base import BackboneOutput
from dcpose_core.models.description import DecodeRule
from dcpose_core.models.joint_score import read_maps, two_peaks
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.models.settings import TemporalSettings
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray, ImageArray
from dcpose_core.views import VIEWS, View, view_matrix

_Result = TypeVar("_Result")
_SIDES_SWAPPED = torch.from_numpy(POSETRACK_17.flip_order)


class StageClock:
    """Seconds spent in each stage of an analysis, for the benchmark. On a GPU the stages are synchronised first."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def stage(self, name: str, device: torch.device | None = None) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            if device is not None and device.type == "cuda":
                torch.cuda.synchronize(device)
            self.seconds[name] += time.perf_counter() - start


class CropRequest(NamedTuple):
    """A person to look at: `matrix` float64 `[2, 3]` takes pixels of `image` (uint8 `[H, W, 3]`) to crop pixels."""

    image: ImageArray
    matrix: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the backbone says about one crop, on the device.

    heatmaps: float32 `[17, h, w]`. offsets: `[17, 2, h, w]` (dx, dy) in cells, or None where the backbone has none.
    matrix: float64 `[2, 3]`, image pixels -> crop pixels. backbone: the model whose backbone it is, None where that is
    not known.
    """

    heatmaps: torch.Tensor
    offsets: torch.Tensor | None
    matrix: FloatArray
    backbone: str | None = None


class WindowEvidence(NamedTuple):
    """The three frames of one person, `current` itself where a neighbour is missing. margin: (c - p, n - c) in frames.

    Where both are missing the joints stay where the backbone has them: temporal modules were taught on frames that
    differ. What they think of the joints counts all the same.
    """

    current: Evidence
    previous: Evidence
    next: Evidence
    margin: tuple[int, int]


class _Maps(NamedTuple):
    """Heatmaps `[N, 17, h, w]` of the key frame, from the backbone and (or None) refined.

    cells `[N, 17, 2]` (x, y), probability `[N, 17]`: the peaks of the refined maps to believe, None without a
    `JointScore`, where it is the highest.
    """

    current: torch.Tensor
    refined: torch.Tensor | None
    cells: torch.Tensor | None = None
    probability: torch.Tensor | None = None


class Estimates(NamedTuple):
    """keypoints: float64 `[N, 17, 2]`, image pixels. scores: float64 `[N, 17]`, heights of the peaks, or probabilities
    where the model's description has a `JointScore` and its temporal modules were used. refinement_px: float64
    `[N, 17]`, how far the temporal modules moved each joint from the backbone's own answer, image pixels, 0 where
    either says nothing; None without temporal modules."""

    keypoints: FloatArray
    scores: FloatArray
    refinement_px: FloatArray | None = None


class _Pose(NamedTuple):
    """`Estimates` of one person, without the first axis."""

    keypoints: FloatArray
    scores: FloatArray
    refinement_px: FloatArray | None


class _Decoded(NamedTuple):
    """Heatmap cells `[N, 17, 2]`, scores `[N, 17]`, and (or None) cells moved by refining, `[N, 17]`."""

    positions: torch.Tensor
    scores: torch.Tensor
    moved: torch.Tensor | None


class PoseEstimator:
    """Runs one model on one device. Out-of-memory halves the batch and goes on; the smaller batch is kept.

    temporal: refine with the neighbours; needs a model with temporal modules. views: looks at every crop, a key of
    `VIEWS`.
    """

    def __init__(
        self,
        model: PoseModel,
        *,
        device: torch.device,
        batch_size: int,
        temporal: bool,
        announce: Announce,
        views: int = 1,
        clock: StageClock | None = None,
    ) -> None:
        if device.type == "cpu":
            keep_freed_memory()
        self._model = model.to(device)
        self._device = device
        self._batch_size = batch_size
        self._announce = announce
        self._clock = clock or StageClock()
        self._spec = model.description.crop
        self._views = VIEWS[views]
        if temporal and model.temporal is None:
            raise ValueError(f"model {model.description.name!r} has no temporal modules")
        self._temporal = model.temporal if temporal else None
        # One person a thread, not one person on all threads: a small network's operators are short, and threads that
        # wait for each other at the end of each one stand still as soon as another program wants a core. With one busy
        # core of two, a crop of the embedded backbone took 1.6 s together and 0.08 s side by side.
        self._workers = ThreadPoolExecutor(
            torch.get_num_threads(), "person", initializer=torch.set_num_threads, initargs=(1,)
        )

    @property
    def temporal(self) -> bool:
        return self._temporal is not None

    @property
    def border_margin(self) -> int:
        """The margin that the model's temporal modules expect where the key frame stands in for a neighbour."""
        settings = self._model.description.settings or TemporalSettings()
        return settings.border_margin

    def crop_matrix(self, box_xyxy: FloatArray) -> FloatArray:
        """Image pixels -> pixels of the model's crop of a box in the convention of `dcpose_core.boxes`."""
        spec = self._spec
        return crop_affine(box_xyxy, width_px=spec.width_px, height_px=spec.height_px, enlargement=spec.enlargement)

    def evidence(self, requests: Sequence[CropRequest]) -> list[Evidence]:
        """What the backbone says about each crop, the mean of all views: one pass per request and view."""
        looks = [
            CropRequest(image, self.view_matrix(matrix, view)) for image, matrix in requests for view in self._views
        ]
        found = self._in_batches(looks, self._evidence_batch)
        return [self._agreed(found[i : i + len(self._views)]) for i in range(0, len(found), len(self._views))]

    def view_matrix(self, matrix: FloatArray, view: View) -> FloatArray:
        """Image pixels -> pixels of a view of the crop that has `matrix`."""
        return view_matrix(matrix, view, width_px=self._spec.width_px, height_px=self._spec.height_px)

    def _agreed(self, looks: Sequence[Evidence]) -> Evidence:
        """The mean of the heatmaps of `self._views` in the first one's crop. Offset maps are those of the first."""
        if len(looks) == 1:
            return looks[0]
        # The network calls the left arm of a mirror image right.
        heatmaps = torch.stack(
            [
                look.heatmaps[_SIDES_SWAPPED] if view.mirrored else look.heatmaps
                for look, view in zip(looks, self._views, strict=True)
            ]
        )
        own = np.stack([look.matrix for look in looks])
        together = warp_heatmaps(heatmaps, own, np.broadcast_to(own[0], own.shape)).mean(dim=0)
        return replace(looks[0], heatmaps=together)

    def estimate(self, windows: Sequence[WindowEvidence]) -> Estimates:
        """Poses of the current frames of `windows`; previous and next are looked at only by temporal modules."""
        return _stacked(self._in_batches(windows, partial(self._estimate_batch, temporal=self._temporal)))

    def estimate_single(self, evidence: Sequence[Evidence]) -> Estimates:
        """The backbone's own poses, without temporal modules."""
        windows = [WindowEvidence(one, one, one, (1, 1)) for one in evidence]
        return _stacked(self._in_batches(windows, partial(self._estimate_batch, temporal=None)))

    def _evidence_batch(self, requests: Sequence[CropRequest]) -> list[Evidence]:
        spec, description = self._spec, self._model.description
        with self._clock.stage("crop"):
            crops = np.stack(
                [
                    warp_crop(request.image, request.matrix, width_px=spec.width_px, height_px=spec.height_px)
                    for request in requests
                ]
            )
        with self._clock.stage("backbone", self._device), self._inference():
            pixels = torch.from_numpy(crops).to(self._device)
            images = normalise(pixels, mean=spec.mean, std=spec.std)
            if self._device.type == "cpu":
                outputs = list(self._workers.map(self._look_at, images.unsqueeze(1)))
            else:
                outputs = [self._look_at(images.contiguous(memory_format=torch.channels_last))]
            maps = [
                (heatmaps, None if output.offsets is None else output.offsets[i].float())
                for output in outputs
                for i, heatmaps in enumerate(output.heatmaps.float())
            ]
        return [
            Evidence(heatmaps, offsets, request.matrix, description.backbone_of or description.name)
            for (heatmaps, offsets), request in zip(maps, requests, strict=True)
        ]

    def _look_at(self, images: torch.Tensor) -> BackboneOutput:
        with self._inference():
            return self._model.backbone.evidence(images)

    def _estimate_batch(self, windows: Sequence[WindowEvidence], *, temporal: nn.Module | None) -> list[_Pose]:
        # As with the crops: on the CPU every person by one thread, on a GPU all of them at once.
        parts = [[window] for window in windows] if self._device.type == "cpu" else [windows]
        with self._clock.stage("temporal", self._device):
            maps = list(self._workers.map(partial(self._refine, temporal=temporal), parts))
        with self._clock.stage("decode heatmaps", self._device):
            decoded = list(self._workers.map(self._decode, parts, maps))
            matrices = np.stack([window.current.matrix for window in windows])
            keypoints = to_image(torch.cat([part.positions for part in decoded]), matrices)
            scores = torch.cat([part.scores for part in decoded]).double().cpu().numpy()
            moved: Iterable[FloatArray | None] = [None] * len(windows)
            if temporal is not None:
                cells = torch.cat([part.moved for part in decoded if part.moved is not None]).double().cpu().numpy()
                moved = cells * CELL_PX / _crop_scale(matrices)[:, None]
        return [_Pose(*one) for one in zip(keypoints, scores, moved, strict=True)]

    def _refine(self, windows: Sequence[WindowEvidence], *, temporal: nn.Module | None) -> _Maps:
        with self._inference():
            current = torch.stack([window.current.heatmaps for window in windows])
            if temporal is None:
                return _Maps(current, None)
            margin = torch.tensor([window.margin for window in windows], device=self._device)
            neighbours = [window.previous for window in windows] + [window.next for window in windows]
            previous, following = _in_current_crop(neighbours, [*windows, *windows]).chunk(2)
            refined = temporal(current, previous, following, margin).float()
            score = self._model.description.score
            if score is None:
                return _Maps(current, refined)
            peaks = two_peaks(refined)
            probability = score.probability(read_maps(peaks, current, previous, following))
            surest = probability.argmax(dim=2, keepdim=True)
            cells = peaks.cells.take_along_dim(surest[..., None], dim=2)
            return _Maps(current, refined, cells[:, :, 0], probability.take_along_dim(surest, dim=2)[..., 0])

    def _decode(self, windows: Sequence[WindowEvidence], maps: _Maps) -> _Decoded:
        with torch.inference_mode():
            offsets = None
            if self._spec.decode is DecodeRule.OFFSET_MAP:
                offsets = torch.stack([o for o in (window.current.offsets for window in windows) if o is not None])
            own_positions, own_peaks = decode(maps.current, rule=self._spec.decode, offsets=offsets)
            if maps.refined is None:
                return _Decoded(own_positions, own_peaks, None)
            if offsets is not None:
                positions, peaks = decode_refined(maps.refined, current=maps.current, offsets=offsets, cells=maps.cells)
            else:
                positions, peaks = decode(maps.refined, rule=self._spec.decode, cells=maps.cells)
            alone = [window.previous is window.current and window.next is window.current for window in windows]
            positions = torch.where(
                torch.tensor(alone, device=positions.device)[:, None, None], own_positions, positions
            )
            moved = torch.linalg.vector_norm(positions - own_positions, dim=-1) * ((peaks > 0) & (own_peaks > 0))
            return _Decoded(positions, peaks if maps.probability is None else maps.probability, moved)

    def close(self) -> None:
        """Let the worker threads go."""
        self._workers.shutdown(cancel_futures=True)

    @contextmanager
    def _inference(self) -> Iterator[None]:
        """Half precision on CUDA, where it is faster; never needed for correctness."""
        autocast = torch.autocast("cuda", torch.float16, enabled=self._device.type == "cuda")
        with torch.inference_mode(), autocast:
            yield

    def _in_batches(self, items: Sequence[_Item], run: Callable[[Sequence[_Item]], list[_Result]]) -> list[_Result]:
        results: list[_Result] = []
        while len(results) < len(items):
            try:
                results += run(items[len(results) : len(results) + self._batch_size])
                continue
            except RuntimeError as error:
                if not _is_out_of_memory(error):
                    raise
            # Outside the handler, where the failed call's tensors are no longer held by the traceback.
            self._halve_batch()
        return results

    def _halve_batch(self) -> None:
        if self._batch_size == 1:
            name = self._model.description.name
            raise DeviceError(f"{self._device}: out of memory for a single person with {name!r}; choose the device cpu")
        self._batch_size //= 2
        self._announce(f"{self._device}: out of memory, going on with batches of {self._batch_size}")
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


_Item = TypeVar("_Item")


def _in_current_crop(neighbours: Sequence[Evidence], windows: Sequence[WindowEvidence]) -> torch.Tensor:
    """Heatmaps `[N, 17, h, w]` of the neighbours as they lie in the crops of their current frames."""
    heatmaps = torch.stack([neighbour.heatmaps for neighbour in neighbours])
    own = np.stack([neighbour.matrix for neighbour in neighbours])
    current = np.stack([window.current.matrix for window in windows])
    return heatmaps if np.array_equal(own, current) else warp_heatmaps(heatmaps, own, current)


def _crop_scale(matrices: FloatArray) -> FloatArray:
    """Crop pixels per image pixel `[N]` of similarities `[N, 2, 3]`, mirrored or not."""
    return np.asarray(np.sqrt(np.abs(np.linalg.det(matrices[:, :, :2]))))


def _stacked(poses: Sequence[_Pose]) -> Estimates:
    moved = [pose.refinement_px for pose in poses if pose.refinement_px is not None]
    return Estimates(
        np.array([pose.keypoints for pose in poses]).reshape(-1, 17, 2),
        np.array([pose.scores for pose in poses]).reshape(-1, 17),
        np.array(moved) if moved else None,
    )


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
