"""Propagation as it is, on the sample: what is followed is in the picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from app.project.records import Edit, Layer, Person, PersonChange, TrackChange
from app.ui.main_window import MainWindow
from dcpose_core.types import Visibility
from tests.app.projects import track as new_track
from tests.app.ui.conftest import wait_for_frame
from tests.app.ui.propagation.conftest import ENGINE_MS, correct_wrist, open_frames_of, proposed_wrist, settle

#: The athlete on frames 0 to 12 of the sample, who stands still: shoulders, elbows, wrists, hips, knees, ankles.
_JOINTS = (0, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)


def athlete(centre: tuple[float, float], height_px: float) -> Person:
    offsets = np.array(
        [[0, -0.40], [0, -0.32], [0, -0.48], [0, 0], [0, 0], [0.1, -0.28], [-0.1, -0.28], [0.14, -0.14], [-0.14, -0.14],
         [0.15, 0], [-0.15, 0], [0.06, 0], [-0.06, 0], [0.07, 0.22], [-0.07, 0.22], [0.08, 0.45], [-0.08, 0.45]]
    )  # fmt: skip
    visibility = np.full(17, Visibility.ABSENT, np.uint8)
    visibility[list(_JOINTS)] = Visibility.VISIBLE
    points = offsets * height_px + centre
    box = np.concatenate([points.min(axis=0) - 10, points.max(axis=0) + 10])
    return Person(points, np.where(visibility > 0, 0.7, 0.0), visibility, np.zeros(17, np.uint8), box_xyxy=box)


@pytest.mark.parametrize("method", ["flow", "blend"])
def test_a_wrist_is_followed_by_the_real_engine(
    open_window: Callable[..., MainWindow], qtbot: QtBot, method: str
) -> None:
    window = open_window()
    window.table.action("file.sample").trigger()
    wait_for_frame(qtbot, window, 0)
    document = window.session.document
    assert document is not None
    people = [PersonChange(Layer.PREDICTION, frame, 0, None, athlete((640.0, 360.0), 400.0)) for frame in range(13)]
    document.apply(Edit("Annotate", (TrackChange(None, new_track(0)), *people)))
    propagating = window.propagation.propagating
    propagating.choices.set(previews=True, method=method, count=3)
    window.propagation.warm_up()
    qtbot.waitUntil(lambda: propagating.jobs.is_ready, timeout=ENGINE_MS)
    window.session.select(0)
    wrist = correct_wrist(window, qtbot, by=(20.0, -15.0))
    settle(window, qtbot)
    frames = open_frames_of(window)
    assert frames
    assert set(frames) <= set(range(1, 6))
    # The camera and the background stand still: what lies there hardly moves.
    for frame in frames:
        assert np.linalg.norm(proposed_wrist(window, frame) - wrist) < 60.0
    assert window.propagation.proposals.method == method
