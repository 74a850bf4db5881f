"""What every temporal head promises, over the whole registry, and how models keep their head."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dcpose_core import paths
from dcpose_core.errors import UsageError, WeightsError
from dcpose_core.models.catalogue import REFERENCE_CROP, catalogue, describe, load_model, save_model
from dcpose_core.models.coordinate_fusion import CoordinateFusionSettings
from dcpose_core.models.description import ModelDescription
from dcpose_core.models.joint_score import READINGS, JointScore
from dcpose_core.models.pose_model import untrained_model
from dcpose_core.models.residual_cnn import ResidualCNNSettings
from dcpose_core.models.settings import REFERENCE_FROM_IDENTITY, DCPoseSettings, SlimSettings, TemporalSettings
from dcpose_core.models.temporal_heads import TEMPORAL_HEADS, build_temporal
from tests.unit.tiny_backbone import make_it_the_only_backbone

_MARGIN = torch.tensor([[1, 3], [2, 1]])
#: Those that begin as the key frame's heatmaps, as head and settings.
FROM_IDENTITY: dict[str, tuple[str, TemporalSettings]] = {
    "slim": ("slim_dcpose", SlimSettings()),
    "slim, full resolution": ("slim_dcpose", SlimSettings(downscale=1, ptm_width=8)),
    "slim, quarter resolution": ("slim_dcpose", SlimSettings(downscale=4)),
    "slim without PTM": ("slim_dcpose", SlimSettings(merger="key_frame")),
    "residual CNN": ("residual_cnn", ResidualCNNSettings()),
    "reference": ("dcpose", REFERENCE_FROM_IDENTITY),
    "reference, as the paper groups": (
        "dcpose",
        DCPoseSettings(convolutions="per_joint", frame_order="in_time", masks="biased", start="identity"),
    ),
}


def _heatmaps(seed: int = 7) -> tuple[Tensor, Tensor, Tensor]:
    """Current, previous and next `[2, 17, 32, 24]`, different everywhere."""
    current, previous, next_ = torch.rand(3, 2, 17, 32, 24, generator=torch.Generator().manual_seed(seed))
    return current, previous, next_


def _trained(head: str, settings: TemporalSettings | None = None) -> nn.Module:
    """As after training: no weight is 0."""
    torch.manual_seed(3)
    module = build_temporal(head, settings)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return module.eval()


@pytest.mark.parametrize("head", TEMPORAL_HEADS)
def test_a_head_gives_heatmaps_and_trains_all_its_parameters(head: str) -> None:
    module = _trained(head).train()
    refined = module(*_heatmaps(), _MARGIN)
    assert refined.shape == (2, 17, 32, 24)
    assert refined.dtype == torch.float32
    (refined * torch.linspace(0, 1, refined.numel()).view_as(refined)).sum().backward()
    untouched = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.any()]
    # A bias before a batch normalisation has no effect.
    assert [name for name in untouched if not name.endswith("conv.bias")] == []
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.parametrize("head", TEMPORAL_HEADS)
def test_what_a_head_says_of_a_person_does_not_depend_on_the_batch(head: str) -> None:
    module = _trained(head)
    with torch.inference_mode():
        together = module(*_heatmaps(), _MARGIN)
        alone = module(*(frame[1:] for frame in _heatmaps()), _MARGIN[1:])
    torch.testing.assert_close(together[1:], alone, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("head", TEMPORAL_HEADS)
def test_a_head_takes_every_interval_clip_borders_and_empty_maps(head: str) -> None:
    module = _trained(head)
    current, previous, next_ = (frame[:1] for frame in _heatmaps())
    with torch.inference_mode():
        for margin in ([1, 1], [2, 2], [3, 3], [4, 4], [1, 4], [0, 1], [0, 0]):
            assert module(current, previous, next_, torch.tensor([margin])).isfinite().all()
        assert module(current, current, next_, torch.tensor([[1, 1]])).isfinite().all()
        nothing = torch.zeros_like(current)
        assert module(nothing, nothing, nothing, torch.tensor([[1, 1]])).isfinite().all()


@pytest.mark.parametrize("head", TEMPORAL_HEADS)
def test_the_nearer_neighbour_has_another_weight(head: str) -> None:
    module = _trained(head)
    with torch.inference_mode():
        near, far = (module(*_heatmaps(), torch.tensor([margin] * 2)) for margin in ([1, 3], [3, 1]))
    assert not torch.allclose(near, far)


@pytest.mark.parametrize(("head", "settings"), FROM_IDENTITY.values(), ids=FROM_IDENTITY)
def test_before_training_the_result_is_the_key_frame(head: str, settings: TemporalSettings) -> None:
    current, previous, next_ = _heatmaps()
    with torch.inference_mode():
        refined = build_temporal(head, settings).eval()(current, previous, next_, _MARGIN)
    torch.testing.assert_close(refined, current, atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    ("head", "settings"),
    [
        ("slim_dcpose", SlimSettings(merger="sum")),
        ("dcpose", DCPoseSettings(merger="sum", masks="biased", start="identity")),
    ],
)
def test_without_ptm_the_sum_begins_as_the_mean_of_the_frames(head: str, settings: TemporalSettings) -> None:
    current, previous, next_ = _heatmaps()
    with torch.inference_mode():
        refined = build_temporal(head, settings).eval()(current, previous, next_, _MARGIN)
    torch.testing.assert_close(refined, (current + previous + next_) / 3, atol=2e-5, rtol=0)


def test_the_coordinate_fusion_begins_near_the_key_frames_peak() -> None:
    current, previous, next_ = torch.zeros(3, 1, 17, 32, 24)
    current[..., 20, 12] = 0.8
    previous[..., 18, 10] = next_[..., 22, 15] = 0.7
    with torch.inference_mode():
        refined = build_temporal("coordinate_fusion").eval()(current, previous, next_, torch.tensor([[1, 1]]))
    assert refined.flatten(2).argmax(dim=2).unique().tolist() == [20 * 24 + 12]
    torch.testing.assert_close(refined.amax(dim=(2, 3)), torch.full((1, 17), 0.8), atol=0.02, rtol=0)


def test_heads_that_are_not_known_and_settings_of_another_head_are_usage_errors() -> None:
    with pytest.raises(UsageError, match="no temporal head called 'lstm'; known are dcpose, slim_dcpose"):
        build_temporal("lstm")
    with pytest.raises(UsageError, match="'residual_cnn' takes ResidualCNNSettings, not SlimSettings"):
        build_temporal("residual_cnn", SlimSettings())


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        (SlimSettings, {"dilations": ()}),
        (SlimSettings, {"dilations": (6, 3)}),
        (SlimSettings, {"use_previous": False, "use_next": False}),
        (SlimSettings, {"ptm_width": 0}),
        (SlimSettings, {"ptm_blocks": (1, 0)}),
        (ResidualCNNSettings, {"width": -1}),
        (CoordinateFusionSettings, {"width": 0}),
        (DCPoseSettings, {"start": "identity"}),
    ],
)
def test_settings_without_meaning_are_a_usage_error(settings: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        settings(**changes)


def _description(**changes: Any) -> ModelDescription:
    fields: dict[str, Any] = {
        "name": "mine",
        "title": "Mine",
        "backbone": "tiny",
        "temporal": True,
        "crop": REFERENCE_CROP,
        "licence": "Apache-2.0",
        "origin": "trained here",
        "sha256": "",
    }
    return ModelDescription(**(fields | changes))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    make_it_the_only_backbone(monkeypatch)


def _rewrite(change: dict[str, Any]) -> Path:
    file = paths.data_dir() / "models" / "mine.json"
    fields = json.loads(file.read_text()) | change
    file.write_text(json.dumps({key: value for key, value in fields.items() if value != "gone"}))
    return file


@pytest.mark.parametrize(
    ("head", "settings"),
    [
        ("slim_dcpose", SlimSettings(dilations=(3,), ptm_width=8, use_next=False)),
        ("residual_cnn", ResidualCNNSettings(width=8, block_dilations=(1,))),
        ("coordinate_fusion", CoordinateFusionSettings(width=8)),
        ("dcpose", DCPoseSettings(dilations=(3, 6))),
        ("slim_dcpose", None),
    ],
)
@pytest.mark.usefixtures("tiny")
def test_a_model_keeps_its_head_settings_and_score(head: str, settings: TemporalSettings | None) -> None:
    score = JointScore(tuple(0.5 * i for i in range(len(READINGS))), tuple(0.1 * i for i in range(17)))
    untrained = untrained_model(_description(head=head, settings=settings, score=score))
    saved = save_model(untrained)
    assert describe("mine") == catalogue()["mine"] == saved
    loaded = load_model("mine")
    assert loaded.description == saved
    assert (loaded.description.head, loaded.description.settings, loaded.description.score) == (head, settings, score)
    assert untrained.temporal is not None
    assert loaded.temporal is not None
    with torch.inference_mode():
        assert torch.equal(untrained.temporal.eval()(*_heatmaps(), _MARGIN), loaded.temporal(*_heatmaps(), _MARGIN))


@pytest.mark.usefixtures("tiny")
def test_a_description_from_before_there_were_heads_is_a_dcpose_network() -> None:
    save_model(untrained_model(_description(settings=DCPoseSettings(dilations=(3,)))))
    _rewrite({"head": "gone", "score": "gone"})
    assert describe("mine").head == "dcpose"
    assert load_model("mine").description.settings == DCPoseSettings(dilations=(3,))


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"head": "lstm"}, "temporal head 'lstm' is not known"),
        ({"head": "lstm", "settings": None}, "temporal head 'lstm' is not known"),
        ({"settings": {"ptm_width": "wide"}}, "not a model description"),
        ({"settings": {"ptm_width": 0}}, "must be positive"),
        ({"score": {"weights": [1.0], "biases": []}}, "a joint score has 9 weights"),
    ],
)
def test_a_description_that_makes_no_sense_is_one_clear_error(change: dict[str, Any], complaint: str) -> None:
    save_model(untrained_model(_description(head="slim_dcpose", settings=SlimSettings())))
    file = _rewrite(change)
    with pytest.raises(WeightsError, match=complaint) as error:
        load_model("mine")
    assert str(file) in str(error.value) or "model mine" in str(error.value)
