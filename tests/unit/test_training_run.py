"""`dcpose train`, from a configuration to a model of the catalogue, on small data with a tiny backbone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from dcpose_core.cli import main
from dcpose_core.errors import DCPoseError
from dcpose_core.models import catalogue as catalogue_module
from dcpose_core.models.catalogue import REFERENCE_CROP, load_model, save_model
from dcpose_core.models.description import CropSpec, DecodeRule, ModelDescription
from dcpose_core.models.pose_model import untrained_model
from dcpose_core.training.config import load_config
from dcpose_core.training.events import Stepped
from dcpose_core.training.run import run_training
from tests.unit.posetrack_folders import write_folder
from tests.unit.tiny_backbone import make_it_the_only_backbone

CROP = CropSpec(
    width_px=96, height_px=128, enlargement=1.25, mean=REFERENCE_CROP.mean, std=REFERENCE_CROP.std,
    decode=DecodeRule.OFFSET_MAP,
)  # fmt: skip

CONFIG = """
[model]
name = "mine"
base = "base"
head = "residual_cnn"

[[data]]
kind = "posetrack"
root = "{root}"

[[validation]]
kind = "posetrack"
root = "{root}"

[training]
epochs = 2
steps_per_epoch = 2
batch_size = 2
targets = {{kind = "subcell"}}
loss = {{kind = "weighted"}}
"""


@pytest.fixture(autouse=True)
def base_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The catalogue holds one model, an untrained tiny backbone."""
    make_it_the_only_backbone(monkeypatch)
    monkeypatch.setattr(catalogue_module, "_embedded_folder", lambda: tmp_path / "nothing embedded")
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    save_model(
        untrained_model(
            ModelDescription(
                name="base", title="", backbone="tiny", temporal=False, crop=CROP, licence="A", origin="here", sha256=""
            )
        )
    )


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(CONFIG.format(root=write_folder(tmp_path / "data", "posetrack18", sequences=1)))
    return path


def run(config: Path, *options: str) -> int:
    return main(["train", str(config), "--device", "cpu", *options])


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("error:"))
    return line


def test_a_trained_model_is_in_the_catalogue_and_in_the_folder_of_the_run(
    config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(config) == 0
    model = load_model("mine")
    assert (model.description.head, model.description.backbone, model.description.temporal) == (
        "residual_cnn",
        "tiny",
        True,
    )
    assert model.description.crop == CROP
    assert model.description.notes.startswith("Last validation: refined PCK")
    assert model.description.licence == "not stated (temporal modules), A (backbone)"
    base = load_model("base")
    assert all(torch.equal(a, b) for a, b in zip(model.backbone.parameters(), base.backbone.parameters(), strict=True))
    folder = tmp_path / "runs" / "mine"
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoint.safetensors", "config.json", "loss.png", "metrics.jsonl", "mine.json", "mine.safetensors",
        "validation.png",
    ]  # fmt: skip
    events = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["Stepped", "Stepped", "Validated"] * 2 + ["Finished"]
    shown = capsys.readouterr()
    assert "trained 'mine'; use it with `dcpose annotate --model mine`" in shown.out
    assert shown.err.count("epoch ") == 2
    assert "single-frame PCK" in shown.err


def weights_of(name: str) -> dict[str, torch.Tensor]:
    return dict(load_model(name).state_dict())


def test_a_run_that_was_stopped_goes_on_to_the_same_model(config: Path, tmp_path: Path) -> None:
    assert run(config) == 0
    whole = weights_of("mine")
    again = load_config(config, ["model.name=again", "device=cpu"])
    events = run_training(again, tmp_path / "again", announce=lambda _: None)
    for event in events:
        if isinstance(event, Stepped) and event.step == 3:
            break
    events.close()
    assert run(config, "--set", "model.name=again", "--output", "again", "--resume") == 0
    assert all(torch.equal(value, whole[key]) for key, value in weights_of("again").items())
    lines = [json.loads(line) for line in (tmp_path / "again" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if line["event"] == "Stepped"] == [1, 2, 3, 4]


def test_a_folder_that_holds_a_run_is_not_overwritten(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(config) == 0
    assert run(config, "--set", "model.replace=true") == 2
    assert (
        error_of(capsys) == "error: runs/mine: holds a run already; go on with it by --resume, or give another --output"
    )
    assert run(config, "--resume", "--set", "training.epochs=3") == 0


def test_a_run_does_not_go_on_with_another_model_or_other_data(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(config) == 0
    assert run(config, "--resume", "--set", "data.interval=2") == 2
    assert "the run was started with another [data]" in error_of(capsys)
    assert run(config, "--resume", "--set", "model.settings.width=8") == 2
    assert "the run was started with another [model]" in error_of(capsys)


def test_a_name_that_another_run_took_meanwhile_costs_no_training(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(config, "--set", "training.seed=2") == 0
    other = weights_of("mine")
    folder = config.parent / "runs" / "second"
    command = ["train", str(config), "--output", str(folder), "--set", "device=cpu"]
    # As if the name had been free at the start.
    monkeypatch.setattr("dcpose_core.training.run.check_new_name", lambda *_, **__: None)
    assert main(command) == 2
    message = error_of(capsys)
    assert f"{folder}: the training is finished and its model is kept there" in message
    assert "with --resume replaces" in message
    assert all(torch.equal(value, other[key]) for key, value in weights_of("mine").items())
    assert main([*command, "--resume"]) == 0
    assert any(not torch.equal(value, other[key]) for key, value in weights_of("mine").items())


def test_a_trained_model_can_be_trained_on(config: Path) -> None:
    assert run(config) == 0
    rates = ["--set", "training.optimiser.rate=1e-12"]
    assert run(config, "--set", "model={name='further', base='mine', start='base'}", *rates) == 0
    before, after = weights_of("mine"), weights_of("further")
    assert all(torch.allclose(value, before[key], atol=1e-6) for key, value in after.items())


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.name=base", "'base' exists already; choose another name, or replace that one (--set model.re"),
        ("model.name=../x", "cannot be the name of a model"),
        ("model.base=nothing", "there is no model called 'nothing'"),
        ("model.head=unet", "model.head: there is no head called 'unet'; known are dcpose"),
        ("model.settings.size=3", "model.settings.size: head 'residual_cnn' has no such setting, but"),
        ("model.settings.width='x'", "model.settings.width: expected `int`, got `str`"),
        ("model.start=paper", "model.start: 'paper' is a way to start the head 'dcpose', not 'residual_cnn'"),
        ("model.start=base", "model.start: 'base' has no temporal modules to start from"),
        ("data.root=/nowhere", "data[0]: /nowhere: no such folder"),
        ("validation.split=val", "validation[0]: "),
        ("data=[]", "data: the configuration names no source of samples"),
        ("device=tpu", "unknown device 'tpu'"),
        ("training.precision=float16", "training in float16 needs CUDA"),
    ],
)
def test_what_cannot_work_is_one_line_before_anything_is_written(
    override: str, message: str, config: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["train", str(config), "--set", "device=cpu", "--set", override]) in (1, 2)
    assert message in error_of(capsys)
    assert not (tmp_path / "runs" / "mine" / "mine.json").exists()


def test_the_published_recipe_runs_on_data_in_the_published_layout(tmp_path: Path) -> None:
    train, val = write_folder(tmp_path / "a", "posetrack17"), write_folder(tmp_path / "b", "posetrack17", split="val")
    changes = [
        f"data.root={train}", f"validation.root={val}", "model.base=base", "training.epochs=1",
        "training.batch_size=4", "training.workers=0", "device=cpu",
    ]  # fmt: skip
    settings: list[Any] = [argument for change in changes for argument in ("--set", change)]
    assert main(["train", "reference_posetrack17", *settings]) == 0
    model = load_model("dcpose_posetrack17")
    moved = model.backbone.get_submodule("bn").state_dict()["num_batches_tracked"]
    assert moved == 2  # the backbone's statistics drift, as published
    assert model.description.head == "dcpose"


def test_a_configuration_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "nothing.toml"]) == 2
    assert "nothing.toml: cannot be read" in error_of(capsys)
    with pytest.raises(DCPoseError):
        load_config("nothing.toml")
