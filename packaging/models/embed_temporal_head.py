"""Put a trained head beside the embedded models: float16 weights, and a fitted joint score.

    python packaging/models/embed_temporal_head.py RUN --triples FOLDER --motions FILE... --clips CLIP...

RUN is the output folder of `dcpose train`, with the model in it. The score is fitted on the real triples that the head
learned from, on as many synthetic ones, and on boxes without a person in the CLIPs they came from: pseudo truth knows
only joints that clean frames show clearly, and a head that has only seen persons makes confident peaks of the faintest
noise. So the clips held out of the triples are held out of everything, and what is printed of them, how well the score
holds there, is honest. A head of some ten thousand weights does not learn samples by heart: a score fitted on held-out
clips alone, of fewer people, holds less well on others.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import safetensors.torch
import torch

from dcpose_core.detectors import DETECTORS
from dcpose_core.errors import WeightsError
from dcpose_core.models.catalogue import load_model, write_model
from dcpose_core.models.description import DecodeRule
from dcpose_core.models.joint_score import JointScore
from dcpose_core.models.pose_model import PoseModel
from dcpose_core.models.temporal_heads import TEMPORAL_HEADS, build_temporal
from dcpose_core.synthesis.motion import read_motions
from dcpose_core.synthesis.triples import SyntheticTriples
from dcpose_core.training.calibration import Readings, fit_score, read_backgrounds, read_samples
from dcpose_core.training.config import RunConfig
from dcpose_core.training.real_triples import RealTriples
from dcpose_core.training.samples import TripleDataset
from dcpose_core.types import FloatArray
from dcpose_core.video import open_frames

_BINS = 5
#: Not the seed of any training: the synthetic samples are others.
_SEED = 977
#: Boxes without a person, of each clip.
_BACKGROUNDS = 60


def embed(arguments: argparse.Namespace) -> None:
    config = msgspec.json.decode((arguments.run / "config.json").read_bytes(), type=RunConfig)
    base = load_model(config.model.base)
    head = config.model.head or "dcpose"
    found = sorted(arguments.run.glob(f"{config.model.name}.safetensors"))
    if not found:
        raise WeightsError(f"{arguments.run}: holds no finished model {config.model.name}; let the training end first")
    state = safetensors.torch.load_file(found[0])
    described = msgspec.json.decode((arguments.run / f"{config.model.name}.json").read_bytes())
    settings = msgspec.convert(described["settings"] or {}, TEMPORAL_HEADS[head].settings)
    temporal = build_temporal(head, settings)
    prefix = "temporal."
    temporal.load_state_dict({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
    temporal.half().float().eval()  # what is fitted below is what a user will load

    learned, held_out = (RealTriples(arguments.triples, split=split) for split in ("train", "validation"))
    motions = [motion for path in arguments.motions for motion in read_motions(path)]
    synthetic = SyntheticTriples(motions, length=len(learned), crop=base.description.crop)
    others = SyntheticTriples(motions, length=len(held_out), crop=base.description.crop)
    names_held_out = {clip.name for clip in held_out.index.clips if clip.split == "validation"}
    backgrounds: dict[bool, list[Readings]] = {True: [], False: []}
    detector = DETECTORS["multipose"](device=torch.device("cpu"))
    model = PoseModel(base.description, base.backbone, temporal)
    for clip in arguments.clips:
        with open_frames(clip) as source:
            found_empty = read_backgrounds(source, model, detector, count=_BACKGROUNDS, seed=_SEED)
        backgrounds[clip.stem in names_held_out].append(found_empty)

    def read(samples: TripleDataset, seed: int) -> Readings:
        return read_samples(temporal, samples, rule=DecodeRule.DARK, seed=seed)

    score = fit_score(_join([read(learned, _SEED), read(synthetic, _SEED), *backgrounds[False]]))
    print("clips that neither the head nor the score has seen:")
    _print_reliability(score, _join([read(held_out, _SEED), *backgrounds[True]]))
    print("other synthetic samples:")
    _print_reliability(score, read(others, _SEED + 1))

    description = replace(
        base.description,
        name=arguments.name,
        title=arguments.title,
        temporal=True,
        head=head,
        settings=settings,
        score=score,
        backbone_of=config.model.base,
        licence=arguments.licence,
        origin=arguments.origin,
        notes=arguments.notes,
        max_interval=config.model.max_interval,
        sha256="",
    )
    written = write_model(PoseModel(description, base.backbone, temporal.half()), arguments.output)
    size = (arguments.output / f"{arguments.name}.safetensors").stat().st_size
    print(f"{arguments.output / arguments.name}: {size} bytes, sha256 {written.sha256}")


def _join(parts: list[Readings]) -> Readings:
    values, correct, known = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Readings(values, correct, known)


def _print_reliability(score: JointScore, readings: Readings) -> None:
    values = torch.from_numpy(readings.values)
    probability: FloatArray = score.probability(values).numpy()[readings.known]
    right = readings.correct[readings.known]
    bins = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    for number in range(_BINS):
        chosen = bins == number
        if chosen.any():
            print(
                f"  score {number / _BINS:.1f} to {(number + 1) / _BINS:.1f}: {chosen.sum():6d} joints, "
                f"mean score {probability[chosen].mean():.2f}, right {right[chosen].mean():.2f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--triples", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--motions", type=Path, nargs="+", required=True, metavar="FILE", help="captured motion")
    parser.add_argument("--clips", type=Path, nargs="+", required=True, metavar="CLIP", help="for boxes with nobody in")
    parser.add_argument("--name", default="dcpose_thunder")
    parser.add_argument("--title", default="DCPose (slim) on MoveNet Thunder (embedded)")
    parser.add_argument("--licence", default="Apache-2.0 (backbone and temporal modules)")
    parser.add_argument("--origin", default="temporal modules: `make train-default`; backbone: movenet_thunder")
    parser.add_argument("--notes", default="Data, recipe, figures and limits: dcpose_thunder.md, beside the weights.")
    parser.add_argument("-o", "--output", type=Path, default=Path("resources/models"), metavar="FOLDER")
    embed(parser.parse_args())


if __name__ == "__main__":
    main()
