"""The network against the published implementation's own outputs, from a checkpoint file to the final heatmaps.

Tolerances: the published network in float32 differs from itself in float64 by up to 1e-4 in `final` and 4e-4 in the
offsets; typical mistakes move `final` by 0.04 or more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from dcpose_core.models.dcpose import DCPose
from dcpose_core.weights import reference_state_dict
from tests.parity.conftest import MARGINS
from tests.parity.reference_rule import head_input, network_input, parameter

_FIXTURES = Path(__file__).parent / "fixtures"
_SAMPLES: dict[str, Any] = json.loads((_FIXTURES / "network_samples.json").read_text())
_CHECKS: dict[str, Any] = json.loads((_FIXTURES / "network_checks.json").read_text())
_CASES = ("small", "head", "full")
_MEAN_TOLERANCE = 1e-4


def _tolerance(case: str, name: str) -> float:
    if name.startswith("offset_"):
        return 5e-4 if case == "head" else 5e-3
    if name.startswith("rough_"):
        return 5e-4
    return 1e-4 if case == "head" else 2e-3


@pytest.mark.parametrize("key", _CHECKS["weights"])
def test_the_rule_makes_the_recorded_weights(key: str, reference_state: dict[str, Tensor]) -> None:
    values = reference_state[key].double().flatten()
    expected = _CHECKS["weights"][key]
    assert values[:8].tolist() == expected["first8"]
    assert values.square().sum().item() == pytest.approx(expected["sumsq"], rel=1e-9)


def test_the_rule_makes_the_recorded_inputs() -> None:
    inputs = {
        "net_full_input": network_input("full", batch=1, height=384, width=288),
        "net_small_input": network_input("small", batch=2, height=128, width=96),
        "head_input_cpn": head_input(MARGINS["head"]),
    }
    for name, values in inputs.items():
        expected = _CHECKS["inputs"][name]
        assert list(values.shape) == expected["shape"]
        assert values.flatten()[:8].tolist() == expected["first8"]
        assert np.square(values.astype(np.float64)).sum() == pytest.approx(expected["sumsq"], rel=1e-9)


def test_another_constant_makes_other_weights() -> None:
    key = "rough_pose_estimation_net.conv1.weight"
    assert not np.allclose(parameter(key, (64, 3, 3, 3)), parameter(key, (64, 3, 3, 3), constant=1), atol=0.1)


def test_the_network_has_exactly_the_published_entries(reference_network: DCPose) -> None:
    state = reference_state_dict(reference_network)
    lines = [
        f"{key} {list(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
        for key, tensor in sorted(state.items())
    ]
    assert len(lines) == _SAMPLES["state_dict"]["entries"] == 2215
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == _SAMPLES["state_dict"]["sha256"]


def test_the_network_has_the_published_number_of_parameters(reference_network: DCPose) -> None:
    def count(module: torch.nn.Module) -> int:
        return sum(parameter.numel() for parameter in module.parameters())

    temporal = reference_network.temporal
    assert count(reference_network) == 65_198_798
    assert count(reference_network.backbone) == 63_595_745
    assert (count(temporal.prf), count(temporal.ptm), count(temporal.pcn.combine)) == (99_670, 43_249, 125_124)
    assert (count(temporal.pcn.offsets), count(temporal.pcn.masks)) == (881_280, 440_640)
    assert count(temporal.pcn.deformable) == 13_090


def test_a_loaded_network_is_in_eval_mode(reference_network: DCPose) -> None:
    assert not any(module.training for module in reference_network.modules())


@pytest.mark.parametrize("case", _CASES)
def test_sampled_final_heatmaps_equal_the_reference(case: str, run_case: Callable[[str], dict[str, Tensor]]) -> None:
    expected = _SAMPLES["final"][case]
    assert expected["margin"] == MARGINS[case]
    final = run_case(case)["final"]
    assert final.dtype == torch.float32
    assert list(final.shape) == expected["shape"]
    differences = (final.flatten()[:: expected["step"]] - torch.tensor(expected["values"])).abs()
    assert differences.max() <= _tolerance(case, "final")
    assert differences.mean() <= _MEAN_TOLERANCE


@pytest.mark.parametrize("case", _CASES)
def test_statistics_of_every_intermediate_equal_the_reference(
    case: str, run_case: Callable[[str], dict[str, Tensor]]
) -> None:
    values = run_case(case)
    for name, (shape, mean, std, least, greatest) in _CHECKS["stats_shape_mean_std_min_max"][case].items():
        own = values[name].double()
        assert list(own.shape) == shape, name
        measured = [own.mean().item(), own.std(correction=0).item(), own.min().item(), own.max().item()]
        assert measured == pytest.approx([mean, std, least, greatest], abs=_tolerance(case, name)), name


@pytest.mark.parametrize("case", _CASES)
def test_every_intermediate_equals_the_reference(
    case: str, run_case: Callable[[str], dict[str, Tensor]], shared: Path
) -> None:
    values = run_case(case)
    file_name = "head.npz" if case == "head" else f"net_{case}.npz"
    with np.load(shared / "dcpose" / "parity" / file_name) as arrays:
        assert arrays["margin"].tolist() == MARGINS[case]
        compared = [name for name in arrays.files if name != "margin"]
        for entry in compared:
            name, _, step = entry.partition("__every")
            own = values[name].numpy()
            own = own.ravel()[:: int(step)] if step else own
            differences = np.abs(own - arrays[entry])
            assert differences.max() <= _tolerance(case, name), entry
            assert differences.mean() <= _MEAN_TOLERANCE, entry
    assert len(compared) == (21 if case == "head" else 24)
