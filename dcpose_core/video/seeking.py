"""Decoding from a key frame on: jump, see by the packets themselves where the jump landed, go back if it is late."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dcpose_core.errors import VideoError
from dcpose_core.video.container import demux, open_container
from dcpose_core.video.decoding import decode, decode_in_one_thread
from dcpose_core.video.frame_index import FrameIndex
from dcpose_core.video.packets import NO_TIME

_EARLIER_KEYS = 4  # key frames to try before reading from the beginning of the file

MAX_THREADS = 8

_NumberedPacket: TypeAlias = "tuple[int, Packet[VideoStream]]"  # PyAV's class is generic for type checkers only


class LostStepError(Exception):
    """Behind a jump, packets came that do not follow each other in the index. From the beginning they always do."""


class PacketMarks:
    """Where each packet lies in the file and its size: they name it even when time stamps, as after a jump in AVI,
    differ. of: by packet number. number_of: the packet with a mark that no other has."""

    def __init__(self, index: FrameIndex) -> None:
        self.of = list(zip(index.packet_position.tolist(), index.packet_size.tolist(), strict=True))
        often = Counter(self.of)
        self.number_of = {mark: n for n, mark in enumerate(self.of) if mark[0] >= 0 and often[mark] == 1}


class PictureSource:
    """The pictures of one open file with the numbers of their packets, from any key frame on."""

    def __init__(
        self, path: Path, index: FrameIndex, marks: PacketMarks, *, max_threads: int, leave_out: Callable[[int], bool]
    ) -> None:
        """leave_out: asked before a packet is decoded, by its number."""
        self._path = path
        self._index = index
        self._max_threads = max_threads
        self._bad = frozenset(index.packet_bad.tolist())
        self._leave_out = leave_out
        self._marks = marks
        self._can_jump = True
        self.threaded = True
        self._container, self._stream = self._open()

    def close(self) -> None:
        self._container.close()

    def reopen(self) -> None:
        """Get a new decoder: one that was given damaged packets keeps traces of them over a jump."""
        self._container.close()
        self._container, self._stream = self._open()

    def use_one_thread(self) -> None:
        """From now on decode so that a refused packet has its exact number and takes no other with it."""
        self.threaded = False
        self.reopen()

    def stop_jumping(self) -> None:
        """From now on reach every key frame by reading the file from its beginning: slow, but sure."""
        self._can_jump = False

    def pictures_from(self, key: int) -> Iterator[tuple[int, VideoFrame | None]]:
        """(packet number, picture) in output order, decoding from key frame `key` on; None for a refused packet.

        Raises on the way `LostStepError` (then `stop_jumping` and ask again), or `VideoError` if the file is not
        the one that was indexed.
        """
        packets = self._packets_from(key)
        return decode(
            self._stream,
            ((n, packet) for n, packet in packets if n not in self._bad and not self._leave_out(n)),
        )

    def _packets_from(self, key: int) -> Iterator[_NumberedPacket]:
        wanted = int(self._index.key_packet[key])
        for ticks in self._jump_targets(key) if self._can_jump else ():
            try:
                self._container.seek(ticks, stream=self._stream)
                packets = self._numbered_after_jump()
                landed = next((item for item in packets if item[0] >= wanted), None)
            except (av.FFmpegError, LostStepError):
                continue
            if landed is not None and landed[0] == wanted:
                return chain([landed], packets)
        self.reopen()
        return (item for item in self._numbered_from_start() if item[0] >= wanted)

    def _jump_targets(self, key: int) -> Iterator[int]:
        """Time stamps to jump to, each safer and slower than the one before.

        Some containers look for presentation times, others for decoding times; these are never the later ones.
        """
        pts, dts = (stamps[key].item() for stamps in (self._index.key_pts, self._index.key_dts))
        if pts != NO_TIME:
            yield pts
        if dts not in (NO_TIME, pts):
            yield dts
        for earlier in range(key - 1, max(-1, key - 1 - _EARLIER_KEYS), -1):
            stamps = (self._index.key_pts[earlier].item(), self._index.key_dts[earlier].item())
            known = [stamp for stamp in stamps if stamp != NO_TIME]
            if known:
                yield min(known)

    def _numbered_after_jump(self) -> Iterator[_NumberedPacket]:
        number: int | None = None
        for packet in demux(self._container, self._stream):
            mark = (-1 if packet.pos is None else packet.pos, packet.size)
            if number is None:
                number = self._marks.number_of.get(mark)
                if number is None:
                    continue
            elif number == len(self._marks.of):
                return  # the rest of a file that ends within a packet
            elif self._marks.of[number] != mark:
                raise LostStepError
            yield number, packet
            number += 1

    def _numbered_from_start(self) -> Iterator[_NumberedPacket]:
        for number, packet in enumerate(demux(self._container, self._stream)):
            if number == len(self._marks.of):
                return
            if self._marks.of[number][1] != packet.size:
                raise VideoError(f"{self._path}: the file has changed since it was indexed; open it again")
            yield number, packet

    def _open(self) -> tuple[InputContainer, VideoStream]:
        container, stream = open_container(self._path)
        if self.threaded:
            # Frame threads change no pixel. Every one of them makes a jump decode one more packet.
            stream.codec_context.thread_type = "AUTO"
            stream.codec_context.thread_count = min(self._max_threads, os.cpu_count() or 1)
        else:
            decode_in_one_thread(stream)
        return container, stream
