"""What the embedded backbone says about joints, as measured: the numbers that synthetic heatmaps are drawn from.

The backbone's heatmap of a joint is made of two things (`dcpose_core.models.backbones.movenet`): a raw map, which has a
peak at that joint of everyone in the crop, and a regression, which says where the crop's own person should have it.
Both are described here, for joints whose place is known, in frames of known states. `packaging/models/
measure_heatmaps.py` made `heatmap_levels.json` and says from what.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import resources

import msgspec
import numpy as np

from dcpose_core.errors import FormatError
from dcpose_core.skeletons import COCO_17, POSETRACK_17
from dcpose_core.types import FloatArray, IntArray

#: Groups of joints that behave alike, left and right together.
GROUPS = ("head", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
#: PoseTrack joints that the backbone has a map for: all but head_bottom and head_top.
JOINTS: IntArray = np.array([i for i, joint in enumerate(POSETRACK_17.joints) if joint in COCO_17.joints])
#: Of each of these 15 joints: its group, its counterpart on the other side (itself where there is none), and the joints
#: that a limb connects it with.
GROUP_OF: IntArray = np.array(
    [next((g for g, group in enumerate(GROUPS) if group in POSETRACK_17.joints[joint]), 0) for joint in JOINTS]
)
OPPOSITE: IntArray = np.searchsorted(JOINTS, POSETRACK_17.flip_order[JOINTS])
LINKED: tuple[tuple[int, ...], ...] = tuple(
    tuple(
        other
        for other in range(len(JOINTS))
        if (JOINTS[joint], JOINTS[other]) in POSETRACK_17.limbs or (JOINTS[other], JOINTS[joint]) in POSETRACK_17.limbs
    )
    for joint in range(len(JOINTS))
)

#: What is measured of a joint in a frame and follows from its state. Heights of the raw map, 0..1: `height` of its own
#: peak, `rival` at the same joint of the other side, `stray` the highest anywhere else, `ground` the map's usual level
#: away from all these. Cells: `error` from the joint to the peak.
STATE_TRAITS = ("height", "rival", "stray", "ground", "error")
#: What follows from the height of the peak in whatever state. Cells: `width` its sigma, `reach` from the joint to where
#: the regression has it. `aspect`: longer over shorter sigma.
PEAK_TRAITS = ("width", "aspect", "reach")
TRAITS = STATE_TRAITS + PEAK_TRAITS
#: What lies farther from a joint than this is not its own peak.
AWAY_CELLS = 6.0
#: An answer that is nearer to its joint than this is right.
RIGHT_CELLS = 4.0
#: Between these heights peaks are alike.
HEIGHT_EDGES = (0.0, 0.05, 0.1, 0.2, 0.35, 0.55, 0.75, 0.9, 1.0)


def height_class(heights: FloatArray) -> IntArray:
    """Between which of `HEIGHT_EDGES` heights lie: 0 for the lowest."""
    return np.digitize(heights, HEIGHT_EDGES[1:-1])


#: State of a joint: in a good frame; in frames with a degradation of everything; hidden; near to something hidden.
CLEAN, COVERED, BESIDE = "clean", "covered", "beside"


@dataclass(frozen=True, slots=True)
class Persistence:
    """How a random part stays the same over time: correlation(dt) = level x exp(-dt / time_s) for dt > 0."""

    level: float
    time_s: float


@dataclass(frozen=True, slots=True)
class Answers:
    """What follows for the backbone's answer, the peak of its weighted heatmap, to check synthetic ones against.

    right: share within `RIGHT_CELLS` of the joint. height: median of the peak.
    """

    right: float
    height: float


@dataclass(frozen=True, slots=True)
class StrayPlaces:
    """Where stray peaks are.

    regressed: share where the regression points, if that is away from the joint. linked, body: of the others, the
    shares at joints that a limb connects with this one and at other joints of the person; the rest is elsewhere.
    """

    regressed: float
    linked: float
    body: float


@dataclass(frozen=True)
class HeatmapLevels:
    """The table. All correlations are those of normal scores.

    shares: probabilities, 0 to 1, of the quantiles. states: state -> group -> trait -> quantiles.
    peaks: group -> trait -> quantiles for each height between `HEIGHT_EDGES`.
    of_person, of_joint: covariance of the traits' part that a person's joints have in common, and of the part of a
    joint alone; their diagonals add up to 1. person_persistence, joint_persistence: of these parts over time.
    error_direction_in_common, reach_direction_in_common: mean cosine between the directions of `error`, and of `reach`,
    of a person's joints; directions_alike: between `error` and `reach` of a joint, for each height.
    """

    source: str
    shares: tuple[float, ...]
    states: dict[str, dict[str, dict[str, tuple[float, ...]]]]
    peaks: dict[str, dict[str, tuple[tuple[float, ...], ...]]]
    of_person: tuple[tuple[float, ...], ...]
    of_joint: tuple[tuple[float, ...], ...]
    person_persistence: Persistence
    joint_persistence: Persistence
    error_direction_in_common: float
    reach_direction_in_common: float
    directions_alike: tuple[float, ...]
    direction_persistence: Persistence
    strays: dict[str, StrayPlaces]
    answers: dict[str, dict[str, Answers]]

    def __post_init__(self) -> None:
        sizes = len(GROUPS), len(self.shares)
        try:
            shapes = self.state_table.shape, self.peak_table.shape
        except (KeyError, ValueError) as error:
            raise ValueError(f"the table of levels is incomplete: {error!r}") from error
        expected = (
            (len(self.states), sizes[0], len(STATE_TRAITS), sizes[1]),
            (sizes[0], len(HEIGHT_EDGES) - 1, len(PEAK_TRAITS), sizes[1]),
        )
        if (
            shapes != expected
            or len(self.directions_alike) != expected[1][1]
            or not {CLEAN, COVERED, BESIDE} <= set(self.states)
        ):
            raise ValueError(
                f"tables of levels of {shapes} where {expected} belong, or a state or direction is missing"
            )

    @cached_property
    def state_names(self) -> tuple[str, ...]:
        return tuple(self.states)

    @cached_property
    def state_table(self) -> FloatArray:
        """float64 `[states, groups, state traits, shares]`."""
        return np.array(
            [
                [[of_state[group][trait] for trait in STATE_TRAITS] for group in GROUPS]
                for of_state in self.states.values()
            ]
        )

    @cached_property
    def peak_table(self) -> FloatArray:
        """float64 `[groups, heights, peak traits, shares]`."""
        return np.array([[self.peaks[group][trait] for trait in PEAK_TRAITS] for group in GROUPS]).swapaxes(1, 2)


def load_levels() -> HeatmapLevels:
    """The levels that come with the program. Raises `FormatError` if they are damaged."""
    file = resources.files("dcpose_core.synthesis") / "heatmap_levels.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=HeatmapLevels)
    except (OSError, msgspec.MsgspecError) as error:
        raise FormatError(f"{file}: damaged ({error}); install the program again") from error
