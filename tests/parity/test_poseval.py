"""Equality with the official PoseTrack evaluation on its recorded results (py-motmetrics 1.0.2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dcpose_core.formats import read_poses
from dcpose_core.metrics.evaluation import evaluate
from dcpose_core.metrics.poseval import JOINT_NAMES, group_means, poseval
from dcpose_core.metrics.report import to_json

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "poseval"
FOLDERS = sorted(expected.parent.name for expected in FIXTURES.glob("*/expected_classic.json"))
TOLERANCE = 1e-9


def _expected(folder: str) -> dict[str, Any]:
    expected: dict[str, Any] = json.loads((FIXTURES / folder / "expected_classic.json").read_text())
    return expected


def _assert_equal(found: Any, expected: list[float | None]) -> None:
    """Same numbers to 1e-9, NaN (or null) exactly where the official evaluation says so."""
    np.testing.assert_allclose(
        np.array(found, dtype=np.float64), np.array(expected, dtype=np.float64), rtol=0, atol=TOLERANCE, equal_nan=True
    )


def test_the_fixtures_are_there() -> None:
    assert FOLDERS == ["crowd", "edge_ignored_and_empty", "edge_joint_never_annotated", "main"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_figure_equals_the_official_one(folder: str) -> None:
    expected = _expected(folder)
    result = poseval(read_poses(FIXTURES / folder / "gt"), read_poses(FIXTURES / folder / "pred"))

    assert [*JOINT_NAMES, "total"] == expected["joint_order"]
    _assert_equal(result.detection.ap, expected["ap"])
    _assert_equal(result.detection.precision, expected["pre"])
    _assert_equal(result.detection.recall, expected["rec"])
    assert result.detection.annotated_counts.tolist() == expected["n_gt_per_joint"]
    assert result.detection.predicted_counts.tolist() == expected["n_pred_per_joint"]
    assert result.detection.correct_counts.tolist() == expected["n_true_positive_per_joint"]
    assert result.frame_count == expected["frames_after_cleanup"]
    assert result.annotated_person_count == expected["gt_people"]
    assert result.predicted_person_count == expected["pred_people"]

    assert result.tracking is not None
    assert list(result.tracking_per_sequence) == list(expected["per_sequence"])
    pairs = [(result.tracking, expected["mot"])]
    pairs += [(result.tracking_per_sequence[name], figures) for name, figures in expected["per_sequence"].items()]
    for tracking, figures in pairs:
        _assert_equal(tracking.mota, figures["mota"])
        _assert_equal(tracking.motp, figures["motp"])
        _assert_equal(tracking.precision, figures["pre"])
        _assert_equal(tracking.recall, figures["rec"])

    _assert_equal(list(group_means(result.detection.ap).values()), expected["ap_groups"])
    _assert_equal(list(group_means(result.tracking.mota).values()), expected["mota_groups"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_json_of_two_folders_holds_the_official_figures(folder: str) -> None:
    expected = _expected(folder)
    evaluation = evaluate(FIXTURES / folder / "gt", FIXTURES / folder / "pred")
    written = json.loads(json.dumps(to_json(evaluation), allow_nan=False))

    _assert_equal(written["ap"], expected["ap"])
    for figure in ("mota", "motp", "pre", "rec"):
        _assert_equal(written[figure], expected["mot"][figure])
        _assert_equal(written["mot"][figure], expected["mot"][figure])
    for figure in ("ap", "pre", "rec"):
        _assert_equal(written["detection"][figure], expected[figure])
    exact = ["joint_order", "frames_after_cleanup", "gt_people", "pred_people"]
    exact += ["n_gt_per_joint", "n_pred_per_joint", "n_true_positive_per_joint"]
    assert {key: written[key] for key in exact} == {key: expected[key] for key in exact}


def test_results_of_the_official_writer_get_the_official_table() -> None:
    expected = json.loads((FIXTURES / "result_writer" / "input_and_expected.json").read_text())["expected_table"]
    ground_truth = read_poses(FIXTURES / "main" / "gt")
    result = poseval(ground_truth, read_poses(FIXTURES / "result_writer" / "pred_annolist"))
    found = group_means(result.detection.ap)
    expected["Total"] = expected.pop("Mean")
    assert found.keys() == expected.keys()
    _assert_equal([found[group] for group in expected], list(expected.values()))


def test_ground_truth_against_itself_is_perfect() -> None:
    ground_truth = read_poses(FIXTURES / "main" / "gt")
    result = poseval(ground_truth, ground_truth)
    assert result.tracking is not None
    for figures in (result.detection.ap, result.tracking.mota, result.tracking.motp):
        np.testing.assert_array_equal(figures, 100.0)
