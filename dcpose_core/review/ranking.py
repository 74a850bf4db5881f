"""From the strengths of the checks to the probability that a joint is wrong: a logistic regression.

Wrong is farther than 0.2 head lengths from the truth. `ranking.json` is made by `packaging/models/fit_review.py`, on
synthetic sequences with known truth and on degraded clips with pseudo truth; what it was fitted on stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec
import numpy as np

from dcpose_core.review.block import Block, Float32
from dcpose_core.review.source import JOINTS, BoolArray

#: Which weights a joint gets: those with a score of the model, or those without, as in files that state none.
SCORED, BARE = "scored", "bare"
#: More strength than this makes nothing more likely.
_MOST_STRENGTH = 20.0


class Weights(msgspec.Struct, frozen=True):
    """Log odds of a joint to be wrong = biases[joint] + sum over checks of weight x log(1 + strength)."""

    biases: tuple[float, ...]
    checks: dict[str, float]


class Ranking(msgspec.Struct, frozen=True):
    """weights: `SCORED` and `BARE`. fitted_on: what, in words."""

    weights: dict[str, Weights]
    fitted_on: str

    def probability(self, block: Block, strengths: Mapping[str, Float32]) -> Float32:
        """`[F, P, 17]`: that a joint is wrong; 0 for those that are not located or were set by a human.

        strengths: by check, each `[F, P, 17]`.
        """
        features = {name: feature(strength) for name, strength in strengths.items()}
        scored = is_scored(block)
        odds = np.where(scored, self._odds(SCORED, features), np.float32(0))
        if not scored[block.located].all():
            odds = np.where(scored, odds, self._odds(BARE, features))
        counts = block.located & ~block.human
        return np.where(counts, 0.5 * (1 + np.tanh(odds / 2)), 0).astype(np.float32)

    def _odds(self, kind: str, features: Mapping[str, Float32]) -> Float32:
        weights = self.weights[kind]
        odds = np.array(weights.biases, np.float32)
        for check, weight in weights.checks.items():
            odds = odds + np.float32(weight) * features[check]
        return odds


def is_scored(block: Block) -> BoolArray:
    """bool `[F, P, 17]`: joints whose score is known."""
    return np.isfinite(block.scores)


def feature(strength: Float32) -> Float32:
    """What the regression sees of a strength."""
    return np.log1p(np.minimum(strength, np.float32(_MOST_STRENGTH)))


@cache
def load_ranking() -> Ranking:
    """The ranking that comes with the program."""
    data = resources.files("dcpose_core.review").joinpath("ranking.json").read_bytes()
    ranking = msgspec.json.decode(data, type=Ranking)
    if any(len(weights.biases) != JOINTS for weights in ranking.weights.values()):
        raise ValueError(f"ranking.json has not {JOINTS} biases")
    return ranking
