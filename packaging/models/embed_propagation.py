"""Put what the propagators `dcpose` and `warp` need into resources/propagation: weights, and confidences for chains.

    python packaging/models/embed_propagation.py WARP --motions FILE... --clips CLIP... --cache FOLDER

WARP is the output folder of train_label_warp.py. The confidence of a proposal is fitted on walks over synthetic
sequences of other seeds than the training's, and over CLIPS, half spoiled, whose pseudo truth calibrate_propagation.py
has put into the cache folder: from joints that a person set, so many frames in both directions, and whether what was
found lay within 0.2 head lengths. Prints how well it holds on persons that it was not fitted on.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from dcpose_core.estimation import Estimates, Evidence, PoseEstimator, WindowEvidence
from dcpose_core.files import write_files
from dcpose_core.models.catalogue import load_model
from dcpose_core.models.description import DecodeRule
from dcpose_core.propagation.calibration import RIGHT_HEAD_LENGTHS, Calibration, fit, sigmoid
from dcpose_core.propagation.human_frames import HumanFrames
from dcpose_core.propagation.label_heatmaps import LABEL_SIGMA_CELLS
from dcpose_core.propagation.label_walk import LabelWalk
from dcpose_core.propagation.label_warp import LabelWarpSettings
from dcpose_core.propagation.networks import READINGS, LabelNetwork, NetworkDescription, open_network
from dcpose_core.propagation.proposals import JOINTS
from dcpose_core.synthesis.heatmaps import HeatmapSampler
from dcpose_core.synthesis.levels import load_levels
from dcpose_core.synthesis.motion import Motion, read_motions
from dcpose_core.synthesis.sequences import synthetic_sequence
from dcpose_core.training.propagation_worlds import World, real_worlds
from dcpose_core.training.settings import SubcellTargets
from dcpose_core.types import FloatArray, ImageArray

#: Not the seed of any training.
_SEED = 977
_SEQUENCES, _FRAMES, _PERSONS = 12, 40, 2
#: A walk from every so many frames, this far in both directions; and one between two labels so far apart.
_STRIDE, _FARTHEST, _GAP = 9, 10, 6
#: How far a joint moves from one frame to the next, cells. Of 3, 4, 5, 6 and 8 the best balance of joints repaired and
#: spoiled on held-out clips.
_PRIOR_SIGMA_CELLS = 6.0
_BINS = 5


class KnownHeatmaps(NamedTuple):
    """A `Footage` of one person whose heatmaps are given."""

    looks: Sequence[Evidence]

    @property
    def n_frames(self) -> int:
        return len(self.looks)

    def image(self, frame: int) -> ImageArray:
        raise NotImplementedError(f"frame {frame} has no image, only heatmaps")

    def estimate(self, windows: Sequence[WindowEvidence]) -> Estimates:
        raise NotImplementedError(f"nothing is estimated of {len(windows)} windows")

    def evidence(self, frame: int, box_xyxy: FloatArray) -> Evidence:  # noqa: ARG002
        return self.looks[frame]


class Walks(NamedTuple):
    """readings: `[N]` each. correct: bool `[N]`. joints, world: int `[N]`."""

    readings: dict[str, FloatArray]
    correct: NDArray[np.bool_]
    joints: NDArray[np.int64]
    world: NDArray[np.int64]

    def of(self, chosen: NDArray[np.bool_]) -> Walks:
        readings = {name: values[chosen] for name, values in self.readings.items()}
        return Walks(readings, self.correct[chosen], self.joints[chosen], self.world[chosen])

    def fit(self) -> Calibration:
        return fit(self.readings, correct=self.correct, joints=self.joints)


def heatmap_worlds(motions: Sequence[Motion], *, seed: int) -> Iterator[World]:
    """Persons of synthetic sequences, with heatmaps as the backbone would make them."""
    crop, sampler = load_model("movenet_thunder").description.crop, HeatmapSampler(load_levels())
    for number in range(_SEQUENCES):
        rng = np.random.default_rng((seed, number))
        made = synthetic_sequence(motions, sampler, crop=crop, n_frames=_FRAMES, n_persons=_PERSONS, rng=rng)
        for person in range(_PERSONS):
            looks = [
                Evidence(made.heatmaps[frame, person].float(), None, made.matrices[frame, person])
                for frame in range(_FRAMES)
            ]
            joints = made.joints_px[:, person]
            known = np.ones(joints.shape[:2], np.bool_)
            yield World(
                name="synthetic",
                frames=np.arange(_FRAMES),
                joints=joints,
                known=known,
                answers=joints,
                scores=known.astype(np.float64),
                footage=KnownHeatmaps(looks),
                boxes=made.boxes_xyxy[:, person],
            )


def walk(network: LabelNetwork, worlds: Sequence[World]) -> Walks:
    """Walks from every so many frames of every person, with what was read and whether the joint was right."""
    rng = np.random.default_rng(_SEED)
    rows: list[tuple[list[float], bool, int, int]] = []
    for number, world in enumerate(worlds):
        present = set(world.frames.tolist())
        for start in world.frames[_STRIDE // 2 :: _STRIDE].tolist():
            for direction in (1, -1):
                for human, steps in (((start,), _FARTHEST), ((start, start + direction * _GAP), _GAP - 1)):
                    targets = [start + direction * step for step in range(1, steps + 1)]
                    if not present.issuperset((*human, *targets)):
                        continue
                    track = world.track(human, rng)
                    every = np.ones(JOINTS, np.bool_)
                    going = LabelWalk(
                        track, world.footage, network, HumanFrames(track, targets), every, 1 if direction > 0 else -1
                    )
                    for frame in targets:
                        standing = going.at(frame)
                        errors, known = world.errors(frame, standing.keypoints, track)
                        for joint in np.flatnonzero(standing.known & known).tolist():
                            read = [float(standing.readings[name][joint]) for name in READINGS]
                            rows.append((read, bool(errors[joint] <= RIGHT_HEAD_LENGTHS), joint, number))
    values, correct, joints, numbers = zip(*rows, strict=True)
    columns = np.array(values).T
    return Walks(dict(zip(READINGS, columns, strict=True)), np.array(correct), np.array(joints), np.array(numbers))


def print_reliability(calibration: Calibration, walks: Walks) -> None:
    logit = np.array(calibration.biases)[walks.joints]
    for name, weight in calibration.weights.items():
        logit = logit + weight * walks.readings[name]
    probability = sigmoid(logit)
    bins = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    for number in range(_BINS):
        chosen = bins == number
        if chosen.any():
            print(
                f"  confidence {number / _BINS:.1f} to {(number + 1) / _BINS:.1f}: {chosen.sum():6d} joints, "
                f"mean {probability[chosen].mean():.2f}, right {walks.correct[chosen].mean():.2f}"
            )


def networks(warp: Path) -> Iterator[tuple[NetworkDescription, bytes]]:
    """Both networks, not calibrated yet, with the weights of their own."""
    state = safetensors.torch.load_file(warp / "label_warp.safetensors")
    weights = safetensors.torch.save({key: tensor.half().contiguous() for key, tensor in state.items()})
    unfitted = Calibration({}, (0.0,) * JOINTS)
    yield (
        NetworkDescription(
            name="dcpose",
            title="DCPose (slim) with a label for a neighbour",
            kind="slim_dcpose",
            model="dcpose_thunder",
            beside="beyond",
            label_sigma_cells=LABEL_SIGMA_CELLS,
            prior_sigma_cells=_PRIOR_SIGMA_CELLS,
            confidence=unfitted,
            origin="the temporal modules of dcpose_thunder; confidence: packaging/models/embed_propagation.py",
            backbone="movenet_thunder",
            rule=DecodeRule.DARK,
            licence="Apache-2.0",
        ),
        b"",
    )
    yield (
        NetworkDescription(
            name="label_warp",
            title="Warping of labels",
            kind="label_warp",
            settings=msgspec.to_builtins(LabelWarpSettings()),
            beside="labelled",
            label_sigma_cells=SubcellTargets().sigma,
            prior_sigma_cells=None,
            confidence=unfitted,
            origin="packaging/models/train_label_warp.py and embed_propagation.py; see README.md beside it",
            sha256=hashlib.sha256(weights).hexdigest(),
            backbone="movenet_thunder",
            rule=DecodeRule.DARK,
            licence="Apache-2.0",
        ),
        weights,
    )


def embed(arguments: argparse.Namespace) -> None:
    motions = [motion for path in arguments.motions for motion in read_motions(path)]
    worlds = list(heatmap_worlds(motions, seed=_SEED))
    model = load_model("dcpose_thunder")
    estimator = PoseEstimator(model, device=torch.device("cpu"), batch_size=4, temporal=True, announce=print)
    with closing(estimator):
        for clip in arguments.clips:
            worlds += real_worlds(clip, arguments.cache / f"{clip.stem}.truth.npz", estimator, seed=0)
        print(f"{len(worlds)} persons", flush=True)
        for description, weights in networks(arguments.warp):
            walks = walk(open_network(description, weights), worlds)
            even = walks.world % 2 == 0
            print(f"{description.name}: {len(walks.correct)} joints, {walks.correct.mean():.2f} right")
            print("fitted on every second person, on the others:")
            print_reliability(walks.of(even).fit(), walks.of(~even))
            calibration = walks.fit()
            print(f"  {calibration.weights}", flush=True)
            text = msgspec.json.format(
                msgspec.json.encode(msgspec.structs.replace(description, confidence=calibration)), indent=2
            )
            files = {arguments.output / f"{description.name}.json": text}
            if weights:
                files[arguments.output / f"{description.name}.safetensors"] = weights
            arguments.output.mkdir(parents=True, exist_ok=True)
            write_files(files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("warp", type=Path, metavar="WARP")
    parser.add_argument("--motions", type=Path, nargs="+", required=True, metavar="FILE", help="captured motion")
    parser.add_argument("--clips", type=Path, nargs="*", default=[], metavar="CLIP", help="not held out")
    parser.add_argument("--cache", type=Path, required=True, metavar="FOLDER", help="with the clips' pseudo truth")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="CPU threads (default: 1)")
    parser.add_argument("-o", "--output", type=Path, default=Path("resources/propagation"), metavar="FOLDER")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    embed(arguments)


if __name__ == "__main__":
    main()
