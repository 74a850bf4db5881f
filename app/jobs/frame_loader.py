"""Frames for the screen: one thread owns the reader, the newest request wins, and what lies ahead is decoded early."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from av.video.reformatter import VideoReformatter

from app.project.video_facts import VideoFacts
from dcpose_core.errors import DCPoseError, VideoError
from dcpose_core.types import ImageArray
from dcpose_core.video import FrameSource, VideoReader, open_frames
from dcpose_core.video.container import open_container
from dcpose_core.video.decoding import decode, numbered, orientation_of, to_rgb

#: 37 frames of 1080p.
_BUDGET_BYTES = 224 << 20
#: Direction -> how many frames are decoded in advance. Going backwards every miss decodes from the key frame on;
#: keeping many of those that pass by saves the next ones.
_AHEAD = {1: 16, 0: 4, -1: 24}
#: When nothing was asked for so long, jumps to come are prepared; longer than a frame of a film that is played.
_QUIET_S = 0.05

Send = Callable[[str, object], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderEvents:
    """Called on the decoder thread. frame: (index, image, None) or (index, None, why not). first_picture: the first
    picture of a file whose index is still being made, at once; progress: 0..1 of that; opened, failed: one of them
    ends the opening. opened: the facts, and what is known to be missing, a sentence each."""

    frame: Callable[[int, ImageArray | None, str | None], None]
    first_picture: Callable[[ImageArray], None]
    progress: Callable[[float], None]
    opened: Callable[[VideoFacts, tuple[str, ...]], None]
    failed: Callable[[Exception], None]

    @classmethod
    def sent_by(cls, send: Send) -> LoaderEvents:
        """Each as a message: its name, and its one argument or a tuple of them."""
        return cls(
            frame=lambda index, image, problem: send("frame", (index, image, problem)),
            first_picture=lambda image: send("first_picture", image),
            progress=lambda part: send("progress", part),
            opened=lambda video, missing: send("opened", (video, missing)),
            failed=lambda error: send("failed", error),
        )


class FrameLoader:
    """Frames of one video by index, off the calling thread. `close` joins the thread."""

    def __init__(self, path: Path, events: LoaderEvents, *, budget_bytes: int = _BUDGET_BYTES) -> None:
        self._path = path
        self._events = events
        self._cache = _FrameCache(budget_bytes)
        self._wake = threading.Condition()
        self._wanted: tuple[int, int] | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="frame loader", daemon=True)
        self._thread.start()

    def request(self, index: int, direction: int = 0) -> None:
        """Ask for a frame; an earlier request that is not done yet is forgotten.

        direction: 1 or -1 while going that way, 0 after a jump: what is decoded in advance.
        """
        with self._wake:
            self._wanted = (index, direction)
            self._wake.notify()

    def cached(self, index: int) -> ImageArray | None:
        """The frame, if it is decoded already."""
        return self._cache.get(index)

    def close(self) -> None:
        """Stop, also in the middle of indexing, and wait for the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join()
        self._cache.clear()

    # -- on the decoder thread

    def _run(self) -> None:
        try:
            with self._open() as source:
                self._events.opened(VideoFacts.of(source), tuple(stretch.message for stretch in source.damaged))
                self._serve(source)
        except _ClosedError:
            return
        except (DCPoseError, OSError) as error:  # anything else is a bug, and goes to `threading.excepthook`
            self._events.failed(error)

    def _open(self) -> FrameSource:
        pictured = False

        def on_progress(part: float) -> None:
            nonlocal pictured
            self._check_closing()
            if not pictured:  # the index is not in the cache: it will take a while
                pictured = True
                picture = first_picture(self._path)
                if picture is not None:
                    self._events.first_picture(picture)
            self._events.progress(part)

        return open_frames(self._path, on_progress)

    def _serve(self, source: FrameSource) -> None:
        ahead = [0]  # what is asked for first, as a rule
        preparing: Iterator[None] = iter(())
        pause_s: float | None = None
        while True:
            with self._wake:
                if not ahead:
                    self._wake.wait_for(lambda: self._wanted is not None or self._closing, pause_s)
                wanted, self._wanted = self._wanted, None
            self._check_closing()
            if wanted is not None:
                index, direction = wanted
                self._deliver(source, index, direction)
                if not (direction < 0 and ahead and ahead[-1] < index):  # else the run on the way leads up to there
                    ahead = _frames_ahead(index, direction, len(source), self._cache)
                preparing = _prepared(source, index)
                pause_s = 0.0 if direction < 0 else _QUIET_S
            elif ahead:
                if self._keep(source, ahead[0]):
                    ahead.pop(0)
            else:
                more = next(preparing, "end") is None
                pause_s = 0.0 if more else None

    def _deliver(self, source: FrameSource, index: int, direction: int) -> None:
        image = self._cache.get(index)
        if image is None and direction < 0:
            for before in _frames_ahead(index, direction, len(source), self._cache):
                if self._superseded():
                    return
                self._keep(source, before)
        problem = None
        if image is None:
            try:
                image = self._read(source, index)
            except (VideoError, IndexError, OSError) as error:
                problem = str(error)
            else:
                if image is None:
                    return
                self._cache.put(index, image)
        self._events.frame(index, image, problem)

    def _keep(self, source: FrameSource, index: int) -> bool:
        """Decode a frame that nobody has asked for yet; if it cannot be, they will be told when they do.

        Returns False if a newer request came first.
        """
        if self._cache.get(index) is None:
            try:
                image = self._read(source, index)
            except (DCPoseError, OSError):
                return True
            if image is None:
                return False
            self._cache.put(index, image)
        return True

    def _read(self, source: FrameSource, index: int) -> ImageArray | None:
        """A frame, or None if another one is wanted by now."""
        if isinstance(source, VideoReader):
            for _ in source.approach(index):
                if self._superseded():
                    return None
        return source.read(index).image

    def _superseded(self) -> bool:
        with self._wake:
            return self._closing or self._wanted is not None

    def _check_closing(self) -> None:
        with self._wake:
            if self._closing:
                raise _ClosedError


class _ClosedError(Exception):
    """The loader is being closed."""


@dataclass(slots=True)
class _FrameCache:
    """Images by frame index, the ones used last kept, up to a number of bytes."""

    budget_bytes: int
    _images: OrderedDict[int, ImageArray] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _bytes: int = 0

    def get(self, index: int) -> ImageArray | None:
        with self._lock:
            image = self._images.get(index)
            if image is not None:
                self._images.move_to_end(index)
            return image

    def put(self, index: int, image: ImageArray) -> None:
        with self._lock:
            if index in self._images:
                return
            self._images[index] = image
            self._bytes += image.nbytes
            while self._bytes > self.budget_bytes and len(self._images) > 1:
                self._bytes -= self._images.popitem(last=False)[1].nbytes

    def has_room_for(self, images: int) -> bool:
        """Whether so many more of the size of the ones in here fit without dropping more than two thirds of them."""
        with self._lock:
            size = next(iter(self._images.values())).nbytes if self._images else 0
            return size * images <= self.budget_bytes * 2 // 3

    def clear(self) -> None:
        with self._lock:
            self._images.clear()
            self._bytes = 0


def _frames_ahead(index: int, direction: int, n_frames: int, cache: _FrameCache) -> list[int]:
    """What to decode next, in decoding order, without a jump back for each."""
    count = _AHEAD[direction]
    while count and not cache.has_room_for(count):
        count //= 2
    if direction >= 0:
        frames = range(index + 1, min(index + 1 + count, n_frames))
        return [frame for frame in frames if cache.get(frame) is None]
    missing = [frame for frame in range(max(0, index - count), index) if cache.get(frame) is None]
    # Each run costs the way to its first frame: not one for every step back.
    return missing if missing and missing[-1] >= index - count // 2 else []


def _prepared(source: FrameSource, index: int) -> Iterator[None]:
    """Prepare jumps to come, a step of some milliseconds each; if that cannot be, they only take longer."""
    if isinstance(source, VideoReader):
        try:
            yield from source.prepare(index)
        except (DCPoseError, OSError):
            return


def first_picture(path: Path) -> ImageArray | None:
    """The first picture of a video file that decodes, without an index; None if there is none to show quickly.

    Only for the eye: its frame index is not known yet.
    """
    container, stream = open_container(path)
    with container:
        for count, (_, picture) in enumerate(decode(stream, numbered(container, stream))):
            if picture is not None and not picture.is_corrupt:
                return to_rgb(
                    picture,
                    VideoReformatter(),
                    width_px=picture.width,
                    height_px=picture.height,
                    orientation=orientation_of(picture),
                )
            if count > 300:
                break
    return None
