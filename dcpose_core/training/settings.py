"""What a training run is told, as typed sections of its configuration file.

Every section refuses keys that it does not know. The defaults are the published implementation's, unless a section says
otherwise.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=1)]
NonNegative = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all sections. Those with a `kind` are chosen by it. (mypy wants `frozen` said again by each.)"""


class Augmentation(Section, frozen=True):
    """How image samples vary; the same change for all three frames, in this order.

    half_body_probability: of cropping to the upper or lower half, for persons with more than `half_body_joints` joints.
    scale: standard deviation and largest change of a factor on the box. rotation_deg: standard deviation of the
    rotation, at most twice that; it happens with `rotation_probability`. flip_probability: of the mirror image.
    """

    half_body_probability: Share = 0.3
    half_body_joints: NonNegative = 8
    scale: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.35
    rotation_deg: Annotated[float, msgspec.Meta(ge=0, le=90)] = 45.0
    rotation_probability: Share = 0.6
    flip_probability: Share = 0.5


class IntegerTargets(Section, frozen=True, tag_field="kind", tag="integer"):
    """A Gaussian around the cell nearest to the joint, cut off at 3 sigma (cells): `heatmaps.encode`."""

    sigma: Positive = 3.0


class SubcellTargets(Section, frozen=True, tag_field="kind", tag="subcell"):
    """A Gaussian around the joint itself, at index crop pixel / 4 - `shift`; both in cells.

    MoveNet's own peaks lie half a cell before the joint, and the rule that decodes its refined heatmaps (DARK) adds
    that half; heatmaps decoded by the quarter-offset rule want a shift of 0.
    """

    sigma: Positive = 2.0
    shift: Annotated[float, msgspec.Meta(ge=-1, le=1)] = 0.5


class ReferenceLoss(Section, frozen=True, tag_field="kind", tag="reference"):
    """`losses.heatmap_loss`: the mean over batch, joints and pixels."""


class PaperLoss(Section, frozen=True, tag_field="kind", tag="paper"):
    """`losses.paper_heatmap_loss`: summed over pixels, divided by 15 joints."""


class WeightedLoss(Section, frozen=True, tag_field="kind", tag="weighted"):
    """`losses.peak_weighted_loss`: squared errors count 1 + `peak` x target, so that the empty map does not win."""

    peak: Annotated[float, msgspec.Meta(ge=0)] = 10.0


class Optimiser(Section, frozen=True):
    """kind: `adam`, or `adamw`, whose weight decay is apart from the gradient. rate: learning rate at the start."""

    kind: Literal["adam", "adamw"] = "adam"
    rate: Positive = 1e-3
    weight_decay: Annotated[float, msgspec.Meta(ge=0)] = 0.0


class ConstantRate(Section, frozen=True, tag_field="kind", tag="constant"):
    """The same learning rate all the time."""


class MilestoneRate(Section, frozen=True, tag_field="kind", tag="milestones"):
    """The rate times `gamma` from each of these epochs on (counted from 0; one listed twice counts twice)."""

    epochs: tuple[NonNegative, ...]
    gamma: Positive


class CosineRate(Section, frozen=True, tag_field="kind", tag="cosine"):
    """Half a cosine from the full rate to `final` times it, after a linear rise over `warmup_steps`."""

    warmup_steps: NonNegative = 0
    final: Share = 0.0


class TrainingSettings(Section, frozen=True):
    """How any head is trained on any data.

    epochs, steps_per_epoch: the latter by default as many as give every sample its turn once, rounded down.
    batch_size: samples a step, over all processes together.
    seed: of sample order, samples, and random layers; the head's own start is its maker's.
    precision: `float16` needs CUDA (its gradients are scaled), `bfloat16` runs anywhere.
    average_decay: of the running average of the weights, which is what is validated and kept; 0 for none.
    validate_every: epochs between validations. validation_samples: at most so many, evenly spread.
    checkpoint_minutes, checkpoint_steps: between checkpoints; there is one after every epoch anyway.
    workers: processes that prepare samples; 0 prepares them in the training process.
    """

    epochs: Count = 20
    steps_per_epoch: Count | None = None
    batch_size: Count = 32
    seed: NonNegative = 0
    precision: Literal["float32", "float16", "bfloat16"] = "float32"
    average_decay: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.0
    targets: IntegerTargets | SubcellTargets = IntegerTargets()
    loss: ReferenceLoss | PaperLoss | WeightedLoss = ReferenceLoss()
    optimiser: Optimiser = Optimiser()
    schedule: ConstantRate | MilestoneRate | CosineRate = ConstantRate()
    validate_every: Count = 1
    validation_samples: Count | None = None
    checkpoint_minutes: Positive = 5.0
    checkpoint_steps: Count | None = None
    workers: NonNegative = 0


#: What may change when a run goes on: it bears on when and where, not on what is learned from a sample.
CHANGEABLE = frozenset(
    ("epochs", "validate_every", "validation_samples", "checkpoint_minutes", "checkpoint_steps", "workers")
)
