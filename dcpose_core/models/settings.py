"""The temporal modules' settings: the published implementation, every ablation of the paper, the paper's variants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dcpose_core.errors import UsageError


@dataclass(frozen=True, slots=True)
class DCPoseSettings:
    """How the temporal modules are built. The defaults are the published implementation, which its weights need.

    Ablations (section 4.3 and table 5 of the paper):

    * merger: `ptm`; `sum` (without PTM, i): 3x3 convolution of h(p) + h(c) + h(n); `key_frame` (without PTM, ii): h(c).
    * fusion: `prf`; `sum` (without PRF): 3x3 convolution of h(c) - h(p) + h(n) - h(c).
    * dilations: of the parallel branches of PCN, increasing; the paper takes the first 1 to 5 of 3, 6, 9, 12, 15.
    * use_previous, use_next: whether that frame enters PTM and PRF at all.

    The interval T between the frames is not the network's: it comes with every sample as its margin.

    Where the paper's text differs from the published implementation (`PAPER` has all of it):

    * convolutions: `dense`, or `per_joint`: grouped in PTM and PRF, so that joints do not mix there.
    * frame_order: of each joint's channels in PTM, `current_first` (c, p, n) or `in_time` (p, c, n).
    * residuals: of each joint in PRF, `from_neighbour` (c-p, w(c-p), c-n, w(c-n)) or `in_time` (c-p, n-c, w(c-p),
      w(n-c)).
    * correction_input: order of PCN's input, `prf_first` or `ptm_first`.
    * correction_chains: `shared` by offsets and masks, or `separate` (equations 6 and 7).
    * masks: `unbounded` and without bias, or `sigmoid` with offset and mask convolutions that have a bias, as in the
      deformable convolution v2 that the paper names.
    * border_margin: distance to state for a neighbour that the clip does not have, where the key frame stands in. 1
      weighs both sides as if it had; 0 gives the stand-in weight 0 or 1 by the paper's formula.
    """

    merger: Literal["ptm", "sum", "key_frame"] = "ptm"
    fusion: Literal["prf", "sum"] = "prf"
    dilations: tuple[int, ...] = (3, 6, 9, 12, 15)
    use_previous: bool = True
    use_next: bool = True
    convolutions: Literal["dense", "per_joint"] = "dense"
    frame_order: Literal["current_first", "in_time"] = "current_first"
    residuals: Literal["from_neighbour", "in_time"] = "from_neighbour"
    correction_input: Literal["prf_first", "ptm_first"] = "prf_first"
    correction_chains: Literal["shared", "separate"] = "shared"
    masks: Literal["unbounded", "sigmoid"] = "unbounded"
    border_margin: Literal[0, 1] = 1

    def __post_init__(self) -> None:
        if not self.dilations or list(self.dilations) != sorted(set(self.dilations)) or self.dilations[0] < 1:
            raise UsageError(f"dilations must be different positive numbers in increasing order, not {self.dilations}")
        if not (self.use_previous or self.use_next):
            raise UsageError("without previous and next frame there is nothing for the temporal modules to do")


REFERENCE = DCPoseSettings()
PAPER = DCPoseSettings(
    convolutions="per_joint",
    frame_order="in_time",
    residuals="in_time",
    correction_input="ptm_first",
    correction_chains="separate",
    masks="sigmoid",
    border_margin=0,
)
