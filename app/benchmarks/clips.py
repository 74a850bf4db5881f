"""Videos to measure with, made where they are needed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from av.video.stream import VideoStream

from dcpose_core.types import ImageArray

WIDTH_PX, HEIGHT_PX = 1920, 1080
_RATE = 25


def write_moving_clip(path: Path, *, n_frames: int, gop: int) -> Path:
    """1080p H.264 at about the bit rate of a camera: a textured picture that moves, with noise. gop: frames from one
    random-access frame to the next."""
    random = np.random.default_rng(0)
    texture = cv2.resize(
        random.integers(0, 255, (HEIGHT_PX // 4, WIDTH_PX // 2, 3), np.uint8),
        (WIDTH_PX * 2, HEIGHT_PX),
        interpolation=cv2.INTER_CUBIC,
    )
    grain = [random.integers(0, 4, (HEIGHT_PX, WIDTH_PX, 3), np.uint8) for _ in range(4)]
    with av.open(str(path), "w") as container:
        stream = _stream(container, gop)
        for number in range(n_frames):
            x = number * 7 % WIDTH_PX
            image = cv2.add(np.ascontiguousarray(texture[:, x : x + WIDTH_PX]), grain[number % len(grain)])
            container.mux(stream.encode(_frame(np.asarray(image, np.uint8))))
        container.mux(stream.encode(None))
    return path


def mbit_s(clip: Path, n_frames: int) -> float:
    """Bit rate of a clip of this module."""
    return clip.stat().st_size * 8e-6 * _RATE / n_frames


def write_long_clip(path: Path, *, hours: float) -> Path:
    """1080p of that length in a moment: one group of pictures, repeated without encoding it again."""
    group = path.with_name(f"group-{path.name}")
    frames = 250
    image = np.full((HEIGHT_PX, WIDTH_PX, 3), 90, np.uint8)
    with av.open(str(group), "w") as container:
        stream = _stream(container, frames)
        for number in range(frames):
            shown = image.copy()
            cv2.putText(shown, str(number), (200, 700), cv2.FONT_HERSHEY_SIMPLEX, 16, (240, 240, 240), 40)
            container.mux(stream.encode(_frame(shown)))
        container.mux(stream.encode(None))
    with av.open(str(group)) as source, av.open(str(path), "w") as target:
        template = source.streams.video[0]
        copied = target.add_stream_from_template(template)
        packets = [packet for packet in source.demux(template) if packet.dts is not None]
        times = [(cast("int", packet.pts), cast("int", packet.dts)) for packet in packets]
        length = round(frames / _RATE / (template.time_base or Fraction(1, 1000)))
        for repeat in range(round(hours * 3600 * _RATE / frames)):
            for packet, (pts, dts) in zip(packets, times, strict=True):
                packet.pts, packet.dts, packet.stream = pts + repeat * length, dts + repeat * length, copied
                target.mux(packet)
    group.unlink()
    return path


def _stream(container: av.container.OutputContainer, gop: int) -> VideoStream:
    stream = container.add_stream("libx264", rate=_RATE)
    stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
    stream.codec_context.gop_size = gop
    stream.codec_context.options = {
        "preset": "veryfast",
        "crf": "24",
        "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0",
    }
    return stream


def _frame(image: ImageArray) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(image, format="bgr24")
