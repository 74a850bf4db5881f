"""Previews of propagation on the sample: from a corrected wrist to the ghosts on the next five frames, engine warm."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from app.benchmarks import Figures
from app.benchmarks.project import person_at
from app.benchmarks.world import Clock, Reading, opened_window, percentiles, settle, until
from app.project import edits
from app.project.document import Document
from app.project.records import Edit, Layer, PersonChange, Track, TrackChange
from app.ui.main_window import MainWindow
from app.ui.propagation.choices import DEFAULT_METHOD, PREVIEW_FRAMES
from dcpose_core.skeletons import POSETRACK_17

#: Frames that are corrected one after the other, and what is left out of the count: the first one warms up.
_FRAMES, _APART = 11, 2
_WRIST = POSETRACK_17.index("left_wrist")
#: Looking ahead begins a moment after somebody came to a frame, and takes a while.
_REST_S = 1.5


def preview_benchmark(_folder: Path) -> Figures:
    """For the window's method and for `blend`: first_ms, from the correction to the first proposal, and five_ms, to the
    last. The time of a process holds the window's painting too."""
    figures: Figures = {}
    with opened_window() as window:
        window.table.action("file.sample").trigger()
        until(lambda: window.session.shown_frame == 0)
        document = window.session.document
        assert document is not None
        document.apply(_somebody(_FRAMES * _APART + PREVIEW_FRAMES))
        propagating = window.propagation.propagating
        propagating.choices.set(previews=True, reinfers=False, direction="forward")
        window.propagation.warm_up()
        until(lambda: propagating.jobs.is_ready)
        for method in (DEFAULT_METHOD, "blend"):
            propagating.choices.set(method=method)
            firsts, lasts = [], []
            for frame in range(0, _FRAMES * _APART, _APART):
                first, last = _corrected(window, document, frame)
                firsts.append(first)
                lasts.append(last)
            figures |= percentiles(f"{method}_first_ms", firsts[1:]) | percentiles(f"{method}_five_ms", lasts[1:])
        window.session.set_document(None)
    return figures


def _somebody(n_frames: int) -> Edit:
    """Somebody predicted where the athlete of the sample stands."""
    person = person_at(np.array([640.0, 360.0]), 400.0, np.random.default_rng(0))
    people = [PersonChange(Layer.PREDICTION, frame, 0, None, person) for frame in range(n_frames)]
    return Edit("Annotate", (TrackChange(None, Track(0, "Person 0", "#ffffff")), *people))


def _corrected(window: MainWindow, document: Document, frame: int) -> tuple[Reading, Reading]:
    """Readings at the first proposal and at the last one of a correction."""
    session, propagating = window.session, window.propagation.propagating
    session.go_to(frame)
    session.select(0, frozenset({_WRIST}))
    until(lambda: session.shown_frame == frame)
    settle(_REST_S)
    propagating.drop()
    person = document.person(frame, 0)
    assert person is not None
    clock = Clock()
    session.submit(edits.move_joint(document, frame, 0, _WRIST, person.keypoints[_WRIST] + [20.0, -15.0]))
    until(lambda: propagating.proposals.open_places())
    first = clock.read()
    until(lambda: not propagating.is_busy)
    last = clock.read()
    # For the other method it is a prediction again.
    document.undo()
    return first, last
