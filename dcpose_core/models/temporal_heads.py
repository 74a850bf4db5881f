"""Networks that correct the key frame's heatmaps with those of its neighbours. To add one: a file and one line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import nn

from dcpose_core.errors import UsageError
from dcpose_core.models.coordinate_fusion import CoordinateFusion, CoordinateFusionSettings
from dcpose_core.models.dcpose import TemporalHead
from dcpose_core.models.residual_cnn import ResidualCNN, ResidualCNNSettings
from dcpose_core.models.settings import DCPoseSettings, SlimSettings, TemporalSettings
from dcpose_core.models.slim_dcpose import SlimDCPose


class TemporalHeadKind(NamedTuple):
    """One kind of head.

    settings: the type of its settings, whose defaults are the recommended head. build: settings -> untrained module,
    (current, previous, next heatmaps `[B, 17, h, w]`, margin `[B, 2]`) -> heatmaps of the key frame.
    """

    settings: type[TemporalSettings]
    build: Callable[[Any], nn.Module]


#: Name -> head, as the `head` of a model's description.
TEMPORAL_HEADS: dict[str, TemporalHeadKind] = {
    "dcpose": TemporalHeadKind(DCPoseSettings, TemporalHead),
    "slim_dcpose": TemporalHeadKind(SlimSettings, SlimDCPose),
    "residual_cnn": TemporalHeadKind(ResidualCNNSettings, ResidualCNN),
    "coordinate_fusion": TemporalHeadKind(CoordinateFusionSettings, CoordinateFusion),
}


def build_temporal(head: str, settings: TemporalSettings | None = None) -> nn.Module:
    """An untrained head. settings: of the type that the head asks for; None for its defaults.

    Raises `UsageError` for a head that is not known and for settings of another head.
    """
    if head not in TEMPORAL_HEADS:
        raise UsageError(f"there is no temporal head called {head!r}; known are {', '.join(TEMPORAL_HEADS)}")
    kind = TEMPORAL_HEADS[head]
    settings = settings or kind.settings()
    if not isinstance(settings, kind.settings):
        raise UsageError(f"head {head!r} takes {kind.settings.__name__}, not {type(settings).__name__}")
    return kind.build(settings)
