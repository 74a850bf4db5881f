"""Where training samples come from, as the `[[data]]` and `[[validation]]` sections of a configuration.

To add a source: a section with a `kind` of its own and an `open`, and its name in `Source`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec

from dcpose_core.errors import TrainingError
from dcpose_core.models.description import CropSpec
from dcpose_core.training.samples import TripleDataset
from dcpose_core.training.settings import Augmentation, Count, Positive, Section


class SampleForm(NamedTuple):
    """What the model to be trained wants of samples: its crop, and the margin where a clip ends.

    augmentation: of images; None for validation.
    """

    crop: CropSpec
    border_margin: int
    augmentation: Augmentation | None


class PoseTrackSource(Section, frozen=True, tag_field="kind", tag="posetrack"):
    """Labelled images in the layout of PoseTrack17, 18 or 21; see `posetrack.PoseTrackTriples`.

    share: of the samples, in proportion to the shares of the other sources (so for every source).
    root: folder with `images` and `annotations`. annotations: file or folder, by default `annotations/<split>` in it.
    interval: the largest distance of the neighbours, T.
    """

    root: str
    split: str = "train"
    annotations: str | None = None
    interval: Count = 1
    share: Positive = 1.0

    def open(self, form: SampleForm) -> TripleDataset:
        from dcpose_core.training.posetrack import PoseTrackTriples

        return PoseTrackTriples.open(
            Path(self.root),
            split=self.split,
            annotations=None if self.annotations is None else Path(self.annotations),
            crop=form.crop,
            interval=self.interval,
            border_margin=form.border_margin,
            augmentation=form.augmentation,
        )


class RealTriplesSource(Section, frozen=True, tag_field="kind", tag="real_triples"):
    """Cached heatmaps of real clips; see `real_triples.RealTriples`."""

    cache: str
    split: Literal["train", "validation"] = "train"
    flip_single_joints: bool = False
    share: Positive = 1.0

    def open(self, form: SampleForm) -> TripleDataset:
        from dcpose_core.training.real_triples import RealTriples

        return RealTriples(
            Path(self.cache),
            split=self.split,
            augment=form.augmentation is not None,
            flip_single_joints=self.flip_single_joints and form.augmentation is not None,
        )


class SynthesisSource(Section, frozen=True, tag_field="kind", tag="synthesis"):
    """Captured motion through random cameras; see `dcpose_core.synthesis.triples`.

    motions: files, archives or folders of captured motion. samples: in an epoch; the motion never runs out.
    """

    motions: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    samples: Count = 20_000
    share: Positive = 1.0

    def open(self, form: SampleForm) -> TripleDataset:
        from dcpose_core.synthesis.motion import read_motions
        from dcpose_core.synthesis.triples import SyntheticTriples

        motions = [motion for path in self.motions for motion in read_motions(Path(path))]
        try:
            return SyntheticTriples(motions, length=self.samples, crop=form.crop)
        except ValueError as error:
            raise TrainingError(f"cannot be made for this base model: {error}") from error


class LabelledNeighboursSource(Section, frozen=True, tag_field="kind", tag="labelled_neighbours"):
    """Another source with labels for neighbours, for networks that spread labels; see `labelled_neighbours`.

    Labels are drawn as `subcell` targets are by default.
    """

    source: RealTriplesSource | SynthesisSource
    share: Positive = 1.0

    def open(self, form: SampleForm) -> TripleDataset:
        from dcpose_core.training.labelled_neighbours import LabelledNeighbours

        return LabelledNeighbours(self.source.open(form))


Source = PoseTrackSource | RealTriplesSource | SynthesisSource | LabelledNeighboursSource
