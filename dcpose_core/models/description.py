"""What the pipeline must know of a model, kept with the model and not in the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dcpose_core.models.joint_score import JointScore
from dcpose_core.models.settings import TemporalSettings


class DecodeRule(StrEnum):
    """How a heatmap peak becomes a position (see `dcpose_core.heatmaps`)."""

    QUARTER_OFFSET = "quarter_offset"  #: argmax + 0.25 cell towards the higher neighbour (reference DCPose)
    OFFSET_MAP = "offset_map"  #: argmax + the backbone's own offset at that cell (MoveNet); see also `decode_refined`
    DARK = "dark"  #: blur 5, second-order refinement, + 0.5 cell (MoveNet's heatmaps after temporal modules)


@dataclass(frozen=True, slots=True)
class CropSpec:
    """The crop a network was made for.

    width_px, height_px: size of the crop. enlargement: factor on a box of the convention of `dcpose_core.boxes`
    (the short side grown to the crop's aspect ratio first). mean, std: RGB normalisation (x / 255 - mean) / std.
    """

    width_px: int
    height_px: int
    enlargement: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    decode: DecodeRule


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """A model as `dcpose models info` shows it.

    name: key in the catalogue. backbone: key in `BACKBONES`. temporal: whether trained temporal modules come with it.
    max_interval: the largest distance T between key frame and neighbours that it was trained for.
    head: key in `TEMPORAL_HEADS`, the kind of its temporal modules. settings: how these are built, of the head's own
    type; None for its defaults or without any. backbone_of: the embedded model whose backbone it uses, unchanged; its
    own file then holds the temporal modules only. score: how certain a refined joint is; None for the height of its
    peak.
    licence, origin: of the weights. sha256: of the weights file. notes: what a user should know before trusting it.
    """

    name: str
    title: str
    backbone: str
    temporal: bool
    crop: CropSpec
    licence: str
    origin: str
    sha256: str
    notes: str = ""
    max_interval: int = 1
    head: str = "dcpose"
    settings: TemporalSettings | None = None
    backbone_of: str | None = None
    score: JointScore | None = None
