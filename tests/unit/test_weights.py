"""Checkpoints from anywhere: published ones load exactly, everything else is one clear error and nothing runs."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from dcpose_core.checkpoint_file import read_state_dict
from dcpose_core.errors import UsageError, WeightsError
from dcpose_core.models.backbones import BACKBONES
from dcpose_core.models.dcpose import DCPose, TemporalHead
from dcpose_core.models.settings import PAPER
from dcpose_core.weights import (
    load_backbone,
    load_reference_checkpoint,
    recognise_backbone,
    reference_state_dict,
)
from tests.unit.tiny_backbone import TinyBackbone, make_it_the_only_backbone


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> DCPose:
    """An untrained DCPose on a tiny backbone, which is the only one known."""
    make_it_the_only_backbone(monkeypatch)
    torch.manual_seed(5)
    return DCPose(TinyBackbone(), TemporalHead()).eval()


@pytest.fixture
def state(network: DCPose) -> dict[str, Tensor]:
    return reference_state_dict(network)


def _save(content: Any, path: Path, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def _assert_equal(loaded: nn.Module, original: nn.Module) -> None:
    own = loaded.state_dict()
    for key, tensor in original.state_dict().items():
        assert torch.equal(own[key], tensor), key


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "state_dict inside"])
@pytest.mark.parametrize("prefix", ["", "module.", "module.module."])
@pytest.mark.parametrize("new_style", [False, True], ids=["old pickle", "zip"])
def test_published_checkpoints_load(
    network: DCPose, state: dict[str, Tensor], tmp_path: Path, wrapped: bool, prefix: str, new_style: bool
) -> None:
    content: Any = OrderedDict((prefix + key, tensor) for key, tensor in state.items())
    if wrapped:
        content = {"begin_epoch": 3, "state_dict": content, "optimizer": {"state": {0: {"step": 7}}}}
    path = _save(content, tmp_path / "epoch_3_state.pth", _use_new_zipfile_serialization=new_style)
    loaded = load_reference_checkpoint(path)
    _assert_equal(loaded, network)
    assert not loaded.training


def test_module_is_taken_out_of_the_middle_of_keys_too(
    network: DCPose, state: dict[str, Tensor], tmp_path: Path
) -> None:
    inside = {
        key.replace("rough_pose_estimation_net.", "rough_pose_estimation_net.module."): t for key, t in state.items()
    }
    _assert_equal(load_reference_checkpoint(_save(inside, tmp_path / "a.pth")), network)


def test_a_safetensors_file_loads(network: DCPose, state: dict[str, Tensor], tmp_path: Path) -> None:
    safetensors.torch.save_file(state, tmp_path / "a.safetensors")
    _assert_equal(load_reference_checkpoint(str(tmp_path / "a.safetensors")), network)


def test_half_precision_weights_become_float32(state: dict[str, Tensor], tmp_path: Path) -> None:
    half = {key: tensor.half() if tensor.is_floating_point() else tensor for key, tensor in state.items()}
    loaded = load_reference_checkpoint(_save(half, tmp_path / "a.pth"))
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}


def test_a_checkpoint_saved_on_a_gpu_loads_on_the_cpu(
    network: DCPose, state: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:3")
        path = _save(state, tmp_path / "a.pth")
    assert b"cuda:3" in path.read_bytes()
    _assert_equal(load_reference_checkpoint(path), network)


def _fails(path: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load_reference_checkpoint(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def test_missing_unexpected_and_misshapen_entries_are_counted_and_named(
    state: dict[str, Tensor], tmp_path: Path
) -> None:
    for index in range(5):
        del state[f"masks_list.{index}.0.weight"]
    state["extra.weight"] = torch.zeros(1)
    state["offsets_list.0.0.weight"] = torch.zeros(2, 64, 3, 3)
    message = _fails(_save(state, tmp_path / "a.pth"))
    assert "5 missing (masks_list.0.0.weight, masks_list.1.0.weight, masks_list.2.0.weight, ...)" in message
    assert "1 unexpected (extra.weight)" in message
    assert "1 of another shape (offsets_list.0.0.weight (2, 64, 3, 3) for (306, 64, 3, 3))" in message


@pytest.mark.parametrize("key", ["offsets_list.3.0.weight", "rough_pose_estimation_net.bn.num_batches_tracked"])
def test_every_single_entry_of_a_published_checkpoint_has_to_be_there(
    key: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    del state[key]
    assert f"1 missing ({key})" in _fails(_save(state, tmp_path / "a.pth"))


def test_weights_that_are_not_numbers_are_refused(state: dict[str, Tensor], tmp_path: Path) -> None:
    state["offsets_list.0.0.weight"][0, 0, 0, 0] = float("nan")
    assert "not finite (offsets_list.0.0.weight)" in _fails(_save(state, tmp_path / "a.pth"))


def test_integers_are_no_weights(state: dict[str, Tensor], tmp_path: Path) -> None:
    state["offsets_list.0.0.weight"] = state["offsets_list.0.0.weight"].long()
    assert "of another type (offsets_list.0.0.weight)" in _fails(_save(state, tmp_path / "a.pth"))


def test_a_backbone_alone_is_no_dcpose_checkpoint(network: DCPose, tmp_path: Path) -> None:
    path = _save(network.backbone.state_dict(), tmp_path / "a.pth")
    assert "not a DCPose checkpoint" in _fails(path)


class _Runs:
    """Makes a folder when a careless reader unpickles it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("new_style", [False, True], ids=["old pickle", "zip"])
def test_a_pickle_that_would_run_code_is_refused_and_nothing_runs(
    state: dict[str, Tensor], tmp_path: Path, new_style: bool
) -> None:
    content = {"state_dict": state, "optimizer": _Runs(tmp_path / "ran")}
    path = _save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=new_style)
    message = _fails(path)
    assert "mkdir, not only tensors and plain containers" in message
    assert not (tmp_path / "ran").exists()


def test_neither_a_plain_pickle_nor_an_old_tar_runs_code(tmp_path: Path) -> None:
    evil = pickle.dumps(_Runs(tmp_path / "ran"), protocol=2)
    plain = tmp_path / "plain.pth"
    plain.write_bytes(evil)
    _fails(plain)
    tar = tmp_path / "tar.pth"
    with tarfile.open(tar, "w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            entry = tarfile.TarInfo(name)
            entry.size = len(evil)
            archive.addfile(entry, io.BytesIO(evil))
    _fails(tar)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "passenger", [np.float64(0.5), np.zeros(3), nn.Linear(2, 2), Path("x")], ids=["scalar", "array", "module", "path"]
)
def test_pickles_that_hold_other_objects_are_refused_by_name(
    passenger: Any, state: dict[str, Tensor], tmp_path: Path
) -> None:
    message = _fails(_save({"state_dict": state, "other": passenger}, tmp_path / "a.pth"))
    assert "not only tensors and plain containers" in message


@pytest.mark.parametrize(
    "content",
    [{}, [1, 2], {"state_dict": {}}, {"state_dict": {"a": 1}}, {"epoch": 3}, {"a": torch.zeros(2).to_sparse()}, {1: 2}],
)
def test_files_without_a_state_dict_are_refused(content: Any, tmp_path: Path) -> None:
    _fails(_save(content, tmp_path / "a.pth"))


def test_two_entries_of_one_name_are_refused(state: dict[str, Tensor], tmp_path: Path) -> None:
    state["module.masks_list.0.0.weight"] = state["masks_list.0.0.weight"]
    assert "two entries" in _fails(_save(state, tmp_path / "a.pth"))


def test_missing_empty_truncated_and_foreign_files_are_refused(state: dict[str, Tensor], tmp_path: Path) -> None:
    whole = _save(state, tmp_path / "whole.pth").read_bytes()
    old = _save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False).read_bytes()
    files = {
        "empty.pth": b"",
        "cut.pth": whole[: len(whole) // 2],
        "cut_old.pth": old[: len(old) // 2],
        "text.pth": b"<html>404 Not Found</html>",
        "zip.pth": b"PK\x05\x06" + bytes(18),
        "empty.safetensors": b"",
        "text.safetensors": b"<html>404 Not Found</html>",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        assert "damaged" in _fails(tmp_path / name)
    assert "No such file" in _fails(tmp_path / "nowhere.pth")
    assert "directory" in _fails(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), new_style=st.booleans())
def test_a_damaged_file_is_read_or_refused_but_never_crashes(
    data: st.DataObject, new_style: bool, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    torch.save({"state_dict": {"a.weight": torch.ones(3, 2)}}, buffer, _use_new_zipfile_serialization=new_style)
    content = bytearray(buffer.getvalue())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[position] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.pth"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        read = read_state_dict(path)
    except WeightsError:
        return
    assert all(isinstance(tensor, Tensor) for tensor in read.values())


def test_a_bare_backbone_loads_and_old_files_without_counters_do_too(network: DCPose, tmp_path: Path) -> None:
    state = network.backbone.state_dict()
    _assert_equal(load_backbone("tiny", _save(state, tmp_path / "new.pth")), network.backbone)
    del state["bn.num_batches_tracked"]
    loaded = load_backbone("tiny", _save(state, tmp_path / "old.pth"))
    _assert_equal(loaded, network.backbone)
    assert not loaded.training
    del state["bn.running_var"]
    with pytest.raises(WeightsError, match=r"1 missing \(bn.running_var\)"):
        load_backbone("tiny", _save(state, tmp_path / "broken.pth"))


def test_the_backbone_of_a_dcpose_checkpoint_can_be_taken_alone(
    network: DCPose, state: dict[str, Tensor], tmp_path: Path
) -> None:
    _assert_equal(load_backbone("tiny", _save(state, tmp_path / "a.pth")), network.backbone)


def test_an_unknown_backbone_is_a_usage_error_that_lists_the_known(network: DCPose, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'huge'; there are tiny"):
        load_backbone("huge", tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["movenet_thunder", "hrnet_w32", "hrnet_w48", "simple_baseline_101"])
def test_a_backbone_is_recognised_by_its_keys_and_shapes_even_with_one_missing(name: str) -> None:
    with torch.device("meta"):
        state = BACKBONES[name]().state_dict()
    state.popitem()
    assert recognise_backbone(state, Path("a.pth")) == name


def test_a_network_of_another_kind_is_not_recognised() -> None:
    with pytest.raises(WeightsError, match="no known backbone"):
        recognise_backbone(nn.Linear(2, 2).state_dict(), Path("a.pth"))


def test_saving_under_published_names_and_loading_gives_the_same_network(network: DCPose, tmp_path: Path) -> None:
    frames, margin = torch.randn(1, 9, 64, 32), torch.tensor([[1, 2]])
    loaded = load_reference_checkpoint(_save(reference_state_dict(network), tmp_path / "a.pth"))
    with torch.inference_mode():
        assert torch.equal(loaded(frames, margin), network(frames, margin))


def test_other_settings_have_no_published_names() -> None:
    with pytest.raises(UsageError):
        reference_state_dict(DCPose(TinyBackbone(), TemporalHead(PAPER)))
