"""Small videos whose frames carry their number in their pixels, for every codec and container that we promise."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from dcpose_core.types import ImageArray

_BITS = 10
FRAME_COUNT = 96

os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder speaks to the terminal else


def number_image(number: int, width_px: int = 160, height_px: int = 96) -> ImageArray:
    """An image of a moving pattern, uint8 `[H, W, 3]`, with `number` in black and white blocks.

    The upper quarter holds its bits, least significant first; the lower quarter holds their complement, so that a
    picture that is not what was written is noticed.
    """
    y, x = np.mgrid[0:height_px, 0:width_px]
    image = np.stack([x * 2 + number * 5, y * 2 + number * 3, x + y + number], axis=-1).astype(np.uint8)
    block = width_px // _BITS
    quarter = height_px // 4
    for bit in range(_BITS):
        columns = slice(bit * block, (bit + 1) * block)
        value = 255 * (number >> bit & 1)
        image[:quarter, columns] = value
        image[height_px - quarter :, columns] = 255 - value
    return image


def read_number(image: ImageArray) -> int:
    """The number in an image of `number_image`. Raises `ValueError` if its blocks contradict each other."""
    height_px, width_px = image.shape[:2]
    block = width_px // _BITS
    quarter = height_px // 4
    number = 0
    for bit in range(_BITS):
        columns = slice(bit * block + block // 4, (bit + 1) * block - block // 4)
        upper = image[quarter // 4 : quarter - quarter // 4, columns].mean()
        lower = image[height_px - quarter + quarter // 4 : height_px - quarter // 4, columns].mean()
        if abs(upper - lower) < 100:
            raise ValueError(f"bit {bit} cannot be read: {upper:.0f} above, {lower:.0f} below")
        number |= int(upper > lower) << bit
    return number


@dataclass(frozen=True)
class VideoKind:
    """How to encode: file suffix (it chooses the container), encoder, its options, size and pixel format."""

    suffix: str
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    width_px: int = 160
    height_px: int = 96
    pixel_format: str = "yuv420p"


def _x264(more: str = "") -> dict[str, str]:
    return {"x264-params": "keyint=24:bframes=3:scenecut=0" + more}


_X265 = {"x265-params": "keyint=24:bframes=3:open-gop=1:log-level=none:pools=1"}
_VP9 = {"g": "24", "cpu-used": "4", "b": "400k", "auto-alt-ref": "1", "lag-in-frames": "16"}
_AV1 = {"g": "24", "preset": "8", "crf": "12", "svtav1-params": "lp=1:enable-tf=0"}
_MPEG4 = {"g": "24", "bf": "2", "b": "800k"}

VIDEO_KINDS = {
    "H.264, mp4": VideoKind(".mp4", options=_x264()),
    "H.264 with open GOPs, mp4": VideoKind(".mp4", options=_x264(":open-gop=1")),
    "H.264 with open GOPs, mkv": VideoKind(".mkv", options=_x264(":open-gop=1")),
    "H.264 with open GOPs, ts": VideoKind(".ts", options=_x264(":open-gop=1")),
    "H.264 with B-frames, avi": VideoKind(".avi", options=_x264()),
    "H.264 with intra refresh, mp4": VideoKind(".mp4", options={"x264-params": "keyint=24:intra-refresh=1:bframes=0"}),
    "H.264 interlaced, ts": VideoKind(".ts", options=_x264(":interlaced=1")),
    "H.264 with 10 bits, mkv": VideoKind(".mkv", options=_x264(), pixel_format="yuv420p10le"),
    "HEVC with open GOPs, mp4": VideoKind(".mp4", "libx265", _X265),
    "HEVC with 10 bits, mkv": VideoKind(".mkv", "libx265", _X265, pixel_format="yuv420p10le"),
    "HEVC, ts": VideoKind(".ts", "libx265", _X265),
    "VP9 of odd size, webm": VideoKind(".webm", "libvpx-vp9", _VP9, 161, 97),
    "VP9, mp4": VideoKind(".mp4", "libvpx-vp9", _VP9),
    "VP8, webm": VideoKind(".webm", "libvpx", {**_VP9, "cpu-used": "8"}),
    "AV1, mp4": VideoKind(".mp4", "libsvtav1", _AV1),
    "AV1, webm": VideoKind(".webm", "libsvtav1", {**_AV1, "svtav1-params": "lp=1:enable-tf=0:irefresh-type=1"}),
    "MPEG-4 with B-frames, avi": VideoKind(".avi", "mpeg4", _MPEG4),
    "MPEG-4, avi": VideoKind(".avi", "mpeg4", {**_MPEG4, "bf": "0"}),
    "MPEG-4, mp4": VideoKind(".mp4", "mpeg4", _MPEG4),
    "MPEG-4, ts": VideoKind(".ts", "mpeg4", _MPEG4),
    "MS MPEG-4, avi": VideoKind(".avi", "msmpeg4", {"g": "24", "b": "800k"}),
    "MPEG-2, ts": VideoKind(".ts", "mpeg2video", {"g": "12", "bf": "2", "b": "2M"}),
    "Motion JPEG of odd size, avi": VideoKind(".avi", "mjpeg", {}, 161, 97, "yuvj420p"),
}


def write_numbered_video(
    path: Path,
    kind: VideoKind,
    *,
    count: int = FRAME_COUNT,
    ticks: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a video at 25 frames per second whose frame `i` is `number_image(i)`; returns `path`.

    ticks: presentation time of each frame in `time_base`, for a variable frame rate.
    """
    with av.open(str(path), "w", container_options=container_options or {}) as container:
        stream = container.add_stream(kind.codec, rate=25, options=kind.options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = kind.width_px, kind.height_px, kind.pixel_format
        stream.codec_context.thread_count = 1
        if ticks is not None:
            stream.codec_context.time_base = time_base
        for number in range(count):
            image = number_image(number, kind.width_px, kind.height_px)
            picture = av.VideoFrame.from_ndarray(image, format="rgb24")
            if ticks is not None:
                picture.pts, picture.time_base = ticks[number], time_base
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def remux(
    source: Path,
    target: Path,
    *,
    shift_ticks: int = 0,
    rotation: int = 0,
    mirrored: bool = False,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Copy the packets of a video into another file, `shift_ticks` later; returns `target`.

    rotation: counterclockwise degrees that a player has to turn the picture by; mirrored: it then has to exchange left
    and right. The pictures are the same to the bit; those of a second encoding need not be, on a busy machine.
    """
    with av.open(str(source)) as read, av.open(str(target), "w", container_options=container_options or {}) as write:
        stream = read.streams.video[0]
        copy = write.add_stream_from_template(stream)
        if rotation or mirrored:
            assert isinstance(copy, av.VideoStream)
            copy.set_display_rotation(rotation, hflip=mirrored)
        for packet in read.demux(stream):
            if packet.size and packet.pts is not None and packet.dts is not None:
                packet.pts += shift_ticks
                packet.dts += shift_ticks
                packet.stream = copy
                write.mux(packet)
    return target


def overwrite(path: Path, *, start: float, length: float, seed: int = 0) -> Path:
    """Put random bytes over a part of a file; start and length are fractions of its size. Returns `path`."""
    content = bytearray(path.read_bytes())
    first, count = int(len(content) * start), int(len(content) * length)
    content[first : first + count] = np.random.default_rng(seed).integers(0, 256, count, dtype=np.uint8).tobytes()
    path.write_bytes(content)
    return path
