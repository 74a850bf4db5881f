"""Folders of real heatmap triples: made from clips of the dot world, read as training samples."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dcpose_core.annotation import Progress
from dcpose_core.errors import DCPoseError, TrainingError, UsageError
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.training.making_real_triples import FROZEN, GAPS, MIXTURE, make_real_triples, plan_triples
from dcpose_core.training.pseudo_truth import PersonTruth
from dcpose_core.training.real_triples import RealTriples, Split, TripleIndex, from_bytes, to_bytes
from tests.scenes import DOT_OFFSETS, DotDetector, DotVideo, dot_model, position
from tests.unit.test_pseudo_truth import result_of

N_FRAMES = 12
PER_CLIP = 14


def write_clip(folder: Path, *, n_persons: int) -> Path:
    folder.mkdir()
    video = DotVideo(N_FRAMES, n_persons=n_persons)
    for index in range(N_FRAMES):
        cv2.imwrite(str(folder / f"{index:03d}.png"), video.read(index).image[..., ::-1])
    return folder


def making(
    clips: Mapping[Path, Split], folder: Path, *, per_clip: int = PER_CLIP, seed: int = 0
) -> Generator[Progress, None, TripleIndex]:
    return make_real_triples(
        clips,
        folder,
        per_clip=per_clip,
        model=dot_model(),
        device=torch.device("cpu"),
        detector=DotDetector(),
        announce=lambda _: None,
        seed=seed,
    )


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Split]:
    root = tmp_path_factory.mktemp("clips")
    # One person each; the second clip shows someone else far away, so that its content differs.
    return {write_clip(root / "one", n_persons=1): "train", write_clip(root / "two", n_persons=2): "validation"}


@pytest.fixture(scope="module")
def folder(clips: dict[Path, Split], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "triples"
    result_of(making(clips, folder))
    return folder


@pytest.fixture
def damaged(folder: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_each_clip_is_wholly_on_its_side_of_the_split(folder: Path) -> None:
    for split, name in (("train", "one"), ("validation", "two")):
        triples = RealTriples(folder, split="train" if split == "train" else "validation")
        assert len(triples) == PER_CLIP
        assert {triples.record(index)[0].name for index in range(len(triples))} == {name}


def test_the_truth_is_where_the_network_sees_the_joints_of_a_clean_key_frame(folder: Path) -> None:
    triples = RealTriples(folder, split="train", augment=False)
    clean = [index for index in range(len(triples)) if not triples.record(index)[1].degradations[1]]
    assert clean
    for index in clean:
        sample, seen = triples.sample(index, epoch=0, seed=0), triples.points(index)[1, :, :2].numpy()
        assert sample.weights.sum() >= 6
        assert np.abs(seen - sample.joints)[sample.weights > 0].max() < 3.0


def test_neighbours_lie_in_the_key_frames_crop_whichever_box_they_were_looked_at_in(folder: Path) -> None:
    triples = RealTriples(folder, split="train", augment=False)
    kinds = set()
    for index in range(len(triples)):
        record = triples.record(index)[1]
        seen = triples.points(index).double().numpy()
        green = POSETRACK_17.index("left_wrist")
        for side in (0, 2):
            if record.degradations[1] or record.degradations[side]:
                continue
            kinds.add(record.own_boxes)
            # The dots tell how the crop is scaled and mirrored.
            offset = seen[1, green, :2] - seen[1, 0, :2]
            scale = offset / (DOT_OFFSETS[1] - DOT_OFFSETS[0])
            assert (scale[0] < 0) == record.mirrored
            moved = position(0, record.frames[side]) - position(0, record.frames[1])
            assert seen[side, 0, :2] - seen[1, 0, :2] == pytest.approx(moved * scale, abs=2.5)
    assert kinds == {True, False}


def test_heatmaps_peak_at_the_stored_points(folder: Path) -> None:
    triples = RealTriples(folder, split="train", augment=False)
    for index in range(len(triples)):
        points, maps = triples.points(index), triples.sample(index, epoch=0, seed=0).heatmaps
        clean = [frame for frame in range(3) if not triples.record(index)[1].degradations[frame]]
        for frame in clean:
            flat = int(maps[frame, 0].argmax())
            peak = torch.tensor([flat % maps.shape[-1], flat // maps.shape[-1]])
            assert (peak + 0.5 - points[frame, 0, :2] / 4).abs().max() < 1.6


def test_the_same_request_gives_the_same_triples(clips: dict[Path, Split], folder: Path, tmp_path: Path) -> None:
    result_of(making(clips, tmp_path / "again"))
    assert (tmp_path / "again/index.json").read_bytes() == (folder / "index.json").read_bytes()
    for name in ("clip_000.safetensors", "clip_001.safetensors"):
        first, again = load_file(folder / name), load_file(tmp_path / "again" / name)
        assert all(torch.equal(first[key], again[key]) for key in first)


def test_an_interrupted_request_goes_on_with_the_next_clip(clips: dict[Path, Split], tmp_path: Path) -> None:
    folder = tmp_path / "triples"
    job = making(clips, folder)
    while not (folder / "clip_000.safetensors").exists():
        next(job)
    job.close()
    assert len(RealTriples(folder, split="train")) == PER_CLIP
    assert len(RealTriples(folder, split="validation")) == 0
    finished = (folder / "clip_000.safetensors").stat().st_mtime_ns
    steps, index = result_of(making(clips, folder))
    assert max(step.total for step in steps) <= max(N_FRAMES, PER_CLIP)
    assert [clip.name for clip in index.clips] == ["one", "two"]
    assert (folder / "clip_000.safetensors").stat().st_mtime_ns == finished
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_folder_of_another_request_is_left_alone(clips: dict[Path, Split], damaged: Path) -> None:
    before = {path.name: path.read_bytes() for path in damaged.iterdir()}
    with pytest.raises(UsageError, match="another"):
        result_of(making(clips, damaged, seed=1))
    one, two = clips
    with pytest.raises(UsageError, match="already"):
        result_of(making({two: "validation", one: "validation"}, damaged))
    assert {path.name: path.read_bytes() for path in damaged.iterdir()} == before


def test_two_clips_of_one_name_or_a_file_as_folder_are_refused(clips: dict[Path, Split], tmp_path: Path) -> None:
    both: dict[Path, Split] = dict.fromkeys(clips, "train")
    both[tmp_path / "one"] = "validation"
    with pytest.raises(UsageError, match="one"):
        result_of(making(both, tmp_path / "triples"))
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        result_of(making(clips, tmp_path / "file"))


def test_a_sample_depends_on_seed_epoch_and_index_alone(folder: Path) -> None:
    triples, others = RealTriples(folder, split="train"), RealTriples(folder, split="train")
    drawn = [triples.sample(index, epoch=1, seed=5) for index in range(len(triples))]
    for index in reversed(range(len(triples))):
        again = others.sample(index, epoch=1, seed=5)
        assert torch.equal(again.heatmaps, drawn[index].heatmaps)
        assert np.array_equal(again.joints, drawn[index].joints)
    later = [triples.sample(index, epoch=2, seed=5) for index in range(len(triples))]
    assert any(not torch.equal(a.heatmaps, b.heatmaps) for a, b in zip(drawn, later, strict=True))


def test_validation_shows_the_triples_as_they_are(folder: Path) -> None:
    triples = RealTriples(folder, split="validation")
    for index in range(len(triples)):
        first, later = triples.sample(index, epoch=0, seed=0), triples.sample(index, epoch=9, seed=4)
        assert torch.equal(first.heatmaps, later.heatmaps)
        assert first.margin == triples.record(index)[1].margin


@pytest.mark.parametrize("single", [False, True])
def test_augmentation_moves_maps_and_truth_together(folder: Path, single: bool) -> None:
    """The maps of a joint, where its truth is, hold what they held before: also after flips and swaps."""
    plain = RealTriples(folder, split="train", augment=False)
    augmented = RealTriples(folder, split="train", flip_single_joints=single)
    margins, flips = set(), 0
    for index in range(len(plain)):
        before = plain.sample(index, epoch=0, seed=0)
        values = at_truth(before.heatmaps, before.joints)
        for epoch in range(4):
            after = augmented.sample(index, epoch=epoch, seed=0)
            found = at_truth(after.heatmaps, after.joints)
            # Left and right may have changed places, as may previous and next; the margin has to tell of the latter.
            fitting = {
                before.margin[::-1] if swapped else before.margin
                for swapped in (False, True)
                for joints in (np.arange(17), POSETRACK_17.flip_order)
                if torch.allclose(values.flip(0)[:, joints] if swapped else values[:, joints], found, atol=1e-5)
            }
            assert after.margin in fitting
            margins |= fitting if len(fitting) == 1 else set()
            flips += not np.allclose(after.joints, before.joints)
            assert after.weights.sum() == before.weights.sum()
    assert {(1, 2), (2, 1)} <= margins
    assert flips


def at_truth(heatmaps: torch.Tensor, joints: np.ndarray) -> torch.Tensor:
    """Values `[3, 17]` of the maps at the truth, between the cells."""
    height, width = heatmaps.shape[-2:]
    cells = torch.from_numpy(joints / 4 - 0.5).float()
    grid = cells / torch.tensor([(width - 1) / 2, (height - 1) / 2]) - 1
    sampled = torch.nn.functional.grid_sample(
        heatmaps.transpose(0, 1), grid[:, None, None], align_corners=True, padding_mode="border"
    )
    return sampled[:, :, 0, 0].T


def test_bytes_keep_heatmaps_to_within_a_few_thousandths() -> None:
    maps = torch.rand(2, 17, 8, 6, generator=torch.Generator().manual_seed(0))
    assert (from_bytes(to_bytes(maps)) - maps).abs().max() < 0.004
    assert from_bytes(to_bytes(torch.tensor([0.0, 1.0]))).tolist() == [0.0, 1.0]


def moving_person(track_id: int, *, speed_px: float, n_frames: int = 40) -> list[PersonTruth]:
    box = np.array([0.0, 0.0, 50.0, 130.0])
    return [
        PersonTruth(t, track_id, box, np.full((17, 2), speed_px * t), np.full((17, 2), speed_px * t), np.full(17, True))
        for t in range(n_frames)
    ]


def test_planned_triples_stay_in_the_clip_and_prefer_persons_who_move() -> None:
    truths = moving_person(0, speed_px=0.0) + moving_person(1, speed_px=10.0)
    plans = plan_triples(truths, at_most=200, n_frames=40, frame_rate=30.0, rng=np.random.default_rng(0))
    assert len(plans) == 200
    for plan in plans:
        previous, current, following = plan.record.frames
        assert 0 <= previous < current < following < 40
        assert (current - previous, following - current) == plan.record.margin
        assert plan.record.margin in GAPS
    lively = sum(plan.key.track_id == 1 for plan in plans)
    assert lively > 3 * (len(plans) - lively)
    clean = np.mean([not plan.record.degradations[1] for plan in plans])
    assert 0.25 < clean < 0.45
    spoils = {spoil for plan in plans for spoil in plan.record.degradations}
    assert spoils == {(), *MIXTURE}
    assert not any(plan.record.degradations == (FROZEN,) * 3 for plan in plans)


def test_fast_clips_are_mostly_taken_at_half_their_rate() -> None:
    truths = moving_person(0, speed_px=1.0, n_frames=100)
    plans = plan_triples(truths, at_most=100, n_frames=100, frame_rate=60.0, rng=np.random.default_rng(0))
    halved = [p.record.frames[2] - p.record.frames[1] == 2 * p.record.margin[1] for p in plans]
    assert 0.6 < np.mean(halved) < 0.95


def test_a_clip_in_which_nothing_is_known_gives_no_triples() -> None:
    unknown = [
        PersonTruth(t, 0, np.array([0.0, 0.0, 50.0, 130.0]), np.zeros((17, 2)), np.zeros((17, 2)), np.full(17, False))
        for t in range(9)
    ]
    assert plan_triples(unknown, at_most=5, n_frames=9, frame_rate=30.0, rng=np.random.default_rng(0)) == []


def remove_clip(folder: Path) -> None:
    (folder / "clip_000.safetensors").unlink()


def cut_clip(folder: Path) -> None:
    path = folder / "clip_000.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def swap_tensors(folder: Path) -> None:
    path = folder / "clip_000.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "joints": tensors["joints"][:-1].clone()}, path)


def change_type(folder: Path) -> None:
    path = folder / "clip_000.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "heatmaps": tensors["heatmaps"].float()}, path)


def remove_index(folder: Path) -> None:
    (folder / "index.json").unlink()


def garble_index(folder: Path) -> None:
    (folder / "index.json").write_text('{"model": 3')


def foreign_index(folder: Path) -> None:
    (folder / "index.json").write_text('{"images": [], "annotations": []}')


def newer_index(folder: Path) -> None:
    content = msgspec.json.decode((folder / "index.json").read_bytes())
    (folder / "index.json").write_bytes(msgspec.json.encode({**content, "version": 99}))


@pytest.mark.parametrize(
    "damage",
    [remove_clip, cut_clip, swap_tensors, change_type, remove_index, garble_index, foreign_index, newer_index],
    ids=lambda damage: damage.__name__,
)
def test_a_damaged_or_foreign_folder_is_one_clear_error(damaged: Path, damage: object) -> None:
    assert callable(damage)
    damage(damaged)
    with pytest.raises(TrainingError) as error:
        RealTriples(damaged, split="train")
    assert str(damaged) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_clip_that_disappears_during_training_is_one_clear_error(damaged: Path) -> None:
    triples = RealTriples(damaged, split="train")
    remove_clip(damaged)
    with pytest.raises(DCPoseError, match=r"clip_000\.safetensors"):
        triples.sample(0, epoch=0, seed=0)
