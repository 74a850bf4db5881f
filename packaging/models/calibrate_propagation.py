"""Fit what the confidences of propagators mean, measure them, and draw their reliability curves.

    python packaging/models/calibrate_propagation.py CLIP... --motions CMU.tar.xz --cache FOLDER -o calibration.json

From what and how: `dcpose_core.training.propagation_worlds` and `propagation_trials`. The pseudo truth of the clips and
the model's answers are kept in the cache folder. The figures that are printed at the end are of the same clips; with
--measure nothing is fitted, and they say what the program's own calibration is worth on clips that it has not seen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

import cv2
import numpy as np
import torch

from dcpose_core.cli.console import announce, messages
from dcpose_core.detectors import DETECTORS
from dcpose_core.errors import DCPoseError
from dcpose_core.estimation import PoseEstimator
from dcpose_core.files import replacing, write_files
from dcpose_core.models.catalogue import load_model
from dcpose_core.propagation import PROPAGATORS
from dcpose_core.propagation.calibration import RIGHT_HEAD_LENGTHS, encode, using
from dcpose_core.synthesis.motion import read_motions
from dcpose_core.trackers import TRACKERS
from dcpose_core.training.propagation_trials import Outcome, calibrate, reliability, run
from dcpose_core.training.propagation_worlds import real_worlds, save_truth, synthetic_worlds
from dcpose_core.training.pseudo_truth import PersonTruth, pseudo_truth
from dcpose_core.video import open_frames

_SCENES = 60
#: Each so manieth task is measured in the end.
_MEASURED = 5
_STEPS_SHOWN = (1, 2, 5, 10)


def truth_file(clip: Path, cache: Path) -> Path:
    """Where the pseudo truth of a clip is kept; made if it is not there."""
    file = cache / f"{clip.stem}.truth.npz"
    if not file.exists():
        messages.print(f"looking for the truth of {clip.name}")
        device = torch.device("cpu")
        with open_frames(clip) as source:
            looking = pseudo_truth(
                source,
                model=load_model("movenet_thunder"),
                device=device,
                detector=DETECTORS["multipose"](device=device),
                tracker=TRACKERS["motion_oks"](),
                announce=announce,
            )
            truths: list[PersonTruth] | None = None
            while truths is None:
                try:
                    next(looking)
                except StopIteration as stop:
                    truths = stop.value
        save_truth(truths, file)
    return file


def report(outcomes: Sequence[Outcome], spent_ms: Mapping[str, float]) -> None:
    """Median error in head lengths and share of wrong joints by steps and method; how far to believe confidences."""
    for between in (False, True):
        print(
            "between two human frames" if between else "from one human frame", "(steps: median error, wrong, model's)"
        )
        for method, milliseconds in spent_ms.items():
            cells = []
            for steps in _STEPS_SHOWN:
                chosen = [o for o in outcomes if o.method == method and (o.gap > 0) == between and o.steps == steps]
                if chosen:
                    errors, stays = np.array([(o.error, o.stays) for o in chosen]).T
                    wrong, stays_wrong = (100 * np.mean(e > RIGHT_HEAD_LENGTHS) for e in (errors, stays))
                    cells.append(f"{steps}: {np.median(errors):.3f} {wrong:4.1f} % {stays_wrong:4.1f} %")
            if cells:
                print(f"  {method:12} {'   '.join(cells)}   {milliseconds:.1f} ms")
    print("confidence / share of right joints (joints)")
    for method, classes in reliability(outcomes).items():
        print(f"  {method:12} {'  '.join(f'{said:.2f}/{was:.2f} ({joints})' for said, was, joints in classes)}")


def plot(outcomes: Sequence[Outcome], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.6), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for method, classes in reliability(outcomes).items():
        said, was, _ = zip(*classes, strict=True)
        axes.plot(said, was, "o-", markersize=3, label=method)
    axes.set(xlabel="confidence", ylabel="share within 0.2 head lengths", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--motions", type=Path, metavar="ARCHIVE", help="captured motion, for interpolation")
    parser.add_argument("--cache", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("-o", "--output", type=Path, metavar="calibration.json")
    parser.add_argument("--measure", action="store_true", help="fit nothing")
    parser.add_argument("--plot", type=Path, metavar="FIGURE.png", help="draw the reliability curves")
    parser.add_argument("--model", default="dcpose_thunder")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (default: 1)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    cv2.setNumThreads(arguments.threads)
    arguments.cache.mkdir(parents=True, exist_ok=True)
    try:
        work(arguments)
    except DCPoseError as error:
        messages.print(f"error: {error}")
        return error.exit_status
    return 0


def work(arguments: argparse.Namespace) -> None:
    seed: int = arguments.seed
    model = load_model(arguments.model)
    device = torch.device("cpu")
    estimator = PoseEstimator(model, device=device, batch_size=4, temporal=True, announce=announce)
    with closing(estimator):
        files = {clip: truth_file(clip, arguments.cache) for clip in arguments.clips}
        worlds = [world for clip, file in files.items() for world in real_worlds(clip, file, estimator, seed=seed)]
        if arguments.motions is not None:
            worlds += synthetic_worlds(read_motions(arguments.motions), count=_SCENES, seed=seed)
        messages.print(f"{len(worlds)} worlds")
        table = None
        if not arguments.measure:
            table = {}
            for voice, calibration, count in calibrate(worlds, seed=seed):
                table[voice] = calibration
                messages.print(f"{voice}: {count} joints, {calibration.weights}")
            if arguments.output is not None:
                write_files({arguments.output: encode(table)})
        with nullcontext() if table is None else using(table):
            outcomes, spent_ms = run(worlds, tuple(PROPAGATORS), every=_MEASURED, seed=seed + 100)
    report(outcomes, spent_ms)
    if arguments.plot is not None:
        plot(outcomes, arguments.plot)


if __name__ == "__main__":
    sys.exit(main())
