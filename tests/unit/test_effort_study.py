"""`dcpose bench effort` on small worlds: sequences, spoiled and synthetic ones, the table, the bars and the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from dcpose_core.accuracy import LabelledSet
from dcpose_core.cli import main
from dcpose_core.effort import (
    EffortSettings,
    EffortStudy,
    Group,
    PropagationSettings,
    effort_json,
    effort_tables,
    labelled_groups,
    measure_effort,
    plot_effort,
    synthetic_group,
)
from dcpose_core.effort.bars import bars_of
from dcpose_core.effort.desk import Desk
from dcpose_core.effort.first_poses import refined_poses, single_frame_poses
from dcpose_core.effort.footage import BenchFootage, ImageFootage, NoImagesError, SyntheticFootage
from dcpose_core.effort.review_order import DeskSource, review_queue
from dcpose_core.effort.truth import Visit
from dcpose_core.effort.worlds import SPOILED_SHARE, World, draw_episodes, labelled_worlds, synthetic_worlds
from dcpose_core.errors import UsageError, VideoError
from dcpose_core.estimation import PoseEstimator
from dcpose_core.models.description import CropSpec, DecodeRule
from dcpose_core.models.pose_model import PoseModel
from tests.motions import walking
from tests.scenes import DotBackbone, Fusion, dot_model
from tests.unit.accuracy_worlds import load_world, write_world
from tests.unit.effort_worlds import WRIST, WRONG, poses, truth

N_FRAMES = 12
CROP = CropSpec(288, 384, 1.25, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), DecodeRule.OFFSET_MAP)


def estimator_of(model: PoseModel) -> PoseEstimator:
    return PoseEstimator(model, device=torch.device("cpu"), batch_size=8, temporal=True, announce=pytest.fail)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> LabelledSet:
    return load_world(tmp_path_factory.mktemp("effort"), n_frames=N_FRAMES)


@pytest.fixture
def backbone() -> DotBackbone:
    return DotBackbone()


@pytest.fixture
def estimator(backbone: DotBackbone) -> Iterator[PoseEstimator]:
    with closing(estimator_of(dot_model(Fusion(lambda c, p, n, margin: c), backbone))) as made:
        yield made


@pytest.fixture
def synthetic_estimator() -> Iterator[PoseEstimator]:
    """Sees what the synthesis drew, as the embedded backbone's heatmaps are decoded."""
    model = dot_model(Fusion(lambda c, p, n, margin: c))
    model.description = replace(model.description, crop=CROP)
    with closing(estimator_of(model)) as made:
        yield made


class Dark:
    """Footage of which only the size is asked."""

    refusals = 0
    size_px = (640, 480)

    def __init__(self, n_frames: int) -> None:
        self.n_frames = n_frames
        self.frames = range(n_frames)


def _walks(n_frames: int) -> list[World]:
    footage = cast(BenchFootage, Dark(n_frames))
    return [World("walk", truth(n_frames), footage, np.ones(17, np.bool_), (0,))]


def measured(groups: list[Group], estimator: PoseEstimator, settings: EffortSettings) -> EffortStudy:
    run = measure_effort(groups, estimator=estimator, model="dots", settings=settings)
    while True:
        try:
            progress = next(run)
            assert progress.done <= progress.total
        except StopIteration as finished:
            assert progress.done == progress.total
            result: EffortStudy = finished.value
            return result


def test_episodes_cover_a_third_of_the_frames_three_to_eight_at_a_time() -> None:
    frames = list(range(100, 300))
    for seed in range(20):
        episodes = draw_episodes(frames, "mixed", np.random.default_rng(seed))
        covered = [frame for _, first, stop in episodes for frame in range(first, stop)]
        assert len(covered) == len(set(covered)) == round(SPOILED_SHARE * len(frames))
        assert set(covered) <= set(frames)
        assert all(3 <= stop - first <= 8 for _, first, stop in episodes[:-1])
    assert len({kind for kind, _, _ in episodes}) > 1


def test_images_are_spoiled_in_their_episodes_only_and_always_alike(
    world: LabelledSet, estimator: PoseEstimator
) -> None:
    (clean,) = labelled_worlds(world, estimator, condition="clean", seeds=2)
    assert clean.seeds == (0, 1)
    spoiled = list(labelled_worlds(world, estimator, condition="limb_occluder", seeds=2))
    again = list(labelled_worlds(world, estimator, condition="limb_occluder", seeds=2))
    assert [one.seeds for one in spoiled] == [(0,), (1,)]

    def changed(one: ImageFootage) -> list[int]:
        return [f for f in range(N_FRAMES) if not np.array_equal(one.image(f), clean.footage.image(f))]

    frames = [changed(one.footage) for one in spoiled if isinstance(one.footage, ImageFootage)]
    assert [len(each) for each in frames] == [round(SPOILED_SHARE * N_FRAMES)] * 2
    assert frames[0] != frames[1]
    for one, other in zip(spoiled, again, strict=True):
        assert all(np.array_equal(one.footage.image(f), other.footage.image(f)) for f in range(N_FRAMES))
    with pytest.raises(VideoError, match="no picture of frame 99"):
        clean.footage.image(99)


def test_everybody_is_looked_at_once_however_many_methods_ask(
    world: LabelledSet, estimator: PoseEstimator, backbone: DotBackbone
) -> None:
    (clean,) = labelled_worlds(world, estimator, condition="clean", seeds=1)
    clean.footage.look_at(clean.boxes)
    assert backbone.passes == N_FRAMES
    for found in (single_frame_poses(clean, estimator), refined_poses(clean, estimator)):
        errors = [
            np.nanmax(clean.truth[track][frame].errors(pose.keypoints, pose.located))
            for track, by_frame in found.poses.items()
            for frame, pose in by_frame.items()
        ]
        assert max(errors) < 0.1
    assert backbone.passes == N_FRAMES


def test_synthetic_footage_shows_each_person_in_the_own_box_and_in_others(synthetic_estimator: PoseEstimator) -> None:
    (one,) = synthetic_worlds([walking()], synthetic_estimator, crop=CROP, n_frames=6, n_persons=2, seeds=1)
    assert isinstance(one.footage, SyntheticFootage)
    seen = single_frame_poses(one, synthetic_estimator).poses
    errors = np.array(
        [
            one.truth[person][frame].errors(seen[person][frame].keypoints, seen[person][frame].located)
            for person in (0, 1)
            for frame in range(6)
        ]
    )
    assert np.nanmedian(errors) < 0.2
    # A box a quarter larger shows the same person at the same place.
    box = one.truth[0][3].box_xyxy
    middle, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    larger = one.footage.evidence(3, np.concatenate([middle - 1.25 * half, middle + 1.25 * half]))
    moved = synthetic_estimator.estimate_single([larger]).keypoints[0]
    apart = np.linalg.norm(moved - seen[0][3].keypoints, axis=1) / one.truth[0][3].head_length_px
    assert np.median(apart) < 0.2
    with pytest.raises(NoImagesError):
        one.footage.image(0)


def test_the_review_queue_begins_with_what_is_wrong_and_looks_at_everything_once() -> None:
    n_frames, wrong = 20, {7: WRONG, 8: WRONG}
    (sequence,) = _walks(n_frames)
    desk = Desk(sequence.truth, poses(n_frames, {WRIST: wrong}), tolerance=0.2, seed=0)
    visits = []
    for visit in review_queue(sequence, {})(desk):
        desk.look(visit)
        visits.append(visit)
    assert {visit.frame for visit in visits[:2]} == {7, 8}
    assert sorted(visits) == desk.visits


def test_the_queue_sees_the_desk_as_it_stands() -> None:
    (sequence,) = _walks(5)
    desk = Desk(sequence.truth, poses(5, {WRIST: {2: WRONG}}), tolerance=0.2, seed=0)
    moved = np.full(17, 3.0)
    source = DeskSource(desk, sequence, dict.fromkeys(desk.visits, moved))
    before = source.rows(0, 5)
    assert not before.human.any()
    assert not source.verified(0, 5).any()
    desk.look(Visit(0, 2))
    after = source.rows(0, 5)
    assert after.human[2].all()
    assert not after.human[3].any()
    assert source.verified(0, 5).tolist() == [False, False, True, False, False]
    # The wrist no longer stands where refining had moved it.
    assert np.isnan(after.refinement_px[2, WRIST])
    assert after.refinement_px[2].tolist().count(3.0) == 16


def test_synthesis_refuses_a_model_with_other_crops(estimator: PoseEstimator) -> None:
    with pytest.raises(UsageError, match="288 x 384"):
        next(
            synthetic_worlds([walking()], estimator, crop=replace(CROP, width_px=96), n_frames=4, n_persons=1, seeds=1)
        )


def test_a_model_that_is_always_right_leaves_nothing_to_do(world: LabelledSet, estimator: PoseEstimator) -> None:
    settings = EffortSettings(seeds=2, tolerances=(0.5,), conditions=("clean",), propagators=("interpolate", "blend"))
    study = measured(labelled_groups(world, settings), estimator, settings)
    rows = study.table(*study.groups[0])
    assert rows["dots"].spread(lambda effort: effort.touched).per_seed == [0, 0]
    assert rows["from scratch"].spread(lambda effort: effort.per_100).mean == 100
    # The dots move on a straight line.
    assert rows["key frames where lines are worst"].spread(lambda effort: effort.touched).mean == 2 * 15
    assert rows["key frames every 5, lines"].spread(lambda effort: effort.visits).mean == 4
    assert all(bar.is_met for bar in bars_of(study) if "touched" in bar.name)


def test_a_model_that_is_late_by_a_frame_is_the_annotators_work(world: LabelledSet) -> None:
    with closing(estimator_of(dot_model(Fusion(lambda c, p, n, margin: p)))) as late:
        settings = EffortSettings(
            seeds=1,
            tolerances=(0.1,),
            conditions=("clean",),
            propagators=("interpolate", "flow"),
            default="flow",
            propagation=PropagationSettings(threshold=0.0),
        )
        study = measured(labelled_groups(world, settings), late, settings)
    rows = study.table(*study.groups[0])
    (alone,), (carried,) = rows["dots"].efforts, rows["dots + flow, previewed"].efforts
    # Every frame but the first, which has no previous one, is off by a step.
    assert alone.touched == alone.wrong_at_start == 15 * (N_FRAMES - 1)
    assert carried.touched < alone.touched / 5
    assert carried.repaired > 0
    assert rows["dots + interpolate"].efforts[0].touched == alone.touched  # nothing lies between two human frames
    assert rows["dots + interpolate, every 8th first"].efforts[0].touched < alone.touched / 2
    met = {bar.name: bar for bar in bars_of(study)}
    assert met["touched joints of no propagation, previewed"].is_met
    assert not met["found by dots, review queue"].is_met
    assert "points short" in met["found by dots, review queue"].text


def test_propagators_that_need_images_say_so_where_there_are_none(
    synthetic_estimator: PoseEstimator, tmp_path: Path
) -> None:
    settings = EffortSettings(
        seeds=2, tolerances=(0.2,), frames=8, persons=1, propagators=("flow", "interpolate"), default="blend"
    )
    study = measured([synthetic_group([walking()], CROP, settings)], synthetic_estimator, settings)
    rows = study.table("synthetic", 0.2)
    assert rows["dots + flow"].why_not == "not applicable: needs images"
    assert not rows["dots + flow"].efforts
    assert rows["dots + interpolate"].why_not == ""
    assert len(rows["dots"].efforts) == 2
    told = effort_json(study)
    flow = next(row for row in told["rows"] if row["method"] == "dots + flow")
    assert flow["figures"]["touched_per_100"]["mean"] is None
    json.dumps(told, allow_nan=False)
    assert effort_tables(study)
    files = plot_effort(study, tmp_path / "plots")
    assert {file.name for file in files} == {"synthetic_touched.png", "synthetic_found.png"}
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": 0}, "at least one seed"),
        ({"tolerances": (0.0,)}, "head lengths"),
        ({"conditions": ("fog",)}, "unknown condition 'fog'"),
        ({"propagators": ("magic",)}, "unknown propagator 'magic'"),
        ({"propagation": PropagationSettings(reach=0)}, "reach"),
    ],
)
def test_settings_that_make_no_sense_are_one_clear_error(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(EffortSettings(), **change)  # type: ignore[arg-type]


def test_the_command_prints_tables_and_bars_and_writes_json_and_plots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = write_world(tmp_path, n_frames=N_FRAMES)
    model = dot_model(Fusion(lambda c, p, n, margin: p))
    monkeypatch.setattr("dcpose_core.models.catalogue.load_model", lambda name: model)
    told, plots = tmp_path / "effort.json", tmp_path / "plots"
    arguments = ["bench", "effort", "--labels", labels, "--images", tmp_path / "images", "--device", "cpu"]
    arguments += ["--quick", "--conditions", "clean", "--tolerances", "0.2", "--propagators", "flow"]
    arguments += ["--propagator", "flow", "--json", told, "--plots", plots]
    assert main([str(argument) for argument in arguments]) == 0
    printed = capsys.readouterr().out
    for words in ("from scratch", "dcpose_thunder + flow", "review queue", "bars", "wrong at the start"):
        assert words in printed
    rows = json.loads(told.read_text())["effort"]["rows"]
    assert {row["method"] for row in rows} >= {"single frame", "dcpose_thunder", "dcpose_thunder + flow, previewed"}
    assert len(list(plots.iterdir())) == 2


def test_the_command_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "effort"]) == 2
    assert "--labels FILE, --motions PATH" in " ".join(capsys.readouterr().err.split())
