"""Make the bundled sample clip from the demo video of the PyPI package `sports2d==0.8.34` (BSD-3-Clause).

    python packaging/make_sample_clip.py sports2d-0.8.34-py3-none-any.whl resources/clips/sample.mp4

The wheel comes from `pip download --no-deps sports2d==0.8.34`. Frames 40 to 219 of the 230 are kept (jumping jacks,
a walker, a crossing, a backflip), scaled to 1280 x 720 and encoded as H.264 with B-frames at 30 frames per second.
"""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from fractions import Fraction
from pathlib import Path

import av

WHEEL_SHA256 = "733b6db70742636ae9c35d870c22bd416582f579abd5881bee93a14bb0e2655d"
MEMBER = "Sports2D/Demo/demo.mp4"
FIRST, STOP = 40, 220
SIZE = (1280, 720)
RATE = 30


def main(wheel: Path, clip: Path) -> None:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        sys.exit(f"{wheel}: SHA-256 is {digest}, expected {WHEEL_SHA256}")
    demo = io.BytesIO(zipfile.ZipFile(wheel).read(MEMBER))
    with av.open(demo, "r") as source, av.open(str(clip), "w", options={"movflags": "+faststart"}) as target:
        stream = target.add_stream("libx264", rate=RATE, options={"crf": "22", "preset": "veryslow"})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        for index, frame in enumerate(source.decode(video=0)):
            if not FIRST <= index < STOP:
                continue
            scaled = frame.reformat(width=SIZE[0], height=SIZE[1], format="yuv420p", interpolation="AREA")
            scaled.pts, scaled.time_base = index - FIRST, Fraction(1, RATE)
            target.mux(stream.encode(scaled))
        target.mux(stream.encode(None))
    print(f"{clip}: {clip.stat().st_size / 1e6:.2f} MB, SHA-256 {hashlib.sha256(clip.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
