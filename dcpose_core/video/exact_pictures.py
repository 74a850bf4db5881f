"""Decoded pictures by frame index, handed out only when they are known to be what the file holds.

Decoders conceal damage, and go on to build pictures on what they made up, without saying so. So a picture counts
only when every packet from its key frame up to its own, and the one behind, gave an undamaged picture. A decoder
that has met damage may also fail on sound packets behind it, and some key frames are no clean start (H.264 with
periodic intra refresh) or none at all (AVI that has lost its index): a packet is called damaged only when another
start does not help.

Pictures that none is built on are left out on the way to a later one: a third to a half of the computing with B-frames.
For that reason damage in one of them does not count for those behind it either.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.video.frame import PictureType, VideoFrame
from numpy.typing import NDArray

from dcpose_core.types import IntArray
from dcpose_core.video.frame_index import FrameIndex
from dcpose_core.video.presentation_order import REORDER_DEPTH
from dcpose_core.video.seeking import MAX_THREADS, LostStepError, PacketMarks, PictureSource

#: What is known of a packet's picture: nothing; it came out undamaged, or nobody needs it in the decoding under way; it
#: failed there; it fails from whatever start. In rising order of what they mean for pictures built on it.
_UNKNOWN, _CLEAN, _FAILED, _BAD = 0, 1, 2, 3

_WORTH_DECODING = 16  # packets that are rather decoded than jumped over


class _StartAnewError(Exception):
    """The decoding under way cannot give the wanted picture; another start may, or the frame is damaged."""


class ExactPictures:
    """Decodes one video file: onwards as long as the wanted frames follow, else from the key frame before."""

    def __init__(
        self, path: Path, index: FrameIndex, marks: PacketMarks | None = None, *, max_threads: int = MAX_THREADS
    ) -> None:
        """marks: those of the index, if they are made already."""
        self._index = index
        self._marks = PacketMarks(index) if marks is None else marks
        self._path = path
        self._source = PictureSource(path, index, self._marks, max_threads=max_threads, leave_out=self._leave_out)
        self._key_packets = frozenset(index.key_packet.tolist())
        self._frame_of_packet = np.full(len(index.packet_size), -1, dtype=np.int64)
        has_packet = np.flatnonzero(index.frame_packet >= 0)
        self._frame_of_packet[index.frame_packet[has_packet]] = has_packet

        #: State of each packet. Those without a frame of their own count as clean.
        self._state: NDArray[np.uint8] = np.full(len(index.packet_size), _UNKNOWN, dtype=np.uint8)
        self._state[index.packet_silent] = _CLEAN
        self._state[index.packet_bad] = _BAD
        self._unreferenced: NDArray[np.bool_] = np.zeros(len(index.packet_size), dtype=np.bool_)
        self._unreferenced[index.packet_unreferenced] = True
        self._unreadable: set[int] = set()  # frames that no start gives, though none of their packets is bad
        #: Key frames that are no clean start, and of these the ones still in doubt, with the packet that failed.
        self._unclean: set[int] = set()
        self._doubts: dict[int, int] = {}
        #: For each key frame the one where decoding starts: itself, or the next clean one before.
        self._start_of_key: IntArray = np.arange(len(index.key_packet))
        #: Whether something was not as it is in a sound file: then only this object knows what may be shown.
        self.met_damage = False

        # The decoding under way: from key frame `_entry`; pictures that come out wait in `_waiting` to be asked for.
        self._pictures: Iterator[tuple[int, VideoFrame | None]] | None = None
        self._entry = 0
        self._trusted_keys = 0  # frames of this key frame and later ones need another start
        self._waiting: dict[int, VideoFrame] = {}
        self._wanted = 0  # the frame that it is to lead to
        self._has_left_out = False  # whether packets were left out that may be sound
        self._next_frame = 0  # frames before it are gone
        self._latest_frame = -1  # the latest that came out
        self._latest_packet = -1
        self._judged = 0  # what has not come out of the frames before it, failed

    def close(self) -> None:
        self._stop()
        self._source.close()

    def another(self, *, max_threads: int) -> ExactPictures:
        """A second decoder of the same file, that knows nothing of what this one found damaged."""
        return ExactPictures(self._path, self._index, self._marks, max_threads=max_threads)

    def get(self, index: int) -> VideoFrame | None:
        """The picture of frame `index`, or None if it is damaged. Raises `VideoError` if the file has changed."""
        deque(self.approach(index), maxlen=0)
        if self.is_damaged(index):
            return None
        self._next_frame = index + 1
        return self._waiting.pop(index)

    def approach(self, index: int) -> Iterator[None]:
        """Decode until `get` has no more to do for frame `index`, one picture a step. It may be given up between two:
        what comes behind is then reached from there. Raises `VideoError` if the file has changed."""
        # Each start settles a key frame, or threads, or jumps, or that nothing is left out.
        for _ in range(2 * len(self._start_of_key) + 5):
            if self.is_damaged(index):
                break
            try:
                if not self._comes_next(index):
                    self._start(index)
                yield from self._await(index)
            except _StartAnewError:
                self._stop()
            except LostStepError:
                self._source.stop_jumping()
                self._stop()
            else:
                return
            self.met_damage = True
        else:
            self._unreadable.add(index)
        self.met_damage = True
        for key in list(self._doubts):
            self._settle_as_damaged(key)

    def packets_before(self, index: int) -> int | None:
        """How many packets are to be decoded until frame `index` comes out of the decoding under way; None if it
        does not lead there."""
        if not self._comes_next(index):
            return None
        return max(0, int(self._index.frame_packet[index]) - self._latest_packet)

    def is_damaged(self, index: int) -> bool:
        """Whether frame `index` is known to be damaged."""
        return bool(
            self._index.frame_packet[index] < 0
            or index in self._unreadable
            or self._state[self._chain(index)].max() == _BAD
        )

    def damaged_frames(self) -> NDArray[np.bool_]:
        """bool `[N]`: `is_damaged` of all frames."""
        index = self._index
        damaged: NDArray[np.bool_] = index.frame_packet < 0
        damaged[list(self._unreadable)] = True
        for packet in np.flatnonzero(self._state == _BAD):
            # No frame before the group of the packet, or behind the one that follows it, is built on the packet.
            key = int(np.searchsorted(index.key_packet, packet, side="right")) - 1
            possible = index.frame_packet >= packet - 1
            possible &= self._start_of_key[index.frame_key] <= key
            for frame in np.flatnonzero(possible & ~damaged):
                damaged[frame] = self.is_damaged(int(frame))
        return damaged

    def _chain(self, index: int) -> IntArray:
        """The packets that have to be undamaged for frame `index`, in order; never empty.

        They are its group up to the packet behind its own, unless that starts a new group: decoders often take a
        packet with a damaged end for a good one, and refuse only the next. Pictures stored behind the key frame but
        shown before it do not count: later ones are not built on them. Nor do damaged ones that none is built on.
        """
        start = self._start_of_key[self._index.frame_key[index]]
        behind = int(self._index.frame_packet[index]) + 1
        end = min(behind + (behind not in self._key_packets), len(self._state))
        packets: IntArray = np.arange(self._index.key_packet[start], end)
        frames = self._frame_of_packet[packets]
        passed_over = self._unreferenced[packets] & (self._state[packets] == _BAD) & (packets < behind - 1)
        chain: IntArray = packets[((frames < 0) | (frames >= self._index.key_first_frame[start])) & ~passed_over]
        return chain

    def _comes_next(self, index: int) -> bool:
        """Whether the decoding under way leads to frame `index` sooner than a jump."""
        key = int(self._index.frame_key[index])
        start = self._start_of_key[key]
        return bool(
            self._pictures is not None
            and index >= self._next_frame
            and self._entry <= start
            and key < self._trusted_keys
            and self._index.key_packet[start] <= self._latest_packet + _WORTH_DECODING
        )

    def _start(self, index: int) -> None:
        self._stop()
        key = int(self._start_of_key[self._index.frame_key[index]])
        self._entry = key
        self._trusted_keys = len(self._start_of_key)
        self._has_left_out = False
        self._next_frame = self._judged = int(self._index.key_first_frame[key])
        self._latest_frame = self._next_frame - 1
        self._latest_packet = int(self._index.key_packet[key])
        following = slice(self._latest_packet, None)
        forget = (self._state[following] != _BAD) & (self._frame_of_packet[following] >= 0)
        self._state[following][forget] = _UNKNOWN
        if self.met_damage:
            self._source.reopen()
        self._pictures = self._source.pictures_from(key)

    def _stop(self) -> None:
        self._pictures = None
        self._waiting.clear()

    def _leave_out(self, packet: int) -> bool:
        """Whether a packet is not to be decoded, since no other picture than its own needs it.

        After damage was met only those known to be damaged: what the others do tells more of it.
        """
        if not self._unreferenced[packet]:
            return False
        if self._state[packet] == _BAD:
            return True
        frame = int(self._frame_of_packet[packet])
        if self.met_damage or frame >= self._wanted or packet >= self._index.frame_packet[self._wanted]:
            return False
        self._has_left_out = True
        self._state[packet] = _CLEAN
        self._next_frame = max(self._next_frame, frame + 1)
        return True

    def _await(self, index: int) -> Iterator[None]:
        """Decode until the picture of frame `index` waits, and all that it is built on has come out undamaged."""
        self._wanted = index
        self._forget_before(index)
        chain = self._chain(index)
        while True:
            states = self._state[chain]
            if states.max() >= _FAILED:
                self._look_into_failure(index, int(chain[states >= _FAILED][0]))
                raise _StartAnewError
            if self._index.frame_key[index] >= self._trusted_keys:
                raise _StartAnewError
            if index in self._waiting and states.min() == _CLEAN:
                return
            self._decode_one(index)
            yield

    def _forget_before(self, index: int) -> None:
        for earlier in [frame for frame in self._waiting if frame < index]:
            del self._waiting[earlier]
            self._next_frame = max(self._next_frame, earlier + 1)

    def _decode_one(self, wanted: int) -> None:
        """Take one picture out of the decoder and note what it tells about its packet and the ones before."""
        assert self._pictures is not None
        try:
            packet, picture = next(self._pictures)
        except StopIteration:
            if self._judged == len(self._index):
                if self._has_left_out:
                    raise _StartAnewError from None
                self._unreadable.add(wanted)
                raise _StartAnewError from None
            self._judge_before(len(self._index))
            return
        if picture is None:
            if self._source.threaded:
                self._source.use_one_thread()
                raise _StartAnewError
            if packet >= 0:
                self._note_failure(packet)
            return
        frame = int(self._frame_of_packet[packet])
        self._latest_packet = max(self._latest_packet, packet)
        if frame < 0 or self._index.frame_key[frame] < self._entry:
            return  # not to be shown, or it refers to pictures before the ones decoded here
        is_start = packet == self._index.key_packet[self._entry]
        if picture.is_corrupt or (is_start and not (picture.key_frame or picture.pict_type == PictureType.I)):
            self._note_failure(packet)
        elif self._state[packet] == _UNKNOWN:
            self._state[packet] = _CLEAN
            if self._doubts.get(int(self._index.frame_key[frame])) == packet:
                del self._doubts[int(self._index.frame_key[frame])]  # the packet is sound, the key frame no clean start
        if frame >= wanted:
            self._waiting[frame] = picture
        else:
            self._next_frame = max(self._next_frame, frame + 1)
        self._latest_frame = max(self._latest_frame, frame)
        self._judge_before(self._latest_frame - REORDER_DEPTH)

    def _judge_before(self, end: int) -> None:
        """Frames before `end` whose picture has not come out by now are not going to."""
        for frame in range(self._judged, end):
            packet = int(self._index.frame_packet[frame])
            if packet >= 0 and self._state[packet] == _UNKNOWN:
                self._note_failure(packet)
        self._judged = max(self._judged, end)

    def _group(self, packet: int) -> int:
        """The key frame that a packet belongs to: that of its frame, or else the last one stored before it."""
        frame = self._frame_of_packet[packet]
        if frame >= 0:
            return int(self._index.frame_key[frame])
        return int(np.searchsorted(self._index.key_packet, packet, side="right")) - 1

    def _note_failure(self, packet: int) -> None:
        """A packet gave no undamaged picture in this decoding, which is not to be trusted beyond its group."""
        key = self._group(packet)
        if key < self._entry or self._state[packet] == _BAD:
            return
        self._state[packet] = _FAILED
        another_start = key > self._entry and key not in self._unclean
        self._trusted_keys = min(self._trusted_keys, key if another_start else key + 1)

    def _look_into_failure(self, index: int, packet: int) -> None:
        """A packet that frame `index` is built on failed: find another start to try, or blame the packet."""
        key = self._group(packet)
        if self._state[packet] == _BAD or self._has_left_out:  # the next start leaves nothing out
            return
        if key > self._index.frame_key[index]:
            self._unreadable.add(index)  # it is shown before that key frame, but built on it
        elif key == self._entry and key > 0:
            self._doubts[key] = packet
            self._set_unclean(key, True)
        elif key in self._doubts:
            self._settle_as_damaged(key)
        elif key == 0 or key in self._unclean:
            self._state[packet] = _BAD

    def _settle_as_damaged(self, key: int) -> None:
        """An earlier start did no better than key frame `key`: the packet is damaged, the start is clean."""
        self._state[self._doubts.pop(key)] = _BAD
        self._set_unclean(key, False)

    def _set_unclean(self, key: int, unclean: bool) -> None:
        (self._unclean.add if unclean else self._unclean.discard)(key)
        starts = np.arange(len(self._start_of_key))
        starts[list(self._unclean)] = 0
        self._start_of_key = np.maximum.accumulate(starts)
