"""Rounding never makes a model certain."""

from __future__ import annotations

import pytest

from app.ui.certainty import score_text, sure_text


@pytest.mark.parametrize(
    ("confidence", "text"), [(0.0, "0 %"), (0.824, "82 %"), (0.994, "99 %"), (0.996, "> 99 %"), (1.0, "> 99 %")]
)
def test_a_confidence_is_told_as_ninety_nine_percent_at_most(confidence: float, text: str) -> None:
    assert sure_text(confidence) == text


@pytest.mark.parametrize(("score", "text"), [(0.5, "0.50"), (0.9949, "0.99"), (0.9999, "0.99"), (1.0, "0.99")])
def test_a_models_score_is_never_one(score: float, text: str) -> None:
    assert score_text(score) == text
