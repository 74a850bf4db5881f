"""A video that is read before there is a window, and memory that the collector leaves alone."""

from __future__ import annotations

import gc
import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.jobs.collecting import nothing_to_collect
from app.jobs.head_start import HeadStart
from app.project.video_facts import VideoFacts
from tests.videos import VIDEO_KINDS, write_numbered_video

#: What takes longer to import than a window may take to come, or draws such things in.
_HEAVY = ("torch", "scipy", "rich", "onnxruntime", "matplotlib", "pyqtgraph", "qtawesome", "qtpy", "PySide6.QtSvg")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_numbered_video(tmp_path_factory.mktemp("clip") / "clip.mp4", VIDEO_KINDS["H.264, mp4"])


@pytest.fixture
def head_start(clip: Path) -> Iterator[HeadStart]:
    begun = HeadStart(clip)
    yield begun
    begun.close()


def _wait_for_picture(head_start: HeadStart) -> None:
    end_s = time.monotonic() + 20
    while not any(kind == "first_picture" for kind, _ in head_start._kept):
        assert time.monotonic() < end_s
        time.sleep(0.002)


def test_whoever_takes_a_head_start_over_is_told_what_came_before_and_what_comes_later(
    head_start: HeadStart, clip: Path
) -> None:
    told: queue.Queue[tuple[str, object]] = queue.Queue()

    def next_told() -> tuple[str, object]:
        kind, content = told.get(timeout=20)
        return next_told() if kind == "progress" else (kind, content)

    _wait_for_picture(head_start)
    time.sleep(0.02)
    assert not any(kind == "opened" for kind, _ in head_start._kept)  # the index waits until there is a window
    loader = head_start.take(clip, lambda kind, content: told.put((kind, content)))
    assert loader is not None
    assert next_told()[0] == "first_picture"
    kind, content = next_told()
    assert kind == "opened"
    assert isinstance(content, tuple)
    assert isinstance(content[0], VideoFacts)
    loader.request(1)
    assert next_told()[0] == "frame"
    loader.close()


def test_a_head_start_is_given_to_one_taker_and_for_its_own_video_only(head_start: HeadStart, clip: Path) -> None:
    assert head_start.take(clip.with_name("other.mp4"), lambda _kind, _content: None) is None
    loader = head_start.take(clip, lambda _kind, _content: None)
    assert loader is not None
    assert head_start.take(clip, lambda _kind, _content: None) is None
    loader.close()


def test_a_head_start_that_nobody_took_ends_its_thread(clip: Path) -> None:
    begun = HeadStart(clip)
    loader = begun._loader
    assert loader is not None
    begun.close()
    assert not loader._thread.is_alive()


def test_what_is_built_for_good_is_left_alone_by_later_collections() -> None:
    try:
        with nothing_to_collect():
            assert not gc.isenabled()
            for_good: list[list[int]] = [[]]
        assert gc.isenabled()
        assert not any(one is for_good for one in gc.get_objects())
    finally:
        gc.unfreeze()


def test_the_collector_works_again_when_building_failed() -> None:
    try:
        with pytest.raises(ValueError, match="no window"), nothing_to_collect():
            raise ValueError("no window")
        assert gc.isenabled()
    finally:
        gc.unfreeze()


def test_starting_the_window_imports_nothing_that_takes_long() -> None:
    program = f"import sys, app.ui.main_window; print([name for name in {_HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
