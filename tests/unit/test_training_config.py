"""Configurations: the recipes that come with the program, and one clear line for everything that is wrong with one."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from dcpose_core.annotation import DEFAULT_MODEL
from dcpose_core.errors import TrainingError
from dcpose_core.models.catalogue import describe
from dcpose_core.models.settings import PAPER, SlimSettings
from dcpose_core.training.config import load_config, recipes
from dcpose_core.training.settings import Augmentation, IntegerTargets, MilestoneRate, PaperLoss, SubcellTargets
from dcpose_core.training.sources import PoseTrackSource

ROOTS = ("data.root=/data", "validation.root=/data")

MINIMAL = """
[model]
name = "mine"

[[data]]
kind = "real_triples"
cache = "triples"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_the_recipes_are_the_published_and_the_papers_training() -> None:
    assert list(recipes()) == ["embedded_head", "paper", "reference_posetrack17", "reference_posetrack18"]
    seventeen, eighteen, paper = (
        load_config(name, ROOTS) for name in ("reference_posetrack17", "reference_posetrack18", "paper")
    )
    assert seventeen.augmentation == eighteen.augmentation == paper.augmentation == Augmentation()
    for config in (seventeen, eighteen, paper):
        assert config.training.epochs == 20
        assert config.training.targets == IntegerTargets(sigma=3.0)
        assert config.training.optimiser.kind == "adam"
        assert config.data == (PoseTrackSource(root="/data"),)
        assert config.validation == (PoseTrackSource(root="/data", split="val"),)
    assert seventeen.training.optimiser.rate == 1e-3
    assert seventeen.training.schedule == MilestoneRate(epochs=(5, 9, 13, 17), gamma=0.1)
    assert seventeen.model.backbone_statistics == "drifting"
    assert eighteen.training.optimiser.rate == paper.training.optimiser.rate == 1e-4
    assert eighteen.training.schedule == MilestoneRate(epochs=(5, 9, 13, 17), gamma=0.99)
    assert paper.training.schedule == MilestoneRate(epochs=(4, 8, 12, 16), gamma=0.9)
    assert paper.training.loss == PaperLoss()
    assert {key: getattr(PAPER, key) for key in paper.model.settings} == paper.model.settings


def test_a_recipe_without_its_data_says_which_key_is_missing() -> None:
    with pytest.raises(TrainingError, match=r"^paper: data\[0\]: object missing required field `root`$"):
        load_config("paper")


def test_keys_can_be_set_anew(tmp_path: Path) -> None:
    config = load_config(
        write(tmp_path, MINIMAL),
        [
            "training.batch_size=8",
            'training.targets={kind="subcell", sigma=1.5}',
            "data.cache=/a b/c",
            "model.name='other'",
            "training.schedule.kind=milestones",
            "training.schedule.epochs=[1,1]",
            "training.schedule.gamma=0.5",
        ],
    )
    assert config.training.batch_size == 8
    assert config.training.targets == SubcellTargets(sigma=1.5)
    assert config.training.schedule == MilestoneRate(epochs=(1, 1), gamma=0.5)
    assert config.model.name == "other"
    assert config.data[0].share == 1.0
    assert getattr(config.data[0], "cache", None) == "/a b/c"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not a TOML file: Invalid value"),
        ("", "object missing required field `model`"),
        (MINIMAL + "[training]\nepoch = 3", "training: object contains unknown field `epoch`"),
        (MINIMAL + "[training]\nepochs = '3'", "training.epochs: expected `int`, got `str`"),
        (MINIMAL + "[training]\nepochs = 0", "training.epochs: expected `int` >= 1"),
        (MINIMAL + "[training.loss]\nkind = 'l1'", "training.loss.kind: invalid value 'l1'"),
        (
            MINIMAL + "[training.loss]\nkind = 'reference'\npeak = 3",
            "training.loss: object contains unknown field `peak`",
        ),
        (MINIMAL + "[[data]]\nkind = 'posetrack'", r"data\[1\]: object missing required field `root`"),
        (MINIMAL + "[augmentation]\nflip_probability = 2", "augmentation.flip_probability: expected `float` <= 1.0"),
    ],
)
def test_a_fault_is_one_line_with_file_and_key(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=rf"mine\.toml: {message}"):
        load_config(write(tmp_path, text))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.batch_size", "write key=value"),
        ("=3", "write key=value"),
        ("model.name.first=3", "model.name is a value, not a section"),
        ("data.cache=x", "say which of the 2, data.0 or the like"),
        ("data.2.cache=x", "say which of the 2"),
    ],
)
def test_an_override_that_leads_nowhere_is_one_clear_line(override: str, message: str, tmp_path: Path) -> None:
    two = MINIMAL + "[[data]]\nkind = 'posetrack'\nroot = 'x'"
    with pytest.raises(TrainingError, match=f"--set {override}: {message}"):
        load_config(write(tmp_path, two), [override])


def test_the_recipe_of_the_embedded_head_builds_the_embedded_head() -> None:
    config = load_config("embedded_head")
    embedded = describe(DEFAULT_MODEL)
    assert config.model.base == embedded.backbone_of
    assert config.model.head == embedded.head
    assert msgspec.convert(config.model.settings, SlimSettings) == embedded.settings
    assert config.model.max_interval == embedded.max_interval


def test_a_missing_file_names_the_recipes_there_are(tmp_path: Path) -> None:
    with pytest.raises(
        TrainingError, match=r"nothing\.toml: cannot be read .* or a recipe: embedded_head, paper, reference_"
    ):
        load_config(tmp_path / "nothing.toml")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TrainingError, match="not UTF-8"):
        load_config(binary)
