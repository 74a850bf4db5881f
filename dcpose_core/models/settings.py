"""The temporal modules' settings: the published implementation, every ablation of the paper, the paper's variants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dcpose_core.errors import UsageError


class TemporalSettings:
    """What the settings of every temporal head have in common; the heads are listed in `TEMPORAL_HEADS`."""

    __slots__ = ()

    @property
    def border_margin(self) -> Literal[0, 1]:
        """The distance to state for a neighbour that the clip does not have, where the key frame stands in."""
        return 1


@dataclass(frozen=True, slots=True)
class DCPoseSettings(TemporalSettings):
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
      deformable convolution v2 that the paper names; `biased`: that bias, but unbounded.
    * border_margin: distance to state for a neighbour that the clip does not have, where the key frame stands in. 1
      weighs both sides as if it had; 0 gives the stand-in weight 0 or 1 by the paper's formula.

    Of our own (`REFERENCE_FROM_IDENTITY` has it):

    * start: how an untrained network begins. `random`, or `identity`: its result is the key frame's heatmaps, where the
      merger can (`initialisation.start_as_identity`); needs `biased` masks.
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
    masks: Literal["unbounded", "biased", "sigmoid"] = "unbounded"
    border_margin: Literal[0, 1] = 1
    start: Literal["random", "identity"] = "random"

    def __post_init__(self) -> None:
        _check_dilations(self.dilations)
        _check_frames(use_previous=self.use_previous, use_next=self.use_next)
        if self.start == "identity" and self.masks != "biased":
            raise UsageError(f"a start as the identity needs biased masks, not {self.masks} ones")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlimSettings(TemporalSettings):
    """How the slim DCPose is built (`slim_dcpose.py`).

    The paper's ablations, as in `DCPoseSettings`: merger, fusion, dilations (of the sampling grids, in heatmap cells),
    use_previous, use_next.

    use_opposite: whether PTM sees the key frame's map of the same joint of the other side.
    downscale: the networks work on blocks of so many cells squared, with their values as channels.
    ptm_width, prf_width, pcn_width: channels. ptm_blocks: dilations of PTM's residual blocks, one each.

    On a CPU a dilation costs about a sixth of the default head, so that has two of the paper's five, near and far.
    """

    merger: Literal["ptm", "sum", "key_frame"] = "ptm"
    fusion: Literal["prf", "sum"] = "prf"
    dilations: tuple[int, ...] = (3, 9)
    use_previous: bool = True
    use_next: bool = True
    use_opposite: bool = True
    downscale: Literal[1, 2, 4] = 2
    ptm_width: int = 16
    prf_width: int = 8
    pcn_width: int = 8
    ptm_blocks: tuple[int, ...] = (1, 2, 4)

    def __post_init__(self) -> None:
        _check_dilations(self.dilations)
        _check_frames(use_previous=self.use_previous, use_next=self.use_next)
        check_sizes(widths=(self.ptm_width, self.prf_width, self.pcn_width), block_dilations=self.ptm_blocks)


def check_sizes(*, widths: tuple[int, ...], block_dilations: tuple[int, ...] = ()) -> None:
    """Raises `UsageError` unless all are positive."""
    if min(*widths, 1, *block_dilations) < 1:
        raise UsageError(f"widths and dilations of a network must be positive, not {widths} and {block_dilations}")


def _check_dilations(dilations: tuple[int, ...]) -> None:
    if not dilations or list(dilations) != sorted(set(dilations)) or dilations[0] < 1:
        raise UsageError(f"dilations must be different positive numbers in increasing order, not {dilations}")


def _check_frames(*, use_previous: bool, use_next: bool) -> None:
    if not (use_previous or use_next):
        raise UsageError("without previous and next frame there is nothing for the temporal modules to do")


REFERENCE = DCPoseSettings()
REFERENCE_FROM_IDENTITY = DCPoseSettings(masks="biased", start="identity")
PAPER = DCPoseSettings(
    convolutions="per_joint",
    frame_order="in_time",
    residuals="in_time",
    correction_input="ptm_first",
    correction_chains="separate",
    masks="sigmoid",
    border_margin=0,
)
