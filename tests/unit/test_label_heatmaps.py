"""A person's joints as heatmaps: decoding them gives the joints again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcpose_core.heatmaps import CELL_PX, decode
from dcpose_core.models.description import DecodeRule
from dcpose_core.propagation.label_heatmaps import label_heatmaps, peak_shift_cells

_HEIGHT, _WIDTH = 96, 72
_inside = st.tuples(st.floats(3 * CELL_PX, (_WIDTH - 4) * CELL_PX), st.floats(3 * CELL_PX, (_HEIGHT - 4) * CELL_PX))


@given(st.lists(_inside, min_size=1, max_size=5))
@settings(max_examples=40, deadline=None)
def test_decoding_a_label_gives_the_joint_again_wherever_it_lies_in_its_cell(points: list[tuple[float, float]]) -> None:
    at = np.array(points)
    labels = label_heatmaps(at, height=_HEIGHT, width=_WIDTH, rule=DecodeRule.OFFSET_MAP)
    positions, heights = decode(labels[None], rule=DecodeRule.DARK)
    assert np.abs(positions[0].numpy() * CELL_PX - at).max() < 0.02 * CELL_PX
    assert float(heights.min()) > 0.85


@given(_inside)
@settings(max_examples=20, deadline=None)
def test_a_reference_model_finds_its_label_within_its_quarter_cell(point: tuple[float, float]) -> None:
    labels = label_heatmaps(np.array([point]), height=_HEIGHT, width=_WIDTH, rule=DecodeRule.QUARTER_OFFSET)
    positions, _ = decode(labels[None], rule=DecodeRule.QUARTER_OFFSET)
    assert np.abs(positions[0, 0].numpy() * CELL_PX - point).max() <= 0.26 * CELL_PX


def test_peaks_of_the_embedded_backbone_lie_half_a_cell_before_the_joint() -> None:
    assert {rule: peak_shift_cells(rule) for rule in DecodeRule} == {
        DecodeRule.OFFSET_MAP: 0.5,
        DecodeRule.DARK: 0.5,
        DecodeRule.QUARTER_OFFSET: 0.0,
    }


@pytest.mark.parametrize("point", [(-60.0, 100.0), (100.0, 5000.0)])
def test_a_joint_far_off_the_map_has_an_empty_label(point: tuple[float, float]) -> None:
    labels = label_heatmaps(np.array([point]), height=_HEIGHT, width=_WIDTH, rule=DecodeRule.DARK)
    assert labels.count_nonzero() == 0
