"""`VideoReader`: every frame of a video file by its 0-based index, the same pixels however it is reached."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from av.video.reformatter import VideoReformatter

from dcpose_core.errors import VideoError
from dcpose_core.types import FloatArray, Frame
from dcpose_core.video.container import check_is_readable_file
from dcpose_core.video.decoding import to_rgb
from dcpose_core.video.fingerprint import file_fingerprint
from dcpose_core.video.frame_index import FrameIndex, build_frame_index
from dcpose_core.video.index_cache import drop_index, load_index, save_index
from dcpose_core.video.packets import ProgressCallback
from dcpose_core.video.source import DamagedStretch, check_index, check_range, stretches
from dcpose_core.video.waypoints import Waypoints


class VideoReader:
    """Frames of a video file (a `FrameSource`). Open with `VideoReader.open`; not for several threads at once.

    A frame is handed out only when nothing that it is decoded from is damaged; see `dcpose_core.video.exact_pictures`.
    Pixels are those stored, upright; a pixel that is not square stays one pixel.
    """

    def __init__(self, path: Path, fingerprint: str, index: FrameIndex) -> None:
        self._path = path
        self._fingerprint = fingerprint
        self._index = index
        self._index.times_s.setflags(write=False)
        self._pictures = Waypoints(path, index)
        self._reformatter = VideoReformatter()
        self._last: Frame | None = None
        self._closed = False

    @classmethod
    def open(cls, path: str | Path, on_progress: ProgressCallback | None = None) -> Self:
        """Open a video and its frame index, which is made the first time and kept in the cache folder.

        on_progress: called with 0..1 while the index is made; an exception that it raises stops the work and comes
        through. Raises `VideoError` if the file is missing, empty, cut off before anything can be shown, no video,
        without pictures, or of an unknown codec.
        """
        path = Path(path)
        check_is_readable_file(path)
        fingerprint = file_fingerprint(path)
        index = load_index(fingerprint)
        if index is None:
            index = build_frame_index(path, on_progress)
            save_index(fingerprint, index)
        return cls(path, fingerprint, index)

    def close(self) -> None:
        """Release the file and the decoder."""
        self._closed = True
        self._last = None
        self._pictures.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._index)

    @property
    def path(self) -> Path:
        return self._path

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def width_px(self) -> int:
        return self._index.height_px if self._index.orientation[0] else self._index.width_px

    @property
    def height_px(self) -> int:
        return self._index.width_px if self._index.orientation[0] else self._index.height_px

    @property
    def frame_rate(self) -> float:
        return self._index.frame_rate

    @property
    def times_s(self) -> FloatArray:
        return self._index.times_s

    @property
    def damaged(self) -> tuple[DamagedStretch, ...]:
        found = [
            DamagedStretch(first, last, self._damage_message(first, last))
            for first, last in stretches(self._pictures.first.damaged_frames())
        ]
        count, missing = len(self), self._index.missing_at_end
        if missing:
            message = f"the file ends early: about {missing} of the {count + missing} frames it announces are missing"
            found.append(DamagedStretch(count, count + missing - 1, message))
        return tuple(found)

    def read(self, index: int) -> Frame:
        """Frame `index`. Raises `VideoError` if it is damaged, `IndexError` if there is no such frame.

        Reading the next frame goes on where the last one was; any other is reached from its key frame.
        """
        self._check(index)
        if self._last is not None and self._last.index == index:
            return self._last
        try:
            picture = self._pictures.get(index)
        except VideoError:
            drop_index(self._fingerprint)
            raise
        if picture is None:
            raise VideoError(f"{self._path}: {self._damage_message(index, index)}")
        stored = self._index
        image = to_rgb(
            picture,
            self._reformatter,
            width_px=stored.width_px,
            height_px=stored.height_px,
            orientation=stored.orientation,
        )
        self._last = Frame(image=image, index=index, time_s=float(stored.times_s[index]))
        return self._last

    def approach(self, index: int) -> Iterator[None]:
        """Do the work of `read` but for the last of it, one picture a step.

        For a reader whose user may change his mind: given up between two steps, it loses nothing, since what comes
        behind is reached from there. Raises what `read` raises, but not for damage.
        """
        self._check(index)
        if self._last is None or self._last.index != index:
            yield from self._pictures.approach(index)

    def prepare(self, index: int) -> Iterator[None]:
        """Make jumps within the group of pictures of frame `index` quick, one picture a step.

        For time that nobody waits for, between two `read`s. It opens the file several times and holds up to about 180
        MB, see `dcpose_core.video.waypoints`; given up between two steps, it goes on when it is asked for again.
        """
        self._check(index)
        yield from self._pictures.prepare(index)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Frames `start` to `stop` (not included), each decoded once; damaged ones are left out, see `damaged`."""
        for index in check_range(start, stop, len(self), self._path):
            try:
                frame = self.read(index)
            except VideoError:
                if not self._pictures.first.is_damaged(index):
                    raise
            else:
                yield frame

    def _check(self, index: int) -> None:
        if self._closed:
            raise ValueError(f"{self._path}: the video has been closed")
        check_index(index, len(self), self._path)

    def _damage_message(self, first: int, last: int) -> str:
        times_s = self._index.times_s
        if first == last:
            return f"frame {first} ({times_s[first]:.2f} s) cannot be decoded: the file is damaged there"
        span = f"{times_s[first]:.2f} s to {times_s[last]:.2f} s"
        return f"frames {first} to {last} ({span}) cannot be decoded: the file is damaged there"
