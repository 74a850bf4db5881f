"""The reference's weights by the fixtures' rule, and what the network makes of the reference's inputs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from dcpose_core.models.backbones.hrnet import HRNet
from dcpose_core.models.dcpose import DCPose, TemporalHead
from dcpose_core.weights import load_reference_checkpoint, reference_state_dict
from tests.parity.reference_rule import head_input, network_input, parameter

MARGINS = {"full": [[1, 1]], "small": [[1, 2], [3, 1]], "head": [[1, 1], [1, 3]]}


@pytest.fixture(scope="session")
def reference_state() -> dict[str, Tensor]:
    """The fixtures' state dict under the published names."""
    with torch.device("meta"):
        shapes = reference_state_dict(DCPose(HRNet(width=48), TemporalHead()))
    return {key: torch.from_numpy(parameter(key, tensor.shape)) for key, tensor in shapes.items()}


@pytest.fixture(scope="session")
def reference_checkpoint(reference_state: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as the published training saves it."""
    path = tmp_path_factory.mktemp("reference") / "epoch_20_state.pth"
    content = {
        "begin_epoch": 20,
        "state_dict": {f"module.{key}": tensor for key, tensor in reference_state.items()},
        "optimizer": {"state": {}, "param_groups": [{"lr": 1e-4, "betas": (0.9, 0.999), "params": [0, 1]}]},
        "tensorboard_global_steps": 5000,
    }
    torch.save(content, path)
    return path


@pytest.fixture(scope="session")
def reference_network(reference_checkpoint: Path) -> DCPose:
    """The network of that file, for reading only."""
    return load_reference_checkpoint(reference_checkpoint)


@pytest.fixture(scope="session")
def run_case(reference_network: DCPose) -> Callable[[str], dict[str, Tensor]]:
    """Case (`full`, `small`, `head`) -> every intermediate by its name in the fixtures; each case runs once."""

    @cache
    def run(case: str) -> dict[str, Tensor]:
        margin = torch.tensor(MARGINS[case])
        with torch.inference_mode():
            if case == "head":
                rough = torch.from_numpy(head_input(MARGINS[case]))
                values = _recorded(reference_network, lambda: reference_network.temporal(*rough, margin))
                return values | dict(zip(("rough_c", "rough_p", "rough_n"), rough, strict=True))
            batch, height, width = (1, 384, 288) if case == "full" else (2, 128, 96)
            frames = torch.from_numpy(network_input(case, batch=batch, height=height, width=width))
            return _recorded(reference_network, lambda: reference_network(frames, margin))

    return run


def _recorded(network: DCPose, run: Callable[[], Tensor]) -> dict[str, Tensor]:
    seen: dict[str, Tensor] = {}
    temporal = network.temporal
    outputs: dict[str, nn.Module] = {
        "rough": network.backbone,
        "ptm": temporal.ptm,
        "prf": temporal.prf,
        "combine": temporal.pcn.combine,
    }
    for index, dilation in enumerate(temporal.settings.dilations):
        outputs[f"offset_{dilation}"] = temporal.pcn.offsets[index]
        outputs[f"mask_{dilation}"] = temporal.pcn.masks[index]
        outputs[f"dcn_{dilation}"] = temporal.pcn.deformable[index]
    hooks = [
        module.register_forward_hook(lambda module, inputs, output, name=name: seen.__setitem__(name, output))
        for name, module in outputs.items()
    ]
    for name, chain in (
        ("ptm_in", temporal.ptm.get_submodule("chain")),
        ("prf_in", temporal.prf.get_submodule("chain")),
    ):
        hooks.append(
            chain.register_forward_pre_hook(lambda module, inputs, name=name: seen.__setitem__(name, inputs[0]))
        )
    try:
        seen["final"] = run()
    finally:
        for hook in hooks:
            hook.remove()
    if "rough" in seen:
        seen["rough_c"], seen["rough_p"], seen["rough_n"] = seen.pop("rough").chunk(3)
    return seen
