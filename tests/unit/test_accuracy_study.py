"""Accuracy studies of the dot world, where every method's answer is known beforehand."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dcpose_core.accuracy import (
    LabelledSet,
    Study,
    StudySettings,
    accuracy_json,
    conditions_of,
    load_labelled_set,
    measure_accuracy,
)
from dcpose_core.accuracy.study import Row
from dcpose_core.cli import main
from dcpose_core.errors import UsageError
from dcpose_core.models.pose_model import PoseModel
from tests.scenes import DotBackbone, Fusion, dot_model
from tests.unit.accuracy_worlds import HEAD_LENGTH_PX, STEP_PX, load_world, write_world

N_FRAMES = 12
#: How far a person moves from frame to frame, head lengths.
STEP_HEADS = STEP_PX / HEAD_LENGTH_PX
#: What a cell of the heatmaps and half a cell of a shared crop may cost, in head lengths.
TOLERANCE = 1.2 / HEAD_LENGTH_PX


def looks_at(frame: str, backbone: DotBackbone | None = None) -> PoseModel:
    """A model whose temporal modules give one frame's heatmaps."""
    formulas: dict[str, Callable[..., torch.Tensor]] = {
        "current": lambda c, p, n, margin: c,
        "previous": lambda c, p, n, margin: p,
        "next": lambda c, p, n, margin: n,
    }
    model = dot_model(Fusion(formulas[frame]), backbone)
    model.description = replace(model.description, name=frame)
    return model


def study(
    labelled: LabelledSet,
    *models: PoseModel,
    conditions: tuple[str, ...] = ("clean",),
    seeds: int = 1,
    intervals: tuple[int, ...] = (1,),
) -> Study:
    run = measure_accuracy(
        labelled,
        models or [dot_model()],
        device=torch.device("cpu"),
        settings=StudySettings(conditions=conditions_of(conditions), seeds=seeds, intervals=intervals),
        announce=pytest.fail,
    )
    while True:
        try:
            next(run)
        except StopIteration as finished:
            result: Study = finished.value
            return result


def row(found: Study, method: str, condition: str = "clean", interval: int | None = 1) -> Row:
    (match,) = [
        each
        for each in found.rows
        if (each.method, str(each.condition), each.interval) == (method, condition, interval)
    ]
    return match


def figure(found: Study, name: str, method: str, condition: str = "clean", interval: int | None = 1) -> float:
    return row(found, method, condition, interval).figures[name].mean


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> LabelledSet:
    return load_world(tmp_path_factory.mktemp("world"), n_frames=N_FRAMES)


def test_a_network_that_sees_the_dots_is_right_and_so_is_the_median(world: LabelledSet) -> None:
    found = study(world)
    for method, interval in (("single frame", None), ("median of 3, key box", 1), ("median of 3, own boxes", 1)):
        assert figure(found, "pckh_20", method, interval=interval) == 100
        assert figure(found, "oks_ap", method, interval=interval) > 95
        assert figure(found, "error", method, interval=interval) < TOLERANCE


@pytest.mark.parametrize("interval", [1, 3])
@pytest.mark.parametrize("mode", ["exact", "shared"])
def test_temporal_modules_get_the_neighbours_at_the_asked_distance(
    world: LabelledSet, mode: str, interval: int
) -> None:
    models = looks_at("previous"), looks_at("next")
    found = study(world, *models, intervals=(1, 3))
    reach = np.minimum(np.arange(N_FRAMES), interval).mean() * STEP_HEADS
    assert isinstance(models[0].temporal, Fusion)
    at_borders = {(1, 1), (1, interval), (interval, 1)}
    assert {(interval, interval), *at_borders} <= {(left, right) for left, right in models[0].temporal.margins}
    for model in ("previous", "next"):
        error = figure(found, "error", f"{model}, {mode}", interval=interval)
        assert error == pytest.approx(reach, abs=TOLERANCE)


def test_where_a_neighbour_is_missing_the_key_frame_stands_in(world: LabelledSet) -> None:
    model = looks_at("previous")
    found = study(world, model, conditions=("clean/no_previous", "clean/no_next", "clean/alone"))
    assert figure(found, "error", "previous, exact") > 0.9 * STEP_HEADS
    assert figure(found, "error", "previous, exact", "clean/no_next") > 0.9 * STEP_HEADS
    assert figure(found, "error", "previous, exact", "clean/no_previous") < TOLERANCE
    assert figure(found, "error", "previous, shared", "clean/alone") < TOLERANCE
    single = figure(found, "error", "single frame", "clean/alone", None)
    assert figure(found, "error", "median of 3, key box", "clean/alone") == single


def test_spoiling_the_middle_leaves_the_neighbours_alone_and_spoiling_all_does_not(world: LabelledSet) -> None:
    found = study(world, looks_at("previous"), conditions=("torso_occluder", "torso_occluder/all"))
    clean = figure(found, "error", "previous, exact")
    # The first frame is spoiled, and its own neighbour.
    assert figure(found, "error", "previous, exact", "torso_occluder") < 1.2 * clean
    assert figure(found, "error", "previous, exact", "torso_occluder/all") > 1.5 * clean
    spoiled = [figure(found, "error", "single frame", f"torso_occluder{where}", None) for where in ("", "/all")]
    assert spoiled[0] == spoiled[1] > STEP_HEADS


def test_the_median_recovers_what_a_spoiled_middle_frame_loses(world: LabelledSet) -> None:
    found = study(world, conditions=("torso_occluder",))
    single = figure(found, "poseval_ap", "single frame", "torso_occluder", None)
    median = figure(found, "poseval_ap", "median of 3, key box", "torso_occluder")
    recovered = figure(found, "recovered_poseval", "median of 3, key box", "torso_occluder")
    clean = figure(found, "poseval_ap", "single frame", interval=None)
    assert single < median - 10
    assert recovered == pytest.approx(100 * (median - single) / (clean - single))
    assert figure(found, "recovered_poseval", "single frame", "torso_occluder", None) == 0
    assert math.isnan(figure(found, "recovered_poseval", "median of 3, key box"))


def test_the_same_seed_gives_the_same_figures_and_another_seed_others(world: LabelledSet) -> None:
    conditions = ("limb_occluder", "low_light", "frozen/all")
    first, again = (accuracy_json([study(world, conditions=conditions, seeds=3)]) for _ in range(2))
    assert first == again
    for condition in conditions:
        (single,) = [r for r in first[0]["rows"] if (r["condition"], r["method"]) == (condition, "single frame")]
        per_seed = single["figures"]["error"]["per_seed"]
        assert len(set(per_seed)) == 3, condition
        assert single["figures"]["error"]["deviation"] > 0
    (clean,) = [r for r in first[0]["rows"] if (r["condition"], r["method"]) == ("clean", "single frame")]
    assert len(clean["figures"]["error"]["per_seed"]) == 1
    assert clean["figures"]["error"]["deviation"] is None


def test_a_frozen_frame_shows_the_picture_before(world: LabelledSet) -> None:
    found = study(world, conditions=("frozen", "frozen/all"), seeds=3)
    # The first frame has none before it.
    assert figure(found, "error", "single frame", "frozen", None) == pytest.approx(11 / 12 * STEP_HEADS, abs=TOLERANCE)
    share = np.array(row(found, "single frame", "frozen/all", None).figures["error"].per_seed) / STEP_HEADS
    np.testing.assert_allclose(share, [4 / 12, 4 / 12, 3 / 12], atol=TOLERANCE / STEP_HEADS)


def test_each_crop_is_looked_at_once_whatever_asks_for_it(world: LabelledSet) -> None:
    backbone = DotBackbone()
    own, neighbours = N_FRAMES, 2 * (N_FRAMES - 1)
    assert study(world, dot_model(None, backbone)).passes == backbone.passes == own + neighbours
    many = study(world, looks_at("next", DotBackbone()), looks_at("previous"), conditions=("clean/no_next", "clean"))
    assert many.passes == own + neighbours
    # A spoiled middle frame costs one pass more a person, however many methods and intervals there are.
    spoiled = study(world, conditions=("jpeg", "jpeg/no_next"), seeds=2)
    assert spoiled.passes == own + neighbours + 2 * N_FRAMES


def test_everybody_is_measured_and_a_longer_clip_gives_the_same_as_its_parts(tmp_path: Path) -> None:
    labelled = load_world(tmp_path, n_frames=30, n_persons=2)
    found = study(labelled, looks_at("next"))
    assert figure(found, "pckh_20", "single frame", interval=None) == 100
    assert figure(found, "error", "next, shared") == pytest.approx(29 / 30 * STEP_HEADS, abs=TOLERANCE)


def test_another_backbone_brings_its_own_rows(world: LabelledSet) -> None:
    other = dot_model()
    other.description = replace(other.description, name="large", crop=replace(other.description.crop, enlargement=1.5))
    found = study(world, looks_at("next"), other)
    assert {each.method for each in found.rows if each.interval is None} == {
        "single frame (next)",
        "single frame (large)",
    }
    # 12 key frames, and 22 neighbours in the key frame's box, for each of the two backbones.
    assert found.passes == 2 * (12 + 22)


@pytest.mark.parametrize("name", ["fog", "motion_blur/both", "clean/", "frozen/alone", ""])
def test_an_unknown_condition_is_one_clear_error(name: str) -> None:
    if name == "clean/":
        assert [str(condition) for condition in conditions_of([name])] == ["clean"]
        return
    with pytest.raises(UsageError, match="condition"):
        conditions_of([name])


def bench(*arguments: str | Path) -> int:
    return main(["bench", "accuracy", "--device", "cpu", *map(str, arguments)])


@pytest.fixture
def dots_in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    # What takes the function along when it is first imported has to have the real one.
    for module in ("benchmarks", "annotation"):
        importlib.import_module(f"dcpose_core.{module}")
    monkeypatch.setattr("dcpose_core.models.catalogue.load_model", looks_at)


@pytest.mark.usefixtures("dots_in_the_catalogue")
def test_the_command_prints_tables_and_writes_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels, figures = write_world(tmp_path, n_frames=6), tmp_path / "figures.json"
    arguments = ("--labels", labels, "--images", tmp_path / "images", "--model", "next", "--model", "previous")
    assert bench(*arguments, "--quick", "--seeds", "2", "--json", figures) == 0
    printed = capsys.readouterr().out
    for words in ("single frame", "median of 3, own boxes", "next, exact", "previous, shared", "motion_blur", "±"):
        assert words in printed
    assert "…" not in printed
    result = json.loads(figures.read_text())
    assert result["machine"]["cores"] >= 1
    (found,) = result["accuracy"]
    assert (found["person_frames"], found["seeds"], found["intervals"]) == (6, 2, [1])
    assert list(found["models"]) == ["next", "previous"]
    assert {each["condition"] for each in found["rows"]} == {"clean", "motion_blur", "limb_occluder"}
    assert all(len(each["reliability"]) == 10 for each in found["rows"])


@pytest.mark.usefixtures("dots_in_the_catalogue")
def test_figures_alone_can_go_to_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_world(tmp_path, n_frames=3)
    options = ("--conditions", "clean", "--intervals", "1", "--model", "next", "--json")
    labels = tmp_path / "images" / "labels.json"
    (tmp_path / "000001_mpii_test.json").rename(labels)
    assert bench("--labels", labels, *options) == 0
    (found,) = json.loads(capsys.readouterr().out)["accuracy"]
    assert found["rows"][0]["figures"]["pckh_50"]["mean"] == 100


@pytest.mark.usefixtures("dots_in_the_catalogue")
def test_bad_options_are_one_line_and_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = write_world(tmp_path, n_frames=2)
    given = ("--labels", labels, "--images", tmp_path / "images", "--model", "next")
    for arguments, message in (
        ((), "needs --labels"),
        ((*given, "--labels", labels), "give one folder for each file"),
        ((*given, "--conditions", "fog"), "unknown condition 'fog'"),
        ((*given, "--intervals", "5"), "must be 1 to 4"),
        ((*given, "--seeds", "0"), "at least 1"),
        ((*given, "--images", tmp_path), "give one folder for each file"),
        (("--labels", tmp_path / "none.json", "--images", tmp_path), "no such file"),
    ):
        assert bench(*arguments) == 2, arguments
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")
        assert message in line
    assert main(["bench", "pipeline", "--model", "a", "--model", "b", "--device", "cpu"]) == 2
    assert "takes one --model" in capsys.readouterr().err


def test_an_image_that_is_none_is_one_line(tmp_path: Path) -> None:
    labels = write_world(tmp_path, n_frames=2)
    (tmp_path / "images" / "000001.jpg").write_bytes(b"no image")
    with pytest.raises(Exception, match=r"000001\.jpg") as failure:
        study(load_labelled_set(labels, tmp_path / "images"))
    assert type(failure.value).__name__ == "VideoError"
