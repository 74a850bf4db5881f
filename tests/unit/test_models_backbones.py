"""What holds of every entry of `BACKBONES`, and that the published networks are the published networks."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import nn

from dcpose_core.models.backbones import BACKBONES
from dcpose_core.models.backbones.base import Backbone
from dcpose_core.models.backbones.simple_baseline import SimpleBaseline

# Published sizes; HRNet-W48's is in the parity tests.
_PARAMETERS = {
    "hrnet_w32": 28_536_113,
    "hrnet_w48": 63_595_745,
    "simple_baseline_50": 33_999_697,
    "simple_baseline_101": 52_991_825,
    "simple_baseline_152": 68_635_473,
}


@pytest.fixture(scope="module", params=list(BACKBONES))
def backbone(request: pytest.FixtureRequest) -> Backbone:
    torch.manual_seed(0)
    return BACKBONES[request.param]().eval()


def test_every_backbone_keeps_its_contract(backbone: Backbone) -> None:
    images = torch.randn(2, 3, 64, 96)
    with torch.inference_mode():
        heatmaps = backbone(images)
        output = backbone.evidence(images)
        alone = backbone(images[1:])

    assert heatmaps.shape == (2, 17, 16, 24), "a quarter of the resolution, any multiple of 32"
    assert heatmaps.dtype == torch.float32
    assert heatmaps.isfinite().all()
    assert heatmaps.std() > 0, "the image matters"
    torch.testing.assert_close(output.heatmaps, heatmaps)
    if output.offsets is not None:
        assert output.offsets.shape == (2, 17, 2, 16, 24)
    torch.testing.assert_close(alone, heatmaps[1:], atol=1e-4, rtol=1e-4, msg="persons of a batch do not mix")


@pytest.mark.parametrize("name", ["hrnet_w32", "simple_baseline_50"])
def test_a_backbone_can_be_trained(name: str) -> None:
    network = BACKBONES[name]().train()
    loss = network(torch.randn(2, 3, 64, 64)).square().mean()
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    assert all(gradient.isfinite().all() and gradient.any() for gradient in gradients)


@pytest.mark.parametrize(("name", "parameters"), _PARAMETERS.items())
def test_the_published_networks_have_their_size(name: str, parameters: int) -> None:
    with torch.device("meta"):
        network = BACKBONES[name]()
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        (
            "hrnet_w32",
            {
                "conv2.weight": (64, 64, 3, 3),
                "layer1.0.downsample.1.running_var": (256,),
                "transition1.0.0.weight": (32, 256, 3, 3),
                "transition1.1.0.0.weight": (64, 256, 3, 3),
                "stage3.3.branches.2.3.conv2.weight": (128, 128, 3, 3),
                "stage4.1.fuse_layers.3.0.2.0.weight": (256, 32, 3, 3),
                "stage4.2.fuse_layers.0.3.1.weight": (32,),
                "final_layer.bias": (17,),
            },
        ),
        (
            "simple_baseline_152",
            {
                "conv1.weight": (64, 3, 7, 7),
                "layer2.0.downsample.0.weight": (512, 256, 1, 1),
                "layer2.7.conv2.weight": (128, 128, 3, 3),
                "layer3.35.bn3.running_mean": (1024,),
                "deconv_layers.0.weight": (2048, 256, 4, 4),
                "deconv_layers.7.num_batches_tracked": (),
                "final_layer.weight": (17, 256, 1, 1),
            },
        ),
    ],
)
def test_state_dicts_have_the_published_names(name: str, shapes: dict[str, tuple[int, ...]]) -> None:
    with torch.device("meta"):
        state = BACKBONES[name]().state_dict()
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


def test_hrnet_ends_in_one_resolution_and_adds_no_parameters_to_branches_that_pass_through() -> None:
    with torch.device("meta"):
        keys = BACKBONES["hrnet_w32"]().state_dict().keys()
    assert not any(key.startswith(("transition2.0", "transition2.1", "transition3.2")) for key in keys)
    assert not any(key.startswith("stage4.2.fuse_layers.1") for key in keys)


def test_the_trunk_of_simple_baseline_is_torchvisions_resnet() -> None:
    torch.manual_seed(0)
    ours = SimpleBaseline(depth=50).eval()
    theirs = torchvision.models.resnet50().eval()
    missing, _ = theirs.load_state_dict(ours.state_dict(), strict=False)
    assert missing == ["fc.weight", "fc.bias"]
    trunk = nn.Sequential(*list(theirs.children())[:-2])
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        expected = ours.final_layer(ours.deconv_layers(trunk(images)))
        torch.testing.assert_close(ours(images), expected)
