"""Opening a video file so that the answer is a picture track or one clear `VideoError`."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from dcpose_core.errors import VideoError

#: Container formats that hold their pictures themselves. Playlists (hls, dash, concat) are left out, since a file
#: from elsewhere could make them open other files or the network; so is the one that shows any text file as video.
_FORMATS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,asf,flv,ogg,mxf,nut,dv,wtv,ivf,obu,h264,hevc,m4v,vc1,yuv4mpegpipe,gif"
)

#: Reading goes on after this many errors in a row, so that a damaged file cannot hold the reader for ever.
_MAX_READ_ERRORS = 100


def check_is_readable_file(path: Path) -> None:
    """Raise `VideoError` unless `path` is an ordinary file with something in it (opening a pipe would block)."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise VideoError(f"{path}: there is no such file; check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a null character
        raise VideoError(f"{path}: the file cannot be read ({_reason(error)})") from error
    if stat.S_ISDIR(status.st_mode):
        raise VideoError(f"{path}: this is a folder, not a video file")
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(f"{path}: this is not an ordinary file; save the video to disk first")
    if status.st_size == 0:
        raise VideoError(f"{path}: the file is empty (0 bytes)")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise VideoError(f"{path}: the file cannot be read ({_reason(error)})") from error


def open_container(path: Path) -> tuple[InputContainer, VideoStream]:
    """Open `path` for reading; returns the container and its picture track (cover art does not count).

    Raises `VideoError` if the file is missing, empty, no video, without pictures or of an unknown codec.
    """
    check_is_readable_file(path)
    try:
        # `file:` keeps names like `concat:x` or `a:b.mp4` from being read as a protocol.
        container = av.open(
            f"file:{path}",
            container_options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: {_why_not_a_video(path)}") from error
    try:
        return container, _picture_stream(path, container)
    except VideoError:
        container.close()
        raise


def demux(container: InputContainer, stream: VideoStream | None = None) -> Iterator[Packet[Any]]:
    """The packets of `stream` (or of all streams) from the current position on, without empty ones.

    Read errors are stepped over: what cannot be read is missing from the sequence.
    """
    errors = 0
    while errors < _MAX_READ_ERRORS:
        try:
            for packet in container.demux(stream) if stream is not None else container.demux():
                if packet.size:
                    errors = 0
                    yield packet
        except av.FFmpegError:
            errors += 1
        else:
            return


def _picture_stream(path: Path, container: InputContainer) -> VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        what = "only sound" if container.streams.audio else "no pictures"
        raise VideoError(f"{path}: the file holds {what}; choose a file with a video track")
    playable = [s for s in streams if s.codec_context is not None]
    if not playable:
        raise VideoError(f"{path}: the codec of its video track is unknown here; convert it to H.264 first")
    best = container.streams.best("video")
    return next((s for s in playable if best is not None and s.index == best.index), playable[0])


def _why_not_a_video(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
        return (
            "the MP4 file is incomplete: its table of frames is missing, as after an interrupted recording or copy; "
            "copy it again or repair it first"
        )
    return "this is not a video that can be read here (mp4, mkv, avi, ts, webm, ... expected)"


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
