"""From looks at real heatmaps to the table of levels that synthetic ones are drawn from.

`packaging/models/measure_heatmaps.py` makes the looks; what is measured is described in `dcpose_core.synthesis.levels`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from dcpose_core.synthesis.levels import (
    AWAY_CELLS,
    BESIDE,
    CLEAN,
    COVERED,
    GROUP_OF,
    GROUPS,
    HEIGHT_EDGES,
    PEAK_TRAITS,
    RIGHT_CELLS,
    STATE_TRAITS,
    TRAITS,
    Answers,
    HeatmapLevels,
    Persistence,
    StrayPlaces,
    height_class,
)
from dcpose_core.types import FloatArray

#: Degradations that hide parts of a person.
OCCLUDERS = ("limb_occluder", "torso_occluder", "cutout")
#: States whose traits say little about how traits are alike.
_NEARLY_GOOD = (CLEAN, BESIDE, "pasted_parts")
_SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98, 1.0)
#: Gaps between frames that are looked at together, for how correlations fade.
_GAP_EDGES_S = (0.0, 0.025, 0.05, 0.1, 0.2)
#: Fewer than these say nothing of their own.
_MIN_OBSERVATIONS = 12
#: Strays below this are not looked at for where they are.
_MIN_STRAY = 0.05


class StrayPlace(IntEnum):
    """Where the highest peak is that is neither a joint's own nor at the joint of the other side."""

    REGRESSED = 0  #: where the regression points
    LINKED = 1  #: at a joint that a limb connects
    BODY = 2  #: at another joint of the person
    ELSEWHERE = 3


class Observation(NamedTuple):
    """What the backbone says of one person, three frames, with one degradation.

    kind: its name or "clean". traits: trait -> `[3, 15]`, nan where it is not known. error, reach: `[3, 15, 2]`, cells,
    with their directions. covered: `[3, 15]`. stray_place: `[3, 15]`, `StrayPlace`, nan unknown. answer_error,
    answer_height: `[3, 15]`, of the peak of the weighted heatmap. gaps_s: `[2]`.
    """

    kind: str
    traits: dict[str, FloatArray]
    error: FloatArray
    reach: FloatArray
    covered: NDArray[np.bool_]
    stray_place: FloatArray
    answer_error: FloatArray
    answer_height: FloatArray
    gaps_s: FloatArray


def fit_levels(observations: Sequence[Observation], *, source: str) -> HeatmapLevels:
    """The table of everything that was observed. source: what that was, for the reader of the table."""
    state = np.array([_states(o) for o in observations])  # [R, 3, 15]
    known = np.array([np.isfinite(o.traits["height"]) for o in observations])
    values = np.stack([[o.traits[trait] for trait in TRAITS] for o in observations], axis=0)  # [R, traits, 3, 15]
    answer_error = np.array([o.answer_error for o in observations])
    answer_height = np.array([o.answer_height for o in observations])
    states: dict[str, dict[str, dict[str, tuple[float, ...]]]] = {}
    peaks: dict[str, dict[str, tuple[tuple[float, ...], ...]]] = {group: {} for group in GROUPS}
    answers: dict[str, dict[str, Answers]] = {}
    scores = np.full_like(values, np.nan)
    for name in sorted(set(state[known]), key=lambda name: (name != CLEAN, name)):
        states[name], answers[name] = {}, {}
        for g, group in enumerate(GROUPS):
            chosen = known & (state == name) & (g == GROUP_OF)
            # A group that was hardly seen in a state behaves as all joints do in it.
            shown = chosen if chosen.sum() >= _MIN_OBSERVATIONS else known & (state == name)
            states[name][group] = {}
            for t, trait in enumerate(STATE_TRAITS):
                states[name][group][trait], scores[:, t][chosen] = _quantiles(values[:, t], shown, chosen)
            right = _share(answer_error[shown] < RIGHT_CELLS)
            answers[name][group] = Answers(right, round(float(np.median(answer_height[shown])), 3))
    classes = height_class(values[:, TRAITS.index("height")])
    for g, group in enumerate(GROUPS):
        for t, trait in enumerate(PEAK_TRAITS, start=len(STATE_TRAITS)):
            of_heights = []
            for height in range(len(HEIGHT_EDGES) - 1):
                chosen = known & (classes == height) & (g == GROUP_OF)
                shown = chosen if chosen.sum() >= _MIN_OBSERVATIONS else known & (classes == height)
                quantiles, scores[:, t][chosen] = _quantiles(values[:, t], shown, chosen)
                of_heights.append(quantiles)
            peaks[group][trait] = tuple(of_heights)
    place = np.array([o.stray_place for o in observations])
    strong = known & (values[:, TRAITS.index("stray")] > _MIN_STRAY)
    strays = {}
    for g, group in enumerate(GROUPS):
        chosen = strong & (g == GROUP_OF)
        at, at_if_far = place[chosen], place[chosen & (values[:, TRAITS.index("reach")] > AWAY_CELLS)]
        others = at[at != StrayPlace.REGRESSED]
        strays[group] = StrayPlaces(
            regressed=_share(at_if_far == StrayPlace.REGRESSED),
            linked=_share(others == StrayPlace.LINKED),
            body=_share(others == StrayPlace.BODY),
        )
    gaps_s = np.array([o.gaps_s for o in observations])
    of_person, of_joint, person_persistence, joint_persistence = _parts(
        # In good frames nearly everything is small, and what little is left is no longer alike.
        np.where(np.isin(state, _NEARLY_GOOD)[:, None], np.nan, scores),
        gaps_s,
    )
    error_common, error_persistence = _directions(np.array([o.error for o in observations]), known, gaps_s)
    reach_common, _ = _directions(np.array([o.reach for o in observations]), known, gaps_s)
    error, reach = (np.array([getattr(o, name) for o in observations]) for name in ("error", "reach"))
    error_size, reach_size = (np.linalg.norm(vectors, axis=-1) for vectors in (error, reach))
    clear = known & (error_size > 1.0) & (reach_size > 1.0)
    cosine = (error * reach).sum(axis=-1) / np.maximum(error_size * reach_size, 1e-9)
    alike = [float(np.mean(cosine[clear & (classes == height)])) for height in range(len(HEIGHT_EDGES) - 1)]
    return HeatmapLevels(
        source=source,
        shares=_SHARES,
        states=states,
        peaks=peaks,
        of_person=tuple(_rounded(row) for row in of_person),
        of_joint=tuple(_rounded(row) for row in of_joint),
        person_persistence=person_persistence,
        joint_persistence=joint_persistence,
        error_direction_in_common=error_common,
        reach_direction_in_common=reach_common,
        directions_alike=_rounded(np.maximum(alike, 0.0)),
        direction_persistence=error_persistence,
        strays=strays,
        answers=answers,
    )


def _quantiles(
    values: FloatArray, shown: NDArray[np.bool_], chosen: NDArray[np.bool_]
) -> tuple[tuple[float, ...], FloatArray]:
    """Quantiles of the known values among those shown, and the normal scores among these of those chosen."""
    every = np.sort(values[shown][np.isfinite(values[shown])])
    if len(every) == 0:  # nobody was seen with the joints of both sides apart
        every = np.sort(values[np.isfinite(values)])
    ranks = (np.searchsorted(every, values[chosen], side="right") - 0.5) / len(every)
    normal = norm.ppf(np.clip(ranks, 0.5 / len(every), 1 - 0.5 / len(every)))
    return _rounded(np.quantile(every, _SHARES)), np.where(np.isfinite(values[chosen]), normal, np.nan)


def _states(observation: Observation) -> NDArray[np.str_]:
    """`[3, 15]`: the state of each joint. Whatever hides parts of the person leaves two kinds of joints."""
    if observation.kind not in OCCLUDERS:
        return np.full(observation.covered.shape, observation.kind)
    return np.where(observation.covered, COVERED, BESIDE)


def _share(truths: NDArray[np.bool_]) -> float:
    """The share that is true; 0 of nothing."""
    return round(float(truths.mean()), 3) if truths.size else 0.0


def _rounded(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(f"{value:.3g}") for value in values)


def _parts(scores: FloatArray, gaps_s: FloatArray) -> tuple[FloatArray, FloatArray, Persistence, Persistence]:
    """The part of the scores that a person's joints have in common and that of a joint alone, with their persistence.

    scores: `[R, traits, 3, 15]`, nan where unknown. Covariances `[traits, traits]`: between different joints of a frame
    for the common part; what is left to that of a joint with itself for its own.
    """
    filled = np.nan_to_num(scores)
    seen = np.isfinite(scores).astype(float)
    different = ~np.eye(scores.shape[3], dtype=bool)

    def covariance(a: slice, b: slice, chosen: NDArray[np.bool_], *, same_joint: bool) -> FloatArray:
        """Between frames a and b of the chosen looks."""
        x, y, nx, ny = (part[chosen][:, :, at] for part in (filled, seen) for at in (a, b))
        products, counts = (np.einsum("rpfj,rqfk->pqjk", first, second) for first, second in ((x, y), (nx, ny)))
        pairs = different != same_joint
        return np.asarray((products * pairs).sum(axis=(2, 3)) / np.maximum((counts * pairs).sum(axis=(2, 3)), 1))

    every = np.ones(len(scores), dtype=bool)
    all_frames = slice(0, 3)
    person = covariance(all_frames, all_frames, every, same_joint=False)
    alone = covariance(all_frames, all_frames, every, same_joint=True) - person
    person_levels, joint_levels, times = [], [], []
    for side, (a, b) in enumerate(((slice(0, 1), slice(1, 2)), (slice(1, 2), slice(2, 3)))):
        for low, high in pairwise(_GAP_EDGES_S):
            chosen = (gaps_s[:, side] >= low) & (gaps_s[:, side] < high)
            if chosen.sum() < _MIN_OBSERVATIONS:
                continue
            later = covariance(a, b, chosen, same_joint=False)
            later_alone = covariance(a, b, chosen, same_joint=True) - later
            person_levels.append(np.trace(later) / np.trace(person))
            joint_levels.append(np.trace(later_alone) / np.trace(alone))
            times.append(gaps_s[chosen, side].mean())
    return (
        _nearest_covariance(person),
        _nearest_covariance(alone),
        _persistence(np.array(person_levels), np.array(times)),
        _persistence(np.array(joint_levels), np.array(times)),
    )


def _directions(vectors: FloatArray, known: NDArray[np.bool_], gaps_s: FloatArray) -> tuple[float, Persistence]:
    """How much of their direction the vectors `[R, 3, 15, 2]` of a frame share, and how it persists."""
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
    units = np.where(known[..., None], units, 0.0)
    together = units.sum(axis=2)
    count = known.sum(axis=2)
    common = (np.square(together).sum(axis=-1) - count).sum() / np.maximum(count * (count - 1), 1).sum()
    levels, times = [], []
    for side in range(2):
        both = known[:, side] & known[:, side + 1]
        alike = (units[:, side] * units[:, side + 1]).sum(axis=-1)
        for low, high in pairwise(_GAP_EDGES_S):
            chosen = both & ((gaps_s[:, side] >= low) & (gaps_s[:, side] < high))[:, None]
            if chosen.any():
                levels.append(alike[chosen].mean())
                times.append(gaps_s[chosen.any(axis=1), side].mean())
    return round(max(float(common), 0.0), 3), _persistence(np.array(levels), np.array(times))


def _persistence(correlations: FloatArray, times_s: FloatArray) -> Persistence:
    """level x exp(-dt / time_s) through correlations at several distances in time."""
    slope, start = np.polyfit(times_s, np.log(np.clip(correlations, 0.02, 1.0)), 1)
    return Persistence(
        round(float(min(np.exp(start), 1.0)), 3), round(float(np.clip(-1 / min(slope, -0.1), 0.02, 10)), 3)
    )


def _nearest_covariance(matrix: FloatArray) -> FloatArray:
    """Symmetric, with no negative eigenvalue."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)
