"""A desktop for all tests of a run, and programs on it that never outlive their test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib import resources
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from dcpose_core.video.writer import VideoWriter
from tests.window.desktop import Desktop, Program, missing

_FRAMES = 40


@pytest.fixture(scope="session")
def desktop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desktop]:
    """An X server; skips where it cannot be had, but fails in CI."""
    absent = missing()
    if absent:
        message = f"not installed: {', '.join(absent)}; see packaging/system_packages.txt"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with Desktop(tmp_path_factory.mktemp("desktop")) as desktop:
        yield desktop


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 40 frames of the sample clip, where the athlete stands and begins to jump."""
    path = tmp_path_factory.mktemp("sample") / "sample.mp4"
    with (
        resources.as_file(resources.files("dcpose_resources") / "clips" / "sample.mp4") as clip,
        av.open(str(clip)) as container,
        VideoWriter(path, 1280, 720, 30.0) as writer,
    ):
        for frame in islice(container.decode(video=0), _FRAMES):
            writer.write(frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False))
    return path


@pytest.fixture
def start(desktop: Desktop, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Starts the program with arguments."""
    programs: list[Program] = []

    def start_(*arguments: str | Path) -> Program:
        programs.append(Program(desktop, tmp_path, *map(str, arguments)))
        return programs[-1]

    yield start_
    for program in programs:
        program.kill()
