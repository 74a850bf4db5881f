"""Labelled image sequences as training samples: PoseTrack in its published layouts, and anything laid out like it.

A folder holds `annotations/<split>/*.json` and the images under the names that these files give them:

* PoseTrack17: `images/bonn_5sec/000342_mpii/00000001.jpg`, 8 digits, from 1; no body boxes;
* PoseTrack18 and 21: `images/train/000001_bonn_train/000000.jpg`, 6 digits, from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import torch

from dcpose_core.errors import TrainingError
from dcpose_core.geometry import warp_crop
from dcpose_core.models.description import CropSpec
from dcpose_core.neighbours import Neighbours, choose_neighbours, draw_neighbours
from dcpose_core.training.augmentation import training_crop
from dcpose_core.training.labelled_clips import Clip, LabelledPerson, find_labelled_clips
from dcpose_core.training.samples import ImageTriple
from dcpose_core.training.settings import Augmentation


class PoseTrackTriples:
    """Every labelled person of every labelled frame, with the same crop of a frame before and after (`TripleDataset`).

    crop: the model's. interval: the largest distance T of previous and next frame; with `augmentation` every sample
    draws its own two distances, without it they are as large as the clip allows. border_margin: to state where the
    clip ends and the key frame stands in. augmentation: how samples vary; None for the same plain samples every time.

    Open with `PoseTrackTriples.open`.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        persons: Sequence[LabelledPerson],
        *,
        crop: CropSpec,
        interval: int = 1,
        border_margin: int = 1,
        augmentation: Augmentation | None = None,
    ) -> None:
        self._clips = clips
        # Arrays: worker processes share them, where objects would be copied one by one as they are looked at.
        self._clip = np.array([person.clip for person in persons])
        self._number = np.array([person.number for person in persons])
        self._boxes = np.stack([person.box_xyxy for person in persons])
        self._keypoints = np.stack([person.pose.keypoints for person in persons])
        self._located = np.stack([person.pose.located.astype(np.float64) for person in persons])
        self._crop = crop
        self._interval = interval
        self._border_margin = border_margin
        self._augmentation = augmentation

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        split: str = "train",
        annotations: Path | None = None,
        crop: CropSpec,
        interval: int = 1,
        border_margin: int = 1,
        augmentation: Augmentation | None = None,
    ) -> Self:
        """Read the annotations and see that every image that will be wanted is there.

        root: folder that the image names of the annotations count from. annotations: file or folder, by default
        `annotations/<split>` in `root`, of any format that `read_poses` reads; of COCO's joints the two head joints
        are missing and not learned.

        Raises `TrainingError`, or `FormatError` from the annotations; see `find_labelled_clips`.
        """
        if not root.is_dir():
            raise TrainingError(f"{root}: no such folder; it should hold the images and annotations")
        clips, persons = find_labelled_clips(annotations or root / "annotations" / split, root, interval=interval)
        return cls(
            clips,
            persons,
            crop=crop,
            interval=interval,
            border_margin=border_margin,
            augmentation=augmentation,
        )

    def __len__(self) -> int:
        return len(self._number)

    def sample(self, index: int, *, epoch: int, seed: int) -> ImageTriple:
        """Sample `index`; see `TripleDataset`. Raises `TrainingError` that names an image that is damaged."""
        rng = np.random.default_rng((seed, epoch, index))
        clip, number = self._clips[self._clip[index]], int(self._number[index])
        neighbours = self._neighbours(number - clip.first, clip.last - clip.first + 1, rng)
        current = clip.image(number)
        matrix, joints, weights = training_crop(
            self._boxes[index],
            self._keypoints[index],
            self._located[index],
            image_width_px=current.shape[1],
            crop=self._crop,
            augmentation=self._augmentation,
            rng=rng,
        )
        frames = clip.image(clip.first + neighbours.previous), current, clip.image(clip.first + neighbours.next)
        size = {"width_px": self._crop.width_px, "height_px": self._crop.height_px}
        crops = np.stack([warp_crop(frame, matrix, **size) for frame in frames])
        return ImageTriple(torch.from_numpy(crops), (neighbours.margin_left, neighbours.margin_right), joints, weights)

    def _neighbours(self, index: int, n_frames: int, rng: np.random.Generator) -> Neighbours:
        if self._augmentation is None:
            return choose_neighbours(index, n_frames, interval=self._interval, border_margin=self._border_margin)
        return draw_neighbours(index, n_frames, interval=self._interval, rng=rng, border_margin=self._border_margin)
