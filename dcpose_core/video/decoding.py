"""Decoding packets so that every picture says which packet it came from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from dcpose_core.types import ImageArray
from dcpose_core.video.container import demux

#: (transpose, flip left-right, flip up-down), applied in this order to `[H, W, 3]`.
Orientation = tuple[bool, bool, bool]


def numbered(container: InputContainer, stream: VideoStream) -> Iterator[tuple[int, Packet[VideoStream]]]:
    """The packets of `stream` from the beginning of a newly opened container, with their numbers."""
    return enumerate(demux(container, stream))


def decode_in_one_thread(stream: VideoStream) -> None:
    """Before decoding begins: have the decoder refuse damaged packets at once, taking no other packet with them."""
    stream.codec_context.thread_type = "NONE"
    stream.codec_context.thread_count = 1  # some decoders (dav1d) look at this alone


def decode(
    stream: VideoStream, numbered_packets: Iterable[tuple[int, Packet[VideoStream]]]
) -> Iterator[tuple[int, VideoFrame | None]]:
    """Decode packets; yields (packet number, picture) in the decoder's output order.

    A packet that the decoder refuses yields (its number, None). With frame threading the refusal comes some packets
    late and pictures still inside the decoder may be lost with it; without, the number is exact.
    """
    for number, packet in numbered_packets:
        # Decoders hand the time stamp of a packet to its picture without looking at it. Our number there survives
        # missing, repeated and wrong time stamps, which those of the file do not.
        packet.pts = packet.dts = number
        try:
            pictures = stream.codec_context.decode(packet)
        except av.FFmpegError:
            yield number, None
            continue
        yield from ((picture.pts, picture) for picture in pictures if picture.pts is not None)
    try:
        pictures = stream.codec_context.decode(None)
    except av.FFmpegError:
        yield -1, None
    else:
        yield from ((picture.pts, picture) for picture in pictures if picture.pts is not None)


def orientation_of(picture: VideoFrame) -> Orientation:
    """How to turn a decoded picture upright, from the display matrix that the file gives (turns by 90 degrees)."""
    side_data = cast("SideDataContainer", picture.side_data)  # what it is; PyAV's stub says less
    if Type.DISPLAYMATRIX not in side_data:
        return (False, False, False)
    matrix = np.frombuffer(bytes(side_data[Type.DISPLAYMATRIX]), dtype=np.int32)
    # A pixel at (x, y) is shown at (a x + c y, b x + d y).
    a, b, c, d = (int(matrix[i]) for i in (0, 1, 3, 4))
    if abs(b) + abs(c) > abs(a) + abs(d):
        return (True, c < 0, b < 0)
    return (False, a < 0, d < 0)


def to_rgb(
    picture: VideoFrame, reformatter: VideoReformatter, *, width_px: int, height_px: int, orientation: Orientation
) -> ImageArray:
    """The picture as contiguous, read-only uint8 `[H, W, 3]` RGB, upright.

    Colour matrix, range and bit depth are those the file states. width_px, height_px: size before turning; a stream
    that changes its resolution on the way is scaled to it, so that coordinates mean the same in all frames.
    """
    # One thread: the conversion takes 0.3 to 2 ms, and was slower with more (1080 x 1920: 1.5 ms with 1, 2.1 with 2).
    rgb = reformatter.reformat(picture, width=width_px, height=height_px, format="rgb24", threads=1)
    image = np.asarray(rgb.to_ndarray(), dtype=np.uint8)
    transpose, flip_x, flip_y = orientation
    if transpose:
        image = image.transpose(1, 0, 2)
    image = np.ascontiguousarray(image[:: -1 if flip_y else 1, :: -1 if flip_x else 1])
    image.setflags(write=False)
    return image
