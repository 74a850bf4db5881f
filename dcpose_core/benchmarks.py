"""Figures about speed and memory, as plain data. Measured, never asserted; accuracy is another matter."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import as_file, files
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch

from dcpose_core.detectors import DETECTORS
from dcpose_core.devices import Announce, on_one_thread
from dcpose_core.estimation import StageClock
from dcpose_core.models.backbones import BACKBONES
from dcpose_core.models.catalogue import load_model
from dcpose_core.models.dcpose import DCPose, TemporalHead
from dcpose_core.models.initialisation import initialise
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.pipeline import AnalysisSettings, BackboneMode, analyse
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.trackers import TRACKERS
from dcpose_core.types import Frame, FramePoses
from dcpose_core.video import DamagedStretch, FrameSource, open_frames

#: The crop of the reference network, width x height.
_REFERENCE_CROP = (288, 384)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One table of the benchmark. title says what was run; rows: name -> figures with their units in the key."""

    title: str
    rows: dict[str, dict[str, float | str]]
    notes: list[str] = field(default_factory=list)


def machine() -> dict[str, str | int]:
    """What the figures were measured on."""
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"
    return {
        "processor": _processor_name(),
        "cores": os.cpu_count() or 0,
        "torch threads": torch.get_num_threads(),
        "gpu": gpu,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _processor_name() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return found.group(1) if found else platform.processor() or platform.machine()


def sample_clip() -> Path:
    """The bundled clip as a file; only valid where resources are plain files, as wheels and checkouts install them."""
    with as_file(files("dcpose_resources") / "clips" / "sample.mp4") as path:
        return path


def bench_pipeline(
    video: Path, *, model_name: str, device: torch.device, n_frames: int, announce: Announce
) -> Measurement:
    """The main path over the first `n_frames` of `video`: seconds by stage, person-frames per second."""
    model = load_model(model_name)
    with open_frames(video) as source:
        n_frames = min(n_frames, len(source))
        detector = DETECTORS["multipose"](device=device)
        # One small run first: allocations and kernel choices of the first pass are not the main path's cost.
        for clock, stop in ((StageClock(), min(6, n_frames)), (StageClock(), n_frames)):
            start = time.perf_counter()
            found = list(
                analyse(
                    source,
                    model=model,
                    device=device,
                    detector=detector,
                    tracker=TRACKERS["motion_oks"](),
                    settings=AnalysisSettings(stop=stop),
                    announce=announce,
                    clock=clock,
                )
            )
            wall_s = time.perf_counter() - start
    n_poses = sum(len(poses.persons) for poses in found)
    rows: dict[str, dict[str, float | str]] = {
        stage: {
            "s": seconds,
            "share": seconds / wall_s,
            "ms a frame": 1000 * seconds / n_frames,
            "ms a person-frame": 1000 * seconds / max(n_poses, 1),
        }
        for stage, seconds in clock.seconds.items()
    }
    rows["whole"] = {
        "s": wall_s,
        "share": 1.0,
        "ms a frame": 1000 * wall_s / n_frames,
        "ms a person-frame": 1000 * wall_s / max(n_poses, 1),
        "frames a second": n_frames / wall_s,
        "person-frames a second": n_poses / wall_s,
    }
    title = f"{video.name}, {n_frames} frames, {n_poses} person-frames, {model_name} on {device}"
    return Measurement(title, rows)


def bench_networks(model_names: Sequence[str], *, device: torch.device, repeats: int = 20) -> Measurement:
    """Cost of one person (three frames of 288 x 384) through the reference network, part by part, beside the
    embedded backbone and the temporal modules of some models on the same machine. Weights do not change the cost, so
    the reference's are random.

    On a CPU the temporal modules of the models run on one thread, as they do when a video is analysed.
    """
    width, height = _REFERENCE_CROP
    reference = DCPose(BACKBONES["hrnet_w48"](), TemporalHead())
    initialise(reference)
    reference.eval().to(device)
    embedded = BACKBONES["movenet_thunder"]().eval().to(device)
    frames = torch.randn(1, 9, height, width, device=device)
    images = frames.reshape(3, 3, height, width)
    margin = torch.ones(1, 2, device=device)
    heatmaps = torch.rand(3, 1, 17, height // 4, width // 4, device=device)
    parts: dict[str, tuple[torch.nn.Module, Callable[[], object]]] = {
        "reference DCPose, whole": (reference, lambda: reference(frames, margin)),
        "its backbone HRNet-W48, 3 frames": (reference.backbone, lambda: reference.backbone(images)),
        "its temporal modules": (reference.temporal, lambda: reference.temporal(*heatmaps, margin)),
        "embedded backbone, 3 frames": (embedded, lambda: embedded(images)),
        "embedded backbone, 1 frame": (embedded, lambda: embedded(images[:1])),
    }
    rows = {name: _cost(module, call, device, min(repeats, 5)) for name, (module, call) in parts.items()}
    for name in model_names:
        temporal = load_model(name).temporal
        if temporal is not None:
            temporal.eval().to(device)
            with on_one_thread():
                cost = _cost(temporal, partial(temporal, *heatmaps, margin), device, repeats)
            rows[f"temporal modules of {name}, one thread"] = cost
    return Measurement(f"one person through the networks on {device}, float32", rows)


def _cost(
    module: torch.nn.Module, call: Callable[[], object], device: torch.device, repeats: int
) -> dict[str, float | str]:
    """CPU: time of all threads together, which other programs on the machine hardly change."""
    times_s, cpu_times_s = [], []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            start, cpu_start = time.perf_counter(), time.process_time()
            call()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            times_s.append(time.perf_counter() - start)
            cpu_times_s.append(time.process_time() - cpu_start)
    return {
        "ms, median": 1000 * statistics.median(times_s[1:]),
        "ms, least": 1000 * min(times_s[1:]),
        "CPU ms, median": 1000 * statistics.median(cpu_times_s[1:]),
        "million parameters": sum(parameter.numel() for parameter in module.parameters()) / 1e6,
    }


class _MeanOfThree(torch.nn.Module):
    """Mean of the three frames' heatmaps: the plainest temporal module, there to make neighbours matter."""

    def forward(
        self, current: torch.Tensor, previous: torch.Tensor, following: torch.Tensor, margin: torch.Tensor
    ) -> torch.Tensor:
        del margin
        return (current + previous + following) / 3


def bench_modes(
    video: Path, *, model_name: str, device: torch.device, n_frames: int, announce: Announce
) -> Measurement:
    """`exact` against `shared` on the same boxes: speed, and PCK of one against the other.

    The temporal modules are a mean of three frames, so that the neighbours' heatmaps reach the result unweighted.
    """
    loaded = load_model(model_name)
    model = PoseModel(loaded.description, loaded.backbone, _MeanOfThree())
    results: dict[BackboneMode, list[FramePoses]] = {}
    rows: dict[str, dict[str, float | str]] = {}
    for mode in BackboneMode:
        clock = StageClock()
        with open_frames(video) as source:
            start = time.perf_counter()
            results[mode] = list(
                analyse(
                    source,
                    model=model,
                    device=device,
                    detector=DETECTORS["multipose"](device=device),
                    tracker=TRACKERS["motion_oks"](),
                    settings=AnalysisSettings(stop=min(n_frames, len(source)), backbone_mode=mode),
                    announce=announce,
                    clock=clock,
                )
            )
            wall_s = time.perf_counter() - start
        n_poses = sum(len(poses.persons) for poses in results[mode])
        rows[str(mode)] = {
            "person-frames": n_poses,
            "ms a person-frame, network": 1000 * (clock.seconds["backbone"] + clock.seconds["temporal"]) / n_poses,
            "ms a person-frame, all": 1000 * wall_s / n_poses,
        }
    distances, confident = _distances_in_head_lengths(*results.values())
    for name, chosen in (("all joints", np.ones_like(confident)), ("joints above 0.2", confident)):
        row: dict[str, float | str] = {"joints": int(chosen.sum())}
        for limit in (0.1, 0.2, 0.5):
            row[f"PCK@{limit:g}, %"] = 100 * float((distances[chosen] <= limit).mean())
        rows[f"shared against exact, {name}"] = row
    note = "PCK in head lengths (head_top to head_bottom); temporal modules: mean of three frames"
    return Measurement(f"{video.name}: backbone modes with {model_name} on {device}", rows, [note])


def _distances_in_head_lengths(first: list[FramePoses], second: list[FramePoses]) -> tuple[np.ndarray, np.ndarray]:
    top, bottom = POSETRACK_17.index("head_top"), POSETRACK_17.index("head_bottom")
    distances, confident = [], []
    for a, b in zip(first, second, strict=True):
        others = {person.track_id: person for person in b.persons}
        for person in a.persons:
            other = others.get(person.track_id)
            if other is None or person.scores is None:
                continue
            head_px = max(float(np.linalg.norm(person.keypoints[top] - person.keypoints[bottom])), 1.0)
            distances.append(np.linalg.norm(person.keypoints - other.keypoints, axis=1) / head_px)
            confident.append(person.scores > 0.2)
    return np.concatenate(distances), np.concatenate(confident)


def peak_memory_mb() -> float:
    """The largest resident memory of this process so far, in megabytes (Linux); NaN elsewhere."""
    status = Path("/proc/self/status")
    found = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.exists() else None
    return int(found.group(1)) / 1000 if found else float("nan")


class _Loop:
    """A clip played over and over until it has `n_frames` frames: a long video that needs no large file."""

    def __init__(self, clip: FrameSource, n_frames: int) -> None:
        self._clip = clip
        self._n_frames = n_frames
        self.path = clip.path
        self.width_px, self.height_px, self.frame_rate = clip.width_px, clip.height_px, clip.frame_rate
        self.fingerprint = clip.fingerprint
        self.times_s = np.arange(n_frames) / clip.frame_rate

    def __len__(self) -> int:
        return self._n_frames

    @property
    def damaged(self) -> tuple[DamagedStretch, ...]:
        return self._clip.damaged

    def read(self, index: int) -> Frame:
        return self._again(self._clip.read(index % len(self._clip)), index)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        index = start
        stop = self._n_frames if stop is None else stop
        while index < stop:
            first = index % len(self._clip)
            count = min(len(self._clip) - first, stop - index)
            for frame in self._clip.frames(first, first + count):
                yield self._again(frame, index + frame.index - first)
            index += count

    def _again(self, frame: Frame, index: int) -> Frame:
        return Frame(frame.image, index, float(self.times_s[index]))

    def close(self) -> None:
        self._clip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def bench_memory(
    video: Path, *, minutes: float, model_name: str, device: torch.device, announce: Announce
) -> Iterator[tuple[int, int, float]]:
    """Analyse `video`, looped to `minutes` of video; yields (frames done, frames in all, peak memory in MB).

    Every frame is decoded, searched, tracked and estimated as in a video of that length.
    """
    with open_frames(video) as clip:
        looped = _Loop(clip, round(minutes * 60 * clip.frame_rate))
        with closing(
            analyse(
                looped,
                model=load_model(model_name),
                device=device,
                detector=DETECTORS["multipose"](device=device),
                tracker=TRACKERS["motion_oks"](),
                settings=AnalysisSettings(),
                announce=announce,
            )
        ) as poses:
            for done, _ in enumerate(poses, start=1):
                yield done, len(looped), peak_memory_mb()
