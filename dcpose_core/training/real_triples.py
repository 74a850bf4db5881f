"""Real heatmap triples: what the backbone says about people in real clips, kept in a folder, as training samples.

A folder holds `index.json` and one safetensors file for each clip, `clip_000.safetensors` and so on, in the order of
the index. The tensors of a clip with N triples, in the key frame's crop:

* `heatmaps` uint8 `[N, 3, 17, h, w]`, previous, current, next (see `to_bytes`),
* `points` float32 `[N, 3, 17, 3]`, the single-frame answers by the model's own decode rule: x, y in crop pixels, score,
* `joints` float32 `[N, 17, 2]`, truth of the key frame, crop pixels, and `weights` float32 `[N, 17]`, 1 where known.

`making_real_triples.py` makes such folders.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from dcpose_core.errors import TrainingError
from dcpose_core.heatmaps import CELL_PX
from dcpose_core.models.backbones.base import JOINTS
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.training.samples import HeatmapTriple, NeighbourTruth
from dcpose_core.types import FloatArray

INDEX_NAME = "index.json"
_VERSION = 1
#: A single look at a clean neighbour is its truth where its score is at least this and it lies at most so many cells
#: from the key frame's joint for each frame between them.
_SURE_SCORE = 0.2
_CELLS_PER_FRAME = 5.0

Split = Literal["train", "validation"]


class TripleRecord(msgspec.Struct, frozen=True):
    """Where one triple comes from.

    person: track id in the clip. frames: indices of the previous, current and next frame. margin: (c - p, n - c) as the
    network gets them; in clips of 50 and more frames a second usually half the distance in frames. degradations: what
    was done to each of the three pictures, in order. own_boxes: the neighbours were looked at in their own boxes and
    moved into the key frame's crop, else in the key frame's crop. mirrored: the crops are mirror images.
    """

    person: int
    frames: tuple[int, int, int]
    margin: tuple[int, int]
    degradations: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    own_boxes: bool
    mirrored: bool


class ClipRecord(msgspec.Struct, frozen=True):
    """One clip and its triples, in the order in which its file holds them. fingerprint: names the video's content."""

    name: str
    fingerprint: str
    frame_rate: float
    split: Split
    triples: tuple[TripleRecord, ...]


class TripleIndex(msgspec.Struct, frozen=True):
    """What `index.json` holds. model, model_sha256: whose heatmaps these are. per_clip: triples asked for of a clip."""

    model: str
    model_sha256: str
    crop_width_px: int
    crop_height_px: int
    seed: int
    per_clip: int
    clips: tuple[ClipRecord, ...] = ()
    version: int = _VERSION


_DTYPES = {"U8": torch.uint8, "F32": torch.float32}
_decoder = msgspec.json.Decoder(TripleIndex)


class RealTriples:
    """A `TripleDataset` over such a folder.

    split: the clips to train on or those held out. augment (None: in training only): swap previous and next, and flip
    the maps together with left and right, each every second time. flip_single_joints: flip also maps of single joints,
    in x, y or both, for networks that treat all joints alike and each on its own.

    Crop pixels flip about the crop's middle, x becomes width - x, and cells accordingly, cell i becomes w - 1 - i: a
    joint at crop pixel x lies in cell x / 4 - 0.5.

    Reads one triple at a time, so memory does not grow with the folder. Raises `TrainingError` for another kind of
    folder or a damaged one.
    """

    def __init__(
        self, folder: Path, *, split: Split, augment: bool | None = None, flip_single_joints: bool = False
    ) -> None:
        self._folder = folder
        self._augment = split == "train" if augment is None else augment
        self._flip_single_joints = flip_single_joints
        self.index = read_index(folder)
        #: (clip, row in the clip's file) of every sample.
        self.places = [
            (number, row)
            for number, clip in enumerate(self.index.clips)
            if clip.split == split
            for row in range(len(clip.triples))
        ]
        for number in sorted({number for number, _ in self.places}):
            _check_clip(folder, self.index, number)

    def __len__(self) -> int:
        return len(self.places)

    def record(self, index: int) -> tuple[ClipRecord, TripleRecord]:
        """Where sample `index` comes from."""
        number, row = self.places[index]
        clip = self.index.clips[number]
        return clip, clip.triples[row]

    def points(self, index: int) -> torch.Tensor:
        """The single-frame answers for sample `index` as stored, float32 `[3, 17, 3]`: x, y in crop pixels, score."""
        return self._read(index, "points")

    def sample(self, index: int, *, epoch: int, seed: int) -> HeatmapTriple:
        """Sample `index`, heatmaps float32; see `TripleDataset`."""
        heatmaps = from_bytes(self._read(index, "heatmaps"))
        joints, weights = self._truth(index)
        margin = self.record(index)[1].margin
        if self._augment:
            rng = np.random.default_rng((seed, epoch, index))
            swap, flip = rng.random(2) < 0.5
            if swap:
                heatmaps, margin = heatmaps.flip(0), (margin[1], margin[0])
                joints, weights = joints[::-1], weights[::-1]
            if flip:
                order = POSETRACK_17.flip_order
                heatmaps = heatmaps[:, torch.from_numpy(order)].flip(-1)
                joints, weights = joints[:, order], weights[:, order]
                joints[..., 0] = self.index.crop_width_px - joints[..., 0]
            if self._flip_single_joints:
                heatmaps, joints = self._with_single_flips(heatmaps, joints, rng)
        neighbours = NeighbourTruth(joints[[0, 2]], weights[[0, 2]])
        return HeatmapTriple(heatmaps, margin, joints[1], weights[1], neighbours)

    def _truth(self, index: int) -> tuple[FloatArray, NDArray[np.float64]]:
        """Joints `[3, 17, 2]` in crop pixels and weights `[3, 17]`; those of the neighbours from single looks."""
        points = self._read(index, "points").double().numpy()
        record = self.record(index)[1]
        joints, weights = points[..., :2].copy(), np.zeros(points.shape[:2])
        joints[1], weights[1] = self._read(index, "joints").double().numpy(), self._read(index, "weights").numpy()
        for frame, gap in zip((0, 2), record.margin, strict=True):
            if not record.degradations[frame]:
                near = np.linalg.norm(joints[frame] - joints[1], axis=-1) <= gap * _CELLS_PER_FRAME * CELL_PX
                weights[frame] = weights[1] * near * (points[frame, :, 2] >= _SURE_SCORE)
        return joints, weights

    def _with_single_flips(
        self, heatmaps: torch.Tensor, joints: FloatArray, rng: np.random.Generator
    ) -> tuple[torch.Tensor, FloatArray]:
        size = (self.index.crop_width_px, self.index.crop_height_px)
        heatmaps, joints = heatmaps.clone(), joints.copy()
        for axis, dim in ((0, -1), (1, -2)):
            chosen = rng.random(JOINTS) < 0.5
            heatmaps[:, chosen] = heatmaps[:, chosen].flip(dim)
            joints[:, chosen, axis] = size[axis] - joints[:, chosen, axis]
        return heatmaps, joints

    def _read(self, index: int, name: str) -> torch.Tensor:
        number, row = self.places[index]
        path = self._folder / clip_file(number)
        try:
            with safe_open(path, framework="pt") as tensors:
                values: torch.Tensor = tensors.get_slice(name)[row]
        except (OSError, SafetensorError) as error:
            raise TrainingError(f"{path} can no longer be read ({error}): make the folder anew") from error
        return values


def to_bytes(heatmaps: torch.Tensor) -> torch.Tensor:
    """Heatmaps 0..1 as uint8, 255 sqrt(value): half the size of float16.

    On 33 persons of two clips peaks of at least 0.2 moved by 0.004 cells on average and 0.24 at most (DARK).
    """
    return heatmaps.clamp(0.0, 1.0).sqrt().mul(255.0).round().to(torch.uint8)


def from_bytes(stored: torch.Tensor) -> torch.Tensor:
    """Heatmaps float32 from what `to_bytes` made of them."""
    return stored.float().div(255.0).square()


def clip_file(number: int) -> str:
    """Name of the file of clip `number` of the index."""
    return f"clip_{number:03d}.safetensors"


def tensor_shapes(index: TripleIndex, n_triples: int) -> dict[str, tuple[torch.dtype, tuple[int, ...]]]:
    """dtype and shape of every tensor in the file of a clip."""
    height, width = index.crop_height_px // CELL_PX, index.crop_width_px // CELL_PX
    return {
        "heatmaps": (torch.uint8, (n_triples, 3, JOINTS, height, width)),
        "points": (torch.float32, (n_triples, 3, JOINTS, 3)),
        "joints": (torch.float32, (n_triples, JOINTS, 2)),
        "weights": (torch.float32, (n_triples, JOINTS)),
    }


def read_index(folder: Path) -> TripleIndex:
    """The index of a folder of triples. Raises `TrainingError` if there is none, or none of this version."""
    path = folder / INDEX_NAME
    try:
        index = _decoder.decode(path.read_bytes())
    except OSError as error:
        raise TrainingError(f"{folder} is not a folder of heatmap triples: {INDEX_NAME} cannot be read") from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise TrainingError(f"{path} is not the index of heatmap triples ({error}): make the folder anew") from error
    if index.version != _VERSION:
        raise TrainingError(f"{path} has version {index.version}, this program reads {_VERSION}: make the folder anew")
    return index


def _check_clip(folder: Path, index: TripleIndex, number: int) -> None:
    """Raises `TrainingError` unless the file of a clip holds what the index says."""
    path = folder / clip_file(number)
    wanted = tensor_shapes(index, len(index.clips[number].triples))
    try:
        with safe_open(path, framework="pt") as tensors:
            names = set(tensors.keys())
            found = {
                name: (_DTYPES.get(tensors.get_slice(name).get_dtype()), tuple(tensors.get_slice(name).get_shape()))
                for name in wanted
                if name in names
            }
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path} is missing or damaged ({error}): make the folder anew") from error
    for name, shape in wanted.items():
        if found.get(name) != shape:
            raise TrainingError(f"{path} does not hold the {name} that {INDEX_NAME} tells of: make the folder anew")
