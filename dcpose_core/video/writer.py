"""`VideoWriter`: H.264 in MP4 that any player shows, complete or not there at all."""

from __future__ import annotations

import contextlib
import secrets
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from dcpose_core.errors import VideoError
from dcpose_core.types import ImageArray

_CLOCK = 90_000  # ticks per second: frame times are kept to 11 microseconds


class VideoWriter:
    """Writes frames of one size to `path`, as a context manager.

    Encodes H.264 (4:2:0, BT.709); an odd width or height is filled up to the next even one by repeating the last
    column or row. The file appears under its name when the block ends without an error, else not at all.

    width_px, height_px: size of the frames. frame_rate: frames per second, where no times are given.
    """

    def __init__(self, path: str | Path, width_px: int, height_px: int, frame_rate: float) -> None:
        self._path = Path(path)
        if width_px < 1 or height_px < 1 or not frame_rate > 0:
            raise VideoError(f"{self._path}: cannot write {width_px} x {height_px} pixels at {frame_rate} frames per s")
        self._shape = (height_px, width_px, 3)
        self._padding = ((0, height_px % 2), (0, width_px % 2), (0, 0))
        self._step_ticks = max(1, round(_CLOCK / frame_rate))
        self._frame_rate = Fraction(frame_rate).limit_denominator(65535)
        self._last_tick: int | None = None
        self._first_time_s: float | None = None
        self._reformatter = VideoReformatter()
        self._temporary: Path | None = None
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None

    def __enter__(self) -> Self:
        try:
            temporary = self._path.with_name(f".{self._path.name}-{secrets.token_hex(4)}.part")
            temporary.touch(exist_ok=False)
            self._temporary = temporary
            self._open(temporary)
        except (av.FFmpegError, OSError) as error:
            self._discard()
            raise VideoError(f"{self._path}: the video cannot be written here ({error.strerror or error})") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._discard()
            return
        try:
            self._finish()
        except (av.FFmpegError, OSError) as failure:
            raise VideoError(f"{self._path}: the video cannot be written ({failure})") from failure
        finally:
            self._discard()

    def write(self, image: ImageArray, time_s: float | None = None) -> None:
        """Append a frame, uint8 `[height_px, width_px, 3]` RGB.

        time_s: when it is shown, in seconds on any clock; the first frame written is shown at 0, so a video of
        variable frame rate keeps its rhythm. Times that do not rise are put one tick (11 µs) after the frame before.
        Without a time the frame comes one frame step after the last one.
        """
        if self._container is None or self._stream is None:
            raise ValueError(f"{self._path}: the writer is not open; use it in a `with` block")
        if image.shape != self._shape or image.dtype != np.uint8:
            raise VideoError(
                f"{self._path}: frame of shape {image.shape} and type {image.dtype}, expected {self._shape} of uint8"
            )
        padded = np.pad(image, self._padding, mode="edge") if any(sum(self._padding, ())) else image
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(padded), format="rgb24")
        picture = self._reformatter.reformat(
            picture,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            threads=1,
        )
        picture.pts = self._next_tick(time_s)
        picture.time_base = Fraction(1, _CLOCK)
        try:
            self._container.mux(self._stream.encode(picture))
        except (av.FFmpegError, OSError) as error:
            raise VideoError(f"{self._path}: the video cannot be written ({error})") from error

    def _open(self, temporary: Path) -> None:
        self._container = av.open(f"file:{temporary}", "w", format="mp4", container_options={"movflags": "+faststart"})
        self._stream = self._container.add_stream(
            "libx264", rate=self._frame_rate, options={"crf": "20", "preset": "veryfast"}
        )
        context = self._stream.codec_context
        context.width = self._shape[1] + self._padding[1][1]
        context.height = self._shape[0] + self._padding[0][1]
        context.pix_fmt = "yuv420p"
        context.time_base = Fraction(1, _CLOCK)
        context.colorspace = context.color_primaries = context.color_trc = 1  # BT.709
        context.color_range = ColorRange.MPEG

    def _next_tick(self, time_s: float | None) -> int:
        if self._last_tick is None:
            self._first_time_s = time_s
            self._last_tick = 0
        elif time_s is None or self._first_time_s is None:
            self._last_tick += self._step_ticks
        else:
            self._last_tick = max(self._last_tick + 1, round((time_s - self._first_time_s) * _CLOCK))
        return self._last_tick

    def _finish(self) -> None:
        assert self._container is not None
        assert self._stream is not None
        assert self._temporary is not None
        if self._last_tick is None:
            raise VideoError(f"{self._path}: no frame was written, so there is no video")
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._container = None
        self._temporary.replace(self._path)
        self._temporary = None

    def _discard(self) -> None:
        """Close and remove what is left of an unfinished file; nothing after success."""
        container, self._container = self._container, None
        if container is not None:
            with contextlib.suppress(av.FFmpegError, OSError):  # the file is removed anyway
                container.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None
