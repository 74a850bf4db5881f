"""A model as the pipeline uses it: the networks and the description that says how to feed them."""

from __future__ import annotations

from torch import nn

from dcpose_core.errors import WeightsError
from dcpose_core.models.backbones import BACKBONES
from dcpose_core.models.backbones.base import Backbone
from dcpose_core.models.description import ModelDescription
from dcpose_core.models.temporal_heads import TEMPORAL_HEADS, build_temporal


class PoseModel(nn.Module):
    """Backbone, temporal modules (or None) and description.

    backbone: images -> heatmaps. temporal: (current, previous, next heatmaps, margin) -> heatmaps of the key frame.
    """

    def __init__(self, description: ModelDescription, backbone: Backbone, temporal: nn.Module | None) -> None:
        super().__init__()
        self.description = description
        self.backbone = backbone
        self.temporal = temporal


def untrained_model(description: ModelDescription) -> PoseModel:
    """The model that `description` names, with random weights.

    Raises `WeightsError` for an unknown backbone or temporal head, `UsageError` for settings of another head.
    """
    if description.backbone not in BACKBONES:
        raise WeightsError(
            f"model {description.name}: backbone {description.backbone!r} is not known here; "
            f"known are {', '.join(BACKBONES)}"
        )
    if description.temporal and description.head not in TEMPORAL_HEADS:
        raise WeightsError(
            f"model {description.name}: temporal head {description.head!r} is not known here; "
            f"known are {', '.join(TEMPORAL_HEADS)}"
        )
    temporal = build_temporal(description.head, description.settings) if description.temporal else None
    return PoseModel(description, BACKBONES[description.backbone](), temporal)
