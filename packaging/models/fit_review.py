"""Fit the ranking of the review, `dcpose_core/review/ranking.json`, and measure it on what it was not fitted on.

    python packaging/models/fit_review.py FOLDER --motions PATH... --clips CLIP[:FIRST:STOP]... --hold-out CLIP...

FOLDER keeps the sequences, which take an hour or more on a CPU and are made once: the same command goes on with those
that are missing. FIRST and STOP (not included) are frames. Half of the motions, with the synthetic sequences made of
them, and the clips of `--hold-out` are only measured. Without `--output` only the table is printed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from zlib import crc32

import msgspec
import numpy as np
import torch

from dcpose_core.cli.console import announce, messages, out
from dcpose_core.errors import DCPoseError, UsageError
from dcpose_core.estimation import PoseEstimator
from dcpose_core.files import replacing
from dcpose_core.models.catalogue import load_model
from dcpose_core.models.description import DecodeRule
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.review import CHECKS
from dcpose_core.review.assess import block_around, run_checks
from dcpose_core.review.block import Float32, load_block
from dcpose_core.review.limb_reference import LimbReference
from dcpose_core.review.queue import ReviewQueue
from dcpose_core.review.ranking import BARE, SCORED, Ranking, Weights, feature
from dcpose_core.review.source import JOINTS, BoolArray
from dcpose_core.skeletons import POSETRACK_17
from dcpose_core.synthesis.heatmaps import HeatmapSampler
from dcpose_core.synthesis.levels import load_levels
from dcpose_core.synthesis.motion import Motion, read_motions
from dcpose_core.synthesis.sequences import synthetic_sequence
from dcpose_core.training.pseudo_truth import truth_of
from dcpose_core.training.review_sequences import (
    AnsweredSequence,
    answered_clip,
    answered_synthetic,
    with_loose_boxes,
    with_track_faults,
)
from dcpose_core.types import FloatArray, Frame, IntArray
from dcpose_core.video import FrameSource, open_frames

_FRAMES, _RATES_HZ = 72, (15.0, 25.0, 30.0, 30.0, 60.0)
_PERSONS = (0.35, 0.4, 0.25)
_SPOILED_SHARE = (0.1, 0.45)
#: What a check weighs where the samples say nothing, and how firmly: some find something only once in a thousand poses.
_PRIOR, _RIDGE, _STEPS = 1.0, 20.0, 50
#: What files without scores cannot say.
_OF_THE_MODEL = ("low_confidence", "refinement")
#: Poses without scores are labels that somebody made: so many of their joints are taken to be wrong, not as many as of
#: a model's answers.
_WRONG_IN_LABELS = 0.02
_VISITED = (0.05, 0.1, 0.2)


def make_synthetic(folder: Path, motions: Sequence[Motion], model: PoseModel, count: int) -> dict[Path, bool]:
    """File -> whether it is only measured."""
    crop = replace(model.description.crop, decode=DecodeRule.DARK)  # synthetic heatmaps come without offset maps
    without_offsets = PoseModel(replace(model.description, crop=crop), model.backbone, model.temporal)
    sampler = HeatmapSampler(load_levels())
    files = {}
    with closing(_estimator(without_offsets)) as estimator:
        for seed in range(count):
            held_out = seed % 2
            path = folder / f"synth_{seed:03d}.npz"
            files[path] = bool(held_out)
            if path.exists():
                continue
            rng = np.random.default_rng(1000 + seed)
            n_persons = int(rng.choice([1, 2, 3], p=_PERSONS))
            sequence = synthetic_sequence(
                motions[held_out::2],
                sampler,
                crop=crop,
                n_frames=_FRAMES,
                n_persons=n_persons,
                rng=rng,
                rate_hz=float(rng.choice(_RATES_HZ)),
                spoiled_share=float(rng.uniform(*_SPOILED_SHARE)),
            )
            answered_synthetic(sequence, estimator).save(path)
            messages.print(f"{path.name}: {n_persons} persons")
    return files


def make_clips(folder: Path, clips: Sequence[str], held_out: Sequence[str], model: PoseModel) -> dict[Path, bool]:
    """File -> whether it is only measured."""
    files = {}
    with closing(_estimator(model)) as estimator:
        for clip in clips:
            name, first, stop = _stretch(clip)
            path = folder / f"clip_{name.stem}_{first}.npz"
            files[path] = clip in held_out
            if path.exists():
                continue
            with open_frames(name) as whole:
                source = Stretch(whole, first, len(whole) if stop is None else min(stop, len(whole)))
                base = load_model(model.description.backbone_of or model.description.name)
                truths = truth_of(source, base, announce=announce)
                rng = np.random.default_rng(crc32(path.stem.encode()))
                answered_clip(source, truths, estimator, rng).save(path)
            messages.print(f"{path.name}: {len(truths)} person-frames")
    return files


class Stretch:
    """Frames `first` to `stop` (not included) of a source, numbered from 0: a `FrameSource`."""

    def __init__(self, whole: FrameSource, first: int, stop: int) -> None:
        if not 0 <= first < stop:
            raise UsageError(f"{whole.path}: no frames from {first} to {stop}")
        self._whole, self._first, self._stop = whole, first, stop
        self.path, self.width_px, self.height_px = whole.path, whole.width_px, whole.height_px
        self.frame_rate, self.damaged = whole.frame_rate, whole.damaged
        self.times_s = whole.times_s[first:stop]
        self.fingerprint = f"{whole.fingerprint}:{first}:{stop}"

    def __len__(self) -> int:
        return self._stop - self._first

    def read(self, index: int) -> Frame:
        return replace(self._whole.read(self._first + index), index=index)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[Frame]:
        last = len(self) if stop is None else stop
        for frame in self._whole.frames(self._first + start, self._first + last):
            yield replace(frame, index=frame.index - self._first)

    def close(self) -> None:
        self._whole.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _stretch(clip: str) -> tuple[Path, int, int | None]:
    name, *limits = clip.rsplit(":", 2)
    if not limits:
        return Path(name), 0, None
    try:
        first, stop = map(int, limits)
    except ValueError as error:
        raise UsageError(f"{clip}: write CLIP or CLIP:FIRST:STOP") from error
    return Path(name), first, stop


def fit(sequences: Sequence[AnsweredSequence], fitted_on: str) -> Ranking:
    """The ranking that makes what is wrong most likely: of the sequences as they are, and with faults of tracking."""
    samples = [_samples(variant) for sequence in sequences for variant in _variants(sequence)]
    strengths = {check: np.concatenate([sample.strengths[check] for sample in samples]) for check in CHECKS}
    joints, wrong = (np.concatenate([getattr(sample, name) for sample in samples]) for name in ("joints", "wrong"))
    bare = {check: values for check, values in strengths.items() if check not in _OF_THE_MODEL}
    weights = {SCORED: _fit(strengths, joints, wrong), BARE: _fit(bare, joints, wrong)}
    rarer = np.log(_WRONG_IN_LABELS / (1 - _WRONG_IN_LABELS)) - np.log(wrong.mean() / (1 - wrong.mean()))
    biases = _rounded(np.array(weights[BARE].biases) + rarer)
    return Ranking({**weights, BARE: msgspec.structs.replace(weights[BARE], biases=biases)}, fitted_on)


class _Samples(NamedTuple):
    """Joints, one a row. strengths: by check `[N]`. joints: index `[N]`. wrong: bool `[N]`."""

    strengths: dict[str, Float32]
    joints: IntArray
    wrong: BoolArray


def _variants(sequence: AnsweredSequence) -> Iterator[AnsweredSequence]:
    """What is fitted to: the answers as they are, and with faults of tracking."""
    rng = np.random.default_rng(5)
    sequence = with_loose_boxes(sequence, rng)
    yield sequence
    yield with_track_faults(sequence, rng)


def _samples(sequence: AnsweredSequence) -> _Samples:
    n_frames = len(sequence.times_s)
    limbs = LimbReference(n_frames)
    limbs.note(load_block(sequence, 0, n_frames), 0, n_frames)
    limbs.settle()
    block = block_around(sequence, 0, n_frames, limbs)
    wrong, judged = (values[:, block.track_ids] for values in sequence.wrong())
    measured = run_checks(block, CHECKS)
    return _Samples(
        {check: one.strength[judged] for check, one in measured.items()}, np.nonzero(judged)[2], wrong[judged]
    )


def _fit(strengths: dict[str, Float32], joints: IntArray, wrong: BoolArray) -> Weights:
    """Logistic regression by Newton's method with a ridge; left and right have one bias.

    Weights below 0 would let a check clear a joint: such a check is left out and the rest fitted again.
    """
    group = np.minimum(np.arange(JOINTS), POSETRACK_17.flip_order)
    groups, of_joint = np.unique(group, return_inverse=True)
    names = list(strengths)
    while True:
        features = np.stack([feature(strengths[name]) for name in names], axis=1).astype(np.float64)
        design = np.concatenate([features, np.eye(len(groups))[of_joint[joints]], np.ones((len(joints), 1))], axis=1)
        ridge = np.full(design.shape[1], _RIDGE)
        ridge[-1] = 1e-6
        prior = np.zeros(design.shape[1])
        prior[: len(names)] = _PRIOR
        parameters = prior.copy()
        for _ in range(_STEPS):
            probability = 0.5 * (1 + np.tanh(design @ parameters / 2))
            gradient = design.T @ (wrong - probability) - ridge * (parameters - prior)
            curvature = (design * (probability * (1 - probability))[:, None]).T @ design + np.diag(ridge)
            step = np.linalg.solve(curvature, gradient)
            parameters += step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
            if np.abs(step).max() < 1e-8:
                break
        weights = parameters[: len(names)]
        kept = [name for name, weight in zip(names, weights, strict=True) if weight > 0]
        if len(kept) == len(names):
            biases = parameters[-1] + parameters[len(names) : -1][of_joint]
            return Weights(_rounded(biases), dict(zip(names, _rounded(weights), strict=True)))
        names = kept


def _rounded(values: FloatArray) -> tuple[float, ...]:
    return tuple(np.round(values, 4).tolist())


def found_after(sequence: AnsweredSequence, rank: FloatArray) -> FloatArray:
    """Wrong joints on the poses visited first, at each share of `_VISITED`, and all of them, `[len(_VISITED) + 1]`.

    rank: `[F, P]`, the highest first.
    """
    of_pose = sequence.wrong()[0].sum(axis=2)[sequence.present]
    found = np.cumsum(of_pose[np.argsort(-rank[sequence.present], kind="stable")])
    at = [max(int(np.ceil(share * len(found))) - 1, 0) for share in _VISITED]
    return np.array([*found[at], found[-1]], np.float64)


def measure(sequences: Sequence[AnsweredSequence], ranking: Ranking) -> dict[str, FloatArray]:
    """Order -> share of the wrong joints of all sequences that are on the poses visited first."""
    totals: dict[str, FloatArray] = {}
    for tight in sequences:
        sequence = with_loose_boxes(tight, np.random.default_rng(6))
        queue = ReviewQueue(sequence, ranking=ranking)
        for _ in queue.compute():
            pass
        expected = np.zeros(sequence.present.shape)
        for item in queue.items(everyone=True):
            expected[item.frame, item.track_id] = item.expected_wrong
        ranks = {
            "the truth": sequence.wrong()[0].sum(axis=2).astype(np.float64),
            "queue": expected,
            "confidence only": np.where(sequence.located, 1 - sequence.scores, 0).sum(axis=2),
            "random": np.random.default_rng(0).random(sequence.present.shape),
        }
        for name, rank in ranks.items():
            totals[name] = totals.get(name, np.zeros(len(_VISITED) + 1)) + found_after(sequence, rank)
    return {name: total[:-1] / max(total[-1], 1) for name, total in totals.items()}


def _estimator(model: PoseModel) -> PoseEstimator:
    return PoseEstimator(model, device=torch.device("cpu"), batch_size=16, temporal=True, announce=announce)


def run(arguments: argparse.Namespace) -> None:
    strangers = set(arguments.hold_out) - set(arguments.clips)
    if strangers:
        raise UsageError(f"{min(strangers)} is to be held out, but is none of the clips")
    model = load_model(arguments.model)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    motions = [motion for path in arguments.motions for motion in read_motions(path)]
    files = make_synthetic(arguments.folder, motions, model, arguments.sequences)
    files |= make_clips(arguments.folder, arguments.clips, arguments.hold_out, model)
    used = [path for path, held_out in files.items() if not held_out]
    n_clips = sum(path.stem.startswith("clip_") for path in used)
    fitted_on = f"{len(used) - n_clips} synthetic sequences and {n_clips} clips"
    ranking = fit([AnsweredSequence.load(path) for path in used], fitted_on)
    out.print(f"fitted on {fitted_on}")
    for kind in ("synth_", "clip_"):
        held_out = [AnsweredSequence.load(p) for p, held in files.items() if held and p.stem.startswith(kind)]
        if not held_out:
            continue
        out.print(f"{kind}*: wrong joints found after {', '.join(f'{share:.0%}' for share in _VISITED)} of the poses")
        for name, shares in measure(held_out, ranking).items():
            out.print(f"  {name:16} {'  '.join(f'{share:6.1%}' for share in shares)}")
    if arguments.output is not None:
        with replacing(arguments.output) as temporary:
            temporary.write_bytes(msgspec.json.format(msgspec.json.encode(ranking), indent=1) + b"\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--motions", type=Path, nargs="+", required=True, metavar="PATH")
    parser.add_argument("--sequences", type=int, default=40, help="synthetic sequences (default: 40)")
    parser.add_argument("--clips", nargs="*", default=[], metavar="CLIP")
    parser.add_argument("--hold-out", nargs="*", default=[], metavar="CLIP")
    parser.add_argument("--model", default="dcpose_thunder")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the ranking here")
    try:
        run(parser.parse_args())
    except DCPoseError as error:
        messages.print(f"error: {error}")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
