"""Fit what the confidences of propagators mean, measure them on what was held out, and draw reliability curves.

    python packaging/models/calibrate_propagation.py CLIP... --motions FILE --cache FOLDER -o calibration.json --measure

From what and how: `dcpose_core.training.propagation_worlds` and `propagation_trials`. The clips' pseudo truth is kept
in the cache folder; what the model and its networks said there is kept in a folder of these very weights. What is
written is fitted on all. What is measured is held out: the clips and synthetic sequences are halved, and each half is
judged by what was fitted on the other one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import torch

from dcpose_core.cli.console import announce, messages
from dcpose_core.errors import DCPoseError
from dcpose_core.estimation import PoseEstimator
from dcpose_core.files import replacing, write_files
from dcpose_core.models.catalogue import load_model
from dcpose_core.propagation import PROPAGATORS
from dcpose_core.propagation.calibration import RIGHT_HEAD_LENGTHS, Calibration, encode, using
from dcpose_core.synthesis.motion import read_motions
from dcpose_core.training.propagation_trials import Outcome, Trial, calibrate, reliability, run
from dcpose_core.training.propagation_worlds import STRIDES, real_worlds, save_truth, synthetic_worlds
from dcpose_core.training.pseudo_truth import truth_of
from dcpose_core.video import open_frames

_STEPS_SHOWN = (1, 2, 4, 8)
_LEAST = (0.0, 0.5)
#: Drawn: what people choose from, without what draws lines.
_DRAWN = ("blend", "dcpose", "flow", "flow_dis")


def truth_file(clip: Path, cache: Path) -> Path:
    """Where the pseudo truth of a clip is kept; made if it is not there."""
    file = cache / f"{clip.stem}.truth.npz"
    if not file.exists():
        messages.print(f"looking for the truth of {clip.name}")
        with open_frames(clip) as source:
            truths = truth_of(source, load_model("movenet_thunder"), announce=announce)
        save_truth(truths, file)
    return file


def halves(trials: Sequence[Trial]) -> list[tuple[list[Trial], list[Trial]]]:
    """What to fit on and what to judge, twice: every second clip and every second synthetic sequence in turn."""
    first = set(sorted({trial.world.clip for trial in trials})[::2])
    parts = [one for one in trials if one.world.clip in first], [one for one in trials if one.world.clip not in first]
    return [parts, (parts[1], parts[0])]


def report(outcomes: Sequence[Outcome]) -> None:
    """Share of wrong joints before and after by steps and method; what accepting the sure ones does; reliability."""
    for has_images in (True, False):
        print("clips" if has_images else "synthetic sequences", "(frames away: wrong before -> after, %; joints)")
        shown = [one for one in outcomes if one.world.startswith("synthetic") != has_images]
        for method in dict.fromkeys(one.method for one in shown):
            of_method = [one for one in shown if one.method == method]
            cells = []
            for steps in _STEPS_SHOWN:
                pairs = [(one.stays, one.error) for one in of_method if one.steps == steps]
                if pairs:
                    before, after = 100 * (np.array(pairs) > RIGHT_HEAD_LENGTHS).mean(axis=0)
                    cells.append(f"{steps}: {before:4.1f} -> {after:4.1f} ({len(pairs)})")
            print(f"  {method:12} {'   '.join(cells)}")
            for least in _LEAST:
                print(f"  {'':12} {_accepted(of_method, least)}")
    print("confidence / share of right joints (joints)")
    for method, classes in reliability(outcomes).items():
        print(f"  {method:12} {'  '.join(f'{said:.2f}/{was:.2f} ({joints})' for said, was, joints in classes)}")


def _accepted(outcomes: Sequence[Outcome], least: float) -> str:
    """What comes of accepting without a look what is sure, as `ProposedPose.sure` has it."""
    sure = np.array([one.confidence >= max(least, one.as_is) for one in outcomes])
    wrong, after = np.array([(one.stays, one.error) for one in outcomes]).T > RIGHT_HEAD_LENGTHS
    repaired, spoiled = (sure & wrong & ~after).sum(), (sure & ~wrong & after).sum()
    return (
        f"accepted from {least:.0%} on: {repaired} of {wrong.sum()} wrong joints repaired, "
        f"{spoiled} of {(~wrong).sum()} right ones spoiled"
    )


def plot(outcomes: Sequence[Outcome], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.6), dpi=100, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    curves = reliability(outcomes)
    for method in _DRAWN:
        if curves.get(method):
            said, was, _ = zip(*curves[method], strict=True)
            axes.plot(said, was, "o-", markersize=3, label=method)
    axes.set(xlabel="confidence", ylabel="share within 0.2 head lengths", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--motions", type=Path, nargs="+", required=True, metavar="FILE", help="captured motion")
    parser.add_argument("--cache", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("-o", "--output", type=Path, metavar="calibration.json")
    parser.add_argument("--measure", action="store_true", help="print how good confidences and choices are, held out")
    parser.add_argument("--plot", type=Path, metavar="FIGURE.png", help="draw the reliability curves; measures, too")
    parser.add_argument(
        "--strides",
        type=int,
        nargs="+",
        default=STRIDES,
        metavar="N",
        help="every Nth frame of clips (default: 1 2 4)",
    )
    parser.add_argument("--sequences", type=int, default=8, metavar="N", help="synthetic ones (default: 8)")
    parser.add_argument("--model", default="dcpose_thunder")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (default: 1)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.measure |= arguments.plot is not None
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
    cache: Path = arguments.cache
    model = load_model(arguments.model)
    of_model = cache / f"{arguments.model} {model.description.sha256[:8]}"
    of_model.mkdir(exist_ok=True)
    device = torch.device("cpu")
    estimator = PoseEstimator(model, device=device, batch_size=4, temporal=True, announce=announce)
    with closing(estimator):
        worlds = [
            world
            for clip in arguments.clips
            for world in real_worlds(
                clip, truth_file(clip, cache), estimator, cache=of_model, seed=seed, strides=arguments.strides
            )
        ]
        motions = [motion for path in arguments.motions for motion in read_motions(path)]
        worlds += synthetic_worlds(
            motions, estimator, crop=model.description.crop, count=arguments.sequences, seed=seed, cache=of_model
        )
        messages.print(f"{len(worlds)} worlds")
        trials = [Trial(world, seed, of_model) for world in worlds]
        if arguments.output is not None:
            table: dict[str, Calibration] = {}
            for voice, calibration, count in calibrate(trials):
                table[voice] = calibration
                messages.print(f"{voice}: {count} joints, {calibration.weights}")
            write_files({arguments.output: encode(table)})
        if not arguments.measure:
            return
        outcomes: list[Outcome] = []
        for fitted_on, held_out in halves(trials):
            table = {voice: calibration for voice, calibration, _ in calibrate(fitted_on)}
            with using(table):
                outcomes += run(held_out, tuple(PROPAGATORS))
    report(outcomes)
    if arguments.plot is not None:
        plot(outcomes, arguments.plot)


if __name__ == "__main__":
    sys.exit(main())
