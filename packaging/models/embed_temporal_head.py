"""Put a trained head beside the embedded models: float16 weights, and a joint score fitted on samples it has not seen.

    python packaging/models/embed_temporal_head.py RUN --triples FOLDER --motions FILE... --clips CLIP...

RUN is the output folder of `dcpose train`, with the model in it. The score is fitted on the held-out real triples, on
as many synthetic ones, and on boxes in CLIPs without a person: pseudo truth knows only joints that clean frames show
clearly, and a head that has only seen persons makes confident peaks of the faintest noise. Prints how well the score
holds on one half of all this when it is fitted on the other.
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

    real = RealTriples(arguments.triples, split="validation")
    motions = [motion for path in arguments.motions for motion in read_motions(path)]
    synthetic = SyntheticTriples(motions, length=len(real), crop=base.description.crop)
    parts = [read_samples(temporal, data, rule=DecodeRule.DARK, seed=_SEED) for data in (real, synthetic)]
    detector = DETECTORS["multipose"](device=torch.device("cpu"))
    for clip in arguments.clips:
        with open_frames(clip) as source:
            model = PoseModel(base.description, base.backbone, temporal)
            parts.append(read_backgrounds(source, model, detector, count=_BACKGROUNDS, seed=_SEED))
    readings = Readings(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.correct for part in parts]),
        np.concatenate([part.known for part in parts]),
    )
    order = np.random.default_rng(_SEED).permutation(len(readings.known))
    halves = (order[::2], order[1::2])
    first, second = (Readings(readings.values[h], readings.correct[h], readings.known[h]) for h in halves)
    print("fitted on one half of the samples, on the other half:")
    _print_reliability(fit_score(first), second)

    description = replace(
        base.description,
        name=arguments.name,
        title=arguments.title,
        temporal=True,
        head=head,
        settings=settings,
        score=fit_score(readings),
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
