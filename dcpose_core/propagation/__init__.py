"""Propagation: what a person corrected on one frame, carried to the frames around it as proposals."""

from __future__ import annotations

from collections.abc import Callable

from dcpose_core.propagation.blend import Blend
from dcpose_core.propagation.dcpose import DCPosePropagation
from dcpose_core.propagation.flow import FlowPropagator
from dcpose_core.propagation.footage import VideoFootage
from dcpose_core.propagation.interpolate import Interpolation
from dcpose_core.propagation.optical_flow import DenseFlow, lucas_kanade
from dcpose_core.propagation.proposals import (
    Footage,
    PersonTrack,
    Propagator,
    Proposal,
    ProposedPose,
    TrackPose,
)
from dcpose_core.propagation.warp import WarpPropagation

__all__ = [
    "BLENDED",
    "DEFAULT_PROPAGATOR",
    "PROPAGATORS",
    "Footage",
    "PersonTrack",
    "Propagator",
    "Proposal",
    "ProposedPose",
    "TrackPose",
    "VideoFootage",
]

#: Where nobody looks at the proposals, as in `dcpose propagate`: by `dcpose bench effort` and on held-out clips.
DEFAULT_PROPAGATOR = "blend"
#: What `blend` chooses from, besides the model's own answer.
BLENDED = ("dcpose", "flow", "flow_dis", "interpolate")
#: Name -> what makes the propagator for a video.
PROPAGATORS: dict[str, Callable[[Footage], Propagator]] = {
    "dcpose": DCPosePropagation,
    "warp": WarpPropagation,
    "flow": lambda footage: FlowPropagator(footage, lucas_kanade, name="flow"),
    "flow_dis": lambda footage: FlowPropagator(footage, DenseFlow(), name="flow_dis"),
    "interpolate": Interpolation,
    "linear": lambda footage: Interpolation(footage, curved=False),
    "blend": lambda footage: Blend(footage, {source: PROPAGATORS[source](footage) for source in BLENDED}),
}
