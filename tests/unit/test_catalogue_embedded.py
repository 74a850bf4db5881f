"""The models that come with the program."""

from __future__ import annotations

import pytest
import torch

from dcpose_core.models.catalogue import catalogue, load_model


def test_there_is_an_embedded_model() -> None:
    assert "movenet_thunder" in catalogue()


@pytest.mark.parametrize("name", catalogue())
def test_every_embedded_model_loads_states_its_origin_and_answers(name: str) -> None:
    model = load_model(name)
    description = model.description
    assert description.title
    assert description.licence
    assert description.origin
    assert description.notes
    assert (model.temporal is not None) is description.temporal
    images = torch.randn(1, 3, description.crop.height_px, description.crop.width_px)
    with torch.inference_mode():
        heatmaps = model.backbone(images)
    assert heatmaps.shape == (1, 17, description.crop.height_px // 4, description.crop.width_px // 4)
    assert heatmaps.isfinite().all()
