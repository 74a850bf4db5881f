"""Make the cache of real heatmap triples on which the embedded temporal head is trained.

    python packaging/models/make_real_triples.py CLIP... -o FOLDER --hold-out CLIP

What is in it: `dcpose_core.training.making_real_triples`. Clips that show the same scene, such as two encodings of one
camera, belong on the same side of `--hold-out`. A person in a frame costs four backbone passes for the truth, a triple
three. Ctrl-C loses the clip at work; the same command goes on with it.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import cv2
import torch

from dcpose_core.cli.console import announce, messages
from dcpose_core.detectors import DETECTORS
from dcpose_core.devices import choose_device
from dcpose_core.errors import DCPoseError, UsageError
from dcpose_core.models.catalogue import load_model
from dcpose_core.training.making_real_triples import make_real_triples
from dcpose_core.training.real_triples import Split

_SECONDS_BETWEEN_REPORTS = 20.0


def make(arguments: argparse.Namespace) -> None:
    strangers = set(arguments.hold_out) - set(arguments.clips)
    if strangers:
        raise UsageError(f"{min(strangers)} is to be held out, but is none of the clips")
    splits: dict[Path, Split] = {
        clip: "validation" if clip in arguments.hold_out else "train" for clip in arguments.clips
    }
    device = choose_device(arguments.device, announce)
    start = last = time.monotonic()
    making = make_real_triples(
        splits,
        arguments.output,
        per_clip=arguments.per_clip,
        model=load_model(arguments.model),
        device=device,
        detector=DETECTORS["multipose"](device=device),
        announce=announce,
        seed=arguments.seed,
    )
    for progress in making:
        if time.monotonic() - last > _SECONDS_BETWEEN_REPORTS:
            last = time.monotonic()
            messages.print(f"{last - start:.0f} s: {progress.stage}, {progress.done} of {progress.total}")
    messages.print(f"{time.monotonic() - start:.0f} s in all, on {device}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--hold-out", type=Path, action="append", default=[], metavar="CLIP", help="not for training")
    parser.add_argument("--per-clip", type=int, default=400, metavar="N", help="triples of each clip (default: 400)")
    parser.add_argument("--model", default="movenet_thunder")
    parser.add_argument("--device", default="cpu", metavar="auto|cpu|cuda[:i]")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (default: 1)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    try:
        make(arguments)
    except DCPoseError as error:
        messages.print(f"error: {error}")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
