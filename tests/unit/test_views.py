"""Several looks at one crop."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
import torch

from dcpose_core.errors import UsageError
from dcpose_core.estimation import CropRequest, PoseEstimator
from dcpose_core.geometry import crop_affine, transform_points, warp_crop
from dcpose_core.models.description import CropSpec, DecodeRule, ModelDescription
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.pipeline import AnalysisSettings
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.types import FloatArray
from dcpose_core.views import VIEWS, View, view_matrix
from tests.unit.tiny_backbone import TinyBackbone

_BOX = np.array([100.0, 50.0, 180.0, 170.0])
_MIRROR = View(mirrored=True)


def matrix_of(box_xyxy: FloatArray) -> FloatArray:
    return crop_affine(box_xyxy, width_px=96, height_px=128, enlargement=1.1)


def viewed(view: View, matrix: FloatArray | None = None) -> FloatArray:
    return view_matrix(matrix_of(_BOX) if matrix is None else matrix, view, width_px=96, height_px=128)


def test_a_mirrored_crop_is_the_mirror_image_about_the_same_centre() -> None:
    matrix, turned = matrix_of(_BOX), viewed(_MIRROR)
    centre = np.array([[140.0, 110.0]])
    assert transform_points(centre, turned) == pytest.approx(transform_points(centre, matrix))
    assert viewed(_MIRROR, turned) == pytest.approx(matrix)
    image = np.random.default_rng(0).integers(0, 256, size=(220, 300, 3)).astype(np.uint8)
    plain, mirror = (warp_crop(image, m, width_px=96, height_px=128).astype(int) for m in (matrix, turned))
    # x becomes 96 - x: column 1 of one is column 95 of the other.
    assert np.abs(mirror[:, 1:] - plain[:, :0:-1]).max() <= 2


def test_a_wider_view_is_the_crop_of_a_larger_box_about_the_same_centre() -> None:
    larger = np.array([140 - 40 * 1.25, 110 - 60 * 1.25, 140 + 40 * 1.25, 110 + 60 * 1.25])
    assert viewed(View(1.25)) == pytest.approx(matrix_of(larger))


def test_the_first_view_is_always_the_crop_as_it_is() -> None:
    for looks, views in VIEWS.items():
        assert len(views) == looks
        assert viewed(views[0]) == pytest.approx(matrix_of(_BOX))


def test_looking_twice_gives_the_mean_of_both_answers_with_sides_put_right() -> None:
    spec = CropSpec(
        width_px=96, height_px=128, enlargement=1.0, mean=(0.5,) * 3, std=(0.5,) * 3, decode=DecodeRule.DARK
    )
    description = ModelDescription(
        name="tiny", title="", backbone="tiny", temporal=False, crop=spec, licence="A", origin="here", sha256=""
    )
    model = PoseModel(description, TinyBackbone().eval(), None)
    image = np.random.default_rng(1).integers(0, 256, size=(200, 200, 3)).astype(np.uint8)
    matrix = crop_affine(
        np.array([40.0, 30.0, 140.0, 170.0]), width_px=spec.width_px, height_px=spec.height_px, enlargement=1.0
    )

    def look(views: int, matrix: FloatArray) -> torch.Tensor:
        estimator = PoseEstimator(
            model, device=torch.device("cpu"), batch_size=3, temporal=False, announce=pytest.fail, views=views
        )
        with closing(estimator):
            (first, second) = estimator.evidence([CropRequest(image, matrix)] * 2)
        assert torch.equal(first.heatmaps, second.heatmaps)
        assert np.array_equal(first.matrix, matrix)
        return first.heatmaps

    mirror = look(1, view_matrix(matrix, _MIRROR, width_px=spec.width_px, height_px=spec.height_px))
    put_right = mirror[torch.from_numpy(POSETRACK_17.flip_order)].flip(-1).roll(1, dims=-1)
    put_right[..., 0] = 0  # cell 0 lies where the mirror image has one cell too few
    expected = (look(1, matrix) + put_right) / 2
    assert torch.allclose(look(2, matrix), expected, atol=1e-4)


def test_three_views_are_refused_in_one_line() -> None:
    with pytest.raises(UsageError, match="there can be 1, 2, 4 views of a person, not 3"):
        AnalysisSettings(views=3).key_frames(10)
