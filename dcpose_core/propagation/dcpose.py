"""DCPose as a propagator: a corrected frame is the neighbour that the network looks at, with labels for heatmaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from dcpose_core.propagation.label_walk import carry
from dcpose_core.propagation.networks import load_network
from dcpose_core.propagation.proposals import Footage, PersonTrack, ProposedPose

#: The embedded temporal modules as they are, with a limit to how far a joint moves from one frame to the next.
NETWORK = "dcpose"


class DCPosePropagation:
    """Human joints step by step to the frames around them, each step a look of DCPose at label and image.

    The window of a step is the labelled frame, the target with the backbone's own heatmaps, and the frame beyond it,
    which is labelled too where a person corrected it and it is near. Only the joints asked for go through the network.
    """

    def __init__(self, footage: Footage) -> None:
        self._footage = footage

    def propagate(self, track: PersonTrack, frames: Sequence[int], joints: NDArray[np.bool_]) -> Iterator[ProposedPose]:
        """See `Propagator`. Raises `WeightsError` if the network's files are damaged, and what the footage raises."""
        network = load_network(NETWORK)
        yield from carry(track, frames, joints, footage=self._footage, network=network, method="dcpose")
