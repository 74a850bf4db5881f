"""Evaluating files and folders, and what is shown of the result."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from dcpose_core.errors import DCPoseError, FormatError
from dcpose_core.formats import read_poses, write_poses
from dcpose_core.metrics.evaluation import Evaluation, evaluate
from dcpose_core.metrics.poseval import JOINT_GROUPS
from dcpose_core.metrics.report import results_table, to_json

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "poseval"
NAMES = ["000342_mpii_test", "001001_mpii_test", "012345_mpii_test", "020880_mpii_test"]


@pytest.fixture
def ground_truth(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURES / "main" / "gt", tmp_path / "gt"))


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FIXTURES / "main" / "pred", tmp_path / "pred"))


def _figures(evaluation: Evaluation) -> list[float]:
    result = evaluation.poseval
    assert result.tracking is not None
    return [
        float(list_[-1])
        for list_ in (result.detection.ap, result.tracking.mota, result.tracking.motp, result.tracking.recall)
    ]


def _shown(evaluation: Evaluation, width: int = 160) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(results_table(evaluation))
    return capture.get()


def test_folders_are_matched_by_file_name(ground_truth: Path, predictions: Path) -> None:
    evaluation = evaluate(ground_truth, predictions)
    assert evaluation.sequences == tuple(NAMES)
    assert evaluation.unused_predictions == ()
    assert list(evaluation.poseval.tracking_per_sequence) == NAMES


def test_the_file_name_counts_where_frames_of_all_sequences_lie_in_folders_of_one_name(
    ground_truth: Path, predictions: Path
) -> None:
    expected = _figures(evaluate(ground_truth, predictions))
    for file in [*ground_truth.iterdir(), *predictions.iterdir()]:
        file.write_text(file.read_text().replace(file.stem, "000001_mpii_test"))
    evaluation = evaluate(ground_truth, predictions)
    assert evaluation.sequences == tuple(NAMES)
    assert _figures(evaluation) == pytest.approx(expected)


def test_files_of_other_names_are_matched_by_the_name_of_the_sequence(ground_truth: Path, predictions: Path) -> None:
    expected = _figures(evaluate(ground_truth, predictions))
    for i, file in enumerate(sorted(predictions.iterdir(), reverse=True)):
        file.rename(predictions / f"result_{i}.json")
    assert _figures(evaluate(ground_truth, predictions)) == pytest.approx(expected)


def test_a_folder_can_be_compared_with_one_file_of_all_sequences(
    tmp_path: Path, ground_truth: Path, predictions: Path
) -> None:
    merged: dict[str, list[object]] = {"images": [], "annotations": []}
    for number, file in enumerate(sorted(predictions.iterdir())):
        content = json.loads(file.read_text())
        merged["images"] += content["images"]
        # Annotation ids repeat from file to file.
        merged["annotations"] += [{**a, "id": 10**6 * number + i} for i, a in enumerate(content["annotations"])]
        merged["categories"] = content["categories"]
    file = tmp_path / "all.json"
    file.write_text(json.dumps(merged))
    evaluation = evaluate(ground_truth, file)
    assert evaluation.sequences == tuple(NAMES)
    assert _figures(evaluation) == pytest.approx(_figures(evaluate(ground_truth, predictions)))


def test_two_files_are_compared_whatever_their_names(tmp_path: Path, ground_truth: Path, predictions: Path) -> None:
    mine = tmp_path / "mine.json"
    content = (predictions / f"{NAMES[0]}.json").read_text()
    mine.write_text(content.replace(NAMES[0], "999999_mpii_test"))
    evaluation = evaluate(ground_truth / f"{NAMES[0]}.json", mine)
    assert evaluation.sequences == (NAMES[0],)
    expected = evaluate(ground_truth, predictions).poseval.tracking_per_sequence[NAMES[0]].mota[-1]
    assert evaluation.poseval.tracking is not None
    assert evaluation.poseval.tracking.mota[-1] == pytest.approx(expected)


@pytest.mark.parametrize("flavour", ["posetrack17", "posetrack18", "posetrack21"])
def test_the_flavour_of_the_files_makes_no_difference(
    tmp_path: Path, ground_truth: Path, predictions: Path, flavour: str
) -> None:
    expected = _figures(evaluate(ground_truth, predictions))
    for side, folder in (("truth", ground_truth), ("prediction", predictions)):
        (tmp_path / side).mkdir()
        write_poses(read_poses(folder), tmp_path / side, format=flavour)
    assert _figures(evaluate(tmp_path / "truth", predictions)) == pytest.approx(expected, abs=1e-9)
    assert _figures(evaluate(ground_truth, tmp_path / "prediction")) == pytest.approx(expected, abs=1e-9)
    assert _figures(evaluate(tmp_path / "truth", tmp_path / "prediction")) == pytest.approx(expected, abs=1e-9)


def test_predictions_without_ground_truth_have_no_part_but_are_named(ground_truth: Path, predictions: Path) -> None:
    (ground_truth / f"{NAMES[2]}.json").unlink()
    evaluation = evaluate(ground_truth, predictions)
    assert evaluation.sequences == (NAMES[0], NAMES[1], NAMES[3])
    assert evaluation.unused_predictions == (NAMES[2],)
    assert f"not counted: {NAMES[2]}" in _shown(evaluation)
    assert to_json(evaluation)["unused_predictions"] == [NAMES[2]]


def test_a_sequence_without_prediction_is_named(ground_truth: Path, predictions: Path) -> None:
    (predictions / f"{NAMES[1]}.json").unlink()
    with pytest.raises(FormatError, match=f"no prediction for sequence {NAMES[1]}"):
        evaluate(ground_truth, predictions)


def test_the_last_file_of_either_folder_is_not_taken_for_a_pair(ground_truth: Path, predictions: Path) -> None:
    missing = predictions / f"{NAMES[1]}.json"
    missing.write_text(missing.read_text().replace(NAMES[1], "777777_mpii_test"))
    missing.rename(predictions / "777777_mpii_test.json")
    with pytest.raises(FormatError, match=f"no prediction for sequence {NAMES[1]}"):
        evaluate(ground_truth, predictions)


def test_different_numbers_of_frames_are_an_error_with_both_numbers(ground_truth: Path, predictions: Path) -> None:
    file = predictions / f"{NAMES[0]}.json"
    content = json.loads(file.read_text())
    dropped = content["images"].pop()["id"]
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] != dropped]
    file.write_text(json.dumps(content))
    with pytest.raises(FormatError, match=f"{NAMES[0]}: 14 frames in the ground truth, but 13 in the prediction"):
        evaluate(ground_truth, predictions)


def test_ground_truth_without_head_boxes_is_an_error_that_names_the_field(
    ground_truth: Path, predictions: Path
) -> None:
    file = ground_truth / f"{NAMES[0]}.json"
    content = json.loads(file.read_text())
    for annotation in content["annotations"]:
        del annotation["bbox_head"]
    file.write_text(json.dumps(content))
    with pytest.raises(FormatError, match=f"sequence {NAMES[0]}, frame 0, track .*bbox_head"):
        evaluate(ground_truth, predictions)


@pytest.mark.parametrize("missing", ["ground truth", "predictions"])
def test_a_path_that_does_not_exist_is_one_clear_error(
    tmp_path: Path, ground_truth: Path, predictions: Path, missing: str
) -> None:
    nowhere = tmp_path / "nowhere"
    pair = (nowhere, predictions) if missing == "ground truth" else (ground_truth, nowhere)
    with pytest.raises(DCPoseError, match="nowhere"):
        evaluate(*pair)


def test_an_empty_ground_truth_folder_is_an_error(tmp_path: Path, predictions: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match=r"empty: no \.json file"):
        evaluate(tmp_path / "empty", predictions)


# --- what is shown ---


def test_the_table_shows_the_figures_by_joint_group(ground_truth: Path, predictions: Path) -> None:
    shown = _shown(evaluate(ground_truth, predictions))
    # Names of one or two words, then eight figures.
    rows = {" ".join(line.split()[:-8]): line.split()[-8:] for line in shown.splitlines() if line.strip()}
    expected = json.loads((FIXTURES / "main" / "expected_classic.json").read_text())
    assert rows["%"] == [*JOINT_GROUPS, "Total"]
    assert rows["AP"] == [f"{value:.1f}" for value in expected["ap_groups"]]
    assert rows["MOTA"] == [f"{value:.1f}" for value in expected["mota_groups"]]
    assert {"MOTP", "AP precision", "AP recall", "MOT precision", "MOT recall"} < rows.keys()
    assert rows["AP precision"] != rows["MOT precision"]
    assert "4 sequences: 44 frames, 123 annotated persons" in shown
    assert "OKS: AP 31.8" in shown


def test_a_figure_that_is_not_defined_is_a_dash_in_the_table_and_null_in_the_json() -> None:
    folder = FIXTURES / "edge_joint_never_annotated"
    evaluation = evaluate(folder / "gt", folder / "pred")
    written = to_json(evaluation)
    left_wrist = written["joint_order"].index("left_wrist")
    assert written["ap"][left_wrist] is None
    assert written["ap_groups"][written["group_order"].index("Wrist")] is None
    row = next(line.split() for line in _shown(evaluation).splitlines() if line.split()[:1] == ["AP"])
    assert row[1 + list(JOINT_GROUPS).index("Wrist")] == "–"


@pytest.mark.parametrize("folder", ["crowd", "edge_joint_never_annotated"])
def test_no_figure_is_cut_short_in_a_terminal_of_80_columns(folder: str) -> None:
    evaluation = evaluate(FIXTURES / folder / "gt", FIXTURES / folder / "pred")
    assert "…" not in _shown(evaluation, width=80)
    assert _shown(evaluation, width=80).split() == _shown(evaluation, width=160).split()


def test_json_has_the_five_figures_of_fifteen_joints_and_their_mean(ground_truth: Path, predictions: Path) -> None:
    written = to_json(evaluate(ground_truth, predictions))
    assert written["joint_order"][:3] == ["right_ankle", "right_knee", "right_hip"]
    assert written["joint_order"][12:] == ["neck", "nose", "head_top", "total"]
    for figure in ("ap", "mota", "motp", "pre", "rec"):
        assert len(written[figure]) == 16
        assert written[figure][-1] == pytest.approx(np.mean(written[figure][:15]))
    for name in ("pre", "rec"):
        assert written[name] == written["mot"][name] != written["detection"][name]
    assert "of the tracking" in written["meaning"]["pre, rec"]
    assert written["oks"].keys() == {"ap", "ap50", "ap75", "ar"}
    assert written["sequences"] == NAMES
    json.dumps(written, allow_nan=False)


def test_without_track_ids_the_table_says_why_there_is_no_tracking(ground_truth: Path, predictions: Path) -> None:
    for file in predictions.iterdir():
        content = json.loads(file.read_text())
        for annotation in content["annotations"]:
            del annotation["track_id"]
        file.write_text(json.dumps(content))
    evaluation = evaluate(ground_truth, predictions)
    shown, written = _shown(evaluation), to_json(evaluation)
    assert "no track ids" in shown
    assert "MOTA" not in shown
    assert written["mota"] == [None] * 16
    assert written["mot"] is None
    assert written["ap"][-1] == pytest.approx(35.67631790307966)
