"""The models that come with the program."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch

from dcpose_core.annotation import DEFAULT_MODEL
from dcpose_core.estimation import CropRequest, PoseEstimator, WindowEvidence
from dcpose_core.models.catalogue import catalogue, is_embedded, load_model
from dcpose_core.video import open_frames


def test_the_default_model_is_embedded_and_temporal_and_shares_the_backbones_weights() -> None:
    model, backbone = load_model(DEFAULT_MODEL), load_model("movenet_thunder").backbone.state_dict()
    assert model.temporal is not None
    assert is_embedded(DEFAULT_MODEL)
    assert all(torch.equal(tensor, backbone[key]) for key, tensor in model.backbone.state_dict().items())


def test_the_default_model_is_sure_of_a_person_and_not_of_an_empty_place() -> None:
    model = load_model(DEFAULT_MODEL)
    estimator = PoseEstimator(model, device=torch.device("cpu"), batch_size=8, temporal=True, announce=lambda _: None)
    with (
        resources.as_file(resources.files("dcpose_resources") / "clips" / "sample.mp4") as clip,
        open_frames(Path(clip)) as source,
    ):
        frames = [source.read(index) for index in (59, 60, 61)]
    scores = {}
    for what, box_xyxy in (("walker", [540.0, 350, 700, 700]), ("lawn", [300.0, 380, 420, 500])):
        matrix = estimator.crop_matrix(np.array(box_xyxy))
        previous, current, following = estimator.evidence([CropRequest(frame.image, matrix) for frame in frames])
        estimates = estimator.estimate([WindowEvidence(current, previous, following, (1, 1))])
        scores[what] = estimates.scores[0]
    estimator.close()
    assert np.median(scores["walker"]) > 0.8
    assert scores["lawn"].max() < 0.3


@pytest.mark.parametrize("name", [name for name in catalogue() if is_embedded(name)])
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
