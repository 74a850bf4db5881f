"""A window with a person who stands still on 21 frames, and a propagator that is quick and easy to foretell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from app.project.records import Edit, Layer, PersonChange, TrackChange
from app.ui.main_window import MainWindow
from app.ui.propagation.proposals import Place
from dcpose_core.propagation import PROPAGATORS, Footage, PersonTrack, ProposedPose
from tests.app.projects import track as new_track
from tests.app.ui.conftest import WRIST, Mouse, shown, standing_person, wait_for_frame

#: Under this name the stand-in takes the place of a method that asks no model.
METHOD = "flow"
_LAST = 20
ENGINE_MS = 120_000


class Drift:
    """Carries joints of the nearest human frame 2 pixels to the right a frame, each time 0.1 less sure."""

    def __init__(self, footage: Footage) -> None:
        del footage

    def propagate(self, track: PersonTrack, frames: Sequence[int], joints: NDArray[np.bool_]) -> Iterator[ProposedPose]:
        human = [frame for frame, pose in track.poses.items() if (pose.human & joints).any()]
        for frame in frames:
            origin = min(human, key=lambda one: abs(one - frame))
            pose, steps = track.poses[origin], abs(frame - origin)
            proposed = joints & pose.human & ~track.poses[frame].human
            yield ProposedPose(
                frame=frame,
                track_id=track.track_id,
                method=METHOD,
                keypoints=pose.keypoints + np.array([2.0 * steps, 0.0]),
                confidence=np.full(17, 1.0 - 0.1 * steps),
                proposed=proposed,
                reasons=tuple(f"drifted from frame {origin}" if one else "" for one in proposed),
            )


@pytest.fixture
def drift(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROPAGATORS, METHOD, Drift)


@pytest.fixture
def person_track(window: MainWindow, drift: None, qtbot: QtBot) -> int:
    """The person's track, selected, on frame 0; previews are on and the engine is there."""
    document = window.session.document
    assert document is not None
    people = [PersonChange(Layer.PREDICTION, frame, 0, None, standing_person(60, 48)) for frame in range(_LAST + 1)]
    document.apply(Edit("Annotate", (TrackChange(None, new_track(0)), *people)))
    window.propagation.propagating.choices.set(previews=True, method=METHOD)
    window.propagation.warm_up()
    qtbot.waitUntil(lambda: window.propagation.propagating.jobs.is_ready, timeout=ENGINE_MS)
    window.session.select(0)
    return 0


def correct_wrist(window: MainWindow, qtbot: QtBot, by: tuple[float, float] = (6.0, -4.0)) -> NDArray[np.float64]:
    """Drag the selected person's left wrist, and wait for what is proposed then; returns where it is now."""
    frame, track = window.session.frame, window.session.selected_track
    assert track is not None
    before = shown(window, track, frame).keypoints[WRIST]
    Mouse(window).drag(before, before + by)
    settle(window, qtbot)
    now: NDArray[np.float64] = shown(window, track, frame).keypoints[WRIST]
    return now


def settle(window: MainWindow, qtbot: QtBot) -> None:
    """Until nothing is being propagated or about to be."""
    propagating = window.propagation.propagating
    qtbot.waitUntil(lambda: not propagating.is_busy and not propagating._soon.isActive(), timeout=20_000)
    qtbot.wait(20)  # what is shown follows a turn of the event loop later


def open_frames_of(window: MainWindow) -> list[int]:
    """Frames with something to decide."""
    return [place.frame for place in window.propagation.proposals.open_places()]


def proposed_wrist(window: MainWindow, frame: int) -> NDArray[np.float64]:
    one = window.propagation.proposals.at(Place(frame, 0))
    assert one is not None
    wrist: NDArray[np.float64] = one.pose.keypoints[WRIST]
    return wrist


def go_to(window: MainWindow, qtbot: QtBot, frame: int) -> None:
    window.session.go_to(frame)
    wait_for_frame(qtbot, window, frame)
