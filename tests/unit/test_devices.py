"""Devices: an error or an announced fallback, never silent."""

from __future__ import annotations

import platform
import resource

import pytest
import torch

from dcpose_core.devices import choose_device, keep_freed_memory, probe_device
from dcpose_core.errors import DeviceError, UsageError


@pytest.fixture
def without_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("without_cuda")
def test_auto_without_a_gpu_says_that_it_runs_on_the_cpu() -> None:
    said: list[str] = []
    assert choose_device("auto", said.append) == torch.device("cpu")
    assert said == ["no CUDA device found: running on the CPU"]


@pytest.mark.usefixtures("without_cuda")
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:7"])
def test_a_missing_gpu_asked_for_by_name_is_an_error(name: str) -> None:
    with pytest.raises(DeviceError, match=f"device '{name}' cannot be used: no CUDA device found; choose cpu or auto"):
        choose_device(name, pytest.fail)


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", ""])
def test_an_unknown_device_name_is_bad_input(name: str) -> None:
    with pytest.raises(UsageError, match="unknown device"):
        choose_device(name, pytest.fail)


def test_the_cpu_is_taken_without_a_word() -> None:
    assert choose_device("cpu", pytest.fail) == torch.device("cpu")


def test_a_broken_gpu_is_announced_and_the_cpu_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def convolution(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device\nmore")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Old Card")
    monkeypatch.setattr("dcpose_core.devices.probe_device", lambda _: "no kernel image is available")
    said: list[str] = []
    assert choose_device("auto", said.append) == torch.device("cpu")
    assert said == ["cuda:0 (Old Card) cannot be used (no kernel image is available): running on the CPU"]
    with pytest.raises(DeviceError, match="no kernel image"):
        choose_device("cuda:0", pytest.fail)


def test_probing_runs_a_real_operation() -> None:
    assert probe_device(torch.device("cpu")) is None
    # Tensors without storage cannot be computed on: as good as a device that does not work.
    assert probe_device(torch.device("meta")) is not None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_working_gpu_is_taken_without_a_word() -> None:
    assert choose_device("auto", pytest.fail) == torch.device("cuda:0")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_memory_of_freed_tensors_is_used_again_without_new_pages() -> None:
    assert keep_freed_memory()
    torch.ones(16 * 2**20)  # 64 MB, whose place is free again
    for _ in range(4):
        torch.ones(8 * 2**20)  # until one fits into a hole
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        torch.ones(8 * 2**20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 1000  # each block has 8192 pages
