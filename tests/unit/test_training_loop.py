"""The training loop: what it learns, what it reports, and that stopping and going on changes nothing."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dcpose_core.errors import TrainingError
from dcpose_core.geometry import normalise
from dcpose_core.models.catalogue import REFERENCE_CROP
from dcpose_core.models.dcpose import DCPose, TemporalHead
from dcpose_core.training.batches import VALIDATION_SEED
from dcpose_core.training.checkpoints import FILE_NAME
from dcpose_core.training.events import CheckpointSaved, EpochStarted, Finished, Stepped, TrainingEvent, Validated
from dcpose_core.training.frozen_backbone import FrozenBackbone
from dcpose_core.training.loop import train
from dcpose_core.training.samples import HeatmapTriple, ImageTriple, TripleDataset
from dcpose_core.training.sampling import visit
from dcpose_core.training.settings import (
    CosineRate,
    Optimiser,
    ReferenceLoss,
    SubcellTargets,
    TrainingSettings,
    WeightedLoss,
)
from tests.unit.tiny_backbone import TinyBackbone
from tests.unit.training_samples import MovingPeaks, NoisyImages, TinyHead, tiny_head

CPU = torch.device("cpu")


def settings(**changes: Any) -> TrainingSettings:
    """Two epochs of three steps."""
    fields: dict[str, Any] = {
        "epochs": 2,
        "steps_per_epoch": 3,
        "batch_size": 4,
        "seed": 3,
        "average_decay": 0.9,
        "targets": SubcellTargets(),
        "loss": WeightedLoss(),
        "optimiser": Optimiser(kind="adamw", rate=0.01, weight_decay=0.01),
        "schedule": CosineRate(warmup_steps=2),
    }
    return TrainingSettings(**(fields | changes))


def trained(head: nn.Module, data: TripleDataset | None = None, **options: Any) -> list[TrainingEvent]:
    plan = options.pop("settings", settings())
    return list(train(head, MovingPeaks() if data is None else data, plan, device=CPU, **options))


def weights(network: nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in network.state_dict().items()}


def assert_same_weights(a: nn.Module, b: nn.Module) -> None:
    for (key, value), other in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(value, other), key


def assert_same_weights_as(network: nn.Module, expected: dict[str, Tensor]) -> None:
    assert all(torch.equal(value, expected[key]) for key, value in network.state_dict().items())


@pytest.fixture(scope="module")
def uninterrupted() -> TinyHead:
    head = tiny_head()
    trained(head)
    return head


def test_a_head_learns_to_take_from_the_neighbours_what_the_key_frame_lacks() -> None:
    head = tiny_head(dropout=0.0)
    plan = settings(epochs=4, steps_per_epoch=20, optimiser=Optimiser(rate=0.05), validation_samples=12)
    events = trained(head, settings=plan, validation=MovingPeaks(40))
    first, last = (event for event in (events[1], events[-4]) if isinstance(event, Stepped))
    assert last.loss < first.loss / 4
    validated = [event for event in events if isinstance(event, Validated)]
    assert len(validated) == 4
    assert validated[-1].single_frame.pck < 20
    assert validated[-1].refined.pck > 70  # a wrong neighbour cell is too far on maps so small
    assert validated[-1].refined.error_cells < 0.5 < validated[-1].single_frame.error_cells


def test_a_run_reports_epochs_steps_validations_checkpoints_and_its_end(tmp_path: Path) -> None:
    events = trained(tiny_head(), folder=tmp_path, validation=MovingPeaks(5))
    epoch = [Stepped, Stepped, Stepped, Validated, CheckpointSaved]
    assert [type(event) for event in events] == [EpochStarted, *epoch, EpochStarted, *epoch, Finished]
    assert [event.step for event in events if isinstance(event, Stepped)] == [1, 2, 3, 4, 5, 6]
    assert [event.rate for event in events if isinstance(event, Stepped)][:3] == pytest.approx([0.005, 0.01, 0.01])
    assert events[6] == EpochStarted(epoch=1, epochs=2, step=3, total_steps=6)


@pytest.mark.parametrize("killed_at", [1, 2, 3, 4, 5])
def test_a_killed_run_that_goes_on_ends_with_the_same_weights_bit_by_bit(
    killed_at: int, uninterrupted: TinyHead, tmp_path: Path
) -> None:
    plan = settings(checkpoint_steps=2)
    for event in train(tiny_head(), MovingPeaks(), plan, device=CPU, folder=tmp_path):
        if isinstance(event, Stepped) and event.step == killed_at:
            # What a kill leaves behind. Closing the generator would write one more checkpoint.
            left_behind = shutil.copytree(tmp_path, tmp_path / "left behind")
            break
    head = tiny_head()
    events = trained(head, settings=plan, folder=left_behind, resume=True)
    assert_same_weights(head, uninterrupted)
    steps_lost = killed_at - (events[0].step if isinstance(events[0], EpochStarted) else 0)
    assert 0 <= steps_lost < 2 + 1


def test_a_run_that_is_closed_has_kept_every_step(uninterrupted: TinyHead, tmp_path: Path) -> None:
    events = train(tiny_head(), MovingPeaks(), settings(), device=CPU, folder=tmp_path)
    for event in events:
        if isinstance(event, Stepped) and event.step == 5:
            break
    events.close()
    head = tiny_head()
    rest = trained(head, folder=tmp_path, resume=True)
    assert isinstance(rest[0], EpochStarted)
    assert (rest[0].epoch, rest[0].step) == (1, 5)
    assert_same_weights(head, uninterrupted)


def test_a_finished_run_that_goes_on_has_nothing_left_to_do(uninterrupted: TinyHead, tmp_path: Path) -> None:
    trained(tiny_head(), folder=tmp_path)
    head = tiny_head()
    (event,) = trained(head, folder=tmp_path, resume=True)
    assert isinstance(event, Finished)
    assert_same_weights(head, uninterrupted)


def test_a_finished_run_can_go_on_for_more_epochs(tmp_path: Path) -> None:
    constant = {"schedule": CosineRate(final=1.0)}
    longer = tiny_head()
    trained(longer, settings=settings(epochs=3, **constant))
    trained(tiny_head(), settings=settings(**constant), folder=tmp_path)
    head = tiny_head()
    trained(head, settings=settings(epochs=3, **constant), folder=tmp_path, resume=True)
    assert_same_weights(head, longer)


def test_worker_processes_change_nothing_also_where_opencv_has_threads(uninterrupted: TinyHead) -> None:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(4)
    picture = np.zeros((1500, 1500, 3), dtype=np.uint8)
    for _ in range(20):
        cv2.warpAffine(picture, np.eye(2, 3), (1500, 1500))
    head = tiny_head()
    trained(head, settings=settings(workers=2), validation=MovingPeaks(4))
    assert cv2.getNumThreads() == 4
    cv2.setNumThreads(threads)
    assert_same_weights(head, uninterrupted)


def test_the_seed_decides_and_the_random_numbers_of_the_program_are_left_alone(uninterrupted: TinyHead) -> None:
    torch.manual_seed(99)
    expected = torch.rand(3)
    torch.manual_seed(99)
    head = tiny_head()
    trained(head)
    assert torch.equal(torch.rand(3), expected)
    assert_same_weights(head, uninterrupted)
    other = tiny_head()
    trained(other, settings=settings(seed=4))
    assert not torch.equal(other.mix.weight, uninterrupted.mix.weight)


def test_every_sample_has_its_turn_once_a_pass_in_another_order_each_time() -> None:
    data = MovingPeaks(8)
    trained(tiny_head(), data, settings=settings(steps_per_epoch=None, epochs=2))
    first, second = data.asked[:8], data.asked[8:]
    assert sorted(index for index, _, _ in first) == sorted(index for index, _, _ in second) == list(range(8))
    assert [index for index, _, _ in first] != [index for index, _, _ in second]
    assert {epoch for _, epoch, _ in first} == {0}
    assert {epoch for _, epoch, _ in second} == {1}


def test_validation_looks_at_the_same_samples_every_time_evenly_spread() -> None:
    data = MovingPeaks(10)
    trained(tiny_head(), validation=data, settings=settings(validation_samples=5))
    assert data.asked == [(index, 0, 3 + VALIDATION_SEED) for index in (0, 2, 4, 6, 8)] * 2


def test_the_final_weights_are_the_running_average() -> None:
    head, plain = tiny_head(), tiny_head()
    events = train(plain, MovingPeaks(), settings(average_decay=0.0), device=CPU)
    seen = [plain.mix.weight.detach().clone() for event in events if isinstance(event, Stepped)]
    trained(head)
    average = tiny_head().mix.weight.detach()
    for done, value in enumerate(seen, start=1):
        average = average.lerp(value, 1 - min(0.9, done / (10 + done)))
    torch.testing.assert_close(head.mix.weight.detach(), average)
    assert torch.equal(plain.mix.weight, seen[-1])
    assert not head.training


def test_half_precision_needs_cuda_and_bfloat16_does_not() -> None:
    head = tiny_head()
    trained(head, settings=settings(precision="bfloat16"))
    assert head.mix.weight.isfinite().all()
    with pytest.raises(TrainingError, match="float16 needs CUDA"):
        trained(tiny_head(), settings=settings(precision="float16"))


def image_run(backbone: FrozenBackbone, head: nn.Module, data: TripleDataset | None = None, **options: Any) -> None:
    plan = settings(batch_size=4, epochs=1, steps_per_epoch=1, average_decay=0.0, loss=ReferenceLoss())
    trained(head, NoisyImages() if data is None else data, settings=plan, backbone=backbone, **options)


def test_a_frozen_backbone_stays_as_it_is() -> None:
    backbone = TinyBackbone()
    before = weights(backbone)
    image_run(FrozenBackbone(backbone, REFERENCE_CROP), tiny_head(), validation=NoisyImages())
    assert all(torch.equal(value, before[key]) for key, value in backbone.state_dict().items())


def test_a_drifting_backbone_moves_its_statistics_as_the_whole_network_in_training_mode_does() -> None:
    torch.manual_seed(1)
    network = DCPose(TinyBackbone(), TemporalHead())
    backbone = TinyBackbone()
    backbone.load_state_dict(network.backbone.state_dict())
    seen: list[Tensor] = []
    head = tiny_head(dropout=0.0)
    head.register_forward_pre_hook(lambda _, maps: seen.extend(maps[:3]))
    image_run(FrozenBackbone(backbone, REFERENCE_CROP, keep_statistics=False), head)

    # The four samples of the only step, as one input of the network: current, previous, next.
    data = NoisyImages()
    samples = [data.sample(visit(place, length=8, seed=3)[1], epoch=0, seed=3) for place in range(4)]
    frames = torch.cat(
        [
            normalise(
                torch.stack([sample.images[at] for sample in samples]), mean=REFERENCE_CROP.mean, std=REFERENCE_CROP.std
            )
            for at in (1, 0, 2)
        ],
        dim=1,
    )
    network.freeze_backbone().train()
    expected = network.backbone(torch.cat(frames.chunk(3, dim=1))).chunk(3)
    for got, want in zip(seen, expected, strict=True):
        torch.testing.assert_close(got, want)
    torch.testing.assert_close(weights(backbone), weights(network.backbone))


class Both:
    """Cached heatmaps and images in turn."""

    def __len__(self) -> int:
        return 8

    def sample(self, index: int, *, epoch: int, seed: int) -> HeatmapTriple | ImageTriple:
        image = NoisyImages().sample(index, epoch=epoch, seed=seed)
        if index % 2:
            return image
        return HeatmapTriple(torch.rand(3, 17, 16, 8, dtype=torch.float64).half(), (1, 2), image.joints, image.weights)


def test_cached_heatmaps_and_images_can_be_mixed() -> None:
    image_run(FrozenBackbone(TinyBackbone(), REFERENCE_CROP), tiny_head(), Both())


def test_images_without_a_backbone_are_one_clear_error() -> None:
    with pytest.raises(TrainingError, match="no backbone"):
        trained(tiny_head(), NoisyImages())


def test_a_loss_that_is_no_number_stops_the_run_and_says_what_to_do() -> None:
    with pytest.raises(TrainingError, match=r"loss became nan in step 2; use a lower training.optimiser.rate"):
        trained(tiny_head(), settings=settings(optimiser=Optimiser(rate=1e30), schedule=CosineRate(final=1.0)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 4}, r"another training.seed \(3\)"),
        ({"optimiser": Optimiser(rate=0.02)}, "another training.optimiser"),
        ({"batch_size": 2}, "another training.batch_size"),
    ],
)
def test_going_on_with_other_settings_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    trained(tiny_head(), folder=tmp_path)
    with pytest.raises(TrainingError, match=message):
        trained(tiny_head(), settings=settings(**changes), folder=tmp_path, resume=True)


def test_going_on_with_other_data_is_refused(tmp_path: Path) -> None:
    trained(tiny_head(), folder=tmp_path)
    with pytest.raises(TrainingError, match="started on 24 samples, now there are 25"):
        trained(tiny_head(), MovingPeaks(25), folder=tmp_path, resume=True)


def test_a_damaged_checkpoint_is_one_clear_error(tmp_path: Path) -> None:
    trained(tiny_head(), folder=tmp_path)
    whole = (tmp_path / FILE_NAME).read_bytes()
    for damaged in (b"", b"PK" + whole[2:], whole[: len(whole) // 2], b"\x00" * 100):
        (tmp_path / FILE_NAME).write_bytes(damaged)
        with pytest.raises(TrainingError, match=r"checkpoint.safetensors: not a checkpoint, or damaged"):
            trained(tiny_head(), folder=tmp_path, resume=True)


class Broken(MovingPeaks):
    def sample(self, index: int, *, epoch: int, seed: int) -> HeatmapTriple:
        raise TrainingError("images/7.jpg: not an intact image")


@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_wrong_with_a_sample_is_one_line_also_from_a_worker(workers: int) -> None:
    with pytest.raises(TrainingError, match=r"^images/7.jpg: not an intact image$"):
        trained(tiny_head(), Broken(), settings=settings(workers=workers))


class Odd(MovingPeaks):
    def sample(self, index: int, *, epoch: int, seed: int) -> HeatmapTriple:
        triple = super().sample(index, epoch=epoch, seed=seed)
        return HeatmapTriple(triple.heatmaps[..., : 10 + index % 2], triple.margin, triple.joints, triple.weights)


def test_heatmaps_of_two_sizes_are_one_clear_error() -> None:
    with pytest.raises(TrainingError, match="different sizes cannot be mixed"):
        trained(tiny_head(), Odd())


def test_a_data_set_without_samples_is_refused() -> None:
    with pytest.raises(TrainingError, match="no samples"):
        trained(tiny_head(), MovingPeaks(0))


def _train_with_another(rank: int, port: int, folder: Path) -> dict[str, Any]:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    head = tiny_head(dropout=0.0)
    events = trained(head, folder=folder, validation=MovingPeaks(5))
    (*_, validated) = (event for event in events if isinstance(event, Validated))
    losses = [event.loss for event in events if isinstance(event, Stepped)]
    return {
        "weights": weights(head),
        "losses": losses,
        "pck": validated.refined.pck,
        "kinds": len(set(map(type, events))),
    }


def _second_process(port: int, folder: Path) -> None:
    torch.save(_train_with_another(1, port, folder), folder / "second.pt")


def test_two_processes_learn_what_one_does_with_the_same_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = tiny_head(dropout=0.0)
    events = trained(alone, validation=MovingPeaks(5))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=_second_process, args=(port, tmp_path))
    process.start()
    with monkeypatch.context() as environment:
        for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
            environment.setenv(name, "")  # so that they are as before afterwards
        first = _train_with_another(0, port, tmp_path)
    process.join(timeout=60)
    assert process.exitcode == 0
    second = torch.load(tmp_path / "second.pt", weights_only=True)
    (*_, validated) = (event for event in events if isinstance(event, Validated))
    for together in (first, second):
        torch.testing.assert_close(together["weights"], weights(alone), atol=1e-5, rtol=1e-4)
        assert together["losses"] == pytest.approx([event.loss for event in events if isinstance(event, Stepped)])
        assert together["pck"] == pytest.approx(validated.refined.pck)
    assert first["kinds"] == second["kinds"] + 1  # only the first process keeps checkpoints
    head = tiny_head(dropout=0.0)
    trained(head, folder=tmp_path, resume=True)
    assert_same_weights_as(head, first["weights"])


def test_a_batch_that_cannot_be_shared_evenly_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(TrainingError, match="batch_size = 4 cannot be shared by 3 processes"):
        trained(tiny_head())


@pytest.mark.gpu
def test_half_precision_on_a_gpu_learns_and_goes_on(tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs CUDA")
    cuda = torch.device("cuda", 0)
    plan = settings(precision="float16", epochs=4, steps_per_epoch=20)
    events = list(train(tiny_head(), MovingPeaks(), plan, device=cuda, folder=tmp_path, validation=MovingPeaks(8)))
    losses = [event.loss for event in events if isinstance(event, Stepped)]
    assert losses[-1] < losses[0] / 2
    longer = settings(precision="float16", epochs=5, steps_per_epoch=20)
    rest = list(train(tiny_head(), MovingPeaks(), longer, device=cuda, folder=tmp_path, resume=True))
    assert rest[0].step == 80
    assert isinstance(rest[-1], Finished)
