"""Folders of images and numbered sequences are read like a video."""

from __future__ import annotations

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from dcpose_core.errors import VideoError
from dcpose_core.types import ImageArray
from dcpose_core.video import ImageSequenceReader, VideoReader, open_frames
from dcpose_core.video.image_header import stored_size_px
from tests.videos import VIDEO_KINDS, number_image, read_number, write_numbered_video


def _write(path: Path, image: ImageArray) -> Path:
    done, encoded = cv2.imencode(path.suffix, image[..., ::-1])
    assert done
    path.write_bytes(encoded.tobytes())
    return path


def _numbers(reader: VideoReader | ImageSequenceReader) -> list[int]:
    return [read_number(frame.image) for frame in reader.frames()]


def test_a_folder_is_read_in_the_order_a_person_would_count(tmp_path: Path) -> None:
    for number, name in enumerate(["img1.png", "img2.jpg", "Img10.bmp", "img11.webp", "img100.tif", "img101.JPEG"]):
        _write(tmp_path / name, number_image(number))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".img5.png").write_bytes(b"hidden")
    (tmp_path / "img6.png").mkdir()
    with open_frames(tmp_path) as reader:
        assert isinstance(reader, ImageSequenceReader)
        assert _numbers(reader) == [0, 1, 2, 3, 4, 5]
        assert [path.name for path in reader.file_paths][:3] == ["img1.png", "img2.jpg", "Img10.bmp"]
        assert (reader.width_px, reader.height_px, reader.frame_rate) == (160, 96, 25)
        assert reader.times_s.tolist() == [0, 0.04, 0.08, 0.12, 0.16, 0.2]
        assert reader.damaged == ()
        frame = reader.read(4)
        assert (frame.index, frame.time_s, frame.image.flags.writeable) == (4, 0.16, False)
        assert np.array_equal(frame.image, number_image(4))  # TIFF is lossless


def test_a_pattern_reads_the_numbers_there_are(tmp_path: Path) -> None:
    for number in (3, 4, 7, 100000):
        _write(tmp_path / f"shot [1]_{number:05d}.png", number_image(number % 1000))
    _write(tmp_path / "shot [1]_7.png", number_image(999))  # too few digits
    _write(tmp_path / "other_00005.png", number_image(999))
    with open_frames(tmp_path / "shot [1]_%05d.png") as reader:
        assert _numbers(reader) == [3, 4, 7, 0]
    with ImageSequenceReader.open(tmp_path / "shot [1]_%d.png", frame_rate=10) as reader:
        assert reader.times_s[2] == 0.2


def test_a_single_image_is_a_sequence_of_one(tmp_path: Path) -> None:
    path = _write(tmp_path / "img_00012.png", number_image(12))
    _write(tmp_path / "img_00013.png", number_image(13))
    with open_frames(path) as reader:
        assert _numbers(reader) == [12]


def test_a_video_is_opened_as_a_video(tmp_path: Path) -> None:
    path = write_numbered_video(tmp_path / "take%03d.mp4", VIDEO_KINDS["H.264, mp4"], count=8)
    with open_frames(str(path)) as reader:
        assert isinstance(reader, VideoReader)
        assert _numbers(reader) == list(range(8))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photos_are_shown_upright(tmp_path: Path, orientation: int) -> None:
    upright = number_image(5)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright),
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: np.rot90(upright, -1),
    }[orientation]
    path = _write(tmp_path / "photo.jpg", np.ascontiguousarray(stored))
    # EXIF 2.3: a TIFF directory with the one tag 0x0112, behind the start of the image.
    exif = b"Exif\0\0" + struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, 0x0112, 3, 1, orientation, 0)
    content = path.read_bytes()
    path.write_bytes(content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:])
    with open_frames(path) as reader:
        assert (reader.width_px, reader.height_px) == (160, 96)
        assert read_number(reader.read(0).image) == 5


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff"])
@pytest.mark.parametrize("size", [(160, 96), (161, 97), (1, 1), (300, 2)])
def test_the_size_is_in_the_first_bytes(tmp_path: Path, suffix: str, size: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    assert stored_size_px(_write(tmp_path / f"image{suffix}", image)) == size


def test_the_size_of_other_webp_files_and_large_exif_data(tmp_path: Path) -> None:
    image = number_image(1)
    with_alpha = np.dstack([image, np.full(image.shape[:2], 128, np.uint8)])
    lossless = cv2.imencode(".webp", with_alpha, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
    lossy = cv2.imencode(".webp", with_alpha, [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes()
    photo = cv2.imencode(".jpg", image)[1].tobytes()
    padded = photo[:2] + (b"\xff\xe2\xff\xff" + bytes(65533)) * 3 + photo[2:]
    for number, content in enumerate([lossless, lossy, padded]):
        path = tmp_path / f"image{number}"
        path.write_bytes(content)
        assert stored_size_px(path) == (160, 96)


def test_images_of_different_sizes_are_one_error_at_once(tmp_path: Path) -> None:
    for number in range(3):
        _write(tmp_path / f"{number}.png", number_image(number))
    _write(tmp_path / "3.png", number_image(3, 320, 96))
    with pytest.raises(VideoError, match=r"3\.png: this image is 320 x 96 pixels, the others are 160 x 96"):
        open_frames(tmp_path)


def test_unreadable_images_are_listed_and_left_out(tmp_path: Path) -> None:
    for number in range(8):
        _write(tmp_path / f"{number}.jpg", number_image(number))
    (tmp_path / "0.jpg").write_bytes(b"")
    (tmp_path / "3.jpg").write_text("no image")
    (tmp_path / "4.jpg").write_bytes((tmp_path / "4.jpg").read_bytes()[:1000])
    with open_frames(tmp_path) as reader:
        assert len(reader) == 8
        assert _numbers(reader) == [1, 2, 5, 6, 7]
        assert [(stretch.first, stretch.last) for stretch in reader.damaged] == [(0, 0), (3, 4)]
        assert "3.jpg to 4.jpg" in reader.damaged[1].message
        with pytest.raises(VideoError, match=r"3\.jpg: frame 3 cannot be decoded"):
            reader.read(3)


def test_a_folder_with_nothing_to_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(VideoError, match="holds no images"):
        open_frames(tmp_path)
    (tmp_path / "broken.png").write_text("no image")
    with pytest.raises(VideoError, match="none of the 1 images can be decoded"):
        open_frames(tmp_path)
    with pytest.raises(VideoError, match="no such file"):
        open_frames(tmp_path / "missing.png")
    with pytest.raises(VideoError, match="no file in the folder has a name of this form"):
        open_frames(tmp_path / "img_%05d.png")
    with pytest.raises(VideoError, match="there is no folder"):
        open_frames(tmp_path / "missing" / "img_%05d.png")


def test_a_png_with_wrong_checksums_is_damaged(tmp_path: Path) -> None:
    for number in range(2):
        _write(tmp_path / f"{number}.png", number_image(number))
    path = tmp_path / "1.png"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with open_frames(tmp_path) as reader:
        assert _numbers(reader) == [0]
        assert reader.damaged[0].first == 1


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    for number in range(3):
        _write(tmp_path / f"{number}.png", number_image(number))
    with open_frames(tmp_path) as reader:
        first = reader.fingerprint
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    with open_frames(moved) as reader:
        assert reader.fingerprint == first
    _write(moved / "1.png", number_image(7))
    with open_frames(moved) as reader:
        assert reader.fingerprint != first
