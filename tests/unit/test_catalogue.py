"""The catalogue: importing, listing and loading models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor

from dcpose_core import paths
from dcpose_core.errors import UsageError, WeightsError
from dcpose_core.models import catalogue as module
from dcpose_core.models.catalogue import (
    REFERENCE_CROP,
    catalogue,
    describe,
    import_model,
    load_model,
    remove_model,
    save_model,
)
from dcpose_core.models.dcpose import DCPose, TemporalHead
from dcpose_core.models.description import CropSpec, DecodeRule, ModelDescription
from dcpose_core.models.pose_model import PoseModel, untrained_model
from dcpose_core.models.settings import DCPoseSettings
from dcpose_core.weights import reference_state_dict
from tests.unit.tiny_backbone import TinyBackbone, make_it_the_only_backbone


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Folder of the embedded models, empty; a tiny backbone is the only one known."""
    make_it_the_only_backbone(monkeypatch)
    folder = tmp_path / "embedded"
    monkeypatch.setattr(module, "_embedded_folder", lambda: folder)
    return folder


@pytest.fixture
def network() -> DCPose:
    torch.manual_seed(5)
    return DCPose(TinyBackbone(), TemporalHead()).eval()


@pytest.fixture
def checkpoint(network: DCPose, tmp_path: Path) -> Path:
    path = tmp_path / "PoseTrack18_DCPose.pth"
    torch.save({"state_dict": {f"module.{key}": t for key, t in reference_state_dict(network).items()}}, path)
    return path


def _imported_files() -> list[str]:
    folder = paths.data_dir() / "models"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def _embed(folder: Path, name: str) -> None:
    """What a release does: the two files of a model into the package data."""
    description = save_model(untrained_model(_description(name=name)))
    folder.mkdir(exist_ok=True)
    for path in (paths.data_dir() / "models").glob(f"{name}.*"):
        path.rename(folder / path.name)
    assert description.name == name


def _description(**changes: Any) -> ModelDescription:
    fields: dict[str, Any] = {
        "name": "mine",
        "title": "Mine",
        "backbone": "tiny",
        "temporal": False,
        "crop": REFERENCE_CROP,
        "licence": "Apache-2.0",
        "origin": "trained here",
        "sha256": "",
    }
    return ModelDescription(**(fields | changes))


def test_without_any_models_the_catalogue_is_empty() -> None:
    assert catalogue() == {}
    with pytest.raises(UsageError, match="there are none"):
        load_model("thunder")


def test_an_imported_checkpoint_is_described_listed_and_loads(network: DCPose, checkpoint: Path) -> None:
    description = import_model(checkpoint, name="w48")
    assert catalogue() == {"w48": description}
    assert describe("w48") == description
    assert (description.backbone, description.temporal, description.max_interval) == ("tiny", True, 1)
    assert description.origin == "PoseTrack18_DCPose.pth"
    assert description.crop == CropSpec(
        288, 384, 1.25, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), DecodeRule.QUARTER_OFFSET
    )
    assert _imported_files() == ["w48.json", "w48.safetensors"]

    model = load_model("w48")
    assert not any(part.training for part in model.modules())
    frames, margin = torch.randn(1, 9, 64, 32), torch.tensor([[1, 1]])
    assert model.temporal is not None
    with torch.inference_mode():
        heatmaps: list[Tensor] = [model.backbone(frames[:, channel : channel + 3]) for channel in (0, 3, 6)]
        assert torch.equal(model.temporal(*heatmaps, margin), network(frames, margin))


def test_a_backbone_alone_is_imported_without_temporal_modules_and_says_so(network: DCPose, tmp_path: Path) -> None:
    state = network.backbone.state_dict()
    del state["bn.num_batches_tracked"]
    torch.save(state, tmp_path / "pose_resnet.pth.tar")
    description = import_model(tmp_path / "pose_resnet.pth.tar", name="resnet", licence="MIT", origin="the web")
    assert not description.temporal
    assert "No temporal modules" in description.notes
    assert (description.licence, description.origin) == ("MIT", "the web")
    model = load_model("resnet")
    assert model.temporal is None
    images = torch.randn(1, 3, 64, 32)
    assert torch.equal(model.backbone(images), network.backbone(images))


def test_a_model_with_other_settings_is_saved_and_loaded_with_them() -> None:
    settings = DCPoseSettings(dilations=(3, 6), convolutions="per_joint", use_next=False)
    saved = save_model(untrained_model(_description(temporal=True, settings=settings, max_interval=3)))
    loaded = load_model("mine")
    assert loaded.description == saved
    assert isinstance(loaded.temporal, TemporalHead)
    assert loaded.temporal.settings == settings


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        "/etc/x",
        "a.b",
        "-x",
        "_x",
        " x",
        "x y",
        "x\n",
        "é",
        "nul",
        "COM1",
        "auto",
        "x" * 65,
    ],
)
def test_names_that_could_leave_the_folder_or_confuse_are_refused(name: str, checkpoint: Path) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        import_model(checkpoint, name=name)
    with pytest.raises(UsageError):
        load_model(name)
    with pytest.raises(UsageError):
        remove_model(name)
    assert _imported_files() == []


def test_a_taken_name_is_refused_unless_it_is_replaced(checkpoint: Path, network: DCPose, tmp_path: Path) -> None:
    import_model(checkpoint, name="mine")
    for name in ("mine", "MINE"):
        with pytest.raises(UsageError, match="exists already"):
            import_model(checkpoint, name=name)
    torch.save(network.backbone.state_dict(), tmp_path / "other.pth")
    import_model(tmp_path / "other.pth", name="mine", replace=True)
    assert load_model("mine").temporal is None
    with pytest.raises(UsageError, match="exists already"):
        import_model(checkpoint, name="MINE", replace=True)


def test_an_embedded_model_loads_and_cannot_be_replaced_or_removed(embedded: Path, checkpoint: Path) -> None:
    _embed(embedded, "thunder")
    assert list(catalogue()) == ["thunder"]
    assert isinstance(load_model("thunder"), PoseModel)
    for name in ("thunder", "Thunder"):
        with pytest.raises(UsageError, match="embedded"):
            import_model(checkpoint, name=name, replace=True)
    with pytest.raises(UsageError):
        remove_model("thunder")


def test_embedded_weights_may_be_stored_in_half_precision(embedded: Path) -> None:
    save_model(untrained_model(_description(name="thunder")).half())
    embedded.mkdir()
    for path in (paths.data_dir() / "models").iterdir():
        path.rename(embedded / path.name)
    assert {parameter.dtype for parameter in load_model("thunder").parameters()} == {torch.float32}


def test_an_unknown_name_lists_the_models_there_are(checkpoint: Path) -> None:
    import_model(checkpoint, name="first")
    import_model(checkpoint, name="second")
    with pytest.raises(UsageError, match=r"'third'; there are first, second"):
        load_model("third")
    with pytest.raises(UsageError, match="first, second"):
        describe("third")


def test_a_checkpoint_that_does_not_fit_leaves_nothing_behind(network: DCPose, tmp_path: Path) -> None:
    state = reference_state_dict(network)
    del state["masks_list.0.0.weight"]
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="masks_list"):
        import_model(tmp_path / "a.pth", name="mine")
    assert _imported_files() == []


def test_a_failed_write_leaves_the_old_model_as_it_was(
    checkpoint: Path, network: DCPose, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_model(checkpoint, name="mine")

    def disk_full(contents: Mapping[Path, bytes]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_files", disk_full)
    with pytest.raises(WeightsError, match="No space left"):
        import_model(checkpoint, name="mine", replace=True)
    assert _imported_files() == ["mine.json", "mine.safetensors"]
    assert load_model("mine").temporal is not None


def test_weights_that_were_changed_after_the_import_are_refused(checkpoint: Path) -> None:
    import_model(checkpoint, name="mine")
    path = paths.data_dir() / "models" / "mine.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(WeightsError, match="not the weights of model mine"):
        load_model("mine")
    path.unlink()
    with pytest.raises(WeightsError, match=r"mine\.safetensors: cannot be read"):
        load_model("mine")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../other"},
        {"crop": None},
        {"settings": {"dilations": []}},
        {"settings": {"merger": "magic"}},
        {"max_interval": "two"},
    ],
)
def test_a_damaged_description_is_one_clear_error(change: dict[str, Any], checkpoint: Path) -> None:
    import_model(checkpoint, name="mine")
    path = paths.data_dir() / "models" / "mine.json"
    path.write_bytes(msgspec.json.encode(msgspec.json.decode(path.read_bytes()) | change))
    for look in (catalogue, lambda: describe("mine"), lambda: load_model("mine")):
        with pytest.raises(WeightsError, match=r"mine\.json"):
            look()


def test_a_damaged_import_does_not_keep_embedded_models_from_loading(embedded: Path) -> None:
    _embed(embedded, "thunder")
    (paths.data_dir() / "models" / "broken.json").write_text("{")
    assert load_model("thunder").description.name == "thunder"


def test_a_model_with_an_unknown_backbone_says_so(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(PoseModel(_description(backbone="from_the_future"), TinyBackbone(), None))
    with pytest.raises(WeightsError, match="'from_the_future' is not known here; known are tiny"):
        load_model("mine")


def test_a_removed_model_is_gone(checkpoint: Path) -> None:
    import_model(checkpoint, name="mine")
    remove_model("mine")
    assert catalogue() == {}
    assert _imported_files() == []
    with pytest.raises(UsageError, match="no imported model"):
        remove_model("mine")
