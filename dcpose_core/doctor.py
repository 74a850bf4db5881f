"""Is this machine fit for the work? Real operations, not version strings."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import onnxruntime
import torch
import torchvision

from dcpose_core import paths
from dcpose_core.detectors import MultiPoseDetector
from dcpose_core.devices import probe_device
from dcpose_core.errors import DCPoseError
from dcpose_core.models.catalogue import catalogue, load_model
from dcpose_core.video import open_frames

_DECODERS = ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried. ok: None where it is neither good nor bad, only worth knowing."""

    what: str
    ok: bool | None
    detail: str


def examine(video: Path | None = None) -> Iterator[Finding]:
    """Try everything an analysis needs, and read the index of `video` if one is given."""
    cores = os.cpu_count()
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    yield Finding("system", None, f"{platform.platform()}, Python {platform.python_version()}, {cores} cores")
    yield Finding("libraries", None, f"{versions}, onnxruntime {onnxruntime.__version__}, PyAV {av.__version__}")
    yield from _examine_devices()
    yield from _examine_detector()
    yield from _examine_decoders()
    yield from _examine_models()
    yield from _examine_folders()
    if video is not None:
        yield from _examine_video(video)


def _examine_devices() -> Iterator[Finding]:
    devices = [torch.device("cpu")]
    if torch.cuda.is_available():
        devices += [torch.device("cuda", index) for index in range(torch.cuda.device_count())]
    for device in devices:
        reason = probe_device(device) or _probe_deformable_convolution(device)
        name = f" ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else ""
        detail = "convolution and deformable convolution work" if reason is None else reason
        yield Finding(f"torch on {device}{name}", reason is None, detail)
    if len(devices) == 1:
        yield Finding("torch on cuda", None, "no CUDA device found: analyses run on the CPU")


def _probe_deformable_convolution(device: torch.device) -> str | None:
    """The reason torchvision's operator does not work, or None: an unmatched pair of releases lacks it."""
    try:
        ones = torch.ones(1, 1, 4, 4, device=device)
        offsets = torch.zeros(1, 18, 4, 4, device=device)
        kernel = torch.ones(1, 1, 3, 3, device=device)
        value = float(torchvision.ops.deform_conv2d(ones, offsets, kernel, padding=1)[0, 0, 1, 1])
    except (RuntimeError, AttributeError, NotImplementedError) as error:
        return f"deformable convolution: {str(error).strip().splitlines()[0]}"
    return None if value == 9.0 else f"deformable convolution gave {value} instead of 9"


def _examine_detector() -> Iterator[Finding]:
    blank = np.zeros((96, 128, 3), np.uint8)
    names = ["cpu"] + (["cuda:0"] if "CUDAExecutionProvider" in onnxruntime.get_available_providers() else [])
    for name in names:
        try:
            found = MultiPoseDetector(device=torch.device(name)).detect(blank)
        except DCPoseError as error:
            # A provider that is built in but has no card or no driver is no fault of the machine.
            missing = name != "cpu" and not torch.cuda.is_available()
            yield Finding(f"person detector on {name}", None if missing else False, str(error))
        else:
            detail = f"ran; {len(found)} persons in a blank image"
            yield Finding(f"person detector on {name}", not found, detail)


def _examine_decoders() -> Iterator[Finding]:
    missing = [name for name in _DECODERS if not _has_decoder(name)]
    detail = f"missing: {', '.join(missing)}" if missing else ", ".join(_DECODERS)
    yield Finding("video decoders", not missing, detail)


def _has_decoder(name: str) -> bool:
    try:
        av.Codec(name, "r")
    except av.codec.codec.UnknownCodecError:
        return False
    return True


def _examine_models() -> Iterator[Finding]:
    for name in catalogue():
        try:
            load_model(name)
        except DCPoseError as error:
            yield Finding(f"model {name}", False, str(error))
        else:
            yield Finding(f"model {name}", True, "loads, hash verified")


def _examine_folders() -> Iterator[Finding]:
    for what, folder in (("cache folder", paths.cache_dir()), ("models folder", paths.data_dir())):
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        writable = os.access(existing, os.W_OK)
        yield Finding(what, writable, f"{folder}{'' if writable else ' cannot be written'}")


def _examine_video(video: Path) -> Iterator[Finding]:
    try:
        source = open_frames(video)
    except DCPoseError as error:
        yield Finding("video", False, str(error))
        return
    with source:
        times_s = source.times_s
        duration_s = float(times_s[-1] - times_s[0])
        yield Finding(
            "video",
            True,
            f"{video}: {len(source)} frames, {source.width_px} x {source.height_px}, "
            f"{source.frame_rate:.3f} frames per second, first at {times_s[0]:.3f} s, {duration_s:.3f} s long",
        )
        steps = np.diff(times_s)
        if len(steps) and np.ptp(steps) > 0.1 * np.median(steps):
            detail = f"{steps.min() * 1000:.1f} to {steps.max() * 1000:.1f} ms between frames"
            yield Finding("variable frame rate", None, detail)
        for index in sorted({0, len(source) // 2, len(source) - 1}):
            try:
                frame = source.read(index)
            except DCPoseError as error:
                yield Finding(f"frame {index}", False, str(error))
            else:
                yield Finding(f"frame {index}", True, f"decodes, presented at {frame.time_s:.3f} s")
        for stretch in source.damaged:
            yield Finding("damage", False, stretch.message)
