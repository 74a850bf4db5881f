"""`ImageSequenceReader`: a folder of images, or a numbered sequence, read as a video."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from dcpose_core.errors import VideoError
from dcpose_core.types import FloatArray, Frame, ImageArray
from dcpose_core.video.fingerprint import files_fingerprint
from dcpose_core.video.image_header import stored_size_px
from dcpose_core.video.source import DamagedStretch, check_index, check_range, stretches

IMAGE_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"))

_DEFAULT_RATE = 25.0
_NUMBER_PATTERN = re.compile(r"%(0\d+|)d")


class ImageSequenceReader:
    """Frames from image files (a `FrameSource`), one file each. Open with `ImageSequenceReader.open`.

    file_paths: the image file of each frame.
    """

    def __init__(self, path: Path, file_paths: tuple[Path, ...], frame_rate: float) -> None:
        self._path = path
        self.file_paths = file_paths
        self._frame_rate = frame_rate
        self._times_s = np.arange(len(file_paths)) / frame_rate
        self._times_s.setflags(write=False)
        self._fingerprint = files_fingerprint(file_paths)
        self._damaged = np.zeros(len(file_paths), dtype=np.bool_)
        self._check_headers()
        first = self._first_image()
        self._height_px, self._width_px = first.shape[:2]
        self._closed = False

    @classmethod
    def open(cls, path: str | Path, frame_rate: float = _DEFAULT_RATE) -> Self:
        """Open a folder of images, a numbered sequence such as `shots/img_%05d.png`, or a single image.

        The frames of a folder are its jpg, png, bmp, webp and tiff files, hidden ones left out, in natural order of
        their names (`img2` before `img10`); those of a pattern are the files there are, by number. Times count from
        0 with `frame_rate`. Images are shown upright, as their EXIF data says.

        Raises `VideoError` if there is nothing to read, or if the images differ in size.
        """
        path = Path(path)
        if not frame_rate > 0:
            raise VideoError(f"{path}: the frame rate of images has to be above 0, not {frame_rate}")
        try:
            files = _files_of(path)
        except OSError as error:
            raise VideoError(f"{path}: the images cannot be listed ({error.strerror or error})") from error
        try:
            return cls(path, files, frame_rate)
        except OSError as error:
            raise VideoError(f"{path}: the images cannot be read ({error.strerror or error})") from error

    def close(self) -> None:
        """Nothing is held open between reads; further reads are refused, as for a video file."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.file_paths)

    @property
    def path(self) -> Path:
        return self._path

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def width_px(self) -> int:
        return int(self._width_px)

    @property
    def height_px(self) -> int:
        return int(self._height_px)

    @property
    def frame_rate(self) -> float:
        return self._frame_rate

    @property
    def times_s(self) -> FloatArray:
        return self._times_s

    @property
    def damaged(self) -> tuple[DamagedStretch, ...]:
        return tuple(
            DamagedStretch(first, last, self._damage_message(first, last)) for first, last in stretches(self._damaged)
        )

    def read(self, index: int) -> Frame:
        """Frame `index`. Raises `VideoError` if its file is damaged or its size differs, `IndexError` if it is none."""
        if self._closed:
            raise ValueError(f"{self._path}: the images have been closed")
        check_index(index, len(self), self._path)
        image = None if self._damaged[index] else read_image(self.file_paths[index])
        if image is None:
            self._damaged[index] = True
            raise VideoError(f"{self.file_paths[index]}: {self._damage_message(index, index)}")
        if image.shape != (self._height_px, self._width_px, 3):
            raise VideoError(self._size_message(index, image.shape[1], image.shape[0], self._width_px, self._height_px))
        return Frame(image=image, index=index, time_s=float(self._times_s[index]))

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        """Frames `start` to `stop` (not included); damaged ones are left out, see `damaged`."""
        for index in check_range(start, stop, len(self), self._path):
            try:
                frame = self.read(index)
            except VideoError:
                if not self._damaged[index]:
                    raise
            else:
                yield frame

    def _check_headers(self) -> None:
        """Find files that are no images, and sizes that differ, before hours of work stop at them."""
        first: tuple[int, int] | None = None
        for index, path in enumerate(self.file_paths):
            size = stored_size_px(path)
            if size is None:
                self._damaged[index] = True
            elif first is None:
                first = size
            elif size != first:
                raise VideoError(self._size_message(index, *size, *first))

    def _first_image(self) -> ImageArray:
        for index, path in enumerate(self.file_paths):
            if not self._damaged[index]:
                image = read_image(path)
                if image is not None:
                    return image
                self._damaged[index] = True
        raise VideoError(f"{self._path}: none of the {len(self)} images can be decoded")

    def _size_message(self, index: int, width: int, height: int, other_width: int, other_height: int) -> str:
        return (
            f"{self.file_paths[index]}: this image is {width} x {height} pixels, the others are "
            f"{other_width} x {other_height}; give images of one size"
        )

    def _damage_message(self, first: int, last: int) -> str:
        names = [self.file_paths[index].name for index in (first, last)]
        if first == last:
            return f"frame {first} cannot be decoded: {names[0]} is no image, or damaged"
        return f"frames {first} to {last} cannot be decoded: {names[0]} to {names[1]} are no images, or damaged"


def is_pattern(path: Path) -> bool:
    """Whether the name stands for a numbered sequence, and not for a file that is called so."""
    return _NUMBER_PATTERN.search(path.name) is not None and not path.exists()


def _files_of(path: Path) -> tuple[Path, ...]:
    if path.is_dir():
        files = [f for f in path.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith(".")]
        files = sorted((f for f in files if f.is_file()), key=lambda f: _natural_order(f.name))
        if not files:
            raise VideoError(f"{path}: the folder holds no images (jpg, png, bmp, webp or tiff)")
        return tuple(files)
    if is_pattern(path):
        return _files_of_pattern(path)
    if not path.exists():
        raise VideoError(f"{path}: there is no such file or folder; check the path")
    if not path.is_file():
        raise VideoError(f"{path}: this is neither a folder nor an ordinary file")
    return (path,)


def _files_of_pattern(path: Path) -> tuple[Path, ...]:
    match = _NUMBER_PATTERN.search(path.name)
    assert match is not None
    digits = int(match[1] or 1)
    wanted = re.compile(
        re.escape(path.name[: match.start()]) + rf"(\d{{{digits},}})" + re.escape(path.name[match.end() :])
    )
    if not path.parent.is_dir():
        raise VideoError(f"{path}: there is no folder {path.parent}")
    numbered = {
        int(found[1]): file
        for file in path.parent.iterdir()
        if (found := wanted.fullmatch(file.name)) and file.is_file()
    }
    if not numbered:
        raise VideoError(f"{path}: no file in the folder has a name of this form")
    return tuple(file for _, file in sorted(numbered.items()))


def _natural_order(name: str) -> tuple[list[tuple[str, int]], str]:
    parts = re.findall(r"(\D*)(\d*)", name.casefold())
    return [(text, int(number or -1)) for text, number in parts], name


def read_image(path: Path) -> ImageArray | None:
    """Upright uint8 `[H, W, 3]` RGB, read-only, or None if the file is no intact image."""
    try:
        data = np.fromfile(path, dtype=np.uint8)
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if len(data) else None
    except (OSError, cv2.error):
        return None
    if bgr is None:
        return None
    image: ImageArray = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    image.setflags(write=False)
    return image
