"""PoseWarper as a propagator: labels moved from frame to frame by what the backbone says about both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dcpose_core.propagation.label_walk import carry
from dcpose_core.propagation.networks import load_network
from dcpose_core.propagation.proposals import Footage, PersonTrack, ProposedPose

NETWORK = "label_warp"


class WarpPropagation:
    """Human joints step by step to the frames around them, each step a deformable convolution of the label."""

    def __init__(self, footage: Footage) -> None:
        self._footage = footage

    def propagate(self, track: PersonTrack, frames: Sequence[int], joints: NDArray[np.bool_]) -> Iterator[ProposedPose]:
        """See `Propagator`. Raises `WeightsError` if the network's files are damaged, and what the footage raises."""
        network = load_network(NETWORK)
        yield from carry(track, frames, joints, footage=self._footage, network=network, method="warp")
