"""Put the warping network of the propagator `warp` into resources/propagation: float16 weights and description.

    python packaging/models/embed_propagation.py WARP

WARP is the output folder of train_label_warp.py. What the confidences of both networks mean is fitted afterwards, with
those of all other propagators, by calibrate_propagation.py.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import msgspec
import safetensors.torch

from dcpose_core.files import write_files
from dcpose_core.models.description import DecodeRule
from dcpose_core.propagation.label_warp import LabelWarpSettings
from dcpose_core.propagation.networks import NetworkDescription
from dcpose_core.training.settings import SubcellTargets

_NAME = "label_warp"


def embed(warp: Path, output: Path) -> None:
    state = safetensors.torch.load_file(warp / f"{_NAME}.safetensors")
    weights = safetensors.torch.save({key: tensor.half().contiguous() for key, tensor in state.items()})
    description = NetworkDescription(
        name=_NAME,
        title="Warping of labels",
        kind="label_warp",
        settings=msgspec.to_builtins(LabelWarpSettings()),
        backbone="movenet_thunder",
        beside="labelled",
        rule=DecodeRule.DARK,
        label_sigma_cells=SubcellTargets().sigma,
        prior_sigma_cells=None,
        licence="Apache-2.0",
        origin="packaging/models/train_label_warp.py; see README.md beside it",
        sha256=hashlib.sha256(weights).hexdigest(),
    )
    text = msgspec.json.format(msgspec.json.encode(description), indent=2)
    output.mkdir(parents=True, exist_ok=True)
    write_files({output / f"{_NAME}.json": text, output / f"{_NAME}.safetensors": weights})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("warp", type=Path, metavar="WARP")
    parser.add_argument("-o", "--output", type=Path, default=Path("resources/propagation"), metavar="FOLDER")
    arguments = parser.parse_args()
    embed(arguments.warp, arguments.output)


if __name__ == "__main__":
    main()
