"""What the model sees of one person: crops of previous, key and next frame with their heatmaps, off the UI thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dcpose_core.errors import DCPoseError, VideoError
from dcpose_core.types import FloatArray, ImageArray

if TYPE_CHECKING:
    # The engine's networks take seconds to import: on the worker thread, when evidence is asked for the first time.
    from torch import Tensor

    from dcpose_core.estimation import PoseEstimator
    from dcpose_core.models.pose_model import PoseModel
    from dcpose_core.video import FrameSource


class EvidenceRequest(NamedTuple):
    """Person with `box_xyxy` (float64 `[4]`, image pixels, convention of `dcpose_core.boxes`) on frame `frame`.

    model: name in the catalogue. device: as for `choose_device`. interval: distance to the neighbours in frames.
    """

    frame: int
    box_xyxy: FloatArray
    model: str
    device: str = "auto"
    interval: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class CropEvidence:
    """One frame's crop, uint8 `[H, W, 3]`, and the backbone's heatmaps of it, float32 `[17, h, w]`."""

    frame: int
    image: ImageArray
    heatmaps: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PersonEvidence:
    """The three crops, all made with the key frame's box.

    A neighbour that the video lacks is None. matrix: float64 `[2, 3]`, image pixels -> crop pixels; a heatmap cell is
    `cell_px` crop pixels. merged: heatmaps `[17, h, w]` of PTM; final: those of all temporal modules; None without.
    """

    key: CropEvidence
    previous: CropEvidence | None
    next: CropEvidence | None
    matrix: FloatArray
    cell_px: int
    merged: FloatArray | None
    final: FloatArray | None


class EvidenceFinder:
    """Looks at one video with one model at a time. For one thread; `close` lets go of both."""

    def __init__(self, video: Path) -> None:
        self._video = video
        self._source: FrameSource | None = None
        self._loaded: tuple[str, str] | None = None
        self._model: PoseModel | None = None
        self._estimator: PoseEstimator | None = None

    def find(self, request: EvidenceRequest) -> PersonEvidence:
        """Compute. Raises any `DCPoseError`: the frame is damaged, there is no such model, ..."""
        from dcpose_core.estimation import CropRequest
        from dcpose_core.geometry import warp_crop
        from dcpose_core.heatmaps import CELL_PX
        from dcpose_core.neighbours import choose_neighbours
        from dcpose_core.video import open_frames

        if self._source is None:
            self._source = open_frames(self._video)
        model, estimator = self._load(request.model, request.device)
        images: dict[int, ImageArray] = {}

        def can_be_read(index: int) -> bool:
            try:
                images[index] = self._read(index)
            except VideoError:
                return False
            return True

        images[request.frame] = self._read(request.frame)
        around = choose_neighbours(
            request.frame,
            len(self._source),
            interval=request.interval,
            border_margin=estimator.border_margin,
            available=can_be_read,
        )
        order = (request.frame, around.previous, around.next)
        matrix = estimator.crop_matrix(request.box_xyxy)
        different = sorted(set(order))
        found = dict(
            zip(different, estimator.evidence([CropRequest(images[i], matrix) for i in different]), strict=True)
        )
        spec = model.description.crop
        crops = {
            i: CropEvidence(
                i,
                warp_crop(images[i], matrix, width_px=spec.width_px, height_px=spec.height_px),
                found[i].heatmaps.cpu().numpy(),
            )
            for i in different
        }
        margin = (around.margin_left, around.margin_right)
        merged, final = _refined(model, [found[i].heatmaps for i in order], margin)
        return PersonEvidence(
            key=crops[request.frame],
            previous=crops[around.previous] if around.previous != request.frame else None,
            next=crops[around.next] if around.next != request.frame else None,
            matrix=matrix,
            cell_px=CELL_PX,
            merged=merged,
            final=final,
        )

    def close(self) -> None:
        """Let go of the video and the model."""
        if self._source is not None:
            self._source.close()
        if self._estimator is not None:
            self._estimator.close()
        self._source = self._estimator = self._model = self._loaded = None

    def _read(self, index: int) -> ImageArray:
        assert self._source is not None
        return self._source.read(index).image

    def _load(self, name: str, device: str) -> tuple[PoseModel, PoseEstimator]:
        from dcpose_core.devices import choose_device
        from dcpose_core.estimation import PoseEstimator
        from dcpose_core.models.catalogue import load_model

        if self._model is None or self._estimator is None or self._loaded != (name, device):
            if self._estimator is not None:
                self._estimator.close()
                self._estimator = None
            self._model = load_model(name)
            # Silent: the status bar tells the device of an analysis; here nothing but patience depends on it.
            chosen = choose_device(device, lambda _: None)
            self._estimator = PoseEstimator(
                self._model, device=chosen, batch_size=4, temporal=False, announce=lambda _: None
            )
            self._loaded = (name, device)
        return self._model, self._estimator


def _refined(
    model: PoseModel, heatmaps: list[Tensor], margin: tuple[int, int]
) -> tuple[FloatArray | None, FloatArray | None]:
    """What PTM and what all temporal modules make of the heatmaps of key, previous and next frame."""
    import torch

    temporal = model.temporal
    if temporal is None:
        return None, None
    merged: list[Tensor] = []
    merger = getattr(temporal, "ptm", None)
    hook = None
    if isinstance(merger, torch.nn.Module):
        hook = merger.register_forward_hook(lambda _module, _inputs, output: merged.append(output))
    try:
        with torch.inference_mode():
            key, previous, following = (one.unsqueeze(0) for one in heatmaps)
            final = temporal(key, previous, following, torch.tensor([margin], device=key.device))
    finally:
        if hook is not None:
            hook.remove()
    between = merged[0][0].float().cpu().numpy() if merged and merged[0].shape == key.shape else None
    return between, final[0].float().cpu().numpy()


class EvidenceWorker:
    """One thread that answers the newest request; older ones that it has not begun are forgotten.

    on_done(request, evidence or None, reason or None) and on_bug(exception) are called on that thread.
    """

    def __init__(
        self,
        video: Path,
        *,
        on_done: Callable[[EvidenceRequest, PersonEvidence | None, str | None], None],
        on_bug: Callable[[Exception], None],
    ) -> None:
        self._finder = EvidenceFinder(video)
        self._on_done = on_done
        self._on_bug = on_bug
        self._wake = threading.Condition()
        self._wanted: EvidenceRequest | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="evidence", daemon=True)
        self._thread.start()

    def request(self, request: EvidenceRequest) -> None:
        with self._wake:
            self._wanted = request
            self._wake.notify()

    def close(self) -> None:
        """Forget what is wanted and wait for what is being computed."""
        with self._wake:
            self._closing, self._wanted = True, None
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                while self._wanted is None and not self._closing:
                    self._wake.wait()
                request, self._wanted = self._wanted, None
                if self._closing or request is None:
                    break
            try:
                self._answer(request)
            except Exception as error:  # noqa: BLE001 - handed on: the window reports it
                self._on_bug(error)
        self._finder.close()

    def _answer(self, request: EvidenceRequest) -> None:
        try:
            evidence = self._finder.find(request)
        except (DCPoseError, OSError) as error:
            self._on_done(request, None, str(error))
        else:
            self._on_done(request, evidence, None)
