"""Makes folders of real heatmap triples (`real_triples.py`) from clips: see `make_real_triples`.

The targets are the pseudo truth of the clean key frame; what the network gets to see is often spoiled. So the
temporal modules learn to answer from the neighbours, with the backbone's real mistakes before them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec
import numpy as np
import torch
from safetensors.torch import save_file

from dcpose_core.annotation import Progress
from dcpose_core.boxes import scale_box
from dcpose_core.degradations import degrade, person_size
from dcpose_core.detectors import Detector
from dcpose_core.devices import Announce
from dcpose_core.errors import UsageError
from dcpose_core.estimation import CropRequest, PoseEstimator
from dcpose_core.files import replacing
from dcpose_core.geometry import transform_points
from dcpose_core.heatmaps import warp_heatmaps
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.trackers import TRACKERS
from dcpose_core.training.augmentation import hide_outside_crop
from dcpose_core.training.pseudo_truth import PersonTruth, pseudo_truth
from dcpose_core.training.real_triples import (
    INDEX_NAME,
    ClipRecord,
    Split,
    TripleIndex,
    TripleRecord,
    clip_file,
    read_index,
    tensor_shapes,
    to_bytes,
)
from dcpose_core.types import FloatArray, Frame, ImageArray
from dcpose_core.video import FrameSource, open_frames
from dcpose_core.views import View

#: Distances (c - p, n - c) and their shares.
GAPS = {(1, 1): 0.55, (2, 2): 0.12, (3, 3): 0.07, (1, 2): 0.13, (2, 1): 0.13}
#: Shows the picture of the frame before.
FROZEN = ("frozen",)
#: What happens to a spoiled picture, one thing after the other, and how often.
MIXTURE: dict[tuple[str, ...], float] = {
    ("motion_blur",): 0.24,
    ("limb_occluder",): 0.16,
    ("torso_occluder",): 0.08,
    ("cutout",): 0.12,
    ("defocus",): 0.10,
    ("low_light", "jpeg"): 0.10,
    ("pasted_parts",): 0.08,
    ("low_resolution",): 0.06,
    ("motion_blur", "limb_occluder"): 0.06,
    FROZEN: 0.04,
}
_CURRENT_SPOILED = 0.65
_NEIGHBOUR_SPOILED = 0.20
#: Of the triples with a spoiled key frame: those whose neighbours are spoiled in the same way.
_ALL_SPOILED = 0.12
#: Range of the strength of one thing alone, and of each of two.
_STRENGTH = (0.5, 1.5)
_STRENGTH_OF_TWO = (0.3, 0.9)
_OWN_BOXES = 0.5
_MIRRORED = 0.5
#: Clips with more frames a second are mostly taken as if every second frame were missing.
_FAST_CLIP_HZ = 45.0
_FAST_CLIP_HALVED = 0.8
_MIN_KNOWN_JOINTS = 6
_MOST_PER_PERSON_FRAME = 3
#: A person whose mean joint moves by this share of its size per 1/30 s is drawn this much more often than one at rest.
_LIVELY_SPEED = 0.02
_LIVELY_PREFERENCE = 5.0


def make_real_triples(
    clips: Mapping[Path, Split],
    folder: Path,
    *,
    per_clip: int,
    model: PoseModel,
    device: torch.device,
    detector: Detector,
    announce: Announce,
    seed: int = 0,
    batch_size: int = 8,
) -> Generator[Progress, None, TripleIndex]:
    """Make the triples of every clip and write them to `folder`; a generator of progress that returns the index.

    clips: videos and where their triples belong. per_clip: triples wanted of each; a clip with few persons gives fewer,
    three for each person and frame. The same request gives the same triples. A finished clip is in the folder for good:
    repeat an interrupted request to go on with the next one, or give more clips to add them.
    Raises `UsageError` for clips that cannot be told apart or a folder that holds other triples, `TrainingError` for a
    damaged index, `VideoError` or `DeviceError`.
    """
    names = Counter(clip.stem for clip in clips)
    for name, count in names.items():
        if count > 1:
            raise UsageError(f"{count} clips are called {name}: give each a name of its own")
    crop = model.description.crop
    index = TripleIndex(
        model=model.description.name,
        model_sha256=model.description.sha256,
        crop_width_px=crop.width_px,
        crop_height_px=crop.height_px,
        seed=seed,
        per_clip=per_clip,
    )
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file: name a folder for the triples")
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / INDEX_NAME).exists():
        index = _continued(folder, index)
    for clip, split in clips.items():
        with open_frames(clip) as source:
            finished = next((done for done in index.clips if done.fingerprint == source.fingerprint), None)
            if finished is not None:
                if finished.split != split:
                    raise UsageError(f"{folder} has {clip.name} for {finished.split} already: choose another folder")
                continue
            truths = yield from pseudo_truth(
                source,
                model=model,
                device=device,
                detector=detector,
                tracker=TRACKERS["motion_oks"](),
                announce=announce,
                batch_size=batch_size,
            )
            clip_seed = crc32(source.fingerprint.encode())
            planned = plan_triples(
                truths,
                at_most=per_clip,
                n_frames=len(source),
                frame_rate=source.frame_rate,
                rng=np.random.default_rng((seed, clip_seed)),
            )
            estimator = PoseEstimator(model, device=device, batch_size=batch_size, temporal=False, announce=announce)
            with closing(estimator):
                making = _Making(truths, estimator, model, rng_key=(seed, clip_seed))
                made = []
                for triple in making.run(source, planned):
                    made.append(triple)
                    yield Progress("making triples", len(made), len(planned))
            record = ClipRecord(clip.stem, source.fingerprint, source.frame_rate, split, tuple(m.record for m in made))
        _write_clip(folder, index, made)
        index = msgspec.structs.replace(index, clips=(*index.clips, record))
        with replacing(folder / INDEX_NAME) as temporary:
            temporary.write_bytes(msgspec.json.encode(index))
        announce(f"{clip.name}: {len(made)} triples of {len({m.record.person for m in made})} persons")
    return index


class PlannedTriple(NamedTuple):
    """A triple to be made. key: the person in the key frame. number: its place in the plan."""

    number: int
    key: PersonTruth
    record: TripleRecord


def plan_triples(
    truths: Sequence[PersonTruth], *, at_most: int, n_frames: int, frame_rate: float, rng: np.random.Generator
) -> list[PlannedTriple]:
    """Draw key frames, neighbours and what spoils them. Persons who move are drawn more often."""
    keys = [t for t in truths if t.known.sum() >= _MIN_KNOWN_JOINTS and 0 < t.frame_index < n_frames - 1]
    if not keys:
        return []
    reach = np.cumsum([_preference(speed) for speed in _speeds(truths, keys, frame_rate)])
    count = min(at_most, _MOST_PER_PERSON_FRAME * len(keys))
    # Even steps through the accumulated preferences: the drawn ones are spread over the clip.
    chosen = np.searchsorted(reach, (np.arange(count) + rng.random()) / count * reach[-1], side="right")
    return [
        PlannedTriple(number, keys[key], _drawn(keys[key], n_frames=n_frames, frame_rate=frame_rate, rng=rng))
        for number, key in enumerate(np.minimum(chosen, len(keys) - 1).tolist())
    ]


def _drawn(key: PersonTruth, *, n_frames: int, frame_rate: float, rng: np.random.Generator) -> TripleRecord:
    margin = list(GAPS)[rng.choice(len(GAPS), p=_shares(GAPS.values()))]
    step = 2 if frame_rate >= _FAST_CLIP_HZ and rng.random() < _FAST_CLIP_HALVED else 1
    at = key.frame_index
    if at - margin[0] * step < 0 or at + margin[1] * step >= n_frames:
        margin, step = (1, 1), 1
    spoils: list[tuple[str, ...]] = [(), (), ()]
    if rng.random() < _CURRENT_SPOILED:
        spoils[1] = _drawn_spoil(rng)
    if spoils[1] and spoils[1] != FROZEN and rng.random() < _ALL_SPOILED:
        spoils = [spoils[1]] * 3
    elif rng.random() < _NEIGHBOUR_SPOILED:
        spoils[int(rng.choice([0, 2]))] = _drawn_spoil(rng)
    return TripleRecord(
        person=key.track_id,
        frames=(at - margin[0] * step, at, at + margin[1] * step),
        margin=margin,
        degradations=(spoils[0], spoils[1], spoils[2]),
        own_boxes=bool(rng.random() < _OWN_BOXES),
        mirrored=bool(rng.random() < _MIRRORED),
    )


def _drawn_spoil(rng: np.random.Generator) -> tuple[str, ...]:
    return list(MIXTURE)[rng.choice(len(MIXTURE), p=_shares(MIXTURE.values()))]


def _shares(weights: Iterable[float]) -> FloatArray:
    shares = np.array(list(weights))
    return np.asarray(shares / shares.sum())


def _speeds(truths: Sequence[PersonTruth], keys: Sequence[PersonTruth], frame_rate: float) -> list[float]:
    """How fast each key's joints move on average, in sizes of the person per 1/30 s."""
    by_place = {(truth.track_id, truth.frame_index): truth for truth in truths}
    speeds = []
    for key in keys:
        after = by_place.get((key.track_id, key.frame_index + 1))
        both = key.known & after.known if after is not None else np.zeros(len(key.known), bool)
        moved = np.linalg.norm(after.joints - key.joints, axis=1)[both] if after is not None else np.zeros(0)
        speeds.append(float(moved.mean()) / person_size(key.box_xyxy) * frame_rate / 30 if moved.size else 0.0)
    return speeds


def _preference(speed: float) -> float:
    return 1.0 + (_LIVELY_PREFERENCE - 1.0) * min(speed / _LIVELY_SPEED, 1.0)


class _MadeTriple(NamedTuple):
    """The tensors of one triple; shapes as in `tensor_shapes`, without the first axis."""

    record: TripleRecord
    heatmaps: torch.Tensor
    points: torch.Tensor
    joints: torch.Tensor
    weights: torch.Tensor


class _Making:
    """Looks at the pictures of planned triples of one clip, which it decodes once."""

    def __init__(
        self, truths: Sequence[PersonTruth], estimator: PoseEstimator, model: PoseModel, *, rng_key: tuple[int, int]
    ) -> None:
        self._truths = {(truth.track_id, truth.frame_index): truth for truth in truths}
        self._estimator = estimator
        self._crop = model.description.crop
        self._rng_key = rng_key
        self._window: dict[int, Frame] = {}

    def run(self, source: FrameSource, planned: Sequence[PlannedTriple]) -> Iterator[_MadeTriple]:
        """The planned triples in the order of their last frames, without those with a frame that cannot be decoded."""
        waiting = sorted(planned, key=lambda plan: (plan.record.frames[2], plan.number))
        # One more than the longest triple: a frozen picture shows the frame before.
        reach = 1 + max((plan.record.frames[2] - plan.record.frames[0] for plan in planned), default=0)
        for frame in source.frames():
            self._window[frame.index] = frame
            self._window = {index: kept for index, kept in self._window.items() if index >= frame.index - reach}
            while waiting and waiting[0].record.frames[2] <= frame.index:
                plan = waiting.pop(0)
                if all(index in self._window for index in plan.record.frames):
                    yield self._make(plan)

    def _make(self, plan: PlannedTriple) -> _MadeTriple:
        record = plan.record
        rng = np.random.default_rng((*self._rng_key, plan.number))
        key_matrix = self._matrix(_jittered(plan.key.box_xyxy, rng), mirror=record.mirrored)
        requests = []
        for index, spoils in zip(record.frames, record.degradations, strict=True):
            truth = self._truths.get((record.person, index))
            matrix = key_matrix
            if record.own_boxes and index != record.frames[1] and truth is not None:
                matrix = self._matrix(truth.box_xyxy, mirror=record.mirrored)
            image = self._spoiled(index, spoils, truth or plan.key, rng)
            requests.append(CropRequest(image, matrix))
        evidence = self._estimator.evidence(requests)
        single = self._estimator.estimate_single(evidence)
        keys = np.stack([key_matrix] * 3)
        maps = torch.stack([one.heatmaps for one in evidence])
        maps = warp_heatmaps(maps, np.stack([one.matrix for one in evidence]), keys)
        points = np.concatenate([transform_points(single.keypoints, keys), single.scores[..., None]], axis=2)
        joints, known = transform_points(plan.key.joints, key_matrix), plan.key.known.astype(np.float64)
        if record.mirrored:
            joints, known = joints[POSETRACK_17.flip_order], known[POSETRACK_17.flip_order]
        weights = hide_outside_crop(joints, known, width_px=self._crop.width_px, height_px=self._crop.height_px)
        return _MadeTriple(
            record,
            to_bytes(maps).cpu(),
            *(torch.from_numpy(values.astype(np.float32)) for values in (points, joints, weights)),
        )

    def _matrix(self, box_xyxy: FloatArray, *, mirror: bool) -> FloatArray:
        return self._estimator.view_matrix(self._estimator.crop_matrix(box_xyxy), View(mirrored=mirror))

    def _spoiled(self, index: int, spoils: tuple[str, ...], truth: PersonTruth, rng: np.random.Generator) -> ImageArray:
        if spoils == FROZEN:
            return self._window.get(index - 1, self._window[index]).image
        image = self._window[index].image
        for name in spoils:
            strength = rng.uniform(*(_STRENGTH if len(spoils) == 1 else _STRENGTH_OF_TWO))
            image = degrade(name, image, rng, box_xyxy=truth.box_xyxy, keypoints=truth.measured, strength=strength)
        return image


def _jittered(box_xyxy: FloatArray, rng: np.random.Generator) -> FloatArray:
    """A box as another detection might have it: 6 % larger or smaller, 2 % of its size to the side (both sigma)."""
    shift = rng.normal(scale=0.02, size=2) * (box_xyxy[2:] - box_xyxy[:2])
    return scale_box(box_xyxy, float(np.exp(rng.normal(scale=0.06)))) + np.tile(shift, 2)


def _continued(folder: Path, wanted: TripleIndex) -> TripleIndex:
    """The index of a folder that was begun with the same request. Raises `UsageError` if it was another."""
    found = read_index(folder)
    if msgspec.structs.replace(found, clips=()) != wanted:
        raise UsageError(f"{folder} holds triples of another model, seed or number per clip: choose another folder")
    return found


def _write_clip(folder: Path, index: TripleIndex, made: Sequence[_MadeTriple]) -> None:
    tensors = {}
    for name, (dtype, shape) in tensor_shapes(index, len(made)).items():
        values = [getattr(triple, name) for triple in made]
        tensors[name] = torch.stack(values) if values else torch.zeros(shape, dtype=dtype)
    with replacing(folder / clip_file(len(index.clips))) as temporary:
        save_file(tensors, temporary)
