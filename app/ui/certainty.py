"""How sure a model is, in words. Only what a person set is certain: rounding must not make a model's figure so."""

from __future__ import annotations


def sure_text(confidence: float) -> str:
    """`82 %`; `> 99 %` from there on. confidence: 0..1."""
    percent = round(100 * confidence)
    return "> 99 %" if percent > 99 else f"{percent} %"


def score_text(score: float) -> str:
    """A joint's score 0..1 with two digits, `0.99` at most: for joints that no person set."""
    return f"{min(score, 0.99):.2f}"
