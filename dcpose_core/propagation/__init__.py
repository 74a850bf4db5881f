"""Propagation: what a person corrected on one frame, carried to the frames around it as proposals."""

from __future__ import annotations

from collections.abc import Callable

from dcpose_core.propagation.blend import Blend
from dcpose_core.propagation.corrections import JudgedPropagator
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
    "CARRIERS",
    "DEFAULT_PROPAGATOR",
    "PROPAGATORS",
    "WITHOUT_MODEL",
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
#: Name -> what makes what carries human joints through a video.
CARRIERS: dict[str, Callable[[Footage], Propagator]] = {
    "dcpose": DCPosePropagation,
    "warp": WarpPropagation,
    "flow": lambda footage: FlowPropagator(footage, lucas_kanade, name="flow"),
    "flow_dis": lambda footage: FlowPropagator(footage, DenseFlow(), name="flow_dis"),
    "interpolate": Interpolation,
    "linear": lambda footage: Interpolation(footage, curved=False),
}
#: Those that never ask the model, which takes its time.
WITHOUT_MODEL = frozenset({"flow", "flow_dis", "interpolate", "linear"})
#: What `blend` chooses from, besides the model's own answer.
BLENDED = ("dcpose", "flow", "flow_dis", "interpolate")


def _judged(name: str) -> Callable[[Footage], Propagator]:
    return lambda footage: JudgedPropagator(CARRIERS[name](footage), None if name in WITHOUT_MODEL else footage)


#: Name -> what makes the propagator for a video; all judge the joints as they stand, too.
PROPAGATORS: dict[str, Callable[[Footage], Propagator]] = {
    **{name: _judged(name) for name in CARRIERS},
    "blend": lambda footage: Blend(footage, {source: CARRIERS[source](footage) for source in BLENDED}),
}
